#include "run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "measure/accuracy.h"
#include "measure/stats.h"
#include "measure/timing.h"
#include "run_cold.h"
#include "run_energy.h"
#include "runner.h"

enum { ROUNDS = 240, MAX_STEPS = 1024 };
enum { REFERENCE_MACS = 1000000000 }; /* about a second of a textbook loop */

/* Everything a cell needs while it is being measured. */
struct work {
    const struct run_context *context;
    const struct plan_cell *cell;
    const struct artifact *artifact, *fp32;
    const struct kn_table *table;
    struct kn_table level;      /* of a cell whose ISA level is not the run's highest */
    struct infer computed;      /* owned */
    const struct infer *result; /* computed, or the artifact's own */
    struct runner self, baseline, reference;
    struct timing_round round[ROUNDS];
    double a_ns[ROUNDS], b_ns[ROUNDS], scratch[2 * ROUNDS];
    double step_ns[MAX_STEPS];
    struct energy_counter counter; /* borrowed handles; a window's start is its own */
};

static enum status fill_identity(const struct work *w, struct record *r)
{
    const struct plan_cell *cell = w->cell;
    const struct suite *suite = w->context->artifacts.suite;

    TRY(record_set(&r->cell, cell->id));
    TRY(record_set(&r->suite, suite->name));
    r->seed = (int64_t)cell->seed;
    TRY(record_set(&r->model, suite->model[cell->model].graph.name));
    TRY(record_set(&r->config, suite->recipe_name[cell->recipe]));
    TRY(record_set(&r->family, recipe_family(suite->recipe_name[cell->recipe])));
    TRY(record_set(&r->kernel, cell->simd ? "simd" : "ref"));
    TRY(record_set(&r->isa, kn_isa_name(cell->absent ? cell->isa : w->table->mask)));
    r->threads = cell->threads;
    r->batch = cell->batch;
    return ST_OK;
}

static enum status fill_size(const struct work *w, struct record *r)
{
    const struct artifact *artifact = w->artifact;
    const struct plk_info *info = &artifact->info;

    TRY(record_set(&r->artifact, artifact->file));
    TRY(record_set(&r->artifact_sha256, info->sha256));
    r->size_file_bytes = (int64_t)info->file_bytes;
    r->size_fp32_bytes = (int64_t)w->fp32->info.file_bytes;
    r->size_ratio = (double)w->fp32->info.file_bytes / (double)info->file_bytes;
    r->sparsity = graph_sparsity(&artifact->graph);
    TRY(record_tensors_alloc(r, (size_t)info->tensors));
    for (int i = 0; i < info->tensors; i++) {
        TRY(record_set(&r->tensors[i].name, info->tensor[i].name));
        TRY(record_set(&r->tensors[i].encoding, info->tensor[i].encoding));
        r->tensors[i].bytes = (int64_t)info->tensor[i].bytes;
        r->tensors[i].count = (int64_t)info->tensor[i].count;
        r->tensors[i].nonzeros = (int64_t)info->tensor[i].nonzeros;
    }
    return ST_OK;
}

static enum status fill_accuracy(const struct work *w, struct record *r)
{
    const struct dataset *test = &w->context->artifacts.data->test;
    struct accuracy accuracy;
    struct accuracy_delta delta;

    if (w->context->artifacts.suite->noise) {
        TRY(record_set(&r->reason, "random weights and inputs: no accuracy, for time and size only"));
        return w->result->raw ? record_set(&r->output_hash, w->result->raw_sha256) : ST_OK;
    }
    accuracy = accuracy_top1(w->result->predictions, test->labels, test->n);
    delta = accuracy_compare(w->fp32->ref.predictions, w->result->predictions, test->labels, test->n);

    r->accuracy_top1 = accuracy.top1;
    r->accuracy_n = accuracy.n;
    r->accuracy_ci95[0] = accuracy.lo;
    r->accuracy_ci95[1] = accuracy.hi;
    r->accuracy_delta_pp = delta.delta_pp;
    r->accuracy_delta_ci95[0] = delta.delta_lo_pp;
    r->accuracy_delta_ci95[1] = delta.delta_hi_pp;
    r->accuracy_p_mcnemar = delta.p_mcnemar;
    r->accuracy_lost = delta.only_baseline;
    r->accuracy_gained = delta.only_this;
    r->accuracy_valid = w->artifact->valid_top1;
    r->train_epochs = w->artifact->epochs;
    if (w->artifact->train_s > 0)
        r->train_seconds = w->artifact->train_s;
    TRY(record_ledger_alloc(r, (size_t)w->artifact->stages));
    for (int i = 0; i < w->artifact->stages; i++) {
        const struct artifact_stage *stage = &w->artifact->stage[i];
        TRY(record_set(&r->ledger[i].stage, stage->name));
        r->ledger[i].accuracy = stage->valid_top1;
        r->ledger[i].n = stage->n;
        r->ledger[i].flips = stage->flips < 0 ? RECORD_NONE : stage->flips;
    }
    return w->result->raw ? record_set(&r->output_hash, w->result->raw_sha256) : ST_OK;
}

