/* kn_sprows_u8s8 with the 256-bit vpdpbusd of processors without AVX-512, eight outputs at a time; see
 * sprows_u8s8_tile.h. */
#include "kernels/x86/lanes_avx2.h"

enum { KN_SPROWS_OUTPUTS = 8 };
typedef __m256i kn_sprows_vector;

KN_INLINE kn_sprows_vector kn_sprows_load(const void *p)
{
    return _mm256_loadu_si256(p);
}

KN_INLINE void kn_sprows_store(int32_t *p, kn_sprows_vector v)
{
    _mm256_storeu_si256((__m256i *)(void *)p, v);
}

KN_INLINE kn_sprows_vector kn_sprows_zero(void)
{
    return _mm256_setzero_si256();
}

KN_INLINE kn_sprows_vector kn_sprows_add(kn_sprows_vector a, kn_sprows_vector b)
{
    return _mm256_add_epi32(a, b);
}

/* Picks of the even and of the odd step. */
KN_INLINE kn_sprows_vector kn_sprows_even(kn_sprows_vector picks)
{
    return _mm256_and_si256(picks, _mm256_set1_epi8(15));
}

KN_INLINE kn_sprows_vector kn_sprows_odd(kn_sprows_vector picks)
{
    return kn_sprows_even(_mm256_srli_epi16(picks, 4));
}

/* Adds to each output the products of its four picks out of the sixteen bytes at x. */
KN_INLINE __m256i kn_sprows_dot(__m256i sum, const uint8_t *x, __m256i pick, __m256i w)
{
    __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)x));
    return _mm256_dpbusd_avx_epi32(sum, _mm256_shuffle_epi8(table, pick), w);
}

#include "kernels/x86/sprows_u8s8_tile.h"

static void kn_sprows_finish(const struct kn_sprows_job *job, const struct kn_sprows_rows *rows, const int32_t *sum,
                             int mr, int first)
{
    int left = job->n - first, count = left < KN_SPROWS_OUTPUTS ? left : KN_SPROWS_OUTPUTS;
    __m256i bias = kn_load_s32(job->bias ? job->bias + first : NULL, left);
    if (!job->rq) {
        for (int i = 0; i < mr; i++)
            kn_store_s32((int32_t *)rows->y[i] + first,
                         _mm256_add_epi32(kn_sprows_load(sum + i * KN_SPROWS_OUTPUTS), bias), count);
        return;
    }
    struct kn_requant_lanes lanes = kn_requant_lanes(job->rq->zero_point, job->rq->lo, job->rq->hi);
    __m256 scale = kn_load_f32(job->rq->scale + first, left);
    for (int i = 0; i < mr; i++) {
        __m256i acc = _mm256_add_epi32(kn_sprows_load(sum + i * KN_SPROWS_OUTPUTS), bias);
        _Alignas(32) int32_t raw[KN_SPROWS_OUTPUTS];
        if (!rows->add[i]) {
            kn_store_u8((uint8_t *)rows->y[i] + first, kn_requant_u8(acc, scale, &lanes), count);
            continue;
        }
        kn_sprows_store(raw, acc);
        kn_requant_add_row(raw, job->rq->scale + first, rows->add[i] + first, job->residual, job->rq, count,
                           (uint8_t *)rows->y[i] + first);
    }
}

void kn_sprows_u8s8_u8__avxvnni_8x16(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                                     const struct kn_residual *residual, int n, const struct kn_out *c)
{
    struct kn_sprows_job job = {.packed = packed, .n = n, .bias = rq->bias, .rq = rq, .residual = residual};
    kn_sprows_run(&job, a, c, sizeof(uint8_t));
}

void kn_sprows_u8s8_s32__avxvnni_8x16(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                      const struct kn_out *c)
{
    struct kn_sprows_job job = {.packed = packed, .n = n, .bias = bias};
    kn_sprows_run(&job, a, c, sizeof(int32_t));
}
