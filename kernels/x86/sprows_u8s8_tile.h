/* C(m, n) = A(m, K) W(n, K)^T over the nonzero weights, in integers: a group of outputs at a time, whose picks and
 * weights are loaded once for up to eight rows of A. Of each row, a step reads sixteen neighbouring bytes, picks four
 * of them for every output, and adds their products. Layout of the weights, and why vpmaddubsw is exact here, in
 * spmv_u8s8_lanes.h. Windows may begin anywhere: A is read up to 15 bytes past its end. Rows outside, groups inside, as
 * in bsr_f32_tile.h.
 *
 * The file that includes this says what a vector is: type kn_sprows_vector with four bytes for each of
 * KN_SPROWS_OUTPUTS outputs, and the functions kn_sprows_load, _store, _zero, _add (32 bits), _even and _odd (picks of
 * a step) and _dot; then it defines kn_sprows_finish. */
#ifndef KERNELS_X86_SPROWS_U8S8_TILE_H
#define KERNELS_X86_SPROWS_U8S8_TILE_H

#include "kernels/spmv_u8s8_lanes.h"
#include "kernels/x86/lanes_avx2.h"

enum { KN_SPROWS_VECTOR = 4 * KN_SPROWS_OUTPUTS, KN_SPROWS_ROWS = 8, KN_SPROWS_SUMS = 8 };

/* The rows of one tile: where their inputs begin, where their outputs go, what is added (NULL: nothing). */
struct kn_sprows_rows {
    const uint8_t *x[KN_SPROWS_ROWS], *add[KN_SPROWS_ROWS];
    void *y[KN_SPROWS_ROWS];
};

/* What every tile of one call shares. */
struct kn_sprows_job {
    const unsigned char *packed;
    struct kn_spmv_u8s8_view view;
    int n;
    const int32_t *bias;         /* (n) or NULL */
    const struct kn_requant *rq; /* NULL: raw sums */
    const struct kn_residual *residual;
};

/* Where the packed pieces of the next group are. */
struct kn_sprows_stream {
    const uint32_t *group_steps, *window;
    const uint8_t *pick;
    const int8_t *weight;
};

/* Adds the bias, requantizes and stores the outputs from `first` on, at most KN_SPROWS_OUTPUTS, of every row of the
 * tile; sums (mr, KN_SPROWS_OUTPUTS). */
static void kn_sprows_finish(const struct kn_sprows_job *job, const struct kn_sprows_rows *rows, const int32_t *sum,
                             int mr, int first);

KN_INLINE void kn_sprows_step(kn_sprows_vector *sum, const uint8_t *const *x, uint32_t window, kn_sprows_vector pick,
                              const int8_t *weight, int mr)
{
    kn_sprows_vector w = kn_sprows_load(weight);
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        sum[i] = kn_sprows_dot(sum[i], x[i] + window, pick, w);
    }
}

/* Sums of the next group of outputs. ku: sets of sums, so that few rows do not wait for each other's additions. */
KN_INLINE void kn_sprows_group(const struct kn_sprows_rows *rows, struct kn_sprows_stream *s, int mr, int ku,
                               kn_sprows_vector *sum)
{
    const uint8_t *x[KN_SPROWS_ROWS];
    uint32_t steps = *s->group_steps++;
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        x[i] = rows->x[i];
    KN_UNROLL
    for (int i = 0; i < mr * ku; i++)
        sum[i] = kn_sprows_zero();
    for (; ku == 4 && steps >= 4;
         steps -= 4, s->window += 4, s->pick += 2 * KN_SPROWS_VECTOR, s->weight += 4 * KN_SPROWS_VECTOR) {
        kn_sprows_vector p = kn_sprows_load(s->pick), q = kn_sprows_load(s->pick + KN_SPROWS_VECTOR);
        kn_sprows_step(sum, x, s->window[0], kn_sprows_even(p), s->weight, mr);
        kn_sprows_step(sum + mr, x, s->window[1], kn_sprows_odd(p), s->weight + KN_SPROWS_VECTOR, mr);
        kn_sprows_step(sum + 2 * mr, x, s->window[2], kn_sprows_even(q), s->weight + 2 * KN_SPROWS_VECTOR, mr);
        kn_sprows_step(sum + 3 * mr, x, s->window[3], kn_sprows_odd(q), s->weight + 3 * KN_SPROWS_VECTOR, mr);
    }
    for (; steps; steps -= 2, s->window += 2, s->pick += KN_SPROWS_VECTOR, s->weight += 2 * KN_SPROWS_VECTOR) {
        kn_sprows_vector p = kn_sprows_load(s->pick);
        kn_sprows_step(sum, x, s->window[0], kn_sprows_even(p), s->weight, mr);
        kn_sprows_step(sum + (ku > 1 ? mr : 0), x, s->window[1], kn_sprows_odd(p), s->weight + KN_SPROWS_VECTOR, mr);
    }
    KN_UNROLL
    for (int i = mr; i < mr * ku; i++)
        sum[i % mr] = kn_sprows_add(sum[i % mr], sum[i]);
}

