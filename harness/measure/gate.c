#include "measure/gate.h"

#include <math.h>
#include <stdlib.h>

#include "measure/distribution.h"
#include "measure/multiplicity.h"
#include "measure/precision.h"
#include "measure/ranktest.h"
#include "measure/stats.h"
#include "measure/trend.h"

struct gate_options gate_defaults(int cells)
{
    return (struct gate_options){.alpha_run = 0.01,
                                 .cells = cells,
                                 .gate_ratio = 0.02,
                                 .floor_ratio = 0.01,
                                 .mde_target_ratio = 0.03,
                                 .dropped_max = 0.40,
                                 .tied_max = 0.20,
                                 .fdr = 0.05,
                                 .min_pairs = 13,
                                 .factor_max = 4};
}

const char *gate_verdict_word(enum gate_verdict verdict)
{
    static const char *const words[GATE_VERDICTS] = {
        [GATE_REGRESSED] = "regressed",           [GATE_IMPROVED] = "improved",
        [GATE_NO_CHANGE] = "no-change",           [GATE_INCONCLUSIVE] = "inconclusive",
        [GATE_NOT_COMPARABLE] = "not-comparable", [GATE_INCORRECT] = "incorrect"};
    return (unsigned)verdict < GATE_VERDICTS ? words[verdict] : "unknown";
}

double gate_stage_alpha(const struct gate_options *options)
{
    return multiplicity_stage_alpha(options->alpha_run, options->cells);
}

static enum status check(const struct gate_options *o, const struct gate_cell *cell)
{
    if (!(gate_stage_alpha(o) > 0) || !(o->gate_ratio >= 0) || !(o->floor_ratio >= 0) || !(o->mde_target_ratio > 0) ||
        !(o->dropped_max >= 0) || !(o->tied_max >= 0) || !(o->fdr > 0 && o->fdr < 1) || o->min_pairs < 6 ||
        o->factor_max < 1 || !isfinite(o->gate_ratio + o->floor_ratio + o->mde_target_ratio))
        return status_fail(ST_BADARG,
                           "gate: options out of range (alpha_run %g, %d cells, gate %g, floor %g, target %g, "
                           "at least %d pairs, 6 or more expected)",
                           o->alpha_run, o->cells, o->gate_ratio, o->floor_ratio, o->mde_target_ratio, o->min_pairs);
    for (int s = 0; cell != NULL && s < 2; s++) {
        const struct gate_stage *stage = &cell->stage[s];
        if (stage->pairs < 0 || (stage->pairs > 0 && stage->d == NULL) || stage->kept < 0 || stage->dropped < 0 ||
            stage->tied < 0 || stage->tied > stage->kept)
            return status_fail(ST_BADARG, "gate: stage %d has %d pairs, %ld rounds kept, %ld dropped, %ld tied", s + 1,
                               stage->pairs, stage->kept, stage->dropped, stage->tied);
    }
    if (cell != NULL && (cell->floor_ratio < 0 || isinf(cell->floor_ratio)))
        return status_fail(ST_BADARG, "gate: layout floor of %g", cell->floor_ratio);
    return ST_OK;
}

static double worse(double a, double b)
{
    return isnan(a) || b > a ? b : a;
}

static double share(long part, long whole)
{
    return whole > 0 ? (double)part / (double)whole : NAN;
}

/* The finite values of a stage; returns how many. */
static int copy_finite(const double *x, int n, double *out)
{
    int used = 0;

    for (int i = 0; x != NULL && i < n; i++)
        if (isfinite(x[i]))
            out[used++] = x[i];
    return used;
}

static enum status test_stages(const struct gate_cell *cell, struct gate_result *r)
{
    struct ranktest test;
    struct trend trend;
    int tail = cell->stage[0].pairs > TREND_MAX ? TREND_MAX : cell->stage[0].pairs;

    TRY(ranktest_signed_rank(cell->stage[0].d, cell->stage[0].pairs, &test));
    r->pairs_stage1 = test.n + test.zeros;
    r->p_stage1 = test.p_greater;
    r->p_faster_stage1 = r->p_faster = test.p_less;
    TRY(trend_measure(cell->stage[0].d, tail, &trend));
    r->drift_pairs = trend.drift;
    r->half_gap_pairs = trend.half_gap;
    if (!r->stage2)
        return ST_OK;
    TRY(ranktest_signed_rank(cell->stage[1].d, cell->stage[1].pairs, &test));
    r->pairs_stage2 = test.n + test.zeros;
    r->p_stage2 = test.p_greater;
    r->p_faster_stage2 = test.p_less;
    /* Chance that both of two independent stages get this low. */
    r->p_faster = fmax(r->p_faster_stage1, r->p_faster_stage2);
    r->p_faster *= r->p_faster;
    return ST_OK;
}

/* Point, interval, precision and marks from the pairs of both stages. */
static enum status pool_stages(const struct gate_options *options, const struct gate_cell *cell, struct gate_result *r)
{
    const struct gate_stage *a = &cell->stage[0], *b = &cell->stage[1];
    size_t room = (size_t)a->pairs + (size_t)b->pairs + 1;
    double *d = malloc(room * sizeof *d), above = 0;
    struct stats_interval interval;
    struct ranktest_sign sign;
    enum status st = ST_OK;
    int n;

