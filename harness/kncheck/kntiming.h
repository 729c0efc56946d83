/* The benches' stopwatch, buffers and table rows. Internal to kncheck. */
#ifndef KNCHECK_KNTIMING_H
#define KNCHECK_KNTIMING_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/rng.h"
#include "base/status.h"
#include "kernels/kernels.h"

enum { KNTIMING_BUFFERS = 64, KNTIMING_SUBJECTS = 8 };

struct knbench {
    const struct kn_table *ref, *simd;
    const char *filter;
    FILE *out;
    struct rng rng;
    void *buffer[KNTIMING_BUFFERS]; /* owned; of the current shape */
    int buffers;
    int rows; /* printed so far */
};

/* Something to time: the function is called with its context. */
struct knsubject {
    const struct kn_facts *facts;
    void (*run)(void *context);
    void *context;
    double ns; /* result: median per call */
};

/* 1 if the contract or one of its kernels passes the filter. */
int knbench_wants(const struct knbench *b, const char *contract, const struct kn_facts *facts);
/* Zeroed, 64-byte aligned, with slack; freed by knbench_release. */
enum status knbench_buffer(struct knbench *b, size_t bytes, void *out_pointer);
void knbench_release(struct knbench *b);
/* Random values in the range of the type; a share `sparsity` of them zero. */
enum status knbench_f32(struct knbench *b, size_t count, double sparsity, float **out);
enum status knbench_s8(struct knbench *b, size_t count, double sparsity, int8_t **out);
/* Weights as layers have them after training and pruning: normally distributed, the largest of several hundred at 127;
 * a share `sparsity`, the smallest ones, is zero. */
enum status knbench_trained_s8(struct knbench *b, size_t count, double sparsity, int8_t **out);

/* Times all subjects in alternating blocks. */
void knbench_time(struct knsubject *subjects, int count);
/* One row per subject: `work` per call is in `unit` x 1e-9 per second ("GMAC/s", "GB/s"); ratios are to subject 0. */
void knbench_print(struct knbench *b, const struct knsubject *subjects, int count, const char *shape, double work,
                   const char *unit);

enum status knbench_dense(struct knbench *b);
enum status knbench_sparse(struct knbench *b);
enum status knbench_moves(struct knbench *b);
enum status knbench_depthwise(struct knbench *b);
enum status knbench_map(struct knbench *b);

#endif
