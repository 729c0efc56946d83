/* Inside of the engine: maximum and average pooling. */
#ifndef ENGINE_ENGINE_POOL_H
#define ENGINE_ENGINE_POOL_H

#include "engine/engine_plan.h"

/* Appends the steps of node i and gives its output its tensor. */
enum status engine_pool_max(struct plan *plan, int i);
enum status engine_pool_avg(struct plan *plan, int i);
/* The order in which a max-pooling whose input has `order` will work. */
enum plan_order engine_pool_order(const struct plan *plan, const struct node *node, enum plan_order order);

#endif
