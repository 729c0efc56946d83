/* Accuracy against latency, size or modelled energy, with the recipes that no other beats in both. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/plot_label.h"
#include "report/plot_script.h"
#include "report/tables.h"

/* The picture, in pixels. */
enum { WIDTH = 1000, LEFT = 78, RIGHT = 26, BOTTOM = 128, TOP = 88, POINTS_MAX = 200, NAMED_MAX = 40, NAME_SIZE = 12 };
/* Points further below the best than this do not stretch the axis; they stand on its edge with their value. */
static const double off_scale_pp = 10.0;

struct point {
    const struct report_row *row;
    double x, xlo, xhi, y, ylo, yhi;
    int front, off, named;
    char name[160];
};

struct picture {
    struct point point[POINTS_MAX];
    int n, height;
    double xmin, xmax, ymin, ymax;
};

static double pixel_x(const struct picture *p, double x)
{
    return LEFT + (log(x) - log(p->xmin)) / (log(p->xmax) - log(p->xmin)) * (WIDTH - LEFT - RIGHT);
}

static double pixel_y(const struct picture *p, double y)
{
    return BOTTOM + (y - p->ymin) / (p->ymax - p->ymin) * (p->height - BOTTOM - TOP);
}

static double cost_of(const struct record *r, enum pareto_cost cost, double unit)
{
    switch (cost) {
    case PARETO_LATENCY:
        return r->latency_ns_median / unit;
    case PARETO_SIZE:
        return (double)r->size_file_bytes / unit;
    case PARETO_ENERGY:
        break;
    }
    return 1.0 / r->energy_proxy_ratio; /* as a share of FP32's: less is better on all three axes */
}

/* What the bars show: the interval of the latency, nothing for a size, other constants for the energy. */
static void cost_range(const struct record *r, enum pareto_cost cost, double unit, double *lo, double *hi)
{
    *lo = *hi = NAN;
    if (cost == PARETO_LATENCY) {
        *lo = r->latency_ns_ci95[0] / unit;
        *hi = r->latency_ns_ci95[1] / unit;
    } else if (cost == PARETO_ENERGY && r->energy_spread[0] > 1e-9 && r->energy_spread[1] < 1e9) {
        *lo = 1.0 / r->energy_spread[1];
        *hi = 1.0 / r->energy_spread[0];
    }
}

static void collect(const struct report_model *model, enum pareto_cost cost, double unit, struct picture *p)
{
    for (size_t i = 0; i < model->rows && p->n < POINTS_MAX; i++) {
        const struct record *r = model->row[i].main;
        struct point *point = &p->point[p->n];
        double x = cost_of(r, cost, unit);
        if (!report_ok(r) || !(x > 1e-9) || !(x < 1e15) || !(r->accuracy_top1 >= 0.0) || !(r->accuracy_top1 <= 1.0))
            continue;
        memset(point, 0, sizeof *point);
        point->row = &model->row[i];
        point->x = x;
        cost_range(r, cost, unit, &point->xlo, &point->xhi);
        point->y = 100.0 * r->accuracy_top1;
        point->ylo = 100.0 * r->accuracy_ci95[0];
        point->yhi = 100.0 * r->accuracy_ci95[1];
        p->n++;
    }
}

/* On the front: no other point is at least as good in both and better in one. */
static void find_front(struct picture *p)
{
    for (int i = 0; i < p->n; i++) {
        p->point[i].front = 1;
        for (int j = 0; j < p->n; j++) {
            const struct point *a = &p->point[i], *b = &p->point[j];
            if (b->x <= a->x && b->y >= a->y && (b->x < a->x || b->y > a->y))
                p->point[i].front = 0;
        }
    }
}

static void find_ranges(struct picture *p)
{
    double best = -INFINITY, room;
    int near = 0;

    p->xmin = p->ymin = INFINITY;
    p->xmax = p->ymax = -INFINITY;
    for (int i = 0; i < p->n; i++)
        best = fmax(best, p->point[i].y);
    for (int i = 0; i < p->n; i++)
        near += p->point[i].y >= best - off_scale_pp;
    for (int i = 0; i < p->n; i++) {
        struct point *point = &p->point[i];
        point->off = near >= 3 && point->y < best - off_scale_pp;
        p->xmin = fmin(p->xmin, fmin(point->x, point->xlo));
        p->xmax = fmax(p->xmax, fmax(point->x, point->xhi));
        if (point->off)
            continue;
        p->ymin = fmin(p->ymin, fmin(point->y, point->ylo));
        p->ymax = fmax(p->ymax, fmax(point->y, point->yhi));
    }
    room = fmax(0.08 * (p->ymax - p->ymin), 0.05);
    p->ymin -= room;
    p->ymax += room;
    room = pow(fmax(p->xmax / p->xmin, 1.5), 0.07);
    p->xmin /= room;
    p->xmax *= room;
}

