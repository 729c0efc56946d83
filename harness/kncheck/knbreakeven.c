#include "kncheck/knbreakeven.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kncheck/knlayer.h"

enum { POINTS = KNBREAKEVEN_POINTS, ROUNDS = KNBREAKEVEN_ROUNDS, RESAMPLES = 200 };
static const double block_ns = 2e5;

static const double sparsities[POINTS] = {0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98};

static const struct knlayer_shape shapes[] = {
    {"fc 784x300", 1, 1, 784, 1, 1, 300},
    {"fc 1024x1024", 1, 1, 1024, 1, 1, 1024},
    {"fc 1024x1024 batch 32", 1, 32, 1024, 1, 1, 1024},
    {"conv 64->64 1x1 25x5", 25, 5, 64, 1, 1, 64},
    {"conv 64->64 3x3 14x14", 16, 16, 64, 3, 1, 64},
    {"conv 64->64 3x3 14x14 stride 2", 15, 15, 64, 3, 2, 64},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* One kernel with its weights. */
struct side {
    const struct knlayer *layer;
    const struct knlayer_way *way;
    const void *packed;
    int calls; /* of a block */
};

static void run_side(const struct side *s)
{
    s->way->run(s->layer, s->way, s->packed);
}

/* The processor's time, so that other programs' turns do not count. */
static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* ns per call, after one call that brings the data back into the caches. */
static double time_side(const struct side *s)
{
    double begin;
    run_side(s);
    begin = now_ns();
    for (int i = 0; i < s->calls; i++)
        run_side(s);
    return (now_ns() - begin) / s->calls;
}

static void count_calls(struct side *s)
{
    for (s->calls = 1; time_side(s) * s->calls < block_ns && s->calls < 1 << 20;)
        s->calls *= 2;
}

static enum status pack_side(struct knbench *b, const struct knlayer *l, const struct knlayer_way *way, const void *w,
                             struct side *out, size_t *out_bytes)
{
    void *packed;
    *out_bytes = way->pack_bytes(l, way, w);
    TRY(knbench_buffer(b, *out_bytes, &packed));
    way->pack(l, way, w, packed);
    *out = (struct side){l, way, packed, 1};
    count_calls(out);
    return ST_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median, 10th and 90th percentile; sorts. */
static void summarize(double *sample, int n, double *median, double *lo, double *hi)
{
    qsort(sample, (size_t)n, sizeof *sample, ascending);
    *median = n % 2 ? sample[n / 2] : (sample[n / 2 - 1] + sample[n / 2]) / 2;
    *lo = sample[(n - 1) / 10];
    *hi = sample[n - 1 - (n - 1) / 10];
}

/* Where the ratios, by rising sparsity, become 1 or more for good: logarithms interpolated. 0: from the first on; 1:
 * never. */
static double crossing(const double ratio[POINTS])
{
    int last = POINTS - 1;
    double below, above;
    while (last >= 0 && ratio[last] >= 1)
        last--;
    if (last < 0)
        return 0;
    if (last == POINTS - 1)
        return 1;
    below = log(ratio[last]);
    above = log(ratio[last + 1]);
    return sparsities[last] + (sparsities[last + 1] - sparsities[last]) * below / (below - above);
}

/* The crossing of the medians, and how it would vary if other rounds had been had: rounds drawn anew with replacement,
 * as many as there are (Efron 1979). A crossing per round would be at the mercy of single disturbances. */
static void spread(double ratio[ROUNDS][POINTS], int rounds, struct knbreakeven_curve *curve)
{
    double drawn[RESAMPLES], sample[ROUNDS], median[POINTS], lo, hi;
    struct rng rng;
    rng_seed(&rng, 2, 0);
    for (int d = 0; d < RESAMPLES; d++) {
        int chosen[ROUNDS];
        for (int r = 0; r < rounds; r++)
            chosen[r] = (int)rng_below(&rng, (uint32_t)rounds);
        for (int i = 0; i < POINTS; i++) {
            for (int r = 0; r < rounds; r++)
                sample[r] = ratio[chosen[r]][i];
            summarize(sample, rounds, &median[i], &lo, &hi);
        }
        drawn[d] = crossing(median);
    }
    for (int i = 0; i < POINTS; i++)
        median[i] = curve->point[i].speed;
    curve->faster_from = crossing(median);
    summarize(drawn, RESAMPLES, &lo, &curve->faster_lo, &curve->faster_hi);
}

static void measure(struct side side[POINTS][2], int rounds, struct knbreakeven_curve *curve)
{
    double ratio[ROUNDS][POINTS], sample[ROUNDS], size[POINTS];
    for (int r = 0; r < rounds; r++) {
        for (int i = 0; i < POINTS; i++) {
            int first = (r + i) & 1; /* neither side always comes second */
            double ns[2];
            ns[first] = time_side(&side[i][first]);
            ns[!first] = time_side(&side[i][!first]);
            ratio[r][i] = ns[0] / ns[1];
        }
    }
    for (int i = 0; i < POINTS; i++) {
        struct knbreakeven_point *p = &curve->point[i];
        for (int r = 0; r < rounds; r++)
            sample[r] = ratio[r][i];
        summarize(sample, rounds, &p->speed, &p->lo, &p->hi);
        size[i] = (double)p->dense_bytes / (double)p->sparse_bytes;
    }
    spread(ratio, rounds, curve);
    curve->smaller_from = crossing(size);
}

static enum status run_curve(struct knbench *b, const struct knlayer_shape *shape, const struct knlayer_way *way,
                             int rounds, struct knbreakeven_curve *out)
{
    const struct knlayer_way *dense = way->integer ? &knlayer_dense_u8s8 : &knlayer_dense_f32;
    struct knbreakeven_curve curve = {way->contract, way->facts(b->simd)->name, dense->facts(b->simd)->name,
                                      shape->text, .integer = way->integer};
    struct side side[POINTS][2]; /* dense, sparse */
    struct knlayer layer;
    snprintf(curve.pattern, sizeof curve.pattern, way->rows * way->cols == 1 ? "single" : "%dx%d", way->rows,
             way->cols);
    TRY(knlayer_begin(b, shape, way->integer, &layer));
    for (int i = 0; i < POINTS; i++) {
        struct knbreakeven_point *p = &curve.point[i];
        const void *w;
        p->sparsity = sparsities[i];
        TRY(knlayer_weights(b, &layer, way->rows, way->cols, sparsities[i], &w));
        TRY(pack_side(b, &layer, dense, w, &side[i][0], &p->dense_bytes));
        TRY(pack_side(b, &layer, way, w, &side[i][1], &p->sparse_bytes));
    }
    measure(side, rounds, &curve);
    *out = curve;
    return ST_OK;
}

enum status knbreakeven_run(const struct knbreakeven_options *options, knbreakeven_fn visit, void *context)
{
    struct kn_table ref, simd;
    struct knbench b = {.ref = &ref, .simd = &simd, .filter = options->filter};
    int curves = 0, stop = 0;
    if (options->rounds < 3 || options->rounds > ROUNDS)
        return status_fail(ST_BADARG, "%d rounds: expected 3 to %d", options->rounds, ROUNDS);
    kn_table_init(&ref, 0);
    kn_table_init(&simd, options->mask & kn_cpu_isa());
    rng_seed(&b.rng, 1, 0);
    for (int s = 0; s < SHAPES; s++) {
        int positions = knlayer_positions(&shapes[s]);
        for (int i = 0; i < knlayer_ways_count && !stop; i++) {
            const struct knlayer_way *way = &knlayer_ways[i];
            const struct kn_facts *facts = way->facts(&simd);
            struct knbreakeven_curve curve;
            enum status st;
            if (facts->isa == 0 || positions < way->least || (way->vectors && positions > 1) ||
                !knbench_wants(&b, way->contract, facts))
                continue;
            st = run_curve(&b, &shapes[s], way, options->rounds, &curve);
            knbench_release(&b);
            if (st != ST_OK)
                return st;
            curves++;
            stop = !visit(context, &curve);
        }
    }
    if (curves == 0)
        return status_fail(ST_BADARG, "no sparse kernel of level %s matches '%s'; see packlight kernels --list",
                           kn_isa_name(simd.mask), options->filter ? options->filter : "*");
    return ST_OK;
}
