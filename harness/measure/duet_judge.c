/* From batches to rounds, pairs and totals: a pure function, the same for a live run and for a file that is read back.
 * duet_inside.h declares it. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "measure/duet_inside.h"
#include "measure/stats.h"

int duet_result_width(const struct duet_result *result)
{
    return result->slices > 0 ? result->slices : result->best_of;
}

enum status duet_result_room(struct duet_result *result)
{
    size_t pairs = (size_t)result->pairs, rounds = pairs * (size_t)result->rounds;
    struct duet_round *round;

    TRY(mem_alloc(pairs, sizeof *result->pair, &result->pair));
    TRY(mem_alloc(rounds, sizeof *round, &round));
    for (size_t p = 0; p < pairs; p++)
        result->pair[p].round = round + p * (size_t)result->rounds;
    return mem_alloc(rounds * DUET_ARMS * (size_t)duet_result_width(result), sizeof *result->batch, &result->batch);
}

void duet_result_free(struct duet_result *result)
{
    if (result->pair)
        mem_free(result->pair[0].round);
    mem_free(result->pair);
    mem_free(result->batch);
    for (int arm = 0; arm < DUET_ARMS; arm++)
        mem_free(result->facts[arm]);
    memset(result, 0, sizeof *result);
}

const struct batch *duet_batches(const struct duet_result *result, int pair, int round, int arm)
{
    size_t at = ((size_t)pair * (size_t)result->rounds + (size_t)round) * DUET_ARMS + (size_t)arm;
    return result->batch + at * (size_t)duet_result_width(result);
}

/* One cost for both sides: what they read it with is the same clock, and equal readings must give equal times. */
static double clock_ns(const struct duet_pair *pair)
{
    return (pair->side[DUET_A].clock_ns + pair->side[DUET_B].clock_ns) / 2;
}

/* ---------------------------------------------------------------- best of k batches */

/* ns per call; of all batches if none is clean, then *out_clean is 0. */
static double best(const struct duet_result *result, const struct batch *batch, double clock_cost_ns, int *out_clean)
{
    double all = INFINITY, clean = INFINITY;

    for (int k = 0; k < result->best_of; k++) {
        double ns = batch_ns(&batch[k], clock_cost_ns) / (double)result->calls;
        all = fmin(all, ns);
        if (!batch_contaminated(&batch[k], result->contamination_ratio))
            clean = fmin(clean, ns);
    }
    *out_clean = isfinite(clean);
    return *out_clean ? clean : all;
}

static void judge_batches(const struct duet_result *result, int p)
{
    struct duet_pair *pair = &result->pair[p];

    for (int r = 0; r < result->rounds; r++) {
        struct duet_round *round = &pair->round[r];
        int a_clean, b_clean;
        round->a_ns = best(result, duet_batches(result, p, r, DUET_A), clock_ns(pair), &a_clean);
        round->b_ns = best(result, duet_batches(result, p, r, DUET_B), clock_ns(pair), &b_clean);
        round->dropped = !(a_clean && b_clean);
    }
}

/* ---------------------------------------------------------------- slices */

struct slice_scratch {
    double *typical; /* (pairs, arms, slices): medians over the pair's clean rounds; NaN: none */
    double *common;  /* (arms, slices): medians of those over the pairs; NaN: none */
    double *values;  /* (max(pairs, rounds)) */
};

static int slice_clean(const struct duet_result *result, int p, int r, int s)
{
    return !batch_contaminated(&duet_batches(result, p, r, DUET_A)[s], result->contamination_ratio) &&
           !batch_contaminated(&duet_batches(result, p, r, DUET_B)[s], result->contamination_ratio);
}

static double *typical_at(const struct duet_result *result, const struct slice_scratch *scratch, int p, int arm, int s)
{
    return &scratch->typical[((size_t)p * DUET_ARMS + (size_t)arm) * (size_t)result->slices + (size_t)s];
}

static double *common_at(const struct duet_result *result, const struct slice_scratch *scratch, int arm, int s)
{
    return &scratch->common[(size_t)arm * (size_t)result->slices + (size_t)s];
}

static double median_of(double *values, int n)
{
    stats_sort(values, n);
    return stats_median(values, n);
}

static void find_typical(const struct duet_result *result, const struct slice_scratch *scratch, int arm, int s)
{
    int pairs = 0;

    for (int p = 0; p < result->pairs; p++) {
        int n = 0;
        for (int r = 0; r < result->rounds; r++)
            if (slice_clean(result, p, r, s))
                scratch->values[n++] = batch_ns(&duet_batches(result, p, r, arm)[s], clock_ns(&result->pair[p]));
        *typical_at(result, scratch, p, arm, s) = median_of(scratch->values, n);
    }
    for (int p = 0; p < result->pairs; p++)
        if (!isnan(*typical_at(result, scratch, p, arm, s)))
            scratch->values[pairs++] = *typical_at(result, scratch, p, arm, s);
    *common_at(result, scratch, arm, s) = median_of(scratch->values, pairs);
}

