/* Execution of steps that move values without computing any. */
#include <string.h>

#include "engine/engine_exec.h"

void engine_exec_transpose(const struct exec_step *step, int part, int parts)
{
    const struct exec_transpose *t = &step->u.transpose;
    struct exec_share s = engine_exec_share(step->repeat, (size_t)t->lines, 1, part, parts);

    for (int i = s.item; i < s.items; i++) {
        const unsigned char *x = engine_exec_x(step, i);
        unsigned char *y = engine_exec_y(step, i);
        for (size_t line = s.first; line < s.first + s.count; line++)
            t->run(x + line * t->x_line, t->x_pitch, t->rows, t->cols, y + line * t->y_line, t->y_pitch);
    }
}

static void copy_run(const struct exec_copy *c, const unsigned char *x, unsigned char *y)
{
    if (c->lut)
        c->lut(x, c->bytes, c->table, y);
    else if (c->bytes == 4)
        memcpy(y, x, 4);
    else
        memcpy(y, x, c->bytes);
}

void engine_exec_copy(const struct exec_step *step, int part, int parts)
{
    const struct exec_copy *c = &step->u.copy;
    struct exec_share s = engine_exec_share(step->repeat * c->dim[0], (size_t)c->dim[1], 1, part, parts);

    for (int i = s.item; i < s.items; i++) {
        int sample = i / c->dim[0], a = i % c->dim[0];
        const unsigned char *x0 = (const unsigned char *)engine_exec_x(step, sample) + (size_t)a * c->x_at[0];
        unsigned char *y0 = (unsigned char *)engine_exec_y(step, sample) + (size_t)a * c->y_at[0];
        for (size_t b = s.first; b < s.first + s.count; b++)
            for (size_t p = 0; p < (size_t)c->dim[2]; p++) {
                const unsigned char *x = x0 + b * c->x_at[1] + p * c->x_at[2];
                unsigned char *y = y0 + b * c->y_at[1] + p * c->y_at[2];
                for (int q = 0; q < c->dim[3]; q++, x += c->x_at[3], y += c->y_at[3])
                    copy_run(c, x, y);
            }
    }
}

/* The right side of a row and the left side of the next are neighbours and filled together. */
static unsigned char *fill_plane(const struct exec_border *b, int fill, unsigned char *y)
{
    memset(y, fill, b->top + b->left);
    y += b->top + b->left;
    for (int row = 0; row < b->rows; row++) {
        size_t gap = row + 1 < b->rows ? b->right + b->left : b->right + b->bottom;
        y += b->row_bytes;
        memset(y, fill, gap);
        y += gap;
    }
    return y;
}

void engine_exec_border(const struct exec_step *step, int part, int parts)
{
    const struct exec_border *b = &step->u.border;
    struct exec_share s = engine_exec_share(step->repeat, 1, 1, part, parts);

    for (int i = s.item; i < s.items; i++) {
        unsigned char *y = engine_exec_y(step, i);
        for (int plane = 0; plane < b->planes; plane++)
            y = fill_plane(b, b->range ? (int)b->range[i].zero_point : b->fill, y);
    }
}

void engine_exec_pack(const struct exec_step *step, int part, int parts)
{
    const struct exec_pack *p = &step->u.pack;
    struct exec_share s = engine_exec_share(step->repeat, 1, 1, part, parts);

    for (int i = s.item; i < s.items; i++)
        kn_gemm_f32_pack_rows(&p->slot, engine_exec_x(step, i), p->pitch, p->n, p->k, p->scale, engine_exec_y(step, i));
}
