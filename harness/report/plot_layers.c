/* Time per layer of every recipe, and the speed-up of every cell. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/plot_label.h"
#include "report/plot_script.h"
#include "report/tables.h"

enum {
    WIDTH = 1120,
    ROW = 25,
    BOTTOM = 108,
    TOP = 108,
    MARGIN = 14,
    ROWS_MAX = 120,
    COLOURS = 8,
    NAMES = 64,
    TOTAL = 74
};

/* Layers in order of appearance; those that take most time over all recipes get colours of their own. */
struct layers {
    const char *name[NAMES];
    double ns[NAMES];
    int colour[NAMES]; /* COLOURS: the rest */
    int n, coloured;
};

/* A time that can be drawn: not nothing, not nonsense. */
static int drawable(double ns)
{
    return ns > 0.0 && ns < 1e15;
}

static int shown(const struct report_row *row)
{
    return report_ok(row->main) && row->main->kernels_n > 0 && drawable(row->main->latency_ns_median);
}

static int find_layer(const struct layers *layers, const char *name)
{
    for (int i = 0; i < layers->n; i++)
        if (strcmp(layers->name[i], name) == 0)
            return i;
    return -1;
}

static void list_layers(const struct report_model *model, struct layers *layers)
{
    for (size_t r = 0; r < model->rows; r++) {
        const struct record *record = model->row[r].main;
        for (size_t k = 0; shown(&model->row[r]) && k < record->kernels_n; k++) {
            int i;
            if (!record->kernels[k].name || !drawable(record->kernels[k].ns))
                continue;
            i = find_layer(layers, record->kernels[k].name);
            if (i < 0 && layers->n < NAMES) {
                i = layers->n++;
                layers->name[i] = record->kernels[k].name;
                layers->ns[i] = 0.0;
            }
            if (i >= 0) /* each recipe counts the same, however fast it is */
                layers->ns[i] += record->kernels[k].ns / record->latency_ns_median;
        }
    }
    for (int i = 0; i < layers->n; i++) {
        int rank = 0;
        for (int j = 0; j < layers->n; j++)
            rank += layers->ns[j] > layers->ns[i] || (layers->ns[j] == layers->ns[i] && j < i);
        layers->colour[i] = layers->n <= COLOURS || rank < COLOURS ? layers->coloured++ : COLOURS;
    }
}

static int is_dark(int colour)
{
    return colour == 0 || colour == 2 || colour == 5 || colour == 7;
}

struct sums {
    double of[COLOURS + 1], total;
};

static void sum_row(const struct layers *layers, const struct record *record, struct sums *sums)
{
    memset(sums, 0, sizeof *sums);
    for (size_t k = 0; k < record->kernels_n; k++) {
        const struct record_layer *layer = &record->kernels[k];
        int i = layer->name ? find_layer(layers, layer->name) : -1;
        if (!drawable(layer->ns))
            continue;
        sums->of[i < 0 ? COLOURS : layers->colour[i]] += layer->ns;
        sums->total += layer->ns;
    }
}

static void add_pieces(const struct sums *sums, int row, double unit, struct text *out)
{
    double at = 0.0;

    for (int c = 0; c <= COLOURS; c++) {
        const double value[] = {at / unit, (at + sums->of[c]) / unit, 100.0 * at / sums->total,
                                100.0 * (at + sums->of[c]) / sums->total};
        if (!(sums->of[c] > 0.0))
            continue;
        text_addf(out, "%d,%d", row, c);
        for (int i = 0; i < 4; i++) {
            text_add(out, ",");
            script_number(out, value[i]);
        }
        text_add(out, "\n");
        at += sums->of[c];
    }
}

/* The share of a piece stands in it where there is room. */
static void add_words(const struct sums *sums, int row, double wide, struct text *out)
{
    double at = 0.0;

    for (int c = 0; c <= COLOURS; c++) {
        double share = 100.0 * sums->of[c] / sums->total;
        char word[16];
        snprintf(word, sizeof word, "%.0f", share);
        if (plot_text_width(word, 10.0) + 6.0 < share / 100.0 * wide)
            text_addf(out, "%.4f,%d,\"%s\",%d\n", at + 0.5 * share, row, word, is_dark(c));
        at += share;
    }
}

