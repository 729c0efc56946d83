/* Lines of schema "packlight.pairs/1" back to results: strict, and judged again by the code that judged the live run.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "measure/duet_inside.h"

/* Largest whole number that a double holds exactly with all below it. */
static const double exact_limit = 9007199254740992.0;
static const double time_limit = 1e300;

struct reader {
    struct json doc;
    struct duet_result *result;
};

/* An array member of exactly `count` items; NULL and *st set otherwise. */
static enum status array_of(const struct reader *reader, const cJSON *object, const char *path, const char *key,
                            int count, const cJSON **out)
{
    TRY(json_array(&reader->doc, object, path, key, out));
    if (cJSON_GetArraySize(*out) != count)
        return json_error(&reader->doc, path, key, "%d items, expected %d", cJSON_GetArraySize(*out), count);
    return ST_OK;
}

static enum status number_in(const struct reader *reader, const cJSON *item, const char *path, const char *key,
                             int whole, double lo, double hi, double *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= lo && item->valuedouble <= hi) ||
        (whole && item->valuedouble != floor(item->valuedouble)))
        return json_error(&reader->doc, path, key, "expected %s from %g to %g", whole ? "whole numbers" : "numbers", lo,
                          hi);
    *out = item->valuedouble;
    return ST_OK;
}

/* out (2): of the two arms. */
static enum status both(const struct reader *reader, const cJSON *object, const char *path, const char *key, int whole,
                        double lo, double hi, double *out)
{
    const cJSON *array;

    TRY(array_of(reader, object, path, key, DUET_ARMS, &array));
    TRY(number_in(reader, array->child, path, key, whole, lo, hi, &out[DUET_A]));
    return number_in(reader, array->child->next, path, key, whole, lo, hi, &out[DUET_B]);
}

/* A number, or null for NaN. */
static enum status number_or_null(const struct reader *reader, const cJSON *object, const char *path, const char *key,
                                  double *out)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

    if (cJSON_IsNull(item)) {
        *out = NAN;
        return ST_OK;
    }
    return json_real(&reader->doc, object, path, key, 0, time_limit, out);
}

static enum status copy_text(const struct reader *reader, const cJSON *object, const char *key, char *out, size_t size)
{
    const char *text;

    TRY(json_text(&reader->doc, object, "", key, &text));
    if (strlen(text) >= size)
        return json_error(&reader->doc, "", key, "%zu bytes, at most %zu", strlen(text), size - 1);
    memcpy(out, text, strlen(text) + 1);
    return ST_OK;
}

static enum status read_label(const struct reader *reader, struct duet_label *label)
{
    const cJSON *root = reader->doc.root;
    const char *schema, *seed;
    char spelled[24];
    long stage;

    TRY(json_text(&reader->doc, root, "", "schema", &schema));
    if (strcmp(schema, "packlight.pairs/1") != 0)
        return json_error(&reader->doc, "", "schema", "\"%.60s\", expected \"packlight.pairs/1\"", schema);
    TRY(copy_text(reader, root, "cell", label->cell, sizeof label->cell));
    TRY(copy_text(reader, root, "role", label->role, sizeof label->role));
    TRY(json_int(&reader->doc, root, "", "stage", 0, 1000000, &stage));
    label->stage = (int)stage;
    TRY(json_text(&reader->doc, root, "", "seed", &seed));
    errno = 0;
    reader->result->seed = strtoull(seed, NULL, 10);
    snprintf(spelled, sizeof spelled, "%" PRIu64, reader->result->seed);
    if (errno || strcmp(seed, spelled) != 0)
        return json_error(&reader->doc, "", "seed", "expected a whole number of 64 bits in quotes");
    return ST_OK;
}

static enum status read_arms(const struct reader *reader)
{
    struct duet_result *result = reader->result;
    const cJSON *names, *facts, *hashes;

