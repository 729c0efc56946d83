/* Raw times of an invented comparison. */
#ifndef TESTS_PAIRS_FAKE_H
#define TESTS_PAIRS_FAKE_H

#include "comparison_fake.h"

/* One line of pairs.jsonl: times around a_ns and b_ns, some rounds disturbed. */
static void fake_pairs_line(FILE *file, const char *cell, const char *role, int stage, int pairs, int rounds,
                            double a_ns, double b_ns, uint64_t *dice)
{
    enum { BEST = 3 };
    static const char *const keys[] = {"wall_ns", "cpu_ns", "switches", "faults"};
    const int calls = 1 + (int)(1e6 / a_ns);

    fprintf(
        file,
        "{\"schema\":\"packlight.pairs/1\",\"cell\":\"%s\",\"role\":\"%s\",\"stage\":%d,\"seed\":\"7\",\"rounds\":%d,"
        "\"best_of\":%d,\"calls\":%d,\"slices\":0,\"contamination_ratio\":0.02,\"pairs\":[",
        cell, role, stage, rounds, BEST, calls);
    for (int p = 0; p < pairs; p++) {
        long wall[2][64 * BEST], cpu[2][64 * BEST];
        double layout = 0.004 * fake_normal(dice);
        for (int side = 0; side < 2; side++)
            for (int i = 0; i < rounds * BEST; i++) {
                double ns = (side ? b_ns * (1.0 + layout) : a_ns) * (1.0 + 0.01 * fabs(fake_normal(dice)));
                double hit = fake_uniform(dice) < 0.25 ? 1e5 + 3e6 * fake_uniform(dice) * fake_uniform(dice) : 0.0;
                cpu[side][i] = lrint(ns * calls);
                wall[side][i] = lrint(ns * calls + hit);
            }
        fprintf(file, "%s{\"clock_ns\":[33,33],\"b_first\":[", p ? "," : "");
        for (int r = 0; r < rounds; r++)
            fprintf(file, "%s%d", r ? "," : "", fake_uniform(dice) < 0.5);
        fputc(']', file);
        for (int k = 0; k < 4; k++) {
            fprintf(file, ",\"%s\":[", keys[k]);
            for (int side = 0; side < 2; side++) {
                fputs(side ? ",[" : "[", file);
                for (int i = 0; i < rounds * BEST; i++)
                    fprintf(file, "%s%ld", i ? "," : "", k == 0 ? wall[side][i] : k == 1 ? cpu[side][i] : 0);
                fputc(']', file);
            }
            fputc(']', file);
        }
        fputc('}', file);
    }
    fputs("]}\n", file);
}

/* Raw times of the changed cells and of the first sentinel. */
static void fake_pairs(const struct comparison *comparison, const char *path)
{
    FILE *file = fopen(path, "w");
    uint64_t dice = 3;

    if (!file)
        fail_msg("%s cannot be written", path);
    for (size_t i = 0; i < comparison->rows; i++) {
        const struct comparison_row *row = &comparison->row[i];
        if (strcmp(row->role, "sentinel-aa") == 0)
            fake_pairs_line(file, row->cell, row->role, 1, 20, 15, row->a, row->a, &dice);
        if (strcmp(row->role, "gated") != 0 || !isfinite(row->ratio) || strcmp(row->verdict, "no-change") == 0)
            continue;
        for (int stage = 1; stage <= (strcmp(row->verdict, "regressed") == 0 ? 2 : 1); stage++)
            fake_pairs_line(file, row->cell, "cell", stage, 20, 15, row->a, row->b, &dice);
    }
    fclose(file);
}

#endif
