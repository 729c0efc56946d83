/* Synthetic comparisons, round by round, for the simulations: what a noisy shared machine does to two programs that
 * are measured in alternation, and the whole way from rounds to the verdict of a cell.
 *
 * A pair of processes: `rounds` rounds, each side's best of three batches, order by coin. All times are logarithms, so
 * a batch costs one table look-up. A batch that is flagged as contaminated counts only if no clean one is there; a
 * round in which one side has no clean batch is dropped, as harness/measure/timing.c does it. Truth: effect = ln(B /
 * A). */
#ifndef TESTS_NOISE_MODELS_H
#define TESTS_NOISE_MODELS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/rng.h"
#include "base/status.h"
#include "measure/distribution.h"
#include "measure/gate.h"
#include "measure/stats.h"

enum noise_kind { NOISE_LOGNORMAL, NOISE_BURSTS, NOISE_AR1, NOISE_STEAL, NOISE_SKEWED, NOISE_KINDS };

static const char *const noise_names[NOISE_KINDS] = {"lognormal", "bursts", "AR(1) drift", "35 % steal steps",
                                                     "skewed"};

#define NOISE_TABLE_BITS 14
#define NOISE_VARIANTS_MAX 20
#define NOISE_PAIRS_MAX 80 /* per stage, escalation included */

struct noise_source {
    struct rng rng;
    const float *normal; /* (2^NOISE_TABLE_BITS) quantiles; borrowed */
    uint64_t bits;
    int left; /* normals in bits */
};

struct noise_cell {
    enum noise_kind kind;
    double sigma;       /* of one batch, ln */
    double effect;      /* ln(B / A) */
    double tau_process; /* sd of each process's own layout, ln */
    double tau_build;   /* sd of each build's own layout, ln: the same for all processes of a build */
    int pairs, rounds;  /* first try of a stage */
    int variants;       /* relinked builds of each side that stage 2 cycles through; 1: the one of stage 1 */
};

static void noise_make_table(float *table)
{
    int n = 1 << NOISE_TABLE_BITS;
    for (int i = 0; i < n; i++)
        table[i] = (float)distribution_normal_quantile((i + 0.5) / n);
}

static inline float noise_normal(struct noise_source *s)
{
    if (s->left == 0) {
        s->bits = rng_u64(&s->rng);
        s->left = 4;
    }
    s->left--;
    s->bits = (s->bits >> NOISE_TABLE_BITS) | (s->bits << (64 - NOISE_TABLE_BITS));
    return s->normal[s->bits & ((1 << NOISE_TABLE_BITS) - 1)];
}

static inline float noise_uniform(struct noise_source *s)
{
    return (float)(rng_u64(&s->rng) >> 40) * 0x1p-24f;
}

/* What outlasts a batch: it goes on from one side to the other and from round to round. */
struct noise_state {
    int busy;    /* a burst or a stretch of steal is on */
    int seen;    /* and the clocks show it */
    float level; /* AR(1) */
};

/* ln of one batch; *flag: contaminated and seen as such. */
static inline float noise_batch(struct noise_source *s, const struct noise_cell *cell, struct noise_state *state,
                                int side, int *flag)
{
    float x = (float)cell->sigma * noise_normal(s);

    *flag = 0;
    switch (cell->kind) {
    case NOISE_BURSTS: /* a neighbour's bursts: 14 % of the batches, 3 in a row on average, up to several times as long
                        */
        state->busy = noise_uniform(s) < (state->busy ? 0.67f : 0.054f);
        if (state->busy) {
            float hit = -0.3f * logf(1 - noise_uniform(s));
            x += hit;
            *flag = hit > 0.02f;
        }
        break;
    case NOISE_AR1: /* the clock wanders by 10 %, slowly against a round */
        state->level = 0.995f * state->level + 0.00999f * noise_normal(s);
        x += state->level;
        break;
    case NOISE_STEAL: /* a third of the time is stolen for 50 batches at a time; half of these stretches go unseen */
        if (noise_uniform(s) < (state->busy ? 0.02f : 0.008f)) {
            state->busy = !state->busy;
            state->seen = noise_uniform(s) < 0.5f;
        }
        if (state->busy) {
            x += 0.43f; /* -ln(1 - 0.35) */
            *flag = state->seen;
        }
        break;
    case NOISE_SKEWED: /* B has a long right tail, A has not */
        if (side == 1)
            x = (float)cell->sigma * (expf(x / (float)cell->sigma) - 1);
        break;
    case NOISE_LOGNORMAL:
    case NOISE_KINDS:
    default:
        break;
    }
    return x;
}

