/* Recipes: an ordered list of steps that makes one variant of a model, from a suite's JSON.
 *
 *   "recipes": [
 *     {"name": "fp32", "steps": [{"step": "train", "epochs": 8, "models": {"lenet5": {"epochs": 4}}},
 *                                {"step": "pack"}]},
 *     {"name": "prune-u90+qat-s8", "from": "fp32",
 *      "steps": [{"step": "prune", "kind": "unstructured", "sparsity": 0.9, "epochs": 4},
 *                {"step": "qat", "epochs": 2}, {"step": "pack", "entropy": true}]} ]
 *
 *   TRY(recipe_check(&doc, recipes, "recipes", model_names));           // all of it, before anything runs
 *   TRY(recipe_parse(&doc, recipes, "recipes", i, graph.name, &recipe)); // "from" and overrides resolved
 *   TRY_OUT(recipe_run(&recipe, &graph, &context, &result));
 *   TRY_OUT(plk_write(&result.graph, path, result.pack_flags, &info));
 *   recipe_result_free(&result);
 *
 * "from" names another recipe of the same array, whose steps (without its pack) come first. "models" inside a step
 * overrides keys of that step for one model. "comment" is allowed everywhere. Steps and their keys (training defaults
 * are those of train_defaults, but lr_end is lr / 100 where lr is given; the others are in recipe_step.c):
 *
 *   init             random weights from the seed, no training: for time and size
 *   train, finetune  epochs batch optimizer(adam|sgd) lr lr_end warmup momentum weight_decay label_smoothing ema
 *                    flip shift distill_weight temperature      (distillation in finetune only)
 *   prune            kind(unstructured|channels|blocks) sparsity scope(layerwise|global, not channels)
 *                    schedule(not channels) round_to(channels only) block("8x1": outputs x inputs, blocks only), and
 *                    the keys of finetune; 0 epochs = one shot
 *   ptq              mode(static|dynamic) calibrator(minmax|percentile|mse) percentile images weights(max|mse)
 *                    weight_bits(8|4, static only)
 *   qat              ranges(ema|lsq) weight_bits(8|4), and the keys of finetune
 *   pack             entropy dense
 *
 * Batch normalizations exist during train only: its result, an init or a given model is folded (graph_fold.h). Order:
 * train or init first (or none: the given weights are the start), then finetune / prune, then at most one of ptq or
 * qat, then pack, which is last and always there. The teacher of a distillation is the float model as it stood before
 * the first prune or qat step.
 *
 * Names are a grammar: `fp32`, or parts joined by '+': prune-u<percent>, prune-c<percent>,
 * prune-b<outputs>x<inputs>-<percent>, then at most one of ptq-dyn-s8, ptq-s8, ptq-w4a8, qat-s8, qat-w4a8. A name must
 * say what the steps do, in their order.
 *
 * weight_bits 4 keeps weights in -7..7 and is stored as 8-bit tensors of such values (pack with entropy makes them
 * small); the first convolution, depthwise convolutions and the last layer keep 8 bits (graph_weight_steps in
 * graph_quant.h). */
#ifndef COMPRESS_RECIPE_H
#define COMPRESS_RECIPE_H

#include <signal.h>
#include <stdint.h>

#include "base/json.h"
#include "base/pool.h"
#include "compress/calibrate.h"
#include "graph/graph.h"
#include "io/dataset.h"
#include "train/train.h"

enum {
    RECIPE_NAME = 64,      /* longest name, with its NUL */
    RECIPE_MAX_STEPS = 16, /* of one recipe, those of "from" included */
    RECIPE_MAX = 256       /* recipes in one array */
};

enum recipe_op { RECIPE_INIT, RECIPE_TRAIN, RECIPE_FINETUNE, RECIPE_PRUNE, RECIPE_PTQ, RECIPE_QAT, RECIPE_PACK };
enum recipe_kind { RECIPE_UNSTRUCTURED, RECIPE_CHANNELS, RECIPE_BLOCKS };
enum recipe_scope { RECIPE_LAYERWISE, RECIPE_GLOBAL };

