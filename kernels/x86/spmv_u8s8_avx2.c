/* y(n) = W(n, k) x(k) over the nonzero weights, in integers; layout, and why vpmaddubsw is exact here, in
 * spmv_u8s8_lanes.h. Windows may begin anywhere: x is read up to 15 bytes past its end. */
#include "kernels/spmv_u8s8_lanes.h"
#include "kernels/x86/lanes_avx2.h"

enum { ROWS = 8 };

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

KN_INLINE __m256i load_32(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

KN_INLINE __m256i step(__m256i sum, const uint8_t *window, __m256i pick, const int8_t *weight)
{
    __m256i table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)window));
    __m256i pairs = _mm256_maddubs_epi16(_mm256_shuffle_epi8(table, pick), load_32(weight));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

/* Sums of the next eight rows. */
KN_INLINE __m256i next_group(struct stream *s, const uint8_t *x)
{
    const __m256i low = _mm256_set1_epi8(15);
    __m256i s0 = _mm256_setzero_si256(), s1 = s0;
    uint32_t steps = *s->group_steps++;
    for (; steps >= 4; steps -= 4, s->window += 4, s->pick += 64, s->weight += 128) {
        __m256i p = load_32(s->pick), q = load_32(s->pick + 32);
        s0 = step(s0, x + s->window[0], _mm256_and_si256(p, low), s->weight);
        s1 = step(s1, x + s->window[1], _mm256_and_si256(_mm256_srli_epi16(p, 4), low), s->weight + 32);
        s0 = step(s0, x + s->window[2], _mm256_and_si256(q, low), s->weight + 64);
        s1 = step(s1, x + s->window[3], _mm256_and_si256(_mm256_srli_epi16(q, 4), low), s->weight + 96);
    }
    if (steps) {
        __m256i p = load_32(s->pick);
        s0 = step(s0, x + s->window[0], _mm256_and_si256(p, low), s->weight);
        s1 = step(s1, x + s->window[1], _mm256_and_si256(_mm256_srli_epi16(p, 4), low), s->weight + 32);
        s->window += 2;
        s->pick += 32;
        s->weight += 64;
    }
    return _mm256_add_epi32(s0, s1);
}

void kn_spmv_u8s8_u8__avx2_8x16(const uint8_t *x, const void *packed, const struct kn_requant *rq, int n, int k,
                                uint8_t *y)
{
    struct stream s = stream_begin(packed, n);
    struct kn_requant_lanes lanes = kn_requant_lanes(rq->zero_point, rq->lo, rq->hi);
    (void)k;
    for (int row = 0; row < n; row += ROWS) {
        __m256i sum = _mm256_add_epi32(next_group(&s, x), kn_load_s32(rq->bias + row, n - row));
        kn_store_u8(y + row, kn_requant_u8(sum, kn_load_f32(rq->scale + row, n - row), &lanes), n - row);
    }
}

void kn_spmv_u8s8_s32__avx2_8x16(const uint8_t *x, const void *packed, const int32_t *bias, int n, int k, int32_t *y)
{
    struct stream s = stream_begin(packed, n);
    (void)k;
    for (int row = 0; row < n; row += ROWS) {
        __m256i sum = next_group(&s, x);
        kn_store_s32(y + row, _mm256_add_epi32(sum, kn_load_s32(bias ? bias + row : NULL, n - row)), n - row);
    }
}
