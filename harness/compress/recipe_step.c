#include "compress/recipe_step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compress/prune.h"
#include "io/plk.h"

enum { PATH_BYTES = 256 };

/* Where keys are read from: the step, then the model's overrides, which win. Both are checked. */
struct source {
    const struct json *doc;
    const cJSON *step, *over; /* over: NULL without overrides */
    char path[PATH_BYTES], over_path[PATH_BYTES];
};

static const char *const op_names[] = {"init", "train", "finetune", "prune", "ptq", "qat", "pack"};
static const char *const optimizer_names[] = {"adam", "sgd", NULL};
static const char *const kind_names[] = {"unstructured", "channels", "blocks", NULL};
static const char *const scope_names[] = {"layerwise", "global", NULL};
static const char *const mode_names[] = {"static", "dynamic", NULL};
static const char *const calibrator_names[] = {"minmax", "percentile", "mse", NULL};
static const char *const ranges_names[] = {"ema", "lsq", NULL};
static const char *const weights_names[] = {"max", "mse", NULL};

#define TRAIN_KEYS                                                                                                     \
    "batch", "optimizer", "lr", "lr_end", "warmup", "momentum", "weight_decay", "label_smoothing", "ema", "flip",      \
        "shift"
#define DISTILL_KEYS "distill_weight", "temperature"

/* "step" and "models" first: overrides may have all but these. */
static const char *const init_keys[] = {"step", "models", "comment", NULL};
static const char *const train_keys[] = {"step", "models", "comment", "epochs", TRAIN_KEYS, NULL};
static const char *const finetune_keys[] = {"step", "models", "comment", "epochs", TRAIN_KEYS, DISTILL_KEYS, NULL};
static const char *const prune_keys[] = {"step",     "models", "comment", "kind",     "sparsity",   "scope", "schedule",
                                         "round_to", "block",  "epochs",  TRAIN_KEYS, DISTILL_KEYS, NULL};
static const char *const ptq_keys[] = {"step",       "models", "comment", "mode",        "calibrator",
                                       "percentile", "images", "weights", "weight_bits", NULL};
static const char *const qat_keys[] = {"step",   "models",   "comment",    "ranges", "weight_bits",
                                       "epochs", TRAIN_KEYS, DISTILL_KEYS, NULL};
static const char *const pack_keys[] = {"step", "models", "comment", "entropy", "dense", NULL};
static const char *const *const op_keys[] = {init_keys, train_keys, finetune_keys, prune_keys,
                                             ptq_keys,  qat_keys,   pack_keys};

const char *recipe_op_name(enum recipe_op op)
{
    return op_names[op];
}

static int given(const struct source *source, const char *key)
{
    return cJSON_HasObjectItem(source->step, key) || (source->over && cJSON_HasObjectItem(source->over, key));
}

static enum status require(const struct source *source, const char *key)
{
    return given(source, key) ? ST_OK : json_error(source->doc, source->path, key, "missing");
}

static enum status read_int(const struct source *source, const char *key, long lo, long hi, int *io)
{
    long value = *io;

    TRY(json_opt_int(source->doc, source->step, source->path, key, lo, hi, &value));
    if (source->over)
        TRY(json_opt_int(source->doc, source->over, source->over_path, key, lo, hi, &value));
    *io = (int)value;
    return ST_OK;
}

static enum status read_real(const struct source *source, const char *key, double lo, double hi, double *io)
{
    TRY(json_opt_real(source->doc, source->step, source->path, key, lo, hi, io));
    return source->over ? json_opt_real(source->doc, source->over, source->over_path, key, lo, hi, io) : ST_OK;
}

static enum status read_float(const struct source *source, const char *key, double lo, double hi, float *io)
{
    double value = (double)*io;

    TRY(read_real(source, key, lo, hi, &value));
    if (given(source, key))
        *io = (float)value;
    return ST_OK;
}

static enum status read_bool(const struct source *source, const char *key, int *io)
{
    TRY(json_opt_bool(source->doc, source->step, source->path, key, io));
    return source->over ? json_opt_bool(source->doc, source->over, source->over_path, key, io) : ST_OK;
}

/* One of `names`; *io becomes its index. */
static enum status choose(const struct json *doc, const cJSON *object, const char *path, const char *key,
                          const char *const *names, int *io)
{
    const char *text = NULL;
    char list[128] = "";
    size_t used = 0;

    TRY(json_opt_text(doc, object, path, key, &text));
    if (!text)
        return ST_OK;
    for (int i = 0; names[i]; i++) {
        if (strcmp(names[i], text) == 0) {
            *io = i;
            return ST_OK;
        }
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    }
    return json_error(doc, path, key, "'%.40s', expected one of: %s", text, list);
}