/* One step, checked, with every default and override filled in. Fields that the op does not use are zero. */
struct recipe_step {
    enum recipe_op op;
    struct train_options train; /* train, finetune, prune, qat; its pointers, seed and blas are set by recipe_run */
    enum recipe_kind kind;      /* prune */
    enum recipe_scope scope;    /* prune, unstructured and blocks */
    double sparsity;            /* prune: share of the weights (or of each layer's channels) that goes, 0..1 */
    int block_rows, block_cols; /* prune, blocks: outputs by inputs, 1..PRUNE_MAX_BLOCK */
    double schedule; /* prune, unstructured and blocks: share of the training over which sparsity grows, 0..1 */
    int round_to;    /* prune, channels: what is left is a multiple of this where possible; 1: any */
    int dynamic;     /* ptq: activation ranges at run time */
    struct calibrate_options calibrate; /* ptq static */
    int weights_mse; /* ptq: weight scales minimise the squared error instead of covering the maximum */
    int weight_bits; /* ptq, qat: 8, or 4 (train.weight_bits says the same) */
    int pack_flags;  /* pack: enum plk_flags */
};

struct recipe {
    char name[RECIPE_NAME];
    struct recipe_step step[RECIPE_MAX_STEPS];
    int steps;
};

struct recipe_context {
    const struct dataset_splits *data; /* trains on train, calibrates on train, measures on valid; never test */
    struct pool *pool;                 /* may be NULL */
    uint64_t seed;
    const char *cache_dir; /* results of steps are kept here; NULL: no cache. Created when missing */
    const char *model_sha; /* hash of the model's definition (and of its weights, if it comes with any) */
    enum train_blas blas;
    const volatile sig_atomic_t *stop; /* non-zero: ST_INTERRUPTED; may be NULL */
};

/* One line of the accuracy ledger; the integer stages are the driver's. */
struct recipe_stage {
    char name[32];     /* "fp32", "prune-c50", "prune-u80", "simulated" */
    double valid_top1; /* 0..1, on the validation split */
    int flips;         /* validation predictions that differ from the previous stage's; 0 for the first */
    double sparsity;   /* share of zeros in conv and fc weights */
    uint64_t parameters;
};

struct recipe_result {
    struct graph graph;     /* final and ready to pack: float, or integer (DT_S8 weights); owned */
    struct graph simulated; /* the float simulation that `graph` was converted from; owned */
    int has_simulated;
    int pack_flags; /* enum plk_flags */
    struct recipe_stage stage[RECIPE_MAX_STEPS];
    int stages;
    uint8_t *valid_predictions; /* (valid.n) of the last stage, for the flips of the next; owned */
    double sparsity;            /* of `graph` */
    int trained_steps;          /* steps computed now */
    int cached_steps;           /* steps whose result came from the cache */
    int damaged_steps;          /* cache files that were damaged and were made again */
    char warning[256];          /* the last trouble with the cache, for the user; "" without */
};

/* Checks a whole array of recipes, all overrides included: unknown keys, types, ranges, order of steps, names that
 * are given twice or disagree with their steps, `from` that is unknown or circular, overrides for a model that is not
 * in `models` (NULL-terminated; NULL: any model name is accepted). ST_FORMAT with file and key path. `path` is the
 * place of the array in the document, such as "recipes". */
enum status recipe_check(const struct json *doc, const cJSON *recipes, const char *path, const char *const *models);

/* Recipe `index` of the array for one model, `from` and overrides resolved. Errors as recipe_check. */
enum status recipe_parse(const struct json *doc, const cJSON *recipes, const char *path, int index, const char *model,
                         struct recipe *out);

/* Runs the steps on a copy of `model` (float; a `train` or `init` step initialises the weights from the seed). After
 * each step its invariants are asserted: ST_MISMATCH names step and tensor. *out is overwritten; free with
 * recipe_result_free. Same recipe, model, data, seed and blas: the same result with any number of threads, cached or
 * not. */
enum status recipe_run(const struct recipe *recipe, const struct graph *model, const struct recipe_context *context,
                       struct recipe_result *out);
void recipe_result_free(struct recipe_result *result);

/* ST_BADARG with words about the grammar unless `name` follows it. */
enum status recipe_name_check(const char *name);
/* "fp32", "ptq", "qat", "pruned", "combined"; NULL for a name outside the grammar. Static. */
const char *recipe_family(const char *name);

#endif
