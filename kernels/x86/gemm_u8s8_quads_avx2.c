/* kn_gemm_u8s8 with vpmaddubsw, vpmaddwd and vpaddd: 32 products in three instructions. Exact through its packing, see
 * quads_extra.h: weights that would saturate 16 bits are split, and what is split off is added to the bias before a
 * tile begins. See gemm_u8s8_quads.h for the tiles. */
#include "kernels/quads_extra.h"
#include "kernels/x86/gemm_u8s8_quads.h"

enum { MR = 4 };

KN_QUADS_TILE(1, 1, 4)
KN_QUADS_TILE(2, 1, 2)
KN_QUADS_TILE(4, 1, 1)
KN_QUADS_TILE(1, 2, 2)
KN_QUADS_TILE(2, 2, 2)
KN_QUADS_TILE(4, 2, 1)
KN_QUADS_TILE(1, 3, 2)
KN_QUADS_TILE(2, 3, 1)
KN_QUADS_TILE(4, 3, 1)

static const struct kn_quads_tiles tiles[3] = {
    {{{4, tile_4_1}, {2, tile_2_1}, {1, tile_1_1}}},
    {{{4, tile_4_2}, {2, tile_2_2}, {1, tile_1_2}}},
    {{{4, tile_4_3}, {2, tile_2_3}, {1, tile_1_3}}},
};

/* A panel's extras. */
struct extras {
    struct kn_quads_head head;
    const uint32_t *length;
    const struct kn_quads_place *place;
    const int8_t *weights;
};

static struct extras read_extras(const int8_t *p)
{
    struct extras e;
    memcpy(&e.head, p, sizeof e.head);
    e.length = (const uint32_t *)(const void *)(p + sizeof e.head);
    e.place = (const struct kn_quads_place *)(const void *)(p + sizeof e.head + kn_quads_length_bytes(&e.head));
    e.weights = p + sizeof e.head + kn_quads_place_bytes(&e.head);
    return e;
}

/* start (mr, nv, 8) = bias + extras. Within a run, products add up in 16 bits. flat: there is one segment. */
KN_INLINE void add_extras(const struct kn_rows *a, const uint8_t *const *row, int mr, int flat, int nv,
                          const struct extras *e, const int32_t *bias, int32_t *start)
{
    const struct kn_quads_place *place = e->place;
    const uint32_t *length = e->length;
    const int8_t *w = e->weights;
    const uint8_t *x[MR];
    int single = a->seg_w == 1;
    ptrdiff_t seg_step = a->seg_step_y;
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
                ptrdiff_t at = (ptrdiff_t)place->input;
                if (!flat)
                    at += single ? (ptrdiff_t)place->segment * seg_step : kn_seg_place(a, (int)place->segment);
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
    static void extras_##mr(const struct kn_rows *a, const uint8_t *const *row, int nv, const struct extras *e,        \
                            const int32_t *bias, int32_t *start)                                                       \
    {                                                                                                                  \
        if (a->segs == 1)                                                                                              \
            add_extras(a, row, mr, 1, nv, e, bias, start);                                                             \
        else                                                                                                           \
            add_extras(a, row, mr, 0, nv, e, bias, start);                                                             \
    }
EXTRAS(1)
EXTRAS(2)
EXTRAS(4)

typedef void (*extras_fn)(const struct kn_rows *a, const uint8_t *const *row, int nv, const struct extras *e,
                          const int32_t *bias, int32_t *start);
static const extras_fn extras[MR + 1] = {[1] = extras_1, [2] = extras_2, [4] = extras_4};

/* All rows against one panel of 8 * nv outputs. Returns what follows the panel. */
static const int8_t *run_panel(const struct kn_rows *a, const struct kn_out *c, const int8_t *w, size_t depth, int nv,
                               const struct kn_quads_finish *f)
{
    const struct kn_quads_tiles *t = &tiles[nv - 1];
    const struct extras e = read_extras(w + depth * (size_t)(8 * nv));
    struct kn_walk walk = kn_walk_begin(a, c, f->residual);
    int done = 0;
    _Alignas(32) int32_t start[MR * KN_QUADS_WIDE];
    for (int size = 0; done < a->m; size++) {
        int mr = t->size[size].mr;
        for (; done + mr <= a->m; done += mr) {
            const uint8_t *row[KN_QUADS_MAX_MR];
            struct kn_places at;
            kn_quads_next(&walk, a, mr, row, &at);
            if (e.head.extras)
                extras[mr](a, row, nv, &e, f->bias, start);
            t->size[size].run(a, row, w, e.head.extras ? start : f->bias, e.head.extras ? 8 * nv : 0, f, &at);
        }
    }
    return e.weights + (size_t)e.head.extras * KN_QUADS_BYTES;
}

void kn_gemm_u8s8_u8__avx2_quads_4x16(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
                                      const struct kn_residual *residual, int n, const struct kn_out *c)
{
    const int8_t *w = packed;
    size_t depth = kn_panel_depth(4, a->segs, a->seg_len);
    struct kn_quads_finish f = {
        .lanes = kn_requant_lanes(rq->zero_point, rq->lo, rq->hi), .rq = rq, .residual = residual};
    for (int first = 0, width; first < n; first += width) {
        width = kn_panel_width(KN_QUADS_NR, n - first);
        kn_quads_panel(&f, rq->bias, rq->scale, first, n, width);
        f.y8 = (uint8_t *)c->base + first;
        f.add = residual ? (const uint8_t *)residual->base + first : NULL;
        w = run_panel(a, c, w, depth, width / 8, &f);
    }
}

void kn_gemm_u8s8_s32__avx2_quads_4x16(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                       const struct kn_out *c)
{
    const int8_t *w = packed;
    size_t depth = kn_panel_depth(4, a->segs, a->seg_len);
    struct kn_quads_finish f = {0};
    for (int first = 0, width; first < n; first += width) {
        width = kn_panel_width(KN_QUADS_NR, n - first);
        kn_quads_panel(&f, bias, NULL, first, n, width);
        f.y32 = (int32_t *)c->base + first;
        w = run_panel(a, c, w, depth, width / 8, &f);
    }
}
