#define _GNU_SOURCE /* memmem */
#include "report/pairs.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "report/text.h"

enum {
    MOST_PAIRS = 1000,
    MOST_ROUNDS = 1000,
    MOST_WIDTH = 256,
    MOST_BATCHES = 4 << 20 /* of one cell, all stages */
};

/* A batch may be switched out once per so many nanoseconds and still count as clean. */
static const double switch_allowance_ns = 1e7;

enum status pairs_load(const char *path, struct pairs_file *out)
{
    enum status st = ST_OK;
    struct pairs_file file = {NULL, NULL, 0};
    unsigned char *bytes = NULL;

    TRY(mem_strdup(path, &file.name));
    if (file_exists(path))
        st = file_read(path, 0, &bytes, &file.len);
    file.bytes = (char *)bytes;
    if (st == ST_OK)
        *out = file;
    else
        pairs_unload(&file);
    return st;
}

void pairs_unload(struct pairs_file *file)
{
    free(file->name);
    free(file->bytes);
    *file = (struct pairs_file){NULL, NULL, 0};
}

void pairs_free(struct pairs *pairs)
{
    free(pairs->round);
    free(pairs->batch);
    memset(pairs, 0, sizeof *pairs);
}

/* ------------------------------------------------------------------------------------------ one line */

struct line {
    struct json doc;
    long rounds, width, pairs, stage;
    int sliced;
    double calls, contamination_ratio;
};

static enum status numbers(const struct json *doc, const cJSON *array, const char *path, const char *key, long count,
                           double *out)
{
    const cJSON *item;
    long n = 0;

    if (!cJSON_IsArray(array) || cJSON_GetArraySize(array) != count)
        return json_error(doc, path, key, "expected a list of %ld numbers", count);
    cJSON_ArrayForEach (item, array) {
        if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble) || item->valuedouble < 0.0)
            return json_error(doc, path, key, "expected numbers from 0 up");
        out[n++] = item->valuedouble;
    }
    return ST_OK;
}

static enum status read_plan(struct line *line, const cJSON **out_pairs)
{
    const struct json *doc = &line->doc;
    long best_of = 0, slices = 0;

    TRY(json_int(doc, doc->root, "", "stage", 0, 1000000, &line->stage));
    TRY(json_int(doc, doc->root, "", "rounds", 1, MOST_ROUNDS, &line->rounds));
    TRY(json_int(doc, doc->root, "", "best_of", 1, MOST_WIDTH, &best_of));
    TRY(json_int(doc, doc->root, "", "slices", 0, MOST_WIDTH, &slices));
    TRY(json_real(doc, doc->root, "", "calls", 1, 1e15, &line->calls));
    TRY(json_real(doc, doc->root, "", "contamination_ratio", 0, 1, &line->contamination_ratio));
    TRY(json_array(doc, doc->root, "", "pairs", out_pairs));
    line->pairs = cJSON_GetArraySize(*out_pairs);
    if (line->pairs < 1 || line->pairs > MOST_PAIRS)
        return json_error(doc, "", "pairs", "%ld, expected 1 to %d", line->pairs, MOST_PAIRS);
    line->sliced = slices > 0;
    line->width = slices > 0 ? slices : best_of;
    return ST_OK;
}

/* Of one pair of processes: columns over (2 sides, rounds * width), and who went first. */
struct columns {
    double *wall, *cpu, *switches, *faults, *b_first;
    double clock_ns;
};

static enum status read_columns(const struct line *line, const cJSON *pair, const char *path, struct columns *columns)
{
    static const char *const keys[] = {"wall_ns", "cpu_ns", "switches", "faults"};
    double *const into[] = {columns->wall, columns->cpu, columns->switches, columns->faults};
    const struct json *doc = &line->doc;
    long n = line->rounds * line->width;
    double clock[2];

