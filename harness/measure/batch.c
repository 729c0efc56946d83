#include "measure/batch.h"

#include <math.h>
#include <string.h>

/* An empty call takes longer than 1 ms / 2^24, so a clock that has not moved by then is broken. */
#define MAX_CALLS ((uint64_t)1 << 24)
/* Above 10 ms a single involuntary switch says little: one is allowed for each 10 ms of a batch. */
#define SWITCH_ALLOWANCE_NS 10000000u
/* Doubling from below this share of the target ends between it and twice it: 0.71 .. 1.42. */
#define BATCH_ENOUGH 0.71

/* Waits until the window that began at start_ns has lasted inflate_ratio times what the calls took. */
static uint64_t inflate(const struct batch_source *source, uint64_t start_ns, uint64_t end_ns)
{
    const struct clock *clock = source->clock;
    double work_ns = fmax(0, (double)(end_ns - start_ns) - clock->wall_overhead_ns);
    double wanted_ns = source->inflate_ratio * work_ns + clock->wall_overhead_ns;

    while ((double)(end_ns - start_ns) < wanted_ns)
        end_ns = clock->wall_ns(clock->context);
    return end_ns;
}

enum status batch_run(const struct batch_source *source, uint64_t calls, struct batch *out)
{
    const struct clock *clock = source->clock;
    struct clock_disturbances before, after;
    uint64_t cpu, start, end;

    if (source->stop && *source->stop)
        return status_fail(ST_INTERRUPTED, "interrupted while timing");
    clock->disturbances(clock->context, &before);
    cpu = clock->cpu_ns(clock->context);
    start = clock->wall_ns(clock->context);
    for (uint64_t i = 0; i < calls; i++)
        source->run(source->context);
    end = clock->wall_ns(clock->context);
    if (source->inflate_ratio > 1)
        end = inflate(source, start, end);
    cpu = clock->cpu_ns(clock->context) - cpu;
    clock->disturbances(clock->context, &after);

    out->wall_ns = end - start;
    out->cpu_ns = cpu;
    out->switches = (uint32_t)(after.switches - before.switches);
    out->faults = (uint32_t)(after.faults - before.faults);
    return ST_OK;
}

double batch_ns(const struct batch *batch, double clock_ns)
{
    return fmax(0, (double)batch->wall_ns - clock_ns);
}

int batch_contaminated(const struct batch *batch, double ratio)
{
    if (ratio <= 0)
        return 0;
    if (batch->faults > 0 || batch->switches > batch->wall_ns / SWITCH_ALLOWANCE_NS)
        return 1;
    return (double)batch->wall_ns - (double)batch->cpu_ns > ratio * (double)batch->wall_ns;
}

static int agree(double a_ns, double b_ns)
{
    return fabs(a_ns - b_ns) <= 0.05 * fmax(a_ns, b_ns);
}

static double seconds_since(const struct clock *clock, uint64_t start_ns)
{
    return 1e-9 * (double)(clock->wall_ns(clock->context) - start_ns);
}

static enum status run_ns(const struct batch_source *source, uint64_t calls, double *out_ns)
{
    struct batch batch;

    TRY(batch_run(source, calls, &batch));
    *out_ns = batch_ns(&batch, source->clock->wall_overhead_ns);
    return ST_OK;
}

/* Long enough twice in a row: the first calls pay for page faults and cold caches. */
static enum status grow(const struct batch_source *source, double target_ns, struct batch_size *size)
{
    for (;;) {
        double first_ns, second_ns;
        TRY(run_ns(source, size->calls, &first_ns));
        if (first_ns >= BATCH_ENOUGH * target_ns) {
            TRY(run_ns(source, size->calls, &second_ns));
            if (second_ns >= BATCH_ENOUGH * target_ns) {
                size->batch_ns = second_ns;
                size->steady = agree(first_ns, second_ns);
                return ST_OK;
            }
        }
        if (size->calls >= MAX_CALLS)
            return status_fail(ST_BADARG, "timing: %s: the clock does not move in %llu calls", source->name,
                               (unsigned long long)size->calls);
        size->calls *= 2;
    }
}

static enum status settle(const struct batch_source *source, int batches, uint64_t start_ns, double warmup_s,
                          struct batch_size *size)
{
    for (; (!size->steady || batches < 3) && seconds_since(source->clock, start_ns) < warmup_s; batches++) {
        double next_ns;
        TRY(run_ns(source, size->calls, &next_ns));
        size->steady = batches > 0 && agree(size->batch_ns, next_ns);
        size->batch_ns = next_ns;
    }
    return ST_OK;
}

enum status batch_calibrate(const struct batch_source *source, double target_ns, double warmup_s,
                            struct batch_size *out)
{
    const struct clock *clock = source->clock;
    double longer_ns = fmax(target_ns, 1000 * clock->wall_resolution_ns);
    uint64_t start_ns = clock->wall_ns(clock->context);
    struct batch_size size = {1, 0, 0, 0};

    TRY(grow(source, longer_ns, &size));
    TRY(settle(source, 2, start_ns, warmup_s, &size));
    if (size.batch_ns < 0.5 * longer_ns)
        TRY(grow(source, longer_ns, &size));
    size.warmup_s = seconds_since(clock, start_ns);
    *out = size;
    return ST_OK;
}

enum status batch_warm(const struct batch_source *source, uint64_t calls, double warmup_s, struct batch_size *out)
{
    const struct clock *clock = source->clock;
    uint64_t start_ns = clock->wall_ns(clock->context);
    struct batch_size size = {calls, 0, 0, 0};

    TRY(settle(source, 0, start_ns, warmup_s, &size));
    size.warmup_s = seconds_since(clock, start_ns);
    *out = size;
    return ST_OK;
}
