/* Inside of the engine: helper steps that change how an activation lies in memory or is represented. Each appends
 * the steps it needs (perhaps none) for node `node` and updates *t. */
#ifndef ENGINE_ENGINE_MOVE_H
#define ENGINE_ENGINE_MOVE_H

#include "engine/engine_plan.h"

/* (batch, sample) or (sample, batch). */
enum status engine_move_batch(struct plan *plan, int node, struct plan_tensor *t, int batch_minor);
/* C,H,W or H,W,C; needs (batch, sample) and makes it so first. When it has to move the elements it leaves `border`
 * (NULL: none) around them. */
enum status engine_move_order(struct plan *plan, int node, struct plan_tensor *t, enum plan_order order,
                              const struct plan_border *border);
/* No border. */
enum status engine_move_dense(struct plan *plan, int node, struct plan_tensor *t);
/* At least this border: elements are copied only if t has less. */
enum status engine_move_border(struct plan *plan, int node, struct plan_tensor *t, const struct plan_border *border);
/* Fills the border of a tensor that has just been written. */
enum status engine_move_fill(struct plan *plan, int node, const struct plan_tensor *t);
/* The graph's own order of `value`, dense, with the value's shape. */
enum status engine_move_canonical(struct plan *plan, int node, const struct value *value, struct plan_tensor *t);
enum status engine_move_widen(struct plan *plan, int node, struct plan_tensor *t);
/* Float → 8 bits with the value's fixed scale and zero point, inside of `border` (NULL: none). */
enum status engine_move_quantize(struct plan *plan, int node, const struct value *value,
                                 const struct plan_border *border, struct plan_tensor *t);
/* Value v as float: dequantized once if it is stored in 8 bits. */
enum status engine_move_floats(struct plan *plan, int node, int v, struct plan_tensor *out);
/* Float value v → 8 bits with each sample's own range, found first; once. */
enum status engine_move_dynamic(struct plan *plan, int node, int v, struct plan_tensor *out);
/* What is stored for value v when *t has been computed for it: quantized if the value is; v then has it. */
enum status engine_move_store(struct plan *plan, int node, int v, struct plan_tensor *t);

/* An elementwise step from x (and b, or NULL) to y, which have one order and shape: over everything at once where their
 * borders are the same too (per sample with `by_sample`), else line by line. Sets rows, count and distances of the
 * step's exec_map. */
enum status engine_move_map(struct plan *plan, const struct plan_spec *spec, int by_sample,
                            struct exec_step **out_step);

#endif
