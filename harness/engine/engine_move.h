/* Inside of the engine: helper steps that change how an activation lies in memory or is represented. Each appends
 * the steps it needs (perhaps none) for node `node` and updates *t. */
#ifndef ENGINE_ENGINE_MOVE_H
#define ENGINE_ENGINE_MOVE_H

#include "engine/engine_plan.h"

/* 1 if C,H,W and H,W,C differ for this tensor. */
int engine_move_order_matters(const struct plan_tensor *t);
size_t engine_move_count(const struct plan_tensor *t); /* elements per sample */
size_t engine_move_bytes(enum plan_type type);         /* of one element */

/* (batch, sample) or (sample, batch). */
enum status engine_move_batch(struct plan *plan, int node, struct plan_tensor *t, int batch_minor);
/* C,H,W or H,W,C; needs (batch, sample) and makes it so first. */
enum status engine_move_order(struct plan *plan, int node, struct plan_tensor *t, enum plan_order order);
/* Zeros (the zero point for 8 bits: fill, or each sample's own with range) around each sample; t keeps its c and
 * gets the larger h and w. */
enum status engine_move_pad(struct plan *plan, int node, struct plan_tensor *t, int pad_h, int pad_w, uint8_t fill,
                            const struct exec_range *range);
enum status engine_move_widen(struct plan *plan, int node, struct plan_tensor *t);
/* Float → 8 bits with the value's fixed scale and zero point. */
enum status engine_move_quantize(struct plan *plan, int node, struct plan_tensor *t, const struct value *value);
/* Float → 8 bits with each sample's own range, found first; *out_range (batch), a constant of the engine. */
enum status engine_move_quantize_dynamic(struct plan *plan, int node, struct plan_tensor *t,
                                         struct exec_range **out_range);

#endif
