/* Packing for the SIMD kernels of spmv_f32; see spmv_f32_lanes.h. */
#include "kernels/spmv_f32_lanes.h"

#include <string.h>

#include "kernels/roster.h"

enum { LANES = KN_SPMV_F32_LANES, CHUNK = KN_SPMV_F32_CHUNK };

/* Where the rows of one group stand: the column of each row's next weight, k when it has none left. */
struct cursor {
    const float *w; /* of the group's first row */
    int lanes, rows, k;
    int next[LANES];
};

static int next_nonzero(const float *row, int from, int k)
{
    while (from < k && row[from] == 0.0f)
        from++;
    return from;
}

static void cursor_init(struct cursor *c, const float *w, int n, int k, int lanes, int group)
{
    int left = n - group * lanes;
    c->w = w + (size_t)(group * lanes) * (size_t)k;
    c->lanes = lanes;
    c->rows = left < lanes ? left : lanes;
    c->k = k;
    for (int r = 0; r < lanes; r++)
        c->next[r] = r < c->rows ? next_nonzero(c->w + (size_t)r * (size_t)k, 0, k) : k;
}

/* One step: its window, and per lane the picked input and the weight (0, 0 for idle lanes). 0 when all is done. */
static int cursor_step(struct cursor *c, uint32_t *window, uint32_t pick[LANES], float weight[LANES])
{
    int first = c->k;
    for (int r = 0; r < c->rows; r++)
        first = c->next[r] < first ? c->next[r] : first;
    if (first == c->k)
        return 0;
    *window = (uint32_t)first;
    for (int r = 0; r < c->lanes; r++) {
        const float *row = c->w + (size_t)r * (size_t)c->k;
        pick[r] = 0;
        weight[r] = 0;
        if (c->next[r] < c->k && c->next[r] < first + c->lanes) {
            pick[r] = (uint32_t)(c->next[r] - first);
            weight[r] = row[c->next[r]];
            c->next[r] = next_nonzero(row, c->next[r] + 1, c->k);
        }
    }
    return 1;
}

/* Steps and chunks of the whole matrix. */
static void count_steps(const float *w, int n, int k, int lanes, uint32_t *steps, uint32_t *chunks)
{
    *steps = *chunks = 0;
    for (int group = 0; group * lanes < n; group++) {
        struct cursor c;
        uint32_t window, pick[LANES], here = 0;
        float weight[LANES];
        cursor_init(&c, w, n, k, lanes, group);
        while (cursor_step(&c, &window, pick, weight))
            here++;
        *steps += here;
        *chunks += (here + CHUNK - 1) / CHUNK;
    }
}

static size_t pack_bytes(const float *w, int n, int k, int lanes)
{
    uint32_t steps, chunks;
    count_steps(w, n, k, lanes, &steps, &chunks);
    return kn_spmv_f32_view(n, lanes, steps, chunks).words * sizeof(uint32_t);
}

static void pack(const float *w, int n, int k, int lanes, void *out)
{
    uint32_t *words = out, steps, chunks, *window, *picks, *group_steps;
    unsigned char *weights;
    struct kn_spmv_f32_view v;
    count_steps(w, n, k, lanes, &steps, &chunks);
    v = kn_spmv_f32_view(n, lanes, steps, chunks);
    memset(out, 0, v.words * sizeof *words);
    words[0] = steps;
    words[1] = chunks;
    group_steps = words + v.group_steps;
    window = words + v.window;
    picks = words + v.pick;
    weights = (unsigned char *)(words + v.weight);
    for (int group = 0; group * lanes < n; group++) {
        struct cursor c;
        uint32_t pick[LANES], here = 0;
        float weight[LANES];
        cursor_init(&c, w, n, k, lanes, group);
        while (cursor_step(&c, window, pick, weight)) {
            for (int r = 0; r < lanes; r++)
                picks[r] |= pick[r] << (4 * (here % CHUNK));
            memcpy(weights, weight, (size_t)lanes * sizeof *weight);
            window++;
            weights += (size_t)lanes * sizeof *weight;
            if (++here % CHUNK == 0)
                picks += lanes;
        }
        if (here % CHUNK)
            picks += lanes;
        group_steps[group] = here;
    }
}

size_t kn_spmv_f32_pack_bytes__avx2_8x8(const float *w, int n, int k)
{
    return pack_bytes(w, n, k, 8);
}

void kn_spmv_f32_pack__avx2_8x8(const float *w, int n, int k, void *out)
{
    pack(w, n, k, 8, out);
}

size_t kn_spmv_f32_pack_bytes__avx512vnni_16x16(const float *w, int n, int k)
{
    return pack_bytes(w, n, k, 16);
}

void kn_spmv_f32_pack__avx512vnni_16x16(const float *w, int n, int k, void *out)
{
    pack(w, n, k, 16, out);
}