/* Best of three; returns whether a clean one was there. */
static inline int noise_side(struct noise_source *s, const struct noise_cell *cell, struct noise_state *state, int side,
                             float *out)
{
    float best = 0;
    int clean = 0;

    for (int k = 0; k < 3; k++) {
        int flag;
        float x = noise_batch(s, cell, state, side, &flag);
        if (!flag && (!clean || x < best)) {
            best = x;
            clean = 1;
        }
    }
    *out = best;
    return clean;
}

/* d of one process pair, NaN if no round was kept. */
static double noise_pair(struct noise_source *s, const struct noise_cell *cell, double shift, struct gate_stage *stage)
{
    struct noise_state state = {0, 0, 0.1f * noise_normal(s)};
    double d[64];
    int kept = 0;

    for (int r = 0; r < cell->rounds && r < 64; r++) {
        int first = (int)(rng_u64(&s->rng) >> 63), ok;
        float time[2];
        ok = noise_side(s, cell, &state, first, &time[first]);
        ok &= noise_side(s, cell, &state, !first, &time[!first]);
        if (ok)
            d[kept++] = (double)time[1] - (double)time[0];
        else
            stage->dropped++;
    }
    stage->kept += kept;
    if (kept == 0)
        return NAN;
    for (int i = 1; i < kept; i++) { /* insertion: quicker than qsort for 15 */
        double x = d[i];
        int j = i;
        for (; j > 0 && d[j - 1] > x; j--)
            d[j] = d[j - 1];
        d[j] = x;
    }
    return stats_median(d, kept) + shift + cell->effect +
           cell->tau_process * ((double)noise_normal(s) - (double)noise_normal(s));
}

struct noise_run {
    double d[2][NOISE_PAIRS_MAX];
    struct gate_cell cell; /* points into d */
    int factor;
};

/* Pairs from..to of a stage; pair p belongs to build p % variants. */
static void noise_measure(struct noise_source *s, const struct noise_cell *cell, const double *build, int variants,
                          struct noise_run *run, int which, int to)
{
    struct gate_stage *stage = &run->cell.stage[which];
    for (int p = stage->pairs; p < to; p++)
        run->d[which][p] = noise_pair(s, cell, build[p % variants], stage);
    stage->d = run->d[which];
    stage->pairs = to;
}

/* One cell as the driver would measure it: stage 1, more pairs if asked for, stage 2 if asked for. `improved` stays to
 * be judged. */
static enum status noise_compare(struct noise_source *s, const struct noise_cell *cell,
                                 const struct gate_options *options, double floor_ratio, struct noise_run *run,
                                 struct gate_result *out)
{
    double build[1 + NOISE_VARIANTS_MAX];
    int variants = cell->variants < 1                    ? 1
                   : cell->variants > NOISE_VARIANTS_MAX ? NOISE_VARIANTS_MAX
                                                         : cell->variants,
        wanted;

    memset(&run->cell, 0, sizeof run->cell);
    run->cell.floor_ratio = floor_ratio;
    run->factor = 1;
    for (int v = 0; v < 1 + variants; v++)
        build[v] = cell->tau_build * ((double)noise_normal(s) - (double)noise_normal(s));
    noise_measure(s, cell, build, 1, run, 0, cell->pairs);
    for (;;) {
        TRY(gate_judge(options, &run->cell, out));
        wanted = gate_wants_more(options, out, run->factor);
        if (wanted == run->factor)
            break;
        run->factor = wanted;
        noise_measure(s, cell, build, 1, run, 0, cell->pairs * wanted);
    }
    if (gate_wants_stage2(options, out)) {
        noise_measure(s, cell, variants > 1 ? build + 1 : build, variants, run, 1, cell->pairs * run->factor);
        TRY(gate_judge(options, &run->cell, out));
    }
    return ST_OK;
}

static void noise_seed(struct noise_source *s, const float *table, uint64_t seed, uint64_t stream)
{
    rng_seed(&s->rng, seed, stream);
    s->normal = table;
    s->bits = 0;
    s->left = 0;
}

#endif
