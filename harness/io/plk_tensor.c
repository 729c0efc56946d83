#include "io/plk_tensor.h"

#include <stdio.h>

static const char *const layout_names[LAYOUT_COUNT] = {"dense", "bitmap", "sparse"};

void plk_learned_init(struct plk_learned *learned)
{
    for (int i = 0; i < 3; i++)
        entropy_models_init(&learned->data[i]);
    entropy_models_init(&learned->scale);
}

size_t plk_count_nonzeros(const struct weight *weight)
{
    size_t count = 0;

    for (size_t i = 0; i < weight->count; i++)
        count += !plk_is_zero(weight->type, plk_element(weight, i));
    return count;
}

void plk_plane(int rank, const int dim[4], size_t *rows, size_t *cols)
{
    *rows = rank > 1 ? (size_t)dim[0] : 1;
    *cols = (rank > 1 ? 1 : (size_t)dim[0]) * (size_t)dim[1] * (size_t)dim[2] * (size_t)dim[3];
}

enum entropy_type plk_coded_type(enum dtype type)
{
    return type == DT_F32 ? ENTROPY_F32 : type == DT_S8 ? ENTROPY_S8 : ENTROPY_S32;
}

void plk_describe(const struct weight *weight, unsigned head, size_t bytes, struct plk_tensor_info *info)
{
    snprintf(info->name, sizeof info->name, "%s", weight->name);
    snprintf(info->encoding, sizeof info->encoding, "%s%s", layout_names[head >> LAYOUT_SHIFT & LAYOUT_MASK],
             head & CODED ? "+ec" : "");
    info->bytes = bytes;
    info->count = weight->count;
    info->nonzeros = plk_count_nonzeros(weight);
}
