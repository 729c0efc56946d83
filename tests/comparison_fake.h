/* A comparison as it could be, for tests and for looking at: any number of cells in several moods. Invented figures of
 * a believable size, not measurements. */
#ifndef TESTS_COMPARISON_FAKE_H
#define TESTS_COMPARISON_FAKE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "report/comparison.h"

#define FAKE_OK(expr)                                                                                                  \
    do {                                                                                                               \
        if ((expr) != ST_OK)                                                                                           \
            fail_msg("%s: %s", #expr, status_message());                                                               \
    } while (0)

static const char fake_env[] =
    "{\"cpu\":{\"brand\":\"AMD EPYC\"},\"build\":{\"commit\":\"e8ca683000112233445566778899aabbccddeeff\","
    "\"compiler\":\"gcc "
    "12.2.0\",\"flags\":\"-O2\",\"dirty\":false},\"run\":{\"kind\":\"comparison\",\"key\":\"77aa88bb99cc\",\"isa\":"
    "\"avx2\","
    "\"command\":\"packlight compare --a old/packlight --b ./packlight\",\"started\":\"2026-11-27T20:00:00Z\"},"
    "\"system\":{\"kernel\":\"6.18\",\"hostname\":\"bench\"}}\n";

enum fake_mood {
    FAKE_MIXED, /* some slower, some faster, some unclear */
    FAKE_CALM,  /* nothing changed */
    FAKE_BAD,   /* half of all cells slower */
    FAKE_HOLES  /* figures missing wherever they may be */
};

static double fake_uniform(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / 9007199254740992.0;
}

/* Sum of twelve: near enough to a bell. */
static double fake_normal(uint64_t *state)
{
    double sum = -6.0;

    for (int i = 0; i < 12; i++)
        sum += fake_uniform(state);
    return sum;
}

static const char *const fake_models[] = {"lenet5", "dscnn", "resnet8", "mobilenetv1", "autoencoder"};
static const char *const fake_configs[] = {"fp32",
                                           "ptq-s8",
                                           "qat-s8",
                                           "prune-u90",
                                           "prune-c50+qat-s8",
                                           "prune-u90+qat-s8",
                                           "qat-w4a8",
                                           "prune-c50+prune-u80+qat-s8"};
static const char *const fake_kernels[] = {"simd", "ref"};

static void fake_row_names(struct comparison_row *row, int i, const char *metric, const char *unit, const char *role)
{
    int threads = 1 + i / 80 % 2, batch = i / 160 % 2 ? 32 : 1;

    FAKE_OK(record_set(&row->model, fake_models[i % 5]));
    FAKE_OK(record_set(&row->config, fake_configs[i / 5 % 8]));
    FAKE_OK(record_set(&row->kernel, fake_kernels[i / 40 % 2]));
    FAKE_OK(record_set(&row->isa, i / 40 % 2 ? "scalar" : "avx2"));
    row->threads = threads;
    row->batch = batch;
    FAKE_OK(record_setf(&row->cell, "%s/%s/%s/t%d/b%d", row->model, row->config, row->kernel, threads, batch));
    FAKE_OK(record_set(&row->metric, metric));
    FAKE_OK(record_set(&row->unit, unit));
    FAKE_OK(record_set(&row->role, role));
}

static void fake_figures(struct comparison_row *row, double truth, double se, double a, uint64_t *dice)
{
    double d = log(truth) + se * fake_normal(dice);

    row->a = a;
    row->b = a * exp(d);
    row->ratio = exp(d);
    row->ratio_ci95[0] = exp(d - 2.1 * se);
    row->ratio_ci95[1] = exp(d + 2.0 * se);
    row->se = se;
    row->mde = exp(4.41 * se) - 1.0;
    row->p_stage1 = 0.5 * erfc(d / se / sqrt(2.0));
    row->p_stage1 = row->p_stage1 < 1e-6 ? 1e-6 : row->p_stage1;
    row->p_sign = row->p_stage1 < 0.3 ? row->p_stage1 * 2.0 : 0.6;
    row->q_faster = fmin(1.0, (1.0 - row->p_stage1) * 1.5);
    row->slower_share = 0.5 * erfc(-d / se / 6.0);
    row->pairs_stage1 = 20;
    row->rounds_kept = 300 - (int)(fake_uniform(dice) * 40.0);
    row->rounds_dropped = 300 - row->rounds_kept;
    row->rounds_tied = (int)(fake_uniform(dice) * 4.0);
    row->layout_floor = 0.01;
    row->drift = 0.002 * fake_normal(dice);
}

static void fake_gated_row(struct comparison *comparison, int i, enum fake_mood mood, uint64_t *dice)
{
    struct comparison_row *row;
    struct comparison_head *head = &comparison->head;
    double draw = fake_uniform(dice), truth = 1.0, se = 0.002 + 0.004 * fake_uniform(dice);
    double a = 9000.0 * exp(4.0 * fake_uniform(dice));
    const char *verdict = "no-change";

    if (i == 0 && mood != FAKE_CALM)
        draw = 0.0;
    if ((mood == FAKE_MIXED && draw < 0.03) || (mood == FAKE_BAD && draw < 0.5)) {
        truth = 1.04 + 0.3 * fake_uniform(dice);
        verdict = "regressed";
    } else if (mood == FAKE_MIXED && draw < 0.07) {
        truth = 0.93 - 0.3 * fake_uniform(dice);
        verdict = "improved";
    } else if (mood != FAKE_CALM && draw > 0.95) {
        se *= 6.0;
        verdict = "inconclusive";
    } else if (mood == FAKE_MIXED && draw > 0.93) {
        verdict = "not-comparable";
    } else if (mood == FAKE_MIXED && draw > 0.92) {
        verdict = "incorrect";
    }
    FAKE_OK(comparison_add(comparison, &row));
    fake_row_names(row, i, "latency", "ns", "gated");
    FAKE_OK(record_set(&row->verdict, verdict));
    head->cells_gated++;
    if (strcmp(verdict, "not-comparable") == 0 || strcmp(verdict, "incorrect") == 0) {
        int wrong = strcmp(verdict, "incorrect") == 0;
        FAKE_OK(record_set(&row->reason, wrong ? "the outputs of A and B differ" : "B was built with other flags"));
        *(wrong ? &head->incorrect : &head->not_comparable) += 1;
        return;
    }
    fake_figures(row, truth, se, a, dice);
    if (mood == FAKE_HOLES && i % 3 == 0) {
        row->p_stage1 = row->mde = row->ratio_ci95[0] = NAN;
        row->pairs_stage1 = row->rounds_kept = RECORD_NONE;
    }
    if (mood == FAKE_HOLES && i % 3 == 1)
        row->ratio = row->a = row->b = NAN;
    FAKE_OK(record_set(&row->code, strcmp(verdict, "no-change") == 0 && i % 4 == 1 ? "same" : "differs"));
    if (strcmp(verdict, "regressed") == 0) {
        row->p_stage2 = row->p_stage1 * 0.7;
        row->pairs_stage2 = 20;
        row->instructions_a = (int64_t)(a * 6.0);
        row->instructions_b = (int64_t)(a * 6.0 * truth);
        FAKE_OK(record_setf(&row->reason, "both stages slower, %+.1f %%", 100.0 * (row->ratio - 1.0)));
        head->regressed++;
    } else if (strcmp(verdict, "improved") == 0) {
        head->improved++;
    } else if (strcmp(verdict, "no-change") == 0) {
        head->no_change++;
    } else {
        FAKE_OK(isfinite(row->mde) ? record_setf(&row->reason, "MDE %.1f %% is more than 3 %%", 100.0 * row->mde)
                                   : record_set(&row->reason, "too few rounds were kept"));
        head->inconclusive++;
    }
    FAKE_OK(
        record_setf(&row->reproduce, "packlight compare --a old/packlight --b ./packlight --filter '%s'", row->cell));
    head->rounds_kept += row->rounds_kept == RECORD_NONE ? 0 : row->rounds_kept;
    head->rounds_dropped += row->rounds_dropped;
    head->rounds_tied += row->rounds_tied;
}

static void fake_info_row(struct comparison *comparison, int i, const char *metric, const char *unit, double a,
                          double b)
{
    struct comparison_row *row;

    FAKE_OK(comparison_add(comparison, &row));
    fake_row_names(row, i, metric, unit, "info");
    row->a = a;
    row->b = b;
    row->ratio = b / a;
    FAKE_OK(record_set(&row->verdict, a < b || b < a ? "changed" : "same"));
}

static void fake_sentinels(struct comparison *comparison, int n, uint64_t *dice)
{
    static const char *const roles[] = {"sentinel-aa", "sentinel-relinked", "sentinel-injected"};

    for (int i = 0; i < n; i++)
        for (int r = 0; r < 3; r++) {
            struct comparison_row *row;
            FAKE_OK(comparison_add(comparison, &row));
            fake_row_names(row, i, "latency", "ns", roles[r]);
            fake_figures(row, r == 2 ? 1.03 : 1.0, 0.003, 20000.0, dice);
            FAKE_OK(record_set(&row->code, r == 0 ? "same" : "differs"));
            FAKE_OK(record_set(&row->verdict, r == 2 ? "regressed" : "no-change"));
        }
}

/* n gated cells, an info row for every fourth, and three sentinels (three cells of each with 60 cells or more). */
static void fake_comparison(struct comparison *out, int n, enum fake_mood mood)
{
    uint64_t dice = (uint64_t)(20 + n);
    struct comparison_head *head = &out->head;
    double sum = 0.0;
    int summed = 0;

    comparison_init(out);
    snprintf(head->kind, sizeof head->kind, "builds");
    snprintf(head->title, sizeof head->title, "builds ba0ad253af and this tree");
    head->a = (struct comparison_side){"old/packlight", "ba0ad253af", "ba0ad253af", "0123456789abcdef"};
    head->b = (struct comparison_side){"./packlight", "this tree", "e8ca683000", "fedcba9876543210"};
    head->gate_ratio = 0.02;
    head->floor_ratio = 0.01;
    head->mde_target = 0.03;
    head->alpha_run = 0.01;
    head->alpha_stage = n > 0 ? sqrt(0.01 / n) : NAN;
    head->cells_expected = n;
    for (int i = 0; i < n; i++)
        fake_gated_row(out, i, mood, &dice);
    for (int i = 0; i < n; i += 4) {
        fake_info_row(out, i, "size_file", "B", 44426.0, i % 8 ? 44426.0 : 44682.0);
        fake_info_row(out, i, "load", "ns", 812345.0, 799000.0);
    }
    fake_sentinels(out, n == 0 ? 0 : n < 60 ? 1 : 3, &dice);
    for (size_t i = 0; i < out->rows; i++)
        if (strcmp(out->row[i].role, "gated") == 0 && isfinite(out->row[i].ratio)) {
            sum += log(out->row[i].ratio);
            summed++;
        }
    if (summed > 0) {
        head->geomean_ratio = exp(sum / summed);
        head->geomean_ci95[0] = head->geomean_ratio * 0.998;
        head->geomean_ci95[1] = head->geomean_ratio * 1.002;
        head->mde_median = 0.018;
        head->mde_p90 = 0.026;
    }
    head->cells_conclusive = head->regressed + head->improved + head->no_change;
    snprintf(head->verdict, sizeof head->verdict, "%s",
             head->incorrect                                          ? "incorrect"
             : head->regressed                                        ? "regressed"
             : head->cells_conclusive * 10 < head->cells_expected * 9 ? "inconclusive"
                                                                      : "pass");
    head->exit_code = comparison_exit_code(head->verdict);
    head->blocks = 900;
    head->blocks_stolen = 21;
    head->blocks_busy = 4;
    head->steal_median = 0.03;
    head->seconds = 2.6 * n;
    head->attempt = 1;
    head->seed = 7;
}

#endif
