#include "report/plot_script.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/plot_label.h"

/* The files of scripts/plots, turned into arrays of lines by the Makefile. */
static const char *const common[] = {
#include "report/common.gp.inc"
    NULL};
static const char *const pareto[] = {
#include "report/pareto.gp.inc"
    NULL};
static const char *const ratios[] = {
#include "report/ratios.gp.inc"
    NULL};
static const char *const layers[] = {
#include "report/layers.gp.inc"
    NULL};
static const char *const speedup[] = {
#include "report/speedup.gp.inc"
    NULL};

static const char *const breakeven[] = {
#include "report/breakeven.gp.inc"
    NULL};

static const char *const roofline[] = {
#include "report/roofline.gp.inc"
    NULL};

static const char *const forest[] = {
#include "report/forest.gp.inc"
    NULL};
static const char *const volcano[] = {
#include "report/volcano.gp.inc"
    NULL};
static const char *const noise[] = {
#include "report/noise.gp.inc"
    NULL};
static const char *const qq[] = {
#include "report/qq.gp.inc"
    NULL};
static const char *const density[] = {
#include "report/density.gp.inc"
    NULL};
static const char *const order[] = {
#include "report/order.gp.inc"
    NULL};
static const char *const tail[] = {
#include "report/tail.gp.inc"
    NULL};
static const char *const trend[] = {
#include "report/trend.gp.inc"
    NULL};
static const char *const energy[] = {
#include "report/energy.gp.inc"
    NULL};
static const char *const meter[] = {
#include "report/meter.gp.inc"
    NULL};

static const struct {
    const char *name;
    const char *const *lines;
} templates[] = {
    {"pareto", pareto},     {"ratios", ratios}, {"layers", layers},   {"speedup", speedup}, {"breakeven", breakeven},
    {"roofline", roofline}, {"forest", forest}, {"volcano", volcano}, {"noise", noise},     {"qq", qq},
    {"density", density},   {"order", order},   {"tail", tail},       {"energy", energy},   {"meter", meter},
    {"trend", trend}};

void script_template(struct text *out, const char *name)
{
    for (size_t t = 0; t < sizeof templates / sizeof *templates; t++)
        for (int i = 0; strcmp(templates[t].name, name) == 0 && templates[t].lines[i]; i++)
            text_add(out, templates[t].lines[i]);
}

/* Backticks run commands, backslashes escape, at-signs expand macros, quotes end texts: each gets a harmless
 * look-alike. `quote` is what stands around the text. */
static void add_harmless(struct text *out, const char *text, char quote)
{
    text_addf(out, "%c", quote);
    while (text && *text) {
        size_t len = text_utf8_len(text);
        unsigned char c = (unsigned char)*text;
        if (c == '`' || c == '\'')
            text_add(out, "’");
        else if (c == '"')
            text_add(out, "”");
        else if (c == '\\')
            text_add(out, "/");
        else if (c == '@')
            text_add(out, "＠");
        else if (c == '$')
            text_add(out, "＄");
        else if (c < 0x20 || c == 0x7f || len == 0)
            text_add(out, " ");
        else
            text_add_bytes(out, text, len);
        text += len ? len : 1;
    }
    text_addf(out, "%c", quote);
}

void script_quote(struct text *out, const char *text)
{
    add_harmless(out, text, '\'');
}

void script_field(struct text *out, const char *text)
{
    add_harmless(out, text, '"');
}

void script_number(struct text *out, double value)
{
    char buffer[32];

    text_add(out, isfinite(value) ? text_number(value, buffer) : "NaN");
}

int script_family(const char *family)
{
    static const char *const names[] = {"fp32", "ptq", "qat", "pruned", "combined"};

    for (int i = 0; i < 5; i++)
        if (family && strcmp(names[i], family) == 0)
            return i;
    return 5;
}

