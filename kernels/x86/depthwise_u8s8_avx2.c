/* kn_depthwise_u8s8, sixteen channels at a time, two taps in one multiplication of words. */
#include "kernels/depthwise_clip.h"
#include "kernels/x86/lanes_avx2.h"

enum { BLOCK = 16 };

/* One block of channels. Vectors hold channels 0-3 and 8-11, and 4-7 and 12-15. */
struct block {
    const struct kn_depthwise_shape *s;
    const int16_t *w;
    const uint8_t *outside; /* BLOCK times the zero point */
    __m256i bias[2];
    __m256 scale[2];
    struct kn_requant_lanes q;
    int channels; /* 1..BLOCK */
};

/* Where an output's taps are read; those outside of the image at `outside`. */
struct reader {
    const struct block *b;
    const uint8_t *line0; /* the block's first channel of line 0, column 0 */
    int iy, ix, ky, kx;
};

KN_INLINE const uint8_t *next_tap(struct reader *r)
{
    const struct kn_depthwise_shape *s = r->b->s;
    int iy = r->iy + r->ky * s->dilation_h, ix = r->ix + r->kx * s->dilation_w;
    if (++r->kx == s->kernel_w) {
        r->kx = 0;
        r->ky++;
    }
    return iy >= 0 && iy < s->h && ix >= 0 && ix < s->w ? r->line0 + iy * s->x_step_y + ix * s->x_step_x
                                                        : r->b->outside;
}

KN_INLINE __m256i widen_16(const uint8_t *x)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)x));
}

/* Sums of one output, bias included. */
KN_INLINE void sums(const struct block *b, const uint8_t *x, int oy, int ox, __m256i *sum)
{
    const struct kn_depthwise_shape *s = b->s;
    struct reader r = {b, x, oy * s->stride_h - s->pad_h, ox * s->stride_w - s->pad_w, 0, 0};
    const int16_t *w = b->w;
    sum[0] = b->bias[0];
    sum[1] = b->bias[1];
    for (int taps = s->kernel_h * s->kernel_w; taps > 0; taps -= 2, w += 32) {
        __m256i first = widen_16(next_tap(&r)), second = taps > 1 ? widen_16(next_tap(&r)) : _mm256_setzero_si256();
        __m256i w0 = _mm256_loadu_si256((const __m256i *)(const void *)w);
        __m256i w1 = _mm256_loadu_si256((const __m256i *)(const void *)(w + 16));
        sum[0] = _mm256_add_epi32(sum[0], _mm256_madd_epi16(_mm256_unpacklo_epi16(first, second), w0));
        sum[1] = _mm256_add_epi32(sum[1], _mm256_madd_epi16(_mm256_unpackhi_epi16(first, second), w1));
    }
}

/* Back to the order of the channels: 0-7, 8-15. */
KN_INLINE void in_order(const __m256i *sum, __m256i *out)
{
    out[0] = _mm256_permute2x128_si256(sum[0], sum[1], 0x20);
    out[1] = _mm256_permute2x128_si256(sum[0], sum[1], 0x31);
}

static void store_u8(const struct block *b, const __m256i *sum, uint8_t *y)
{
    __m256i v[2];
    in_order(sum, v);
    kn_store_u8(y, kn_requant_u8(v[0], b->scale[0], &b->q), b->channels);
    if (b->channels > 8)
        kn_store_u8(y + 8, kn_requant_u8(v[1], b->scale[1], &b->q), b->channels - 8);
}

static void store_s32(const struct block *b, const __m256i *sum, int32_t *y)
{
    __m256i v[2];
    in_order(sum, v);
    kn_store_s32(y, v[0], b->channels);
    kn_store_s32(y + 8, v[1], b->channels - 8);
}

static void begin_block(struct block *b, const int16_t *packed, const int32_t *bias, int c)
{
    const struct kn_depthwise_shape *s = b->s;
    __m256i low, high;
    b->channels = s->c - c < BLOCK ? s->c - c : BLOCK;
    b->w = packed + (ptrdiff_t)(c / BLOCK) * ((s->kernel_h * s->kernel_w + 1) / 2) * 32;
    low = kn_load_s32(bias ? bias + c : NULL, b->channels);
    high = kn_load_s32(bias ? bias + c + 8 : NULL, b->channels - 8);
    b->bias[0] = _mm256_permute2x128_si256(low, high, 0x20);
    b->bias[1] = _mm256_permute2x128_si256(low, high, 0x31);
}

void kn_depthwise_u8s8_u8__avx2(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                                const void *packed, const struct kn_requant *rq, uint8_t *y)
{
    uint8_t outside[BLOCK];
    struct block b = {.s = s, .outside = outside, .q = kn_requant_lanes(rq->zero_point, rq->lo, rq->hi)};
    __m256i sum[2];
    memset(outside, zero_in, sizeof outside);
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int c = 0; c < s->c; c += BLOCK) {
            begin_block(&b, packed, rq->bias, c);
            b.scale[0] = kn_load_f32(rq->scale + c, b.channels);
            b.scale[1] = kn_load_f32(rq->scale + c + 8, b.channels - 8);
            for (int ox = 0; ox < s->ow; ox++) {
                sums(&b, x + c, oy, ox, sum);
                store_u8(&b, sum, y + oy * s->y_step_y + ox * s->y_step_x + c);
            }
        }
    }
}

void kn_depthwise_u8s8_s32__avx2(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                                 const void *packed, const int32_t *bias, int32_t *y)
{
    uint8_t outside[BLOCK];
    struct block b = {.s = s, .outside = outside};
    __m256i sum[2];
    memset(outside, zero_in, sizeof outside);
    for (int oy = s->first; oy < s->first + s->lines; oy++) {
        for (int c = 0; c < s->c; c += BLOCK) {
            begin_block(&b, packed, bias, c);
            for (int ox = 0; ox < s->ow; ox++) {
                sums(&b, x + c, oy, ox, sum);
                store_s32(&b, sum, y + oy * s->y_step_y + ox * s->y_step_x + c);
            }
        }
    }
}
