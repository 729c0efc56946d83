#include "compare/compare_judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "compare/compare_gate.h"
#include "compare/compare_judge_info.h"
#include "measure/gate_run.h"
#include "measure/gate_text.h"
#include "measure/stats.h"

enum { SENTINELS_MAX = 9 };

struct judging {
    struct compare_folder folder;
    struct gate_options options;
    struct gate_result *result; /* (cells); owned */
    struct gate_result sentinel[3][SENTINELS_MAX / 3];
    int sentinels[3];
    struct gate_run_result run;
    struct gate_environment environment;
    struct comparison comparison;
};

static const enum compare_role sentinel_role[3] = {COMPARE_SENTINEL_AA, COMPARE_SENTINEL_RELINKED,
                                                   COMPARE_SENTINEL_INJECTED};

/* ------------------------------------------------------------------ rows of times */

static double median_of(const struct compare_raw *raw, const char *cell, const char *role, int side)
{
    double value[DUET_MAX_PAIRS];
    int n = 0;

    for (size_t i = 0; i < raw->n; i++)
        for (int p = 0;
             (compare_raw_is(&raw->entry[i], cell, role, 1) || compare_raw_is(&raw->entry[i], cell, role, 2)) &&
             p < raw->entry[i].result.pairs && n < DUET_MAX_PAIRS;
             p++) {
            const struct duet_pair *pair = &raw->entry[i].result.pair[p];
            double ns = side ? pair->b_ns : pair->a_ns;
            if (isfinite(ns))
                value[n++] = ns;
        }
    stats_sort(value, n);
    return stats_median(value, n);
}

static enum status fill_latency(struct judging *j, const struct compare_cell *cell, const char *role,
                                const struct gate_result *result, struct comparison_row *row)
{
    const struct compare_raw *raw = &j->folder.raw;
    struct compare_gate_rounds rounds = compare_gate_rounds(raw, cell->cell, role);
    const struct compare_check *check = compare_check_find(&j->folder.checks, cell->cell);
    char why[GATE_TEXT_MAX];
    int same = strcmp(role, compare_role_word(COMPARE_CELL)) != 0 ? 1 : check ? check->code_same : -1;

    /* Times are of a call, which does a whole batch. */
    row->a = median_of(raw, cell->cell, role, 0) / cell->batch;
    row->b = median_of(raw, cell->cell, role, 1) / cell->batch;
    row->ratio = result->ratio;
    row->ratio_ci95[0] = result->lo;
    row->ratio_ci95[1] = result->hi;
    /* Whoever had a second stage looked changed in the first: what was not confirmed is told by the second alone. */
    if (result->stage2 && result->verdict != GATE_REGRESSED && result->verdict != GATE_IMPROVED) {
        row->ratio = result->ratio_stage2;
        row->ratio_ci95[0] = result->lo_stage2;
        row->ratio_ci95[1] = result->hi_stage2;
    }
    row->se = result->se;
    row->mde = result->mde_gate;
    row->p_stage1 = result->p_stage1;
    row->p_stage2 = result->p_stage2;
    row->p_sign = result->p_sign;
    row->q_faster = result->q_faster;
    row->slower_share = result->slower_share;
    row->pairs_stage1 = compare_raw_pairs(raw, cell->cell, role, 1);
    row->pairs_stage2 = compare_raw_pairs(raw, cell->cell, role, 2);
    row->rounds_kept = rounds.kept;
    row->rounds_dropped = rounds.dropped;
    row->rounds_tied = rounds.tied;
    row->layout_floor = result->floor_ratio;
    row->drift = result->drift_rounds;
    TRY(record_set(&row->code, same < 0 ? "unknown" : same ? "same" : "differs"));
    TRY(record_set(&row->verdict, gate_verdict_word(result->verdict)));
    return record_set(&row->reason, gate_text_why(&j->options, result, why));
}

static enum status judge_cell(struct judging *j, size_t index)
{
    const struct compare_cell *cell = &j->folder.cells.cell[index];
    const char *role = compare_role_word(COMPARE_CELL);
    const struct compare_check *check = compare_check_find(&j->folder.checks, cell->cell);
    struct compare_gate_facts facts = {NAN, check ? check->code_same : -1, 0, 0};

    if (j->folder.blind)
        facts.code_same = 0;
    facts.wrong = check && check->wrong;
    facts.not_comparable = check && check->failed;
    return compare_gate_unit(&j->options, &j->folder.raw, cell->cell, role, &facts, &j->result[index]);
}