static struct timing_options timing_options_for(const struct work *w, double budget_s)
{
    struct timing_options options = timing_defaults(&w->context->clock);
    uint64_t mix = w->cell->seed;

    for (const char *at = w->cell->id; *at; at++)
        mix = mix * 31 + (unsigned char)*at;
    options.budget_s = budget_s;
    options.seed = mix;
    options.stop = w->context->artifacts.stop;
    options.max_rounds = ROUNDS;
    return options;
}

/* Interleaved rounds of a (slower or faster, no matter) against b; a_ns and b_ns get the kept rounds. */
static enum status time_pair(struct work *w, struct runner *a, struct runner *b, double budget_s,
                             struct timing_result *out, int *n)
{
    struct timing_options options = timing_options_for(w, budget_s);
    struct timing_subject first = {"baseline", runner_call, a}, second = {w->cell->id, runner_call, b};

    TRY(timing_pair(&options, &first, &second, w->round, ROUNDS, out));
    *n = timing_collect(w->round, out->rounds, TIMING_CLEAN, w->a_ns, w->b_ns);
    return ST_OK;
}

static enum status measure_latency(struct work *w, struct record *r)
{
    struct timing_result timing;
    struct stats_ratio ratio;
    struct stats_interval interval;
    double per_inference = 1.0 / w->cell->batch;
    int n;

    TRY(time_pair(w, &w->baseline, &w->self, w->context->budget_s, &timing, &n));
    r->latency_samples_kept = timing.kept;
    r->latency_samples_dropped = timing.dropped;
    r->latency_n = n;
    if (n < 6) { /* too few for an interval: the disturbed rounds too, and the row says so */
        n = timing_collect(w->round, timing.rounds, TIMING_ALL, w->a_ns, w->b_ns);
        if (timing.dropped > 0)
            TRY(record_add_note(r, "%d of %d timing rounds were disturbed by other work: all are used", timing.dropped,
                                timing.rounds));
        r->latency_n = n;
    }
    ratio = stats_ratio(w->a_ns, w->b_ns, n, w->scratch);
    r->speedup_vs_fp32_simd = ratio.ratio;
    r->speedup_ci95[0] = ratio.lo;
    r->speedup_ci95[1] = ratio.hi;
    stats_sort(w->b_ns, n);
    r->latency_ns_median = stats_median(w->b_ns, n) * per_inference;
    r->latency_ns_p10 = stats_percentile(w->b_ns, n, 0.10) * per_inference;
    r->latency_ns_p90 = stats_percentile(w->b_ns, n, 0.90) * per_inference;
    interval = stats_median_interval(w->b_ns, n, 0.95);
    r->latency_ns_ci95[0] = interval.lo * per_inference;
    r->latency_ns_ci95[1] = interval.hi * per_inference;
    return ST_OK;
}

static uint64_t model_macs(const struct work *w)
{
    uint64_t macs = 0;

    for (int i = 0; i < w->artifact->graph.nodes; i++)
        macs += graph_node_macs(&w->artifact->graph, i);
    return macs;
}

/* On SIMD rows, the same file with the reference kernels, paired too. */
static enum status measure_against_reference(struct work *w, struct record *r)
{
    struct timing_result timing;
    struct stats_ratio ratio;
    int n;

    if (model_macs(w) * (uint64_t)w->cell->batch > REFERENCE_MACS)
        return record_add_note(r, "not timed against the reference kernels, which take seconds for this model");
    TRY(time_pair(w, &w->reference, &w->self, w->context->budget_s / 2, &timing, &n));
    if (n < 6)
        n = timing_collect(w->round, timing.rounds, TIMING_ALL, w->a_ns, w->b_ns);
    ratio = stats_ratio(w->a_ns, w->b_ns, n, w->scratch);
    r->speedup_simd_vs_ref = ratio.ratio;
    r->speedup_simd_vs_ref_ci95[0] = ratio.lo;
    r->speedup_simd_vs_ref_ci95[1] = ratio.hi;
    return ST_OK;
}

static double layer_sparsity(const struct graph *graph, const char *layer)
{
    for (int i = 0; i < graph->nodes; i++) {
        const struct weight *weight;
        if (strcmp(graph->node[i].name, layer) != 0 || graph->node[i].weight < 0)
            continue;
        weight = &graph->weight[graph->node[i].weight];
        return (double)weight_zeros(weight) / (double)weight->count;
    }
    return NAN;
}

