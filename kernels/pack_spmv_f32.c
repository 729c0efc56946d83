/* Packing for kn_spmv_f32__avx2_8x8; see spmv_f32_lanes.h. */
#include "kernels/spmv_f32_lanes.h"

#include <string.h>

#include "kernels/roster.h"

enum { ROWS = KN_SPMV_F32_ROWS, WINDOW = KN_SPMV_F32_WINDOW, CHUNK = KN_SPMV_F32_CHUNK };

/* Where the rows of one group stand: the column of each row's next weight, k when it has none left. */
struct cursor {
    const float *w; /* of the group's first row */
    int rows, k;
    int next[ROWS];
};

static int next_nonzero(const float *row, int from, int k)
{
    while (from < k && row[from] == 0.0f)
        from++;
    return from;
}

static void cursor_init(struct cursor *c, const float *w, int n, int k, int group)
{
    c->w = w + (size_t)group * ROWS * (size_t)k;
    c->rows = n - group * ROWS < ROWS ? n - group * ROWS : ROWS;
    c->k = k;
    for (int r = 0; r < ROWS; r++)
        c->next[r] = r < c->rows ? next_nonzero(c->w + (size_t)r * (size_t)k, 0, k) : k;
}

/* One step: its window, and per lane the picked input and the weight (0, 0 for idle lanes). 0 when all is done. */
static int cursor_step(struct cursor *c, uint32_t *window, uint32_t pick[ROWS], float weight[ROWS])
{
    int first = c->k;
    for (int r = 0; r < c->rows; r++)
        first = c->next[r] < first ? c->next[r] : first;
    if (first == c->k)
        return 0;
    *window = (uint32_t)first;
    for (int r = 0; r < ROWS; r++) {
        const float *row = c->w + (size_t)r * (size_t)c->k;
        pick[r] = 0;
        weight[r] = 0;
        if (c->next[r] < c->k && c->next[r] < first + WINDOW) {
            pick[r] = (uint32_t)(c->next[r] - first);
            weight[r] = row[c->next[r]];
            c->next[r] = next_nonzero(row, c->next[r] + 1, c->k);
        }
    }
    return 1;
}

/* Steps and chunks of the whole matrix. */
static void count_steps(const float *w, int n, int k, uint32_t *steps, uint32_t *chunks)
{
    *steps = *chunks = 0;
    for (int group = 0; group * ROWS < n; group++) {
        struct cursor c;
        uint32_t window, pick[ROWS], here = 0;
        float weight[ROWS];
        cursor_init(&c, w, n, k, group);
        while (cursor_step(&c, &window, pick, weight))
            here++;
        *steps += here;
        *chunks += (here + CHUNK - 1) / CHUNK;
    }
}

size_t kn_spmv_f32_pack_bytes__avx2_8x8(const float *w, int n, int k)
{
    uint32_t steps, chunks;
    count_steps(w, n, k, &steps, &chunks);
    return kn_spmv_f32_view(n, steps, chunks).words * sizeof(uint32_t);
}

void kn_spmv_f32_pack__avx2_8x8(const float *w, int n, int k, void *out)
{
    uint32_t *words = out, steps, chunks, *window, *picks, *group_steps;
    unsigned char *weights;
    struct kn_spmv_f32_view v;
    count_steps(w, n, k, &steps, &chunks);
    v = kn_spmv_f32_view(n, steps, chunks);
    memset(out, 0, v.words * sizeof *words);
    words[0] = steps;
    words[1] = chunks;
    group_steps = words + v.group_steps;
    window = words + v.window;
    picks = words + v.pick;
    weights = (unsigned char *)(words + v.weight);
    for (int group = 0; group * ROWS < n; group++) {
        struct cursor c;
        uint32_t pick[ROWS], here = 0;
        float weight[ROWS];
        cursor_init(&c, w, n, k, group);
        while (cursor_step(&c, window, pick, weight)) {
            for (int r = 0; r < ROWS; r++)
                picks[r] |= pick[r] << (4 * (here % CHUNK));
            memcpy(weights, weight, sizeof weight);
            window++;
            weights += sizeof weight;
            if (++here % CHUNK == 0)
                picks += ROWS;
        }
        if (here % CHUNK)
            picks += ROWS;
        group_steps[group] = here;
    }
}
