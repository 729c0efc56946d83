/* C(m, n) = A(m, K) W(n, K)^T in integers, exactly: bytes are multiplied as 16-bit numbers (vpmaddwd adds two products
 * of at most 255 * 127 in 32 bits), never by vpmaddubsw, which saturates at 16 bits. A comes widened; weights are
 * stored as bytes, two inputs of one output side by side, and sign-extended as they are loaded, which costs one
 * instruction for a whole tile of rows and halves what is read. Sums are modulo 2^32, as the reference's: no sum
 * leaves 32 bits below K = 66 310.
 *
 * Tiles are mr rows by nv vectors of eight outputs; see gemm_f32_tile.h for why loops are unrolled. */
#include "kernels/panel.h"
#include "kernels/walk.h"
#include "kernels/x86/lanes_avx2.h"

enum { NR = 16, MR = 4, MR_WIDE = 3, WIDE = 24, SUMS = 12 };

/* What becomes of the sums of one panel: requantized to bytes, or stored raw. Exactly one of y8, y32. Biases and
 * scales are padded with zeros to whole vectors. */
struct finish {
    _Alignas(32) int32_t bias[WIDE];
    _Alignas(32) float scale[WIDE];
    struct kn_requant_lanes lanes;
    int last; /* outputs in the panel's last vector, 1..8; the others are full */
    uint8_t *y8;
    int32_t *y32;
    const uint8_t *add; /* the residual, from this panel's first output, or NULL */
    const struct kn_requant *rq;
    const struct kn_residual *residual;
};

/* Two neighbouring inputs in every lane. */
KN_INLINE __m256i broadcast_pair(const int16_t *x)
{
    int32_t pair;
    memcpy(&pair, x, sizeof pair);
    return _mm256_set1_epi32(pair);
}

KN_INLINE void step(__m256i *sum, const int16_t *const *x, ptrdiff_t k, const int8_t *w, int mr, int nv)
{
    __m256i wv[3];
    KN_UNROLL
    for (int v = 0; v < nv; v++)
        wv[v] = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(w + 16 * v)));
    KN_UNROLL
    for (int i = 0; i < mr; i++) {
        __m256i xv = broadcast_pair(x[i] + k);
        KN_UNROLL
        for (int v = 0; v < nv; v++)
            sum[i * nv + v] = _mm256_add_epi32(sum[i * nv + v], _mm256_madd_epi16(xv, wv[v]));
    }
}

KN_INLINE __m256i load_s32(const int32_t *sum)
{
    return _mm256_load_si256((const __m256i *)(const void *)sum);
}

/* Raw sums (mr, nv, 8) → c. */
static void finish_s32(const int32_t *sum, int mr, int nv, const struct finish *f, const struct kn_places *at)
{
    for (int i = 0; i < mr; i++) {
        for (int v = 0; v < nv; v++, sum += 8)
            kn_store_s32(f->y32 + at->y[i] + 8 * v, load_s32(sum), v < nv - 1 ? 8 : f->last);
    }
}

/* The same requantized together with a residual. */
static void finish_add(const int32_t *sum, int mr, int nv, const struct finish *f, const struct kn_places *at)
{
    for (int i = 0; i < mr; i++, sum += 8 * nv)
        kn_requant_add_row(sum, f->scale, f->add + at->add[i], f->residual, f->rq, 8 * (nv - 1) + f->last,
                           f->y8 + at->y[i]);
}

KN_INLINE __m256i requant_lanes(const int32_t *sum, __m256 scale, const struct kn_requant_lanes *lanes)
{
    return kn_round_lanes(_mm256_mul_ps(_mm256_cvtepi32_ps(load_s32(sum)), scale), lanes);
}

/* The same requantized, for a constant nv. */
KN_INLINE void finish_u8(const int32_t *sum, int mr, int nv, const struct finish *f, const struct kn_places *at)
{
    const struct kn_requant_lanes lanes = f->lanes;
    __m256 s0 = _mm256_load_ps(f->scale), s1 = _mm256_load_ps(f->scale + 8), s2 = _mm256_load_ps(f->scale + 16);
    for (int i = 0; i < mr; i++, sum += 8 * nv) {
        uint8_t *y = f->y8 + at->y[i];
        __m256i q0 = requant_lanes(sum, s0, &lanes);
        if (nv == 1) {
            kn_store_u8(y, kn_narrow_u8(q0), f->last);
            continue;
        }
        __m128i two = kn_narrow_two_u8(q0, requant_lanes(sum + 8, s1, &lanes));
        if (nv == 3) {
            _mm_storeu_si128((__m128i *)(void *)y, two);
            kn_store_u8(y + 16, kn_narrow_u8(requant_lanes(sum + 16, s2, &lanes)), f->last);
        } else if (f->last == 8) {
            _mm_storeu_si128((__m128i *)(void *)y, two);
        } else {
            _mm_storel_epi64((__m128i *)(void *)y, two);
            kn_store_u8(y + 8, (uint64_t)_mm_extract_epi64(two, 1), f->last);
        }
    }
}