/* Names are placed in pixels; points drawn on the lower edge count as being there. */
static int place_names(struct picture *p, struct plot_label *label)
{
    struct plot_segment segment[5 * POINTS_MAX];
    struct plot_box area = {LEFT + 4, BOTTOM + 4, WIDTH - RIGHT + 18, p->height - TOP + 4};
    const struct point *before = NULL;
    int segments = 0, left_out = 0;

    for (int i = 0; i < p->n; i++) {
        struct point *point = &p->point[i];
        double x = pixel_x(p, point->x), y = pixel_y(p, point->off ? p->ymin : point->y);
        point->named = p->n <= NAMED_MAX || point->front || point->row->verdict.kind == VERDICT_BASELINE;
        left_out += !point->named;
        if (point->off)
            snprintf(point->name, sizeof point->name, "%.100s (%.1f %%)", point->row->config, point->y);
        else
            snprintf(point->name, sizeof point->name, "%.100s", point->row->config);
        label[i] = (struct plot_label){.x = x, .y = y, .radius = point->front ? 6.5 : 5.0};
        label[i].width = point->named ? plot_text_width(point->name, NAME_SIZE) : 0.0;
        label[i].height = point->named ? NAME_SIZE + 2.0 : 0.0;
        if (isfinite(point->ylo) && isfinite(point->yhi) && !point->off)
            segment[segments++] =
                (struct plot_segment){x, pixel_y(p, point->ylo), x, pixel_y(p, point->yhi), point->front ? 0.5 : 0.25};
        if (isfinite(point->xlo) && isfinite(point->xhi))
            segment[segments++] = (struct plot_segment){pixel_x(p, point->xlo), y, pixel_x(p, point->xhi), y, 0.5};
    }
    for (int i = 0; i < p->n; i++) {
        const struct point *point = &p->point[i];
        double x = pixel_x(p, point->x), y = pixel_y(p, point->y);
        if (!point->front || point->off)
            continue;
        if (before) {
            double x0 = pixel_x(p, before->x), y0 = pixel_y(p, before->y);
            segment[segments++] = (struct plot_segment){x0, y0, x, y0, 3.0};
            segment[segments++] = (struct plot_segment){x, y0, x, y, 3.0};
        }
        before = point;
    }
    (void)plot_label_place(label, p->n, segment, segments, &area);
    return left_out;
}

static int by_cost(const void *a, const void *b)
{
    const struct point *x = a, *y = b;

    if (x->x != y->x)
        return x->x < y->x ? -1 : 1;
    if (x->y != y->y)
        return x->y < y->y ? -1 : 1;
    return strcmp(x->row->config, y->row->config);
}

static void add_numbers(struct text *out, const double *value, int n)
{
    for (int i = 0; i < n; i++) {
        text_add(out, i ? "," : "");
        script_number(out, value[i]);
    }
}

static void add_points(const struct picture *p, struct text *out)
{
    text_add(out, "$points << END_OF_DATA\nname,x,xlo,xhi,y,ylo,yhi,family,front,off\n");
    for (int i = 0; i < p->n; i++) {
        const struct point *point = &p->point[i];
        const double value[] = {point->x, point->xlo, point->xhi, point->y, point->ylo, point->yhi};
        script_field(out, point->row->config);
        text_add(out, ",");
        add_numbers(out, value, 6);
        text_addf(out, ",%d,%d,%d\n", script_family(point->row->family), point->front, point->off);
    }
    text_add(out, "END_OF_DATA\n$front << END_OF_DATA\nx,y\n");
    for (int i = 0; i < p->n; i++)
        if (p->point[i].front && !p->point[i].off) {
            add_numbers(out, (const double[]){p->point[i].x, p->point[i].y}, 2);
            text_add(out, "\n");
        }
    text_add(out, "END_OF_DATA\n");
}

static void add_names(const struct picture *p, const struct plot_label *label, struct text *out)
{
    text_add(out, "$lines << END_OF_DATA\nx,y,dx,dy\nNaN,NaN,NaN,NaN\n");
    for (int i = 0; i < p->n; i++) {
        const struct plot_label *l = &label[i];
        if (p->point[i].named && l->leader)
            text_addf(out, "%.2f,%.2f,%.2f,%.2f\n", l->x, l->y, l->lx - l->x, l->ly - l->y);
    }
    text_add(out, "END_OF_DATA\n$names << END_OF_DATA\nx,y,name,front\n");
    for (int i = 0; i < p->n; i++) {
        if (!p->point[i].named)
            continue;
        text_addf(out, "%.2f,%.2f,", label[i].left, label[i].bottom + 0.5 * label[i].height);
        script_field(out, p->point[i].name);
        text_addf(out, ",%d\n", p->point[i].front || p->point[i].row->verdict.kind == VERDICT_BASELINE);
    }
    text_add(out, "END_OF_DATA\n");
}

