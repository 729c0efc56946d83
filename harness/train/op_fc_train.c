#include "train/op_fc_train.h"

#include <stddef.h>
#include <string.h>

void fc_forward(const struct fc_shape *shape, enum train_blas blas, int first, int last, const float *x, const float *w,
                const float *bias, float *y)
{
    int width = last - first;

    blas_gemm(blas, 0, 1, shape->n, width, shape->in, x, shape->in, w + (ptrdiff_t)first * shape->in, shape->in, 0,
              y + first, shape->out);
    for (int i = 0; bias && i < shape->n; i++) {
        float *restrict row = y + (ptrdiff_t)i * shape->out + first;
        for (int j = 0; j < width; j++)
            row[j] += bias[first + j];
    }
}

void fc_backward_weight(const struct fc_shape *shape, enum train_blas blas, int first, int last, const float *x,
                        const float *dy, float *dw, float *db)
{
    int width = last - first;

    blas_gemm(blas, 1, 0, width, shape->in, shape->n, dy + first, shape->out, x, shape->in, 0,
              dw + (ptrdiff_t)first * shape->in, shape->in);
    if (!db)
        return;
    memset(db + first, 0, (size_t)width * sizeof *db);
    for (int i = 0; i < shape->n; i++) {
        const float *restrict row = dy + (ptrdiff_t)i * shape->out + first;
        float *restrict sum = db + first;
        for (int j = 0; j < width; j++)
            sum[j] += row[j];
    }
}

void fc_backward_input(const struct fc_shape *shape, enum train_blas blas, int first, int last, const float *dy,
                       const float *w, int add, float *dx)
{
    blas_gemm(blas, 0, 0, shape->n, last - first, shape->out, dy, shape->out, w + first, shape->in, add ? 1.0f : 0.0f,
              dx + first, shape->in);
}
