/* A comparison as data: tidy CSV and JSON Lines. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/comparison_emit.h"
#include "report/comparison_inside.h"

static void line(const struct comparison_view *view, const struct comparison_row *row, const char *what,
                 const char *unit, double value, const double *interval, int64_t n, struct text *out)
{
    char name[256];
    int sentinel = strncmp(row->role, "sentinel", 8) == 0;

    if (!isfinite(value))
        return;
    text_add_csv(out, view->run);
    text_add(out, ",");
    text_add_csv(out, row->cell);
    text_add(out, ",");
    snprintf(name, sizeof name, "%.30s%s%.100s/%s", sentinel ? row->role : "", sentinel ? "/" : "", row->metric, what);
    text_add_csv(out, name);
    text_add(out, ",");
    text_add_csv(out, unit);
    text_add(out, ",");
    text_add_number(out, value);
    text_add(out, ",");
    if (interval && isfinite(interval[0]) && isfinite(interval[1])) {
        text_add_number(out, interval[0]);
        text_add(out, ",");
        text_add_number(out, interval[1]);
    } else {
        text_add(out, ",");
    }
    text_add(out, ",");
    if (n != RECORD_NONE)
        text_addf(out, "%" PRId64, n);
    text_add(out, ",");
    text_add_csv(out, row->verdict);
    text_add(out, "\r\n");
}

static int64_t pairs_of(const struct comparison_row *row)
{
    if (row->pairs_stage1 == RECORD_NONE)
        return RECORD_NONE;
    return row->pairs_stage1 + (row->pairs_stage2 == RECORD_NONE ? 0 : row->pairs_stage2);
}

static double count(int64_t value)
{
    return value == RECORD_NONE ? NAN : (double)value;
}

static void add_row(const struct comparison_view *view, const struct comparison_row *row, struct text *out)
{
    int64_t n = pairs_of(row);
    size_t before = out->len;

    line(view, row, "a", row->unit, row->a, NULL, row->rounds_kept, out);
    line(view, row, "b", row->unit, row->b, NULL, row->rounds_kept, out);
    line(view, row, "ratio", "x", row->ratio, row->ratio_ci95, n, out);
    line(view, row, "mde", "fraction", row->mde, NULL, n, out);
    line(view, row, "p_stage1", "", row->p_stage1, NULL, row->pairs_stage1, out);
    line(view, row, "p_stage2", "", row->p_stage2, NULL, row->pairs_stage2, out);
    line(view, row, "p_sign", "", row->p_sign, NULL, n, out);
    line(view, row, "q_faster", "", row->q_faster, NULL, n, out);
    line(view, row, "slower_share", "fraction", row->slower_share, NULL, n, out);
    line(view, row, "rounds_kept", "", count(row->rounds_kept), NULL, RECORD_NONE, out);
    line(view, row, "rounds_dropped", "", count(row->rounds_dropped), NULL, RECORD_NONE, out);
    line(view, row, "layout_floor", "fraction", row->layout_floor, NULL, RECORD_NONE, out);
    line(view, row, "drift", "fraction", row->drift, NULL, RECORD_NONE, out);
    line(view, row, "instructions_a", "", count(row->instructions_a), NULL, RECORD_NONE, out);
    line(view, row, "instructions_b", "", count(row->instructions_b), NULL, RECORD_NONE, out);
    if (out->len == before) { /* a cell without a single figure is still a row */
        text_add_csv(out, view->run);
        text_add(out, ",");
        text_add_csv(out, row->cell);
        text_add(out, ",");
        text_add_csv(out, row->metric);
        text_add(out, ",,,,,,");
        text_add_csv(out, row->verdict);
        text_add(out, "\r\n");
    }
}

void comparison_csv(const struct comparison_view *view, const struct emit_options *options, struct text *out)
{
    const struct comparison_rows *const lists[] = {&view->gated, &view->info, &view->sentinels};

    (void)options;
    text_add(out, "run,cell,metric,unit,value,lo,hi,n,verdict\r\n");
    for (int l = 0; l < 3; l++)
        for (size_t i = 0; i < lists[l]->n; i++)
            add_row(view, lists[l]->row[i], out);
}

void comparison_jsonl(const struct comparison_view *view, const struct emit_options *options, struct text *out)
{
    const struct comparison_rows *const lists[] = {&view->gated, &view->info, &view->sentinels};

    (void)options;
    comparison_write_head(view->comparison, "", "", out);
    text_add(out, "\n");
    for (int l = 0; l < 3; l++)
        for (size_t i = 0; i < lists[l]->n; i++)
            comparison_write_row(lists[l]->row[i], out);
}