    if (!cJSON_IsObject(pair))
        return json_error(doc, path, "", "expected an object");
    TRY(numbers(doc, cJSON_GetObjectItemCaseSensitive(pair, "clock_ns"), path, "clock_ns", 2, clock));
    columns->clock_ns = (clock[0] + clock[1]) / 2.0;
    TRY(numbers(doc, cJSON_GetObjectItemCaseSensitive(pair, "b_first"), path, "b_first", line->rounds,
                columns->b_first));
    for (int k = 0; k < 4; k++) {
        const cJSON *sides = cJSON_GetObjectItemCaseSensitive(pair, keys[k]);
        if (!cJSON_IsArray(sides) || cJSON_GetArraySize(sides) != 2)
            return json_error(doc, path, keys[k], "expected a list for each side");
        TRY(numbers(doc, sides->child, path, keys[k], n, into[k]));
        TRY(numbers(doc, sides->child->next, path, keys[k], n, into[k] + n));
    }
    return ST_OK;
}

static int is_contaminated(const struct line *line, const struct columns *columns, long at)
{
    double wall = columns->wall[at];

    if (!(line->contamination_ratio > 0.0))
        return 0;
    return columns->faults[at] > 0.0 || columns->switches[at] > floor(wall / switch_allowance_ns) ||
           wall - columns->cpu[at] > line->contamination_ratio * wall;
}

static double time_of(const struct columns *columns, long at)
{
    return fmax(0.0, columns->wall[at] - columns->clock_ns);
}

/* The best clean batch of each side. */
static void judge_batches(const struct line *line, const struct columns *columns, long r, struct pairs_round *round)
{
    long n = line->rounds * line->width;
    double best[2];
    int clean[2];

    for (int side = 0; side < 2; side++) {
        double all = INFINITY, good = INFINITY;
        for (long k = 0; k < line->width; k++) {
            long at = side * n + r * line->width + k;
            double ns = time_of(columns, at) / line->calls;
            all = fmin(all, ns);
            good = is_contaminated(line, columns, at) ? good : fmin(good, ns);
        }
        clean[side] = isfinite(good);
        best[side] = clean[side] ? good : all;
    }
    round->a_ns = best[0];
    round->b_ns = best[1];
    round->dropped = !(clean[0] && clean[1]);
}

static void judge_slices(const struct line *line, const struct columns *columns, long r, struct pairs_round *round)
{
    long n = line->rounds * line->width, clean = 0;
    double good[2] = {0.0, 0.0}, all[2] = {0.0, 0.0};

    for (long s = 0; s < line->width; s++) {
        long at = r * line->width + s;
        int fine = !is_contaminated(line, columns, at) && !is_contaminated(line, columns, n + at);
        clean += fine;
        for (int side = 0; side < 2; side++) {
            all[side] += time_of(columns, side * n + at);
            good[side] += fine ? time_of(columns, side * n + at) : 0.0;
        }
    }
    round->a_ns = clean ? good[0] : all[0];
    round->b_ns = clean ? good[1] : all[1];
    round->dropped = 2 * clean < line->width;
}

static void add_pair(const struct line *line, const struct columns *columns, struct pairs *out)
{
    long n = line->rounds * line->width;

    for (long r = 0; r < line->rounds; r++) {
        struct pairs_round *round = &out->round[out->rounds++];
        *round = (struct pairs_round){.pair = out->pairs, .stage = (int)line->stage};
        round->b_first = columns->b_first[r] > 0.0;
        if (line->sliced)
            judge_slices(line, columns, r, round);
        else
            judge_batches(line, columns, r, round);
    }
    for (long at = 0; !line->sliced && at < 2 * n; at++)
        out->batch[out->batches++] =
            (struct pairs_batch){time_of(columns, at) / line->calls, at >= n, is_contaminated(line, columns, at)};
    out->sliced |= line->sliced;
    out->pairs++;
}

static enum status make_room(const struct line *line, struct pairs *out)
{
    size_t rounds = out->rounds + (size_t)(line->pairs * line->rounds);
    size_t batches = out->batches + (line->sliced ? 0 : 2 * (size_t)(line->pairs * line->rounds * line->width));
    struct pairs_round *round;
    struct pairs_batch *batch;

    if (batches > MOST_BATCHES)
        return json_error(&line->doc, "", "pairs", "%zu batches of one cell, at most %d", batches, MOST_BATCHES);
    round = realloc(out->round, rounds * sizeof *round);
    if (!round)
        return status_fail(ST_NOMEM, "%s: no memory for %zu rounds", line->doc.file, rounds);
    out->round = round;
    batch = realloc(out->batch, (batches + 1) * sizeof *batch);
    if (!batch)
        return status_fail(ST_NOMEM, "%s: no memory for %zu batches", line->doc.file, batches);
    out->batch = batch;
    return ST_OK;
}