static void add_keys(const struct picture *p, struct text *out)
{
    static const char *const names[] = {"FP32", "PTQ", "QAT", "pruned", "combined", "other"};
    double x = LEFT;

    for (int family = 0; family < 6; family++)
        for (int i = 0; i < p->n; i++)
            if (script_family(p->point[i].row->family) == family) {
                char mark[24], colour[24];
                snprintf(mark, sizeof mark, "FILLED[%d]", family + 1);
                snprintf(colour, sizeof colour, "COLOUR[%d]", family + 1);
                x = script_key(out, x, p->height - 66, mark, colour, names[family]);
                break;
            }
}

static void write_script(const struct report *report, const struct report_model *model, enum pareto_cost cost,
                         const char *unit_name, const struct plot *plot, struct picture *p,
                         const struct plot_label *label, int left_out, struct text *out)
{
    static const struct {
        const char *what, *subtitle;
    } words[] = {
        [PARETO_LATENCY] = {"latency", "Further left is faster, further up more accurate. Filled and joined: no other "
                                       "recipe is both at once."},
        [PARETO_SIZE] = {"file size", "Further left is smaller, further up more accurate. Filled and joined: no other "
                                      "recipe is both at once."},
        [PARETO_ENERGY] = {"energy proxy", "Modelled, not measured. Further left is cheaper. Bars: other published "
                                           "constants. Filled and joined: the front."},
    };
    char line[256];

    script_begin(out, plot, WIDTH, p->height);
    text_addf(out, "L = %d.\nR = %d.\nB = %d.\nT = %d.\n", LEFT, RIGHT, BOTTOM, TOP);
    text_add(out, "XMIN = ");
    script_number(out, p->xmin);
    text_add(out, "\nXMAX = ");
    script_number(out, p->xmax);
    text_add(out, "\nYMIN = ");
    script_number(out, p->ymin);
    text_add(out, "\nYMAX = ");
    script_number(out, p->ymax);
    if (cost == PARETO_ENERGY)
        snprintf(line, sizeof line, "energy proxy, × FP32 (%s model, logarithmic)",
                 *report->energy_model ? report->energy_model : "H45");
    else
        snprintf(line, sizeof line,
                 cost == PARETO_LATENCY ? "latency per inference, %s (SIMD kernels, logarithmic)"
                                        : "file size, %s (logarithmic)",
                 unit_name);
    text_add(out, "\nXLABEL = ");
    script_quote(out, line);
    text_add(out, "\n");
    add_keys(p, out);
    script_log_tics(out, p->xmin, p->xmax, 9);
    text_add(out, "\n");
    add_points(p, out);
    add_names(p, label, out);
    snprintf(line, sizeof line, "%.100s: accuracy and %s", model->name, words[cost].what);
    script_title(out, p->height, LEFT, line, words[cost].subtitle);
    *line = 0;
    for (int i = 0; i < p->n && !*line; i++)
        if (p->point[i].off)
            snprintf(line, sizeof line, "On the lower edge: less accurate than the axis shows, with the figure.");
    if (left_out > 0)
        snprintf(line, sizeof line,
                 "%d recipes behind the front are drawn without their names, which are in the tables.", left_out);
    script_caption(out, report, model, WIDTH, LEFT, line, cost == PARETO_ENERGY ? CAPTION_ENERGY : 0);
    script_template(out, "pareto");
}

void plot_pareto(const struct report *report, const struct report_model *model, enum pareto_cost cost,
                 const struct plot *plot, struct text *out)
{
    struct picture *p = calloc(1, sizeof *p);
    struct plot_label *label = calloc(POINTS_MAX, sizeof *label);
    const char *unit_name = "kB";
    double unit = cost == PARETO_LATENCY ? tables_latency_unit(model, &unit_name) : 1000.0;

    if (!p || !label) {
        out->failed = 1;
        goto out;
    }
    collect(model, cost, unit, p);
    if (p->n == 0)
        goto out;
    qsort(p->point, (size_t)p->n, sizeof *p->point, by_cost);
    find_front(p);
    find_ranges(p);
    p->height = p->n <= 10 ? 620 : p->n <= 20 ? 680 : 760;
    write_script(report, model, cost, unit_name, plot, p, label, place_names(p, label), out);
out:
    free(label);
    free(p);
}