void script_begin(struct text *out, const struct plot *plot, int width, int height)
{
    char id[PLOT_SLUG];

    /* Inside an SVG, names are made of letters, digits and '_' only. */
    snprintf(id, sizeof id, "%s", plot->slug);
    for (char *at = id; *at; at++)
        if (*at == '.' || *at == '-')
            *at = '_';
    text_addf(out,
              "# %s. To make the pictures again: gnuplot -d %s.gp\nreset\nNAME = '%s'\nID = '%s'\nW = %d.\nH = %d.\n",
              plot->title, plot->slug, plot->slug, id, width, height);
    for (int i = 0; common[i]; i++)
        text_add(out, common[i]);
    text_add(out, "\n");
}

static void add_label(struct text *out, double x, double y, const char *font, const char *colour, const char *mark,
                      const char *mark_colour, const char *text)
{
    text_add(out, "TEXTS = TEXTS + 1; TEXT[TEXTS] = ");
    script_quote(out, text);
    text_addf(out, "; TEXT_X[TEXTS] = %.1f; TEXT_Y[TEXTS] = %.1f; TEXT_FONT[TEXTS] = '%s'; TEXT_COLOUR[TEXTS] = '%s'; ",
              x, y, font, colour);
    text_addf(out, "MARK[TEXTS] = %s; MARK_COLOUR[TEXTS] = %s\n", mark, mark_colour);
}

void script_title(struct text *out, int height, int left, const char *title, const char *subtitle)
{
    add_label(out, left, height - 22, "sans-serif:Bold,15", "#111111", "0", "0", title);
    add_label(out, left, height - 43, ",12", "#555555", "0", "0", subtitle);
}

double script_key(struct text *out, double x, double y, const char *mark, const char *colour, const char *name)
{
    add_label(out, x + 5.0, y, ",12", "#222222", mark, colour, name);
    return x + 16.0 + plot_text_width(name, 12.0) + 16.0;
}

enum { CAPTION_LINES = 4, CAPTION_STEP = 14 };

static void add_caption_line(struct text *out, int left, int line, const char *words)
{
    add_label(out, left, CAPTION_STEP * (CAPTION_LINES - line) + 2, ",10", "#666666", "0", "0", words);
}

void script_small_print(struct text *out, const char *words, int width, int left)
{
    char line[512] = "";
    size_t used = 0;
    int lines = 0;

    while (*words) {
        size_t len = strcspn(words, " ");
        char longer[1024];
        snprintf(longer, sizeof longer, "%s%s%.*s", line, used ? " " : "", (int)(len < 400 ? len : 400), words);
        if (used && (plot_text_width(longer, 10.0) > width - left - 16 || strlen(longer) >= sizeof line)) {
            if (lines == CAPTION_LINES - 1) {
                snprintf(longer, sizeof longer, "%s …", line);
                add_caption_line(out, left, lines, longer);
                return;
            }
            add_caption_line(out, left, lines++, line);
            used = (size_t)snprintf(line, sizeof line, "%.*s", (int)(len < 400 ? len : 400), words);
        } else {
            used = (size_t)snprintf(line, sizeof line, "%.500s", longer);
        }
        words += len + (words[len] == ' ');
    }
    if (used)
        add_caption_line(out, left, lines, line);
}

static int64_t test_items(const struct report_model *model)
{
    int64_t n = RECORD_NONE;

    for (size_t i = 0; i < model->rows; i++)
        if (model->row[i].main->accuracy_n > n)
            n = model->row[i].main->accuracy_n;
    return n;
}

static void timing_rounds(const struct report_model *model, int64_t *lo, int64_t *hi)
{
    *lo = INT64_MAX;
    *hi = RECORD_NONE;
    for (size_t i = 0; i < model->rows; i++) {
        int64_t n = model->row[i].main->latency_n;
        if (n == RECORD_NONE)
            continue;
        *lo = n < *lo ? n : *lo;
        *hi = n > *hi ? n : *hi;
    }
}