    if (d == NULL)
        return status_fail(ST_NOMEM, "gate: no memory for %zu pairs", room);
    n = copy_finite(a->drift, a->pairs, d);
    n += copy_finite(b->drift, b->pairs, d + n);
    stats_sort(d, n);
    r->drift_rounds = stats_median(d, n);
    r->unsteady = fabs(r->drift_rounds) > log1p(options->gate_ratio);

    n = copy_finite(a->d, a->pairs, d);
    n += copy_finite(b->d, b->pairs, d + n);
    sign = ranktest_sign(d, n);
    r->p_sign = fmin(1, 2 * fmin(sign.p_greater, sign.p_less));
    stats_sort(d, n);
    r->pairs_used = n;
    for (int i = 0; i < n; i++)
        above += d[i] > 0 ? 1 : d[i] < 0 ? 0 : 0.5;
    r->slower_share = n > 0 ? above / n : NAN;
    r->ratio = exp(stats_median(d, n));
    interval = stats_median_interval(d, n, 0.95);
    r->lo = exp(interval.lo);
    r->hi = exp(interval.hi);
    TRY_OUT(precision_standard_error(d, n, gate_stage_alpha(options), &r->se));

    n = copy_finite(b->d, b->pairs, d);
    stats_sort(d, n);
    interval = stats_median_interval(d, n, 0.95);
    r->ratio_stage2 = exp(stats_median(d, n));
    r->lo_stage2 = exp(interval.lo);
    r->hi_stage2 = exp(interval.hi);
out:
    free(d);
    return st;
}

static void count_rounds(const struct gate_cell *cell, struct gate_result *r)
{
    for (int s = 0; s < 2; s++) {
        const struct gate_stage *stage = &cell->stage[s];
        r->dropped_share = worse(r->dropped_share, share(stage->dropped, stage->kept + stage->dropped));
        r->tied_share = worse(r->tied_share, share(stage->tied, stage->kept));
    }
}

static void measure_precision(const struct gate_options *options, struct gate_result *r)
{
    struct precision_rules rules = {gate_stage_alpha(options), options->gate_ratio, r->floor_ratio};
    double unit = precision_unit_scale(r->se, r->pairs_used);
    int confirming = r->stage2 ? r->pairs_stage2 : r->pairs_stage1;

    r->mde = precision_mde_significant(&rules, unit, r->pairs_stage1, confirming);
    r->mde_gate = precision_mde_reported(&rules, unit, r->pairs_stage1, confirming);
}

/* Conditions of a reported change in one direction; the other one is judged with ratios inverted. */
static int has_moved(const struct gate_options *options, const struct gate_result *r, double p1, double p2,
                     double ratio, double lo)
{
    double alpha = gate_stage_alpha(options);
    return r->stage2 && p1 <= alpha && p2 <= alpha && ratio >= 1 + options->gate_ratio && lo > 1 + r->floor_ratio;
}

static int too_few(const struct gate_options *options, const struct gate_result *r)
{
    int fewest = r->stage2 && r->pairs_stage2 < r->pairs_stage1 ? r->pairs_stage2 : r->pairs_stage1;
    return fewest < options->min_pairs || ldexp(1, -fewest) > gate_stage_alpha(options);
}

static enum gate_why why_not_reported(const struct gate_options *options, const struct gate_result *r)
{
    double alpha = gate_stage_alpha(options), up = 1 + options->gate_ratio, target = 1 + options->mde_target_ratio;
    int slower = r->ratio >= up, faster = r->ratio <= 1 / up;
    double p1 = slower ? r->p_stage1 : r->p_faster_stage1, p2 = slower ? r->p_stage2 : r->p_faster_stage2;

    if ((slower || faster) && p1 <= alpha)
        return r->stage2 && p2 <= alpha ? GATE_WHY_FLOOR : GATE_WHY_UNCONFIRMED;
    if (!(r->mde_gate <= options->mde_target_ratio))
        return GATE_WHY_MDE;
    if (slower || faster || !(r->lo > 1 / target && r->hi < target))
        return GATE_WHY_WIDE;
    if (r->lo > 1 + r->floor_ratio || r->hi < 1 / (1 + r->floor_ratio))
        return GATE_WHY_SMALL;
    return GATE_WHY_ALIKE;
}

