/* Packing for kn_gemm_u8s8__avx2_quads_4x16; see quads_extra.h. */
#include <string.h>

#include "kernels/panel.h"
#include "kernels/quads_extra.h"
#include "kernels/roster.h"

enum { NR = 16, KR = 4, LANES = 8, PAIRS = 2 * LANES };

/* Weights (n, segs * seg_len), row-major. */
struct source {
    const int8_t *w;
    int n, segs, seg_len;
};

/* Where a panel's extras go as they are found: nowhere (only counted) when place is NULL. */
struct extras {
    uint32_t count; /* of this vector */
    struct kn_quads_place *place;
    int8_t *weights;
    int positive[PAIRS], negative[PAIRS]; /* of the current run */
};

/* Four inputs of eight outputs; missing ones are zero. */
static void take_quad(const struct source *s, int first, int seg, int input, int8_t quad[LANES * KR])
{
    size_t k = (size_t)s->segs * (size_t)s->seg_len;
    int inputs = s->seg_len - input < KR ? s->seg_len - input : KR;
    memset(quad, 0, LANES * KR);
    for (int j = 0; j < LANES && first + j < s->n; j++)
        memcpy(quad + j * KR, s->w + (size_t)(first + j) * k + (size_t)seg * (size_t)s->seg_len + input,
               (size_t)inputs);
}

/* Moves what pair[] has in excess to extra[]; returns it, with its sign. */
static int split_pair(int8_t pair[2], int8_t extra[2])
{
    int a = pair[0], b = pair[1], size_a = a < 0 ? -a : a, size_b = b < 0 ? -b : b;
    int excess = size_a + size_b - KN_QUADS_LIMIT, from = size_a < size_b;
    if ((a < 0) != (b < 0) || excess <= 0)
        return 0;
    if (a < 0)
        excess = -excess;
    extra[from] = (int8_t)excess;
    pair[from] = (int8_t)(pair[from] - excess);
    return excess;
}

static void begin_run(struct extras *e)
{
    memset(e->positive, 0, sizeof e->positive);
    memset(e->negative, 0, sizeof e->negative);
}

static void end_run(struct extras *e)
{
    if (e->place && e->count > 0)
        e->place[e->count - 1].input_end |= 1;
    begin_run(e);
}

/* Does the run stay within the limit with these excesses too? If so they are counted in. */
static int fits_run(struct extras *e, const int excess[PAIRS])
{
    for (int p = 0; p < PAIRS; p++) {
        if (e->positive[p] + excess[p] > KN_QUADS_LIMIT || e->negative[p] - excess[p] > KN_QUADS_LIMIT)
            return 0;
    }
    for (int p = 0; p < PAIRS; p++)
        *(excess[p] > 0 ? &e->positive[p] : &e->negative[p]) += excess[p] > 0 ? excess[p] : -excess[p];
    return 1;
}

/* Makes a quad safe. */
static void split_quad(int8_t quad[LANES * KR], int seg, int input, struct extras *e)
{
    int8_t extra[LANES * KR] = {0};
    int excess[PAIRS], any = 0;
    for (int p = 0; p < PAIRS; p++) {
        excess[p] = split_pair(quad + 2 * p, extra + 2 * p);
        any |= excess[p];
    }
    if (!any)
        return;
    if (!fits_run(e, excess)) {
        end_run(e);
        fits_run(e, excess);
    }
    if (e->place) {
        e->place[e->count] = (struct kn_quads_place){(uint32_t)seg, 2 * (uint32_t)input};
        memcpy(e->weights + (size_t)e->count * KN_QUADS_BYTES, extra, sizeof extra);
    }
    e->count++;
}

/* One vector of a panel; its quads are written `pitch` bytes apart unless out is NULL. */
static void split_vector(const struct source *s, int first, int8_t *out, size_t pitch, struct extras *e)
{
    begin_run(e);
    for (int seg = 0; seg < s->segs; seg++) {
        for (int input = 0; input < s->seg_len; input += KR) {
            int8_t quad[LANES * KR];
            take_quad(s, first, seg, input, quad);
            split_quad(quad, seg, input, e);
            if (out) {
                memcpy(out, quad, sizeof quad);
                out += pitch;
            }
        }
    }
    end_run(e);
}

static size_t count_extras(const struct source *s, int first, int width, uint32_t counts[KN_QUADS_COUNTS])
{
    memset(counts, 0, KN_QUADS_COUNTS * sizeof *counts);
    for (int v = 0; v < width / LANES; v++) {
        struct extras e = {0};
        split_vector(s, first + v * LANES, NULL, 0, &e);
        counts[v] = e.count;
    }
    return kn_quads_extras(counts);
}

size_t kn_gemm_u8s8_pack_bytes__avx2_quads_4x16(const int8_t *w, int n, int segs, int seg_len)
{
    const struct source s = {w, n, segs, seg_len};
    size_t depth = kn_panel_depth(KR, segs, seg_len), bytes = 0;
    uint32_t counts[KN_QUADS_COUNTS];
    for (int first = 0, width; first < n; first += width) {
        width = kn_panel_width(NR, n - first);
        bytes += depth * (size_t)width + kn_quads_extra_bytes(count_extras(&s, first, width, counts));
    }
    return bytes;
}

void kn_gemm_u8s8_pack__avx2_quads_4x16(const int8_t *w, int n, int segs, int seg_len, void *out)
{
    const struct source s = {w, n, segs, seg_len};
    size_t depth = kn_panel_depth(KR, segs, seg_len);
    unsigned char *to = out;
    for (int first = 0, width; first < n; first += width) {
        uint32_t counts[KN_QUADS_COUNTS];
        struct extras e = {0};
        unsigned char *dense = to;
        size_t extras;
        width = kn_panel_width(NR, n - first);
        extras = count_extras(&s, first, width, counts);
        to += depth * (size_t)width;
        memcpy(to, counts, sizeof counts);
        e.place = (struct kn_quads_place *)(void *)(to + sizeof counts);
        memset(e.place, 0, kn_quads_place_bytes(extras));
        e.weights = (int8_t *)e.place + kn_quads_place_bytes(extras);
        to += kn_quads_extra_bytes(extras);
        for (int v = 0; v < width / LANES; v++) {
            e.count = 0;
            split_vector(&s, first + v * LANES, (int8_t *)dense + (size_t)v * LANES * KR, (size_t)width * KR, &e);
            e.place += e.count;
            e.weights += (size_t)e.count * KN_QUADS_BYTES;
        }
    }
}
