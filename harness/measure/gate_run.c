#include "measure/gate_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "measure/ranktest.h"
#include "measure/stats.h"

#define CONCLUSIVE_MIN 0.90
#define STEAL_MAX 0.25
#define CROWDED_MAX 0.25
#define TIED_MAX 0.20
#define CONTROLS_MOVED_MAX 0.10
#define SHIFT_SAME_SIDE 0.80
#define SHIFT_P 1e-3

const char *gate_run_word(enum gate_run_verdict verdict)
{
    static const char *const words[] = {"pass", "regressed", "inconclusive", "environment-refused", "incorrect"};
    return (unsigned)verdict < sizeof words / sizeof words[0] ? words[verdict] : "unknown";
}

static void count_cells(const struct gate_run_input *in, struct gate_run_result *out)
{
    for (int i = 0; i < in->count; i++) {
        const struct gate_result *r = &in->cells[i];
        out->counts[r->verdict]++;
        if (r->verdict == GATE_INCORRECT || r->verdict == GATE_NOT_COMPARABLE)
            continue;
        if (r->control) {
            out->controls++;
            out->controls_moved += r->moved != 0;
        } else {
            out->gated++;
            out->conclusive += r->verdict != GATE_INCONCLUSIVE;
        }
    }
}

/* Geometric mean and common shift of the measured cells. */
static enum status summarize(const struct gate_run_input *in, struct gate_run_result *out)
{
    double *x = malloc(((size_t)in->count + 1) * sizeof *x), sum = 0, sum_se = 0, median, same;
    struct ranktest_sign sign;
    int n = 0;

    if (x == NULL)
        return status_fail(ST_NOMEM, "gate: no memory for %d cells", in->count);
    for (int i = 0; i < in->count; i++)
        if (in->cells[i].ratio > 0 && isfinite(in->cells[i].ratio)) {
            x[n] = log(in->cells[i].ratio);
            sum += x[n++];
            sum_se += in->cells[i].se; /* NaN if one is missing */
        }
    out->geomean = n > 0 ? exp(sum / n) : NAN;
    /* The point of a cell is a median, which is less efficient than the signed-rank estimate that se is of. */
    sum_se *= sqrt(3.0 / 2); /* (pi / 2) / (pi / 3) */
    out->geomean_lo = n > 0 ? exp((sum - 1.96 * sum_se) / n) : NAN;
    out->geomean_hi = n > 0 ? exp((sum + 1.96 * sum_se) / n) : NAN;

    sign = ranktest_sign(x, n);
    stats_sort(x, n);
    median = stats_median(x, n);
    same = median > 0 ? sign.positive : sign.n - sign.positive;
    if (fabs(median) >= log1p(in->options->gate_ratio) && same >= SHIFT_SAME_SIDE * n &&
        2 * fmin(sign.p_greater, sign.p_less) < SHIFT_P)
        out->common_shift = exp(median);
    free(x);
    return ST_OK;
}

static int say(struct gate_run_result *out, enum gate_run_verdict verdict)
{
    static const int codes[] = {0, 1, 3, 4, 5};
    out->verdict = verdict;
    out->exit_code = codes[verdict];
    return 1;
}

/* The sentinels' part of a refusal: 1 and the reason, or 0. */
static int sentinels_refuse(const struct gate_run_input *in, struct gate_run_result *out)
{
    out->unguarded = in->aa_count == 0 || in->injected_count == 0;
    for (int i = 0; i < in->aa_count; i++)
        if (in->aa[i].moved != 0) {
            snprintf(out->reason, sizeof out->reason,
                     "a program compared with itself came out %.1f %% %s: the comparison is biased on this machine",
                     100 * fabs(in->aa[i].ratio - 1), in->aa[i].ratio > 1 ? "slower" : "faster");
            return say(out, GATE_RUN_REFUSED);
        }
    for (int i = 0; i < in->injected_count; i++)
        if (in->injected[i].moved != 1) {
            snprintf(out->reason, sizeof out->reason,
                     "a slowdown of 3 %% that was put in on purpose was not found (%.1f %% seen): the run is blind",
                     100 * (in->injected[i].ratio - 1));
            return say(out, GATE_RUN_REFUSED);
        }
    if (out->relinked_spread_ratio > in->options->gate_ratio) {
        snprintf(out->reason, sizeof out->reason,
                 "the same code at other addresses differs by %.1f %%, more than the gate of %.3g %%",
                 100 * out->relinked_spread_ratio, 100 * in->options->gate_ratio);
        return say(out, GATE_RUN_REFUSED);
    }
    if (out->unguarded && !in->sentinels_optional) {
        snprintf(out->reason, sizeof out->reason, "no %s sentinel was measured: nothing vouches for this run",
                 in->aa_count == 0 ? "A/A" : "injected");
        return say(out, GATE_RUN_REFUSED);
    }
    if (out->controls_moved >= 2 && out->controls_moved > CONTROLS_MOVED_MAX * out->controls) {
        snprintf(out->reason, sizeof out->reason, "%d of %d cells with identical code look changed",
                 out->controls_moved, out->controls);
        return say(out, GATE_RUN_REFUSED);
    }
    return 0;
}

