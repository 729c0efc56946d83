/* y(n) = W(n, k) x(k) over the nonzero weights, in integers, sixteen rows at a time; layout in spmv_u8s8_lanes.h.
 * vpdpbusd adds the four products of a row exactly. Windows may begin anywhere: x is read up to 15 bytes past its
 * end. */
#include "kernels/spmv_u8s8_lanes.h"
#include "kernels/x86/lanes_avx2.h"

enum { ROWS = 16, VECTOR = 64 };

/* Where the packed pieces of the next group are. */
struct stream {
    const uint32_t *group_steps, *window;
    const uint8_t *pick;
    const int8_t *weight;
};

static struct stream stream_begin(const void *packed, int n)
{
    const unsigned char *bytes = packed;
    uint32_t steps;
    struct kn_spmv_u8s8_view v;
    struct stream s;
    memcpy(&steps, bytes, sizeof steps);
    v = kn_spmv_u8s8_view(n, ROWS, steps);
    s.group_steps = (const uint32_t *)(const void *)(bytes + v.group_steps);
    s.window = (const uint32_t *)(const void *)(bytes + v.window);
    s.pick = bytes + v.pick;
    s.weight = (const int8_t *)(bytes + v.weight);
    return s;
}

KN_INLINE __m512i step(__m512i sum, const uint8_t *window, __m512i pick, const int8_t *weight)
{
    __m512i table = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)window));
    return _mm512_dpbusd_epi32(sum, _mm512_shuffle_epi8(table, pick), _mm512_loadu_si512(weight));
}

/* Sums of the next sixteen rows. Four of them, because vpdpbusd takes five cycles. */
KN_INLINE __m512i next_group(struct stream *s, const uint8_t *x)
{
    const __m512i low = _mm512_set1_epi8(15);
    __m512i s0 = _mm512_setzero_si512(), s1 = s0, s2 = s0, s3 = s0;
    uint32_t steps = *s->group_steps++;
    for (; steps >= 4; steps -= 4, s->window += 4, s->pick += 2 * VECTOR, s->weight += 4 * VECTOR) {
        __m512i p = _mm512_loadu_si512(s->pick), q = _mm512_loadu_si512(s->pick + VECTOR);
        s0 = step(s0, x + s->window[0], _mm512_and_si512(p, low), s->weight);
        s1 = step(s1, x + s->window[1], _mm512_and_si512(_mm512_srli_epi16(p, 4), low), s->weight + VECTOR);
        s2 = step(s2, x + s->window[2], _mm512_and_si512(q, low), s->weight + 2 * VECTOR);
        s3 = step(s3, x + s->window[3], _mm512_and_si512(_mm512_srli_epi16(q, 4), low), s->weight + 3 * VECTOR);
    }
    if (steps) {
        __m512i p = _mm512_loadu_si512(s->pick);
        s0 = step(s0, x + s->window[0], _mm512_and_si512(p, low), s->weight);
        s1 = step(s1, x + s->window[1], _mm512_and_si512(_mm512_srli_epi16(p, 4), low), s->weight + VECTOR);
        s->window += 2;
        s->pick += VECTOR;
        s->weight += 2 * VECTOR;
    }
    return _mm512_add_epi32(_mm512_add_epi32(s0, s1), _mm512_add_epi32(s2, s3));
}

/* The rows of this group that exist. */
KN_INLINE __mmask16 rows_mask(int left)
{
    return (__mmask16)(left >= ROWS ? 0xffff : (1U << left) - 1);
}

void kn_spmv_u8s8_u8__avx512vnni_16x16(const uint8_t *x, const void *packed, const struct kn_requant *rq, int n, int k,
                                       uint8_t *y)
{
    struct stream s = stream_begin(packed, n);
    __m512 lo = _mm512_set1_ps((float)(rq->lo - rq->zero_point)), hi = _mm512_set1_ps((float)(rq->hi - rq->zero_point));
    (void)k;
    for (int row = 0; row < n; row += ROWS) {
        __mmask16 rows = rows_mask(n - row);
        __m512i sum = _mm512_add_epi32(next_group(&s, x), _mm512_maskz_loadu_epi32(rows, rq->bias + row));
        __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_maskz_loadu_ps(rows, rq->scale + row));
        sum = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(scaled, lo), hi));
        sum = _mm512_add_epi32(sum, _mm512_set1_epi32(rq->zero_point));
        _mm_mask_storeu_epi8(y + row, rows, _mm512_cvtepi32_epi8(sum));
    }
}

void kn_spmv_u8s8_s32__avx512vnni_16x16(const uint8_t *x, const void *packed, const int32_t *bias, int n, int k,
                                        int32_t *y)
{
    struct stream s = stream_begin(packed, n);
    (void)k;
    for (int row = 0; row < n; row += ROWS) {
        __mmask16 rows = rows_mask(n - row);
        __m512i sum = next_group(&s, x);
        if (bias)
            sum = _mm512_add_epi32(sum, _mm512_maskz_loadu_epi32(rows, bias + row));
        _mm512_mask_storeu_epi32(y + row, rows, sum);
    }
}
