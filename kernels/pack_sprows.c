/* Packing for the reference kernel of sprows_u8s8: runs of single weights (runs.h). */
#include "kernels/roster.h"
#include "kernels/runs.h"

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