void script_caption(struct text *out, const struct report *report, const struct report_model *model, int width,
                    int left, const char *own, int flags)
{
    struct text words = {0};
    char a[REPORT_TEXT], b[REPORT_TEXT], c[32], *bytes = NULL;
    int64_t items = test_items(model), lo, hi;
    size_t len;

    timing_rounds(model, &lo, &hi);
    text_addf(&words, "%s%sBaseline: FP32 with SIMD kernels in the same run, ", own, *own ? " " : "");
    if (flags & CAPTION_ALL_BATCHES)
        text_add(&words, "same threads and batch.");
    else
        text_addf(&words, "%" PRId64 " thread%s, batch %" PRId64 ".", model->threads, model->threads == 1 ? "" : "s",
                  model->batch);
    if (flags & CAPTION_ENERGY)
        text_addf(&words, " Energy proxy: %s", report->energy_note);
    text_addf(&words, " n: %s test items", format_count(items, c));
    if (hi != RECORD_NONE)
        text_addf(&words, lo == hi ? ", %" PRId64 " timing rounds." : ", %" PRId64 " to %" PRId64 " timing rounds.", lo,
                  hi);
    else
        text_add(&words, ".");
    text_addf(&words, " %s CPU: %s. Commit %s, run %s.", report_ci_note, report_fact(report, REPORT_CPU, a, sizeof a),
              report_fact(report, REPORT_COMMIT, b, sizeof b), report->run);
    if (text_take(&words, &bytes, &len) != ST_OK) {
        out->failed = 1;
        return;
    }
    script_small_print(out, bytes, width, left);
    free(bytes);
}

static void tic(struct text *out, double value, int *count)
{
    char buffer[32];

    text_addf(out, "%s'%s' %s", (*count)++ ? ", " : "", text_number(value, buffer), text_number(value, buffer));
}

static void log_tics(struct text *out, double lo, double hi, int most)
{
    static const double sets[][9] = {{1, 1.5, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 3, 5, 7}, {1, 2, 5}, {1, 3}, {1}};
    static const int counts[] = {9, 5, 3, 2, 1};
    int first = (int)floor(log10(lo)), last = (int)ceil(log10(hi)), count = 0, set = 0, step = 1;

    for (; set < 4; set++) {
        count = 0;
        for (int e = first; e <= last; e++)
            for (int i = 0; i < counts[set]; i++) {
                double value = sets[set][i] * pow(10.0, e);
                count += value >= lo && value <= hi;
            }
        if (count <= most)
            break;
    }
    while (set == 4 && (last - first + 1) / step > most)
        step++;
    count = 0;
    text_add(out, "set xtics (");
    for (int e = first; e <= last; e += step)
        for (int i = 0; i < counts[set]; i++) {
            /* Read back from digits, so that 3e-1 is 0.3 and not 0.30000000000000004. */
            char digits[32];
            double value;
            snprintf(digits, sizeof digits, "%ge%d", sets[set][i], e);
            value = strtod(digits, NULL);
            if (value >= lo && value <= hi)
                tic(out, value, &count);
        }
    text_add(out, ")");
}

void script_linear_tics(struct text *out, double lo, double hi, int most, int plus)
{
    static const double mantissa[] = {1, 2, 5};
    int exponent = (int)floor(log10((hi - lo) / most)), count = 0;
    double step = 0.0;

    for (int i = 0; i < 6; i++) {
        step = mantissa[i % 3] * pow(10.0, exponent + i / 3);
        if (floor(hi / step) - ceil(lo / step) + 1.0 <= most)
            break;
    }
    text_add(out, "set xtics (");
    for (double k = ceil(lo / step); k * step <= hi; k += 1.0) {
        char digits[32];
        double value;
        snprintf(digits, sizeof digits, "%.6g", k * step);
        value = strtod(digits, NULL);
        text_addf(out, "%s'%s%s' %s", count++ ? ", " : "", plus && value > 0.0 ? "+" : "", digits, digits);
    }
    text_add(out, ")");
}

void script_log_tics(struct text *out, double lo, double hi, int most)
{
    if (hi / lo < 4.0) {
        script_linear_tics(out, lo, hi, most, 0);
        return;
    }
    log_tics(out, lo, hi, most);
}

void script_y_tics(struct text *out, double lo, double hi, int most)
{
    struct text tics = {0};

    script_log_tics(&tics, lo, hi, most); /* "set xtics ..." */
    if (tics.len > 4)
        tics.bytes[4] = 'y';
    text_add(out, tics.bytes ? tics.bytes : "");
    text_add(out, "\n");
    out->failed |= tics.failed;
    text_free(&tics);
}