static void finish_u8_1(const int32_t *sum, int mr, const struct finish *f, const struct kn_places *at)
{
    finish_u8(sum, mr, 1, f, at);
}

static void finish_u8_2(const int32_t *sum, int mr, const struct finish *f, const struct kn_places *at)
{
    finish_u8(sum, mr, 2, f, at);
}

static void finish_u8_3(const int32_t *sum, int mr, const struct finish *f, const struct kn_places *at)
{
    finish_u8(sum, mr, 3, f, at);
}

KN_INLINE void finish(const int32_t *sum, int mr, int nv, const struct finish *f, const struct kn_places *at)
{
    if (!f->y8)
        finish_s32(sum, mr, nv, f, at);
    else if (f->add)
        finish_add(sum, mr, nv, f, at);
    else if (nv == 1)
        finish_u8_1(sum, mr, f, at);
    else if (nv == 2)
        finish_u8_2(sum, mr, f, at);
    else
        finish_u8_3(sum, mr, f, at);
}

KN_INLINE void tile(const struct kn_rows *a, const int16_t *const *row, const int8_t *w, int mr, int nv, int ku,
                    const struct finish *f, const struct kn_places *at)
{
    const int16_t *x[MR];
    _Alignas(32) int32_t spill[8 * SUMS];
    __m256i sum[SUMS];
    ptrdiff_t len = a->seg_len;
    int segs = a->segs, column = 0;
    KN_UNROLL
    for (int i = 0; i < mr * nv * ku; i++)
        sum[i] = _mm256_setzero_si256();
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        x[i] = row[i];
    do {
        ptrdiff_t k = 0;
        for (; ku > 1 && k + 2 * ku <= len; k += 2 * ku, w += 16 * nv * ku) {
            KN_UNROLL
            for (int u = 0; u < ku; u++)
                step(sum + u * mr * nv, x, k + 2 * u, w + u * 16 * nv, mr, nv);
        }
        /* An odd segment ends in a pair whose second weight is zero. */
        for (; k < len; k += 2, w += 16 * nv)
            step(sum, x, k, w, mr, nv);
        ptrdiff_t next = kn_seg_next(a, &column);
        KN_UNROLL
        for (int i = 0; i < mr; i++)
            x[i] += next;
    } while (--segs);
    KN_UNROLL
    for (int i = 0; i < mr * nv; i++) {
        KN_UNROLL
        for (int u = 1; u < ku; u++)
            sum[i] = _mm256_add_epi32(sum[i], sum[u * mr * nv + i]);
    }
    KN_UNROLL
    for (int i = 0; i < mr * nv; i++)
        _mm256_store_si256((__m256i *)(void *)(spill + 8 * i),
                           _mm256_add_epi32(sum[i], load_s32(f->bias + 8 * (i % nv))));
    finish(spill, mr, nv, f, at);
}

KN_INLINE __m256i add_products(__m256i sum, __m256i x, const int8_t *w)
{
    __m256i weights = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)w));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(x, weights));
}

/* A single row against a full panel is what batch 1 runs on. Its sums are written out, because not every compiler
 * keeps tile()'s in registers when ku is 4. */
static void tile_1_2(const struct kn_rows *a, const int16_t *const *row, const int8_t *w, const struct finish *f,
                     const struct kn_places *at)
{
    _Alignas(32) int32_t spill[2 * 8];
    __m256i a0 = _mm256_setzero_si256(), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0, v;
    const int16_t *x = row[0];
    ptrdiff_t len = a->seg_len;
    int segs = a->segs, column = 0;
    do {
        ptrdiff_t k = 0;
        for (; k + 8 <= len; k += 8, w += 128) {
            v = broadcast_pair(x + k);
            a0 = add_products(a0, v, w);
            b0 = add_products(b0, v, w + 16);
            v = broadcast_pair(x + k + 2);
            a1 = add_products(a1, v, w + 32);
            b1 = add_products(b1, v, w + 48);
            v = broadcast_pair(x + k + 4);
            a2 = add_products(a2, v, w + 64);
            b2 = add_products(b2, v, w + 80);
            v = broadcast_pair(x + k + 6);
            a3 = add_products(a3, v, w + 96);
            b3 = add_products(b3, v, w + 112);
        }
        for (; k < len; k += 2, w += 32) {
            v = broadcast_pair(x + k);
            a0 = add_products(a0, v, w);
            b0 = add_products(b0, v, w + 16);
        }
        x += kn_seg_next(a, &column);
    } while (--segs);
    a0 = _mm256_add_epi32(_mm256_add_epi32(a0, a1), _mm256_add_epi32(a2, a3));
    b0 = _mm256_add_epi32(_mm256_add_epi32(b0, b1), _mm256_add_epi32(b2, b3));
    _mm256_store_si256((__m256i *)(void *)spill, _mm256_add_epi32(a0, load_s32(f->bias)));
    _mm256_store_si256((__m256i *)(void *)(spill + 8), _mm256_add_epi32(b0, load_s32(f->bias + 8)));
    finish(spill, 1, 2, f, at);
}

