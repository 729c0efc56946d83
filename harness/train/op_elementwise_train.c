#include "train/op_elementwise_train.h"

#include <string.h>

void act_forward(size_t count, float ceiling, float *y)
{
    if (ceiling > 0)
        for (size_t i = 0; i < count; i++) {
            float z = y[i] > 0 ? y[i] : 0;
            y[i] = z < ceiling ? z : ceiling;
        }
}

void act_backward(const float *y, size_t count, float ceiling, float *gradient)
{
    if (ceiling > 0)
        for (size_t i = 0; i < count; i++) {
            float g = y[i] > 0 ? gradient[i] : 0;
            gradient[i] = y[i] < ceiling ? g : 0;
        }
}

void add_forward(const float *a, const float *b, size_t count, float ceiling, float *y)
{
    for (size_t i = 0; i < count; i++)
        y[i] = a[i] + b[i];
    act_forward(count, ceiling, y);
}

void add_backward(const float *dy, size_t count, int add, float *dx)
{
    if (add)
        for (size_t i = 0; i < count; i++)
            dx[i] += dy[i];
    else
        memcpy(dx, dy, count * sizeof *dx);
}

void flatten_forward(const float *x, int c, int n, int p, float *y)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < c; k++, y += p)
            memcpy(y, x + ((ptrdiff_t)k * n + i) * p, (size_t)p * sizeof *y);
}

void flatten_backward(const float *dy, int c, int n, int p, int add, float *dx)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < c; k++, dy += p)
            add_backward(dy, (size_t)p, add, dx + ((ptrdiff_t)k * n + i) * p);
}
