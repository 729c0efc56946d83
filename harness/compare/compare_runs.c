#include "compare/compare_runs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/match.h"
#include "measure/host.h"

struct compared {
    const struct compare_runs_options *options;
    struct records a, b;
    int same_data; /* accuracies are of the same items */
    int same_machine;
    struct comparison comparison;
};

struct compare_runs_options compare_runs_defaults(void)
{
    return (struct compare_runs_options){NULL, 0.001, 0.5};
}

static enum status add_row(struct compared *c, const struct record *of, const char *metric, const char *unit,
                           const char *role, struct comparison_row **out)
{
    struct comparison_row *row;

    TRY(comparison_add(&c->comparison, &row));
    TRY(record_set(&row->cell, of->cell));
    TRY(record_set(&row->model, of->model));
    TRY(record_set(&row->config, of->config));
    TRY(record_set(&row->kernel, of->kernel));
    TRY(record_set(&row->isa, of->isa));
    row->threads = of->threads;
    row->batch = of->batch;
    TRY(record_set(&row->metric, metric));
    TRY(record_set(&row->unit, unit));
    TRY(record_set(&row->role, role));
    *out = row;
    return ST_OK;
}

static int same_file(const struct record *a, const struct record *b)
{
    return a->artifact_sha256 && b->artifact_sha256 && strcmp(a->artifact_sha256, b->artifact_sha256) == 0;
}

static enum status say(struct comparison_row *row, const char *verdict)
{
    return record_set(&row->verdict, verdict);
}

/* A figure that is better when smaller; not finite where the run has none. */
static enum status add_cost(struct compared *c, const struct record *a, const struct record *b, const char *metric,
                            const char *unit, double value_a, double value_b)
{
    struct comparison_row *row;

    if (!isfinite(value_a) && !isfinite(value_b))
        return ST_OK;
    TRY(add_row(c, a, metric, unit, "gated", &row));
    row->a = value_a;
    row->b = value_b;
    TRY(record_set(&row->a_sha256, a->artifact_sha256));
    TRY(record_set(&row->b_sha256, b->artifact_sha256));
    if (!(value_a > 0) || !(value_b > 0)) {
        TRY(record_set(&row->reason, isfinite(value_a) ? "only A has this figure" : "only B has this figure"));
        return say(row, "not-comparable");
    }
    row->ratio = value_b / value_a;
    if (row->ratio > 1 + c->options->size_ratio) {
        TRY(record_setf(&row->reason, "%+.2f %%, exact", 100 * (row->ratio - 1)));
        return say(row, "regressed");
    }
    if (row->ratio < 1 / (1 + c->options->size_ratio)) {
        TRY(record_setf(&row->reason, "%+.2f %%, exact", 100 * (row->ratio - 1)));
        return say(row, "improved");
    }
    return say(row, "no-change");
}

static double count_value(int64_t count)
{
    return count == RECORD_NONE ? NAN : (double)count;
}

static enum status add_accuracy(struct compared *c, const struct record *a, const struct record *b)
{
    struct comparison_row *row;
    double change_pp = 100 * (b->accuracy_top1 - a->accuracy_top1);

    if (!isfinite(a->accuracy_top1) && !isfinite(b->accuracy_top1))
        return ST_OK;
    TRY(add_row(c, a, "accuracy", "fraction", "gated", &row));
    row->a = a->accuracy_top1;
    row->b = b->accuracy_top1;
    TRY(record_set(&row->a_sha256, a->artifact_sha256));
    TRY(record_set(&row->b_sha256, b->artifact_sha256));
    if (!isfinite(change_pp) || !c->same_data || a->accuracy_n != b->accuracy_n) {
        TRY(record_set(&row->reason,
                       !isfinite(change_pp) ? "only one side has an accuracy" : "not the same test items"));
        return say(row, "not-comparable");
    }
    if (change_pp < 0 || change_pp > 0)
        TRY(record_setf(&row->reason, "%+.2f points on %lld items", change_pp, (long long)a->accuracy_n));
    /* Integer models give the same predictions on every machine; float ones may flip where two scores are equal but
     * for rounding, which a different instruction set can decide. */
    if (same_file(a, b) && fabs(change_pp) > 0 && a->output_hash && b->output_hash) {
        TRY(record_setf(&row->reason, "%+.2f points with the same packed file", change_pp));
        return say(row, "incorrect");
    }
    if (change_pp < -c->options->accuracy_pp)
        return say(row, "regressed");
    if (change_pp > c->options->accuracy_pp)
        return say(row, "improved");
    return say(row, "no-change");
}

