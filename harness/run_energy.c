#include "run_energy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/progress.h"
#include "kernels/kernels.h"
#include "measure/callgrind.h"
#include "run_command.h"

static const char interpolated[] = "interpolated";

static enum status cost_of(const struct energy_table *table, const struct run_energy_side *side,
                           struct energy_layer *layer, struct energy_cost *out)
{
    int steps = engine_steps(side->engine);

    for (int i = 0; i < steps; i++) {
        const struct engine_step *step = engine_step_info(side->engine, i);
        enum energy_arithmetic arithmetic = step->weight_bits == 32 ? ENERGY_F32 : ENERGY_S32;
        layer[i] = (struct energy_layer){.macs_executed = step->macs_executed,
                                         .other_ops = step->macs_executed ? 0 : step->output_bytes / 4,
                                         .arithmetic = arithmetic,
                                         .weight_bits = step->weight_bits > 0 ? step->weight_bits : 32,
                                         .weight_bytes = step->weight_bytes,
                                         .input_bytes = step->input_bytes,
                                         .output_bytes = step->output_bytes,
                                         .lanes = energy_lanes(side->mask ? 256 : 0, arithmetic)};
    }
    return energy_estimate(table, layer, (size_t)steps, side->instructions, out);
}

static enum status fill_parts(const struct energy_cost *cost, double nj, struct record *r)
{
    static const char *const part[] = {"arithmetic", "on-chip memory", "off-chip memory", "instructions (CPU view)"};
    const double pj[] = {cost->mac_pj, cost->sram_pj, cost->dram_pj, cost->instruction_pj};

    TRY(record_energy_alloc(r, 4));
    for (int i = 0; i < 4; i++) {
        TRY(record_set(&r->energy[i].part, part[i]));
        r->energy[i].nj = pj[i] * nj;
    }
    return ST_OK;
}

/* The figures that are shown: those of the first table. */
static enum status fill_first(const struct energy_table *table, const struct energy_cost *cost,
                              const struct energy_cost *baseline, int batch, struct record *r)
{
    double nj = 1e-3 / batch;

    r->energy_proxy_ratio = energy_ratio_dp(baseline, cost);
    r->energy_cpu_ratio = energy_ratio_cpu(baseline, cost);
    r->energy_proxy_nj = cost->dp_pj * nj;
    r->energy_cpu_nj = cost->cpu_pj * nj;
    r->energy_process_nm = table->process_nm;
    TRY(record_set(&r->energy_kind, energy_kind_modelled));
    TRY(record_set(&r->energy_model, table->name));
    TRY(record_set(&r->energy_model_sha256, table->sha256));
    TRY(record_set(&r->energy_coverage, energy_coverage));
    TRY(record_set(&r->energy_excludes, energy_excludes));
    return fill_parts(cost, nj, r);
}

enum status run_energy_model(const struct energy_tables *tables, const struct run_energy_side *self,
                             const struct run_energy_side *fp32, int batch, struct record *r)
{
    int steps = engine_steps(self->engine), base_steps = engine_steps(fp32->engine);
    struct energy_layer *layer = NULL;
    int counted = self->instructions >= 0 && fp32->instructions >= 0;
    /* Both sides or neither: a counted number against an analytic one would compare the two methods. */
    struct run_energy_side a = *fp32, b = *self;
    enum status st;

    if (!counted)
        a.instructions = b.instructions = ENERGY_ANALYTIC;
    TRY(mem_alloc((size_t)(steps > base_steps ? steps : base_steps), sizeof *layer, &layer));
    TRY_OUT(record_energy_models_alloc(r, (size_t)tables->count));
    TRY_OUT(record_set(&r->instruction_count_kind, counted ? "callgrind" : "analytic"));
    for (int t = 0; t < tables->count; t++) {
        const struct energy_table *table = &tables->table[t];
        struct record_energy_model *model = &r->energy_models[t];
        struct energy_cost cost, baseline;
        const char *tags;
        TRY_OUT(cost_of(table, &a, layer, &baseline));
        TRY_OUT(cost_of(table, &b, layer, &cost));
        tags = cost.interpolated || baseline.interpolated ? interpolated : NULL;
        if (t == 0) {
            TRY_OUT(fill_first(table, &cost, &baseline, batch, r));
            TRY_OUT(record_set(&r->energy_tags, tags));
        }
        TRY_OUT(record_set(&model->model, table->name));
        TRY_OUT(record_set(&model->sha256, table->sha256));
        TRY_OUT(record_set(&model->tags, tags));
        model->process_nm = table->process_nm;
        model->dp_ratio = energy_ratio_dp(&baseline, &cost);
        model->cpu_ratio = energy_ratio_cpu(&baseline, &cost);
        if (t == 0)
            r->energy_spread[0] = r->energy_spread[1] = model->dp_ratio;
        r->energy_spread[0] = fmin(r->energy_spread[0], model->dp_ratio);
        r->energy_spread[1] = fmax(r->energy_spread[1], model->dp_ratio);
    }
out:
    mem_free(layer);
    return st;
}

