/* A changed cell as its user meets it: how often a batch took longer than a time, disturbed batches included and
 * marked. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/comparison_script.h"

enum { WIDTH = 900, HEIGHT = 600, LEFT = 84, RIGHT = 30, BOTTOM = 128, TOP = 92, LEAST = 10, POINTS = 700 };

static int by_time(const void *a, const void *b)
{
    const struct pairs_batch *x = a, *y = b;

    if (x->ns < y->ns || x->ns > y->ns)
        return x->ns < y->ns ? -1 : 1;
    return x->contaminated - y->contaminated;
}

/* The tail is drawn whole, the bulk thinned out where points would lie on each other anyway. */
static void write_side(const struct pairs_batch *batch, size_t n, const char *block, struct text *out)
{
    size_t step = n / POINTS + 1;

    text_addf(out, "%s << END_OF_DATA\nns,share,contaminated\n", block);
    for (size_t i = 0; i < n; i++) {
        if (n - i > POINTS / 2 && i % step != 0)
            continue;
        script_number(out, batch[i].ns);
        text_add(out, ",");
        script_number(out, ((double)(n - i) - 0.5) / (double)n);
        text_addf(out, ",%d\n", batch[i].contaminated);
    }
    text_add(out, "END_OF_DATA\n");
}

void plot_tail(const struct comparison_view *view, const struct flagged *flagged, const struct plot *plot,
               struct text *out)
{
    const struct pairs *pairs = &flagged->own;
    struct pairs_batch *side[2];
    size_t n[2] = {0, 0}, contaminated = 0;
    double lo = INFINITY, hi = 0.0, x;
    char title[600], name[512], line[200];

    for (int s = 0; s < 2; s++) {
        side[s] = malloc((pairs->batches + 1) * sizeof *side[s]);
        out->failed |= !side[s];
        for (size_t i = 0; side[s] && i < pairs->batches; i++) {
            if (pairs->batch[i].b != s || !(pairs->batch[i].ns > 0.0))
                continue;
            side[s][n[s]++] = pairs->batch[i];
            contaminated += pairs->batch[i].contaminated != 0;
            lo = fmin(lo, pairs->batch[i].ns);
            hi = fmax(hi, pairs->batch[i].ns);
        }
        if (side[s])
            qsort(side[s], n[s], sizeof *side[s], by_time);
    }
    if (n[0] >= LEAST && n[1] >= LEAST) {
        script_begin(out, plot, WIDTH, HEIGHT);
        script_margins(out, LEFT, RIGHT, BOTTOM, TOP);
        script_set(out, "XMIN", lo / pow(hi / lo, 0.03) / 1.005 / 1000.0);
        script_set(out, "XMAX", hi * pow(hi / lo, 0.03) * 1.005 / 1000.0);
        script_set(out, "YMIN", 0.3 / (double)(n[0] > n[1] ? n[0] : n[1]));
        write_side(side[0], n[0], "$a", out);
        write_side(side[1], n[1], "$b", out);
        script_log_tics(out, lo / 1000.0, hi / 1000.0, 9);
        text_add(out, "\n");
        snprintf(title, sizeof title, "%.300s: the tail", comparison_row_name(flagged->row, name, sizeof name));
        script_title(out, HEIGHT, LEFT, title,
                     "How often a batch took longer than the time below, per inference. Lower is better.");
        x = script_key(out, LEFT, HEIGHT - 68, "7", "0x0072b2", "A");
        x = script_key(out, x, HEIGHT - 68, "9", "0xd55e00", "B");
        script_key(out, x, HEIGHT - 68, "2", "0x000000", "disturbed: the thread did not have the processor");
        snprintf(line, sizeof line, "%zu batches of A, %zu of B, %zu of them disturbed.", n[0], n[1], contaminated);
        comparison_caption(out, view, WIDTH, LEFT, line);
        script_template(out, "tail");
    }
    free(side[0]);
    free(side[1]);
}
