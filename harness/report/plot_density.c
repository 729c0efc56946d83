/* A changed cell: the ratios of its pairs of processes beside those of equal builds, which show what chance alone does
 * on this machine. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/comparison_script.h"

enum { WIDTH = 900, HEIGHT = 600, LEFT = 110, RIGHT = 30, BOTTOM = 128, TOP = 72, STEPS = 200 };

struct sample {
    double *ratio; /* owned, n; in the order of the pairs */
    int *stage;    /* owned */
    int n;
    double width; /* of the kernel, in ln */
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Silverman's rule with the interquartile range, which outliers do not move (1986, eq. 3.31). */
static double kernel_width(const struct sample *sample)
{
    double *d = malloc((size_t)(sample->n + 1) * sizeof *d), mean = 0.0, square = 0.0, spread, quartiles;

    for (int i = 0; d && i < sample->n; i++) {
        d[i] = log(sample->ratio[i]);
        mean += d[i] / sample->n;
    }
    for (int i = 0; d && i < sample->n; i++)
        square += (d[i] - mean) * (d[i] - mean);
    if (!d || sample->n < 2) {
        free(d);
        return 0.002;
    }
    qsort(d, (size_t)sample->n, sizeof *d, by_value);
    quartiles = (d[(3 * sample->n) / 4] - d[sample->n / 4]) / 1.349;
    spread = sqrt(square / (sample->n - 1));
    if (quartiles > 0.0)
        spread = fmin(spread, quartiles);
    free(d);
    return fmax(0.9 * spread * pow(sample->n, -0.2), 1e-4);
}

static int take(const struct pairs *pairs, struct sample *out)
{
    out->ratio = calloc((size_t)pairs->pairs + 1, sizeof *out->ratio);
    out->stage = calloc((size_t)pairs->pairs + 1, sizeof *out->stage);
    if (!out->ratio || !out->stage)
        return 0;
    for (int p = 0; p < pairs->pairs; p++) {
        double d = pairs_median(pairs, p);
        if (!isfinite(d))
            continue;
        for (size_t i = 0; i < pairs->rounds; i++)
            if (pairs->round[i].pair == p)
                out->stage[out->n] = pairs->round[i].stage;
        out->ratio[out->n++] = exp(d);
    }
    out->width = kernel_width(out);
    return 1;
}

/* Points at heights that only keep them apart, and the density with 1 as its highest. */
static void write_sample(const struct sample *sample, const char *points, const char *curve, double lo, double hi,
                         struct text *out)
{
    double density[STEPS + 1], most = 0.0;

    text_addf(out, "%s << END_OF_DATA\nratio,height,stage\n", points);
    for (int i = 0; i < sample->n; i++) {
        script_number(out, sample->ratio[i]);
        text_addf(out, ",%.2f,%d\n", -0.12 - 0.07 * (i * 5 % 7), sample->stage[i]);
    }
    text_add(out, sample->n ? "END_OF_DATA\n" : "NaN,0,0\nEND_OF_DATA\n");
    for (int s = 0; s <= STEPS; s++) {
        double at = log(lo) + (log(hi) - log(lo)) * s / STEPS;
        density[s] = 0.0;
        for (int i = 0; i < sample->n; i++) {
            double u = (at - log(sample->ratio[i])) / sample->width;
            density[s] += exp(-0.5 * u * u);
        }
        most = fmax(most, density[s]);
    }
    text_addf(out, "%s << END_OF_DATA\nratio,density\n", curve);
    for (int s = 0; s <= STEPS; s++) {
        script_number(out, exp(log(lo) + (log(hi) - log(lo)) * s / STEPS));
        text_addf(out, ",%.5f\n", most > 0.0 ? density[s] / most : 0.0);
    }
    text_add(out, "END_OF_DATA\n");
}

static void reach(const struct sample *sample, double *lo, double *hi)
{
    for (int i = 0; i < sample->n; i++) {
        *lo = fmin(*lo, sample->ratio[i] * exp(-3.0 * sample->width));
        *hi = fmax(*hi, sample->ratio[i] * exp(3.0 * sample->width));
    }
}

void plot_density(const struct comparison_view *view, const struct flagged *flagged, const struct plot *plot,
                  struct text *out)
{
    struct sample own = {0}, equal = {0};
    double lo = 1.0 / 1.03, hi = 1.03;
    char title[600], name[512], own_words[256];

    if (!take(&flagged->own, &own) || !take(&flagged->equal, &equal))
        out->failed = 1;
    if (own.n == 0)
        goto out;
    reach(&own, &lo, &hi);
    reach(&equal, &lo, &hi);
    script_begin(out, plot, WIDTH, HEIGHT);
    script_margins(out, LEFT, RIGHT, BOTTOM, TOP);
    comparison_limits(out, view);
    script_set(out, "XMIN", lo);
    script_set(out, "XMAX", hi);
    text_addf(out, "EQUAL = %d\n", equal.n);
    write_sample(&equal, "$equal", "$equal_density", lo, hi, out);
    write_sample(&own, "$own", "$own_density", lo, hi, out);
    text_add(out, "TICS = \"");
    script_log_tics(out, lo, hi, 9);
    text_add(out, "\"");
    snprintf(title, sizeof title, "%.300s", comparison_row_name(flagged->row, name, sizeof name));
    text_add(out, "\n");
    script_title(out, HEIGHT, 14, title,
                 "Each point is a pair of processes: the median of B / A over its rounds. Hollow: stage 2.");
    snprintf(own_words, sizeof own_words,
             "Upper: %d pairs of equal builds%s; lower: %d pairs of A and B. Heights of points only keep them apart.",
             equal.n, equal.n == 0 || flagged->equal_is_own ? "" : " of other cells", own.n);
    comparison_caption(out, view, WIDTH, 14, own_words);
    script_template(out, "density");
out:
    free(own.ratio);
    free(own.stage);
    free(equal.ratio);
    free(equal.stage);
}