/* ------------------------------------------------------------------------------------------- instructions */

static enum status count_one(const struct run_cold *what, const char *model, uint32_t mask, double *out)
{
    return run_command_count(what->program, model, what->sample, mask, what->threads, what->stop, out);
}

enum status run_energy_count(const struct run_cold *what, struct run_energy_side *self, struct run_energy_side *fp32,
                             struct record *r)
{
    char why[512];
    enum status st = count_one(what, what->model, what->mask, &self->instructions);

    if (st == ST_OK) {
        r->instructions_per_inference = (int64_t)self->instructions;
        if (strcmp(what->model, what->fp32) == 0 && what->mask == what->fp32_mask)
            fp32->instructions = self->instructions;
        else
            st = count_one(what, what->fp32, what->fp32_mask, &fp32->instructions);
    }
    if (st == ST_OK || st == ST_INTERRUPTED || st == ST_NOMEM)
        return st;
    snprintf(why, sizeof why, "%s", status_message());
    return record_add_note(r, "instructions%s not counted: %s",
                           r->instructions_per_inference == RECORD_NONE ? "" : " of FP32", why);
}

/* ------------------------------------------------------------------------------------------- measured */

static enum status begin(void *context)
{
    return energy_counter_begin(context);
}

static enum status end(void *context, double *out_joules)
{
    return energy_counter_end(context, out_joules);
}

static double now_s(void *context)
{
    (void)context;
    return progress_now_s();
}

static void wait_s(void *context, double seconds)
{
    struct timespec span = {(time_t)seconds, (long)(1e9 * (seconds - floor(seconds)))};

    (void)context;
    nanosleep(&span, NULL);
}

enum status run_energy_measure(struct energy_counter *counter, const struct energy_windows_options *options,
                               void (*call)(void *), void *subject, int batch, struct record *r)
{
    const struct energy_meter meter = {begin, end, now_s, wait_s, counter};
    struct energy_windows_result result;
    double uj = 1e6 / batch;
    enum status st;

    if (counter->source == ENERGY_SOURCE_NONE || options->windows == 0)
        return ST_OK;
    st = energy_windows(options, &meter, call, subject, &result);
    if (st == ST_INTERRUPTED || st == ST_NOMEM)
        return st;
    if (st != ST_OK) {
        char why[512];
        snprintf(why, sizeof why, "%s", status_message());
        return record_add_note(r, "no measured energy: %s", why);
    }
    TRY(record_set(&r->energy_measured_kind, counter->kind));
    TRY(record_set(&r->energy_measured_counter, counter->name));
    r->energy_measured_uj = result.gross_j * uj;
    r->energy_measured_range_uj[0] = result.gross_lo_j * uj;
    r->energy_measured_range_uj[1] = result.gross_hi_j * uj;
    r->energy_measured_net_uj = result.net_j * uj;
    r->energy_measured_idle_w = result.idle_w;
    r->energy_measured_windows = result.windows;
    return ST_OK;
}
