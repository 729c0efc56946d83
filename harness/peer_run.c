#include "peer_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "measure/stats.h"
#include "measure/timing.h"
#include "peer_model.h"

enum { ROUNDS = 160, PARTS = 8, REASON = 320 };

enum fate { FATE_OK, FATE_SKIP, FATE_FAILED, FATE_MISMATCH };

/* A library on its way through a cell. */
struct entrant {
    const struct peer *peer;
    int own;
    enum fate fate;
    char reason[REASON], inexact[REASON], note[REASON];
    void *instance;
    double ns[PEER_LIBRARIES * ROUNDS]; /* its samples; ours collects those of every pairing */
    int n, dropped;
    struct stats_ratio ratio;
    double best, best_lo, best_hi; /* ratio of the minima */
    int all_rounds;                /* 1: no round was clean, the figures are from all */
};

struct work {
    const struct peer_run_context *context;
    const struct peer_cell *cell;
    struct peer_task task, extreme; /* shapes */
    struct peer_model_data model;   /* models */
    void *y;                        /* an output; owned */
    struct entrant entrant[PEER_LIBRARIES];
    struct timing_round round[ROUNDS];
    double a_ns[ROUNDS], b_ns[ROUNDS], scratch[2 * ROUNDS];
};

/* ------------------------------------------------------------------ libraries */

void peer_run_close(struct peer_run_context *context)
{
    for (int i = 0; i < PEER_LIBRARIES; i++)
        if (context->usable[i])
            context->peer[i].close(context->peer[i].context);
    memset(context->usable, 0, sizeof context->usable);
}

void peer_run_kernel(const struct peer_run_context *context, int library, char *out, size_t size)
{
    const struct peer *peer = &context->peer[library];

    if (peer_libraries[library].own)
        snprintf(out, size, "%s", peer_libraries[library].name);
    else if (context->usable[library])
        snprintf(out, size, "peer:%s-%s", peer->name, peer->version);
    else
        snprintf(out, size, "peer:%s", peer_libraries[library].name);
}

/* ------------------------------------------------------------------ is it right? */

static enum fate fate_of(enum status st)
{
    return st == ST_SKIP || st == ST_UNSUPPORTED ? FATE_SKIP : st == ST_MISMATCH ? FATE_MISMATCH : FATE_FAILED;
}

static void give_up(struct entrant *e, enum fate fate)
{
    e->fate = fate;
    snprintf(e->reason, sizeof e->reason, "%.300s", status_message());
}

/* A wrong result: the end for our own kernels and for floats, a remark for another library's integers. */
static void found_wrong(struct entrant *e, enum peer_type type, size_t wrong, size_t of, const char *what,
                        const char *example)
{
    if (type == PEER_INT8 && !e->own) {
        if (!*e->inexact)
            snprintf(e->inexact, sizeof e->inexact, "%s: %.160s (%zu of %zu are wrong)", what, example, wrong, of);
        return;
    }
    e->fate = FATE_MISMATCH;
    snprintf(e->reason, sizeof e->reason, "%s: %.160s (%zu of %zu are wrong)", what, example, wrong, of);
}

/* Runs the instance and holds its output against the exact one. */
static void check_output(struct work *w, struct entrant *e, const struct peer_task *task, void *instance,
                         const char *what)
{
    char example[160];
    size_t wrong;

    e->peer->run(instance);
    if (e->peer->output(instance, w->y) != ST_OK) {
        give_up(e, FATE_FAILED);
        return;
    }
    peer_task_check(task, w->y, e->own ? 0 : 1, &wrong, example, sizeof example);
    if (wrong)
        found_wrong(e, task->type, wrong, peer_task_outputs(task), what, example);
}

static void check_sums(struct work *w, struct entrant *e, const struct peer_task *task, const char *what)
{
    char example[160];
    size_t wrong;

    if (!e->peer->sums || e->fate != FATE_OK)
        return;
    if (e->peer->sums(e->peer->context, task, w->y) != ST_OK) {
        give_up(e, FATE_FAILED);
        return;
    }
    peer_task_check_sums(task, w->y, &wrong, example, sizeof example);
    if (wrong)
        found_wrong(e, task->type, wrong, peer_task_outputs(task), what, example);
}

