/* Packing for the SIMD kernels of spmv_u8s8 and sprows_u8s8; see spmv_u8s8_lanes.h. */
#include "kernels/spmv_u8s8_lanes.h"

#include <string.h>

#include "kernels/roster.h"

enum { ROWS = KN_SPMV_U8S8_ROWS, SLOTS = KN_SPMV_U8S8_SLOTS, WINDOW = KN_SPMV_U8S8_WINDOW, LANES = ROWS * SLOTS };

/* What distinguishes kernels. */
struct kind {
    int rows, saturates;      /* of a group; 1: sums of two products are kept in 16 bits */
    const struct kn_rows *at; /* where the inputs lie in memory (a window is in memory), or NULL: side by side */
};

/* Where one row stands: `next` is its first weight not yet placed (k when none is left). Weights may be placed out of
 * order, never more than a window ahead; bit i of `ahead` says that the weight at next + i is placed already. */
struct place {
    const int8_t *w;
    int next, k;
    uint32_t ahead;
};

struct step {
    uint32_t window;
    uint8_t pick[LANES];
    int8_t weight[LANES];
};

/* Where input `column` lies. */
static int64_t place_of(const struct kind *kind, int column)
{
    return kind->at ? kn_seg_place(kind->at, column / kind->at->seg_len) + column % kind->at->seg_len : column;
}

static int is_left(const struct place *p, int column)
{
    return p->w[column] != 0 && !(column - p->next < 32 && (p->ahead >> (column - p->next) & 1));
}

/* Moves on to the next weight left. */
static void advance(struct place *p)
{
    int from = p->next;
    while (from < p->k && !is_left(p, from))
        from++;
    p->ahead = from - p->next < 32 ? p->ahead >> (from - p->next) : 0;
    p->next = from;
}

/* May a and b share a 16-bit sum with every x up to 255? */
static int can_pair(int a, int b)
{
    return (a > 0) != (b > 0) || (a < 0 ? -a : a) + (b < 0 ? -b : b) <= 128;
}

/* Slot for weight w in a row's slots, or -1. Where sums of pairs saturate, a free slot beside a compatible weight is
 * preferred to an empty pair. */
static int find_slot(const int8_t *slots, int w, int saturates)
{
    for (int s = 0; !saturates && s < SLOTS; s++) {
        if (slots[s] == 0)
            return s;
    }
    for (int s = 1; s < SLOTS; s += 2) {
        if (slots[s - 1] != 0 && slots[s] == 0 && can_pair(slots[s - 1], w))
            return s;
    }
    for (int s = 0; saturates && s < SLOTS; s += 2) {
        if (slots[s] == 0)
            return s;
    }
    return -1;
}

static void place_row(struct place *p, struct step *step, int row, const struct kind *kind)
{
    int8_t *slots = step->weight + row * SLOTS;
    for (int column = p->next; column < p->k && place_of(kind, column) < (int64_t)step->window + WINDOW; column++) {
        int slot = is_left(p, column) ? find_slot(slots, p->w[column], kind->saturates) : -1;
        if (slot >= 0) {
            slots[slot] = p->w[column];
            step->pick[row * SLOTS + slot] = (uint8_t)(place_of(kind, column) - (int64_t)step->window);
            p->ahead |= 1U << (column - p->next);
        }
    }
    advance(p);
}

static void places_init(struct place place[ROWS], const int8_t *w, int n, int k, int rows, int group)
{
    for (int r = 0; r < rows; r++) {
        int row = group * rows + r;
        place[r].w = row < n ? w + (size_t)row * (size_t)k : NULL;
        place[r].k = row < n ? k : 0;
        place[r].next = 0;
        place[r].ahead = 0;
        advance(&place[r]);
    }
}

/* Fills one step; 0 when the group is done. */
static int places_step(struct place place[ROWS], int k, const struct kind *kind, struct step *step)
{
    int first = k;
    for (int r = 0; r < kind->rows; r++) {
        if (place[r].next < place[r].k && place[r].next < first)
            first = place[r].next;
    }
    memset(step, 0, sizeof *step);
    if (first == k)
        return 0;
    step->window = (uint32_t)place_of(kind, first);
    for (int r = 0; r < kind->rows; r++)
        place_row(&place[r], step, r, kind);
    return 1;
}

