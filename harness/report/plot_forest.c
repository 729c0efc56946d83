/* Ratios of all cells with their intervals, sorted: named where they fit, and as a strip of all of them beside the
 * named ones where they do not. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/comparison_script.h"
#include "report/comparison_tables.h"
#include "report/plot_label.h"

enum {
    WIDTH = 1120,
    ROW = 21,
    BOTTOM = 128,
    TOP = 92,
    MARGIN = 14,
    VALUES = 176, /* the figures at the right */
    NAMED = 40,
    STRIP = 250,
    NAMES_MOST = 400
};

static int slower_first(const void *a, const void *b)
{
    const struct comparison_row *x = *(const struct comparison_row *const *)a;
    const struct comparison_row *y = *(const struct comparison_row *const *)b;

    if (x->ratio < y->ratio || x->ratio > y->ratio)
        return x->ratio < y->ratio ? 1 : -1;
    return (x > y) - (x < y);
}

/* Changed cells before others, then by the size of the change. */
static int most_told_first(const void *a, const void *b)
{
    const struct comparison_row *x = *(const struct comparison_row *const *)a;
    const struct comparison_row *y = *(const struct comparison_row *const *)b;
    int changed_x = comparison_is_changed(x), changed_y = comparison_is_changed(y);
    double size_x = fabs(log(x->ratio)), size_y = fabs(log(y->ratio));

    if (changed_x != changed_y)
        return changed_y - changed_x;
    if (size_x < size_y || size_x > size_y)
        return size_x < size_y ? 1 : -1;
    return (x > y) - (x < y);
}

static void add_row(struct text *out, const struct comparison_row *row, size_t number, int named)
{
    char name[512], ratio[32], ci[32], both[80];

    text_addf(out, "%zu,%d,", number, comparison_verdict_index(row));
    script_number(out, row->ratio);
    text_add(out, ",");
    script_number(out, row->ratio_ci95[0] > 0.0 ? row->ratio_ci95[0] : NAN);
    text_add(out, ",");
    script_number(out, row->ratio_ci95[0] > 0.0 ? row->ratio_ci95[1] : NAN);
    if (named) {
        snprintf(both, sizeof both, "%s [%s]", comparison_ratio_text(row, ratio), comparison_ci_text(row, ci));
        text_add(out, ",");
        script_field(out, comparison_row_name(row, name, sizeof name));
        text_add(out, ",");
        script_field(out, both);
    }
    text_add(out, "\n");
}

/* Intervals may leave the picture, ratios not. */
static void find_range(const struct comparison_view *view, const struct comparison_row *const *row, size_t n,
                       double *lo, double *hi)
{
    double gate = view->comparison->head.gate_ratio, reach;

    *lo = *hi = 1.0;
    for (size_t i = 0; i < n; i++) {
        *lo = fmin(*lo, row[i]->ratio);
        *hi = fmax(*hi, row[i]->ratio);
    }
    reach = fmax(pow(*hi / *lo, 0.35), 1.03);
    for (size_t i = 0; i < n; i++) {
        const double *ci = row[i]->ratio_ci95;
        if (ci[0] > 0.0 && ci[1] < 1e9) {
            *lo = fmin(*lo, fmax(ci[0], row[i]->ratio / reach));
            *hi = fmax(*hi, fmin(ci[1], row[i]->ratio * reach));
        }
    }
    gate = 1.0 + (gate > 0.0 && gate < 1.0 ? 1.25 * gate : 0.0);
    *lo = fmin(*lo, 1.0 / gate) / 1.004;
    *hi = fmax(*hi, gate) * 1.004;
}

static void write_picture(const struct comparison_view *view, const struct plot *plot,
                          const struct comparison_row **row, size_t n, struct text *out)
{
    struct text rows = {0}, strip = {0};
    size_t named = n < NAMED ? n : NAMED;
    int split = n > named, height, left, wide, tics;
    double lo, hi, names = 60.0;
    char line[256], name[512];

    find_range(view, row, n, &lo, &hi);
    if (split) {
        qsort(row, n, sizeof *row, slower_first);
        for (size_t i = 0; i < n; i++)
            add_row(&strip, row[i], i + 1, 0);
        qsort(row, n, sizeof *row, most_told_first);
    }
    qsort(row, named, sizeof *row, slower_first);
    for (size_t i = 0; i < named; i++) {
        add_row(&rows, row[i], i + 1, 1);
        names = fmax(names, plot_text_width(comparison_row_name(row[i], name, sizeof name), 12.0));
    }
    names = fmin(names, NAMES_MOST);
    height = TOP + BOTTOM + ROW * (int)(named < 4 ? 4 : named);
    left = MARGIN + (split ? STRIP + 26 : 0) + (int)names + 10;
    wide = WIDTH - left - VALUES;
    tics = wide / 90;
    script_begin(out, plot, WIDTH, height);
    script_margins(out, left, VALUES, BOTTOM, TOP);
    text_addf(out, "ROWS = %zu\nALL = %zu\nSPLIT = %d\nSTRIP_X = %d.\nSTRIP = %d.\n", named < 4 ? 4 : named, n, split,
              MARGIN + 8, STRIP);
    script_set(out, "XMIN", lo);
    script_set(out, "XMAX", hi);
    comparison_limits(out, view);
    text_addf(out, "$rows << END_OF_DATA\nrow,verdict,ratio,lo,hi,name,text\n%sEND_OF_DATA\n", rows.bytes);
    text_addf(out, "$strip << END_OF_DATA\nrow,verdict,ratio,lo,hi\n%sEND_OF_DATA\n",
              split ? strip.bytes : "1,0,NaN,NaN,NaN\n");
    snprintf(line, sizeof line, "B against A in %zu cells, with 95 %% intervals", n);
    script_title(out, height, MARGIN, line,
                 "Right is slower. Light band: within the gate; dark band: what relinking alone can do.");
    script_verdict_key(out, MARGIN, height - 66, row, n);
    snprintf(line, sizeof line,
             "Left: all cells, sorted. Right: %zu of them, those that changed, then the largest ratios.", named);
    comparison_caption(out, view, WIDTH, MARGIN, split ? line : "");
    text_add(out, "TICS = \"");
    script_log_tics(out, lo, hi, tics < 4 ? 4 : tics);
    text_add(out, "\"\nSTRIP_TICS = \"");
    script_log_tics(out, lo, hi, 4);
    text_add(out, "\"\n");
    script_template(out, "forest");
    out->failed |= rows.failed | strip.failed;
    text_free(&rows);
    text_free(&strip);
}

void plot_forest(const struct comparison_view *view, const struct plot *plot, struct text *out)
{
    const struct comparison_row **row = malloc((view->gated.n + 1) * sizeof *row);
    size_t n = 0;

    if (!row) {
        out->failed = 1;
        return;
    }
    for (size_t i = 0; i < view->gated.n; i++)
        if (view->gated.row[i]->ratio > 1e-6 && view->gated.row[i]->ratio < 1e6)
            row[n++] = view->gated.row[i];
    if (n > 0)
        write_picture(view, plot, row, n, out);
    free(row);
}