static enum status read_pairs(struct line *line, const cJSON *array, struct pairs *out)
{
    enum status st = ST_OK;
    size_t n = (size_t)(line->rounds * line->width);
    double *room = malloc((4 * 2 * n + (size_t)line->rounds) * sizeof *room);
    struct columns columns = {room, room + 2 * n, room + 4 * n, room + 6 * n, room + 8 * n, 0.0};
    const cJSON *pair;
    int index = 0;

    if (!room)
        return status_fail(ST_NOMEM, "%s: no memory for %zu batches", line->doc.file, n);
    TRY_OUT(make_room(line, out));
    cJSON_ArrayForEach (pair, array) {
        char path[32];
        snprintf(path, sizeof path, "pairs[%d]", index++);
        TRY_OUT(read_columns(line, pair, path, &columns));
        add_pair(line, &columns, out);
    }
out:
    free(room);
    return st;
}

/* ------------------------------------------------------------------------------------------ the file */

/* 1 if the line is of this cell and comparison. */
static enum status read_line(const char *where, const char *at, size_t len, const char *cell, const char *sentinel,
                             struct pairs *out, int *used)
{
    enum status st;
    struct line line = {0};
    const char *text = NULL;
    const cJSON *pairs = NULL;
    int is_sentinel;

    TRY(json_parse(where, at, len, &line.doc));
    TRY_OUT(json_text(&line.doc, line.doc.root, "", "schema", &text));
    if (strcmp(text, PAIRS_SCHEMA) != 0)
        TRY_OUT(json_error(&line.doc, "", "schema", "\"%.40s\", expected \"" PAIRS_SCHEMA "\"", text));
    TRY_OUT(json_text(&line.doc, line.doc.root, "", "cell", &text));
    if (cell && strcmp(text, cell) != 0)
        goto out;
    TRY_OUT(json_text(&line.doc, line.doc.root, "", "role", &text));
    is_sentinel = strncmp(text, "sentinel", 8) == 0;
    if (sentinel ? strcmp(text, sentinel) != 0 : is_sentinel)
        goto out;
    TRY_OUT(read_plan(&line, &pairs));
    TRY_OUT(read_pairs(&line, pairs, out));
    *used = 1;
out:
    json_free(&line.doc);
    return st;
}

enum status pairs_find(const struct pairs_file *file, const char *cell, const char *sentinel, struct pairs *out)
{
    enum status st = ST_OK;
    struct pairs pairs = {0};
    struct text quoted = {0};
    const char *at = file->bytes, *end = at + file->len;
    int used = 0;

    text_add_json(&quoted, cell ? cell : sentinel);
    if (quoted.failed)
        TRY_OUT(status_fail(ST_NOMEM, "%s: no memory for a name", file->name));
    for (size_t number = 1; at && at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        char where[4200];
        if (!stop)
            break; /* a kill cut it off */
        snprintf(where, sizeof where, "%s:%zu", file->name, number);
        /* Parsing is slow, looking is fast. */
        if (memmem(at, (size_t)(stop - at), quoted.bytes, quoted.len))
            TRY_OUT(read_line(where, at, (size_t)(stop - at), cell, sentinel, &pairs, &used));
        at = stop + 1;
    }
    if (!used)
        TRY_OUT(status_fail(ST_SKIP, "%s: no raw times of %s", file->name, cell ? cell : sentinel));
    *out = pairs;
    memset(&pairs, 0, sizeof pairs);
out:
    text_free(&quoted);
    pairs_free(&pairs);
    return st;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double pairs_median(const struct pairs *pairs, int pair)
{
    double *d = malloc((pairs->rounds + 1) * sizeof *d), median = NAN;
    size_t n = 0;

    for (size_t i = 0; d && i < pairs->rounds; i++) {
        const struct pairs_round *round = &pairs->round[i];
        if (round->pair == pair && !round->dropped && round->a_ns > 0.0 && round->b_ns > 0.0)
            d[n++] = log(round->b_ns / round->a_ns);
    }
    if (n > 0) {
        qsort(d, n, sizeof *d, by_value);
        median = n % 2 ? d[n / 2] : (d[n / 2 - 1] + d[n / 2]) / 2.0;
    }
    free(d);
    return median;
}