static enum status measure_layers(struct work *w, struct record *r)
{
    struct engine *engine = w->self.engine;
    int steps = engine_steps(engine);
    struct timing_options options = timing_options_for(w, w->context->budget_s / 4);
    struct timing_sequence sequence = {runner_begin, runner_step, runner_end, &w->self, steps};
    struct timing_slices_result slices;
    int64_t batch = w->cell->batch;

    TRY(timing_slices(&options, &sequence, w->step_ns, &slices));
    TRY(record_layers_alloc(r, (size_t)steps));
    r->macs_nominal = r->macs_executed = 0;
    for (int i = 0; i < steps; i++) {
        const struct engine_step *step = engine_step_info(engine, i);
        struct record_layer *layer = &r->kernels[i];
        TRY(record_set(&layer->name, step->layer));
        TRY(record_set(&layer->kernel, step->kernel));
        TRY(record_set(&layer->reason, step->reason));
        layer->ns = w->step_ns[i] / (double)batch;
        layer->macs_nominal = (int64_t)step->macs_nominal / batch;
        layer->macs_executed = (int64_t)step->macs_executed / batch;
        layer->weight_bytes = (int64_t)step->weight_bytes;
        layer->input_bytes = (int64_t)step->input_bytes;
        layer->output_bytes = (int64_t)step->output_bytes;
        layer->weight_bits = step->weight_bits;
        if (step->weight_bits > 0)
            layer->sparsity = layer_sparsity(&w->artifact->graph, step->layer);
        r->macs_nominal += layer->macs_nominal;
        r->macs_executed += layer->macs_executed;
    }
    return ST_OK;
}

/* What the model of energy is made of; with --instructions also what callgrind counts. */
static enum status fill_energy(struct work *w, const struct run_cold *fresh, struct record *r)
{
    struct run_energy_side self = {w->self.engine, w->table->mask, ENERGY_ANALYTIC};
    struct run_energy_side fp32 = {w->baseline.engine, w->context->artifacts.simd.mask, ENERGY_ANALYTIC};

    if (w->context->instructions && w->cell->batch == 1 && w->cell->threads == 1)
        TRY(run_energy_count(fresh, &self, &fp32, r));
    return run_energy_model(&w->context->energy, &self, &fp32, w->cell->batch, r);
}

/* Fresh processes; heavy models are not started many times on the textbook loops. */
static enum status measure_cold(const struct work *w, const struct run_cold *fresh, struct record *r)
{
    if (!*fresh->program || w->cell->batch != 1)
        return ST_OK;
    if (!w->cell->simd && model_macs(w) > REFERENCE_MACS)
        return record_add_note(r, "no cold start with the reference kernels, which take seconds for this model");
    TRY(run_cold_start(fresh, r));
    return run_cold_process(fresh, r);
}

static enum status open_runners(struct work *w)
{
    const struct artifact_context *a = &w->context->artifacts;
    const struct kn_table *simd = a->simd.mask ? &a->simd : &a->ref;
    int threads = w->cell->threads;

    TRY(runner_new(&w->artifact->graph, w->table, w->cell->batch, threads, &a->data->test, &w->self));
    TRY(runner_new(&w->fp32->graph, simd, w->cell->batch, threads, &a->data->test, &w->baseline));
    if (w->cell->simd)
        TRY(runner_new(&w->artifact->graph, &a->ref, w->cell->batch, threads, &a->data->test, &w->reference));
    if (engine_steps(w->self.engine) > MAX_STEPS || engine_steps(w->baseline.engine) > MAX_STEPS)
        return status_fail(ST_UNSUPPORTED, "more than %d steps in a plan", MAX_STEPS);
    return ST_OK;
}

static void show(const struct work *w, const char *doing)
{
    live_show(w->context->artifacts.live, "%s: %s", w->cell->id, doing);
}

/* Accuracy and correctness first: only a right output gets a time. */
static enum status measure(struct work *w, struct record *r)
{
    const struct artifact_context *a = &w->context->artifacts;
    const struct run_cold fresh = {.program = w->context->program,
                                   .sample = w->context->sample,
                                   .cell = w->cell->id,
                                   .model = w->artifact->path,
                                   .fp32 = w->fp32->path,
                                   .mask = w->table->mask,
                                   .fp32_mask = a->simd.mask,
                                   .threads = w->cell->threads,
                                   .stop = a->stop};

