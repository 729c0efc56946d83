/* Mean over windows, channels innermost: a vector runs along the channels, several side by side, so that additions
 * need not wait for each other. Floats are summed in the order of the reference. */
#include "kernels/x86/lanes_avx2.h"

/* The part of a window that lies inside the image: its first element, its extent. */
struct window {
    ptrdiff_t at;
    int lines, columns;
};

static struct window clip(const struct kn_pool_shape *s, int oy, int ox)
{
    int y0 = oy * s->stride_h - s->pad_h, x0 = ox * s->stride_w - s->pad_w;
    int y1 = y0 + s->kernel_h, x1 = x0 + s->kernel_w;
    y0 = y0 < 0 ? 0 : y0;
    x0 = x0 < 0 ? 0 : x0;
    y1 = y1 > s->h ? s->h : y1;
    x1 = x1 > s->w ? s->w : x1;
    return (struct window){y0 * s->x_step_y + x0 * s->x_step_x, y1 - y0, x1 - x0};
}

/* Sums of 8 * vectors channels; what lies past the last channel is read and not stored. */
KN_INLINE void sum_f32(const struct kn_pool_shape *s, const struct window *v, const float *x, int vectors, __m256 *sum)
{
    KN_UNROLL
    for (int i = 0; i < vectors; i++)
        sum[i] = _mm256_setzero_ps();
    for (int line = 0; line < v->lines; line++, x += s->x_step_y) {
        const float *p = x;
        for (int column = 0; column < v->columns; column++, p += s->x_step_x) {
            KN_UNROLL
            for (int i = 0; i < vectors; i++)
                sum[i] = _mm256_add_ps(sum[i], _mm256_loadu_ps(p + 8 * i));
        }
    }
}

KN_INLINE __m256 mean(__m256 sum, __m256 count, __m256 lo, __m256 hi)
{
    return kn_clamp_ps(_mm256_div_ps(sum, count), lo, hi);
}

void kn_avgpool_f32_nhwc__avx2(const struct kn_pool_shape *s, const float *x, float lo, float hi, float *y)
{
    __m256 vlo = _mm256_set1_ps(lo), vhi = _mm256_set1_ps(hi), sum[4];
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            struct window v = clip(s, oy, ox);
            __m256 count = _mm256_set1_ps((float)(v.lines * v.columns));
            float *out = y + oy * s->y_step_y + ox * s->y_step_x;
            int c = 0;
            for (; c + 32 <= s->c; c += 32) {
                sum_f32(s, &v, x + v.at + c, 4, sum);
                KN_UNROLL
                for (int i = 0; i < 4; i++)
                    _mm256_storeu_ps(out + c + 8 * i, mean(sum[i], count, vlo, vhi));
            }
            for (; c < s->c; c += 8) {
                sum_f32(s, &v, x + v.at + c, 1, sum);
                kn_store_f32(out + c, mean(sum[0], count, vlo, vhi), s->c - c);
            }
        }
    }
}

enum { WORD_SUMS = 257 }; /* so many bytes fit in 16 bits: 257 * 255 = 65535 */

KN_INLINE __m256i widen_16(const uint8_t *x)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)x));
}

KN_INLINE void flush_words(__m256i words, __m256i *sum)
{
    sum[0] = _mm256_add_epi32(sum[0], _mm256_cvtepu16_epi32(_mm256_castsi256_si128(words)));
    sum[1] = _mm256_add_epi32(sum[1], _mm256_cvtepu16_epi32(_mm256_extracti128_si256(words, 1)));
}

/* Sums of 16 * vectors channels in 32 bits: two vectors of eight for each sixteen. */
KN_INLINE void sum_u8(const struct kn_pool_shape *s, const struct window *v, const uint8_t *x, int vectors,
                      __m256i *sum)
{
    __m256i words[4];
    int room = WORD_SUMS;
    KN_UNROLL
    for (int i = 0; i < vectors; i++) {
        words[i] = sum[2 * i] = sum[2 * i + 1] = _mm256_setzero_si256();
    }
    for (int line = 0; line < v->lines; line++, x += s->x_step_y) {
        const uint8_t *p = x;
        for (int column = 0; column < v->columns; column++, p += s->x_step_x) {
            if (room-- == 0) {
                KN_UNROLL
                for (int i = 0; i < vectors; i++) {
                    flush_words(words[i], sum + 2 * i);
                    words[i] = _mm256_setzero_si256();
                }
                room = WORD_SUMS - 1;
            }
            KN_UNROLL
            for (int i = 0; i < vectors; i++)
                words[i] = _mm256_add_epi16(words[i], widen_16(p + 16 * i));
        }
    }
    KN_UNROLL
    for (int i = 0; i < vectors; i++)
        flush_words(words[i], sum + 2 * i);
}

/* Eight sums → eight bytes; less = count * zero_in in every lane. */
KN_INLINE uint64_t mean_u8(__m256i sum, __m256i less, __m256 scale, const struct kn_requant_lanes *q)
{
    return kn_requant_u8(_mm256_sub_epi32(sum, less), scale, q);
}

void kn_avgpool_u8_nhwc__avx2(const struct kn_pool_shape *s, const uint8_t *x, float ratio, int32_t zero_in,
                              int32_t zero_out, int32_t lo, int32_t hi, uint8_t *y)
{
    struct kn_requant_lanes q = kn_requant_lanes(zero_out, lo, hi);
    __m256i sum[8];
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            struct window v = clip(s, oy, ox);
            int count = v.lines * v.columns;
            __m256 scale = _mm256_set1_ps(ratio / (float)count);
            __m256i less = _mm256_set1_epi32(count * zero_in);
            uint8_t *out = y + oy * s->y_step_y + ox * s->y_step_x;
            int c = 0;
            for (; c + 64 <= s->c; c += 64) {
                sum_u8(s, &v, x + v.at + c, 4, sum);
                KN_UNROLL
                for (int i = 0; i < 8; i++)
                    kn_store_u8(out + c + 8 * i, mean_u8(sum[i], less, scale, &q), 8);
            }
            for (; c < s->c; c += 16) {
                sum_u8(s, &v, x + v.at + c, 1, sum);
                kn_store_u8(out + c, mean_u8(sum[0], less, scale, &q), s->c - c);
                if (s->c - c > 8)
                    kn_store_u8(out + c + 8, mean_u8(sum[1], less, scale, &q), s->c - c - 8);
            }
        }
    }
}
