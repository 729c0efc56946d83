/* Inside of the engine: operators that join values. Each function appends the steps of node i and gives its output its
 * tensor. */
#ifndef ENGINE_ENGINE_JOIN_H
#define ENGINE_ENGINE_JOIN_H

#include "engine/engine_plan.h"

/* Inputs of 8 bits whose scales differ from the output's go through a table. */
enum status engine_join_concat(struct plan *plan, int i);
/* In float, by the dense kernel: the right operand is packed at run time, the scale goes into it. */
enum status engine_join_matmul(struct plan *plan, int i);

#endif
