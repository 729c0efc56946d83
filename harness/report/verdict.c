#include "report/verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "report/text.h"

/* Ranges that surveys and toolkits quote for small CNNs and MLPs on CPUs; docs: shared by tables and plots. */
static const struct expectation expectations[] = {
    {"ptq", 4, 4, 3.9, 2, 4, 1.0, 1},
    {"qat", 4, 4, 3.9, 2, 4, 0.5, 0},
    {"pruned", 2, 10, 2, 1, 3, 1.0, 0},
    {"combined", 20, 40, 20, 5, 10, 2.0, 0},
};

const char expectation_note[] = "Expected (classic figures from the literature): PTQ 4× smaller, 2–4× faster, at most "
                                "1 pp lost; QAT the same with less than 0.5 pp "
                                "lost; "
                                "pruning 2–10× smaller, 1–3× faster, less than 1 pp lost; combined 20–40× smaller, "
                                "5–10× faster, less than 2 pp lost. The lower end "
                                "decides, on the point estimate and before rounding; 4× smaller counts from 3.9×, "
                                "because biases, scales and the graph in the file "
                                "do not shrink fourfold.";

const struct expectation *expectation_at(int i)
{
    return i >= 0 && i < (int)(sizeof expectations / sizeof *expectations) ? &expectations[i] : NULL;
}

const struct expectation *expectation_find(const char *family)
{
    for (int i = 0; family && expectation_at(i); i++)
        if (strcmp(expectations[i].family, family) == 0)
            return &expectations[i];
    return NULL;
}

const char *verdict_word(enum verdict_kind kind)
{
    switch (kind) {
    case VERDICT_BASELINE:
        return "baseline";
    case VERDICT_REACHED:
        return "reached";
    case VERDICT_MISSED:
        return "not reached";
    case VERDICT_OPEN:
        break;
    }
    return "open";
}

void verdict_free(struct verdict *verdict)
{
    free(verdict->because);
    memset(verdict, 0, sizeof *verdict);
}

/* ------------------------------------------------------------------------------------ where time goes */

/* Time of all steps that carry a layer's name; NaN when there is none. */
static double layer_ns(const struct record *record, const char *name)
{
    double ns = 0.0;
    int found = 0;

    for (size_t i = 0; record && i < record->kernels_n; i++)
        if (record->kernels[i].name && strcmp(record->kernels[i].name, name) == 0 && isfinite(record->kernels[i].ns)) {
            ns += record->kernels[i].ns;
            found = 1;
        }
    return found ? ns : NAN;
}

static double total_ns(const struct record *record)
{
    double ns = 0.0;

    for (size_t i = 0; record && i < record->kernels_n; i++)
        if (isfinite(record->kernels[i].ns))
            ns += record->kernels[i].ns;
    return ns;
}

/* The step that takes most of a layer's time says why. */
static const char *layer_reason(const struct record *record, const char *name)
{
    double most = -1.0;
    const char *reason = NULL;

    for (size_t i = 0; i < record->kernels_n; i++) {
        const struct record_layer *k = &record->kernels[i];
        if (k->name && strcmp(k->name, name) == 0 && k->ns > most) {
            most = k->ns;
            reason = k->reason;
        }
    }
    return reason && *reason ? reason : NULL;
}

/* Words about the layer that stands most in the way of `target`: the one with the most time above
 * (its FP32 time / target). */
static void explain_speed(const struct record *row, const struct record *fp32, double target, struct text *out)
{
    double total = total_ns(row), worst = 0.0;
    const char *layer = NULL, *reason;
    char a[32];

    for (size_t i = 0; i < row->kernels_n; i++) {
        const char *name = row->kernels[i].name;
        double here, there;
        if (!name)
            continue;
        here = layer_ns(row, name);
        there = layer_ns(fp32, name);
        here -= isfinite(there) ? there / target : 0.0;
        if (here > worst) {
            worst = here;
            layer = name;
        }
    }
    if (!layer || !(total > 0.0)) {
        text_add(out, "; no per-layer times were recorded");
        return;
    }
    text_addf(out, ", because %s takes %.0f %% of the time", layer, 100.0 * layer_ns(row, layer) / total);
    if (isfinite(layer_ns(fp32, layer)) && layer_ns(row, layer) > 0.0)
        text_addf(out, " and gains only %s×", format_sig(layer_ns(fp32, layer) / layer_ns(row, layer), 2, a));
    else if (fp32 && fp32->kernels_n > 0)
        text_add(out, " and has no counterpart in FP32");
    reason = layer_reason(row, layer);
    if (reason)
        text_addf(out, " (%s)", reason);
}

