#include "report/record_figure.h"

#include <math.h>
#include <string.h>

/* Which interval and which count go with a figure. */
static const struct {
    const char *key, *interval, *count;
} companions[] = {
    {"latency_ns_median", "latency_ns_ci95", "latency_n"},
    {"latency_ns_p10", NULL, "latency_n"},
    {"latency_ns_p90", NULL, "latency_n"},
    {"speedup_vs_fp32_simd", "speedup_ci95", "latency_n"},
    {"speedup_simd_vs_ref", "speedup_simd_vs_ref_ci95", NULL},
    {"peer_ratio", "peer_ratio_ci95", NULL},
    {"peer_ratio_best", "peer_ratio_best_range", NULL},
    {"process_ratio_vs_fp32", "process_ratio_ci95", NULL},
    {"load_ns_median", "load_ns_ci95", "cold_n"},
    {"plan_ns_median", "plan_ns_ci95", "cold_n"},
    {"first_ns_median", "first_ns_ci95", "cold_n"},
    {"cold_ratio_vs_fp32", "cold_ratio_ci95", "cold_n"},
    {"energy_proxy_ratio", "energy_spread", NULL},
    {"energy_measured_uj", "energy_measured_range_uj", "energy_measured_windows"},
    {"accuracy_top1", "accuracy_ci95", "accuracy_n"},
    {"accuracy_delta_pp", "accuracy_delta_ci95", "accuracy_n"},
    {"accuracy_p_mcnemar", NULL, "accuracy_n"},
};

/* Figures of a cell's time are not shown unless its output was right. */
static int is_time(const char *key)
{
    static const char *const begins[] = {"latency_", "speedup_", "process_", "load_", "plan_", "first_", "cold_"};

    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(key, begins[i], strlen(begins[i])) == 0)
            return 1;
    return 0;
}

static const void *value_of(const struct record *record, const char *key)
{
    return (const char *)record + record_field_find(key)->offset;
}

int record_figure_get(const struct record *record, const struct record_field *field, struct record_figure *out)
{
    struct record_figure figure = {NAN, {NAN, NAN}, RECORD_NONE};
    const char *member = (const char *)record + field->offset;
    int64_t count;

    if (field->kind == RECORD_REAL) {
        memcpy(&figure.value, member, sizeof figure.value);
    } else if (field->kind == RECORD_COUNT) {
        memcpy(&count, member, sizeof count);
        if (count != RECORD_NONE)
            figure.value = (double)count;
    }
    if (!isfinite(figure.value) || (is_time(field->key) && (!record->status || strcmp(record->status, "ok") != 0)))
        return 0;
    for (size_t i = 0; i < sizeof companions / sizeof *companions; i++) {
        if (strcmp(companions[i].key, field->key) != 0)
            continue;
        if (companions[i].interval)
            memcpy(figure.interval, value_of(record, companions[i].interval), sizeof figure.interval);
        if (companions[i].count)
            memcpy(&figure.n, value_of(record, companions[i].count), sizeof figure.n);
    }
    if (!isfinite(figure.interval[0]) || !isfinite(figure.interval[1]))
        figure.interval[0] = figure.interval[1] = NAN;
    *out = figure;
    return 1;
}
