/* Speed of every operator in every library over its arithmetic intensity, under the limits that the run measured
 * (Williams, Waterman & Patterson 2009, "Roofline"). Bytes are the compulsory ones: input, weights and output once. */
#include "report/plot_roofline.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/plot_script.h"

enum { WIDTH = 1120, HEIGHT = 640, LEFT = 76, RIGHT = 30, BOTTOM = 124, TOP = 104, MARGIN = 14, LIBRARIES = 6 };

struct frame {
    double x_lo, x_hi, y_lo, y_hi;
};

struct libraries {
    const char *kernel[LIBRARIES];
    int n;
};

/* Reading 1 byte costs 1 / rate; a record's intensity and rate. 1 if it can be drawn. */
static int place(const struct record *r, const char *config, double *x, double *y)
{
    const struct record_layer *layer;
    double bytes;

    if (!report_ok(r) || strcmp(r->config, config) != 0 || r->kernels_n != 1 || r->macs_nominal == RECORD_NONE ||
        !(r->latency_ns_median > 0))
        return 0;
    layer = &r->kernels[0];
    bytes = (double)layer->weight_bytes + (double)layer->input_bytes + (double)layer->output_bytes;
    *x = (double)r->macs_nominal * (double)r->batch / bytes;
    *y = (double)r->macs_nominal / r->latency_ns_median;
    return isfinite(*x) && isfinite(*y) && *x > 0 && *y > 0;
}

static int library_index(struct libraries *libraries, const char *kernel)
{
    for (int i = 0; i < libraries->n; i++)
        if (strcmp(libraries->kernel[i], kernel) == 0)
            return i;
    if (libraries->n == LIBRARIES)
        return -1;
    libraries->kernel[libraries->n] = kernel;
    return libraries->n++;
}

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) && item->valuedouble > 0 ? item->valuedouble : NAN;
}

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? text : "";
}

static const cJSON *peaks_of(const struct report *report, const char *key)
{
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(report->records->env.root, "run");
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(run, "peaks"), key);
}

static double highest(const struct report *report, const char *kind)
{
    const cJSON *item;
    double most = 0;

    cJSON_ArrayForEach (item, peaks_of(report, "compute"))
        if (strcmp(text_of(item, "kind"), kind) == 0)
            most = fmax(most, number_of(item, "gmac_s"));
    return most;
}

/* A line with its name at (xt, yt), which ends there (right) or begins there. */
static void roof(struct text *out, double x0, double y0, double x1, double y1, double xt, double yt, int right,
                 const char *name)
{
    const double values[] = {x0, y0, x1 - x0, y1 - y0, xt, yt};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        script_number(out, values[i]);
        text_add(out, ",");
    }
    text_addf(out, "%d,", right);
    script_field(out, name);
    text_add(out, "\n");
}

/* 1 if another line of this kind, named before item, would have its name over this one's. */
static int crowded(const struct report *report, const char *kind, const cJSON *item)
{
    const cJSON *other;

    cJSON_ArrayForEach (other, peaks_of(report, "compute")) {
        if (other == item)
            return 0;
        if (strcmp(text_of(other, "kind"), kind) == 0 &&
            fabs(log(number_of(other, "gmac_s") / number_of(item, "gmac_s"))) < 0.12)
            return 1;
    }
    return 0;
}

/* Level lines for each kind of instruction, slopes for each level of memory up to the highest of them. */
static void add_roofs(const struct report *report, const char *kind, const struct frame *f, struct text *out)
{
    double top = highest(report, kind);
    const cJSON *item;
    char name[128], a[32];

    text_add(out, "$roofs << END_OF_DATA\nx0,y0,dx,dy,xt,yt,right,name\n");
    cJSON_ArrayForEach (item, peaks_of(report, "compute")) {
        double rate = number_of(item, "gmac_s");
        if (strcmp(text_of(item, "kind"), kind) != 0 || !(rate > f->y_lo && rate < f->y_hi))
            continue;
        snprintf(name, sizeof name, "%.60s: %s", text_of(item, "name"), format_sig(rate, 3, a));
        roof(out, f->x_lo, rate, f->x_hi, rate, f->x_hi, rate, 1, crowded(report, kind, item) ? "" : name);
    }
    cJSON_ArrayForEach (item, peaks_of(report, "read")) {
        double rate = number_of(item, "gb_s"), x0 = f->x_lo, x1 = top / rate;
        if (!(rate > 0) || !(top > 0))
            continue;
        x0 = fmax(x0, f->y_lo / rate);
        x1 = fmin(x1, f->x_hi);
        if (x1 <= x0)
            continue;
        snprintf(name, sizeof name, "%.10s %s GB/s", text_of(item, "level"), format_sig(rate, 3, a));
        roof(out, x0, x0 * rate, x1, x1 * rate, x0 * 1.03, x0 * rate * 1.25, 0, name);
    }
    text_add(out, "END_OF_DATA\n");
}

static void add_point(struct text *out, double x, double y, int library)
{
    script_number(out, x);
    text_add(out, ",");
    script_number(out, y);
    text_addf(out, ",%d\n", library);
}

/* 1 if an odd number of the operators before cell `index` stand so close that the names would overlap. */
static int has_neighbour(const struct report *report, const char *config, size_t index)
{
    double x, y, other;
    int count = 0;

    if (!place(report->cell[index], config, &x, &y))
        return 0;
    for (size_t i = 0; i < index; i++)
        count += strcmp(report->cell[i]->kernel, "simd") == 0 && place(report->cell[i], config, &other, &y) &&
                 fabs(log(other / x)) < 0.06;
    return count % 2;
}

