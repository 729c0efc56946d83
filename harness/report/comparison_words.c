/* The sentences of a comparison and the spelling of its figures. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/comparison_view.h"

const char comparison_ci_note[] =
    "Ratio: median over pairs of fresh processes of B / A, measured interleaved on one processor; 95 % interval by "
    "sign-test order statistics of the pairs; p one-sided towards slower, Wilcoxon signed-rank; MDE: the change that "
    "would have been found with 95 % power.";

const char *format_change(double ratio, char *buffer)
{
    double percent = 100.0 * (ratio - 1.0);
    char digits[32];

    if (!isfinite(ratio) || fabs(percent) > 1e9) {
        snprintf(buffer, 32, "–");
        return buffer;
    }
    snprintf(buffer, 32, "%.26s %%", format_signed(percent, fabs(percent) < 99.95 ? 1 : 0, digits));
    return buffer;
}

const char *format_percent(double fraction, char *buffer)
{
    char digits[32];

    if (!isfinite(fraction) || fabs(fraction) > 1e9) {
        snprintf(buffer, 32, "–");
        return buffer;
    }
    snprintf(buffer, 32, "%.26s %%", format_fixed(100.0 * fraction, fabs(fraction) < 0.9995 ? 1 : 0, digits));
    return buffer;
}

const char *format_figure(double value, const char *unit, char *buffer)
{
    static const struct {
        const char *unit;
        const char *steps[4];
    } scales[] = {{"ns", {"ns", "µs", "ms", "s"}},
                  {"B", {"B", "kB", "MB", "GB"}},
                  {"nJ", {"nJ", "µJ", "mJ", "J"}},
                  {"ms", {"ms", "s", NULL, NULL}}};
    char digits[32];
    int step = 0;

    if (!isfinite(value)) {
        snprintf(buffer, 48, "–");
        return buffer;
    }
    for (size_t i = 0; unit && i < sizeof scales / sizeof *scales; i++) {
        if (strcmp(scales[i].unit, unit) != 0)
            continue;
        while (step < 3 && scales[i].steps[step + 1] && fabs(value) >= 999.5) {
            value /= 1000.0;
            step++;
        }
        snprintf(buffer, 48, "%s %s", format_sig(value, 3, digits), scales[i].steps[step]);
        return buffer;
    }
    if (unit && strcmp(unit, "fraction") == 0)
        snprintf(buffer, 48, "%s %%", format_fixed(100.0 * value, 2, digits));
    else
        snprintf(buffer, 48, "%s%s%.10s", format_sig(value, 4, digits), unit && *unit ? " " : "", unit ? unit : "");
    return buffer;
}

/* ------------------------------------------------------------------------------------------ the whole */

static void add_count(struct text *out, int64_t n, const char *words, int *any)
{
    if (n > 0)
        text_addf(out, "%s%" PRId64 " %s", (*any)++ ? ", " : "", n, words);
}

void comparison_sentence(const struct comparison_view *view, struct text *out)
{
    const struct comparison_head *head = &view->comparison->head;
    const char *verdict = head->verdict;
    char gate[32];
    int any = 0;

    format_percent(head->gate_ratio, gate);
    if (strcmp(verdict, "pass") == 0)
        text_addf(out, "Pass: none of %" PRId64 " gated cells is slower beyond the gate of %s", head->cells_gated,
                  gate);
    else if (strcmp(verdict, "regressed") == 0)
        text_addf(out, "Regressed: %" PRId64 " of %" PRId64 " gated cells %s slower beyond the gate of %s",
                  head->regressed, head->cells_gated, head->regressed == 1 ? "is" : "are", gate);
    else if (strcmp(verdict, "incorrect") == 0)
        text_addf(out, "Incorrect: %" PRId64 " of %" PRId64 " gated cells %s wrong outputs", head->incorrect,
                  head->cells_gated, head->incorrect == 1 ? "gives" : "give");
    else if (strcmp(verdict, "environment-refused") == 0)
        text_add(out, "Refused: the run did not pass its own checks, so what it saw is no verdict");
    else
        text_addf(out, "Inconclusive: only %" PRId64 " of %" PRId64 " expected cells could be decided",
                  head->cells_conclusive, head->cells_expected);
    text_add(out, ": ");
    add_count(out, head->incorrect, "incorrect", &any);
    add_count(out, head->regressed, "slower", &any);
    add_count(out, head->improved, "faster", &any);
    add_count(out, head->no_change, "unchanged", &any);
    add_count(out, head->inconclusive, "inconclusive", &any);
    add_count(out, head->not_comparable, "not comparable", &any);
    text_add(out, any ? "." : "no cells.");
}

void comparison_sides(const struct comparison_view *view, struct text *out)
{
    const struct comparison_head *head = &view->comparison->head;
    char change[32];

    text_addf(out, "Exit code %d. A: %s, B: %s (%s", head->exit_code, *head->a.label ? head->a.label : "unnamed",
              *head->b.label ? head->b.label : "unnamed", head->kind);
    if (head->attempt > 1)
        text_addf(out, ", attempt %" PRId64, head->attempt);
    text_add(out, "); ratios are B / A, more than 1 is worse.");
    if (*head->reason)
        text_addf(out, " Reason: %s%s", head->reason, head->reason[strlen(head->reason) - 1] == '.' ? "" : ".");
    if (isfinite(head->shift_ratio))
        text_addf(out, " Nearly all cells moved together by %s: one common cause, not many.",
                  format_change(head->shift_ratio, change));
}