/* Steps of the whole matrix, an even number in each group. */
static uint32_t count_steps(const int8_t *w, int n, int k, const struct kind *kind)
{
    uint32_t steps = 0;
    for (int group = 0; group * kind->rows < n; group++) {
        struct place place[ROWS];
        struct step step;
        places_init(place, w, n, k, kind->rows, group);
        while (places_step(place, k, kind, &step))
            steps++;
        steps += steps & 1;
    }
    return steps;
}

/* Multiplications per vector of inputs, idle slots included: what a product costs. */
static size_t slots(const struct kind *kind, const int8_t *w, int n, int k)
{
    return (size_t)count_steps(w, n, k, kind) * (size_t)kind->rows * SLOTS;
}

static size_t packed_bytes(const struct kind *kind, const int8_t *w, int n, int k)
{
    return kn_spmv_u8s8_view(n, kind->rows, count_steps(w, n, k, kind)).bytes;
}

/* Writes every byte. */
static void pack(const struct kind *kind, const int8_t *w, int n, int k, void *out)
{
    unsigned char *bytes = out;
    size_t lanes = (size_t)kind->rows * SLOTS;
    uint32_t steps = count_steps(w, n, k, kind), at = 0, *group_steps, *window;
    struct kn_spmv_u8s8_view v = kn_spmv_u8s8_view(n, kind->rows, steps);
    memset(out, 0, v.bytes);
    memcpy(bytes, &steps, sizeof steps);
    group_steps = (uint32_t *)(void *)(bytes + v.group_steps);
    window = (uint32_t *)(void *)(bytes + v.window);
    for (int group = 0; group * kind->rows < n; group++) {
        struct place place[ROWS];
        struct step step;
        uint32_t begin = at;
        places_init(place, w, n, k, kind->rows, group);
        for (; places_step(place, k, kind, &step) || (at & 1); at++) {
            unsigned char *pick = bytes + v.pick + (size_t)(at / 2) * lanes;
            window[at] = step.window;
            for (size_t i = 0; i < lanes; i++)
                pick[i] = (unsigned char)(pick[i] | step.pick[i] << (at & 1 ? 4 : 0));
            memcpy(bytes + v.weight + at * lanes, step.weight, lanes);
        }
        group_steps[group] = at - begin;
    }
}

/* Of a kernel: rows of a group; whether sums of two products are kept in 16 bits. */
#define PACK_SPMV(impl, rows, saturates)                                                                               \
    size_t kn_spmv_u8s8_pack_bytes__##impl(const int8_t *w, int n, int k)                                              \
    {                                                                                                                  \
        return packed_bytes(&(struct kind){rows, saturates, NULL}, w, n, k);                                           \
    }                                                                                                                  \
    void kn_spmv_u8s8_pack__##impl(const int8_t *w, int n, int k, void *out)                                           \
    {                                                                                                                  \
        pack(&(struct kind){rows, saturates, NULL}, w, n, k, out);                                                     \
    }
PACK_SPMV(avx2_8x16, 8, 1)
PACK_SPMV(avx512vnni_16x16, 16, 0)

#define PACK_SPROWS(impl, rows, saturates)                                                                             \
    size_t kn_sprows_u8s8_slots__##impl(const int8_t *w, int n, const struct kn_rows *a)                               \
    {                                                                                                                  \
        return slots(&(struct kind){rows, saturates, a}, w, n, a->segs * a->seg_len);                                  \
    }                                                                                                                  \
    size_t kn_sprows_u8s8_pack_bytes__##impl(const int8_t *w, int n, const struct kn_rows *a)                          \
    {                                                                                                                  \
        return packed_bytes(&(struct kind){rows, saturates, a}, w, n, a->segs * a->seg_len);                           \
    }                                                                                                                  \
    void kn_sprows_u8s8_pack__##impl(const int8_t *w, int n, const struct kn_rows *a, void *out)                       \
    {                                                                                                                  \
        pack(&(struct kind){rows, saturates, a}, w, n, a->segs * a->seg_len, out);                                     \
    }
PACK_SPROWS(avx2_8x16, 8, 1)
PACK_SPROWS(avxvnni_8x16, 8, 0)
PACK_SPROWS(avx512vnni_16x16, 16, 0)
