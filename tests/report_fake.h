/* A run as it could be, for tests and for looking at: two models, many recipes, reference and SIMD, batches 1 and 32.
 * Invented figures of a believable size, not measurements. */
#ifndef TESTS_REPORT_FAKE_H
#define TESTS_REPORT_FAKE_H

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
#include "report/record.h"

#define FAKE_OK(expr)                                                                                                  \
    do {                                                                                                               \
        if ((expr) != ST_OK)                                                                                           \
            fail_msg("%s: %s", #expr, status_message());                                                               \
    } while (0)

struct fake_recipe {
    const char *name, *family;
    double size, speed, energy, delta_pp, zeros;
    int bits;
};

static const struct fake_recipe fake_few[] = {
    {"fp32", "fp32", 1.0, 1.0, 1.0, 0.0, 0.0, 32},
    {"ptq-dyn-s8", "ptq", 3.94, 2.1, 5.2, -0.04, 0.01, 8},
    {"ptq-s8", "ptq", 3.96, 2.62, 7.9, -0.11, 0.01, 8},
    {"qat-s8", "qat", 3.97, 2.66, 7.9, 0.08, 0.02, 8},
    {"prune-u90", "pruned", 7.4, 2.3, 3.6, -0.35, 0.9, 32},
    {"prune-c50", "pruned", 2.8, 2.45, 2.7, -0.22, 0.0, 32},
    {"prune-u90+qat-s8", "combined", 24.5, 6.8, 22.0, -0.31, 0.9, 8},
    {"prune-c50+prune-u80+qat-s8", "combined", 39.2, 11.4, 30.0, -1.05, 0.8, 8},
};
static const struct fake_recipe fake_more[] = {
    {"prune-u50", "pruned", 1.8, 0.99, 1.0, 0.05, 0.5, 32},
    {"prune-u80", "pruned", 4.3, 1.31, 2.2, -0.07, 0.8, 32},
    {"prune-u95", "pruned", 13.1, 3.4, 5.2, -0.92, 0.95, 32},
    {"prune-c30", "pruned", 1.9, 1.62, 1.8, -0.09, 0.0, 32},
    {"prune-c70", "pruned", 6.9, 4.8, 5.1, -0.71, 0.0, 32},
    {"prune-b4x1-80", "pruned", 4.1, 2.9, 3.1, -0.13, 0.8, 32},
    {"prune-2of4", "pruned", 1.9, 1.3, 1.6, -0.02, 0.5, 32},
    {"qat-w4a8", "qat", 7.7, 2.64, 9.5, -0.19, 0.04, 4},
    {"prune-u80+qat-s8", "combined", 14.1, 4.3, 15.0, -0.08, 0.8, 8},
    {"prune-u95+qat-s8", "combined", 38.0, 9.1, 27.0, -0.97, 0.95, 8},
    {"prune-c30+qat-s8", "combined", 7.6, 4.1, 13.0, -0.12, 0.0, 8},
    {"prune-c50+qat-s8", "combined", 11.2, 6.4, 19.0, -0.29, 0.0, 8},
};

struct fake_model {
    const char *name;
    double bytes, accuracy, ns, ref_factor;
    int layers;
    const char *layer[5];
    double share[5], gain[5]; /* of FP32 time; exponent of the recipe's speed */
    double macs[5];
};

static const struct fake_model fake_models[] = {
    {"lenet-300-100",
     1066896,
     0.8992,
     26000,
     9.6,
     3,
     {"fc1", "fc2", "fc3"},
     {0.86, 0.11, 0.03},
     {1.05, 0.8, 0.3},
     {235200, 30000, 1000}},
    {"lenet5",
     1725552,
     0.9078,
     92000,
     21.0,
     5,
     {"conv1", "pool1", "conv2", "fc1", "fc2"},
     {0.22, 0.04, 0.42, 0.30, 0.02},
     {0.7, 0.2, 1.0, 1.1, 0.4},
     {288000, 0, 1600000, 400000, 5000}},
};

/* Small differences that look measured, the same each time. */
static double fake_wobble(const char *text, int salt)
{
    uint32_t h = 2166136261u + (uint32_t)salt * 97u;

    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    h ^= h >> 15;
    return (double)(h % 2001u) / 1000.0 - 1.0;
}

static void fake_layers(struct record *r, const struct fake_model *m, const struct fake_recipe *recipe, int simd,
                        double total)
{
    double sum = 0.0, part[6];
    int n = m->layers, helper = recipe->bits < 32;

    for (int i = 0; i < n; i++)
        sum += part[i] = m->share[i] / pow(recipe->speed, simd ? m->gain[i] : 0.4 * m->gain[i]);
    FAKE_OK(record_layers_alloc(r, (size_t)(n + helper)));
    if (helper) {
        FAKE_OK(record_set(&r->kernels[0].name, "input"));
        FAKE_OK(record_set(&r->kernels[0].kernel, simd ? "kn_quantize_f32_u8__avx2" : "kn_quantize_f32_u8__ref"));
        FAKE_OK(record_set(&r->kernels[0].reason, "converts the input"));
        r->kernels[0].ns = 0.03 * total;
    }
    for (int i = 0; i < n; i++) {
        struct record_layer *k = &r->kernels[i + helper];
        int sparse = recipe->zeros >= 0.8;
        FAKE_OK(record_set(&k->name, m->layer[i]));
        FAKE_OK(record_setf(&k->kernel, "kn_%s_%s__%s",
                            m->macs[i] <= 0 ? "maxpool"
                            : sparse        ? "spmv"
                                            : "gemm",
                            recipe->bits < 32 ? "u8s8" : "f32", simd ? "avx2_6x16" : "ref"));
        if (sparse)
            FAKE_OK(record_setf(&k->reason, "sparse: %.0f %% zeros, pays from 55 %%", 100.0 * recipe->zeros));
        else if (recipe->zeros > 0.3)
            FAKE_OK(record_setf(&k->reason, "dense: %.0f %% zeros, sparse pays from 55 %%", 100.0 * recipe->zeros));
        else
            FAKE_OK(record_set(&k->reason, "dense"));
        k->ns = (helper ? 0.97 : 1.0) * total * part[i] / sum;
        k->macs_nominal = (int64_t)m->macs[i];
        k->macs_executed = (int64_t)(m->macs[i] * (sparse ? 1.0 - recipe->zeros : 1.0));
        k->weight_bytes = (int64_t)(m->macs[i] * recipe->bits / 8.0);
        k->input_bytes = 3136;
        k->output_bytes = 1200;
        k->weight_bits = m->macs[i] > 0 ? recipe->bits : 0;
        k->sparsity = m->macs[i] > 0 ? recipe->zeros : NAN;
    }
}

static void fake_accuracy(struct record *r, const struct fake_model *m, const struct fake_recipe *recipe)
{
    static const char *const stages[] = {"fp32", "folded", "simulated", "integer reference", "simd"};
    double half, delta = recipe->delta_pp;
    int base = strcmp(recipe->name, "fp32") == 0;

    r->accuracy_n = 10000;
    r->accuracy_top1 = nearbyint((m->accuracy + delta / 100.0) * 1e4) / 1e4;
    half = 1.96 * sqrt(r->accuracy_top1 * (1.0 - r->accuracy_top1) / 10000.0);
    r->accuracy_ci95[0] = r->accuracy_top1 - half;
    r->accuracy_ci95[1] = r->accuracy_top1 + half;
    r->accuracy_valid = r->accuracy_top1 + 0.004;
    r->accuracy_delta_pp = delta;
    r->accuracy_delta_ci95[0] = base ? 0.0 : delta - 0.21;
    r->accuracy_delta_ci95[1] = base ? 0.0 : delta + 0.21;
    r->accuracy_p_mcnemar = base ? 1.0 : exp(-8.0 * fabs(delta));
    r->accuracy_lost = base ? 0 : (int64_t)(60.0 - 50.0 * fmin(delta, 0.0));
    r->accuracy_gained = base ? 0 : (int64_t)(60.0 + 50.0 * fmin(delta, 0.0));
    FAKE_OK(record_ledger_alloc(r, 5));
    for (int i = 0; i < 5; i++) {
        FAKE_OK(record_set(&r->ledger[i].stage, stages[i]));
        r->ledger[i].accuracy = r->accuracy_valid - (i < 2 ? delta / 100.0 : 0.0);
        r->ledger[i].n = 6000;
        r->ledger[i].flips = i == 0 ? RECORD_NONE : i == 2 && !base ? 37 : 0;
    }
}

/* One cell. The record is to be freed. */
static void fake_record(const struct fake_model *m, const struct fake_recipe *recipe, int simd, int batch,
                        struct record *r)
{
    double wobble, per_batch = batch == 1 ? 1.0 : 0.42;

    record_init(r);
    FAKE_OK(record_set(&r->model, m->name));
    FAKE_OK(record_set(&r->config, recipe->name));
    FAKE_OK(record_set(&r->family, recipe->family));
    FAKE_OK(record_set(&r->kernel, simd ? "simd" : "ref"));
    FAKE_OK(record_set(&r->isa, simd ? "avx2" : "ref"));
    FAKE_OK(record_set(&r->suite, "quick"));
    FAKE_OK(record_set(&r->status, "ok"));
    r->threads = 1;
    r->batch = batch;
    r->seed = 1;
    FAKE_OK(record_set_cell(r));
    wobble = 1.0 + 0.02 * fake_wobble(r->cell, 1);
    r->size_fp32_bytes = (int64_t)m->bytes;
    r->size_file_bytes = (int64_t)(m->bytes / recipe->size);
    r->size_ratio = (double)r->size_fp32_bytes / (double)r->size_file_bytes;
    r->sparsity = recipe->zeros;
    r->ram_peak_bytes = 8192 * batch;
    r->macs_nominal = r->macs_executed = 0;
    for (int i = 0; i < m->layers; i++) {
        r->macs_nominal += (int64_t)m->macs[i];
        r->macs_executed += (int64_t)(m->macs[i] * (recipe->zeros >= 0.8 ? 1.0 - recipe->zeros : 1.0));
    }
    r->speedup_vs_fp32_simd = simd ? recipe->speed : pow(recipe->speed, 0.4) / m->ref_factor;
    if (strcmp(recipe->name, "fp32") == 0 && simd)
        wobble = 1.0;
    r->speedup_vs_fp32_simd *= wobble;
    r->speedup_ci95[0] = r->speedup_vs_fp32_simd * 0.985;
    r->speedup_ci95[1] = r->speedup_vs_fp32_simd * 1.012;
    r->latency_ns_median = per_batch * m->ns / r->speedup_vs_fp32_simd;
    r->latency_ns_p10 = r->latency_ns_median * 0.97;
    r->latency_ns_p90 = r->latency_ns_median * 1.09;
    r->latency_ns_ci95[0] = r->latency_ns_median * 0.982;
    r->latency_ns_ci95[1] = r->latency_ns_median * 1.017;
    r->latency_n = r->latency_samples_kept = 96 + (int64_t)(20.0 * fake_wobble(r->cell, 2));
    r->latency_samples_dropped = 11;
    if (simd) {
        r->speedup_simd_vs_ref = pow(recipe->speed, 0.6) * m->ref_factor;
        r->speedup_simd_vs_ref_ci95[0] = r->speedup_simd_vs_ref * 0.98;
        r->speedup_simd_vs_ref_ci95[1] = r->speedup_simd_vs_ref * 1.02;
    }
    r->energy_proxy_ratio = recipe->energy;
    r->energy_cpu_ratio = simd ? pow(recipe->energy, 0.5) : 0.15;
    r->energy_proxy_nj = 1800.0 / recipe->energy;
    r->energy_cpu_nj = 5000.0 / r->energy_cpu_ratio;
    FAKE_OK(record_set(&r->energy_kind, "modelled"));
    FAKE_OK(record_set(&r->energy_model, "H45-v1"));
    fake_accuracy(r, m, recipe);
    fake_layers(r, m, recipe, simd, r->latency_ns_median);
    FAKE_OK(record_tensors_alloc(r, 1));
    FAKE_OK(record_setf(&r->tensors[0].name, "%s.weight", "fc1"));
    FAKE_OK(record_set(&r->tensors[0].encoding, recipe->zeros > 0.4 ? "bitmap+ec" : "dense"));
    r->tensors[0].bytes = (int64_t)(0.8 * (double)r->size_file_bytes);
    r->tensors[0].count = 235200;
    r->tensors[0].nonzeros = (int64_t)(235200.0 * (1.0 - recipe->zeros));
}

static void fake_append(const char *dir, const struct record *r)
{
    char path[512], *line;
    size_t len;
    FILE *file;

    FAKE_OK(record_write(r, &line, &len));
    snprintf(path, sizeof path, "%s/records.jsonl", dir);
    file = fopen(path, "ab");
    if (!file || fwrite(line, 1, len, file) != len || fclose(file) != 0)
        fail_msg("%s: cannot be written", path);
    free(line);
}

static const char fake_env[] =
    "{\"schema\":\"packlight.env/1\",\"cpu\":{\"brand\":\"Example CPU 3000, 2 cores\"},\"system\":{\"kernel\":\"6.1\"},"
    "\"build\":{\"commit\":\"0123456789abcdef0123456789abcdef01234567\",\"dirty\":false,\"compiler\":\"gcc "
    "12.2.0\",\"flags\":\"-O2 -g "
    "-std=c11\"},"
    "\"warnings\":[\"another process used 12 % of a CPU while the facts were taken\"],"
    "\"run\":{\"suite\":\"quick\",\"data\":\"fashion-mnist\",\"isa\":\"avx2\",\"seeds\":[1],\"command\":\"packlight "
    "bench --suite quick\","
    "\"started\":\"2026-11-20T10:00:00Z\"}}\n";

/* A whole run into an existing empty folder: 8 recipes per model, or 20 with `many`. */
static void fake_run(const char *dir, int many)
{
    char path[512];
    size_t few = sizeof fake_few / sizeof *fake_few, more = many ? sizeof fake_more / sizeof *fake_more : 0;

    for (size_t m = 0; m < 2; m++)
        for (size_t i = 0; i < few + more; i++)
            for (int variant = 0; variant < 3; variant++) {
                struct record r;
                fake_record(&fake_models[m], i < few ? &fake_few[i] : &fake_more[i - few], variant > 0,
                            variant == 2 ? 32 : 1, &r);
                fake_append(dir, &r);
                record_free(&r);
            }
    snprintf(path, sizeof path, "%s/env.json", dir);
    FAKE_OK(file_write_atomic(path, fake_env, strlen(fake_env)));
}

#endif
