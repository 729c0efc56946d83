/* Simulated graph → integer graph: what the engine runs and the packed file holds.
 *
 * Weights become DT_S8 by kn_quantize_weight with the scales that the simulation used, so that q * scale equals the
 * simulated weight. A static input makes the bias DT_S32, round(b / (scale_in * scale_w)) (Jacob et al. 2018,
 * eq. 11); a dynamic one leaves it float, for its unit is known at run time only. Values keep their quantization. */
#ifndef COMPRESS_QUANTIZE_H
#define COMPRESS_QUANTIZE_H

#include "graph/graph.h"

/* *out must not hold anything; free with graph_free. ST_BADARG names the node whose weight has no scale or whose
 * input is not quantized; ST_MISMATCH a bias that does not fit 32 bits (ptq_fit_bias prevents it); ST_NOMEM. */
enum status quantize_graph(const struct graph *simulated, struct graph *out);

/* round(bias / (scale_in * scale_w)), to nearest even; saturates, and 1 in *out_saturated says so (else untouched). */
int32_t quantize_bias(float bias, float scale_in, float scale_w, int *out_saturated);

#endif