static int environment_refuses(const struct gate_run_input *in, struct gate_run_result *out)
{
    const struct gate_environment *e = &in->environment;
    const char *what = NULL;
    double found = 0, most = 0;

    if (e->steal_blocks_share > STEAL_MAX) {
        what = "of the time had more than 20 % steal";
        found = e->steal_blocks_share;
        most = STEAL_MAX;
    } else if (e->crowded_blocks_share > CROWDED_MAX) {
        what = "of the time other work filled all processors";
        found = e->crowded_blocks_share;
        most = CROWDED_MAX;
    } else if (e->tied_rounds_share > TIED_MAX) {
        what = "of the rounds are tied: the clock is too coarse";
        found = e->tied_rounds_share;
        most = TIED_MAX;
    }
    if (what == NULL)
        return 0;
    snprintf(out->reason, sizeof out->reason, "%.0f %% %s; at most %.0f %% may be", 100 * found, what, 100 * most);
    return say(out, GATE_RUN_REFUSED);
}

static void decide(const struct gate_run_input *in, struct gate_run_result *out)
{
    int compared = in->count - out->counts[GATE_NOT_COMPARABLE];

    if (out->counts[GATE_INCORRECT] > 0) {
        snprintf(out->reason, sizeof out->reason, "%d of %d cells gave a wrong output", out->counts[GATE_INCORRECT],
                 in->count);
        say(out, GATE_RUN_INCORRECT);
        return;
    }
    if (in->count >= in->expected && in->count > 0 && out->controls == in->count && out->controls_moved == 0) {
        snprintf(out->reason, sizeof out->reason, "nothing to gate: all %d cells run identical code", in->count);
        say(out, GATE_RUN_PASS);
        return;
    }
    if (sentinels_refuse(in, out) || environment_refuses(in, out))
        return;
    if (out->counts[GATE_REGRESSED] > 0) {
        snprintf(out->reason, sizeof out->reason, "%d of %d gated cells regressed%s", out->counts[GATE_REGRESSED],
                 out->gated, out->common_shift > 1 ? ", as part of a common shift of all cells" : "");
        say(out, GATE_RUN_REGRESSED);
    } else if (compared < in->expected || compared == 0) {
        snprintf(out->reason, sizeof out->reason, "%d cells were compared, %d expected", compared, in->expected);
        say(out, GATE_RUN_INCONCLUSIVE);
    } else if (out->conclusive < CONCLUSIVE_MIN * out->gated) {
        snprintf(out->reason, sizeof out->reason, "%d of %d gated cells have an answer, at least 90 %% must",
                 out->conclusive, out->gated);
        say(out, GATE_RUN_INCONCLUSIVE);
    } else {
        snprintf(out->reason, sizeof out->reason, "no regression in %d gated cells, %d of them conclusive", out->gated,
                 out->conclusive);
        say(out, GATE_RUN_PASS);
    }
}

enum status gate_run(const struct gate_run_input *in, struct gate_run_result *out)
{
    struct gate_run_result run = {.verdict = GATE_RUN_INCONCLUSIVE};
    struct gate_options no_floor = *in->options;

    if (in->count < 0 || in->expected < 0 || in->aa_count < 0 || in->relinked_count < 0 || in->injected_count < 0 ||
        (in->count > 0 && in->cells == NULL) || (in->aa_count > 0 && in->aa == NULL) ||
        (in->relinked_count > 0 && in->relinked == NULL) || (in->injected_count > 0 && in->injected == NULL))
        return status_fail(ST_BADARG, "gate: a run of %d cells, %d expected, with %d, %d and %d sentinels", in->count,
                           in->expected, in->aa_count, in->relinked_count, in->injected_count);
    run.layout_floor_ratio = in->options->floor_ratio;
    no_floor.floor_ratio = 0;
    run.relinked_spread_ratio =
        in->relinked_count > 0 ? gate_layout_floor(&no_floor, in->relinked, in->relinked_count) : NAN;
    run.common_shift = NAN;
    count_cells(in, &run);
    TRY(summarize(in, &run));
    decide(in, &run);
    *out = run;
    return ST_OK;
}
