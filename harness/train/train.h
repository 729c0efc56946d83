/* Training: forward and backward over the graph on a BLAS. Same seed, same result, at any thread count: work is
 * cut into blocks whose number depends on shapes only, and sums over blocks are made in order.
 *
 *   struct train_options o;
 *   train_defaults(&o);
 *   o.epochs = 10; o.seed = 1; o.pool = pool; o.label = "lenet5 fp32";
 *   TRY(train_graph(&graph, &data.train, &data.valid, &o, &result)); */
#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include <signal.h>
#include <stdint.h>

#include "base/pool.h"
#include "graph/graph.h"
#include "io/dataset.h"
#include "train/blas.h"

enum train_optimizer { TRAIN_ADAM, TRAIN_SGD };
/* Where the activation ranges of quantization-aware training come from. */
enum train_ranges {
    TRAIN_RANGES_EMA, /* moving average of each batch's minimum and maximum */
    TRAIN_RANGES_LSQ  /* learned step size (Esser et al. 2020), zero point from the EMA range */
};
/* Called before every optimizer step (0 .. steps-1) on the training weights; may change masks and zero weights. */
typedef void (*train_hook_fn)(void *context, struct graph *graph, long step, long steps);

struct train_options {
    int epochs; /* >= 1 */
    int batch;  /* 128 */
    enum train_optimizer optimizer;
    float lr, lr_end;   /* cosine from lr to lr_end */
    float warmup;       /* share of all steps with a linear ramp, 0..0.5 */
    float momentum;     /* SGD (Nesterov) */
    float weight_decay; /* decoupled for Adam (AdamW), L2 for SGD; weights of conv and fc only */
    float label_smoothing;
    float ema; /* decay of the weight average that becomes the result; 0: off. Bias-corrected at the start. */
    int flip;  /* 1: mirror horizontally with probability 1/2 */
    int shift; /* pixels: uniform in -shift..shift, both axes, zero filled */
    uint64_t seed;
    int qat;         /* 1: fake quantization of weights (per channel, symmetric) and activations (u8) */
    int weight_bits; /* of qat: 8, or 4: -7..7 where graph_weight_steps (graph_quant.h) allows it */
    enum train_ranges ranges;
    const struct graph *teacher; /* float graph for distillation, or NULL; borrowed */
    float distill_weight;        /* share of the distillation term, 0..1 */
    float temperature;
    train_hook_fn hook;
    void *hook_context;
    enum train_blas blas;
    struct pool *pool;                 /* borrowed, may be NULL */
    const char *label;                 /* for the progress line */
    const volatile sig_atomic_t *stop; /* non-zero: finish with ST_INTERRUPTED; may be NULL */
};

struct train_result {
    double valid_top1; /* of the final (averaged) weights, 0..1 */
    double train_loss; /* mean over the last epoch */
    double seconds;
    double images_per_s;
};

void train_defaults(struct train_options *options);

/* Trains in place: conv, fc, batchnorm, add, relu, relu6, pooling and flatten in any acyclic order; ST_UNSUPPORTED
 * names what else there is. Batch normalizations end with the mean and variance of training images under the final
 * weights; fold them (graph_fold.h) before training with qat. Scales and quantized values that the graph brings along
 * are dropped. Masked weights stay zero (weights, averages and moments). With qat, on return every conv and fc weight
 * has its per-channel `scale` set and every value its QUANT_STATIC scale and zero_point (shared along max-pool, flatten
 * and ReLU as graph_quant_source says; the output value stays QUANT_NONE): the graph is then a simulated one
 * (forward.h), ready for integer conversion. A non-finite loss stops with ST_MISMATCH and words about the step and
 * learning rate. ST_INTERRUPTED leaves the graph unusable. */
enum status train_graph(struct graph *graph, const struct dataset *train, const struct dataset *valid,
                        const struct train_options *options, struct train_result *out);

#endif
