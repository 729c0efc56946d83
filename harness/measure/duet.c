#include "measure/duet.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "measure/duet_inside.h"

enum { DUET_PAD_BYTES = 4096, DUET_HEAP_PAD_BYTES = 65536 };

/* A run in progress. */
struct duet {
    const struct duet_options *options;
    const struct duet_arm *arm[DUET_ARMS];
    const struct duet_link *link;
    int cpu;
    struct rng order, layout;
    struct duet_message *message;       /* the last answer; owned */
    struct duet_reply hello[DUET_ARMS]; /* of the newest processes */
    uint8_t seen[DUET_ARMS][DUET_MAX_INPUTS];
    uint64_t check[DUET_ARMS][DUET_MAX_INPUTS]; /* of outputs, over all processes of an arm */
    struct duet_side side[DUET_ARMS];           /* of the newest processes */
    struct duet_result result;
    struct host_watch watch;
};

struct duet_options duet_defaults(void)
{
    struct duet_options options;

    memset(&options, 0, sizeof options);
    options.pairs = 20;
    options.rounds = 15;
    options.best_of = 3;
    options.batch_ns = 1e6;
    options.warmup_s = 0.5;
    options.slice_over_ns = 50e6;
    options.slice_ns = 5e6;
    options.contamination_ratio = 0.02;
    options.timeout_s = 60;
    options.cpu = -1;
    options.seed = 1;
    return options;
}

static enum status check_arm(const struct duet_arm *arm)
{
    if (!arm->name || !arm->argv || !arm->argv[0])
        return status_fail(ST_BADARG, "duet: an arm without name or command");
    if (arm->program_count < 0 || (arm->program_count > 0) != (arm->programs != NULL) || arm->threads < 1)
        return status_fail(ST_BADARG, "duet: %s: programs and their count must agree, threads start at 1", arm->name);
    if (!(arm->inflate_ratio >= 1 && arm->inflate_ratio <= 100))
        return status_fail(ST_BADARG, "duet: %s: drawn out to %g times, expected 1 to 100", arm->name,
                           arm->inflate_ratio);
    return ST_OK;
}

static enum status check_options(const struct duet_options *options)
{
    if (options->pairs < 1 || options->pairs > DUET_MAX_PAIRS || options->rounds < 1 ||
        options->rounds > DUET_MAX_ROUNDS || options->best_of < 1 || options->best_of > DUET_MAX_BATCHES)
        return status_fail(ST_BADARG, "duet: %d pairs of %d rounds, best of %d: expected 1 to %d, %d and %d",
                           options->pairs, options->rounds, options->best_of, DUET_MAX_PAIRS, DUET_MAX_ROUNDS,
                           DUET_MAX_BATCHES);
    if (!(options->batch_ns > 0) || !(options->warmup_s >= 0) || !(options->slice_over_ns > 0) ||
        !(options->slice_ns > 0) || !(options->contamination_ratio >= 0) || !(options->budget_s >= 0) ||
        !(options->timeout_s > 0))
        return status_fail(ST_BADARG, "duet: times must be positive; warm-up, budget and contamination not negative");
    return ST_OK;
}

struct duet_request duet_request_of(enum duet_kind kind)
{
    struct duet_request request;

    memset(&request, 0, sizeof request);
    request.magic = DUET_MAGIC;
    request.version = DUET_VERSION;
    request.kind = (uint32_t)kind;
    return request;
}

/* ---------------------------------------------------------------- one worker */

/* The outputs of an input must be the same in every process of an arm. */
static enum status check_outputs(struct duet *duet, int arm)
{
    const struct duet_reply *reply = &duet->message->reply;

    if (!reply->checked)
        return ST_OK;
    if (reply->index >= DUET_MAX_INPUTS)
        return status_fail(ST_FORMAT, "%s: the worker checked input %u of at most %d", duet->arm[arm]->name,
                           reply->index, DUET_MAX_INPUTS);
    if (duet->seen[arm][reply->index] && duet->check[arm][reply->index] != reply->check)
        return status_fail(ST_MISMATCH, "%s: input %u gave other outputs than in an earlier process",
                           duet->arm[arm]->name, reply->index);
    duet->seen[arm][reply->index] = 1;
    duet->check[arm][reply->index] = reply->check;
    return ST_OK;
}

