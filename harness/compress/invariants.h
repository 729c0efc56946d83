/* What must hold after every step of a recipe. Each check names the step and the tensor it failed at and returns
 * ST_MISMATCH: something ran and was wrong. */
#ifndef COMPRESS_INVARIANTS_H
#define COMPRESS_INVARIANTS_H

#include "compress/prune.h"
#include "graph/graph.h"

/* Any graph: shapes are consistent (graph_infer); data is finite; masks hold 0 or 1 and are zero in data; 8-bit
 * weights within -127..127; scales positive and finite; zero points 0..255; values that share a quantization point
 * (graph_quant.h) carry its mode and parameters. */
enum status invariants_graph(const struct graph *graph, const char *step);

/* Float graph whose every value that a conv or fc reads is quantized and whose every conv and fc weight has scales. */
enum status invariants_simulated(const struct graph *graph, const char *step);

/* The masks prune exactly what `sparsity` says, of each layer or in all. */
enum status invariants_sparsity(const struct graph *graph, enum prune_scope scope, double sparsity, const char *step);

/* The masks are whole blocks, as many as fit into the share: `how` gives scope, sparsity, rows and cols. */
enum status invariants_blocks(const struct graph *graph, const struct prune *how, const char *step);

/* `after` has the layers of `before`, in which exactly the claimed channels are gone. */
enum status invariants_channels(const struct graph *before, const struct graph *after, double share, int round_to,
                                const char *step);

/* Every mask of `before` is in `after` as it was (a step that must not touch masks). */
enum status invariants_masks_kept(const struct graph *before, const struct graph *after, const char *step);

/* Integer weights times scale equal the simulated ones bit for bit, biases agree within half a unit, and values
 * carry the same quantization. */
enum status invariants_conversion(const struct graph *simulated, const struct graph *integer, const char *step);

/* The integer weights of each layer lie within what graph_weight_steps (graph_quant.h) says for 8 or 4 bits. */
enum status invariants_weight_bits(const struct graph *integer, int weight_bits, const char *step);

#endif
