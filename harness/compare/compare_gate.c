#include "compare/compare_gate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure/trend.h"

struct stage_values {
    double *d, *drift; /* (pairs); owned */
};

/* Drift of ln(B / A) within one pair of processes; dropped rounds are gaps. */
static enum status pair_drift(const struct duet_result *result, const struct duet_pair *pair, double *scratch,
                              double *out)
{
    struct trend trend;

    for (int r = 0; r < result->rounds; r++) {
        const struct duet_round *round = &pair->round[r];
        scratch[r] = round->dropped ? NAN : log(round->b_ns / round->a_ns);
    }
    TRY(trend_measure(scratch, result->rounds, &trend));
    *out = trend.drift;
    return ST_OK;
}

static enum status fill_stage(const struct compare_raw *raw, const char *cell, const char *role, int stage,
                              struct stage_values *values, struct gate_stage *out)
{
    double scratch[DUET_MAX_ROUNDS];
    int pairs = compare_raw_pairs(raw, cell, role, stage), n = 0;

    memset(out, 0, sizeof *out);
    values->d = calloc((size_t)pairs + 1, sizeof *values->d);
    values->drift = calloc((size_t)pairs + 1, sizeof *values->drift);
    if (!values->d || !values->drift)
        return status_fail(ST_NOMEM, "no memory for %d pairs", pairs);
    (void)compare_raw_d(raw, cell, role, stage, values->d, pairs);
    for (size_t i = 0; i < raw->n; i++) {
        const struct duet_result *result = &raw->entry[i].result;
        if (!compare_raw_is(&raw->entry[i], cell, role, stage))
            continue;
        for (int p = 0; p < result->pairs; p++)
            TRY(pair_drift(result, &result->pair[p], scratch, &values->drift[n++]));
        out->kept += result->kept;
        out->dropped += result->dropped;
        out->tied += result->tied;
    }
    out->d = values->d;
    out->drift = values->drift;
    out->pairs = pairs;
    return ST_OK;
}

enum status compare_gate_unit(const struct gate_options *options, const struct compare_raw *raw, const char *cell,
                              const char *role, const struct compare_gate_facts *facts, struct gate_result *out)
{
    enum status st;
    struct stage_values values[2] = {{NULL, NULL}, {NULL, NULL}};
    struct gate_cell judged;

    memset(&judged, 0, sizeof judged);
    judged.floor_ratio = facts->floor_ratio;
    judged.code_same = facts->code_same;
    judged.wrong = facts->wrong;
    judged.not_comparable = facts->not_comparable;
    for (int s = 0; s < 2; s++)
        TRY_OUT(fill_stage(raw, cell, role, s + 1, &values[s], &judged.stage[s]));
    st = gate_judge(options, &judged, out);
out:
    for (int s = 0; s < 2; s++) {
        free(values[s].d);
        free(values[s].drift);
    }
    return st;
}

struct compare_gate_rounds compare_gate_rounds(const struct compare_raw *raw, const char *cell, const char *role)
{
    struct compare_gate_rounds rounds = {0, 0, 0};

    for (size_t i = 0; i < raw->n; i++) {
        const struct duet_result *result = &raw->entry[i].result;
        if (!compare_raw_is(&raw->entry[i], cell, role, 1) && !compare_raw_is(&raw->entry[i], cell, role, 2))
            continue;
        rounds.kept += result->kept;
        rounds.dropped += result->dropped;
        rounds.tied += result->tied;
    }
    return rounds;
}