static enum status ask(struct duet *duet, int arm, const struct duet_request *request)
{
    TRY(duet->link->ask(duet->link->context, arm, request, duet->message));
    return check_outputs(duet, arm);
}

enum status duet_facts_check(const char *arm, const char *text, size_t len, char **out_facts)
{
    struct json doc;
    char name[DUET_NAME + 16], *printed = NULL;
    const cJSON *member;
    enum status st = ST_OK;

    snprintf(name, sizeof name, "%.*s: facts", DUET_NAME, arm);
    TRY(json_parse(name, text, len, &doc));
    if (!cJSON_IsObject(doc.root))
        TRY_OUT(json_error(&doc, "", "", "expected an object"));
    cJSON_ArrayForEach (member, doc.root)
        if (!cJSON_IsString(member))
            TRY_OUT(json_error(&doc, "", member->string, "expected a string"));
    printed = cJSON_PrintUnformatted(doc.root);
    if (!printed) {
        st = status_fail(ST_NOMEM, "no memory for the facts of %s", arm);
        goto out;
    }
    TRY_OUT(mem_alloc(strlen(printed) + 1, 1, out_facts));
    memcpy(*out_facts, printed, strlen(printed) + 1);
out:
    cJSON_free(printed);
    json_free(&doc);
    return st;
}

static int is_time(double ns)
{
    return isfinite(ns) && ns >= 0;
}

static enum status take_facts(struct duet *duet, int arm)
{
    const struct duet_message *message = duet->message;
    struct duet_result *result = &duet->result;
    const char *name = duet->arm[arm]->name;
    char *facts = NULL;

    TRY(duet_facts_check(name, (const char *)message->payload, message->reply.payload_bytes, &facts));
    if (!result->facts[arm]) {
        result->facts[arm] = facts;
        return ST_OK;
    }
    if (strcmp(facts, result->facts[arm]) != 0) {
        enum status st = status_fail(ST_MISMATCH, "%s: a process says %.300s, an earlier one %.300s", name, facts,
                                     result->facts[arm]);
        mem_free(facts);
        return st;
    }
    mem_free(facts);
    return ST_OK;
}

static enum status take_hello(struct duet *duet, int arm)
{
    const struct duet_reply *reply = &duet->message->reply;
    struct duet_side *side = &duet->side[arm];
    const char *name = duet->arm[arm]->name;

    if (!is_time(reply->load_ns) || !is_time(reply->plan_ns) || !is_time(reply->first_ns) ||
        !is_time(reply->clock_overhead_ns) || !is_time(reply->clock_resolution_ns) ||
        !is_time(reply->cpu_clock_cost_ns) || reply->inputs < 1 || reply->inputs > DUET_MAX_INPUTS ||
        reply->steps > DUET_MAX_STEPS || reply->values < 1)
        return status_fail(ST_FORMAT, "%s: the worker's greeting is damaged", name);
    TRY(take_facts(duet, arm));
    side->load_ns = reply->load_ns;
    side->plan_ns = reply->plan_ns;
    side->first_ns = reply->first_ns;
    side->clock_ns = reply->clock_overhead_ns;
    if (!reply->checked || reply->index != 0)
        return status_fail(ST_FORMAT, "%s: the worker's first call was not that of input 0", name);
    snprintf(duet->result.output_hash[arm], sizeof duet->result.output_hash[arm], "%016" PRIx64, reply->check);
    duet->hello[arm] = *reply;
    return ST_OK;
}

/* A walks through its programs, B does too but lags one more behind after each tour: all combinations are met. */
static int program_of(const struct duet_arm *arm, int which, int pair)
{
    int n = arm->program_count;

    if (n == 0)
        return 0;
    return which == DUET_A ? pair % n : (pair + pair / n) % n;
}

static enum status open_worker(struct duet *duet, int arm, int pair)
{
    struct duet_request request = duet_request_of(DUET_START);
    uint32_t padding = rng_below(&duet->layout, DUET_PAD_BYTES);
    int program = program_of(duet->arm[arm], arm, pair);