/* Only where the same file ran on the same items is there something to hold against each other. */
static enum status add_hash(struct compared *c, const struct record *a, const struct record *b)
{
    struct comparison_row *row;

    if (!a->output_hash || !b->output_hash)
        return ST_OK;
    TRY(add_row(c, a, "output_hash", "", same_file(a, b) && c->same_data ? "gated" : "info", &row));
    TRY(record_set(&row->a_text, a->output_hash));
    TRY(record_set(&row->b_text, b->output_hash));
    TRY(record_set(&row->a_sha256, a->artifact_sha256));
    TRY(record_set(&row->b_sha256, b->artifact_sha256));
    if (strcmp(a->output_hash, b->output_hash) == 0)
        return say(row, strcmp(row->role, "gated") == 0 ? "no-change" : "same");
    if (strcmp(row->role, "gated") != 0)
        return say(row, "changed");
    TRY(record_set(&row->reason, "the same packed file gives other integers"));
    return say(row, "incorrect");
}

/* Two runs, two moods of a machine: the figures stand side by side and are not judged. */
static enum status add_time(struct compared *c, const struct record *a, const char *metric, const char *unit,
                            double value_a, double value_b)
{
    struct comparison_row *row;

    if (!isfinite(value_a) || !isfinite(value_b))
        return ST_OK;
    TRY(add_row(c, a, metric, unit, "info", &row));
    row->a = value_a;
    row->b = value_b;
    row->ratio = value_a > 0 && value_b > 0 ? value_b / value_a : NAN;
    TRY(record_set(&row->reason, c->same_machine ? "times of two runs are not paired and not judged"
                                                 : "times of two machines or builds are not judged"));
    return say(row, "not-comparable");
}

static enum status add_status(struct compared *c, const struct record *a, const struct record *b)
{
    struct comparison_row *row;
    const char *now = b ? b->status : "missing", *then = a ? a->status : "missing";

    TRY(add_row(c, a ? a : b, "status", "", "gated", &row));
    TRY(record_set(&row->a_text, then));
    TRY(record_set(&row->b_text, now));
    if (strcmp(now, "mismatch") == 0 && strcmp(then, "mismatch") != 0) {
        TRY(record_setf(&row->reason, "its output is wrong now: %s", b->reason ? b->reason : "no reason recorded"));
        return say(row, "incorrect");
    }
    if (strcmp(then, "ok") == 0 && strcmp(now, "ok") == 0)
        return say(row, "no-change");
    if (b && b->reason)
        TRY(record_set(&row->reason, b->reason));
    else
        TRY(record_setf(&row->reason, "%s in A, %s in B", then, now));
    return say(row, "not-comparable");
}

static enum status add_cell(struct compared *c, const struct record *a, const struct record *b)
{
    TRY(add_status(c, a, b));
    if (!a || !b || strcmp(a->status, "ok") != 0 || strcmp(b->status, "ok") != 0)
        return ST_OK;
    TRY(add_hash(c, a, b));
    TRY(add_accuracy(c, a, b));
    TRY(add_cost(c, a, b, "size_file", "B", count_value(a->size_file_bytes), count_value(b->size_file_bytes)));
    TRY(add_cost(c, a, b, "ram_peak", "B", count_value(a->ram_peak_bytes), count_value(b->ram_peak_bytes)));
    TRY(add_cost(c, a, b, "energy_proxy", "nJ", a->energy_proxy_nj, b->energy_proxy_nj));
    TRY(add_time(c, a, "latency", "ns", a->latency_ns_median, b->latency_ns_median));
    return add_time(c, a, "process", "ms", a->process_ms_median, b->process_ms_median);
}

static int same_env(const struct compared *c, const char *path)
{
    char a[256], b[256];

    records_env(&c->a, path, "", a, sizeof a);
    records_env(&c->b, path, "", b, sizeof b);
    return strcmp(a, b) == 0;
}

static int same_key(const struct compared *c)
{
    char a[HASH_HEX], b[HASH_HEX];

    return c->a.env.root && c->b.env.root && host_key(c->a.env.root, "", "", 1, a) == ST_OK &&
           host_key(c->b.env.root, "", "", 1, b) == ST_OK && strcmp(a, b) == 0;
}

static void fill_side(const struct records *records, const char *dir, struct comparison_side *side)
{
    const char *slash = strrchr(dir, '/');

    snprintf(side->name, sizeof side->name, "%s", dir);
    snprintf(side->label, sizeof side->label, "%s", slash && slash[1] ? slash + 1 : dir);
    records_env(records, "build.commit", "", side->commit, sizeof side->commit);
    records_env(records, "build.code_id", "", side->code_id, sizeof side->code_id);
}