static enum status read_name(const struct source *source, const char *key, const char *const *names, int *io)
{
    TRY(choose(source->doc, source->step, source->path, key, names, io));
    return source->over ? choose(source->doc, source->over, source->over_path, key, names, io) : ST_OK;
}

/* The first of `keys` that is given is an error: it would be ignored. */
static enum status refuse(const struct source *source, const char *const *keys, const char *why)
{
    for (int i = 0; keys[i]; i++)
        if (given(source, keys[i]))
            return json_error(source->doc,
                              cJSON_HasObjectItem(source->step, keys[i]) ? source->path : source->over_path, keys[i],
                              "%s", why);
    return ST_OK;
}

static enum status parse_train(const struct source *source, int least_epochs, struct train_options *out)
{
    int optimizer;

    train_defaults(out);
    optimizer = (int)out->optimizer;
    out->seed = 0;
    out->epochs = 0;
    if (least_epochs > 0)
        TRY(require(source, "epochs"));
    TRY(read_int(source, "epochs", least_epochs, 10000, &out->epochs));
    TRY(read_int(source, "batch", 1, 4096, &out->batch));
    TRY(read_name(source, "optimizer", optimizer_names, &optimizer));
    out->optimizer = optimizer == 0 ? TRAIN_ADAM : TRAIN_SGD;
    TRY(read_float(source, "lr", 1e-9, 10, &out->lr));
    if (given(source, "lr"))
        out->lr_end = out->lr / 100;
    TRY(read_float(source, "lr_end", 0, 10, &out->lr_end));
    if (out->lr_end > out->lr)
        return json_error(source->doc, source->path, "lr_end", "%g is more than lr, %g", (double)out->lr_end,
                          (double)out->lr);
    TRY(read_float(source, "warmup", 0, 0.5, &out->warmup));
    TRY(read_float(source, "momentum", 0, 0.9999, &out->momentum));
    TRY(read_float(source, "weight_decay", 0, 1, &out->weight_decay));
    TRY(read_float(source, "label_smoothing", 0, 0.9, &out->label_smoothing));
    TRY(read_float(source, "ema", 0, 0.99999, &out->ema));
    TRY(read_bool(source, "flip", &out->flip));
    TRY(read_int(source, "shift", 0, 16, &out->shift));
    TRY(read_float(source, "distill_weight", 0, 1, &out->distill_weight));
    TRY(read_float(source, "temperature", 0.1, 100, &out->temperature));
    return ST_OK;
}

/* "8x1": outputs by inputs. */
static enum status read_block(const struct source *source, struct recipe_step *out)
{
    const cJSON *over = source->over ? cJSON_GetObjectItemCaseSensitive(source->over, "block") : NULL;
    const cJSON *object = over ? source->over : source->step;
    const char *path = over ? source->over_path : source->path, *text = NULL;
    char rest;

    TRY(require(source, "block"));
    TRY(json_text(source->doc, object, path, "block", &text));
    if (sscanf(text, "%2dx%2d%c", &out->block_rows, &out->block_cols, &rest) != 2 || out->block_rows < 1 ||
        out->block_cols < 1 || out->block_rows > PRUNE_MAX_BLOCK || out->block_cols > PRUNE_MAX_BLOCK)
        return json_error(source->doc, path, "block",
                          "'%.20s', expected outputs x inputs, such as \"8x1\", each from 1 to %d", text,
                          PRUNE_MAX_BLOCK);
    return ST_OK;
}

static enum status parse_prune(const struct source *source, struct recipe_step *out)
{
    static const char *const not_channels[] = {"scope", "schedule", "block", NULL};
    static const char *const channels_only[] = {"round_to", NULL};
    static const char *const blocks_only[] = {"block", NULL};
    static const char *const training[] = {TRAIN_KEYS, DISTILL_KEYS, "schedule", NULL};
    int kind = 0, scope = (int)RECIPE_GLOBAL;

