/* kn_depthwise_u8s8 with AArch64 Advanced SIMD, eight channels at a time: bytes become 16-bit numbers, their products
 * 32-bit sums. Packed: blocks of eight channels, tap after tap, the channels side by side, zeros where there is none.
 */
#include <arm_neon.h>
#include <string.h>

#include "kernels/requant.h"
#include "kernels/roster.h"
#include "kernels/unroll.h"

enum { LANES = 8 };

size_t kn_depthwise_u8s8_pack_bytes__neon(const int8_t *w, int c, int kernel_h, int kernel_w)
{
    (void)w;
    return (size_t)((c + LANES - 1) / LANES * LANES) * (size_t)kernel_h * (size_t)kernel_w;
}

void kn_depthwise_u8s8_pack__neon(const int8_t *w, int c, int kernel_h, int kernel_w, void *out)
{
    int taps = kernel_h * kernel_w;
    int8_t *packed = out;
    memset(out, 0, kn_depthwise_u8s8_pack_bytes__neon(w, c, kernel_h, kernel_w));
    for (int i = 0; i < c; i++)
        for (int t = 0; t < taps; t++)
            packed[(i / LANES * taps + t) * LANES + i % LANES] = w[i * taps + t];
}

struct sums {
    int32x4_t low, high;
};

KN_INLINE struct sums add_tap(struct sums s, uint8x8_t x, const int8_t *w)
{
    int16x8_t xv = vreinterpretq_s16_u16(vmovl_u8(x)), wv = vmovl_s8(vld1_s8(w));
    s.low = vmlal_s16(s.low, vget_low_s16(xv), vget_low_s16(wv));
    s.high = vmlal_high_s16(s.high, xv, wv);
    return s;
}

/* Sums of one pixel and block; what lies outside counts as zero_in. x: line 0, this block's first channel. */
static struct sums window(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in, const int8_t *w,
                          int oy, int ox)
{
    const uint8x8_t outside = vdup_n_u8((uint8_t)zero_in);
    struct sums sum = {vdupq_n_s32(0), vdupq_n_s32(0)};
    for (int ky = 0; ky < s->kernel_h; ky++) {
        int y = oy * s->stride_h - s->pad_h + ky * s->dilation_h;
        for (int kx = 0; kx < s->kernel_w; kx++, w += LANES) {
            int column = ox * s->stride_w - s->pad_w + kx * s->dilation_w;
            int inside = y >= 0 && y < s->h && column >= 0 && column < s->w;
            sum = add_tap(sum, inside ? vld1_u8(x + y * s->x_step_y + column * s->x_step_x) : outside, w);
        }
    }
    return sum;
}

static int32x4_t requantize(int32x4_t sum, const float *scale, const struct kn_requant *rq)
{
    float32x4_t lo = vdupq_n_f32((float)(rq->lo - rq->zero_point)), hi = vdupq_n_f32((float)(rq->hi - rq->zero_point));
    float32x4_t x = vmulq_f32(vcvtq_f32_s32(sum), vld1q_f32(scale));
    x = vbslq_f32(vcgtq_f32(x, lo), x, lo);
    x = vbslq_f32(vcltq_f32(x, hi), x, hi);
    return vaddq_s32(vcvtnq_s32_f32(x), vdupq_n_s32(rq->zero_point));
}

void kn_depthwise_u8s8_u8__neon(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                                const void *packed, const struct kn_requant *rq, uint8_t *y)
{
    int taps = s->kernel_h * s->kernel_w;
    for (int c = 0; c < s->c; c += LANES) {
        int count = s->c - c < LANES ? s->c - c : LANES;
        const int8_t *w = (const int8_t *)packed + c * taps;
        int32_t bias[LANES] = {0};
        float scale[LANES] = {0};
        memcpy(bias, rq->bias + c, (size_t)count * sizeof *bias);
        memcpy(scale, rq->scale + c, (size_t)count * sizeof *scale);
        for (int oy = s->first; oy < s->first + s->lines; oy++) {
            for (int ox = 0; ox < s->ow; ox++) {
                struct sums sum = window(s, x + c, zero_in, w, oy, ox);
                int32x4_t low = requantize(vaddq_s32(sum.low, vld1q_s32(bias)), scale, rq);
                int32x4_t high = requantize(vaddq_s32(sum.high, vld1q_s32(bias + 4)), scale + 4, rq);
                uint8_t bytes[LANES];
                vst1_u8(bytes, vqmovn_u16(vcombine_u16(vqmovun_s32(low), vqmovun_s32(high))));
                memcpy(y + oy * s->y_step_y + ox * s->y_step_x + c, bytes, (size_t)count);
            }
        }
    }
}

void kn_depthwise_u8s8_s32__neon(const struct kn_depthwise_shape *s, const uint8_t *x, int32_t zero_in,
                                 const void *packed, const int32_t *bias, int32_t *y)
{
    int taps = s->kernel_h * s->kernel_w;
    for (int c = 0; c < s->c; c += LANES) {
        int count = s->c - c < LANES ? s->c - c : LANES;
        const int8_t *w = (const int8_t *)packed + c * taps;
        int32_t start[LANES] = {0};
        if (bias)
            memcpy(start, bias + c, (size_t)count * sizeof *start);
        for (int oy = s->first; oy < s->first + s->lines; oy++) {
            for (int ox = 0; ox < s->ow; ox++) {
                struct sums sum = window(s, x + c, zero_in, w, oy, ox);
                int32_t out[LANES];
                vst1q_s32(out, vaddq_s32(sum.low, vld1q_s32(start)));
                vst1q_s32(out + 4, vaddq_s32(sum.high, vld1q_s32(start + 4)));
                memcpy(y + oy * s->y_step_y + ox * s->y_step_x + c, out, (size_t)count * sizeof *out);
            }
        }
    }
}
