/* A changed cell in the order in which it was measured: drift, order effects and disturbances show here. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/comparison_script.h"

enum { WIDTH = 1120, HEIGHT = 560, LEFT = 84, RIGHT = 30, BOTTOM = 128, TOP = 92 };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double ratio_of(const struct pairs_round *round)
{
    return round->a_ns > 0.0 && round->b_ns > 0.0 ? round->b_ns / round->a_ns : NAN;
}

/* Kept rounds, but for the outermost hundredth at both ends: what lies beyond stands on the edge. */
static int find_range(const struct pairs *pairs, double *lo, double *hi)
{
    double *ratio = malloc((pairs->rounds + 1) * sizeof *ratio), room;
    size_t n = 0, cut;

    for (size_t i = 0; ratio && i < pairs->rounds; i++)
        if (!pairs->round[i].dropped && isfinite(ratio_of(&pairs->round[i])))
            ratio[n++] = ratio_of(&pairs->round[i]);
    if (n == 0) {
        free(ratio);
        return 0;
    }
    qsort(ratio, n, sizeof *ratio, by_value);
    cut = n / 100;
    *lo = fmin(ratio[cut], 1.0 / 1.02);
    *hi = fmax(ratio[n - 1 - cut], 1.02);
    room = pow(*hi / *lo, 0.06);
    *lo /= room;
    *hi *= room;
    free(ratio);
    return 1;
}

void plot_order(const struct comparison_view *view, const struct flagged *flagged, const struct plot *plot,
                struct text *out)
{
    const struct pairs *pairs = &flagged->own;
    char title[600], name[512], line[200];
    size_t dropped = 0, beyond = 0;
    double lo, hi, x;

    if (!find_range(pairs, &lo, &hi))
        return;
    script_begin(out, plot, WIDTH, HEIGHT);
    script_margins(out, LEFT, RIGHT, BOTTOM, TOP);
    comparison_limits(out, view);
    text_addf(out, "ROUNDS = %zu\n", pairs->rounds);
    script_set(out, "YMIN", lo);
    script_set(out, "YMAX", hi);
    script_y_tics(out, lo, hi, 8);
    text_add(out, "$rounds << END_OF_DATA\nround,ratio,shown,b_first,dropped\n");
    for (size_t i = 0; i < pairs->rounds; i++) {
        const struct pairs_round *round = &pairs->round[i];
        double ratio = ratio_of(round);
        dropped += round->dropped != 0;
        beyond += !round->dropped && (ratio < lo || ratio > hi);
        text_addf(out, "%zu,", i + 1);
        script_number(out, ratio);
        text_add(out, ",");
        script_number(out, fmin(fmax(ratio, lo), hi));
        text_addf(out, ",%d,%d\n", round->b_first, round->dropped);
    }
    text_add(out, "END_OF_DATA\n$medians << END_OF_DATA\nfrom,wide,ratio\n");
    for (size_t i = 0; i < pairs->rounds;) {
        size_t end = i;
        while (end < pairs->rounds && pairs->round[end].pair == pairs->round[i].pair)
            end++;
        text_addf(out, "%.1f,%zu,", (double)i + 0.5, end - i);
        script_number(out, exp(pairs_median(pairs, pairs->round[i].pair)));
        text_add(out, "\n");
        i = end;
    }
    text_add(out, "END_OF_DATA\n$borders << END_OF_DATA\nx,stage\n0.5,0\n");
    for (size_t i = 1; i < pairs->rounds; i++)
        if (pairs->round[i].pair != pairs->round[i - 1].pair)
            text_addf(out, "%.1f,%d\n", (double)i + 0.5, pairs->round[i].stage != pairs->round[i - 1].stage);
    text_add(out, "END_OF_DATA\n");
    snprintf(title, sizeof title, "%.300s in the order of measuring",
             comparison_row_name(flagged->row, name, sizeof name));
    script_title(
        out, HEIGHT, LEFT, title,
        "Each point is a round; thin lines: fresh processes; thick line: the next stage; steps: medians of the pairs.");
    x = script_key(out, LEFT, HEIGHT - 68, "7", "0x0072b2", "A first");
    x = script_key(out, x, HEIGHT - 68, "6", "0xd55e00", "B first");
    script_key(out, x, HEIGHT - 68, "2", "0x8a8a8a", "dropped: a side was disturbed");
    snprintf(line, sizeof line, "%zu rounds, %zu dropped, %zu kept ones beyond the picture stand on its edge.",
             pairs->rounds, dropped, beyond);
    comparison_caption(out, view, WIDTH, LEFT, line);
    script_template(out, "order");
}