    TRY(array_of(reader, reader->doc.root, "", "arms", DUET_ARMS, &names));
    TRY(array_of(reader, reader->doc.root, "", "facts", DUET_ARMS, &facts));
    TRY(array_of(reader, reader->doc.root, "", "output_hash", DUET_ARMS, &hashes));
    for (int arm = 0; arm < DUET_ARMS; arm++) {
        const cJSON *name = cJSON_GetArrayItem(names, arm), *hash = cJSON_GetArrayItem(hashes, arm);
        char *printed = cJSON_PrintUnformatted(cJSON_GetArrayItem(facts, arm));
        enum status st;
        if (!printed)
            return status_fail(ST_NOMEM, "%s: no memory for facts", reader->doc.file);
        st = duet_facts_check(reader->doc.file, printed, strlen(printed), &result->facts[arm]);
        cJSON_free(printed);
        if (st != ST_OK)
            return st;
        if (!cJSON_IsString(name) || strlen(name->valuestring) >= DUET_NAME)
            return json_error(&reader->doc, "", "arms", "expected names of at most %d bytes", DUET_NAME - 1);
        memcpy(result->name[arm], name->valuestring, strlen(name->valuestring) + 1);
        if (!cJSON_IsString(hash) || strlen(hash->valuestring) != 16 ||
            strspn(hash->valuestring, "0123456789abcdef") != 16)
            return json_error(&reader->doc, "", "output_hash", "expected 16 hexadecimal digits");
        memcpy(result->output_hash[arm], hash->valuestring, sizeof result->output_hash[arm]);
    }
    return ST_OK;
}

static enum status read_cuts(const struct reader *reader)
{
    struct duet_result *result = reader->result;
    const cJSON *cuts;

    TRY(array_of(reader, reader->doc.root, "", "cut", DUET_ARMS, &cuts));
    for (int arm = 0; arm < DUET_ARMS; arm++) {
        const cJSON *cut = cJSON_GetArrayItem(cuts, arm), *item;
        int s = 0;
        if (!cJSON_IsArray(cut) || cJSON_GetArraySize(cut) != (result->slices > 0 ? result->slices + 1 : 0))
            return json_error(&reader->doc, "", "cut", "expected one border more than slices");
        cJSON_ArrayForEach (item, cut) {
            double lo = s == 0 ? 0 : result->cut[arm][s - 1] + 1.0, hi = s == 0 ? 0 : DUET_MAX_STEPS, at = 0;
            TRY(number_in(reader, item, "", "cut", 1, lo, hi, &at));
            result->cut[arm][s++] = (uint32_t)at;
        }
    }
    return ST_OK;
}

static enum status read_host(const struct reader *reader)
{
    static const char *const keys[] = {
        "blocks", "blocks_stolen", "blocks_busy", "steal_ratio_median", "runnable_median", NULL};
    struct host_watch_summary *host = &reader->result->host;
    const cJSON *object;
    long blocks, stolen, busy;

    TRY(json_object(&reader->doc, reader->doc.root, "", "host", &object));
    TRY(json_keys(&reader->doc, object, "host", keys));
    TRY(json_int(&reader->doc, object, "host", "blocks", 0, INT32_MAX, &blocks));
    TRY(json_int(&reader->doc, object, "host", "blocks_stolen", 0, blocks, &stolen));
    TRY(json_int(&reader->doc, object, "host", "blocks_busy", 0, blocks, &busy));
    host->blocks = (int)blocks;
    host->blocks_stolen = (int)stolen;
    host->blocks_busy = (int)busy;
    TRY(number_or_null(reader, object, "host", "steal_ratio_median", &host->steal_ratio_median));
    return number_or_null(reader, object, "host", "runnable_median", &host->runnable_median);
}

static enum status read_plan(const struct reader *reader)
{
    struct duet_result *result = reader->result;
    const struct json *doc = &reader->doc;
    const cJSON *root = doc->root;
    double threads[DUET_ARMS], calls = 0;
    long rounds, best_of, slices, cpu;

