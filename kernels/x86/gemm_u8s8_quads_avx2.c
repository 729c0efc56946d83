/* kn_gemm_u8s8 and kn_gemm_u7s8 with vpmaddubsw, vpmaddwd and vpaddd: 32 products in three instructions. Seven-bit
 * inputs are exact by themselves (2 * 127 * 128 < 2^15). Eight-bit ones are exact through the packing, see
 * quads_extra.h: weights that would saturate 16 bits are split, and what is split off is added to the bias before a
 * tile begins. */
#include "kernels/x86/quads_avx2.h"

enum { MR = 4 };

KN_QUADS_TILE(1, 1, 4)
KN_QUADS_TILE(2, 1, 4)
KN_QUADS_TILE(3, 1, 2)
KN_QUADS_TILE(4, 1, 2)
KN_QUADS_TILE(1, 2, 4)
KN_QUADS_TILE(2, 2, 2)
KN_QUADS_TILE(3, 2, 1)
KN_QUADS_TILE(4, 2, 1)
KN_QUADS_TILE(1, 3, 2)
KN_QUADS_TILE(2, 3, 1)
KN_QUADS_TILE(3, 3, 1)
KN_QUADS_TILE(4, 3, 1)

static const kn_quads_tile_fn tiles_1[MR] = {tile_1_1, tile_2_1, tile_3_1, tile_4_1};
static const kn_quads_tile_fn tiles_2[MR] = {tile_1_2, tile_2_2, tile_3_2, tile_4_2};
static const kn_quads_tile_fn tiles_3[MR] = {tile_1_3, tile_2_3, tile_3_3, tile_4_3};

/* start (mr, nv, 8) = bias + extras. Within a run, products add up in 16 bits. lines: seg_w is 1. */
KN_TILE void add_extras(const struct kn_rows *a, const uint8_t *const *row, int mr, int lines, int nv,
                        const struct kn_quads_extras *e, const int32_t *bias, int32_t *start)
{
    const struct kn_quads_place *place = e->place;
    const uint32_t *length = e->length;
    const int8_t *w = e->weights;
    const uint8_t *x[MR];
    ptrdiff_t step = a->seg_step_y;
    KN_UNROLL
    for (int i = 0; i < mr; i++)
        x[i] = row[i];
    for (int v = 0; v < nv; v++) {
        __m256i sum[MR];
        KN_UNROLL
        for (int i = 0; i < mr; i++)
            sum[i] = kn_quads_load(bias + 8 * v);
        for (uint32_t runs = e->head.runs[v]; runs; runs--) {
            const struct kn_quads_place *end = place + *length++;
            __m256i part[MR];
            KN_UNROLL
            for (int i = 0; i < mr; i++)
                part[i] = _mm256_setzero_si256();
            for (; place != end; place++, w += KN_QUADS_BYTES) {
                ptrdiff_t seg = lines ? (ptrdiff_t)place->segment * step : kn_seg_place(a, (int)place->segment);
                ptrdiff_t at = seg + (ptrdiff_t)place->input;
                __m256i wv = kn_quads_load(w);
                KN_UNROLL
                for (int i = 0; i < mr; i++)
                    part[i] = _mm256_add_epi16(part[i], _mm256_maddubs_epi16(kn_quads_broadcast(x[i] + at), wv));
            }
            KN_UNROLL
            for (int i = 0; i < mr; i++)
                sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(part[i], _mm256_set1_epi16(1)));
        }
        KN_UNROLL
        for (int i = 0; i < mr; i++)
            _mm256_storeu_si256((__m256i *)(void *)(start + 8 * (i * nv + v)), sum[i]);
    }
}

#define EXTRAS(mr)                                                                                                     \
    static void extras_##mr(const struct kn_rows *a, const uint8_t *const *row, int nv,                                \
                            const struct kn_quads_extras *e, const int32_t *bias, int32_t *start)                      \
    {                                                                                                                  \
        if (a->seg_w == 1)                                                                                             \
            add_extras(a, row, mr, 1, nv, e, bias, start);                                                             \
        else                                                                                                           \
            add_extras(a, row, mr, 0, nv, e, bias, start);                                                             \
    }
EXTRAS(1)
EXTRAS(2)
EXTRAS(3)
EXTRAS(4)

static void extras(const struct kn_rows *a, const uint8_t *const *x, int mr, int nv, const struct kn_quads_extras *e,
                   const int32_t *bias, int32_t *sum)
{
    typedef void (*extras_fn)(const struct kn_rows *a, const uint8_t *const *row, int nv,
                              const struct kn_quads_extras *e, const int32_t *bias, int32_t *start);
    static const extras_fn by_rows[MR] = {extras_1, extras_2, extras_3, extras_4};
    by_rows[mr - 1](a, x, nv, e, bias, sum);
}

static const struct kn_quads_level eight = {.shape = {8, 3},
                                            .mr = {MR, MR, MR},
                                            .tile = {tiles_1, tiles_2, tiles_3},
                                            .u8 = kn_quads_finish_u8,
                                            .extras = extras};
static const struct kn_quads_level seven = {
    .shape = {8, 3}, .mr = {MR, MR, MR}, .tile = {tiles_1, tiles_2, tiles_3}, .u8 = kn_quads_finish_u8};

void kn_gemm_u8s8_u8__avx2_quads_4x24(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                                      const struct kn_residual *residual, int n, const struct kn_out *c)
{
    kn_quads_run_u8(&eight, a, packed, rq, residual, n, c);
}

void kn_gemm_u8s8_s32__avx2_quads_4x24(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                       const struct kn_out *c)
{
    kn_quads_run_s32(&eight, a, packed, bias, n, c);
}

void kn_gemm_u7s8_u8__avx2_4x24(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                                const struct kn_residual *residual, int n, const struct kn_out *c)
{
    kn_quads_run_u8(&seven, a, packed, rq, residual, n, c);
}

void kn_gemm_u7s8_s32__avx2_4x24(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                 const struct kn_out *c)
{
    kn_quads_run_s32(&seven, a, packed, bias, n, c);
}
