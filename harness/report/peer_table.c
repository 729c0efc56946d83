#include "report/peer_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/match.h"

const char peer_table_note[] =
    "× is the library's time over ours, paired in the same run: more than 1 means ours is faster; medians with their "
    "95 % interval, and the ratio of the minima. inexact: the library's integers are wrong for some inputs. "
    "One "
    "thread; weights packed and layouts chosen beforehand on every side.";

int peer_table_is(const struct report *report)
{
    char kind[16];
    return strcmp(records_env(report->records, "run.kind", "", kind, sizeof kind), "peers") == 0;
}

static int is_peer(const struct record *record)
{
    return strncmp(record->kernel, "peer:", 5) == 0;
}

/* "peer:onednn-2.6.3" and "peer:onednn" (of a run in which it was not there) are one column. */
static int find_column(struct peer_table *table, const char *kernel)
{
    for (int i = 0; i < table->columns; i++)
        if (strcmp(table->column[i], kernel) == 0)
            return i;
    if (table->columns == PEER_COLUMNS)
        return -1;
    table->column[table->columns] = kernel;
    return table->columns++;
}

static struct peer_row *find_row(struct peer_table *table, const struct record *r)
{
    struct peer_row *row;

    for (size_t i = 0; i < table->rows; i++)
        if (strcmp(table->row[i].model, r->model) == 0 && strcmp(table->row[i].config, r->config) == 0)
            return &table->row[i];
    row = &table->row[table->rows++];
    *row = (struct peer_row){.model = r->model, .config = r->config, .best = NAN, .exact = NAN};
    return row;
}

/* The smallest ratios: against the best library, and against the best of the exact ones. */
static void find_best(struct peer_row *row)
{
    for (int i = 0; i < PEER_COLUMNS; i++) {
        const struct record *r = row->peer[i];
        if (!report_ok(r) || !(r->peer_ratio > 0))
            continue;
        row->best = fmin(row->best, r->peer_ratio); /* of a NaN and a number, the number */
        if (!r->inexact)
            row->exact = fmin(row->exact, r->peer_ratio);
    }
}

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? text : "";
}

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

/* The first expectation of each kind that names this row. */
static void judge(const cJSON *expect, struct peer_row *row)
{
    const cJSON *item;

    cJSON_ArrayForEach (item, expect) {
        struct peer_judgement j = {text_of(item, "against"), NAN, number_of(item, "floor"), number_of(item, "target")};
        int known = 0;
        if (strcmp(text_of(item, "config"), row->config) != 0 || !match_any(text_of(item, "names"), row->model))
            continue;
        if (strcmp(j.against, "dense") == 0)
            j.ratio = report_ok(row->dense) ? row->dense->peer_ratio : NAN;
        else
            j.ratio = strcmp(j.against, "exact") == 0 ? row->exact : row->best;
        for (int i = 0; i < row->judgements; i++)
            known |= strcmp(row->judgement[i].against, j.against) == 0;
        if (!known && row->judgements < 3 && isfinite(j.ratio) && isfinite(j.floor) && isfinite(j.target))
            row->judgement[row->judgements++] = j;
    }
}

enum status peer_table_make(const struct report *report, struct peer_table *out)
{
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(report->records->env.root, "run");

    *out = (struct peer_table){.report = report};
    out->row = calloc(report->cells + 1, sizeof *out->row);
    if (!out->row)
        return status_fail(ST_NOMEM, "no memory for %zu rows", report->cells);
    for (size_t i = 0; i < report->cells; i++) {
        const struct record *r = report->cell[i];
        struct peer_row *row = find_row(out, r);
        int column = is_peer(r) ? find_column(out, r->kernel) : -1;
        if (strcmp(r->kernel, "simd") == 0)
            row->ours = r;
        else if (strcmp(r->kernel, "simd-dense") == 0)
            row->dense = r;
        else if (column >= 0)
            row->peer[column] = r;
    }
    for (size_t i = 0; i < out->rows; i++) {
        find_best(&out->row[i]);
        judge(cJSON_GetObjectItemCaseSensitive(run, "expect"), &out->row[i]);
    }
    return ST_OK;
}

void peer_table_free(struct peer_table *table)
{
    free(table->row);
    memset(table, 0, sizeof *table);
}

void peer_table_banner(const struct peer_table *table, char *buffer, size_t size)
{
    size_t judged = 0, floors = 0, targets = 0;

    for (size_t i = 0; i < table->rows; i++)
        for (int k = 0; k < table->row[i].judgements; k++) {
            const struct peer_judgement *j = &table->row[i].judgement[k];
            judged++;
            floors += j->ratio >= j->floor;
            targets += j->ratio >= j->target;
        }
    snprintf(
        buffer, size,
        "Ours against %d other libraries, %zu operators and models: %zu of %zu floors and %zu of %zu targets hold. "
        "%zu cells: %zu ok, %zu skipped, %zu failed, %zu wrong.",
        table->columns, table->rows, floors, judged, targets, judged, table->report->cells, table->report->ok,
        table->report->skip, table->report->failed + table->report->other, table->report->mismatch);
}

/* ------------------------------------------------------------------ grids */

static const char *short_name(const char *kernel)
{
    return strncmp(kernel, "peer:", 5) == 0 ? kernel + 5 : kernel;
}

static double us(const struct record *r)
{
    return report_ok(r) ? r->latency_ns_median / 1000 : NAN;
}