static void check_extreme(struct work *w, struct entrant *e)
{
    void *instance = NULL;
    enum status st = e->peer->create(e->peer->context, &w->extreme, &instance);

    if (st != ST_OK) {
        give_up(e, fate_of(st));
        return;
    }
    check_sums(w, e, &w->extreme, "full-range sums");
    if (e->fate == FATE_OK)
        check_output(w, e, &w->extreme, instance, "full-range values");
    e->peer->destroy(instance);
}

static void enter_shape(struct work *w, struct entrant *e)
{
    enum status st = e->peer->create(e->peer->context, &w->task, &e->instance);

    if (st != ST_OK) {
        give_up(e, fate_of(st));
        return;
    }
    /* Full-range sums first: the clearest example of what may be wrong. */
    if (w->task.type == PEER_INT8)
        check_extreme(w, e);
    if (e->fate == FATE_OK)
        check_output(w, e, &w->task, e->instance, "typical values");
    if (w->task.type == PEER_INT8)
        check_sums(w, e, &w->task, "typical sums");
}

static void enter_model(struct work *w, struct entrant *e)
{
    enum status st = ST_SKIP;

    if (e->peer->model.create)
        st = e->peer->model.create(e->peer->context, &w->model.model, &e->instance);
    else
        status_fail(ST_SKIP, "%s runs no whole models", e->peer->name);
    if (st == ST_OK) {
        e->peer->model.run(e->instance);
        st = e->peer->model.output(e->instance, w->y);
    }
    if (st == ST_OK)
        st = peer_model_check(&w->model, w->y, e->own, e->note, sizeof e->note);
    if (st != ST_OK)
        give_up(e, fate_of(st));
}

/* The output of the run that was timed. */
static void check_again(struct work *w, struct entrant *e)
{
    if (e->fate != FATE_OK)
        return;
    if (w->cell->shape >= 0) {
        check_output(w, e, &w->task, e->instance, "typical values, after timing");
    } else if (e->peer->model.output(e->instance, w->y) != ST_OK ||
               peer_model_check(&w->model, w->y, e->own, e->note, sizeof e->note) != ST_OK) {
        give_up(e, FATE_MISMATCH);
    }
}

/* What whole models of integers inherit: a library whose sums saturate in one convolution does so in all. */
static void probe_exactness(struct peer_run_context *context, int library)
{
    static const struct peer_shape shape = {"probe", PEER_CONV, 1, 64, 5, 5, 16, 3, 1, 1};
    struct work *w = calloc(1, sizeof *w);
    struct entrant *e;

    if (!w)
        return;
    e = &w->entrant[library];
    e->peer = &context->peer[library];
    if (peer_task_make(&shape, PEER_INT8, PEER_EXTREME, 0, 1, &w->extreme) == ST_OK &&
        mem_alloc(peer_task_outputs(&w->extreme) + KN_SLACK, sizeof(int32_t), &w->y) == ST_OK)
        check_extreme(w, e);
    snprintf(context->inexact[library], sizeof context->inexact[library], "%s", e->inexact);
    peer_task_free(&w->extreme);
    mem_free(w->y);
    free(w);
}

void peer_run_open(struct peer_run_context *context, const struct peer_settings *settings)
{
    for (int i = 0; i < PEER_LIBRARIES; i++) {
        context->usable[i] = 0;
        if (!context->suite->wanted[i])
            continue;
        context->usable[i] = peer_libraries[i].open(settings, &context->peer[i]) == ST_OK;
        if (!context->usable[i])
            snprintf(context->why_not[i], sizeof context->why_not[i], "%.250s", status_message());
        else if (!peer_libraries[i].own && context->peer[i].model.create)
            probe_exactness(context, i);
    }
}

/* ------------------------------------------------------------------ how fast is it? */

