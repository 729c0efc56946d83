#include "report/comparison_tables.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *comparison_ratio_text(const struct comparison_row *row, char *buffer)
{
    return format_fixed(row->ratio, 3, buffer);
}

const char *comparison_ci_text(const struct comparison_row *row, char *buffer)
{
    const double *ci = row->ratio_ci95;
    char a[32], b[32];

    if (!isfinite(ci[0]) || !isfinite(ci[1]))
        snprintf(buffer, 32, "–");
    else
        snprintf(buffer, 32, "%.13s–%.13s", format_fixed(ci[0], 3, a), format_fixed(ci[1], 3, b));
    return buffer;
}

static enum grid_tone tone_of(const struct comparison_row *row)
{
    if (comparison_says(row, "regressed") || comparison_says(row, "incorrect"))
        return GRID_BAD;
    if (comparison_says(row, "improved"))
        return GRID_GOOD;
    return comparison_says(row, "no-change") || comparison_says(row, "changed") ? GRID_PLAIN : GRID_DIM;
}

static const char *side_text(const struct comparison_row *row, double value, const char *text, char *buffer)
{
    if (text && !isfinite(value)) {
        snprintf(buffer, 48, "%.12s%s", text, strlen(text) > 12 ? "…" : "");
        return buffer;
    }
    return format_figure(value, row->unit, buffer);
}

static const char *p_text(double p, char *buffer)
{
    if (!isfinite(p))
        snprintf(buffer, 32, "–");
    else if (p < 0.0001)
        snprintf(buffer, 32, "<0.0001");
    else
        format_fixed(p, 4, buffer);
    return buffer;
}

static void add_name(struct grid *grid, const struct comparison_row *row)
{
    char name[512];

    grid_cell(grid, GRID_PLAIN, "%s", comparison_row_name(row, name, sizeof name));
    grid_cell(grid, tone_of(row), "%s", row->verdict);
}

static void add_sides(struct grid *grid, const struct comparison_row *row)
{
    char figure[48];

    grid_cell(grid, GRID_PLAIN, "%s", side_text(row, row->a, row->a_text, figure));
    grid_cell(grid, GRID_PLAIN, "%s", side_text(row, row->b, row->b_text, figure));
}

static void add_ratio(struct grid *grid, const struct comparison_row *row)
{
    char a[32];

    grid_cell(grid, tone_of(row) == GRID_DIM ? GRID_PLAIN : tone_of(row), "%s", comparison_ratio_text(row, a));
    grid_cell(grid, GRID_PLAIN, "%s", comparison_ci_text(row, a));
}

static void add_instructions(struct grid *grid, const struct comparison_row *row)
{
    char a[32];

    if (row->instructions_a == RECORD_NONE || row->instructions_b == RECORD_NONE || row->instructions_a <= 0)
        grid_cell(grid, GRID_DIM, "–");
    else
        grid_cell(grid, GRID_PLAIN, "%s", format_change((double)row->instructions_b / (double)row->instructions_a, a));
}

static void add_rounds(struct grid *grid, const struct comparison_row *row)
{
    if (row->rounds_kept == RECORD_NONE)
        grid_cell(grid, GRID_DIM, "–");
    else
        grid_cell(grid, GRID_PLAIN, "%" PRId64 " / %" PRId64, row->rounds_kept,
                  row->rounds_dropped == RECORD_NONE ? 0 : row->rounds_dropped);
}

static void ratio_columns(struct grid *out)
{
    grid_column(out, "A", GRID_RIGHT, 3);
    grid_column(out, "B", GRID_RIGHT, 3);
    grid_column(out, "B/A|×", GRID_RIGHT, 0);
    grid_column(out, "95 % CI|×", GRID_RIGHT, 1);
}

static void note_more(struct grid *out, size_t shown, size_t all)
{
    if (shown < all)
        grid_note(out, "%zu more of this kind; --all shows them, and report.html and report.csv hold them.",
                  all - shown);
}

void comparison_table_changed(const struct comparison_view *view, size_t most, enum changed_columns columns,
                              struct grid *out)
{
    size_t shown = most && most < view->changed.n ? most : view->changed.n;
    char a[32];

