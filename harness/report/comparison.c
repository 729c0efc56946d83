#include "report/comparison.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/comparison_inside.h"

static const struct record_field fields[] = {
#define COMPARISON_FIELD(kind, key, unit, title, decimals)                                                             \
    FIELD_FACTS(comparison_row, kind, key, unit, title, decimals, 0)
#include "report/comparison.def"
};
enum { FIELDS = sizeof fields / sizeof *fields };

const struct record_field *comparison_fields(size_t *out_n)
{
    *out_n = FIELDS;
    return fields;
}

void comparison_row_init(struct comparison_row *row)
{
    memset(row, 0, sizeof *row);
    fields_init(row, fields, FIELDS);
}

void comparison_row_free(struct comparison_row *row)
{
    if (!row)
        return;
    fields_free(row, fields, FIELDS);
    comparison_row_init(row);
}

void comparison_init(struct comparison *comparison)
{
    memset(comparison, 0, sizeof *comparison);
    comparison_head_init(&comparison->head);
}

void comparison_free(struct comparison *comparison)
{
    if (!comparison)
        return;
    for (size_t i = 0; i < comparison->rows; i++)
        comparison_row_free(&comparison->row[i]);
    free(comparison->row);
    free(comparison->dir);
    json_free(&comparison->env);
    comparison_init(comparison);
}

enum status comparison_add(struct comparison *comparison, struct comparison_row **out)
{
    if (comparison->rows >= COMPARISON_MAX_ROWS)
        return status_fail(ST_BADARG, "comparison: more than %d rows", COMPARISON_MAX_ROWS);
    if (comparison->rows == comparison->room) {
        size_t room = comparison->room ? comparison->room * 2 : 64;
        struct comparison_row *row = realloc(comparison->row, room * sizeof *row);
        if (!row)
            return status_fail(ST_NOMEM, "comparison: no memory for %zu rows", room);
        comparison->row = row;
        comparison->room = room;
    }
    comparison_row_init(&comparison->row[comparison->rows]);
    *out = &comparison->row[comparison->rows++];
    return ST_OK;
}