static struct timing_options options_for(const struct work *w)
{
    struct timing_options options = timing_defaults(&w->context->clock);

    options.batch_ns = 2e6;
    options.best_of = 1;
    options.warmup_s = 0.1;
    options.budget_s = w->context->budget_s;
    options.min_rounds = PARTS;
    options.max_rounds = ROUNDS;
    options.seed = w->context->suite->seed;
    for (const char *at = w->cell->id; *at; at++)
        options.seed = options.seed * 31 + (unsigned char)*at;
    options.stop = w->context->stop;
    return options;
}

static void (*run_of(const struct work *w, const struct entrant *e))(void *)
{
    return w->cell->shape >= 0 ? e->peer->run : e->peer->model.run;
}

static double least(const double *x, int n)
{
    double best = INFINITY;
    for (int i = 0; i < n; i++)
        best = fmin(best, x[i]);
    return best;
}

/* Their minima over ours: of the whole run, and the range of that over its eighths. */
static void ratio_of_minima(struct entrant *e, const double *ours, const double *theirs, int n)
{
    e->best = least(theirs, n) / least(ours, n);
    e->best_lo = e->best_hi = NAN;
    for (int part = 0; n >= PARTS && part < PARTS; part++) {
        int from = part * n / PARTS, to = (part + 1) * n / PARTS;
        double ratio = least(theirs + from, to - from) / least(ours + from, to - from);
        e->best_lo = fmin(e->best_lo, ratio); /* of a NaN and a number, the number */
        e->best_hi = fmax(e->best_hi, ratio);
    }
}

static void take_samples(struct entrant *e, const double *ns, int n, int dropped)
{
    memcpy(e->ns + e->n, ns, (size_t)n * sizeof *ns);
    e->n += n;
    e->dropped += dropped;
}

static enum status time_pairing(struct work *w, struct entrant *ours, struct entrant *theirs)
{
    struct timing_options options = options_for(w);
    struct timing_subject a = {"ours", run_of(w, ours), ours->instance};
    struct timing_subject b = {theirs->peer->name, run_of(w, theirs), theirs->instance};
    struct timing_result result;
    int n;

    TRY(timing_pair(&options, &a, &b, w->round, ROUNDS, &result));
    theirs->all_rounds = result.kept == 0;
    n = timing_collect(w->round, result.rounds, result.kept ? TIMING_CLEAN : TIMING_ALL, w->a_ns, w->b_ns);
    take_samples(ours, w->a_ns, n, result.dropped);
    take_samples(theirs, w->b_ns, n, result.dropped);
    theirs->ratio = stats_ratio(w->b_ns, w->a_ns, n, w->scratch);
    ratio_of_minima(theirs, w->a_ns, w->b_ns, n);
    return ST_OK;
}

static enum status time_alone(struct work *w, struct entrant *ours)
{
    struct timing_options options = options_for(w);
    struct timing_subject a = {"ours", run_of(w, ours), ours->instance};
    struct timing_result result;
    int n;

    TRY(timing_single(&options, &a, w->round, ROUNDS, &result));
    ours->all_rounds = result.kept == 0;
    n = timing_collect(w->round, result.rounds, result.kept ? TIMING_CLEAN : TIMING_ALL, w->a_ns, NULL);
    take_samples(ours, w->a_ns, n, result.dropped);
    return ST_OK;
}

static enum status time_all(struct work *w)
{
    struct entrant *ours = &w->entrant[0];
    int paired = 0;

    if (ours->fate != FATE_OK)
        return ST_OK;
    for (int i = 1; i < PEER_LIBRARIES; i++)
        if (w->entrant[i].peer && w->entrant[i].fate == FATE_OK) {
            TRY(time_pairing(w, ours, &w->entrant[i]));
            ours->all_rounds |= w->entrant[i].all_rounds;
            paired = 1;
        }
    return paired ? ST_OK : time_alone(w, ours);
}

/* ------------------------------------------------------------------ what is written down */

