#include "breakeven_plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "measure/build_info.h"
#include "measure/host.h"
#include "report/plot_script.h"

enum {
    PANELS_MAX = 12,
    SERIES_MAX = 9,
    NAME = 48,
    ACROSS = 3,
    PANEL_W = 320,
    PANEL_H = 260,
    LEFT = 74,
    GAP_X = 44,
    GAP_Y = 80,
    TOP = 112,
    BOTTOM = 112,
    MARGIN = 14
};

/* Shapes and kernels of one type, in the order in which they came. */
struct layout {
    const char *panel[PANELS_MAX];
    char series[SERIES_MAX][NAME];
    int panels, serieses;
    double least, most; /* speeds */
};

/* What stands in the key: "spmm, single zeros", "bsr, blocks 8x1". */
static void series_name(const struct knbreakeven_curve *curve, char name[NAME])
{
    const char *op = curve->contract + strlen("kn_");
    int single = strcmp(curve->pattern, "single") == 0;
    snprintf(name, NAME, "%.*s, %s%s", (int)strcspn(op, "_"), op, single ? "single zeros" : "blocks ",
             single ? "" : curve->pattern);
}

static int find_panel(struct layout *l, const char *shape)
{
    int i = 0;
    while (i < l->panels && strcmp(l->panel[i], shape) != 0)
        i++;
    if (i == l->panels && i < PANELS_MAX)
        l->panel[l->panels++] = shape;
    return i;
}

static int find_series(struct layout *l, const char *name)
{
    int i = 0;
    while (i < l->serieses && strcmp(l->series[i], name) != 0)
        i++;
    if (i == l->serieses && i < SERIES_MAX)
        snprintf(l->series[l->serieses++], NAME, "%s", name);
    return i;
}

static void add_curve(struct text *out, const struct knbreakeven_curve *curve, struct layout *l)
{
    char name[NAME];
    int panel = find_panel(l, curve->shape), series;
    series_name(curve, name);
    series = find_series(l, name);
    if (panel == PANELS_MAX || series == SERIES_MAX)
        return;
    for (int j = 0; j < KNBREAKEVEN_POINTS; j++) {
        const struct knbreakeven_point *p = &curve->point[j];
        text_addf(out, "%d,%d,%.0f,%.4f,%.4f,%.4f\n", panel + 1, series + 1, 100 * p->sparsity, p->speed, p->lo, p->hi);
        l->least = fmin(l->least, p->lo);
        l->most = fmax(l->most, p->hi);
    }
}

static void add_panels(struct text *out, const struct layout *l, int height)
{
    text_addf(out, "PANELS = %d\nACROSS = %d\nSERIES = %d\nYMIN = %g\nYMAX = %g\n", l->panels, ACROSS, l->serieses,
              exp2(floor(log2(fmax(l->least, 0.125)))), exp2(ceil(log2(fmax(l->most, 2)))));
    text_addf(out, "array PANEL[%d]\narray X[%d]\narray Y[%d]\nWIDE = %d\nTALL = %d\n", l->panels, l->panels, l->panels,
              PANEL_W, PANEL_H);
    for (int i = 0; i < l->panels; i++) {
        text_addf(out, "PANEL[%d] = ", i + 1);
        script_quote(out, l->panel[i]);
        text_addf(out, "; X[%d] = %d; Y[%d] = %d\n", i + 1, LEFT + i % ACROSS * (PANEL_W + GAP_X), i + 1,
                  height - TOP - PANEL_H - i / ACROSS * (PANEL_H + GAP_Y));
    }
}

/* "Intel(R) Xeon(R) Processor, commit 0123456789ab". */
static enum status add_machine(struct text *out)
{
    const cJSON *brand;
    cJSON *facts;
    TRY(host_facts(&facts));
    brand = cJSON_GetObjectItem(cJSON_GetObjectItem(facts, "cpu"), "brand");
    text_addf(out, " CPU: %s. Commit %.12s%s.", cJSON_IsString(brand) ? brand->valuestring : "unknown",
              build_info()->commit, build_info()->dirty ? " with changes" : "");
    cJSON_Delete(facts);
    return ST_OK;
}