    grid_begin(out, "What changed");
    grid_column(out, "cell", GRID_LEFT, 0);
    grid_column(out, "verdict", GRID_LEFT, 0);
    ratio_columns(out);
    grid_column(out, "p, stage 1", GRID_RIGHT, 4);
    grid_column(out, "p, stage 2", GRID_RIGHT, 4);
    grid_column(out, "MDE", GRID_RIGHT, 2);
    grid_column(out, "instructions", GRID_RIGHT, 5);
    grid_column(out, "code", GRID_LEFT, 6);
    if (columns >= CHANGED_REASONS)
        grid_column(out, "reason", GRID_LEFT, 7);
    if (columns >= CHANGED_COMMANDS)
        grid_column(out, "again", GRID_LEFT, 8);
    for (size_t i = 0; i < shown; i++) {
        const struct comparison_row *row = view->changed.row[i];
        grid_row(out);
        add_name(out, row);
        add_sides(out, row);
        add_ratio(out, row);
        grid_cell(out, GRID_PLAIN, "%s", p_text(row->p_stage1, a));
        grid_cell(out, GRID_PLAIN, "%s", p_text(row->p_stage2, a));
        grid_cell(out, GRID_PLAIN, "%s", format_percent(row->mde, a));
        add_instructions(out, row);
        grid_cell(out, GRID_PLAIN, "%s", row->code ? row->code : "unknown");
        if (columns >= CHANGED_REASONS)
            grid_cell(out, GRID_PLAIN, "%s", row->reason ? row->reason : "");
        if (columns >= CHANGED_COMMANDS)
            grid_cell(out, GRID_PLAIN, "%s", row->reproduce ? row->reproduce : "");
    }
    note_more(out, shown, view->changed.n);
}

void comparison_table_open(const struct comparison_view *view, size_t most, struct grid *out)
{
    size_t shown = most && most < view->open.n ? most : view->open.n;
    char a[32];

    grid_begin(out, "Not decided");
    grid_column(out, "cell", GRID_LEFT, 0);
    grid_column(out, "verdict", GRID_LEFT, 0);
    grid_column(out, "B/A|×", GRID_RIGHT, 2);
    grid_column(out, "95 % CI|×", GRID_RIGHT, 3);
    grid_column(out, "MDE", GRID_RIGHT, 1);
    grid_column(out, "rounds kept / dropped", GRID_RIGHT, 4);
    grid_column(out, "why", GRID_LEFT, 0);
    for (size_t i = 0; i < shown; i++) {
        const struct comparison_row *row = view->open.row[i];
        grid_row(out);
        add_name(out, row);
        add_ratio(out, row);
        grid_cell(out, GRID_PLAIN, "%s", format_percent(row->mde, a));
        add_rounds(out, row);
        grid_cell(out, GRID_PLAIN, "%s", row->reason ? row->reason : "–");
    }
    note_more(out, shown, view->open.n);
}

void comparison_table_matrix(const struct comparison_view *view, struct grid *out)
{
    char a[32];

    grid_begin(out, "All gated cells");
    grid_column(out, "cell", GRID_LEFT, 0);
    grid_column(out, "verdict", GRID_LEFT, 0);
    ratio_columns(out);
    grid_column(out, "MDE", GRID_RIGHT, 2);
    grid_column(out, "p, stage 1", GRID_RIGHT, 4);
    grid_column(out, "p, stage 2", GRID_RIGHT, 6);
    grid_column(out, "q faster", GRID_RIGHT, 8);
    grid_column(out, "pairs slower", GRID_RIGHT, 7);
    grid_column(out, "rounds kept / dropped", GRID_RIGHT, 5);
    grid_column(out, "layout floor", GRID_RIGHT, 9);
    grid_column(out, "drift", GRID_RIGHT, 10);
    grid_column(out, "instructions", GRID_RIGHT, 5);
    grid_column(out, "code", GRID_LEFT, 6);
    grid_column(out, "ISA", GRID_LEFT, 11);
    for (size_t i = 0; i < view->gated.n; i++) {
        const struct comparison_row *row = view->gated.row[i];
        grid_row(out);
        add_name(out, row);
        add_sides(out, row);
        add_ratio(out, row);
        grid_cell(out, GRID_PLAIN, "%s", format_percent(row->mde, a));
        grid_cell(out, GRID_PLAIN, "%s", p_text(row->p_stage1, a));
        grid_cell(out, GRID_PLAIN, "%s", p_text(row->p_stage2, a));
        grid_cell(out, GRID_PLAIN, "%s", p_text(row->q_faster, a));
        grid_cell(out, GRID_PLAIN, "%s", format_percent(row->slower_share, a));
        add_rounds(out, row);
        grid_cell(out, GRID_PLAIN, "%s", format_percent(row->layout_floor, a));
        grid_cell(out, GRID_PLAIN, "%s", format_percent(row->drift, a));
        add_instructions(out, row);
        grid_cell(out, GRID_PLAIN, "%s", row->code ? row->code : "unknown");
        grid_cell(out, GRID_PLAIN, "%s", row->isa ? row->isa : "–");
    }
}