    TRY(read_arms(reader));
    TRY(both(reader, root, "", "threads", 1, 1, 65536, threads));
    result->threads[DUET_A] = (int)threads[DUET_A];
    result->threads[DUET_B] = (int)threads[DUET_B];
    TRY(both(reader, root, "", "inflate_ratio", 0, 1, 100, result->inflate_ratio));
    TRY(json_int(doc, root, "", "rounds", 1, DUET_MAX_ROUNDS, &rounds));
    TRY(json_int(doc, root, "", "best_of", 1, DUET_MAX_BATCHES, &best_of));
    TRY(json_int(doc, root, "", "slices", 0, DUET_MAX_SLICES, &slices));
    TRY(json_int(doc, root, "", "cpu", -1, 1 << 20, &cpu));
    TRY(number_in(reader, cJSON_GetObjectItemCaseSensitive(root, "calls"), "", "calls", 1, 1, exact_limit, &calls));
    if (slices == 1 || (slices > 1 && (best_of > 1 || calls > 1)))
        return json_error(doc, "", "slices",
                          "%ld with best of %ld and %g calls: expected 0, or more than 1 with 1 and 1", slices, best_of,
                          calls);
    result->rounds = (int)rounds;
    result->best_of = (int)best_of;
    result->slices = (int)slices;
    result->cpu = (int)cpu;
    result->calls = (uint64_t)calls;
    TRY(read_cuts(reader));
    TRY(json_real(doc, root, "", "contamination_ratio", 0, time_limit, &result->contamination_ratio));
    TRY(json_real(doc, root, "", "elapsed_s", 0, time_limit, &result->elapsed_s));
    return read_host(reader);
}

static enum status read_column(const struct reader *reader, const cJSON *object, const char *path, const char *key,
                               int p, double limit, void (*set)(struct batch *batch, uint64_t value))
{
    struct duet_result *result = reader->result;
    int count = result->rounds * duet_result_width(result);
    const cJSON *arms;

    TRY(array_of(reader, object, path, key, DUET_ARMS, &arms));
    for (int arm = 0; arm < DUET_ARMS; arm++) {
        const cJSON *column = cJSON_GetArrayItem(arms, arm), *item;
        int i = 0;
        if (!cJSON_IsArray(column) || cJSON_GetArraySize(column) != count)
            return json_error(&reader->doc, path, key, "expected %d numbers for each arm", count);
        cJSON_ArrayForEach (item, column) {
            const struct batch *first = duet_batches(result, p, i / duet_result_width(result), arm);
            size_t at = (size_t)(first - result->batch) + (size_t)(i % duet_result_width(result));
            double value = 0;
            TRY(number_in(reader, item, path, key, 1, 0, limit, &value));
            set(&result->batch[at], (uint64_t)value);
            i++;
        }
    }
    return ST_OK;
}

static void set_wall(struct batch *batch, uint64_t value)
{
    batch->wall_ns = value;
}

static void set_cpu(struct batch *batch, uint64_t value)
{
    batch->cpu_ns = value;
}

static void set_switches(struct batch *batch, uint64_t value)
{
    batch->switches = (uint32_t)value;
}

static void set_faults(struct batch *batch, uint64_t value)
{
    batch->faults = (uint32_t)value;
}

static enum status read_sides(const struct reader *reader, const cJSON *object, const char *path,
                              struct duet_side *side)
{
    double program[2], load[2], plan[2], first[2], warmup[2], clock[2], steady[2];

    TRY(both(reader, object, path, "program", 1, 0, 1 << 20, program));
    TRY(both(reader, object, path, "load_ns", 0, 0, time_limit, load));
    TRY(both(reader, object, path, "plan_ns", 0, 0, time_limit, plan));
    TRY(both(reader, object, path, "first_ns", 0, 0, time_limit, first));
    TRY(both(reader, object, path, "warmup_s", 0, 0, time_limit, warmup));
    TRY(both(reader, object, path, "clock_ns", 0, 0, time_limit, clock));
    TRY(both(reader, object, path, "steady", 1, 0, 1, steady));
    for (int arm = 0; arm < DUET_ARMS; arm++) {
        side[arm].program = (int)program[arm];
        side[arm].load_ns = load[arm];
        side[arm].plan_ns = plan[arm];
        side[arm].first_ns = first[arm];
        side[arm].warmup_s = warmup[arm];
        side[arm].clock_ns = clock[arm];
        side[arm].steady = steady[arm] > 0;
    }
    return ST_OK;
}