/* A library's three cells: how ours compares, by medians and by minima, and its time. */
static void peer_cells(const struct record *r, struct grid *out)
{
    enum grid_tone tone = GRID_DIM;
    char a[32], b[32];

    if (!report_ok(r) || !(r->peer_ratio > 0)) {
        tone = r && !report_ok(r) && strcmp(r->status, "skip") != 0 ? GRID_BAD : GRID_DIM;
        grid_cell(out, tone, "%.12s", !r ? "–" : report_ok(r) ? "not timed" : r->status);
        grid_cell(out, GRID_DIM, "–");
        grid_cell(out, GRID_DIM, "–");
        return;
    }
    tone = r->peer_ratio >= 1 ? GRID_GOOD : GRID_BAD;
    grid_cell(out, tone, "%s%s (%s)", r->inexact ? "inexact " : "", format_sig(r->peer_ratio, 3, a),
              format_range(r->peer_ratio_ci95, 3, b));
    grid_cell(out, tone, "%s", format_sig(r->peer_ratio_best, 3, a));
    grid_cell(out, GRID_PLAIN, "%s", format_sig(us(r), 3, b));
}

static void peer_columns(const char *name, int priority, struct grid *out)
{
    char title[96];

    snprintf(title, sizeof title, "%.60s|× (95 %% CI)", name);
    grid_column(out, title, GRID_RIGHT, priority);
    snprintf(title, sizeof title, "%.60s|× minima", name);
    grid_column(out, title, GRID_RIGHT, priority + 20);
    snprintf(title, sizeof title, "%.60s|µs", name);
    grid_column(out, title, GRID_RIGHT, priority + 10);
}

static void judgement_cell(const struct peer_row *row, struct grid *out)
{
    enum grid_tone tone = GRID_GOOD;
    struct text words = {0};
    char a[32], b[32], *bytes = NULL;
    size_t len;

    for (int i = 0; i < row->judgements; i++) {
        const struct peer_judgement *j = &row->judgement[i];
        int floor = j->ratio >= j->floor, target = j->ratio >= j->target;
        text_addf(&words, "%s%s %s", i ? "; " : "", j->against, format_sig(j->ratio, 3, a));
        text_addf(&words, "%s %s",
                  target  ? " ≥ target"
                  : floor ? " < target"
                          : " < floor",
                  format_sig(floor ? j->target : j->floor, 3, b));
        tone = !floor ? GRID_BAD : !target && tone == GRID_GOOD ? GRID_PLAIN : tone;
    }
    if (row->judgements == 0 || text_take(&words, &bytes, &len) != ST_OK) {
        out->failed |= row->judgements > 0;
        grid_cell(out, GRID_DIM, "–");
        return;
    }
    grid_cell(out, tone, "%s", bytes);
    free(bytes);
}

void peer_table_grid(const struct peer_table *table, struct grid *out)
{
    char a[32];
    int dense = 0;

    for (size_t i = 0; i < table->rows; i++)
        dense |= table->row[i].dense != NULL;
    grid_begin(out, "Ours against other libraries");
    grid_column(out, "operator or model", GRID_LEFT, 0);
    grid_column(out, "type", GRID_LEFT, 0);
    grid_column(out, "ours|µs", GRID_RIGHT, 0);
    grid_column(out, "ours|GMAC/s", GRID_RIGHT, 2);
    if (dense)
        peer_columns("own dense", 5, out);
    for (int c = 0; c < table->columns; c++)
        peer_columns(short_name(table->column[c]), c + 1, out);
    grid_column(out, "expected", GRID_LEFT, 0);
    for (size_t i = 0; i < table->rows; i++) {
        const struct peer_row *row = &table->row[i];
        double rate = report_ok(row->ours) && row->ours->macs_nominal != RECORD_NONE
                          ? (double)row->ours->macs_nominal / row->ours->latency_ns_median
                          : NAN;
        grid_row(out);
        grid_cell(out, GRID_PLAIN, "%s", row->model);
        grid_cell(out, GRID_PLAIN, "%s", row->config);
        if (row->ours && !report_ok(row->ours))
            grid_cell(out, GRID_BAD, "%.12s", row->ours->status);
        else
            grid_cell(out, GRID_PLAIN, "%s", format_sig(us(row->ours), 3, a));
        grid_cell(out, GRID_PLAIN, "%s", format_sig(rate, 3, a));
        if (dense)
            peer_cells(row->dense, out);
        for (int c = 0; c < table->columns; c++)
            peer_cells(row->peer[c], out);
        judgement_cell(row, out);
    }
}

void peer_table_libraries(const struct peer_table *table, struct grid *out)
{
    const cJSON *run = cJSON_GetObjectItemCaseSensitive(table->report->records->env.root, "run"), *item;

    grid_begin(out, "Libraries");
    grid_column(out, "library", GRID_LEFT, 0);
    grid_column(out, "level or reason", GRID_LEFT, 0);
    cJSON_ArrayForEach (item, cJSON_GetObjectItemCaseSensitive(run, "libraries")) {
        grid_row(out);
        grid_cell(out, GRID_PLAIN, "%.80s", short_name(item->string ? item->string : ""));
        grid_cell(out, GRID_PLAIN, "%.300s", cJSON_IsString(item) ? item->valuestring : "");
    }
}

void peer_table_inexact(const struct peer_table *table, struct grid *out)
{
    grid_begin(out, "Inexact integers");
    grid_column(out, "operator or model", GRID_LEFT, 0);
    grid_column(out, "library", GRID_LEFT, 0);
    grid_column(out, "example", GRID_LEFT, 0);
    for (size_t i = 0; i < table->rows; i++)
        for (int c = 0; c < table->columns; c++) {
            const struct record *r = table->row[i].peer[c];
            if (!r || !r->inexact)
                continue;
            grid_row(out);
            grid_cell(out, GRID_PLAIN, "%s", r->model);
            grid_cell(out, GRID_PLAIN, "%s", short_name(r->kernel));
            grid_cell(out, GRID_PLAIN, "%s", r->inexact);
        }
}
