/* y(n) = W(n, k) x(k) over the nonzero weights; layout and idea in spmv_f32_lanes.h. A step is one permutation of a
 * window of x and one FMA; vpermps looks at the low three bits of each lane only, so that a shift per step serves
 * as the index. Windows may begin anywhere: x is read up to 28 bytes past its end. */
#include "kernels/spmv_f32_lanes.h"
#include "kernels/x86/lanes_avx2.h"

enum { LANES = 8 };

KN_INLINE __m256 step(__m256 sum, const float *window, __m256i pick, const float *weight)
{
    __m256 picked = _mm256_permutevar8x32_ps(_mm256_loadu_ps(window), pick);
    return _mm256_fmadd_ps(picked, _mm256_loadu_ps(weight), sum);
}

KN_INLINE __m256i load_pick(const uint32_t *pick)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)pick);
}

void kn_spmv_f32__avx2_8x8(const float *x, const void *packed, const float *bias, int n, int k, float lo, float hi,
                           float *y)
{
    const uint32_t *words = packed;
    struct kn_spmv_f32_view v = kn_spmv_f32_view(n, LANES, words[0], words[1]);
    const uint32_t *group_steps = words + v.group_steps, *window = words + v.window, *pick = words + v.pick;
    const float *w = (const float *)packed + v.weight;
    __m256 lo8 = _mm256_set1_ps(lo), hi8 = _mm256_set1_ps(hi);
    (void)k;
    for (int row = 0; row < n; row += LANES) {
        uint32_t steps = *group_steps++;
        __m256 s0 = kn_load_f32(bias ? bias + row : NULL, n - row);
        __m256 s1 = _mm256_setzero_ps(), s2 = s1, s3 = s1;
        for (; steps >= 8; steps -= 8, window += 8, pick += 8, w += 64) {
            __m256i p = load_pick(pick);
            s0 = step(s0, x + window[0], p, w);
            s1 = step(s1, x + window[1], _mm256_srli_epi32(p, 4), w + 8);
            s2 = step(s2, x + window[2], _mm256_srli_epi32(p, 8), w + 16);
            s3 = step(s3, x + window[3], _mm256_srli_epi32(p, 12), w + 24);
            s0 = step(s0, x + window[4], _mm256_srli_epi32(p, 16), w + 32);
            s1 = step(s1, x + window[5], _mm256_srli_epi32(p, 20), w + 40);
            s2 = step(s2, x + window[6], _mm256_srli_epi32(p, 24), w + 48);
            s3 = step(s3, x + window[7], _mm256_srli_epi32(p, 28), w + 56);
        }
        if (steps) {
            __m256i p = load_pick(pick);
            pick += 8;
            for (; steps; steps--, window++, w += 8, p = _mm256_srli_epi32(p, 4))
                s0 = step(s0, x + *window, p, w);
        }
        s0 = _mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3));
        kn_store_f32(y + row, kn_clamp_ps(s0, lo8, hi8), n - row);
    }
}
