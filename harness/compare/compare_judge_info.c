#include "compare/compare_judge_info.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure/multiplicity.h"
#include "measure/ranktest.h"
#include "measure/stats.h"

#define FDR 0.05
#define MDE_TARGET 0.03

/* Tolerances of the exact figures, as those of two run folders (compare_runs.h). */
#define COST_RATIO 0.001
#define ACCURACY_PP 0.5

enum status compare_info_row(struct comparison *comparison, const struct compare_cell *cell, const char *metric,
                             const char *unit, const char *role, struct comparison_row **out)
{
    struct comparison_row *row;

    TRY(comparison_add(comparison, &row));
    TRY(record_set(&row->cell, cell->cell));
    TRY(record_set(&row->model, cell->model));
    TRY(record_set(&row->config, cell->config));
    TRY(record_set(&row->kernel, cell->kernel));
    TRY(record_set(&row->isa, cell->isa));
    row->threads = cell->threads;
    row->batch = cell->batch;
    TRY(record_set(&row->metric, metric));
    TRY(record_set(&row->unit, unit));
    TRY(record_set(&row->role, role));
    TRY(record_set(&row->a_sha256, cell->a.sha256));
    TRY(record_set(&row->b_sha256, cell->b.sha256));
    *out = row;
    return ST_OK;
}

enum status compare_info_instructions(const struct compare_folder *folder, const struct compare_cell *cell,
                                      struct comparison_row *row)
{
    const struct compare_extra *extra = compare_extra_find(&folder->extras, cell->cell, "instructions");

    if (!extra || extra->n != 1)
        return ST_OK;
    row->instructions_a = (int64_t)extra->a[0];
    row->instructions_b = (int64_t)extra->b[0];
    /* Slower by the same instructions and the same code would be suspect; the same instructions by other code is not.
     */
    if (strcmp(row->verdict, "regressed") != 0 || !row->reason)
        return ST_OK;
    return record_setf(&row->reason, "%s; %+.2f %% instructions", row->reason, 100 * (extra->b[0] / extra->a[0] - 1));
}

/* ------------------------------------------------------------------ costs of a fresh process */

static double side_value(const struct duet_side *side, int metric)
{
    return metric == 0 ? side->load_ns : metric == 1 ? side->plan_ns : side->first_ns;
}

/* Pairs of fresh processes, the builds as they are (the confirmation runs relinked ones). */
static int collect(const struct compare_folder *folder, const char *cell, int metric, double *a, double *b)
{
    int n = 0;

    for (size_t i = 0; i < folder->raw.n; i++) {
        const struct duet_result *result = &folder->raw.entry[i].result;
        if (!compare_raw_is(&folder->raw.entry[i], cell, "gated", 1))
            continue;
        for (int p = 0; p < result->pairs && n < DUET_MAX_PAIRS; p++, n++) {
            a[n] = side_value(&result->pair[p].side[DUET_A], metric);
            b[n] = side_value(&result->pair[p].side[DUET_B], metric);
        }
    }
    return n;
}

static enum status fill_pairs(struct comparison_row *row, const double *a, const double *b, int n, double *out_p)
{
    double scratch[2 * DUET_MAX_PAIRS], d[DUET_MAX_PAIRS], sorted[DUET_MAX_PAIRS];
    struct stats_ratio ratio = stats_ratio(b, a, n, scratch);
    struct ranktest test;

    for (int i = 0; i < n; i++)
        d[i] = a[i] > 0 && b[i] > 0 ? log(b[i] / a[i]) : NAN;
    TRY(ranktest_signed_rank(d, n, &test));
    *out_p = test.n >= 6 ? fmin(1, 2 * fmin(test.p_greater, test.p_less)) : NAN;
    memcpy(sorted, a, (size_t)n * sizeof *sorted);
    stats_sort(sorted, n);
    row->a = stats_median(sorted, n);
    memcpy(sorted, b, (size_t)n * sizeof *sorted);
    stats_sort(sorted, n);
    row->b = stats_median(sorted, n);
    row->ratio = ratio.ratio;
    row->ratio_ci95[0] = ratio.lo;
    row->ratio_ci95[1] = ratio.hi;
    row->se = ratio.se;
    row->mde = ratio.mde;
    row->slower_share = ratio.above;
    row->pairs_stage1 = ratio.n;
    return ST_OK;
}

/* Listed, not gated: proven after correction for the number of cells, and at least as large as the gate. */
static enum status say(struct comparison_row *row, double q, double gate_ratio)
{
    if (q <= FDR && row->ratio >= 1 + gate_ratio)
        return record_set(&row->verdict, "regressed");
    if (q <= FDR && row->ratio <= 1 / (1 + gate_ratio))
        return record_set(&row->verdict, "improved");
    return record_set(&row->verdict, row->ratio_ci95[0] > 1 / (1 + MDE_TARGET) && row->ratio_ci95[1] < 1 + MDE_TARGET
                                         ? "no-change"
                                         : "inconclusive");
}

static enum status judge_metric(struct comparison *comparison, size_t first, double *p, double gate_ratio)
{
    int n = (int)(comparison->rows - first);
    double *q = calloc((size_t)n + 1, sizeof *q);
    enum status st = q ? multiplicity_fdr(p, n, q) : status_fail(ST_NOMEM, "no memory for %d cells", n);