static void decide(const struct gate_options *options, struct gate_result *r)
{
    r->verdict = GATE_INCONCLUSIVE;
    if (too_few(options, r))
        r->why = GATE_WHY_FEW_PAIRS;
    else if (r->dropped_share > options->dropped_max)
        r->why = GATE_WHY_DISTURBED;
    else if (r->tied_share > options->tied_max)
        r->why = GATE_WHY_TIED;
    else {
        if (has_moved(options, r, r->p_stage1, r->p_stage2, r->ratio, r->lo))
            r->moved = 1;
        else if (has_moved(options, r, r->p_faster_stage1, r->p_faster_stage2, 1 / r->ratio, 1 / r->hi))
            r->moved = -1;
        if (r->moved == 1) {
            r->verdict = GATE_REGRESSED;
            r->why = GATE_WHY_CONFIRMED;
        } else {
            r->why = r->moved ? GATE_WHY_MANY : why_not_reported(options, r);
            if (r->why == GATE_WHY_SMALL || r->why == GATE_WHY_ALIKE)
                r->verdict = GATE_NO_CHANGE;
        }
    }
    if (r->control) {
        r->verdict = r->moved ? GATE_INCONCLUSIVE : GATE_NO_CHANGE;
        r->why = r->moved ? GATE_WHY_CONTROL_MOVED : GATE_WHY_CONTROL;
    }
}

enum status gate_judge(const struct gate_options *options, const struct gate_cell *cell, struct gate_result *out)
{
    struct gate_result r = {.verdict = GATE_INCORRECT, .why = GATE_WHY_WRONG_OUTPUT};

    TRY(check(options, cell));
    r.ratio = r.lo = r.hi = r.ratio_stage2 = r.lo_stage2 = r.hi_stage2 = r.slower_share = r.se = r.mde = r.mde_gate =
        NAN;
    r.p_stage1 = r.p_stage2 = r.p_faster_stage1 = r.p_faster_stage2 = r.p_faster = r.q_faster = r.p_sign = NAN;
    r.dropped_share = r.tied_share = r.drift_pairs = r.half_gap_pairs = r.drift_rounds = NAN;
    r.floor_ratio = worse(cell->floor_ratio, options->floor_ratio);
    r.control = cell->code_same == 1;
    r.stage2 = cell->stage[1].pairs > 0;
    count_rounds(cell, &r);
    /* The speed of a wrong answer, or of another machine, is not a figure. */
    if (!cell->wrong && cell->not_comparable) {
        r.verdict = GATE_NOT_COMPARABLE;
        r.why = GATE_WHY_NOT_COMPARABLE;
    } else if (!cell->wrong) {
        TRY(test_stages(cell, &r));
        TRY(pool_stages(options, cell, &r));
        measure_precision(options, &r);
        decide(options, &r);
    }
    *out = r;
    return ST_OK;
}

enum status gate_judge_improved(const struct gate_options *options, struct gate_result *results, int cells)
{
    double *p;
    enum status st;

    TRY(check(options, NULL));
    if (cells < 0)
        return status_fail(ST_BADARG, "gate: %d cells", cells);
    p = malloc(((size_t)cells + 1) * sizeof *p);
    if (p == NULL)
        return status_fail(ST_NOMEM, "gate: no memory for %d cells", cells);
    for (int i = 0; i < cells; i++)
        p[i] = results[i].control ? NAN : results[i].p_faster;
    TRY_OUT(multiplicity_fdr(p, cells, p));
    for (int i = 0; i < cells; i++) {
        struct gate_result *r = &results[i];
        r->q_faster = p[i];
        if (r->moved == -1 && !r->control && r->q_faster <= options->fdr) {
            r->verdict = GATE_IMPROVED;
            r->why = GATE_WHY_CONFIRMED;
        }
    }
out:
    free(p);
    return st;
}

/* Verdicts that more measuring can change. */
static int is_open(const struct gate_result *r)
{
    return r->verdict != GATE_INCORRECT && r->verdict != GATE_NOT_COMPARABLE && r->why != GATE_WHY_DISTURBED &&
           r->why != GATE_WHY_TIED;
}

int gate_wants_stage2(const struct gate_options *options, const struct gate_result *result)
{
    double alpha = gate_stage_alpha(options);
    return is_open(result) && !result->stage2 && !too_few(options, result) &&
           (result->p_stage1 <= alpha || result->p_faster_stage1 <= alpha);
}

int gate_wants_more(const struct gate_options *options, const struct gate_result *result, int factor)
{
    struct precision_rules rules = {gate_stage_alpha(options), options->gate_ratio, result->floor_ratio};
    int most;

    if (!is_open(result) || result->control || factor < 1 || 2 * factor > options->factor_max)
        return factor;
    if (too_few(options, result))
        return 2 * factor;
    if (result->mde_gate <= options->mde_target_ratio)
        return factor;
    /* The scale of a few pairs is known to a fifth: give up only when the most that is allowed would miss by half. */
    most = result->pairs_stage1 * (options->factor_max / factor);
    if (precision_mde_reported(&rules, precision_unit_scale(result->se, result->pairs_used), most, most) >
        1.5 * options->mde_target_ratio)
        return factor;
    return 2 * factor;
}

double gate_layout_floor(const struct gate_options *options, const struct gate_result *relinked, int count)
{
    double floor_ratio = options->floor_ratio;

    for (int i = 0; i < count; i++)
        if (relinked[i].ratio > 0)
            floor_ratio = fmax(floor_ratio, fmax(relinked[i].ratio, 1 / relinked[i].ratio) - 1);
    return floor_ratio;
}
