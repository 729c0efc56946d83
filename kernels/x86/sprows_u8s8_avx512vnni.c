/* kn_sprows_u8s8 with vpdpbusd, sixteen outputs at a time; see sprows_u8s8_tile.h. */
#include "kernels/x86/lanes_avx2.h"

enum { KN_SPROWS_OUTPUTS = 16 };
typedef __m512i kn_sprows_vector;

KN_INLINE kn_sprows_vector kn_sprows_load(const void *p)
{
    return _mm512_loadu_si512(p);
}

KN_INLINE void kn_sprows_store(int32_t *p, kn_sprows_vector v)
{
    _mm512_storeu_si512(p, v);
}

KN_INLINE kn_sprows_vector kn_sprows_zero(void)
{
    return _mm512_setzero_si512();
}

KN_INLINE kn_sprows_vector kn_sprows_add(kn_sprows_vector a, kn_sprows_vector b)
{
    return _mm512_add_epi32(a, b);
}

/* Picks of the even and of the odd step. */
KN_INLINE kn_sprows_vector kn_sprows_even(kn_sprows_vector picks)
{
    return _mm512_and_si512(picks, _mm512_set1_epi8(15));
}

KN_INLINE kn_sprows_vector kn_sprows_odd(kn_sprows_vector picks)
{
    return kn_sprows_even(_mm512_srli_epi16(picks, 4));
}

/* Adds to each output the products of its four picks out of the sixteen bytes at x. */
KN_INLINE __m512i kn_sprows_dot(__m512i sum, const uint8_t *x, __m512i pick, __m512i w)
{
    __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)x));
    return _mm512_dpbusd_epi32(sum, _mm512_shuffle_epi8(table, pick), w);
}

#include "kernels/x86/sprows_u8s8_tile.h"

static void kn_sprows_finish(const struct kn_sprows_job *job, const struct kn_sprows_rows *rows, const int32_t *sum,
                             int mr, int first)
{
    const struct kn_requant *rq = job->rq;
    int left = job->n - first;
    __mmask16 real = (__mmask16)(left >= KN_SPROWS_OUTPUTS ? 0xffff : (1U << left) - 1);
    __m512i bias = job->bias ? _mm512_maskz_loadu_epi32(real, job->bias + first) : kn_sprows_zero();
    if (!rq) {
        for (int i = 0; i < mr; i++)
            _mm512_mask_storeu_epi32((int32_t *)rows->y[i] + first, real,
                                     _mm512_add_epi32(kn_sprows_load(sum + i * KN_SPROWS_OUTPUTS), bias));
        return;
    }
    __m512 scale = _mm512_maskz_loadu_ps(real, rq->scale + first);
    __m512 lo = _mm512_set1_ps((float)(rq->lo - rq->zero_point)), hi = _mm512_set1_ps((float)(rq->hi - rq->zero_point));
    for (int i = 0; i < mr; i++) {
        __m512 x = _mm512_mul_ps(
            _mm512_cvtepi32_ps(_mm512_add_epi32(kn_sprows_load(sum + i * KN_SPROWS_OUTPUTS), bias)), scale);
        if (rows->add[i]) { /* kn_requantize_add */
            __m512i r = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(real, rows->add[i] + first));
            r = _mm512_sub_epi32(r, _mm512_set1_epi32(job->residual->zero_point));
            x = _mm512_add_ps(x, _mm512_mul_ps(_mm512_cvtepi32_ps(r), _mm512_set1_ps(job->residual->scale)));
        }
        __m512i q = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(x, lo), hi));
        q = _mm512_add_epi32(q, _mm512_set1_epi32(rq->zero_point));
        _mm_mask_storeu_epi8((uint8_t *)rows->y[i] + first, real, _mm512_cvtepi32_epi8(q));
    }
}

void kn_sprows_u8s8_u8__avx512vnni_16x16(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                                         const struct kn_residual *residual, int n, const struct kn_out *c)
{
    struct kn_sprows_job job = {.packed = packed, .n = n, .bias = rq->bias, .rq = rq, .residual = residual};
    kn_sprows_run(&job, a, c, sizeof(uint8_t));
}

void kn_sprows_u8s8_s32__avx512vnni_16x16(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                          const struct kn_out *c)
{
    struct kn_sprows_job job = {.packed = packed, .n = n, .bias = bias};
    kn_sprows_run(&job, a, c, sizeof(int32_t));
}