/* Per operator: its points, a stem that joins them, its name above the highest, or below the lowest beside a neighbour.
 */
static void add_points(const struct report *report, const char *config, struct libraries *libraries, struct text *out)
{
    struct text points = {0}, stems = {0}, names = {0};
    int under;

    for (size_t i = 0; i < report->cells; i++) {
        double x, y, lo = INFINITY, hi = 0;
        if (!place(report->cell[i], config, &x, &y) || strcmp(report->cell[i]->kernel, "simd") != 0)
            continue;
        for (size_t j = 0; j < report->cells; j++) {
            const struct record *r = report->cell[j];
            int library;
            if (strcmp(r->model, report->cell[i]->model) != 0 || !place(r, config, &x, &y))
                continue;
            library = library_index(libraries, r->kernel);
            if (library < 0)
                continue;
            add_point(&points, x, y, library);
            lo = fmin(lo, y);
            hi = fmax(hi, y);
        }
        script_number(&stems, x);
        text_add(&stems, ",");
        script_number(&stems, lo);
        text_add(&stems, ",");
        script_number(&stems, hi);
        text_add(&stems, "\n");
        under = has_neighbour(report, config, i);
        script_number(&names, x);
        text_add(&names, ",");
        script_number(&names, under ? lo : hi);
        text_addf(&names, ",%d,", under);
        script_field(&names, report->cell[i]->model);
        text_add(&names, "\n");
    }
    text_addf(out, "$points << END_OF_DATA\nx,y,library\n%sEND_OF_DATA\n", points.bytes ? points.bytes : "");
    text_addf(out, "$stems << END_OF_DATA\nx,lo,hi\n%sEND_OF_DATA\n", stems.bytes ? stems.bytes : "");
    text_addf(out, "$names << END_OF_DATA\nx,y,under,name\n%sEND_OF_DATA\n", names.bytes ? names.bytes : "");
    out->failed |= points.failed | stems.failed | names.failed;
    text_free(&points);
    text_free(&stems);
    text_free(&names);
}

static int find_frame(const struct report *report, const char *config, const char *kind, struct frame *out)
{
    struct frame f = {INFINITY, 0, INFINITY, highest(report, kind)};

    for (size_t i = 0; i < report->cells; i++) {
        double x, y;
        if (!place(report->cell[i], config, &x, &y))
            continue;
        f.x_lo = fmin(f.x_lo, x);
        f.x_hi = fmax(f.x_hi, x);
        f.y_lo = fmin(f.y_lo, y);
        f.y_hi = fmax(f.y_hi, y);
    }
    if (!(f.x_hi > 0))
        return 0;
    *out = (struct frame){f.x_lo / 3, f.x_hi * 2, f.y_lo / 4, f.y_hi * 5};
    return 1;
}

static void add_key(const struct libraries *libraries, struct text *out)
{
    double x = LEFT;

    for (int i = 0; i < libraries->n; i++) {
        const char *kernel = libraries->kernel[i];
        char mark[32], colour[32];
        snprintf(mark, sizeof mark, "FILLED[%d]", i + 1);
        snprintf(colour, sizeof colour, "PIECE[%d]", i + 1);
        x = script_key(out, x, HEIGHT - 70, mark, colour,
                       strncmp(kernel, "peer:", 5) == 0 ? kernel + 5
                       : strcmp(kernel, "simd") == 0    ? "ours"
                                                        : kernel);
    }
}

void plot_roofline(const struct report *report, const char *config, const char *kind, const struct plot *plot,
                   struct text *out)
{
    struct libraries libraries = {{NULL}, 0};
    char a[REPORT_TEXT], b[REPORT_TEXT], line[2 * REPORT_TEXT + 64];
    struct frame f;

    if (!find_frame(report, config, kind, &f))
        return;
    script_begin(out, plot, WIDTH, HEIGHT);
    text_addf(out, "L = %d.\nR = %d.\nB = %d.\nT = %d.\n", LEFT, RIGHT, BOTTOM, TOP);
    text_add(out, "XMIN = ");
    script_number(out, f.x_lo);
    text_add(out, "\nXMAX = ");
    script_number(out, f.x_hi);
    text_add(out, "\nYMIN = ");
    script_number(out, f.y_lo);
    text_add(out, "\nYMAX = ");
    script_number(out, f.y_hi);
    text_add(out, "\n");
    add_roofs(report, kind, &f, out);
    add_points(report, config, &libraries, out);
    script_log_tics(out, f.x_lo, f.x_hi, 12);
    text_add(out, "\n");
    snprintf(line, sizeof line, "Roofline, %s: every operator in every library", config);
    script_title(out, HEIGHT, MARGIN, line, "Up is faster; lines are this machine's own limits, measured in the run.");
    add_key(&libraries, out);
    snprintf(line, sizeof line, "Medians, batch 1 unless the name says so. CPU: %s. Commit %s, run %s.",
             report_fact(report, REPORT_CPU, a, sizeof a), report_fact(report, REPORT_COMMIT, b, sizeof b),
             report->run);
    script_small_print(out, line, WIDTH, MARGIN);
    script_template(out, "roofline");
}
