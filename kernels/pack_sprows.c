/* Packing for sprows_u8s8: the reference's runs of single weights (runs.h), the SIMD kernels' lanes
 * (spmv_u8s8_lanes.h). */
#include "kernels/roster.h"
#include "kernels/runs.h"
#include "kernels/spmv_u8s8_lanes.h"

static struct kn_runs_source singles(const int8_t *w, int n, const struct kn_rows *a)
{
    return (struct kn_runs_source){w, 1, n, a->segs * a->seg_len, 1, 1, 1, NULL, a};
}

size_t kn_sprows_u8s8_slots__ref(const int8_t *w, int n, const struct kn_rows *a)
{
    struct kn_runs_source s = singles(w, n, a);
    return kn_runs_entries(&s);
}

size_t kn_sprows_u8s8_pack_bytes__ref(const int8_t *w, int n, const struct kn_rows *a)
{
    struct kn_runs_source s = singles(w, n, a);
    return kn_runs_pack_bytes(&s);
}

void kn_sprows_u8s8_pack__ref(const int8_t *w, int n, const struct kn_rows *a, void *out)
{
    struct kn_runs_source s = singles(w, n, a);
    kn_runs_pack(&s, out);
}

static struct kn_lanes_kind avx2(const struct kn_rows *a)
{
    return (struct kn_lanes_kind){8, 1, a};
}

size_t kn_sprows_u8s8_slots__avx2_8x16(const int8_t *w, int n, const struct kn_rows *a)
{
    struct kn_lanes_kind kind = avx2(a);
    return kn_lanes_u8s8_slots(&kind, w, n, a->segs * a->seg_len);
}

size_t kn_sprows_u8s8_pack_bytes__avx2_8x16(const int8_t *w, int n, const struct kn_rows *a)
{
    struct kn_lanes_kind kind = avx2(a);
    return kn_lanes_u8s8_pack_bytes(&kind, w, n, a->segs * a->seg_len);
}

void kn_sprows_u8s8_pack__avx2_8x16(const int8_t *w, int n, const struct kn_rows *a, void *out)
{
    struct kn_lanes_kind kind = avx2(a);
    kn_lanes_u8s8_pack(&kind, w, n, a->segs * a->seg_len, out);
}

static struct kn_lanes_kind avxvnni(const struct kn_rows *a)
{
    return (struct kn_lanes_kind){8, 0, a};
}

size_t kn_sprows_u8s8_slots__avxvnni_8x16(const int8_t *w, int n, const struct kn_rows *a)
{
    struct kn_lanes_kind kind = avxvnni(a);
    return kn_lanes_u8s8_slots(&kind, w, n, a->segs * a->seg_len);
}

size_t kn_sprows_u8s8_pack_bytes__avxvnni_8x16(const int8_t *w, int n, const struct kn_rows *a)
{
    struct kn_lanes_kind kind = avxvnni(a);
    return kn_lanes_u8s8_pack_bytes(&kind, w, n, a->segs * a->seg_len);
}

void kn_sprows_u8s8_pack__avxvnni_8x16(const int8_t *w, int n, const struct kn_rows *a, void *out)
{
    struct kn_lanes_kind kind = avxvnni(a);
    kn_lanes_u8s8_pack(&kind, w, n, a->segs * a->seg_len, out);
}

static struct kn_lanes_kind vnni(const struct kn_rows *a)
{
    return (struct kn_lanes_kind){16, 0, a};
}

size_t kn_sprows_u8s8_slots__avx512vnni_16x16(const int8_t *w, int n, const struct kn_rows *a)
{
    struct kn_lanes_kind kind = vnni(a);
    return kn_lanes_u8s8_slots(&kind, w, n, a->segs * a->seg_len);
}

size_t kn_sprows_u8s8_pack_bytes__avx512vnni_16x16(const int8_t *w, int n, const struct kn_rows *a)
{
    struct kn_lanes_kind kind = vnni(a);
    return kn_lanes_u8s8_pack_bytes(&kind, w, n, a->segs * a->seg_len);
}

void kn_sprows_u8s8_pack__avx512vnni_16x16(const int8_t *w, int n, const struct kn_rows *a, void *out)
{
    struct kn_lanes_kind kind = vnni(a);
    kn_lanes_u8s8_pack(&kind, w, n, a->segs * a->seg_len, out);
}