static enum status fill_identity(const struct work *w, int library, struct record *r)
{
    const struct peer_run_context *context = w->context;
    const struct peer_cell *cell = w->cell;
    const struct entrant *e = &w->entrant[library];
    char kernel[2 * PEER_NAME + 8];

    peer_run_kernel(context, library, kernel, sizeof kernel);
    TRY(record_set(&r->suite, context->suite->name));
    TRY(record_setf(&r->model, "%.*s", (int)(cell->config - cell->id - 1), cell->id));
    TRY(record_set(&r->config, cell->config));
    TRY(record_set(&r->family, cell->sparsity > 0 ? "pruned" : cell->type == PEER_INT8 ? "ptq" : "fp32"));
    TRY(record_set(&r->kernel, kernel));
    if (e->peer)
        TRY(record_set(&r->isa, e->peer->level));
    r->seed = (int64_t)context->suite->seed;
    r->threads = 1;
    r->batch = cell->shape >= 0 ? context->suite->shape[cell->shape].batch : context->suite->model[cell->model].batch;
    return record_set_cell(r);
}

static enum status fill_work(const struct work *w, const struct entrant *e, struct record *r)
{
    const struct peer_task *task = &w->task;

    if (w->cell->shape < 0) {
        r->macs_nominal = (int64_t)w->model.macs;
        return ST_OK;
    }
    r->macs_nominal = (int64_t)(peer_task_macs(task) / (uint64_t)task->shape.batch);
    r->sparsity = task->sparsity;
    TRY(record_layers_alloc(r, 1));
    TRY(record_set(&r->kernels[0].name, task->shape.name));
    if (e->peer && e->peer->kernel && e->instance)
        TRY(record_set(&r->kernels[0].kernel, e->peer->kernel(e->instance)));
    r->kernels[0].macs_nominal = r->macs_nominal;
    r->kernels[0].weight_bytes = (int64_t)(peer_task_weights(task) * (task->type == PEER_F32 ? 4 : 1));
    r->kernels[0].input_bytes = (int64_t)(peer_task_inputs(task) * (task->type == PEER_F32 ? 4 : 1));
    r->kernels[0].output_bytes = (int64_t)(peer_task_outputs(task) * (task->type == PEER_F32 ? 4 : 1));
    return ST_OK;
}

static void fill_times(struct entrant *e, int library, struct record *r)
{
    double batch = (double)r->batch;
    struct stats_interval interval;

    for (int i = 0; i < e->n; i++)
        e->ns[i] /= batch;
    stats_sort(e->ns, e->n);
    interval = stats_median_interval(e->ns, e->n, 0.95);
    r->latency_ns_median = stats_median(e->ns, e->n);
    r->latency_ns_p10 = stats_percentile(e->ns, e->n, 0.1);
    r->latency_ns_p90 = stats_percentile(e->ns, e->n, 0.9);
    r->latency_ns_ci95[0] = interval.lo;
    r->latency_ns_ci95[1] = interval.hi;
    r->latency_n = r->latency_samples_kept = e->n;
    r->latency_samples_dropped = e->dropped;
    if (library == 0)
        return;
    r->peer_ratio = e->ratio.ratio;
    r->peer_ratio_ci95[0] = e->ratio.lo;
    r->peer_ratio_ci95[1] = e->ratio.hi;
    r->peer_ratio_best = e->best;
    r->peer_ratio_best_range[0] = e->best_lo;
    r->peer_ratio_best_range[1] = e->best_hi;
}

static enum status fill_record(struct work *w, int library, struct record *r)
{
    static const char *const words[] = {"ok", "skip", "failed", "mismatch"};
    struct entrant *e = &w->entrant[library];

