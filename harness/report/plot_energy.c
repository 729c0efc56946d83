/* What the modelled energy of each recipe is made of, against all of FP32's: arithmetic and data movement at the left,
 * with a processor's instructions at the right. Never joules: the constants are another machine's. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/plot_label.h"
#include "report/plot_script.h"

enum { WIDTH = 1120, ROW = 25, BOTTOM = 108, TOP = 100, GAP = 92, MARGIN = 14, ROWS_MAX = 120, PARTS = 4 };

static const struct record *with_parts(const struct report_row *row)
{
    const struct record *r = row->main;

    if (!report_ok(r) || r->energy_n != PARTS)
        return NULL;
    for (int i = 0; i < PARTS; i++)
        if (!(r->energy[i].nj >= 0.0) || !(r->energy[i].nj < 1e15) || !r->energy[i].part)
            return NULL;
    return r;
}

static double total(const struct record *r, int parts)
{
    double sum = 0.0;

    for (int i = 0; i < parts; i++)
        sum += r->energy[i].nj;
    return sum;
}

/* The row that the others are shares of: with the same kernels as theirs. */
static const struct record *find_base(const struct report_model *model)
{
    for (size_t i = 0; i < model->rows; i++)
        if (model->row[i].verdict.kind == VERDICT_BASELINE)
            return with_parts(&model->row[i]);
    return NULL;
}

/* The parts of a row in one view, one after the other; view 0 leaves the last part out. */
static double add_pieces(const struct record *r, int number, int view, double base, struct text *out)
{
    double from = 0.0;

    for (int i = 0; i < PARTS - (view == 0); i++) {
        double to = from + 100.0 * r->energy[i].nj / base;
        text_addf(out, "%d,%d,%d,", number, view, i);
        script_number(out, from);
        text_add(out, ",");
        script_number(out, to);
        text_add(out, "\n");
        from = to;
    }
    return from;
}

void plot_energy(const struct report *report, const struct report_model *model, const struct plot *plot,
                 struct text *out)
{
    const struct record *base = find_base(model);
    struct text rows = {0}, pieces = {0};
    int n = 0, height, left, wide;
    double names = 60.0, most[2] = {100.0, 100.0}, x;
    char title[PLOT_TITLE + 64], energy[96], a[32], words[64];

    if (!base || !(total(base, PARTS - 1) > 0.0))
        return;
    for (size_t i = 0; i < model->rows && n < ROWS_MAX; i++) {
        const struct record *r = with_parts(&model->row[i]);
        if (!r)
            continue;
        n++;
        names = fmax(names, plot_text_width(model->row[i].config, 12.0));
        script_field(&rows, model->row[i].config);
        text_addf(&rows, ",%d", n);
        for (int view = 0; view < 2; view++) {
            double share = add_pieces(r, n, view, total(base, PARTS - (view == 0)), &pieces);
            most[view] = fmax(most[view], share);
            snprintf(words, sizeof words, "%s %%", format_sig(share, 3, a));
            text_add(&rows, ",");
            script_number(&rows, share);
            text_add(&rows, ",");
            script_field(&rows, words);
        }
        text_add(&rows, "\n");
    }
    height = TOP + BOTTOM + ROW * (n < 3 ? 3 : n);
    left = MARGIN + (int)fmin(names, 330.0) + 10;
    wide = (WIDTH - left - 2 * GAP) / 2;
    script_begin(out, plot, WIDTH, height);
    text_addf(out, "B = %d.\nT = %d.\nROWS = %d\nX1 = %d.\nX2 = %d.\nWIDE = %d.\n", BOTTOM, TOP, n < 3 ? 3 : n, left,
              left + wide + GAP, wide);
    text_add(out, "MAX1 = ");
    script_number(out, 1.02 * most[0]);
    text_add(out, "\nMAX2 = ");
    script_number(out, 1.02 * most[1]);
    text_addf(out, "\n$rows << END_OF_DATA\nname,row,share,text,cpu_share,cpu_text\n%sEND_OF_DATA\n", rows.bytes);
    text_addf(out, "$pieces << END_OF_DATA\nrow,view,part,from,to\n%sEND_OF_DATA\n", pieces.bytes);
    report_energy_title(report, energy, sizeof energy);
    snprintf(title, sizeof title, "%.100s: parts of the energy proxy", model->name);
    script_title(out, height, MARGIN, title, energy);
    x = MARGIN;
    for (int i = 0; i < PARTS; i++) {
        char colour[24];
        snprintf(colour, sizeof colour, "PART[%d]", i + 1);
        x = script_key(out, x, height - 66, "5", colour, base->energy[i].part);
    }
    script_caption(out, report, model, WIDTH, MARGIN,
                   "Shares of all that FP32 takes in the same view. Left does not know the kernels, right does.",
                   CAPTION_ENERGY);
    script_template(out, "energy");
    out->failed |= rows.failed | pieces.failed;
    text_free(&rows);
    text_free(&pieces);
}
