/* Inside of the engine: operators that move values or look at them in another shape. Each function appends the steps of
 * node i (none where the elements can stay where they are) and gives its output its tensor. */
#ifndef ENGINE_ENGINE_VIEW_H
#define ENGINE_ENGINE_VIEW_H

#include "engine/engine_plan.h"

/* flatten: an image stays as it lies, whatever its order; the next fc's weights are packed in that order. */
enum status engine_view_flatten(struct plan *plan, int i);
enum status engine_view_reshape(struct plan *plan, int i);
enum status engine_view_transpose(struct plan *plan, int i);
enum status engine_view_slice(struct plan *plan, int i);

#endif
