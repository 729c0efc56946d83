#include "measure/timing.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "measure/batch.h"
#include "measure/timing_inside.h"

struct timing_options timing_defaults(const struct clock *clock)
{
    struct timing_options options;

    memset(&options, 0, sizeof options);
    options.clock = clock;
    options.batch_ns = 1e6;
    options.warmup_s = 0.5;
    options.budget_s = 2;
    options.min_rounds = 16;
    options.max_rounds = 120;
    options.best_of = 3;
    options.contamination_ratio = 0.02;
    options.seed = 1;
    return options;
}

enum status timing_check(const struct timing_options *options)
{
    const struct clock *clock = options->clock;

    if (!clock || !clock->wall_ns || !clock->cpu_ns || !clock->disturbances)
        return status_fail(ST_BADARG, "timing: no clock");
    if (!(options->batch_ns > 0) || !(options->warmup_s >= 0) || !(options->budget_s >= 0) ||
        !(options->contamination_ratio >= 0))
        return status_fail(ST_BADARG, "timing: batch, warm-up, budget and contamination must not be negative");
    if (options->min_rounds < 1 || options->max_rounds < options->min_rounds)
        return status_fail(ST_BADARG, "timing: %d to %d rounds, expected 1 <= min <= max", options->min_rounds,
                           options->max_rounds);
    if (options->best_of < 1 || options->best_of > 100)
        return status_fail(ST_BADARG, "timing: best of %d batches, expected 1 to 100", options->best_of);
    return ST_OK;
}

enum status timing_stopped(const struct timing_options *options)
{
    if (options->stop && *options->stop)
        return status_fail(ST_INTERRUPTED, "interrupted while timing");
    return ST_OK;
}

static double seconds_since(const struct clock *clock, uint64_t start_ns)
{
    return 1e-9 * (double)(clock->wall_ns(clock->context) - start_ns);
}

static struct batch_source source_of(const struct timing_options *options, const struct timing_subject *subject)
{
    struct batch_source source = {options->clock, subject->name, subject->run, subject->context, 1, options->stop};
    return source;
}

static enum status prepare(const struct timing_options *options, const struct timing_subject *subject,
                           struct timing_side *out)
{
    struct batch_source source = source_of(options, subject);
    struct batch_size size;

    TRY(batch_calibrate(&source, options->batch_ns, options->warmup_s, &size));
    out->calls = size.calls;
    out->batch_ns = size.batch_ns;
    out->warmup_s = size.warmup_s;
    out->steady = size.steady;
    return ST_OK;
}

/* The best of k batches among the clean ones; among all when none is clean. */
static enum status position(const struct timing_options *options, const struct timing_subject *subject, uint64_t calls,
                            int best_of, double *out_ns, int *out_clean)
{
    struct batch_source source = source_of(options, subject);
    double best = INFINITY, best_clean = INFINITY;

    for (int k = 0; k < best_of; k++) {
        struct batch batch;
        double ns;
        TRY(batch_run(&source, calls, &batch));
        ns = batch_ns(&batch, options->clock->wall_overhead_ns);
        best = fmin(best, ns);
        if (!batch_contaminated(&batch, options->contamination_ratio))
            best_clean = fmin(best_clean, ns);
    }
    *out_clean = isfinite(best_clean);
    *out_ns = (*out_clean ? best_clean : best) / (double)calls;
    return ST_OK;
}

static enum status round_run(const struct timing_options *options, const struct timing_subject *a,
                             const struct timing_subject *b, const struct timing_result *result, int b_first,
                             struct timing_round *round)
{
    int a_clean = 1, b_clean = 1;

    memset(round, 0, sizeof *round);
    round->b_first = (uint8_t)b_first;
    if (b && b_first)
        TRY(position(options, b, result->b.calls, result->best_of, &round->b_ns, &b_clean));
    TRY(position(options, a, result->a.calls, result->best_of, &round->a_ns, &a_clean));
    if (b && !b_first)
        TRY(position(options, b, result->b.calls, result->best_of, &round->b_ns, &b_clean));
    round->dropped = !(a_clean && b_clean);
    return ST_OK;
}

static int rounds_enough(const struct timing_options *options, const struct timing_result *result, double spent_s)
{
    if (result->kept >= options->max_rounds || spent_s >= 4 * options->budget_s)
        return 1;
    if (spent_s < options->budget_s)
        return 0;
    /* Hopeless: even four budgets would not give min_rounds at this rate of drops. */
    return result->kept >= options->min_rounds ||
           (result->rounds >= options->min_rounds && 4 * result->kept < options->min_rounds);
}

static enum status run_rounds(const struct timing_options *options, const struct timing_subject *a,
                              const struct timing_subject *b, struct timing_round *rounds, int capacity,
                              struct timing_result *result)
{
    const struct clock *clock = options->clock;
    uint64_t start_ns = clock->wall_ns(clock->context);
    struct rng rng;
    int coin = 0;

    rng_seed(&rng, options->seed, 0x74696d65);
    while (result->rounds < capacity) {
        struct timing_round *round = &rounds[result->rounds];
        double start_s = seconds_since(clock, start_ns);
        int second = result->rounds % 2;

        if (result->rounds > 0 && rounds_enough(options, result, start_s))
            break;
        if (!second)
            coin = (int)(rng_u64(&rng) >> 63);
        TRY(round_run(options, a, b, result, b ? coin ^ second : 0, round));
        round->start_s = start_s;
        result->rounds++;
        result->kept += !round->dropped;
        result->dropped += round->dropped;
    }
    return ST_OK;
}

static enum status measure(const struct timing_options *options, const struct timing_subject *a,
                           const struct timing_subject *b, struct timing_round *rounds, int capacity,
                           struct timing_result *out)
{
    const struct clock *clock = options->clock;
    struct timing_result result;
    uint64_t start_ns;

    TRY(timing_check(options));
    if (capacity < 1)
        return status_fail(ST_BADARG, "timing: no room for a round");
    memset(&result, 0, sizeof result);
    start_ns = clock->wall_ns(clock->context);
    TRY(prepare(options, a, &result.a));
    if (b)
        TRY(prepare(options, b, &result.b));
    /* The same k for both: a minimum of three against a single batch would favour one side. */
    result.best_of = fmax(result.a.batch_ns, result.b.batch_ns) > 8 * options->batch_ns ? 1 : options->best_of;
    TRY(run_rounds(options, a, b, rounds, capacity, &result));
    result.elapsed_s = seconds_since(clock, start_ns);
    *out = result;
    return ST_OK;
}

enum status timing_pair(const struct timing_options *options, const struct timing_subject *a,
                        const struct timing_subject *b, struct timing_round *rounds, int capacity,
                        struct timing_result *out)
{
    return measure(options, a, b, rounds, capacity, out);
}

enum status timing_single(const struct timing_options *options, const struct timing_subject *a,
                          struct timing_round *rounds, int capacity, struct timing_result *out)
{
    return measure(options, a, NULL, rounds, capacity, out);
}

int timing_collect(const struct timing_round *rounds, int count, enum timing_pick pick, double *a_ns, double *b_ns)
{
    int kept = 0;

    for (int i = 0; i < count; i++) {
        if (pick == TIMING_CLEAN && rounds[i].dropped)
            continue;
        a_ns[kept] = rounds[i].a_ns;
        if (b_ns)
            b_ns[kept] = rounds[i].b_ns;
        kept++;
    }
    return kept;
}