static enum status add_cell_row(struct judging *j, size_t index)
{
    const struct compare_cell *cell = &j->folder.cells.cell[index];
    const struct compare_check *check = compare_check_find(&j->folder.checks, cell->cell);
    struct comparison_row *row;

    TRY(compare_info_row(&j->comparison, cell, "latency", "ns", compare_role_word(COMPARE_CELL), &row));
    TRY(fill_latency(j, cell, compare_role_word(COMPARE_CELL), &j->result[index], row));
    if (strcmp(j->folder.mode, "models") == 0)
        TRY(record_set(&row->reproduce, j->folder.again));
    else
        TRY(record_setf(&row->reproduce, "%s --filter '%s'", j->folder.again, cell->filter));
    if (check && check->message[0])
        TRY(record_set(&row->reason, check->message));
    return compare_info_instructions(&j->folder, cell, row);
}

/* ------------------------------------------------------------------ sentinels */

static enum status judge_sentinels(struct judging *j)
{
    for (size_t i = 0; i < j->folder.raw.n; i++)
        for (int k = 0; k < 3; k++) {
            const struct compare_raw_entry *entry = &j->folder.raw.entry[i];
            const char *role = compare_role_word(sentinel_role[k]);
            struct compare_gate_facts facts = {NAN, 0, 0, 0};
            int n = j->sentinels[k];
            /* The first entry of each: further parts and stages are collected by name. */
            if (n == SENTINELS_MAX / 3 || strcmp(entry->label.role, role) != 0 ||
                compare_raw_find(&j->folder.raw, entry->label.cell, role, 1) != entry)
                continue;
            TRY(compare_gate_unit(&j->options, &j->folder.raw, entry->label.cell, role, &facts, &j->sentinel[k][n]));
            j->sentinels[k]++;
        }
    return ST_OK;
}

static enum status add_sentinel_rows(struct judging *j)
{
    for (int k = 0; k < 3; k++) {
        const char *role = compare_role_word(sentinel_role[k]);
        int n = 0;
        for (size_t i = 0; i < j->folder.raw.n && n < j->sentinels[k]; i++) {
            const struct compare_raw_entry *entry = &j->folder.raw.entry[i];
            const struct compare_cell *cell = compare_folder_cell(&j->folder, entry->label.cell);
            struct comparison_row *row;
            if (!cell || strcmp(entry->label.role, role) != 0 ||
                compare_raw_find(&j->folder.raw, entry->label.cell, role, 1) != entry)
                continue;
            TRY(compare_info_row(&j->comparison, cell, "latency", "ns", role, &row));
            TRY(fill_latency(j, cell, role, &j->sentinel[k][n++], row));
        }
    }
    return ST_OK;
}

/* ------------------------------------------------------------------ the whole */

/* What the machine was doing, over everything that was measured. */
static void fill_environment(struct judging *j)
{
    struct comparison_head *head = &j->comparison.head;
    const struct compare_raw *raw = &j->folder.raw;
    double *steal = calloc(raw->n + 1, sizeof *steal), blocks;
    int n = 0;

    head->seconds = 0;
    for (size_t i = 0; i < raw->n; i++) {
        const struct duet_result *result = &raw->entry[i].result;
        head->blocks += result->host.blocks;
        head->blocks_stolen += result->host.blocks_stolen;
        head->blocks_busy += result->host.blocks_busy;
        head->rounds_kept += result->kept;
        head->rounds_dropped += result->dropped;
        head->rounds_tied += result->tied;
        head->seconds += result->elapsed_s;
        if (steal && isfinite(result->host.steal_ratio_median))
            steal[n++] = result->host.steal_ratio_median;
    }
    stats_sort(steal, n);
    head->steal_median = stats_median(steal, n);
    free(steal);
    blocks = head->blocks > 0 ? (double)head->blocks : NAN;
    j->environment.steal_blocks_share = (double)head->blocks_stolen / blocks;
    j->environment.crowded_blocks_share = (double)head->blocks_busy / blocks;
    j->environment.tied_rounds_share =
        head->rounds_kept > 0 ? (double)head->rounds_tied / (double)head->rounds_kept : NAN;
    if (j->folder.refused[0])
        j->environment.crowded_blocks_share = 1; /* it was found so before anything could be measured, or ended early */
}