const struct comparison_row *comparison_find(const struct comparison *comparison, const char *cell, const char *metric,
                                             const char *role)
{
    for (size_t i = 0; cell && metric && role && i < comparison->rows; i++) {
        const struct comparison_row *row = &comparison->row[i];
        if (row->cell && row->metric && row->role && strcmp(row->cell, cell) == 0 && strcmp(row->metric, metric) == 0 &&
            strcmp(row->role, role) == 0)
            return row;
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------- what may be said */

static const struct {
    const char *word;
    int exit_code;
} verdicts[] = {
    {"pass", 0}, {"regressed", 1}, {"inconclusive", 3}, {"environment-refused", 4}, {"incorrect", 5},
};

int comparison_exit_code(const char *verdict)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        if (strcmp(verdicts[i].word, verdict) == 0)
            return verdicts[i].exit_code;
    return -1;
}

/* Words end with NULL; the list as one text serves messages. */
struct words {
    const char *word[10], *list;
};

static const struct words kinds = {{"builds", "models", "recipes", "runs", NULL}, "builds, models, recipes or runs"};
static const struct words roles = {{"gated", "info", "sentinel-aa", "sentinel-relinked", "sentinel-injected", NULL},
                                   "gated, info, sentinel-aa, sentinel-relinked or sentinel-injected"};
static const struct words gated_verdicts = {
    {"regressed", "improved", "no-change", "inconclusive", "not-comparable", "incorrect", NULL},
    "regressed, improved, no-change, inconclusive, not-comparable or incorrect"};
static const struct words other_verdicts = {
    {"regressed", "improved", "no-change", "inconclusive", "not-comparable", "incorrect", "same", "changed", NULL},
    "regressed, improved, no-change, inconclusive, not-comparable, incorrect, same or changed"};

static int is_one_of(const struct words *words, const char *word)
{
    for (int i = 0; words->word[i]; i++)
        if (strcmp(words->word[i], word) == 0)
            return 1;
    return 0;
}

enum status comparison_check_head(const struct comparison_head *head, const char *where)
{
    if (!is_one_of(&kinds, head->kind))
        return status_fail(ST_BADARG, "%s: kind: \"%s\", expected %s", where, head->kind, kinds.list);
    if (comparison_exit_code(head->verdict) < 0)
        return status_fail(ST_BADARG,
                           "%s: verdict: \"%s\", expected pass, regressed, inconclusive, environment-refused or "
                           "incorrect",
                           where, head->verdict);
    if (comparison_exit_code(head->verdict) != head->exit_code)
        return status_fail(ST_BADARG, "%s: exit_code: %d, but the verdict \"%s\" exits with %d", where, head->exit_code,
                           head->verdict, comparison_exit_code(head->verdict));
    return comparison_check_counts(head, where);
}

/* Ends that are not finite are a missing interval. */
static int is_turned(const double pair[2])
{
    return isfinite(pair[0]) && isfinite(pair[1]) && pair[0] > pair[1];
}

static int is_outside(double value, double lo, double hi)
{
    return isfinite(value) && (value < lo || value > hi);
}

enum status comparison_check_row(const struct comparison_row *row, const char *where)
{
    const struct {
        const char *key, *text;
    } needed[] = {{"cell", row->cell}, {"metric", row->metric}, {"role", row->role}, {"verdict", row->verdict}};
    const struct {
        const char *key;
        double value;
    } chances[] = {{"p_stage1", row->p_stage1},
                   {"p_stage2", row->p_stage2},
                   {"p_sign", row->p_sign},
                   {"q_faster", row->q_faster},
                   {"slower_share", row->slower_share}};
    const struct words *allowed;

    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!needed[i].text || !*needed[i].text)
            return status_fail(ST_BADARG, "%s: %s: missing", where, needed[i].key);
    if (!is_one_of(&roles, row->role))
        return status_fail(ST_BADARG, "%s: role: \"%.40s\", expected %s", where, row->role, roles.list);
    allowed = strcmp(row->role, "gated") == 0 ? &gated_verdicts : &other_verdicts;
    if (!is_one_of(allowed, row->verdict))
        return status_fail(ST_BADARG, "%s: verdict: \"%.40s\", expected %s", where, row->verdict, allowed->list);
    for (size_t i = 0; i < sizeof chances / sizeof *chances; i++)
        if (is_outside(chances[i].value, 0.0, 1.0))
            return status_fail(ST_BADARG, "%s: %s: %g, expected 0 to 1", where, chances[i].key, chances[i].value);
    if (is_outside(row->ratio, 0.0, INFINITY))
        return status_fail(ST_BADARG, "%s: ratio: %g, expected at least 0", where, row->ratio);
    if (is_outside(row->mde, 0.0, INFINITY))
        return status_fail(ST_BADARG, "%s: mde: %g, expected at least 0", where, row->mde);
    if (is_turned(row->ratio_ci95) || is_outside(row->ratio_ci95[0], 0.0, INFINITY))
        return status_fail(ST_BADARG, "%s: ratio_ci95: [%g, %g], expected lower and upper end, at least 0", where,
                           row->ratio_ci95[0], row->ratio_ci95[1]);
    return ST_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct comparison_row *x = *(const struct comparison_row *const *)a;
    const struct comparison_row *y = *(const struct comparison_row *const *)b;
    int order = strcmp(x->cell, y->cell);

    order = order ? order : strcmp(x->metric, y->metric);
    return order ? order : strcmp(x->role, y->role);
}

enum status comparison_check_twice(const struct comparison *comparison, const char *where)
{
    enum status st = ST_OK;
    const struct comparison_row **order = malloc((comparison->rows + 1) * sizeof *order);

    if (!order)
        return status_fail(ST_NOMEM, "comparison: no memory for %zu rows", comparison->rows);
    for (size_t i = 0; i < comparison->rows; i++)
        order[i] = &comparison->row[i];
    qsort(order, comparison->rows, sizeof *order, by_name);
    for (size_t i = 1; i < comparison->rows && st == ST_OK; i++)
        if (by_name(&order[i - 1], &order[i]) == 0)
            st = status_fail(ST_BADARG, "%s: cell %s, metric %s, role %s: given twice", where, order[i]->cell,
                             order[i]->metric, order[i]->role);
    free(order);
    return st;
}

enum status comparison_check(const struct comparison *comparison)
{
    TRY(comparison_check_head(&comparison->head, "comparison"));
    for (size_t i = 0; i < comparison->rows; i++) {
        char where[64];
        snprintf(where, sizeof where, "comparison: row %zu", i + 1);
        TRY(comparison_check_row(&comparison->row[i], where));
    }
    return comparison_check_twice(comparison, "comparison");
}
