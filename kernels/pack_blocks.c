/* Packing of block-sparse weights (runs.h), and how many blocks there would be. */
#include "kernels/roster.h"
#include "kernels/runs.h"

static struct kn_runs_source blocks_f32(const struct kn_bsr_f32 *slot, const float *w, int n, const struct kn_rows *a)
{
    return (struct kn_runs_source){w, 4, n, a->segs * a->seg_len, slot->block_rows, slot->block_cols, 1, NULL, a};
}

size_t kn_bsr_f32_pack_bytes(const struct kn_bsr_f32 *slot, const float *w, int n, const struct kn_rows *a)
{
    struct kn_runs_source s = blocks_f32(slot, w, n, a);
    return kn_runs_pack_bytes(&s);
}

void kn_bsr_f32_pack(const struct kn_bsr_f32 *slot, const float *w, int n, const struct kn_rows *a, void *out)
{
    struct kn_runs_source s = blocks_f32(slot, w, n, a);
    kn_runs_pack(&s, out);
}

static size_t count(const void *w, int element_bytes, int n, int segs, int seg_len, int rows, int cols)
{
    const struct kn_rows a = {.segs = segs, .seg_len = seg_len, .seg_w = 1, .seg_step_y = seg_len};
    const struct kn_runs_source s = {w, element_bytes, n, segs * seg_len, rows, cols, 1, NULL, &a};
    return kn_runs_entries(&s);
}

size_t kn_blocks_count_f32(const float *w, int n, int segs, int seg_len, int block_rows, int block_cols)
{
    return count(w, 4, n, segs, seg_len, block_rows, block_cols);
}

size_t kn_blocks_count_s8(const int8_t *w, int n, int segs, int seg_len, int block_rows, int block_cols)
{
    return count(w, 1, n, segs, seg_len, block_rows, block_cols);
}
