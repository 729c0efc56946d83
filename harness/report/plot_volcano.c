/* Size of the change against how sure it is, for all gated cells; and how fine a change each cell could have shown. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/comparison_script.h"
#include "report/plot_label.h"

enum {
    WIDTH = 1000,
    HEIGHT = 640,
    LEFT = 84,
    RIGHT = 30,
    BOTTOM = 128,
    TOP = 92,
    NAMED = 12,
    NAMED_OF_MANY = 8,
    NAME_SIZE = 11
};

struct spot {
    const struct comparison_row *row;
    double x, y; /* as drawn, both axes linear */
};

struct spots {
    struct spot *spot; /* owned */
    size_t n;
    double xlo, xhi, ylo, yhi;
};

static int collect(const struct comparison_view *view,
                   int (*place)(const struct comparison_row *row, double *x, double *y), struct spots *out)
{
    *out = (struct spots){calloc(view->gated.n + 1, sizeof *out->spot), 0, INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (size_t i = 0; out->spot && i < view->gated.n; i++) {
        struct spot *spot = &out->spot[out->n];
        spot->row = view->gated.row[i];
        if (!place(spot->row, &spot->x, &spot->y))
            continue;
        out->xlo = fmin(out->xlo, spot->x);
        out->xhi = fmax(out->xhi, spot->x);
        out->ylo = fmin(out->ylo, spot->y);
        out->yhi = fmax(out->yhi, spot->y);
        out->n++;
    }
    return out->spot != NULL;
}

static int by_size(const void *a, const void *b)
{
    const struct spot *x = a, *y = b;
    double size_x = x->row->ratio > 0.0 ? fabs(log(x->row->ratio)) : -1.0;
    double size_y = y->row->ratio > 0.0 ? fabs(log(y->row->ratio)) : -1.0;

    if (size_x < size_y || size_x > size_y)
        return size_x < size_y ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Names beside the spots that `told` picks, in pixels; when there are more than NAMED, only those that moved most. */
static void add_names(const struct spots *spots, int (*told)(const struct comparison_row *row), struct text *out)
{
    struct plot_label label[NAMED];
    const struct comparison_row *row[NAMED];
    const struct plot_box area = {LEFT, BOTTOM, WIDTH - RIGHT, HEIGHT - TOP};
    char name[512];
    struct plot_segment *segment = calloc(spots->n + 1, sizeof *segment);
    size_t all = 0;
    int n = 0, most;

    memset(label, 0, sizeof label);
    qsort(spots->spot, spots->n, sizeof *spots->spot, by_size);
    for (size_t i = 0; i < spots->n; i++)
        all += told(spots->spot[i].row) != 0;
    most = all > NAMED ? NAMED_OF_MANY : NAMED;
    for (size_t i = 0; i < spots->n && n < most; i++) {
        const struct spot *spot = &spots->spot[i];
        if (!told(spot->row))
            continue;
        label[n].x = LEFT + (spot->x - spots->xlo) / (spots->xhi - spots->xlo) * (WIDTH - LEFT - RIGHT);
        label[n].y = BOTTOM + (spot->y - spots->ylo) / (spots->yhi - spots->ylo) * (HEIGHT - BOTTOM - TOP);
        label[n].radius = 5.0;
        label[n].width = plot_text_width(comparison_row_name(spot->row, name, sizeof name), NAME_SIZE) + 2.0;
        label[n].height = NAME_SIZE + 3.0;
        row[n++] = spot->row;
    }
    for (size_t i = 0; segment && i < spots->n; i++) { /* names keep off the marks */
        double x = LEFT + (spots->spot[i].x - spots->xlo) / (spots->xhi - spots->xlo) * (WIDTH - LEFT - RIGHT);
        double y = BOTTOM + (spots->spot[i].y - spots->ylo) / (spots->yhi - spots->ylo) * (HEIGHT - BOTTOM - TOP);
        segment[i] = (struct plot_segment){x - 5.0, y, x + 5.0, y, 2.0};
    }
    plot_label_place(label, n, segment, segment ? (int)spots->n : 0, &area);
    out->failed |= !segment;
    free(segment);
    text_add(out, "$names << END_OF_DATA\nx,y,name\n");
    for (int i = 0; i < n; i++) {
        text_addf(out, "%.1f,%.1f,", label[i].left, label[i].bottom + label[i].height / 2.0);
        script_field(out, comparison_row_name(row[i], name, sizeof name));
        text_add(out, "\n");
    }
    text_add(out, n ? "END_OF_DATA\n$lines << END_OF_DATA\nx,y,dx,dy\n"
                    : "NaN,NaN,\"\"\nEND_OF_DATA\n$lines << END_OF_DATA\nx,y,dx,dy\n");
    for (int i = 0, any = 0; i <= n; i++) {
        if (i == n && !any)
            text_add(out, "NaN,NaN,NaN,NaN\n");
        if (i == n || !label[i].leader)
            continue;
        any = 1;
        text_addf(out, "%.1f,%.1f,%.1f,%.1f\n", label[i].x, label[i].y, label[i].lx - label[i].x,
                  label[i].ly - label[i].y);
    }
    text_add(out, "END_OF_DATA\n");
}

static void begin(const struct comparison_view *view, const struct plot *plot, const struct spots *spots,
                  const char *title, const char *subtitle, struct text *out)
{
    const struct comparison_row **row = calloc(spots->n + 1, sizeof *row);

    script_begin(out, plot, WIDTH, HEIGHT);
    script_margins(out, LEFT, RIGHT, BOTTOM, TOP);
    comparison_limits(out, view);
    script_set(out, "XMIN", spots->xlo);
    script_set(out, "XMAX", spots->xhi);
    script_set(out, "YMIN", spots->ylo);
    script_set(out, "YMAX", spots->yhi);
    script_title(out, HEIGHT, LEFT, title, subtitle);
    out->failed |= !row;
    for (size_t i = 0; row && i < spots->n; i++)
        row[i] = spots->spot[i].row;
    if (row)
        script_verdict_key(out, LEFT, HEIGHT - 68, row, spots->n);
    free(row);
}

static void add_point(struct text *out, const struct spot *spot, const double *values, int n)
{
    char name[512];

    for (int i = 0; i < n; i++) {
        script_number(out, values[i]);
        text_add(out, ",");
    }
    text_addf(out, "%d,", comparison_verdict_index(spot->row));
    script_field(out, comparison_row_name(spot->row, name, sizeof name));
    text_add(out, "\n");
}

/* ------------------------------------------------------------------------------------------ volcano */

/* p towards the side to which the cell moved: slower as tested in stage 1, faster as adjusted over all cells. */
static double chance(const struct comparison_row *row)
{
    return row->ratio >= 1.0 ? row->p_stage1 : row->q_faster;
}

static int place_volcano(const struct comparison_row *row, double *x, double *y)
{
    double p = chance(row);

    if (!(row->ratio > 1e-6) || !(row->ratio < 1e6) || !(p > 0.0))
        return 0;
    *x = log2(row->ratio);
    *y = -log10(p);
    return *y < 320.0;
}

static int is_told(const struct comparison_row *row)
{
    return comparison_is_changed(row);
}

void plot_volcano(const struct comparison_view *view, const struct plot *plot, struct text *out)
{
    struct spots spots;
    double alpha = view->comparison->head.alpha_stage, gate = view->comparison->head.gate_ratio, room;

    if (!collect(view, place_volcano, &spots))
        out->failed = 1;
    if (spots.n == 0) {
        free(spots.spot);
        return;
    }
    room = gate > 0.0 && gate < 1.0 ? 1.4 * log2(1.0 + gate) : 0.01; /* both lines of the gate are always in */
    room = fmax(room, 0.15 * (spots.xhi - spots.xlo));
    spots.xlo = fmin(spots.xlo * 1.12, -room);
    spots.xhi = fmax(spots.xhi * 1.12, room);
    spots.ylo = -0.06 * fmax(spots.yhi, 3.0);
    spots.yhi = fmax(spots.yhi * 1.08, alpha > 0.0 ? -1.3 * log10(alpha) : 3.0);
    begin(view, plot, &spots, "Size of the change and how sure it is",
          "Slower beyond both lines at the right: measured again in stage 2. Left of 1: q, the share of false alarms "
          "among faster cells.",
          out);
    text_add(out, "$points << END_OF_DATA\nratio,p,verdict,name\n");
    for (size_t i = 0; i < spots.n; i++) {
        const double values[] = {spots.spot[i].row->ratio, chance(spots.spot[i].row)};
        add_point(out, &spots.spot[i], values, 2);
    }
    text_add(out, "END_OF_DATA\n");
    add_names(&spots, is_told, out);
    comparison_caption(out, view, WIDTH, LEFT,
                       "Up: p of stage 1 towards slower; for faster cells q, adjusted over all cells (Benjamini and "
                       "Hochberg), with its limit of 5 %.");
    script_template(out, "volcano");
    free(spots.spot);
}

/* ------------------------------------------------------------------------------------------ noise floor */

static int place_noise(const struct comparison_row *row, double *x, double *y)
{
    double ns = isfinite(row->a) ? row->a : row->b;

    if (!row->unit || strcmp(row->unit, "ns") != 0 || !(ns > 1e-3) || !(ns < 1e15) || !(row->mde > 1e-6) ||
        !(row->mde < 1e3))
        return 0;
    *x = log10(ns);
    *y = log10(row->mde);
    return 1;
}

static int is_blurred(const struct comparison_row *row)
{
    return comparison_says(row, "inconclusive");
}

void plot_noise(const struct comparison_view *view, const struct plot *plot, struct text *out)
{
    struct spots spots;
    double target = view->comparison->head.mde_target;
    size_t fine = 0;
    char line[160];

    if (!collect(view, place_noise, &spots))
        out->failed = 1;
    if (spots.n == 0) {
        free(spots.spot);
        return;
    }
    if (target > 1e-6 && target < 1e3) {
        spots.ylo = fmin(spots.ylo, log10(target));
        spots.yhi = fmax(spots.yhi, log10(target));
    }
    for (size_t i = 0; i < spots.n; i++)
        fine += spots.spot[i].row->mde <= target;
    spots.xlo -= 0.25;
    spots.xhi += 0.25;
    spots.ylo -= 0.15;
    spots.yhi += 0.15;
    snprintf(line, sizeof line, "%zu of %zu cells could have shown a change of the size aimed at (the line).", fine,
             spots.n);
    begin(view, plot, &spots, "The smallest change that each cell could have shown", line, out);
    script_log_tics(out, pow(10.0, spots.xlo - 3.0), pow(10.0, spots.xhi - 3.0), 10);
    text_add(out, "\n");
    script_y_tics(out, 100.0 * pow(10.0, spots.ylo), 100.0 * pow(10.0, spots.yhi), 9);
    text_add(out, "$points << END_OF_DATA\nns,mde,verdict,name\n");
    for (size_t i = 0; i < spots.n; i++) {
        const struct comparison_row *row = spots.spot[i].row;
        const double values[] = {isfinite(row->a) ? row->a : row->b, row->mde};
        add_point(out, &spots.spot[i], values, 2);
    }
    text_add(out, "END_OF_DATA\n");
    add_names(&spots, is_blurred, out);
    comparison_caption(out, view, WIDTH, LEFT, "");
    script_template(out, "noise");
    free(spots.spot);
}