/* One function per tile, so that the compiler allocates registers for each alone. */
#define TILE(mr, nv, ku)                                                                                               \
    static void tile_##mr##_##nv(const struct kn_rows *a, const int16_t *const *row, const int8_t *w,                  \
                                 const struct finish *f, const struct kn_places *at)                                   \
    {                                                                                                                  \
        tile(a, row, w, mr, nv, ku, f, at);                                                                            \
    }
TILE(1, 1, 4)
TILE(2, 1, 4)
TILE(3, 1, 2)
TILE(4, 1, 2)
TILE(2, 2, 2)
TILE(3, 2, 1)
TILE(4, 2, 1)
TILE(1, 3, 2)
TILE(2, 3, 1)
TILE(3, 3, 1)

typedef void (*tile_fn)(const struct kn_rows *a, const int16_t *const *row, const int8_t *w, const struct finish *f,
                        const struct kn_places *at);
static const tile_fn tiles[3][MR] = {
    {tile_1_1, tile_2_1, tile_3_1, tile_4_1},
    {tile_1_2, tile_2_2, tile_3_2, tile_4_2},
    {tile_1_3, tile_2_3, tile_3_3, NULL},
};

/* All rows against one panel of 8 * nv outputs. */
static void run_panel(const struct kn_rows *a, const struct kn_out *c, const int8_t *w, int nv, const struct finish *f)
{
    struct kn_walk walk = kn_walk_begin(a, c, f->residual);
    int mr = nv == 3 ? MR_WIDE : MR;
    for (int r = 0; r < a->m; r += mr) {
        int count = a->m - r < mr ? a->m - r : mr;
        const int16_t *row[MR];
        struct kn_places at;
        kn_walk_next(&walk, count, &at);
        for (int i = 0; i < count; i++)
            row[i] = (const int16_t *)a->base + at.x[i];
        tiles[nv - 1][count - 1](a, row, w, f, &at);
    }
}

/* Biases and scales (NULL: none) of the panel that starts at `first`, and how full its last vector is. */
static void set_panel(struct finish *f, const int32_t *bias, const float *scale, int first, int n, int width)
{
    for (int v = 0; v < width; v += 8) {
        int left = n - first - v;
        __m256i b = kn_load_s32(bias ? bias + first + v : NULL, left);
        _mm256_store_si256((__m256i *)(void *)(f->bias + v), b);
        _mm256_store_ps(f->scale + v, kn_load_f32(scale ? scale + first + v : NULL, left));
    }
    f->last = kn_panel_last(width, n - first);
}

void kn_gemm_u8s8_u8__avx2_4x16(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                                const struct kn_residual *residual, int n, const struct kn_out *c)
{
    const int8_t *w = packed;
    size_t depth = kn_panel_depth(2, a->segs, a->seg_len);
    struct finish f;
    f.lanes = kn_requant_lanes(rq->zero_point, rq->lo, rq->hi);
    f.y32 = NULL;
    f.rq = rq;
    f.residual = residual;
    for (int first = 0, width; first < n; first += width) {
        width = kn_panel_width(NR, n - first);
        set_panel(&f, rq->bias, rq->scale, first, n, width);
        f.y8 = (uint8_t *)c->base + first;
        f.add = residual ? (const uint8_t *)residual->base + first : NULL;
        run_panel(a, c, w, width / 8, &f);
        w += depth * (size_t)width;
    }
}

void kn_gemm_u8s8_s32__avx2_4x16(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                 const struct kn_out *c)
{
    const int8_t *w = packed;
    size_t depth = kn_panel_depth(2, a->segs, a->seg_len);
    struct finish f;
    f.y8 = NULL;
    f.residual = NULL;
    for (int first = 0, width; first < n; first += width) {
        width = kn_panel_width(NR, n - first);
        set_panel(&f, bias, NULL, first, n, width);
        f.y32 = (int32_t *)c->base + first;
        run_panel(a, c, w, width / 8, &f);
        w += depth * (size_t)width;
    }
}
