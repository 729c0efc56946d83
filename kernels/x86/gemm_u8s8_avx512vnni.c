/* kn_gemm_u8s8 with vpdpbusd: four products in one instruction, exactly. 256-bit vectors: they waste fewer outputs than
 * 512-bit ones, lower no clock, and processors that split 512-bit ones lose nothing. 32 registers hold tiles of 8
 * rows. See gemm_u8s8_quads.h. */
#include "kernels/x86/gemm_u8s8_quads.h"

/* A dpbusd takes 4 to 5 cycles, two begin in each: 8 to 10 sums at least. */
KN_QUADS_TILE(1, 1, 8)
KN_QUADS_TILE(2, 1, 4)
KN_QUADS_TILE(4, 1, 2)
KN_QUADS_TILE(8, 1, 1)
KN_QUADS_TILE(1, 2, 4)
KN_QUADS_TILE(2, 2, 2)
KN_QUADS_TILE(4, 2, 1)
KN_QUADS_TILE(8, 2, 1)
KN_QUADS_TILE(1, 3, 4)
KN_QUADS_TILE(2, 3, 2)
KN_QUADS_TILE(4, 3, 1)
KN_QUADS_TILE(8, 3, 1)

static const struct kn_quads_tiles tiles[3] = {
    {{{8, tile_8_1}, {4, tile_4_1}, {2, tile_2_1}, {1, tile_1_1}}},
    {{{8, tile_8_2}, {4, tile_4_2}, {2, tile_2_2}, {1, tile_1_2}}},
    {{{8, tile_8_3}, {4, tile_4_3}, {2, tile_2_3}, {1, tile_1_3}}},
};

/* All rows against one panel of 8 * nv outputs. */
static void run_panel(const struct kn_rows *a, const struct kn_out *c, const int8_t *w, int nv,
                      const struct kn_quads_finish *f)
{
    const struct kn_quads_tiles *t = &tiles[nv - 1];
    struct kn_walk walk = kn_walk_begin(a, c, f->residual);
    int done = 0;
    for (int size = 0; done < a->m; size++) {
        int mr = t->size[size].mr;
        for (; done + mr <= a->m; done += mr) {
            const uint8_t *row[KN_QUADS_MAX_MR];
            struct kn_places at;
            kn_quads_next(&walk, a, mr, row, &at);
            t->size[size].run(a, row, w, f->bias, 0, f, &at);
        }
    }
}

void kn_gemm_u8s8_u8__avx512vnni_8x16(const struct kn_rows *a, const void *packed, const struct kn_requant *rq,
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
        run_panel(a, c, w, width / 8, &f);
        w += depth * (size_t)width;
    }
}

void kn_gemm_u8s8_s32__avx512vnni_8x16(const struct kn_rows *a, const void *packed, const int32_t *bias, int n,
                                       const struct kn_out *c)
{
    const int8_t *w = packed;
    size_t depth = kn_panel_depth(4, a->segs, a->seg_len);
    struct kn_quads_finish f = {0};
    for (int first = 0, width; first < n; first += width) {
        width = kn_panel_width(KN_QUADS_NR, n - first);
        kn_quads_panel(&f, bias, NULL, first, n, width);
        f.y32 = (int32_t *)c->base + first;
        run_panel(a, c, w, width / 8, &f);
        w += depth * (size_t)width;
    }
}