static enum status add_cells(struct compared *c)
{
    size_t cells = 0;

    for (size_t i = 0; i < c->a.n; i++) {
        const struct record *a = &c->a.all[i];
        if (!match_any(c->options->filter, a->cell))
            continue;
        TRY(add_cell(c, a, records_find(&c->b, a->cell)));
        cells++;
    }
    for (size_t i = 0; i < c->b.n; i++) {
        const struct record *b = &c->b.all[i];
        if (!match_any(c->options->filter, b->cell) || records_find(&c->a, b->cell))
            continue;
        TRY(add_cell(c, NULL, b));
        cells++;
    }
    if (cells == 0)
        return status_fail(ST_BADARG, "%s: none of its cells matches '%s'; names look like %s", c->a.dir,
                           c->options->filter ? c->options->filter : "*", c->a.all[0].cell);
    c->comparison.head.cells_expected = (int64_t)cells;
    return ST_OK;
}

static void count(const struct comparison_row *row, struct comparison_head *head)
{
    head->cells_gated++;
    head->regressed += strcmp(row->verdict, "regressed") == 0;
    head->improved += strcmp(row->verdict, "improved") == 0;
    head->no_change += strcmp(row->verdict, "no-change") == 0;
    head->not_comparable += strcmp(row->verdict, "not-comparable") == 0;
    head->incorrect += strcmp(row->verdict, "incorrect") == 0;
}

/* The rows of a cell stand or fall one by one; coverage counts cells. */
static void fill_head(struct compared *c)
{
    struct comparison_head *head = &c->comparison.head;
    int64_t lost = 0;

    for (size_t i = 0; i < c->comparison.rows; i++) {
        const struct comparison_row *row = &c->comparison.row[i];
        if (strcmp(row->role, "gated") != 0)
            continue;
        count(row, head);
        lost += strcmp(row->metric, "status") == 0 && strcmp(row->verdict, "not-comparable") == 0;
    }
    head->cells_conclusive = head->cells_expected - lost;
    head->floor_ratio = c->options->size_ratio;
    head->gate_ratio = c->options->size_ratio;
    if (head->incorrect > 0) {
        snprintf(head->verdict, sizeof head->verdict, "incorrect");
        head->exit_code = 5;
        snprintf(head->reason, sizeof head->reason, "%lld figure%s wrong: the same file must give the same output.",
                 (long long)head->incorrect, head->incorrect == 1 ? " is" : "s are");
    } else if (head->regressed > 0) {
        snprintf(head->verdict, sizeof head->verdict, "regressed");
        head->exit_code = 1;
        snprintf(head->reason, sizeof head->reason, "%lld figure%s worse than before.", (long long)head->regressed,
                 head->regressed == 1 ? " is" : "s are");
    } else if (10 * head->cells_conclusive < 9 * head->cells_expected) {
        snprintf(head->verdict, sizeof head->verdict, "inconclusive");
        head->exit_code = 3;
        snprintf(head->reason, sizeof head->reason, "only %lld of %lld cells ran on both sides.",
                 (long long)head->cells_conclusive, (long long)head->cells_expected);
    } else {
        snprintf(head->verdict, sizeof head->verdict, "pass");
        head->exit_code = 0;
        snprintf(head->reason, sizeof head->reason, "no figure is worse; times of two runs are not judged.");
    }
}

enum status compare_runs(const char *dir_a, const char *dir_b, const struct compare_runs_options *options,
                         struct comparison *out)
{
    enum status st;
    struct compared c;

    memset(&c, 0, sizeof c);
    c.options = options;
    comparison_init(&c.comparison);
    TRY_OUT(records_load(dir_a, &c.a));
    TRY_OUT(records_load(dir_b, &c.b));
    c.same_data = same_env(&c, "run.data_sha256");
    c.same_machine = same_key(&c);
    snprintf(c.comparison.head.kind, sizeof c.comparison.head.kind, "runs");
    fill_side(&c.a, dir_a, &c.comparison.head.a);
    fill_side(&c.b, dir_b, &c.comparison.head.b);
    snprintf(c.comparison.head.title, sizeof c.comparison.head.title, "%.100s against %.100s",
             c.comparison.head.b.label, c.comparison.head.a.label);
    TRY_OUT(add_cells(&c));
    fill_head(&c);
    *out = c.comparison;
    comparison_init(&c.comparison);
out:
    comparison_free(&c.comparison);
    records_free(&c.b);
    records_free(&c.a);
    return st;
}