KN_INLINE void kn_sprows_tile(const struct kn_sprows_job *job, const struct kn_sprows_rows *rows, int mr, int ku)
{
    struct kn_sprows_stream s = {(const uint32_t *)(const void *)(job->packed + job->view.group_steps),
                                 (const uint32_t *)(const void *)(job->packed + job->view.window),
                                 job->packed + job->view.pick, (const int8_t *)(job->packed + job->view.weight)};
    for (int first = 0; first < job->n; first += KN_SPROWS_OUTPUTS) {
        _Alignas(64) int32_t spill[KN_SPROWS_ROWS * KN_SPROWS_OUTPUTS];
        kn_sprows_vector sum[KN_SPROWS_SUMS];
        kn_sprows_group(rows, &s, mr, ku, sum);
        KN_UNROLL
        for (int i = 0; i < mr; i++)
            kn_sprows_store(spill + i * KN_SPROWS_OUTPUTS, sum[i]);
        kn_sprows_finish(job, rows, spill, mr, first);
    }
}

/* One function per tile, so that the compiler allocates registers for each alone. */
#define KN_SPROWS_TILE(mr, ku)                                                                                         \
    static void tile_##mr(const struct kn_sprows_job *job, const struct kn_sprows_rows *rows)                          \
    {                                                                                                                  \
        kn_sprows_tile(job, rows, mr, ku);                                                                             \
    }
KN_SPROWS_TILE(1, 4)
KN_SPROWS_TILE(2, 4)
KN_SPROWS_TILE(3, 2)
KN_SPROWS_TILE(4, 2)
KN_SPROWS_TILE(5, 1)
KN_SPROWS_TILE(6, 1)
KN_SPROWS_TILE(7, 1)
KN_SPROWS_TILE(8, 1)

typedef void (*kn_sprows_tile_fn)(const struct kn_sprows_job *job, const struct kn_sprows_rows *rows);
static const kn_sprows_tile_fn tiles[KN_SPROWS_ROWS] = {tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7, tile_8};

/* c_bytes: of an output. */
static inline void kn_sprows_run(struct kn_sprows_job *job, const struct kn_rows *a, const struct kn_out *c,
                                 size_t c_bytes)
{
    const struct kn_residual *residual = job->residual;
    uint32_t steps;
    memcpy(&steps, job->packed, sizeof steps);
    job->view = kn_spmv_u8s8_view(job->n, KN_SPROWS_OUTPUTS, steps);
    for (int r = 0; r < a->m; r += KN_SPROWS_ROWS) {
        struct kn_sprows_rows rows;
        int count = a->m - r < KN_SPROWS_ROWS ? a->m - r : KN_SPROWS_ROWS;
        for (int i = 0; i < count; i++) {
            int at = a->first + r + i;
            rows.x[i] = (const uint8_t *)a->base + kn_row_place(a->row_w, a->step_x, a->step_y, at);
            rows.y[i] = (char *)c->base + kn_row_place(a->row_w, c->step_x, c->step_y, at) * (ptrdiff_t)c_bytes;
            rows.add[i] = NULL;
            if (residual)
                rows.add[i] =
                    (const uint8_t *)residual->base + kn_row_place(a->row_w, residual->step_x, residual->step_y, at);
        }
        tiles[count - 1](job, &rows);
    }
}

#endif