/* A sentinel is right when equal code stays equal and the injected slowdown is found. */
static int is_right(const struct comparison_row *row)
{
    int found = comparison_says(row, "regressed");

    return strcmp(row->role, "sentinel-injected") == 0 ? found : !found && !comparison_says(row, "improved");
}

static void count_sentinels(const struct comparison_view *view, const char *role, int *right, int *all)
{
    *right = *all = 0;
    for (size_t i = 0; i < view->sentinels.n; i++) {
        const struct comparison_row *row = view->sentinels.row[i];
        if (strcmp(row->role, role) != 0)
            continue;
        ++*all;
        *right += is_right(row);
    }
}

void comparison_ruler(const struct comparison_view *view, struct text *out)
{
    static const struct {
        const char *role, *words;
    } kinds[] = {{"sentinel-aa", "equal builds found equal"},
                 {"sentinel-relinked", "relinked builds within the layout floor"},
                 {"sentinel-injected", "injected slowdowns found"}};
    const struct comparison_head *head = &view->comparison->head;
    int64_t rounds = head->rounds_kept + head->rounds_dropped;
    char a[32], b[32];
    int any = 0, right, all;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        count_sentinels(view, kinds[i].role, &right, &all);
        if (all > 0)
            text_addf(out, "%s%s %d of %d", any++ ? ", " : "Sentinels: ", kinds[i].words, right, all);
    }
    text_add(out, any ? ". " : "No sentinels were measured. ");
    if (rounds > 0)
        text_addf(out, "%" PRId64 " of %" PRId64 " rounds kept, %s dropped for disturbances. ", head->rounds_kept,
                  rounds, format_percent((double)head->rounds_dropped / (double)rounds, a));
    if (isfinite(head->mde_median))
        text_addf(out, "Smallest detectable change: median %s, nine tenths of the cells %s or less. ",
                  format_percent(head->mde_median, a), format_percent(head->mde_p90, b));
    if (isfinite(head->geomean_ratio)) {
        text_addf(out, "All matched cells together: %s", format_change(head->geomean_ratio, a));
        if (isfinite(head->geomean_ci95[0]))
            text_addf(out, " [%s, %s]", format_change(head->geomean_ci95[0], a),
                      format_change(head->geomean_ci95[1], b));
        text_add(out, " (geometric mean of B / A). ");
    }
    while (out->len > 0 && out->bytes[out->len - 1] == ' ')
        out->bytes[--out->len] = 0;
}

enum health_level comparison_health(const struct comparison_view *view)
{
    const struct comparison_head *head = &view->comparison->head;
    double rounds = (double)(head->rounds_kept + head->rounds_dropped);

    if (strcmp(head->verdict, "environment-refused") == 0)
        return HEALTH_BAD;
    for (size_t i = 0; i < view->sentinels.n; i++)
        if (!is_right(view->sentinels.row[i]))
            return HEALTH_BAD;
    if ((double)head->rounds_dropped > 0.25 * rounds || (double)head->rounds_tied > 0.2 * rounds ||
        (double)head->blocks_stolen > 0.25 * (double)head->blocks || head->attempt > 2 || head->cells_gated == 0)
        return HEALTH_DOUBTFUL;
    return HEALTH_GOOD;
}

/* The metric's first row stands for all of them. */
static int is_first(const struct comparison_rows *rows, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (strcmp(rows->row[i]->metric, rows->row[at]->metric) == 0)
            return 0;
    return 1;
}

void comparison_info_words(const struct comparison_view *view, struct text *out)
{
    const struct comparison_rows *info = &view->info;
    char a[32];

    for (size_t i = 0; i < info->n; i++) {
        const struct comparison_row *most = NULL;
        size_t worse = 0, better = 0, other = 0, unjudged = 0, all = 0;
        if (!is_first(info, i))
            continue;
        for (size_t j = i; j < info->n; j++) {
            const struct comparison_row *row = info->row[j];
            if (strcmp(row->metric, info->row[i]->metric) != 0)
                continue;
            all++;
            worse += (size_t)comparison_says(row, "regressed");
            better += (size_t)comparison_says(row, "improved");
            other += (size_t)comparison_says(row, "changed");
            unjudged += (size_t)comparison_says(row, "not-comparable");
            if ((comparison_says(row, "regressed") || comparison_says(row, "improved") ||
                 comparison_says(row, "changed")) &&
                row->ratio > 0.0 && (!most || fabs(log(row->ratio)) > fabs(log(most->ratio))))
                most = row;
        }
        if (worse + better + other == 0) /* "same", "no-change" and "inconclusive" are no news */
            continue;
        text_addf(out, "%s: of %zu cells %zu worse, %zu better", info->row[i]->metric, all, worse, better);
        if (other > 0)
            text_addf(out, ", %zu changed", other);
        if (unjudged > 0)
            text_addf(out, ", %zu not judged", unjudged);
        if (most)
            text_addf(out, ", most by %s (%s)", format_change(most->ratio, a), most->cell);
        text_add(out, "; never gates.\n");
    }
}
