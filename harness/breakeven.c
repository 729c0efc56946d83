#include "breakeven.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "breakeven_plot.h"
#include "kernels/kernels.h"
#include "report/text.h"

enum { CURVES_MAX = 256 };

struct curves {
    struct knbreakeven_curve *curve; /* owned */
    int n;
    FILE *out;
};

/* ------------------------------------------------------------------ the table */

/* A crossing as a percentage; what lies outside of the sweep is said so. */
static const char *percent(double share, char text[16])
{
    if (share <= 0)
        snprintf(text, 16, "< 30");
    else if (share >= 1)
        snprintf(text, 16, "never");
    else
        snprintf(text, 16, "%.0f", 100 * share);
    return text;
}

static const struct knbreakeven_point *at(const struct knbreakeven_curve *curve, double sparsity)
{
    const struct knbreakeven_point *p = curve->point;
    while (p->sparsity < sparsity - 1e-9)
        p++;
    return p;
}

static int add_curve(void *context, const struct knbreakeven_curve *curve)
{
    struct curves *c = context;
    char smaller[16], faster[16], lo[16], hi[16];
    if (c->n == 0)
        fprintf(c->out, "%-32s %-31s %-8s %8s %7s %13s %7s %7s\n", "kernel", "shape", "zeros", "smaller", "faster",
                "spread", "x 80 %", "x 90 %");
    fprintf(c->out, "%-32s %-31s %-8s %8s %7s %6s-%-6s %7.2f %7.2f\n", curve->sparse, curve->shape, curve->pattern,
            percent(curve->smaller_from, smaller), percent(curve->faster_from, faster), percent(curve->faster_lo, lo),
            percent(curve->faster_hi, hi), at(curve, 0.8)->speed, at(curve, 0.9)->speed);
    fflush(c->out);
    c->curve[c->n++] = *curve;
    return c->n < CURVES_MAX;
}

/* ------------------------------------------------------------------ the file */

static enum status write_csv(const struct curves *curves, const char *isa, const char *dir)
{
    struct text csv = {0};
    char path[4096], *bytes = NULL;
    enum status st = ST_OK;
    size_t len;
    text_add(&csv, "isa,kernel,dense_kernel,shape,zeros,sparsity_percent,speed_ratio_median,speed_ratio_p10,"
                   "speed_ratio_p90,dense_packed_bytes,sparse_packed_bytes\n");
    for (int i = 0; i < curves->n; i++) {
        const struct knbreakeven_curve *c = &curves->curve[i];
        for (int j = 0; j < KNBREAKEVEN_POINTS; j++) {
            const struct knbreakeven_point *p = &c->point[j];
            text_addf(&csv, "%s,%s,%s,%s,%s,%.0f,%.4f,%.4f,%.4f,%zu,%zu\n", isa, c->sparse, c->dense, c->shape,
                      c->pattern, 100 * p->sparsity, p->speed, p->lo, p->hi, p->dense_bytes, p->sparse_bytes);
        }
    }
    TRY(text_take(&csv, &bytes, &len));
    TRY_OUT(file_join(path, sizeof path, dir, "break-even.csv"));
    TRY_OUT(file_write_atomic(path, bytes, len));
out:
    free(bytes);
    return st;
}

enum status breakeven_run(const struct breakeven_options *options, FILE *out)
{
    const char *isa = kn_isa_name(options->run.mask & kn_cpu_isa());
    struct curves curves = {calloc(CURVES_MAX, sizeof *curves.curve), 0, out};
    enum status st = ST_OK;
    if (!curves.curve)
        return status_fail(ST_NOMEM, "no memory for %d curves", CURVES_MAX);
    if (options->dir)
        TRY_OUT(file_make_dirs(options->dir));
    fprintf(
        out,
        "Sparse against dense kernels, level %s, one thread. smaller, faster: from this percentage of zeros (or of\n"
        "empty blocks) on, the packed weights are smaller and the kernel is faster than dense; spread: 10th to 90th\n"
        "percentile over %d rounds. Conversions of layout are not included.\n\n",
        isa, options->run.rounds);
    TRY_OUT(knbreakeven_run(&options->run, add_curve, &curves));
    if (options->dir) {
        TRY_OUT(write_csv(&curves, isa, options->dir));
        TRY_OUT(breakeven_plot(curves.curve, curves.n, isa, options->run.rounds, options->dir));
        fprintf(out, "\nwritten: %s/break-even.csv and pictures beside it\n", options->dir);
    }
out:
    free(curves.curve);
    return st;
}