static enum status add_words(struct text *out, int width, int height, const char *isa, int integer, int rounds)
{
    struct text words = {0};
    char title[160], *bytes;
    enum status st = ST_OK;
    size_t len;
    snprintf(title, sizeof title, "Sparse kernels against dense: %s weights, level %s", integer ? "8-bit" : "float",
             isa);
    script_title(out, height, MARGIN, title,
                 "Times as fast as the dense kernel of the same level on the same layer, by share of zeros. Dashed: "
                 "every zero skipped at no cost.");
    text_addf(
        &words,
        "Line: median; band: 10th to 90th percentile of %d rounds in which dense and sparse alternate. One thread. "
        "Blocks: share of empty blocks. Changes of layout around a kernel are not included; spmm reads C,H,W data, "
        "at stride 2 split into even and odd columns; the others read H,W,C data as the dense kernel does.",
        rounds);
    TRY_OUT(add_machine(&words));
    TRY_OUT(text_take(&words, &bytes, &len));
    script_small_print(out, bytes, width, MARGIN);
    free(bytes);
out:
    text_free(&words);
    return st;
}

static enum status make_script(const struct knbreakeven_curve *curve, int n, int integer, const char *isa, int rounds,
                               struct plot *plot)
{
    struct layout layout = {.least = 1, .most = 1};
    struct text script = {0}, data = {0};
    enum status st = ST_OK;
    double x = MARGIN;
    int width = LEFT + ACROSS * PANEL_W + (ACROSS - 1) * GAP_X + MARGIN, height, rows;
    for (int i = 0; i < n; i++) {
        if (curve[i].integer == integer)
            add_curve(&data, &curve[i], &layout);
    }
    rows = (layout.panels + ACROSS - 1) / ACROSS;
    if (layout.panels < ACROSS)
        width -= (ACROSS - layout.panels) * (PANEL_W + GAP_X);
    width = width < 760 ? 760 : width;
    height = TOP + rows * (PANEL_H + GAP_Y) - GAP_Y + BOTTOM;
    snprintf(plot->slug, sizeof plot->slug, "break-even-%s-%s", integer ? "int8" : "f32", isa);
    snprintf(plot->title, sizeof plot->title, "Sparse kernels against dense");
    script_begin(&script, plot, width, height);
    TRY_OUT(add_words(&script, width, height, isa, integer, rounds));
    add_panels(&script, &layout, height);
    for (int i = 0; i < layout.serieses; i++) {
        char colour[32];
        snprintf(colour, sizeof colour, "PIECE[%d]", i + 1);
        x = script_key(&script, x, height - 70, "7", colour, layout.series[i]);
    }
    text_addf(&script, "$curves << END_OF_DATA\npanel,series,sparsity,speed,lo,hi\n%sEND_OF_DATA\n",
              data.bytes ? data.bytes : "");
    script_template(&script, "breakeven");
    script.failed |= data.failed;
    TRY_OUT(text_take(&script, &plot->script, &plot->len));
out:
    text_free(&script);
    text_free(&data);
    return st;
}

enum status breakeven_plot(const struct knbreakeven_curve *curve, int n, const char *isa, int rounds, const char *dir)
{
    struct plot plot[2] = {{.model = ""}, {.model = ""}};
    struct plots plots = {plot, 0};
    enum status st = ST_OK;
    for (int integer = 0; integer < 2; integer++) {
        int any = 0;
        for (int i = 0; i < n; i++)
            any |= curve[i].integer == integer;
        if (!any)
            continue;
        TRY_OUT(make_script(curve, n, integer, isa, rounds, &plot[plots.n]));
        plots.n++;
    }
    TRY_OUT(plots_write(&plots, dir));
    st = plots_render(&plots, dir);
    if (st == ST_SKIP) {
        fprintf(stderr, "%s\n", status_message());
        st = ST_OK;
    }
out:
    for (size_t i = 0; i < plots.n; i++)
        free(plot[i].script);
    return st;
}