static void add_keys(const struct layers *layers, int height, int left, struct text *out)
{
    double x = left;

    for (int c = 0; c <= COLOURS; c++) {
        char colour[24];
        const char *name = c == COLOURS && layers->n > layers->coloured ? "other layers" : NULL;
        for (int i = 0; i < layers->n && c < COLOURS; i++)
            if (layers->colour[i] == c)
                name = layers->name[i];
        if (!name)
            continue;
        snprintf(colour, sizeof colour, "PIECE[%d]", c + 1);
        x = script_key(out, x, height - 66, "5", colour, name);
    }
}

void plot_layers(const struct report *report, const struct report_model *model, const struct plot *plot,
                 struct text *out)
{
    struct layers layers = {0};
    struct text pieces = {0}, words = {0}, rows_text = {0};
    const char *unit_name;
    double unit = tables_latency_unit(model, &unit_name), most = 0.0, names = 60.0;
    int rows = 0, height, wide, left, total = TOTAL;
    char line[256], a[32];

    list_layers(model, &layers);
    for (size_t i = 0; i < model->rows; i++)
        if (shown(&model->row[i]))
            names = fmax(names, plot_text_width(model->row[i].config, 12.0));
    left = MARGIN + (int)fmin(names, 330.0) + 10;
    wide = (WIDTH - left - total - 30) / 2;
    for (size_t i = 0; i < model->rows && rows < ROWS_MAX; i++) {
        struct sums sums;
        if (!shown(&model->row[i]))
            continue;
        sum_row(&layers, model->row[i].main, &sums);
        if (!(sums.total > 0.0))
            continue;
        rows++;
        most = fmax(most, sums.total / unit);
        add_pieces(&sums, rows, unit, &pieces);
        add_words(&sums, rows, wide, &words);
        script_field(&rows_text, model->row[i].config);
        text_addf(&rows_text, ",%d,", rows);
        snprintf(line, sizeof line, "%s %s", format_sig(sums.total / unit, 3, a), unit_name);
        script_field(&rows_text, line);
        text_add(&rows_text, "\n");
    }
    if (rows > 0) {
        height = TOP + BOTTOM + ROW * rows;
        script_begin(out, plot, WIDTH, height);
        text_addf(out, "B = %d.\nT = %d.\nROWS = %d\nWIDE = %d.\nX1 = %d.\nX2 = %d.\nMAX1 = ", BOTTOM, TOP, rows, wide,
                  left, left + wide + total);
        script_number(out, most * 1.02);
        text_add(out, "\nTITLE1 = ");
        snprintf(line, sizeof line, "time per inference, %s", unit_name);
        script_quote(out, line);
        text_add(out, "\n");
        add_keys(&layers, height, left, out);
        text_addf(out, "$pieces << END_OF_DATA\nrow,colour,from,to,share_from,share_to\n%sEND_OF_DATA\n", pieces.bytes);
        text_addf(out, "$words << END_OF_DATA\nx,row,text,dark\nNaN,NaN,\"\",0\n%sEND_OF_DATA\n",
                  words.bytes ? words.bytes : "");
        text_addf(out, "$rows << END_OF_DATA\nname,row,total_text\n%sEND_OF_DATA\n", rows_text.bytes);
        snprintf(line, sizeof line, "%.100s: where the time goes, layer by layer", model->name);
        script_title(out, height, MARGIN, line,
                     "SIMD kernels. Helper steps (conversion, packing) count to their layer.");
        script_caption(
            out, report, model, WIDTH, MARGIN,
            "Layers are timed one by one in whole passes; medians, whose sum may differ from the latency of the whole.",
            0);
        script_template(out, "layers");
    }
    out->failed |= pieces.failed | words.failed | rows_text.failed;
    text_free(&pieces);
    text_free(&words);
    text_free(&rows_text);
}
