/* Packing for kn_gemm_u8s8__avx2_quads_4x24; see quads_pack.h and quads_extra.h. */
#include <string.h>

#include "kernels/quads_extra.h"
#include "kernels/quads_pack.h"
#include "kernels/roster.h"

enum { KR = KN_QUADS_KR, LANES = 8, WORDS = 2 * LANES, REACH = 3 };
static const struct kn_quads_shape shape = {LANES, KN_QUADS_VECTORS};

/* Weights (n, segs * seg_len), row-major. */
struct source {
    const int8_t *w;
    int n, segs, seg_len;
};

/* Where one vector of eight outputs goes; with dense NULL it is only counted. */
struct target {
    int8_t *dense; /* quads of this vector, `pitch` bytes apart */
    size_t pitch;
    uint32_t *length;             /* of the next run */
    struct kn_quads_place *place; /* of the next extra */
    int8_t *extra;                /* the next one */
    uint32_t runs, extras;
    int positive[WORDS], negative[WORDS]; /* of the open run */
};

static int weight(const struct source *s, int output, int seg, int input)
{
    size_t k = (size_t)s->segs * (size_t)s->seg_len;
    if (output >= s->n || input >= s->seg_len)
        return 0;
    return s->w[(size_t)output * k + (size_t)seg * (size_t)s->seg_len + (size_t)input];
}

/* What is too much in the pair of inputs 2p and 2p + 1, with its sign; never more than either weight. */
static int excess(const struct source *s, int output, int seg, int p)
{
    int a = weight(s, output, seg, 2 * p), b = weight(s, output, seg, 2 * p + 1), sum = a + b;
    if (a > 0 && b > 0 && sum > KN_QUADS_LIMIT)
        return sum - KN_QUADS_LIMIT;
    return a < 0 && b < 0 && sum < -KN_QUADS_LIMIT ? sum + KN_QUADS_LIMIT : 0;
}

static int magnitude(int x)
{
    return x < 0 ? -x : x;
}

/* May b join a in a 16-bit lane? */
static int fits(int a, int b)
{
    return (a < 0) != (b < 0) || magnitude(a) + magnitude(b) <= KN_QUADS_LIMIT;
}

/* Moves a pair's excess into byte `at` of an output's part of the extra. */
static void move(int8_t part[KR], int *left, int at)
{
    part[at] = (int8_t)*left;
    *left = 0;
}

/* One output's part of an extra that begins at the second input of the first pair: bytes 0 and 1 are one 16-bit lane,
 * 2 and 3 the other. left: excess of three pairs; what finds no room stays. */
static void fill_part(int8_t part[KR], int *left0, int *left1, int *left2)
{
    move(part, left0, 0);
    move(part, left1, 2);
    if (fits(part[2], *left2))
        move(part, left2, 3);
}

/* Counts an extra into the open run if no 16-bit lane exceeds the limit. */
static int join_run(struct target *t, const int8_t extra[LANES * KR])
{
    int positive[WORDS], negative[WORDS];
    for (int i = 0; i < WORDS; i++) {
        positive[i] = t->positive[i];
        negative[i] = t->negative[i];
        for (int j = 2 * i; j < 2 * i + 2; j++)
            *(extra[j] > 0 ? &positive[i] : &negative[i]) += magnitude(extra[j]);
        if (positive[i] > KN_QUADS_LIMIT || negative[i] > KN_QUADS_LIMIT)
            return 0;
    }
    memcpy(t->positive, positive, sizeof positive);
    memcpy(t->negative, negative, sizeof negative);
    return 1;
}

static void begin_run(struct target *t)
{
    memset(t->positive, 0, sizeof t->positive);
    memset(t->negative, 0, sizeof t->negative);
    if (t->dense)
        *t->length++ = 0;
    t->runs++;
}