    request.stack_bytes = rng_below(&duet->layout, DUET_PAD_BYTES);
    request.heap_bytes = rng_below(&duet->layout, DUET_HEAP_PAD_BYTES);
    request.cpu = duet->cpu;
    request.inflate_ratio = duet->arm[arm]->inflate_ratio;
    memset(&duet->side[arm], 0, sizeof duet->side[arm]);
    duet->side[arm].program = program;
    TRY(duet->link->open(duet->link->context, arm, duet->arm[arm], program, padding));
    TRY(ask(duet, arm, &request));
    return take_hello(duet, arm);
}

static enum status close_worker(struct duet *duet, int arm)
{
    struct duet_request request = duet_request_of(DUET_END);

    TRY(ask(duet, arm, &request));
    return duet->link->close(duet->link->context, arm);
}

/* calls 0: calibration. */
static enum status prepare(struct duet *duet, int arm, uint64_t calls, double *out_batch_ns, uint64_t *out_calls)
{
    struct duet_request request = duet_request_of(DUET_PREPARE);
    const struct duet_reply *reply = &duet->message->reply;

    request.calls = calls;
    request.target_ns = duet->options->batch_ns;
    request.warmup_s = duet->options->warmup_s;
    TRY(ask(duet, arm, &request));
    if (!is_time(reply->batch_ns) || !is_time(reply->warmup_s) || reply->calls < 1)
        return status_fail(ST_FORMAT, "%s: the worker's calibration is damaged", duet->arm[arm]->name);
    duet->side[arm].warmup_s = reply->warmup_s;
    duet->side[arm].steady = reply->steady != 0;
    *out_batch_ns = reply->batch_ns;
    *out_calls = reply->calls;
    return ST_OK;
}

/* ---------------------------------------------------------------- the plan */

static enum status ask_steps(struct duet *duet, int arm, double **out_ns)
{
    struct duet_request request = duet_request_of(DUET_STEPS);
    size_t steps = duet->hello[arm].steps;

    TRY(ask(duet, arm, &request));
    if (duet->message->reply.payload_bytes != steps * sizeof(double))
        return status_fail(ST_FORMAT, "%s: the worker timed %zu steps, expected %zu", duet->arm[arm]->name,
                           duet->message->reply.payload_bytes / sizeof(double), steps);
    TRY(mem_alloc(steps, sizeof(double), out_ns));
    memcpy(*out_ns, duet->message->payload, steps * sizeof(double));
    for (size_t i = 0; i < steps; i++)
        if (!is_time((*out_ns)[i]))
            return status_fail(ST_FORMAT, "%s: the worker's times of steps are damaged", duet->arm[arm]->name);
    return ST_OK;
}

static enum status plan_slices(struct duet *duet)
{
    struct duet_result *result = &duet->result;
    double *ns[DUET_ARMS] = {NULL, NULL};
    enum status st = ST_OK;
    int count;

    for (int arm = 0; arm < DUET_ARMS; arm++)
        TRY_OUT(ask_steps(duet, arm, &ns[arm]));
    count = duet_slices_cut(ns[DUET_A], (int)duet->hello[DUET_A].steps, ns[DUET_B], (int)duet->hello[DUET_B].steps,
                            duet->options->slice_ns, result->cut[DUET_A], result->cut[DUET_B]);
    result->slices = count > 1 ? count : 0;
    if (count == 1)
        memset(result->cut, 0, sizeof result->cut);
out:
    for (int arm = 0; arm < DUET_ARMS; arm++)
        mem_free(ns[arm]);
    return st;
}

/* The slower arm sets the calls per batch; they grow until the faster one's batch is far above the clock's resolution,
 * and long enough that the thread clock's own cost does not hide a contamination of it. */