void comparison_table_info(const struct comparison_view *view, struct grid *out)
{
    grid_begin(out, "Figures that never gate");
    grid_column(out, "cell", GRID_LEFT, 0);
    grid_column(out, "metric", GRID_LEFT, 0);
    grid_column(out, "verdict", GRID_LEFT, 0);
    ratio_columns(out);
    for (size_t i = 0; i < view->info.n; i++) {
        const struct comparison_row *row = view->info.row[i];
        grid_row(out);
        grid_cell(out, GRID_PLAIN, "%s", row->cell);
        grid_cell(out, GRID_PLAIN, "%s", row->metric);
        grid_cell(out, tone_of(row), "%s", row->verdict);
        add_sides(out, row);
        add_ratio(out, row);
    }
}

void comparison_table_sentinels(const struct comparison_view *view, struct grid *out)
{
    static const char *const meant[] = {"equal builds: no change", "relinked: within the floor",
                                        "injected slowdown: found"};
    char a[32];

    grid_begin(out, "Sentinels");
    grid_column(out, "cell", GRID_LEFT, 0);
    grid_column(out, "what should come out", GRID_LEFT, 0);
    grid_column(out, "verdict", GRID_LEFT, 0);
    grid_column(out, "B/A|×", GRID_RIGHT, 0);
    grid_column(out, "95 % CI|×", GRID_RIGHT, 1);
    grid_column(out, "p, stage 1", GRID_RIGHT, 3);
    grid_column(out, "MDE", GRID_RIGHT, 2);
    for (size_t i = 0; i < view->sentinels.n; i++) {
        const struct comparison_row *row = view->sentinels.row[i];
        int kind = strcmp(row->role, "sentinel-aa") == 0 ? 0 : strcmp(row->role, "sentinel-relinked") == 0 ? 1 : 2;
        grid_row(out);
        grid_cell(out, GRID_PLAIN, "%s", row->cell);
        grid_cell(out, GRID_PLAIN, "%s", meant[kind]);
        grid_cell(out, GRID_PLAIN, "%s", row->verdict);
        grid_cell(out, GRID_PLAIN, "%s", comparison_ratio_text(row, a));
        grid_cell(out, GRID_PLAIN, "%s", comparison_ci_text(row, a));
        grid_cell(out, GRID_PLAIN, "%s", p_text(row->p_stage1, a));
        grid_cell(out, GRID_PLAIN, "%s", format_percent(row->mde, a));
    }
}

static const char *model_of(const struct comparison_row *row)
{
    return row->model ? row->model : row->cell;
}

static int is_first_of_model(const struct comparison_view *view, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(model_of(view->gated.row[i]), model_of(view->gated.row[at])) == 0)
            return 0;
    return 1;
}

static void add_model(const struct comparison_view *view, size_t first, struct grid *out)
{
    const char *model = model_of(view->gated.row[first]);
    int counts[7] = {0}, cells = 0, matched = 0;
    double sum = 0.0;
    char a[32];

    for (size_t i = first; i < view->gated.n; i++) {
        const struct comparison_row *row = view->gated.row[i];
        if (strcmp(model_of(row), model) != 0)
            continue;
        cells++;
        counts[comparison_verdict_index(row)]++;
        if (row->ratio > 0.0 && isfinite(row->ratio)) {
            sum += log(row->ratio);
            matched++;
        }
    }
    grid_row(out);
    grid_cell(out, GRID_PLAIN, "%s", model);
    grid_cell(out, GRID_PLAIN, "%d", cells);
    grid_cell(out, counts[1] ? GRID_BAD : GRID_PLAIN, "%d", counts[1]);
    grid_cell(out, counts[2] ? GRID_GOOD : GRID_PLAIN, "%d", counts[2]);
    grid_cell(out, GRID_PLAIN, "%d", counts[0]);
    grid_cell(out, GRID_PLAIN, "%d", counts[3] + counts[4]);
    grid_cell(out, counts[5] ? GRID_BAD : GRID_PLAIN, "%d", counts[5]);
    grid_cell(out, GRID_PLAIN, "%s", format_fixed(matched ? exp(sum / matched) : NAN, 3, a));
}