static void count_row(const struct comparison_row *row, struct comparison_head *head)
{
    head->cells_gated++;
    head->regressed += strcmp(row->verdict, "regressed") == 0;
    head->improved += strcmp(row->verdict, "improved") == 0;
    head->no_change += strcmp(row->verdict, "no-change") == 0;
    head->inconclusive += strcmp(row->verdict, "inconclusive") == 0;
    head->not_comparable += strcmp(row->verdict, "not-comparable") == 0;
    head->incorrect += strcmp(row->verdict, "incorrect") == 0;
}

static void fill_precision(struct judging *j, struct comparison_head *head)
{
    int cells = (int)j->folder.cells.n, n = 0;
    double *mde = calloc((size_t)cells + 1, sizeof *mde);

    head->mde_median = head->mde_p90 = NAN;
    for (int i = 0; mde && i < cells; i++)
        if (isfinite(j->result[i].mde_gate))
            mde[n++] = j->result[i].mde_gate;
    if (n > 0) {
        stats_sort(mde, n);
        head->mde_median = stats_median(mde, n);
        head->mde_p90 = stats_quantile(mde, n, 0.9);
    }
    free(mde);
}

/* A row that is gated and not a time decides like a cell: exactly. */
static void add_exact_rows(const struct comparison *comparison, struct comparison_head *head)
{
    int64_t worse = 0, wrong = 0;

    for (size_t i = 0; i < comparison->rows; i++) {
        const struct comparison_row *row = &comparison->row[i];
        if (strcmp(row->role, "gated") != 0 || strcmp(row->metric, "latency") == 0)
            continue;
        worse += strcmp(row->verdict, "regressed") == 0;
        wrong += strcmp(row->verdict, "incorrect") == 0;
    }
    if (wrong > 0 && head->exit_code != 5) {
        snprintf(head->verdict, sizeof head->verdict, "incorrect");
        snprintf(head->reason, sizeof head->reason, "%lld exact figure%s wrong.", (long long)wrong,
                 wrong == 1 ? " is" : "s are");
        head->exit_code = 5;
    } else if (worse > 0 && head->exit_code != 5 && head->exit_code != 1) {
        char was[COMPARISON_TEXT];
        snprintf(was, sizeof was, "%.180s", head->reason);
        snprintf(head->verdict, sizeof head->verdict, "regressed");
        snprintf(head->reason, sizeof head->reason,
                 "%lld exact figure%s worse (size, memory, energy, accuracy). %.150s", (long long)worse,
                 worse == 1 ? " is" : "s are", was);
        head->exit_code = 1;
    }
}

static void fill_side(const struct compare_folder *folder, int side, struct comparison_side *out)
{
    const char *slash;

    snprintf(out->name, sizeof out->name, "%.250s", side ? folder->name_b : folder->name_a);
    for (size_t i = 0; i < folder->checks.n && !out->code_id[0]; i++) {
        snprintf(out->commit, sizeof out->commit, "%s", folder->checks.check[i].origin[side].commit);
        snprintf(out->code_id, sizeof out->code_id, "%s", folder->checks.check[i].origin[side].code_id);
    }
    slash = strrchr(out->name, '/');
    if (*(side ? folder->label_b : folder->label_a))
        snprintf(out->label, sizeof out->label, "%s", side ? folder->label_b : folder->label_a);
    else if (strcmp(folder->mode, "builds") == 0 && out->commit[0] && strcmp(out->commit, "unknown") != 0)
        snprintf(out->label, sizeof out->label, "%.10s", out->commit);
    else
        snprintf(out->label, sizeof out->label, "%.250s", slash && slash[1] ? slash + 1 : out->name);
}

