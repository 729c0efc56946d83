/* Size, speed, energy proxy and accuracy of each recipe relative to FP32, as dots over common rows. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/plot_label.h"
#include "report/plot_script.h"

enum { WIDTH = 1120, ROW = 25, BOTTOM = 108, TOP = 78, GAP = 74, MARGIN = 14, ROWS_MAX = 120 };

struct range {
    double lo, hi;
};

static void include(struct range *range, double value)
{
    if (fabs(value) < 1e9) { /* not NaN, and no nonsense stretches the axis */
        range->lo = fmin(range->lo, value);
        range->hi = fmax(range->hi, value);
    }
}

static int shown(const struct report_row *row)
{
    const struct record *r = row->main;

    return report_ok(r) &&
           (isfinite(r->size_ratio) || isfinite(r->speedup_vs_fp32_simd) || isfinite(r->accuracy_delta_pp));
}

/* 1 is always in, with room at both ends. */
static void log_range(struct range *range)
{
    double room;

    include(range, 1.0);
    range->lo = fmax(range->lo, 1e-6);
    room = pow(fmax(range->hi / range->lo, 2.0), 0.08);
    range->lo /= room;
    range->hi *= room;
}

static void set_range(struct text *out, int panel, const struct range *range)
{
    struct text tics = {0};

    text_addf(out, "MIN%d = ", panel);
    script_number(out, range->lo);
    text_addf(out, "\nMAX%d = ", panel);
    script_number(out, range->hi);
    text_add(out, "\n");
    /* As a text for eval: each panel sets its own. */
    if (panel < 4)
        script_log_tics(&tics, range->lo, range->hi, 6);
    else
        script_linear_tics(&tics, range->lo, range->hi, 5, 1);
    text_addf(out, "TICS%d = \"%s\"\n", panel, tics.bytes ? tics.bytes : "");
    out->failed |= tics.failed;
    text_free(&tics);
}

static void add_row(const struct report_row *row, int number, struct range *range, struct text *out)
{
    const struct record *r = row->main;
    const struct expectation *e = expectation_find(row->family);
    int base = row->verdict.kind == VERDICT_BASELINE;
    double delta = base ? 0.0 : r->accuracy_delta_pp;
    const double values[] = {r->size_ratio,
                             r->speedup_vs_fp32_simd,
                             r->speedup_ci95[0],
                             r->speedup_ci95[1],
                             r->energy_proxy_ratio,
                             r->energy_cpu_ratio,
                             delta,
                             base ? NAN : r->accuracy_delta_ci95[0],
                             base ? NAN : r->accuracy_delta_ci95[1],
                             e ? e->size_lo : NAN,
                             e ? e->size_hi : NAN,
                             e ? e->speed_lo : NAN,
                             e ? e->speed_hi : NAN,
                             e ? e->loss_pp : NAN};
    static const int panel[] = {0, 1, 1, 1, 2, 2, 3, 3, 3, 0, 0, 1, 1, -1};
    char a[32], b[32], energy[80];

    script_field(out, row->config);
    text_addf(out, ",%d,%d", number, script_family(row->family));
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        text_add(out, ",");
        script_number(out, values[i]);
        if (panel[i] >= 0 && (panel[i] == 3 || values[i] > 0.0))
            include(&range[panel[i]], values[i]);
    }
    if (e)
        include(&range[3], -e->loss_pp);
    snprintf(energy, sizeof energy, "%s / %s", format_sig(r->energy_proxy_ratio, 2, a),
             format_sig(r->energy_cpu_ratio, 2, b));
    text_add(out, ",");
    script_field(out, format_sig(r->size_ratio, 3, a));
    text_add(out, ",");
    script_field(out, format_sig(r->speedup_vs_fp32_simd, 3, a));
    text_add(out, ",");
    script_field(out, energy);
    text_add(out, ",");
    script_field(out, base ? "–" : format_signed(delta, 2, a));
    text_add(out, "\n");
}

void plot_ratios(const struct report *report, const struct report_model *model, const struct plot *plot,
                 struct text *out)
{
    struct range range[4] = {
        {INFINITY, -INFINITY}, {INFINITY, -INFINITY}, {INFINITY, -INFINITY}, {INFINITY, -INFINITY}};
    char energy[96], title[PLOT_TITLE + 64];
    int rows = 0, height, wide, left;
    double names = 60.0, room;
    struct text data = {0};

    text_add(
        &data,
        "$rows << END_OF_DATA\nname,row,family,size,speed,speed_from,speed_to,energy,cpu,delta,delta_from,delta_to,"
        "size_lo,size_hi,speed_lo,speed_hi,loss,size_text,speed_text,energy_text,delta_text\n");
    for (size_t i = 0; i < model->rows && rows < ROWS_MAX; i++) {
        if (!shown(&model->row[i]))
            continue;
        add_row(&model->row[i], ++rows, range, &data);
        names = fmax(names, plot_text_width(model->row[i].config, 12.0));
    }
    text_add(&data, "END_OF_DATA\n");
    if (rows == 0) {
        text_free(&data);
        return;
    }
    height = TOP + BOTTOM + ROW * rows;
    left = MARGIN + (int)fmin(names, 330.0) + 10;
    wide = (WIDTH - left - 4 * GAP) / 4;
    script_begin(out, plot, WIDTH, height);
    text_addf(out, "B = %d.\nT = %d.\nROWS = %d\nWIDE = %d.\nWIDEN = 1.06\n", BOTTOM, TOP, rows, wide);
    for (int i = 0; i < 4; i++)
        text_addf(out, "X%d = %d.\n", i + 1, left + i * (wide + GAP));
    for (int i = 0; i < 3; i++)
        log_range(&range[i]);
    include(&range[3], 0.0);
    room = fmax(0.08 * (range[3].hi - range[3].lo), 0.1);
    range[3].lo -= room;
    range[3].hi += room;
    for (int i = 0; i < 4; i++)
        set_range(out, i + 1, &range[i]);
    report_energy_title(report, energy, sizeof energy);
    text_add(out, "ENERGY = ");
    script_quote(out, energy);
    text_add(out, "\n");
    text_add_bytes(out, data.bytes ? data.bytes : "", data.len);
    out->failed |= data.failed;
    text_free(&data);
    snprintf(title, sizeof title, "%.100s: what each recipe brings against FP32", model->name);
    script_title(out, height, MARGIN, title,
                 "Grey bands: what the literature leads one to expect. Lines through dots: 95 % intervals.");
    script_caption(out, report, model, WIDTH, MARGIN,
                   "Energy: filled is arithmetic and data movement, hollow with a CPU's instructions added; both "
                   "figures at the right.",
                   1);
    script_template(out, "ratios");
}