static uint64_t common_calls(const struct duet *duet, const double *call_ns, const uint64_t *calls)
{
    uint64_t common = calls[DUET_A] < calls[DUET_B] ? calls[DUET_A] : calls[DUET_B];
    double fastest_ns = fmin(call_ns[DUET_A], call_ns[DUET_B]), least_ns = 0;

    for (int arm = 0; arm < DUET_ARMS; arm++)
        least_ns =
            fmax(least_ns, fmax(1000 * duet->hello[arm].clock_resolution_ns, 100 * duet->hello[arm].cpu_clock_cost_ns));
    while ((double)common * fastest_ns < least_ns && common < UINT64_C(1) << 40)
        common *= 2;
    return common;
}

/* With the first pair's workers: calls per batch, slices, rounds; frozen from then on. */
static enum status make_plan(struct duet *duet)
{
    const struct duet_options *options = duet->options;
    struct duet_result *result = &duet->result;
    double batch[DUET_ARMS], call_ns[DUET_ARMS], round_ns, longest_ns;
    uint64_t calls[DUET_ARMS];

    for (int arm = 0; arm < DUET_ARMS; arm++) {
        TRY(prepare(duet, arm, 0, &batch[arm], &calls[arm]));
        call_ns[arm] = batch[arm] / (double)calls[arm];
    }
    result->calls = common_calls(duet, call_ns, calls);
    longest_ns = fmax(call_ns[DUET_A], call_ns[DUET_B]);
    /* The same k for both: a minimum of three against a single batch would favour one side. */
    result->best_of = longest_ns * (double)result->calls > 8 * options->batch_ns ? 1 : options->best_of;
    if (longest_ns > options->slice_over_ns && duet->hello[DUET_A].steps > 1 && duet->hello[DUET_B].steps > 1)
        TRY(plan_slices(duet));
    round_ns = (call_ns[DUET_A] + call_ns[DUET_B]) * (double)result->calls * result->best_of;
    result->rounds = options->rounds;
    if (options->budget_s > 0 && round_ns * result->rounds * result->pairs > 1e9 * options->budget_s)
        result->rounds = (int)fmax(1, floor(1e9 * options->budget_s / (round_ns * result->pairs)));
    return duet_result_room(result);
}

/* ---------------------------------------------------------------- rounds */

static enum status take_batches(struct duet *duet, int arm, int count, struct batch *out)
{
    size_t bytes = (size_t)count * sizeof *out;

    if (duet->message->reply.payload_bytes != bytes)
        return status_fail(ST_FORMAT, "%s: the worker sent %u bytes of batches, expected %zu", duet->arm[arm]->name,
                           duet->message->reply.payload_bytes, bytes);
    memcpy(out, duet->message->payload, bytes);
    return ST_OK;
}

/* Positions of the round that begins now, to be written by whoever measures. */
static struct batch *batches(struct duet *duet, int pair, int round, int arm)
{
    return (struct batch *)(uintptr_t)duet_batches(&duet->result, pair, round, arm);
}

static enum status run_batches(struct duet *duet, int pair, int round, int b_first)
{
    struct duet_request request = duet_request_of(DUET_RUN);

    request.calls = duet->result.calls;
    request.batches = (uint32_t)duet->result.best_of;
    for (int position = 0; position < DUET_ARMS; position++) {
        int arm = position ^ b_first;
        TRY(ask(duet, arm, &request));
        TRY(take_batches(duet, arm, duet->result.best_of, batches(duet, pair, round, arm)));
    }
    return ST_OK;
}

static enum status run_slices(struct duet *duet, int pair, int round, int b_first)
{
    struct duet_request request = duet_request_of(DUET_SLICE);

    for (int s = 0; s < duet->result.slices; s++)
        for (int position = 0; position < DUET_ARMS; position++) {
            int arm = position ^ b_first;
            request.from = duet->result.cut[arm][s];
            request.to = duet->result.cut[arm][s + 1];
            TRY(ask(duet, arm, &request));
            TRY(take_batches(duet, arm, 1, batches(duet, pair, round, arm) + s));
        }
    return ST_OK;
}

static enum status run_rounds(struct duet *duet, int p)
{
    const struct duet_link *link = duet->link;
    struct duet_pair *pair = &duet->result.pair[p];
    double start_s = link->now_s(link->context);
    int coin = 0;