void comparison_table_models(const struct comparison_view *view, struct grid *out)
{
    grid_begin(out, "By model");
    grid_column(out, "model", GRID_LEFT, 0);
    grid_column(out, "cells", GRID_RIGHT, 0);
    grid_column(out, "slower", GRID_RIGHT, 0);
    grid_column(out, "faster", GRID_RIGHT, 0);
    grid_column(out, "unchanged", GRID_RIGHT, 0);
    grid_column(out, "not decided", GRID_RIGHT, 0);
    grid_column(out, "incorrect", GRID_RIGHT, 0);
    grid_column(out, "mean B/A|×", GRID_RIGHT, 0);
    for (size_t i = 0; i < view->gated.n; i++)
        if (is_first_of_model(view, i))
            add_model(view, i, out);
    if (out->rows > 0)
        grid_note(out, "Geometric mean over the cells that have a ratio.");
}

static void fact(struct grid *grid, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void fact(struct grid *grid, const char *name, const char *format, ...)
{
    char words[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    grid_row(grid);
    grid_cell(grid, GRID_PLAIN, "%s", name);
    grid_cell(grid, GRID_PLAIN, "%s", words);
}

static void begin_facts(struct grid *grid, const char *title)
{
    grid_begin(grid, title);
    grid_column(grid, "what", GRID_LEFT, 0);
    grid_column(grid, "value", GRID_LEFT, 0);
}

void comparison_table_health(const struct comparison_view *view, struct grid *out)
{
    const struct comparison_head *head = &view->comparison->head;
    int64_t rounds = head->rounds_kept + head->rounds_dropped;
    char a[32], b[32], c[32];

    begin_facts(out, "Run health");
    fact(out, "trust", "%s", health_word(comparison_health(view)));
    fact(out, "cells", "%" PRId64 " expected, %" PRId64 " gated, %" PRId64 " decided", head->cells_expected,
         head->cells_gated, head->cells_conclusive);
    if (rounds > 0)
        fact(out, "rounds", "%" PRId64 " kept, %" PRId64 " dropped (%s), %" PRId64 " tied", head->rounds_kept,
             head->rounds_dropped, format_percent((double)head->rounds_dropped / (double)rounds, a), head->rounds_tied);
    if (head->blocks > 0)
        fact(out, "looks at the machine",
             "%" PRId64 ": stolen time above 20 %% in %" PRId64 ", others waiting in %" PRId64 "; steal median %s",
             head->blocks, head->blocks_stolen, head->blocks_busy, format_percent(head->steal_median, a));
    fact(out, "detectable change", "median %s, 90th percentile %s, target %s", format_percent(head->mde_median, a),
         format_percent(head->mde_p90, b), format_percent(head->mde_target, c));
    fact(out, "gate", "%s slower, in both stages, and the interval above the layout floor of %s",
         format_percent(head->gate_ratio, a), format_percent(head->floor_ratio, b));
    fact(out, "false alarms", "%s for the whole run at most, p below %s in each of two stages",
         format_percent(head->alpha_run, a), format_sig(head->alpha_stage, 3, b));
    fact(out, "attempt", "%" PRId64, head->attempt);
    if (isfinite(head->seconds))
        fact(out, "measuring took", "%s s", format_sig(head->seconds, 3, a));
}

void comparison_table_reproduce(const struct comparison_view *view, struct grid *out)
{
    static const struct {
        const char *name;
        enum report_fact fact;
    } facts[] = {{"command", REPORT_COMMAND}, {"processor", REPORT_CPU},     {"instruction set", REPORT_ISA},
                 {"commit", REPORT_COMMIT},   {"compiler", REPORT_COMPILER}, {"flags", REPORT_FLAGS},
                 {"kernel", REPORT_SYSTEM},   {"started", REPORT_DATE}};
    const struct comparison_head *head = &view->comparison->head;
    const struct comparison_side *const sides[] = {&head->a, &head->b};
    char value[1024];

    begin_facts(out, "Reproduce");
    for (int i = 0; i < 2; i++)
        fact(out, i ? "B" : "A", "%s%s%s%s%.12s", sides[i]->name, *sides[i]->commit ? ", commit " : "",
             sides[i]->commit, *sides[i]->code_id ? ", code " : "", sides[i]->code_id);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        env_fact(&view->comparison->env, facts[i].fact, value, sizeof value);
        if (strcmp(value, "unknown") != 0)
            fact(out, facts[i].name, "%s", value);
    }
    fact(out, "seed", "%" PRId64, head->seed);
    fact(out, "raw data", "pairs.jsonl (where it was measured), verdicts.jsonl, verdict.json, env.json");
}
