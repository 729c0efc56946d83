#include "kncheck/kntiming.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"

enum { ROUNDS = 21 };
static const double block_ns = 4e5;

int knbench_wants(const struct knbench *b, const char *contract, const struct kn_facts *facts)
{
    return !b->filter || fnmatch(b->filter, contract, 0) == 0 || fnmatch(b->filter, facts->name, 0) == 0;
}

enum status knbench_buffer(struct knbench *b, size_t bytes, void *out_pointer)
{
    if (b->buffers == KNTIMING_BUFFERS)
        return status_fail(ST_NOMEM, "a kernel bench needs more than %d buffers", KNTIMING_BUFFERS);
    TRY(mem_alloc(bytes + KN_SLACK, 1, out_pointer));
    b->buffer[b->buffers++] = *(void **)out_pointer;
    return ST_OK;
}

void knbench_release(struct knbench *b)
{
    while (b->buffers > 0)
        mem_free(b->buffer[--b->buffers]);
}

enum status knbench_f32(struct knbench *b, size_t count, double sparsity, float **out)
{
    TRY(knbench_buffer(b, count * sizeof **out, out));
    for (size_t i = 0; i < count; i++)
        (*out)[i] = (double)rng_f32(&b->rng) < sparsity ? 0 : 2 * rng_f32(&b->rng) - 1;
    return ST_OK;
}

enum status knbench_s8(struct knbench *b, size_t count, double sparsity, int8_t **out)
{
    TRY(knbench_buffer(b, count, out));
    for (size_t i = 0; i < count; i++) {
        int magnitude = 1 + (int)rng_below(&b->rng, 127);
        if ((double)rng_f32(&b->rng) >= sparsity)
            (*out)[i] = (int8_t)(rng_below(&b->rng, 2) ? magnitude : -magnitude);
    }
    return ST_OK;
}

/* A sum of twelve uniform numbers has variance 1; 40 is a third of 127. */
static int trained_weight(struct rng *rng)
{
    double sum = -6;
    for (int j = 0; j < 12; j++)
        sum += (double)rng_f32(rng);
    sum *= 40;
    return (int)(sum > 127 ? 127 : sum < -127 ? -127 : sum);
}

enum status knbench_trained_s8(struct knbench *b, size_t count, double sparsity, int8_t **out)
{
    size_t of_size[128] = {0}, zeros = 0;
    int cut = 0;
    TRY(knbench_buffer(b, count, out));
    for (size_t i = 0; i < count; i++) {
        int w = trained_weight(&b->rng);
        of_size[w < 0 ? -w : w]++;
        (*out)[i] = (int8_t)w;
    }
    while (cut < 127 && (double)(zeros + of_size[cut]) <= sparsity * (double)count)
        zeros += of_size[cut++];
    for (size_t i = 0; i < count; i++) {
        int w = (*out)[i], size = w < 0 ? -w : w;
        double excess = sparsity * (double)count - (double)zeros; /* to be taken from those of size `cut` */
        if (size < cut || (size == cut && (double)rng_f32(&b->rng) * (double)of_size[cut] < excess))
            (*out)[i] = 0;
        else if (size == 0)
            (*out)[i] = 1;
    }
    return ST_OK;
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

static double time_calls(const struct knsubject *s, int calls)
{
    double begin = now_ns();
    for (int i = 0; i < calls; i++)
        s->run(s->context);
    return (now_ns() - begin) / calls;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void knbench_time(struct knsubject *subjects, int count)
{
    double sample[KNTIMING_SUBJECTS][ROUNDS];
    int calls[KNTIMING_SUBJECTS];
    for (int i = 0; i < count; i++) {
        double once = time_calls(&subjects[i], 1);
        for (calls[i] = 1; once * calls[i] < block_ns / 4; calls[i] *= 2)
            once = time_calls(&subjects[i], calls[i]);
        calls[i] = 1 + (int)(block_ns / (once > 1 ? once : 1));
    }
    for (int r = 0; r < ROUNDS; r++) {
        for (int i = 0; i < count; i++) {
            int which = r & 1 ? count - 1 - i : i;
            sample[which][r] = time_calls(&subjects[which], calls[which]);
        }
    }
    for (int i = 0; i < count; i++) {
        qsort(sample[i], ROUNDS, sizeof sample[i][0], ascending);
        subjects[i].ns = sample[i][ROUNDS / 2];
    }
}

void knbench_print(struct knbench *b, const struct knsubject *subjects, int count, const char *shape, double work,
                   const char *unit)
{
    if (b->rows == 0)
        fprintf(b->out, "%-30s %-34s %11s %9s %-6s %6s\n", "kernel", "shape", "ns (median)", "rate", "", "x ref");
    for (int i = 0; i < count; i++) {
        fprintf(b->out, "%-30s %-34s %11.0f %9.2f %-6s %6.2f\n", subjects[i].facts->name, shape, subjects[i].ns,
                work / subjects[i].ns, unit, subjects[0].ns / subjects[i].ns);
        b->rows++;
    }
}
