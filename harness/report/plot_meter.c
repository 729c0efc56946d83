/* The energy proxy against measured energy of the packages: the proxy's report card, on two axes that share no unit. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/plot_label.h"
#include "report/plot_script.h"

enum { WIDTH = 900, HEIGHT = 620, LEFT = 84, RIGHT = 30, BOTTOM = 118, TOP = 72, LEAST = 3, MOST = 40 };

struct point {
    const struct record *record;
    double x, y;
};

static int collect(const struct report_model *model, struct point *point)
{
    int n = 0;

    for (size_t i = 0; i < model->rows && n < MOST; i++) {
        const struct record *r = model->row[i].main;
        double share = model->row[i].verdict.kind == VERDICT_BASELINE ? 1.0 : 1.0 / r->energy_cpu_ratio;
        if (!report_ok(r) || !(r->energy_measured_uj > 1e-6) || !(r->energy_measured_uj < 1e15) || !(share > 1e-9) ||
            !(share < 1e9))
            continue;
        point[n++] = (struct point){r, share, r->energy_measured_uj};
    }
    return n;
}

static void add_names(const struct point *point, int n, const double *x, const double *y, struct text *out)
{
    struct plot_label label[MOST];
    const struct plot_box area = {LEFT, BOTTOM, WIDTH - RIGHT, HEIGHT - TOP};

    memset(label, 0, sizeof label);
    for (int i = 0; i < n; i++) {
        label[i].x = LEFT + log(point[i].x / x[0]) / log(x[1] / x[0]) * (WIDTH - LEFT - RIGHT);
        label[i].y = BOTTOM + log(point[i].y / y[0]) / log(y[1] / y[0]) * (HEIGHT - BOTTOM - TOP);
        label[i].radius = 5.0;
        label[i].width = plot_text_width(point[i].record->config, 11.0) + 2.0;
        label[i].height = 14.0;
    }
    (void)plot_label_place(label, n, NULL, 0, &area);
    text_add(out, "$names << END_OF_DATA\nx,y,name\n");
    for (int i = 0; i < n; i++) {
        text_addf(out, "%.1f,%.1f,", label[i].left, label[i].bottom + 7.0);
        script_field(out, point[i].record->config);
        text_add(out, "\n");
    }
    text_add(out, "END_OF_DATA\n$lines << END_OF_DATA\nx,y,dx,dy\nNaN,NaN,NaN,NaN\n");
    for (int i = 0; i < n; i++)
        if (label[i].leader)
            text_addf(out, "%.1f,%.1f,%.1f,%.1f\n", label[i].x, label[i].y, label[i].lx - label[i].x,
                      label[i].ly - label[i].y);
    text_add(out, "END_OF_DATA\n");
}

static void set(struct text *out, const char *name, double value)
{
    text_addf(out, "%s = ", name);
    script_number(out, value);
    text_add(out, "\n");
}

void plot_meter(const struct report *report, const struct report_model *model, const struct plot *plot,
                struct text *out)
{
    struct point point[MOST];
    int n = collect(model, point);
    double x[2] = {INFINITY, 0.0}, y[2] = {INFINITY, 0.0}, room;
    char line[160];

    if (n < LEAST)
        return;
    for (int i = 0; i < n; i++) {
        x[0] = fmin(x[0], point[i].x);
        x[1] = fmax(x[1], point[i].x);
        y[0] = fmin(y[0], point[i].y);
        y[1] = fmax(y[1], point[i].y);
    }
    room = pow(fmax(x[1] / x[0], 1.5), 0.1);
    x[0] /= room;
    x[1] *= room;
    room = pow(fmax(y[1] / y[0], 1.5), 0.1);
    y[0] /= room;
    y[1] *= room;
    script_begin(out, plot, WIDTH, HEIGHT);
    text_addf(out, "L = %d.\nR = %d.\nB = %d.\nT = %d.\n", LEFT, RIGHT, BOTTOM, TOP);
    set(out, "XMIN", x[0]);
    set(out, "XMAX", x[1]);
    set(out, "YMIN", y[0]);
    set(out, "YMAX", y[1]);
    script_y_tics(out, y[0], y[1], 9);
    snprintf(line, sizeof line, "energy proxy, CPU view, × FP32 (%s model, modelled)",
             *report->energy_model ? report->energy_model : "H45");
    text_add(out, "XLABEL = ");
    script_quote(out, line);
    text_add(out, "\n$points << END_OF_DATA\nname,proxy,measured,family\n");
    for (int i = 0; i < n; i++) {
        script_field(out, point[i].record->config);
        text_add(out, ",");
        script_number(out, point[i].x);
        text_add(out, ",");
        script_number(out, point[i].y);
        text_addf(out, ",%d\n", script_family(point[i].record->family));
    }
    text_add(out, "END_OF_DATA\n");
    add_names(point, n, x, y, out);
    script_log_tics(out, x[0], x[1], 9);
    text_add(out, "\n");
    snprintf(line, sizeof line, "%.100s: the energy proxy and what counters measured", model->name);
    script_title(out, HEIGHT, 14, line,
                 "A good proxy puts the recipes in the same order: points rise from left to right.");
    script_caption(out, report, model, WIDTH, 14,
                   "Measured: package energy per inference, other work on the machine included.", CAPTION_ENERGY);
    script_template(out, "meter");
}