    TRY(fill_identity(w, library, r));
    TRY(fill_work(w, e, r));
    TRY(record_set(&r->status, words[e->fate]));
    if (*e->reason)
        TRY(record_set(&r->reason, e->reason));
    if (*e->inexact)
        TRY(record_set(&r->inexact, e->inexact));
    if (e->fate == FATE_OK && e->n > 0)
        fill_times(e, library, r);
    else if (e->fate == FATE_OK)
        TRY(record_set(&r->notes, "not timed: our own kernel is not there to be compared with"));
    if (e->fate == FATE_OK && (e->all_rounds || *e->note))
        return record_setf(&r->notes, "%s%s%s", e->note, e->all_rounds && *e->note ? "; " : "",
                           e->all_rounds ? "no round was undisturbed: the times are of all rounds" : "");
    return ST_OK;
}

static enum status prepare(struct work *w)
{
    const struct peer_suite *suite = w->context->suite;
    const struct peer_cell *cell = w->cell;
    size_t outputs;

    if (cell->shape >= 0) {
        const struct peer_shape *shape = &suite->shape[cell->shape];
        TRY(peer_task_make(shape, cell->type, PEER_TYPICAL, cell->sparsity, suite->seed, &w->task));
        if (cell->type == PEER_INT8)
            TRY(peer_task_make(shape, cell->type, PEER_EXTREME, 0, suite->seed, &w->extreme));
        outputs = peer_task_outputs(&w->task);
    } else {
        TRY(peer_model_make(&suite->model[cell->model].graph, suite->model[cell->model].batch, cell->type, suite->seed,
                            &w->model));
        outputs = w->model.outputs;
    }
    return mem_alloc(outputs + KN_SLACK, sizeof(int32_t), &w->y); /* floats, bytes or sums */
}

static void enter(struct work *w, int library)
{
    const struct peer_run_context *context = w->context;
    struct entrant *e = &w->entrant[library];

    e->own = peer_libraries[library].own;
    if (!context->usable[library]) {
        e->fate = FATE_SKIP;
        snprintf(e->reason, sizeof e->reason, "%s", context->why_not[library]);
        return;
    }
    e->peer = &context->peer[library];
    if (w->cell->shape >= 0)
        enter_shape(w, e);
    else
        enter_model(w, e);
    if (w->cell->model >= 0 && w->cell->type == PEER_INT8 && e->fate == FATE_OK)
        snprintf(e->inexact, sizeof e->inexact, "%s", context->inexact[library]);
}

static void leave(struct work *w)
{
    for (int i = 0; i < PEER_LIBRARIES; i++)
        if (w->entrant[i].instance && w->cell->shape >= 0)
            w->entrant[i].peer->destroy(w->entrant[i].instance);
        else if (w->entrant[i].instance)
            w->entrant[i].peer->model.destroy(w->entrant[i].instance);
    peer_task_free(&w->task);
    peer_task_free(&w->extreme);
    peer_model_free(&w->model);
    mem_free(w->y);
}

enum status peer_run_cell(const struct peer_run_context *context, const struct peer_cell *cell, struct record *out,
                          int *out_count)
{
    struct work *w = calloc(1, sizeof *w);
    enum status st;

    *out_count = 0;
    if (!w)
        return status_fail(ST_NOMEM, "no memory for %s", cell->id);
    w->context = context;
    w->cell = cell;
    st = prepare(w);
    if (st != ST_OK && st != ST_NOMEM)
        for (int i = 0; i < PEER_LIBRARIES; i++)
            give_up(&w->entrant[i], fate_of(st));
    else
        TRY_OUT(st);
    for (int i = 0; i < PEER_LIBRARIES && st == ST_OK; i++)
        if (context->suite->wanted[i] && (!peer_libraries[i].sparse_only || cell->sparsity > 0))
            enter(w, i);
    TRY_OUT(time_all(w));
    for (int place = 1; place <= PEER_LIBRARIES; place++) {
        int i = place % PEER_LIBRARIES; /* ours last */
        if (!context->suite->wanted[i] || (peer_libraries[i].sparse_only && cell->sparsity <= 0))
            continue;
        check_again(w, &w->entrant[i]);
        record_init(&out[*out_count]);
        ++*out_count;
        TRY_OUT(fill_record(w, i, &out[*out_count - 1]));
    }
out:
    leave(w);
    free(w);
    return st;
}