/* A slice pair that was disturbed stands as the pair's other rounds had it (as the other pairs had it, if none), so
 * that one disturbance does not cost a whole round of many slices, and so that the sums stay sums of the same slices.
 */
static void judge_slices(const struct duet_result *result, const struct slice_scratch *scratch, int p)
{
    struct duet_pair *pair = &result->pair[p];

    for (int r = 0; r < result->rounds; r++) {
        struct duet_round *round = &pair->round[r];
        double ns[DUET_ARMS] = {0, 0};
        int clean = 0, known = 1;
        for (int s = 0; s < result->slices; s++) {
            int good = slice_clean(result, p, r, s);
            for (int arm = 0; arm < DUET_ARMS; arm++) {
                double measured = batch_ns(&duet_batches(result, p, r, arm)[s], clock_ns(pair));
                double usual = *typical_at(result, scratch, p, arm, s);
                usual = isnan(usual) ? *common_at(result, scratch, arm, s) : usual;
                known &= good || !isnan(usual);
                ns[arm] += good || isnan(usual) ? measured : usual;
            }
            clean += good;
        }
        round->a_ns = ns[DUET_A];
        round->b_ns = ns[DUET_B];
        round->dropped = !known || 2 * clean < result->slices;
    }
}

static enum status judge_sliced(struct duet_result *result)
{
    struct slice_scratch scratch = {NULL, NULL, NULL};
    size_t cells = DUET_ARMS * (size_t)result->slices;
    enum status st;

    TRY_OUT(mem_alloc((size_t)result->pairs * cells, sizeof(double), &scratch.typical));
    TRY_OUT(mem_alloc(cells, sizeof(double), &scratch.common));
    TRY_OUT(mem_alloc((size_t)(result->pairs > result->rounds ? result->pairs : result->rounds), sizeof(double),
                      &scratch.values));
    for (int arm = 0; arm < DUET_ARMS; arm++)
        for (int s = 0; s < result->slices; s++)
            find_typical(result, &scratch, arm, s);
    for (int p = 0; p < result->pairs; p++)
        judge_slices(result, &scratch, p);
out:
    mem_free(scratch.typical);
    mem_free(scratch.common);
    mem_free(scratch.values);
    return st;
}

/* ---------------------------------------------------------------- pairs and totals */

static void judge_pair(const struct duet_result *result, int p, double *scratch)
{
    struct duet_pair *pair = &result->pair[p];
    double *a = scratch, *b = a + result->rounds, *d = b + result->rounds;
    int kept = 0, logs = 0;

    pair->dropped = pair->tied = 0;
    for (int r = 0; r < result->rounds; r++) {
        struct duet_round *round = &pair->round[r];
        round->tied = !round->dropped && !(round->a_ns < round->b_ns) && !(round->b_ns < round->a_ns);
        pair->tied += round->tied;
        pair->dropped += round->dropped;
        if (round->dropped)
            continue;
        a[kept] = round->a_ns;
        b[kept] = round->b_ns;
        kept++;
        if (round->a_ns > 0 && round->b_ns > 0)
            d[logs++] = log(round->b_ns / round->a_ns);
    }
    pair->kept = kept;
    pair->d = median_of(d, logs);
    pair->a_ns = median_of(a, kept);
    pair->b_ns = median_of(b, kept);
}

static void judge_totals(struct duet_result *result, double *scratch)
{
    double *a = scratch, *b = a + result->pairs;
    int n = 0;

    result->kept = result->dropped = result->tied = 0;
    for (int p = 0; p < result->pairs; p++) {
        const struct duet_pair *pair = &result->pair[p];
        result->kept += pair->kept;
        result->dropped += pair->dropped;
        result->tied += pair->tied;
        if (pair->kept == 0)
            continue;
        a[n] = pair->a_ns;
        b[n] = pair->b_ns;
        n++;
    }
    result->a_ns = median_of(a, n);
    result->b_ns = median_of(b, n);
}

enum status duet_judge(struct duet_result *result)
{
    size_t most = (size_t)(result->pairs > result->rounds ? result->pairs : result->rounds);
    double *scratch;
    enum status st = ST_OK;

    TRY(mem_alloc(3 * most, sizeof *scratch, &scratch));
    if (result->slices > 0)
        TRY_OUT(judge_sliced(result));
    else
        for (int p = 0; p < result->pairs; p++)
            judge_batches(result, p);
    for (int p = 0; p < result->pairs; p++)
        judge_pair(result, p, scratch);
    judge_totals(result, scratch);
out:
    mem_free(scratch);
    return st;
}