static enum status read_pair(const struct reader *reader, const cJSON *object, int p)
{
    static const char *const keys[] = {"program", "load_ns", "plan_ns", "first_ns", "warmup_s", "clock_ns", "steady",
                                       "b_first", "start_s", "wall_ns", "cpu_ns",   "switches", "faults",   NULL};
    struct duet_pair *pair = &reader->result->pair[p];
    const cJSON *first, *start;
    char path[32];

    snprintf(path, sizeof path, "pairs[%d]", p);
    TRY(json_keys(&reader->doc, object, path, keys));
    TRY(read_sides(reader, object, path, pair->side));
    TRY(array_of(reader, object, path, "b_first", reader->result->rounds, &first));
    TRY(array_of(reader, object, path, "start_s", reader->result->rounds, &start));
    first = first->child;
    start = start->child;
    for (int r = 0; r < reader->result->rounds; r++, first = first->next, start = start->next) {
        double b_first = 0;
        TRY(number_in(reader, first, path, "b_first", 1, 0, 1, &b_first));
        pair->round[r].b_first = (uint8_t)b_first;
        TRY(number_in(reader, start, path, "start_s", 0, 0, time_limit, &pair->round[r].start_s));
    }
    TRY(read_column(reader, object, path, "wall_ns", p, exact_limit, set_wall));
    TRY(read_column(reader, object, path, "cpu_ns", p, exact_limit, set_cpu));
    TRY(read_column(reader, object, path, "switches", p, UINT32_MAX, set_switches));
    return read_column(reader, object, path, "faults", p, UINT32_MAX, set_faults);
}

static enum status read_all(const struct reader *reader, struct duet_label *label)
{
    static const char *const keys[] = {
        "schema",  "output_hash",   "cell",   "role",    "stage", "seed",   "arms", "facts",
        "threads", "inflate_ratio", "rounds", "best_of", "calls", "slices", "cut",  "contamination_ratio",
        "cpu",     "elapsed_s",     "host",   "pairs",   NULL};
    struct duet_result *result = reader->result;
    const cJSON *pairs, *pair;
    int p = 0;

    TRY(json_keys(&reader->doc, reader->doc.root, "", keys));
    TRY(read_label(reader, label));
    TRY(read_plan(reader));
    TRY(json_array(&reader->doc, reader->doc.root, "", "pairs", &pairs));
    result->pairs = cJSON_GetArraySize(pairs);
    if (result->pairs < 1 || result->pairs > DUET_MAX_PAIRS)
        return json_error(&reader->doc, "", "pairs", "%d items, expected 1 to %d", result->pairs, DUET_MAX_PAIRS);
    /* Before memory is taken: the text must hold what it promises. */
    cJSON_ArrayForEach (pair, pairs) {
        const cJSON *walls = cJSON_GetObjectItemCaseSensitive(pair, "wall_ns");
        int count = result->rounds * duet_result_width(result);
        if (!walls || cJSON_GetArraySize(walls->child) != count)
            return json_error(&reader->doc, "pairs", "wall_ns", "expected %d numbers for each arm", count);
    }
    TRY(duet_result_room(result));
    cJSON_ArrayForEach (pair, pairs)
        TRY(read_pair(reader, pair, p++));
    return duet_judge(result);
}

enum status duet_raw_parse(const char *name, const char *line, size_t len, struct duet_label *out_label,
                           struct duet_result *out)
{
    struct duet_label label;
    struct duet_result result;
    struct reader reader;
    enum status st;

    memset(&label, 0, sizeof label);
    memset(&result, 0, sizeof result);
    reader.result = &result;
    TRY(json_parse(name, line, len, &reader.doc));
    st = read_all(&reader, &label);
    json_free(&reader.doc);
    if (st != ST_OK) {
        duet_result_free(&result);
        return st;
    }
    *out_label = label;
    *out = result;
    return ST_OK;
}
