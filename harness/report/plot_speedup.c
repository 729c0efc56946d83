/* Speed of every cell against FP32 SIMD at the same threads and batch, as a coloured table. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/plot_label.h"
#include "report/plot_script.h"

enum {
    COLUMN = 112,
    ROW = 25,
    BOTTOM = 108,
    TOP = 92,
    MARGIN = 14,
    COLUMNS_MAX = 12,
    ROWS_MAX = 120,
    LEAST_WIDTH = 760
};

struct columns {
    const struct record *like[COLUMNS_MAX]; /* any record of that kernel, level, threads and batch */
    int n;
};

static int same_level(const struct record *a, const struct record *b)
{
    return !a->isa || !b->isa || strcmp(a->isa, b->isa) == 0;
}

static int same_column(const struct record *a, const struct record *b)
{
    return same_level(a, b) && strcmp(a->kernel, b->kernel) == 0 && a->threads == b->threads && a->batch == b->batch;
}

static int find_column(const struct columns *columns, const struct record *record)
{
    for (int i = 0; i < columns->n; i++)
        if (same_column(columns->like[i], record))
            return i;
    return -1;
}

static const struct record *find_cell(const struct report *report, const struct report_model *model, const char *config,
                                      const struct record *like)
{
    for (size_t i = 0; i < report->cells; i++) {
        const struct record *r = report->cell[i];
        if (strcmp(r->model, model->name) == 0 && strcmp(r->config, config) == 0 && same_column(r, like))
            return r;
    }
    return NULL;
}

static double log_speed(const struct record *record)
{
    double ratio = report_ok(record) ? record->speedup_vs_fp32_simd : NAN;

    return ratio > 0.0 && isfinite(ratio) ? log2(ratio) : 0.0;
}

static void add_cell(const struct record *record, int row, int column, double span, struct text *out)
{
    char text[48] = "–", a[32];
    double ratio = record && report_ok(record) ? record->speedup_vs_fp32_simd : NAN;
    double power = log_speed(record);

    if (record && !report_ok(record))
        snprintf(text, sizeof text, "%.20s", record->status);
    else if (ratio > 0.0)
        snprintf(text, sizeof text, "%s", format_sig(ratio, 3, a));
    text_addf(out, "%d,%d,", row, column + 1);
    script_number(out, ratio);
    text_add(out, ",");
    script_number(out, power);
    text_add(out, ",");
    script_field(out, text);
    text_addf(out, ",%d\n", fabs(power) / span > 0.62);
}

void plot_speedup(const struct report *report, const struct report_model *model, const struct plot *plot,
                  struct text *out)
{
    struct columns columns = {{NULL}, 0};
    struct text cells = {0}, rows_text = {0};
    double span = 1.0, names = 60.0;
    int rows = 0, width, height, left, more = 0;
    char line[256], about[256];

    for (size_t i = 0; i < report->cells; i++) {
        const struct record *r = report->cell[i];
        if (strcmp(r->model, model->name) != 0 || !isfinite(r->speedup_vs_fp32_simd) || find_column(&columns, r) >= 0)
            continue;
        if (columns.n < COLUMNS_MAX)
            columns.like[columns.n++] = r;
        else
            more = 1;
    }
    if (columns.n == 0)
        return;
    for (size_t i = 0; i < model->rows && i < ROWS_MAX; i++)
        for (int c = 0; c < columns.n; c++)
            span = fmax(span, fabs(log_speed(find_cell(report, model, model->row[i].config, columns.like[c]))));
    for (size_t i = 0; i < model->rows && rows < ROWS_MAX; i++) {
        rows++;
        names = fmax(names, plot_text_width(model->row[i].config, 12.0));
        script_field(&rows_text, model->row[i].config);
        text_addf(&rows_text, ",%d\n", rows);
        for (int c = 0; c < columns.n; c++)
            add_cell(find_cell(report, model, model->row[i].config, columns.like[c]), rows, c, span, &cells);
    }
    left = MARGIN + (int)fmin(names, 330.0) + 10;
    width = left + COLUMN * columns.n + MARGIN;
    if (width < LEAST_WIDTH)
        width = LEAST_WIDTH;
    height = TOP + BOTTOM + 14 + ROW * rows;
    script_begin(out, plot, width, height);
    text_addf(out, "L = %d.\nR = %d.\nB = %d.\nT = %d.\nROWS = %d\nCOLUMNS = %d\nSPAN = ", left,
              width - left - COLUMN * columns.n, BOTTOM + 14, TOP, rows, columns.n);
    script_number(out, span);
    text_addf(out, "\n$cells << END_OF_DATA\nrow,column,ratio,log2,text,dark\n%sEND_OF_DATA\n",
              cells.bytes ? cells.bytes : "");
    text_addf(out, "$rows << END_OF_DATA\nname,row\n%sEND_OF_DATA\n", rows_text.bytes ? rows_text.bytes : "");
    text_add(out, "$columns << END_OF_DATA\nname,column\n");
    for (int c = 0; c < columns.n; c++) {
        const struct record *r = columns.like[c];
        /* A level's name says SIMD, too. */
        snprintf(line, sizeof line, "%.12s t%" PRId64 " b%" PRId64, model->isa && r->isa ? r->isa : r->kernel,
                 r->threads == RECORD_NONE ? 1 : r->threads, r->batch == RECORD_NONE ? 1 : r->batch);
        script_field(out, line);
        text_addf(out, ",%d\n", c + 1);
    }
    text_add(out, "END_OF_DATA\n");
    snprintf(line, sizeof line, "%.100s: speed of every cell, × FP32 SIMD", model->name);
    snprintf(about, sizeof about,
             "Each against FP32 SIMD%s%.20s with the same threads (t) and batch (b). Blue is faster, orange slower.%s",
             model->isa ? " at " : "", model->isa ? model->isa : "", more ? " More cells: see the full matrix." : "");
    script_title(out, height, MARGIN, line, about);
    script_caption(out, report, model, width, MARGIN, "", CAPTION_ALL_BATCHES);
    script_template(out, "speedup");
    out->failed |= cells.failed | rows_text.failed;
    text_free(&cells);
    text_free(&rows_text);
}