static void explain_size(const struct record *row, struct text *out)
{
    const struct record_tensor *big = NULL;

    for (size_t i = 0; i < row->tensors_n; i++)
        if (row->tensors[i].name && row->tensors[i].bytes > 0 && (!big || row->tensors[i].bytes > big->bytes))
            big = &row->tensors[i];
    if (!big || row->size_file_bytes <= 0)
        return;
    text_addf(out, ", because %s is %.0f %% of the file", big->name,
              100.0 * (double)big->bytes / (double)row->size_file_bytes);
    text_addf(out, " (%s", big->encoding ? big->encoding : "encoding not recorded");
    if (big->count > 0 && big->nonzeros >= 0)
        text_addf(out, ", %.0f %% zeros, %.1f bits per element",
                  100.0 * (1.0 - (double)big->nonzeros / (double)big->count),
                  8.0 * (double)big->bytes / (double)big->count);
    text_add(out, ")");
}

/* The stage of the ledger that loses most. */
static void explain_accuracy(const struct record *row, struct text *out)
{
    const struct record_ledger *worst = NULL;
    double most = 0.0;

    for (size_t i = 1; i < row->ledger_n; i++) {
        double lost = row->ledger[i - 1].accuracy - row->ledger[i].accuracy;
        if (row->ledger[i].stage && lost > most) {
            most = lost;
            worst = &row->ledger[i];
        }
    }
    if (worst) {
        text_addf(out, ", because the stage \"%s\" alone loses %.2f pp", worst->stage, 100.0 * most);
        if (worst->flips >= 0)
            text_addf(out, " and changes %lld predictions", (long long)worst->flips);
    }
}

/* ------------------------------------------------------------------------------------ the three limits */

static void sentence(struct text *out)
{
    if (out->len > 0)
        text_add(out, "; ");
}

static int judge_size(const struct record *row, const struct expectation *e, struct text *out)
{
    char a[32];

    if (!isfinite(row->size_ratio)) {
        sentence(out);
        text_add(out, "no file size recorded");
        return -1;
    }
    if (row->size_ratio >= e->size_accept)
        return 1;
    sentence(out);
    text_addf(out, "%s× smaller where %g× is expected", format_sig(row->size_ratio, 3, a), e->size_lo);
    explain_size(row, out);
    return 0;
}

static int judge_speed(const struct record *row, const struct record *fp32, const struct expectation *e,
                       struct text *out)
{
    double speed = row->speedup_vs_fp32_simd;
    const double *ci = row->speedup_ci95;
    char a[32];

    if (!isfinite(speed)) {
        sentence(out);
        text_add(out, "no speed-up recorded");
        return -1;
    }
    if (speed >= e->speed_lo)
        return 1;
    sentence(out);
    text_addf(out, "%s× as fast where %g× is expected", format_sig(speed, 3, a), e->speed_lo);
    if (isfinite(ci[1]) && ci[1] >= e->speed_lo)
        text_addf(out, " (the interval %s includes it)", format_range(ci, 3, a));
    explain_speed(row, fp32, e->speed_lo, out);
    return 0;
}

static int judge_accuracy(const struct record *row, const struct expectation *e, struct text *out)
{
    /* 1e-9: the difference of two fractions times 100 is not exact; a loss of exactly 1.00 pp must not hang on it. */
    double loss = -row->accuracy_delta_pp;
    char a[32];

    if (!isfinite(loss)) {
        sentence(out);
        text_add(out, "no accuracy against FP32 recorded");
        return -1;
    }
    if (e->loss_inclusive ? loss <= e->loss_pp + 1e-9 : loss < e->loss_pp - 1e-9)
        return 1;
    sentence(out);
    text_addf(out, "%s pp lost where %s %g is expected", format_fixed(loss, 2, a),
              e->loss_inclusive ? "at most" : "less than", e->loss_pp);
    explain_accuracy(row, out);
    return 0;
}

enum status verdict_make(const struct record *row, const struct record *fp32, struct verdict *out)
{
    const struct expectation *e = expectation_find(row->family);
    struct verdict verdict = {VERDICT_OPEN, -1, -1, -1, NULL};
    struct text why = {0};
    size_t len;

    if (!e) {
        verdict.kind = row->family && strcmp(row->family, "fp32") == 0 ? VERDICT_BASELINE : VERDICT_OPEN;
        if (verdict.kind == VERDICT_OPEN)
            text_addf(&why, "no expectation for the family \"%s\"", row->family ? row->family : "");
    } else if (!report_ok(row)) {
        text_addf(&why, "%s: %s", row->status, row->reason ? row->reason : "no reason recorded");
    } else {
        verdict.size = judge_size(row, e, &why);
        verdict.speed = judge_speed(row, fp32, e, &why);
        verdict.accuracy = judge_accuracy(row, e, &why);
        if (verdict.size == 0 || verdict.speed == 0 || verdict.accuracy == 0)
            verdict.kind = VERDICT_MISSED;
        else if (verdict.size == 1 && verdict.speed == 1 && verdict.accuracy == 1)
            verdict.kind = VERDICT_REACHED;
    }
    if (why.len > 0)
        TRY(text_take(&why, &verdict.because, &len));
    *out = verdict;
    return ST_OK;
}
