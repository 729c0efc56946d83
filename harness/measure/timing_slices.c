/* Times of the steps of a sequence, which timing.h declares. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "measure/batch.h"
#include "measure/stats.h"
#include "measure/timing.h"
#include "measure/timing_inside.h"

enum { SLICES_MIN_PASSES = 31, SLICES_MAX_PASSES = 1001, SLICES_MAX_STEPS = 65536, SLICES_MIN_CLEAN = 5 };
/* Bounds the samples to 16 MiB, or to what 31 passes need. */
enum { SLICES_MAX_SAMPLES = 1 << 21 };

struct slices {
    int columns;        /* begin, every step, end, whole pass */
    int capacity;       /* passes */
    double *sample;     /* (capacity, columns) ns; owned */
    uint64_t *boundary; /* (columns) clock readings of one pass; owned */
    double *column;     /* (capacity) scratch; owned */
    uint8_t *dropped;   /* (capacity); owned */
    int passes, clean;
};

static enum status slices_new(int steps, struct slices *out)
{
    memset(out, 0, sizeof *out);
    out->columns = steps + 3;
    out->capacity = SLICES_MAX_SAMPLES / out->columns;
    out->capacity = out->capacity > SLICES_MAX_PASSES ? SLICES_MAX_PASSES : out->capacity;
    out->capacity = out->capacity < SLICES_MIN_PASSES ? SLICES_MIN_PASSES : out->capacity;
    TRY(mem_alloc((size_t)out->capacity * (size_t)out->columns, sizeof(double), &out->sample));
    TRY(mem_alloc((size_t)out->columns, sizeof(uint64_t), &out->boundary));
    TRY(mem_alloc((size_t)out->capacity, sizeof(double), &out->column));
    return mem_alloc((size_t)out->capacity, 1, &out->dropped);
}

static void slices_free(struct slices *slices)
{
    mem_free(slices->sample);
    mem_free(slices->boundary);
    mem_free(slices->column);
    mem_free(slices->dropped);
}

/* One pass; boundary[i] .. boundary[i + 1] is column i. */
static int pass_run(const struct timing_options *options, const struct timing_sequence *sequence, uint64_t *boundary)
{
    const struct clock *clock = options->clock;
    struct clock_disturbances before, after;
    struct batch pass;
    uint64_t cpu, *at = boundary;

    clock->disturbances(clock->context, &before);
    cpu = clock->cpu_ns(clock->context);
    *at++ = clock->wall_ns(clock->context);
    sequence->begin(sequence->context);
    *at++ = clock->wall_ns(clock->context);
    for (int i = 0; i < sequence->steps; i++) {
        sequence->step(sequence->context, i);
        *at++ = clock->wall_ns(clock->context);
    }
    sequence->end(sequence->context);
    *at = clock->wall_ns(clock->context);
    pass.cpu_ns = clock->cpu_ns(clock->context) - cpu;
    pass.wall_ns = *at - boundary[0];
    clock->disturbances(clock->context, &after);
    pass.switches = (uint32_t)(after.switches - before.switches);
    pass.faults = (uint32_t)(after.faults - before.faults);
    return batch_contaminated(&pass, options->contamination_ratio);
}

static void pass_keep(const struct timing_options *options, struct slices *slices, int contaminated)
{
    double *row = slices->sample + (size_t)slices->passes * (size_t)slices->columns;
    int intervals = slices->columns - 1;
    double overhead = options->clock->wall_overhead_ns;

    for (int i = 0; i < intervals; i++)
        row[i] = fmax(0, (double)(slices->boundary[i + 1] - slices->boundary[i]) - overhead);
    row[intervals] = fmax(0, (double)(slices->boundary[intervals] - slices->boundary[0]) - overhead * intervals);
    slices->dropped[slices->passes] = (uint8_t)contaminated;
    slices->passes++;
    slices->clean += !contaminated;
}

static enum status run_passes(const struct timing_options *options, const struct timing_sequence *sequence,
                              struct slices *slices)
{
    const struct clock *clock = options->clock;
    uint64_t start_ns;

    for (int i = 0; i < 2; i++) {
        TRY(timing_stopped(options));
        (void)pass_run(options, sequence, slices->boundary);
    }
    start_ns = clock->wall_ns(clock->context);
    while (slices->passes < slices->capacity) {
        double spent_s = 1e-9 * (double)(clock->wall_ns(clock->context) - start_ns);
        if (slices->passes > 0 && spent_s >= options->budget_s &&
            (slices->passes >= SLICES_MIN_PASSES || spent_s >= 4 * options->budget_s))
            break;
        TRY(timing_stopped(options));
        pass_keep(options, slices, pass_run(options, sequence, slices->boundary));
    }
    return ST_OK;
}

static double column_median(const struct slices *slices, int index)
{
    int n = 0, all = slices->clean < SLICES_MIN_CLEAN;

    for (int i = 0; i < slices->passes; i++)
        if (all || !slices->dropped[i])
            slices->column[n++] = slices->sample[(size_t)i * (size_t)slices->columns + (size_t)index];
    stats_sort(slices->column, n);
    return stats_median(slices->column, n);
}

enum status timing_slices(const struct timing_options *options, const struct timing_sequence *sequence,
                          double *out_step_ns, struct timing_slices_result *out)
{
    enum status st;
    struct slices slices;

    TRY(timing_check(options));
    if (sequence->steps < 1 || sequence->steps > SLICES_MAX_STEPS)
        return status_fail(ST_BADARG, "timing: %d steps, expected 1 to %d", sequence->steps, SLICES_MAX_STEPS);
    TRY_OUT(slices_new(sequence->steps, &slices));
    TRY_OUT(run_passes(options, sequence, &slices));
    for (int i = 0; i < sequence->steps; i++)
        out_step_ns[i] = column_median(&slices, i + 1);
    out->begin_ns = column_median(&slices, 0);
    out->end_ns = column_median(&slices, sequence->steps + 1);
    out->total_ns = column_median(&slices, sequence->steps + 2);
    out->passes = slices.passes;
    out->dropped = slices.passes - slices.clean;
out:
    slices_free(&slices);
    return st;
}
