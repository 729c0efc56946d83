/* Post-training quantization: scales for weights and activations of a trained float graph. The result is a
 * simulated graph (train/forward.h); quantize.h makes the integer graph of it.
 *
 * Weights: symmetric, one scale per output channel (Krishnamoorthi 2018, sections 3.1-3.2). Activations: one scale
 * and zero point per tensor, from calibration (static) or from each sample at run time (dynamic). */
#ifndef COMPRESS_PTQ_H
#define COMPRESS_PTQ_H

#include "base/pool.h"
#include "compress/calibrate.h"
#include "graph/graph.h"
#include "io/dataset.h"

enum ptq_weights {
    PTQ_WEIGHTS_MAX, /* max|w| / 127, of 4 bits / 7: nothing is clipped */
    PTQ_WEIGHTS_MSE  /* the clip that minimises the squared rounding error of the channel */
};

/* Scale of one channel of n weights that become -steps..steps; 1 for all zeros. */
float ptq_channel_scale(const float *w, size_t n, int steps, enum ptq_weights method);

/* Sets `scale` of every conv and fc weight. The data stays as it is, but where weights have 4 bits (graph_weight_steps
 * in graph_quant.h) it is clipped to what 7 steps reach: rounded with the scale it then stays in -7..7, in simulation
 * and conversion alike, though both know 8-bit grids only. ST_NOMEM. */
enum status ptq_weights(struct graph *graph, enum ptq_weights method, int weight_bits);

/* Static: calibrates activations over the images, then sets weight scales, then ptq_fit_bias. Errors as
 * calibrate_graph. */
enum status ptq_static(struct graph *graph, const struct dataset *data, const struct calibrate_options *options,
                       enum ptq_weights method, int weight_bits, struct pool *pool, enum train_blas blas);

/* Dynamic: scales of 8-bit weights, and QUANT_DYNAMIC on the quantization points and what shares them; each conv and fc
 * then takes the range of what it reads. ST_NOMEM. */
enum status ptq_dynamic(struct graph *graph, enum ptq_weights method);

/* Static graphs hold biases as 32-bit integers in units of scale_in * scale_w. A channel whose weights are tiny
 * beside its bias would overflow: its weight scale is raised until the bias is within PTQ_BIAS_MAX. Returns the number
 * of channels changed. */
int ptq_fit_bias(struct graph *graph);

#define PTQ_BIAS_MAX (1 << 30) /* leaves half of the accumulator for the sum */

#endif