    TRY(require(source, "kind"));
    TRY(require(source, "sparsity"));
    TRY(read_name(source, "kind", kind_names, &kind));
    TRY(read_name(source, "scope", scope_names, &scope));
    out->kind = (enum recipe_kind)kind;
    TRY(read_real(source, "sparsity", 0.01, 0.99, &out->sparsity));
    TRY(parse_train(source, 0, &out->train));
    if (out->train.epochs == 0) {
        TRY(refuse(source, training, "needs at least one epoch; without epochs the pruning is one shot"));
        memset(&out->train, 0, sizeof out->train);
    }
    if (out->kind == RECIPE_CHANNELS) {
        out->round_to = 1;
        TRY(refuse(source, not_channels, "not for kind channels"));
        return read_int(source, "round_to", 1, 1024, &out->round_to);
    }
    TRY(refuse(source, channels_only, "only for kind channels"));
    if (out->kind == RECIPE_BLOCKS)
        TRY(read_block(source, out));
    else
        TRY(refuse(source, blocks_only, "only for kind blocks"));
    out->scope = scope == 0 ? RECIPE_LAYERWISE : RECIPE_GLOBAL;
    out->schedule = out->train.epochs > 0 ? 0.6 : 0;
    return read_real(source, "schedule", 0, 1, &out->schedule);
}

/* 8 unless the step says 4. */
static enum status read_weight_bits(const struct source *source, int *out)
{
    int over = source->over && cJSON_HasObjectItem(source->over, "weight_bits"), bits = 8;

    TRY(read_int(source, "weight_bits", 1, 8, &bits));
    if (bits != 8 && bits != 4)
        return json_error(source->doc, over ? source->over_path : source->path, "weight_bits", "%d, expected 8 or 4",
                          bits);
    *out = bits;
    return ST_OK;
}

static enum status parse_ptq(const struct source *source, struct recipe_step *out)
{
    static const char *const static_only[] = {"calibrator", "percentile", "images", "weight_bits", NULL};
    static const char *const percentile_only[] = {"percentile", NULL};
    int mode = 0, method = (int)CALIBRATE_MINMAX, weights = 0;

    TRY(require(source, "mode"));
    TRY(read_name(source, "mode", mode_names, &mode));
    TRY(read_name(source, "weights", weights_names, &weights));
    TRY(read_name(source, "calibrator", calibrator_names, &method));
    TRY(read_weight_bits(source, &out->weight_bits));
    out->weights_mse = weights;
    out->dynamic = mode == 1;
    if (out->dynamic)
        return refuse(source, static_only, "only for mode static");
    out->calibrate.method = (enum calibrate_method)method;
    out->calibrate.images = 1024;
    TRY(read_int(source, "images", 1, 10000000, &out->calibrate.images));
    if (out->calibrate.method != CALIBRATE_PERCENTILE)
        return refuse(source, percentile_only, "only for calibrator percentile");
    out->calibrate.percentile = 99.99;
    return read_real(source, "percentile", 50, 100, &out->calibrate.percentile);
}

static enum status parse_pack(const struct source *source, struct recipe_step *out)
{
    int entropy = 0, dense = 0;

    TRY(read_bool(source, "entropy", &entropy));
    TRY(read_bool(source, "dense", &dense));
    if (entropy && dense)
        return json_error(source->doc, source->path, "dense", "excludes entropy: a dense file is the uncoded one");
    out->pack_flags = (entropy ? PLK_ENTROPY : 0) | (dense ? PLK_DENSE : 0);
    return ST_OK;
}

/* Checks the keys of the step and of every override; *out_over is the one for `model`. */
static enum status check_keys(struct source *source, enum recipe_op op, const char *model)
{
    const cJSON *models = cJSON_GetObjectItemCaseSensitive(source->step, "models"), *over;
    char path[PATH_BYTES];

    TRY(json_keys(source->doc, source->step, source->path, op_keys[op]));
    if (!models)
        return ST_OK;
    if (!cJSON_IsObject(models))
        return json_error(source->doc, source->path, "models", "expected an object: model names and their overrides");
    cJSON_ArrayForEach (over, models) {
        if (snprintf(path, sizeof path, "%s.models.%s", source->path, over->string) >= (int)sizeof path)
            return json_error(source->doc, source->path, "models", "a model name is too long");
        for (const cJSON *other = over->next; other; other = other->next)
            if (strcmp(other->string, over->string) == 0)
                return json_error(source->doc, path, "", "given twice");
        TRY(json_keys(source->doc, over, path, op_keys[op] + 2));
        if (model && strcmp(over->string, model) == 0) {
            source->over = over;
            memcpy(source->over_path, path, sizeof path);
        }
    }
    return ST_OK;
}

enum status recipe_step_parse(const struct json *doc, const cJSON *step, const char *path, const char *model,
                              struct recipe_step *out)
{
    struct source source = {.doc = doc, .step = step};
    struct recipe_step parsed = {0};
    const char *name = NULL;
    int op = 0, ranges = 0;

