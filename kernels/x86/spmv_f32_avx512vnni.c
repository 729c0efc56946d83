/* y(n) = W(n, k) x(k) over the nonzero weights; layout and idea in spmv_f32_lanes.h. A step is one permutation of a
 * window of x and one FMA; vpermps looks at the low four bits of each lane only, so that a shift per step serves
 * as the index. Windows may begin anywhere: x is read up to 60 bytes past its end. */
#include "kernels/spmv_f32_lanes.h"
#include "kernels/x86/lanes_avx2.h"

enum { LANES = 16 };

KN_INLINE __m512 step(__m512 sum, const float *window, __m512i pick, const float *weight)
{
    __m512 picked = _mm512_permutexvar_ps(pick, _mm512_loadu_ps(window));
    return _mm512_fmadd_ps(picked, _mm512_loadu_ps(weight), sum);
}

KN_INLINE __m512i load_pick(const uint32_t *pick)
{
    return _mm512_loadu_si512(pick);
}

void kn_spmv_f32__avx512vnni_16x16(const float *x, const void *packed, const float *bias, int n, int k, float lo,
                                   float hi, float *y)
{
    const uint32_t *words = packed;
    struct kn_spmv_f32_view v = kn_spmv_f32_view(n, LANES, words[0], words[1]);
    const uint32_t *group_steps = words + v.group_steps, *window = words + v.window, *pick = words + v.pick;
    const float *w = (const float *)packed + v.weight;
    __m512 lo16 = _mm512_set1_ps(lo), hi16 = _mm512_set1_ps(hi);
    (void)k;
    for (int row = 0; row < n; row += LANES) {
        uint32_t steps = *group_steps++;
        __mmask16 rows = (__mmask16)(n - row >= LANES ? 0xffff : (1U << (n - row)) - 1);
        __m512 s0 = bias ? _mm512_maskz_loadu_ps(rows, bias + row) : _mm512_setzero_ps();
        __m512 s1 = _mm512_setzero_ps(), s2 = s1, s3 = s1;
        for (; steps >= 8; steps -= 8, window += 8, pick += LANES, w += 8 * LANES) {
            __m512i p = load_pick(pick);
            s0 = step(s0, x + window[0], p, w);
            s1 = step(s1, x + window[1], _mm512_srli_epi32(p, 4), w + 1 * LANES);
            s2 = step(s2, x + window[2], _mm512_srli_epi32(p, 8), w + 2 * LANES);
            s3 = step(s3, x + window[3], _mm512_srli_epi32(p, 12), w + 3 * LANES);
            s0 = step(s0, x + window[4], _mm512_srli_epi32(p, 16), w + 4 * LANES);
            s1 = step(s1, x + window[5], _mm512_srli_epi32(p, 20), w + 5 * LANES);
            s2 = step(s2, x + window[6], _mm512_srli_epi32(p, 24), w + 6 * LANES);
            s3 = step(s3, x + window[7], _mm512_srli_epi32(p, 28), w + 7 * LANES);
        }
        if (steps) {
            __m512i p = load_pick(pick);
            pick += LANES;
            for (; steps; steps--, window++, w += LANES, p = _mm512_srli_epi32(p, 4))
                s0 = step(s0, x + *window, p, w);
        }
        s0 = _mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3));
        _mm512_mask_storeu_ps(y + row, rows, _mm512_min_ps(_mm512_max_ps(s0, lo16), hi16));
    }
}