    for (int r = 0; r < duet->result.rounds; r++) {
        struct duet_round *round = &pair->round[r];
        if (r % 2 == 0)
            coin = (int)(rng_u64(&duet->order) >> 63);
        round->b_first = (uint8_t)(coin ^ (r % 2));
        round->start_s = link->now_s(link->context) - start_s;
        if (duet->result.slices > 0)
            TRY(run_slices(duet, p, r, round->b_first));
        else
            TRY(run_batches(duet, p, r, round->b_first));
        host_watch_tick(&duet->watch, link->now_s(link->context));
    }
    return ST_OK;
}

static enum status run_pair(struct duet *duet, int p)
{
    int b_first = (int)(rng_u64(&duet->order) >> 63);

    for (int position = 0; position < DUET_ARMS; position++)
        TRY(open_worker(duet, position ^ b_first, p));
    if (p == 0) {
        TRY(make_plan(duet));
    } else {
        for (int arm = 0; arm < DUET_ARMS; arm++) {
            double batch;
            uint64_t calls;
            TRY(prepare(duet, arm, duet->result.calls, &batch, &calls));
        }
    }
    TRY(run_rounds(duet, p));
    for (int arm = 0; arm < DUET_ARMS; arm++) {
        TRY(close_worker(duet, arm));
        duet->result.pair[p].side[arm] = duet->side[arm];
    }
    return ST_OK;
}

static void describe(struct duet *duet)
{
    struct duet_result *result = &duet->result;

    for (int i = 0; i < DUET_ARMS; i++) {
        snprintf(result->name[i], sizeof result->name[i], "%s", duet->arm[i]->name);
        result->threads[i] = duet->arm[i]->threads;
        result->inflate_ratio[i] = duet->arm[i]->inflate_ratio;
    }
    result->seed = duet->options->seed;
    result->pairs = duet->options->pairs;
    result->cpu = duet->cpu;
    /* Threads wait for each other: what the first one lacks of the wall time says nothing. */
    result->contamination_ratio =
        result->threads[DUET_A] > 1 || result->threads[DUET_B] > 1 ? 0 : duet->options->contamination_ratio;
}

enum status duet_run_over(const struct duet_options *options, const struct duet_arm *a, const struct duet_arm *b,
                          const struct duet_link *link, int cpu, const char *watched_file, struct duet_result *out)
{
    double start_s = link->now_s(link->context);
    struct duet *duet;
    enum status st;

    TRY(check_options(options));
    TRY(check_arm(a));
    TRY(check_arm(b));
    TRY(mem_alloc(1, sizeof *duet, &duet));
    duet->options = options;
    duet->arm[DUET_A] = a;
    duet->arm[DUET_B] = b;
    duet->link = link;
    duet->cpu = cpu;
    rng_seed(&duet->order, options->seed, 0x6f726472);
    rng_seed(&duet->layout, options->seed, 0x6c61796f);
    host_watch_begin(&duet->watch, cpu, watched_file);
    describe(duet);
    TRY_OUT(mem_alloc(1, sizeof *duet->message, &duet->message));
    for (int p = 0; p < options->pairs; p++) {
        TRY_OUT(run_pair(duet, p));
        if (options->progress)
            options->progress(options->progress_context, p + 1, options->pairs);
    }
    TRY_OUT(duet_judge(&duet->result));
    duet->result.elapsed_s = link->now_s(link->context) - start_s;
    host_watch_end(&duet->watch, &duet->result.host);
    *out = duet->result;
    memset(&duet->result, 0, sizeof duet->result);
out:
    link->abandon(link->context);
    host_watch_end(&duet->watch, &(struct host_watch_summary){0});
    duet_result_free(&duet->result);
    mem_free(duet->message);
    mem_free(duet);
    return st;
}

void duet_fact(const struct duet_result *result, int arm, const char *key, char *out, size_t size)
{
    cJSON *facts = cJSON_Parse(result->facts[arm] ? result->facts[arm] : "");
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(facts, key);

    snprintf(out, size, "%s", cJSON_IsString(member) ? member->valuestring : "");
    cJSON_Delete(facts);
}