/* Takes an extra that begins at `input` out of the weights. */
static void put_extra(struct target *t, const struct source *s, int seg, int input, const int8_t extra[LANES * KR])
{
    int quads = (s->seg_len + KR - 1) / KR;
    if (t->runs == 0 || !join_run(t, extra)) {
        begin_run(t);
        join_run(t, extra);
    }
    t->extras++;
    if (!t->dense)
        return;
    t->length[-1]++;
    *t->place++ = (struct kn_quads_place){(uint32_t)seg, (uint32_t)input};
    memcpy(t->extra, extra, LANES * KR);
    t->extra += LANES * KR;
    for (int i = 0; i < LANES * KR; i++) {
        int at = input + i % KR;
        if (extra[i]) {
            int8_t *w = t->dense + (size_t)(seg * quads + at / KR) * t->pitch + i / KR * KR + at % KR;
            *w = (int8_t)(*w - extra[i]);
        }
    }
}

static void split_segment(const struct source *s, int first, int seg, struct target *t)
{
    int left[REACH][LANES]; /* excess of pairs p, p + 1, p + 2 */
    for (int p = 1 - REACH; 2 * p < s->seg_len; p++) {
        int8_t extra[LANES * KR] = {0};
        int any = 0;
        for (int j = 0; j < LANES; j++) {
            left[0][j] = p > 1 - REACH ? left[1][j] : 0;
            left[1][j] = p > 1 - REACH ? left[2][j] : 0;
            left[2][j] = excess(s, first + j, seg, p + REACH - 1);
            any |= left[0][j];
        }
        if (!any)
            continue;
        for (int j = 0; j < LANES; j++)
            fill_part(extra + j * KR, &left[0][j], &left[1][j], &left[2][j]);
        put_extra(t, s, seg, 2 * p + 1, extra);
    }
}

static void copy_weights(const struct source *s, int first, struct target *t)
{
    int8_t *out = t->dense;
    for (int seg = 0; seg < s->segs; seg++) {
        for (int input = 0; input < s->seg_len; input += KR, out += t->pitch) {
            for (int i = 0; i < LANES * KR; i++)
                out[i] = (int8_t)weight(s, first + i / KR, seg, input + i % KR);
        }
    }
}

/* One vector: runs and extras begin at 0. */
static void split_vector(const struct source *s, int first, struct target *t)
{
    t->runs = t->extras = 0;
    if (t->dense)
        copy_weights(s, first, t);
    for (int seg = 0; seg < s->segs; seg++)
        split_segment(s, first, seg, t);
}

static struct kn_quads_head count(const struct source *s, int first, int width)
{
    struct kn_quads_head head = {0};
    for (int v = 0; v < width / LANES; v++) {
        struct target t = {0};
        split_vector(s, first + v * LANES, &t);
        head.runs[v] = t.runs;
        head.extras += t.extras;
    }
    return head;
}

size_t kn_gemm_u8s8_pack_bytes__avx2_quads_4x24(const int8_t *w, int n, int segs, int seg_len)
{
    const struct source s = {w, n, segs, seg_len};
    size_t depth = kn_quads_depth(segs, seg_len), bytes = 0;
    for (int first = 0, width; first < n; first += width) {
        struct kn_quads_head head;
        width = LANES * kn_quads_panel(&shape, n - first);
        head = count(&s, first, width);
        bytes += depth * (size_t)width + kn_quads_extra_bytes(&head);
    }
    return bytes;
}

void kn_gemm_u8s8_pack__avx2_quads_4x24(const int8_t *w, int n, int segs, int seg_len, void *out)
{
    const struct source s = {w, n, segs, seg_len};
    size_t depth = kn_quads_depth(segs, seg_len);
    unsigned char *to = out;
    for (int first = 0, width; first < n; first += width) {
        struct kn_quads_head head;
        struct target t = {0};
        unsigned char *dense = to;
        width = LANES * kn_quads_panel(&shape, n - first);
        head = count(&s, first, width);
        to += depth * (size_t)width;
        memcpy(to, &head, sizeof head);
        t.length = (uint32_t *)(void *)(to + sizeof head);
        memset(t.length, 0, kn_quads_place_bytes(&head));
        t.place = (struct kn_quads_place *)(void *)(to + sizeof head + kn_quads_length_bytes(&head));
        t.extra = (int8_t *)to + sizeof head + kn_quads_place_bytes(&head);
        t.pitch = (size_t)width * KR;
        for (int v = 0; v < width / LANES; v++) {
            t.dense = (int8_t *)dense + (size_t)v * LANES * KR;
            split_vector(&s, first + v * LANES, &t);
        }
        to += kn_quads_extra_bytes(&head);
    }
}