    for (int i = 0; i < n && st == ST_OK; i++) {
        struct comparison_row *row = &comparison->row[first + (size_t)i];
        st = record_setf(&row->reason, "not gated; two-sided q %.3g over %d cells", q[i], n);
        if (st == ST_OK)
            st = say(row, q[i], gate_ratio);
    }
    free(q);
    return st;
}

static enum status add_process(const struct compare_folder *folder, struct comparison *comparison, double *p)
{
    size_t first = comparison->rows;

    for (size_t i = 0; i < folder->cells.n; i++) {
        const struct compare_cell *cell = &folder->cells.cell[i];
        const struct compare_extra *extra = compare_extra_find(&folder->extras, cell->cell, "process");
        struct comparison_row *row;
        if (!extra || extra->n == 0)
            continue;
        TRY(compare_info_row(comparison, cell, "process", "ms", "info", &row));
        TRY(fill_pairs(row, extra->a, extra->b, extra->n, &p[comparison->rows - 1 - first]));
    }
    return ST_OK;
}

enum status compare_info_cold(const struct compare_folder *folder, double gate_ratio, struct comparison *comparison)
{
    static const char *const metric[] = {"load", "plan", "first_inference"};
    enum status st = ST_OK;
    double *p = calloc(folder->cells.n + 1, sizeof *p), *a = calloc(DUET_MAX_PAIRS, sizeof *a);
    double *b = calloc(DUET_MAX_PAIRS, sizeof *b);
    size_t first;

    if (!p || !a || !b) {
        st = status_fail(ST_NOMEM, "no memory for the cold figures");
        goto out;
    }
    for (int m = 0; m < 3; m++) {
        first = comparison->rows;
        for (size_t i = 0; i < folder->cells.n; i++) {
            const struct compare_cell *cell = &folder->cells.cell[i];
            struct comparison_row *row;
            int n = collect(folder, cell->cell, m, a, b);
            if (n == 0)
                continue;
            TRY_OUT(compare_info_row(comparison, cell, metric[m], "ns", "info", &row));
            TRY_OUT(fill_pairs(row, a, b, n, &p[comparison->rows - 1 - first]));
        }
        TRY_OUT(judge_metric(comparison, first, p, gate_ratio));
    }
    first = comparison->rows;
    TRY_OUT(add_process(folder, comparison, p));
    TRY_OUT(judge_metric(comparison, first, p, gate_ratio));
out:
    free(b);
    free(a);
    free(p);
    return st;
}

/* ------------------------------------------------------------------ exact figures of two files */

static enum status add_cost(struct comparison *comparison, const struct compare_cell *cell, const char *metric,
                            const char *unit, double a, double b)
{
    struct comparison_row *row;

    if (!(a > 0) || !(b > 0))
        return ST_OK;
    TRY(compare_info_row(comparison, cell, metric, unit, "gated", &row));
    row->a = a;
    row->b = b;
    row->ratio = b / a;
    if (row->ratio > 1 + COST_RATIO || row->ratio < 1 / (1 + COST_RATIO))
        TRY(record_setf(&row->reason, "%+.2f %%, exact", 100 * (row->ratio - 1)));
    return record_set(&row->verdict, row->ratio > 1 + COST_RATIO         ? "regressed"
                                     : row->ratio < 1 / (1 + COST_RATIO) ? "improved"
                                                                         : "no-change");
}

static double count_value(int64_t count)
{
    return count == RECORD_NONE ? NAN : (double)count;
}

/* Paired on the same test items where both files were run over them, else as the run's records say. */
static enum status add_accuracy(const struct compare_folder *folder, struct comparison *comparison,
                                const struct compare_cell *cell)
{
    const struct compare_extra *extra = compare_extra_find(&folder->extras, cell->cell, "accuracy");
    double a = cell->a.accuracy, b = cell->b.accuracy, change_pp;
    struct comparison_row *row;

    if (extra && extra->n == 4) {
        a = extra->a[0];
        b = extra->b[0];
    }
    if (!isfinite(a) || !isfinite(b))
        return ST_OK;
    TRY(compare_info_row(comparison, cell, "accuracy", "fraction", "gated", &row));
    row->a = a;
    row->b = b;
    change_pp = 100 * (b - a);
    if (extra && extra->n == 4)
        TRY(record_setf(&row->reason, "%+.2f points on %.0f items, McNemar p %.3g", change_pp, extra->a[1],
                        extra->a[3]));
    else
        TRY(record_setf(&row->reason, "%+.2f points, as recorded", change_pp));
    return record_set(&row->verdict, change_pp < -ACCURACY_PP  ? "regressed"
                                     : change_pp > ACCURACY_PP ? "improved"
                                                               : "no-change");
}

enum status compare_info_exact(const struct compare_folder *folder, struct comparison *comparison)
{
    for (size_t i = 0; i < folder->cells.n; i++) {
        const struct compare_cell *cell = &folder->cells.cell[i];
        if (strcmp(cell->a.sha256, cell->b.sha256) == 0)
            continue;
        TRY(add_cost(comparison, cell, "size_file", "B", count_value(cell->a.bytes), count_value(cell->b.bytes)));
        TRY(add_cost(comparison, cell, "ram_peak", "B", count_value(cell->a.ram_bytes),
                     count_value(cell->b.ram_bytes)));
        TRY(add_cost(comparison, cell, "energy_proxy", "nJ", cell->a.energy_nj, cell->b.energy_nj));
        TRY(add_accuracy(folder, comparison, cell));
    }
    return ST_OK;
}