    if (snprintf(source.path, sizeof source.path, "%s", path) >= (int)sizeof source.path)
        return json_error(doc, path, "", "the path is too long");
    if (!cJSON_IsObject(step))
        return json_error(doc, path, "", "expected an object");
    TRY(json_text(doc, step, path, "step", &name));
    while (op < (int)(sizeof op_names / sizeof op_names[0]) && strcmp(op_names[op], name) != 0)
        op++;
    if (op == (int)(sizeof op_names / sizeof op_names[0]))
        return json_error(doc, path, "step", "'%.40s', expected one of: init, train, finetune, prune, ptq, qat, pack",
                          name);
    parsed.op = (enum recipe_op)op;
    TRY(check_keys(&source, parsed.op, model));
    switch (parsed.op) {
    case RECIPE_INIT:
        break;
    case RECIPE_TRAIN:
    case RECIPE_FINETUNE:
        TRY(parse_train(&source, 1, &parsed.train));
        break;
    case RECIPE_PRUNE:
        TRY(parse_prune(&source, &parsed));
        break;
    case RECIPE_PTQ:
        TRY(parse_ptq(&source, &parsed));
        break;
    case RECIPE_QAT:
        TRY(read_name(&source, "ranges", ranges_names, &ranges));
        TRY(parse_train(&source, 1, &parsed.train));
        TRY(read_weight_bits(&source, &parsed.weight_bits));
        parsed.train.qat = 1;
        parsed.train.weight_bits = parsed.weight_bits;
        parsed.train.ranges = ranges == 0 ? TRAIN_RANGES_EMA : TRAIN_RANGES_LSQ;
        break;
    case RECIPE_PACK:
        TRY(parse_pack(&source, &parsed));
        break;
    }
    *out = parsed;
    return ST_OK;
}

static int train_text(const struct train_options *t, char *out, size_t size)
{
    return snprintf(out, size,
                    "epochs=%d batch=%d optimizer=%s lr=%.9g lr_end=%.9g warmup=%.9g momentum=%.9g weight_decay=%.9g "
                    "label_smoothing=%.9g ema=%.9g flip=%d shift=%d distill_weight=%.9g temperature=%.9g",
                    t->epochs, t->batch, optimizer_names[t->optimizer], (double)t->lr, (double)t->lr_end,
                    (double)t->warmup, (double)t->momentum, (double)t->weight_decay, (double)t->label_smoothing,
                    (double)t->ema, t->flip, t->shift, (double)t->distill_weight, (double)t->temperature);
}

int recipe_step_text(const struct recipe_step *step, char *out, size_t size)
{
    char train[RECIPE_STEP_TEXT - 160];
    const char *bits = step->weight_bits == 4 ? " weight_bits=4" : ""; /* 8 adds nothing: results cached so far hold */

    train_text(&step->train, train, sizeof train);
    switch (step->op) {
    case RECIPE_PRUNE:
        if (step->train.epochs == 0)
            snprintf(train, sizeof train, "epochs=0");
        if (step->kind == RECIPE_CHANNELS)
            return snprintf(out, size, "prune channels sparsity=%.17g round_to=%d %s", step->sparsity, step->round_to,
                            train);
        if (step->kind == RECIPE_BLOCKS)
            return snprintf(out, size, "prune blocks %dx%d sparsity=%.17g scope=%s schedule=%.17g %s", step->block_rows,
                            step->block_cols, step->sparsity, scope_names[step->scope], step->schedule, train);
        return snprintf(out, size, "prune unstructured sparsity=%.17g scope=%s schedule=%.17g %s", step->sparsity,
                        scope_names[step->scope], step->schedule, train);
    case RECIPE_PTQ:
        if (step->dynamic)
            return snprintf(out, size, "ptq dynamic weights=%s", weights_names[step->weights_mse]);
        return snprintf(out, size, "ptq static weights=%s%s calibrator=%s percentile=%.17g images=%d",
                        weights_names[step->weights_mse], bits, calibrator_names[step->calibrate.method],
                        step->calibrate.percentile, step->calibrate.images);
    case RECIPE_QAT:
        return snprintf(out, size, "qat ranges=%s%s %s", ranges_names[step->train.ranges], bits, train);
    case RECIPE_PACK:
        return snprintf(out, size, "pack entropy=%d dense=%d", (step->pack_flags & PLK_ENTROPY) != 0,
                        (step->pack_flags & PLK_DENSE) != 0);
    case RECIPE_INIT:
        return snprintf(out, size, "init");
    case RECIPE_TRAIN:
    case RECIPE_FINETUNE:
        break;
    }
    return snprintf(out, size, "%s %s", op_names[step->op], train);
}