    w->result = &w->artifact->ref; /* what the reference kernels gave, image by image */
    if (w->cell->simd || w->cell->batch != 1) {
        show(w, "accuracy");
        TRY(infer_dataset(&w->artifact->graph, w->table, w->cell->batch, &a->data->test, a->pool, &w->computed));
        w->result = &w->computed;
    }
    TRY(fill_accuracy(w, r));
    TRY(infer_compare(w->result, &w->artifact->ref, w->cell->id));
    TRY(open_runners(w));
    if (w->cell->threads > pool_cpus())
        TRY(record_add_note(r, "%d threads on %d processors", w->cell->threads, pool_cpus()));
    r->ram_peak_bytes = (int64_t)engine_arena_bytes(w->self.engine);
    r->weights_packed_bytes = (int64_t)engine_weight_bytes(w->self.engine);
    TRY(fill_energy(w, &fresh, r));
    show(w, "timing against FP32");
    TRY(measure_latency(w, r));
    if (w->cell->simd) {
        show(w, "timing against the reference");
        TRY(measure_against_reference(w, r));
    }
    show(w, "timing its layers");
    TRY(measure_layers(w, r));
    if (w->cell->simd)
        TRY(run_energy_measure(&w->counter, &w->context->windows, runner_call, &w->self, w->cell->batch, r));
    TRY(runner_verify(&w->self, w->result, w->cell->id));
    TRY(record_set(&r->speedup_baseline, w->cell->baseline));
    show(w, "timing whole processes");
    return measure_cold(w, &fresh, r);
}

/* A row that is wrong keeps its accuracy and reason but no time. */
static void drop_times(struct record *r)
{
    r->latency_ns_median = r->latency_ns_p10 = r->latency_ns_p90 = NAN;
    r->latency_ns_ci95[0] = r->latency_ns_ci95[1] = NAN;
    r->speedup_vs_fp32_simd = r->speedup_ci95[0] = r->speedup_ci95[1] = NAN;
    r->speedup_simd_vs_ref = r->speedup_simd_vs_ref_ci95[0] = r->speedup_simd_vs_ref_ci95[1] = NAN;
    r->process_ms_median = r->process_ratio_vs_fp32 = NAN;
    r->process_ratio_ci95[0] = r->process_ratio_ci95[1] = NAN;
    r->load_ns_median = r->plan_ns_median = r->first_ns_median = r->cold_ratio_vs_fp32 = NAN;
    for (int i = 0; i < 2; i++)
        r->load_ns_ci95[i] = r->plan_ns_ci95[i] = r->first_ns_ci95[i] = r->cold_ratio_ci95[i] = NAN;
    r->cold_n = RECORD_NONE;
    r->latency_n = r->latency_samples_kept = r->latency_samples_dropped = RECORD_NONE;
    for (size_t i = 0; i < r->kernels_n; i++)
        r->kernels[i].ns = NAN;
}

/* The kernels of the cell: the run's highest level, one below it, or the reference. */
static const struct kn_table *choose_table(struct work *w)
{
    const struct artifact_context *a = &w->context->artifacts;

    if (!w->cell->simd)
        return &a->ref;
    if (w->cell->absent || w->cell->isa == 0 || w->cell->isa == a->simd.mask)
        return &a->simd;
    kn_table_init(&w->level, w->cell->isa);
    return &w->level;
}

static enum status fill(struct work *w, struct record *r)
{
    const struct artifact *bad = !w->artifact->made ? w->artifact : !w->fp32->made ? w->fp32 : NULL;
    enum status st;

    TRY(fill_identity(w, r));
    if (bad) {
        TRY(record_set(&r->status, "failed"));
        return record_setf(&r->reason, "%s%s", bad == w->artifact ? "" : "its FP32 baseline failed: ", bad->reason);
    }
    TRY(fill_size(w, r));
    if (w->cell->absent) {
        TRY(record_set(&r->status, "skip"));
        return record_setf(&r->reason, "this CPU has %s only, not %s", kn_isa_name(kn_cpu_isa()), r->isa);
    }
    if (w->cell->simd && w->table->mask == 0) {
        TRY(record_set(&r->status, "skip"));
        return record_set(&r->reason, "no SIMD level is usable on this CPU or allowed by --isa");
    }
    st = measure(w, r);
    if (st == ST_INTERRUPTED || st == ST_NOMEM)
        return st;
    if (st != ST_OK) {
        drop_times(r);
        TRY(record_set(&r->reason, status_message()));
    }
    return record_set(&r->status, st == ST_OK         ? "ok"
                                  : st == ST_SKIP     ? "skip"
                                  : st == ST_MISMATCH ? "mismatch"
                                                      : "failed");
}

enum status run_cell(const struct run_context *context, const struct plan_cell *cell, const struct artifact *artifact,
                     const struct artifact *fp32, struct record *out)
{
    struct work *w;
    enum status st;

    record_init(out);
    w = calloc(1, sizeof *w);
    if (!w)
        return status_fail(ST_NOMEM, "no memory to run a cell");
    w->context = context;
    w->counter = context->counter;
    w->cell = cell;
    w->artifact = artifact;
    w->fp32 = fp32;
    w->table = choose_table(w);
    st = fill(w, out);
    runner_free(&w->self);
    runner_free(&w->baseline);
    runner_free(&w->reference);
    infer_free(&w->computed);
    free(w);
    return st;
}
