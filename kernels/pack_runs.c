/* Packing into runs; see runs.h. */
#include "kernels/runs.h"

#include <string.h>

#include "kernels/roster.h"

enum { LONGEST = 65535 };

/* What has been written so far; pointers are NULL while counting. */
struct target {
    uint32_t runs, entries;
    struct kn_run *run;
    uint16_t *delta;
    unsigned char *weight;
};

/* A column of blocks: its first input and where that lies. Inputs from `own` on belong to it, those before to the block
 * before (the last block of a segment begins early where the segment is no multiple of its width). */
struct column {
    int input, own;
    int64_t offset;
};

static size_t entry_bytes(const struct kn_runs_source *s)
{
    return (size_t)s->rows * (size_t)s->cols * (size_t)s->element_bytes;
}

static int groups_of(const struct kn_runs_source *s)
{
    return (s->n + s->rows - 1) / s->rows;
}

static int is_nonzero(const struct kn_runs_source *s, int row, int input)
{
    size_t at = (size_t)row * (size_t)s->k + (size_t)input;
    return s->element_bytes == 4 ? ((const float *)s->w)[at] != 0.0f : ((const int8_t *)s->w)[at] != 0;
}

static int block_is_nonzero(const struct kn_runs_source *s, int first_row, const struct column *c)
{
    int last_row = first_row + s->rows < s->n ? first_row + s->rows : s->n;
    for (int row = first_row; row < last_row; row++) {
        for (int input = c->own; input < c->input + s->cols; input++) {
            if (is_nonzero(s, row, input))
                return 1;
        }
    }
    return 0;
}

static int64_t place_of(const struct kn_runs_source *s, int input)
{
    if (s->offset)
        return s->offset[input];
    return kn_seg_place(s->at, input / s->at->seg_len) + input % s->at->seg_len;
}

/* The column that begins with `input`, brought back into its segment. Returns the first input behind it. */
static int next_column(const struct kn_runs_source *s, int input, struct column *c)
{
    int len = s->offset ? s->k : s->at->seg_len, end = input / len * len + len;
    c->own = input;
    c->input = input + s->cols <= end ? input : end - s->cols;
    c->offset = place_of(s, c->input);
    return c->input + s->cols;
}

static void put_entry(const struct kn_runs_source *s, struct target *t, uint16_t delta, int first_row,
                      const struct column *c)
{
    if (t->delta) {
        unsigned char *to = t->weight + t->entries * entry_bytes(s);
        t->delta[t->entries] = delta;
        memset(to, 0, entry_bytes(s));
        for (int row = first_row; c && row < first_row + s->rows && row < s->n; row++) {
            size_t size = (size_t)s->element_bytes, skip = (size_t)(c->own - c->input);
            size_t from = (size_t)row * (size_t)s->k + (size_t)c->own;
            memcpy(to + ((size_t)(row - first_row) * (size_t)s->cols + skip) * size,
                   (const unsigned char *)s->w + from * size, ((size_t)s->cols - skip) * size);
        }
    }
    t->entries++;
}

/* Fills the run up to a multiple and notes its length. */
static void end_run(const struct kn_runs_source *s, struct target *t, uint32_t begin)
{
    while ((t->entries - begin) % (uint32_t)s->multiple)
        put_entry(s, t, 0, 0, NULL);
    if (t->run && t->entries > begin)
        t->run[t->runs - 1].entries = t->entries - begin;
}

static void put_group(const struct kn_runs_source *s, int first_row, struct target *t)
{
    uint32_t begin = t->entries;
    int64_t last = 0;
    struct column c;
    for (int input = 0; input < s->k;) {
        input = next_column(s, input, &c);
        if (!block_is_nonzero(s, first_row, &c))
            continue;
        if (t->entries == begin || c.offset < last || c.offset - last > LONGEST) {
            end_run(s, t, begin);
            begin = t->entries;
            if (t->run)
                t->run[t->runs].offset = (int32_t)c.offset;
            t->runs++;
            last = c.offset;
        }
        put_entry(s, t, (uint16_t)(c.offset - last), first_row, &c);
        last = c.offset;
    }
    end_run(s, t, begin);
}

static struct kn_runs_layout count(const struct kn_runs_source *s, struct target *t)
{
    memset(t, 0, sizeof *t);
    for (int row = 0; row < s->n; row += s->rows)
        put_group(s, row, t);
    return kn_runs_layout((size_t)groups_of(s), t->runs, t->entries, entry_bytes(s));
}

size_t kn_runs_entries(const struct kn_runs_source *s)
{
    struct target t;
    count(s, &t);
    return t.entries;
}

size_t kn_runs_pack_bytes(const struct kn_runs_source *s)
{
    struct target t;
    return count(s, &t).bytes;
}

void kn_runs_pack(const struct kn_runs_source *s, void *out)
{
    struct target t;
    struct kn_runs_layout l = count(s, &t);
    uint32_t *head = out;
    unsigned char *bytes = out;
    memset(out, 0, l.weight);
    head[0] = t.runs;
    head[1] = t.entries;
    t = (struct target){0, 0, (struct kn_run *)(void *)(bytes + l.run), (uint16_t *)(void *)(bytes + l.delta),
                        bytes + l.weight};
    for (int group = 0; group < groups_of(s); group++) {
        head[4 + group] = t.runs;
        put_group(s, group * s->rows, &t);
    }
    head[4 + groups_of(s)] = t.runs;
}