static void fill_head(struct judging *j)
{
    struct comparison_head *head = &j->comparison.head;
    const struct compare_folder *folder = &j->folder;

    snprintf(head->kind, sizeof head->kind, "%.30s", folder->mode);
    fill_side(folder, 0, &head->a);
    fill_side(folder, 1, &head->b);
    if (strcmp(head->a.label, head->b.label) == 0 && strcmp(head->a.name, head->b.name) != 0) {
        snprintf(head->a.label, sizeof head->a.label, "%s", head->a.name);
        snprintf(head->b.label, sizeof head->b.label, "%s", head->b.name);
    }
    if (folder->inject_ratio > 1 || folder->blind)
        snprintf(head->title, sizeof head->title, "trial of the ruler: %.80s%s, B made %.3g %% slower", head->a.label,
                 folder->blind ? ", identical code judged as if it differed" : "", 100 * (folder->inject_ratio - 1));
    else
        snprintf(head->title, sizeof head->title, "%.110s against %.110s", head->b.label, head->a.label);
    head->cells_expected = (int64_t)folder->cells.n;
    for (size_t i = 0; i < j->comparison.rows; i++)
        if (strcmp(j->comparison.row[i].role, "gated") == 0 && strcmp(j->comparison.row[i].metric, "latency") == 0)
            count_row(&j->comparison.row[i], head);
    head->cells_conclusive = j->run.conclusive;
    head->gate_ratio = j->options.gate_ratio;
    head->floor_ratio = j->run.layout_floor_ratio;
    head->mde_target = j->options.mde_target_ratio;
    head->alpha_run = j->options.alpha_run;
    head->alpha_stage = gate_stage_alpha(&j->options);
    head->geomean_ratio = j->run.geomean;
    head->geomean_ci95[0] = j->run.geomean_lo;
    head->geomean_ci95[1] = j->run.geomean_hi;
    head->shift_ratio = j->run.common_shift;
    fill_precision(j, head);
    head->attempt = folder->attempt;
    head->seed = folder->seed;
    snprintf(head->verdict, sizeof head->verdict, "%s", gate_run_word(j->run.verdict));
    head->exit_code = j->run.exit_code;
    if (folder->refused[0] && j->run.verdict == GATE_RUN_REFUSED)
        snprintf(head->reason, sizeof head->reason, "%.254s", folder->refused);
    else
        snprintf(head->reason, sizeof head->reason, "%.253s.", j->run.reason);
    add_exact_rows(&j->comparison, head);
}

static enum status judge_run(struct judging *j)
{
    struct gate_run_input input = {.options = &j->options,
                                   .cells = j->result,
                                   .count = (int)j->folder.cells.n,
                                   .expected = (int)j->folder.cells.n,
                                   .aa = j->sentinel[0],
                                   .aa_count = j->sentinels[0],
                                   .relinked = j->sentinel[1],
                                   .relinked_count = j->sentinels[1],
                                   .injected = j->sentinel[2],
                                   .injected_count = j->sentinels[2],
                                   .environment = j->environment};

    return gate_run(&input, &j->run);
}

static enum status judge_all(struct judging *j)
{
    const struct compare_folder *folder = &j->folder;

    TRY(judge_sentinels(j));
    j->options.floor_ratio = gate_layout_floor(&j->options, j->sentinel[1], j->sentinels[1]);
    for (size_t i = 0; i < folder->cells.n; i++)
        TRY(judge_cell(j, i));
    TRY(gate_judge_improved(&j->options, j->result, (int)folder->cells.n));
    fill_environment(j);
    TRY(judge_run(j));
    for (size_t i = 0; i < folder->cells.n; i++)
        TRY(add_cell_row(j, i));
    TRY(compare_info_exact(folder, &j->comparison));
    TRY(compare_info_cold(folder, j->options.gate_ratio, &j->comparison));
    TRY(add_sentinel_rows(j));
    fill_head(j);
    return ST_OK;
}

int compare_judge_exists(const char *dir)
{
    char raw[PATH_MAX], refused[PATH_MAX];

    return file_join(raw, sizeof raw, dir, "pairs.jsonl") == ST_OK &&
           file_join(refused, sizeof refused, dir, "refused.txt") == ST_OK &&
           (file_exists(raw) || file_exists(refused));
}

enum status compare_judge(const char *dir, struct comparison *out)
{
    enum status st;
    struct judging *j = calloc(1, sizeof *j);

    if (!j)
        return status_fail(ST_NOMEM, "no memory to judge");
    comparison_init(&j->comparison);
    TRY_OUT(compare_folder_load(dir, &j->folder));
    j->options = gate_defaults((int)j->folder.cells.n);
    j->options.gate_ratio = j->folder.gate_ratio;
    j->result = calloc(j->folder.cells.n, sizeof *j->result);
    if (!j->result) {
        st = status_fail(ST_NOMEM, "no memory for %zu cells", j->folder.cells.n);
        goto out;
    }
    TRY_OUT(judge_all(j));
    *out = j->comparison;
    comparison_init(&j->comparison);
out:
    comparison_free(&j->comparison);
    compare_folder_free(&j->folder);
    free(j->result);
    free(j);
    return st;
}
