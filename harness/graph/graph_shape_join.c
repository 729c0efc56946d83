/* Shapes of operators that join or move values. */
#include <string.h>

#include "graph/graph_shape.h"

void graph_shape_copy(const struct value *from, struct value *to)
{
    to->rank = from->rank;
    memcpy(to->dim, from->dim, sizeof to->dim);
}

enum status graph_shape_inputs(const struct node *node)
{
    int two = node->op == OP_ADD || node->op == OP_MUL || node->op == OP_MATMUL;

    if (node->op == OP_CONCAT ? node->inputs < 2 : node->inputs != 1 + two)
        return status_fail(ST_FORMAT, "node '%s': %s with %d inputs, expected %s", node->name, op_name(node->op),
                           node->inputs,
                           node->op == OP_CONCAT ? "2 or more"
                           : two                 ? "2"
                                                 : "1");
    return ST_OK;
}

static int same_shape(const struct value *a, const struct value *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, sizeof a->dim) == 0;
}

/* (C) or (C, 1, 1) beside (C, H, W). */
static int per_channel(const struct value *a, const struct value *b)
{
    return a->rank == 3 && b->dim[0] == a->dim[0] && value_count(b) == (size_t)a->dim[0];
}

static enum status unfit(const struct node *node, const struct value *a, const struct value *b)
{
    return status_fail(ST_FORMAT, "node '%s': %s of (%d, %d, %d, %d) and (%d, %d, %d, %d)", node->name,
                       op_name(node->op), a->dim[0], a->dim[1], a->dim[2], a->dim[3], b->dim[0], b->dim[1], b->dim[2],
                       b->dim[3]);
}

static enum status join_matmul(const struct node *node, const struct value *a, const struct value *b, struct value *out)
{
    int last = a->rank - 1, inner;

    if (a->rank < 2 || a->rank != b->rank || memcmp(a->dim, b->dim, (size_t)(last - 1) * sizeof a->dim[0]) != 0)
        return unfit(node, a, b);
    inner = b->dim[node->transpose_b ? last : last - 1];
    if (inner != a->dim[last])
        return unfit(node, a, b);
    out->dim[last] = b->dim[node->transpose_b ? last - 1 : last];
    return ST_OK;
}

static enum status join_concat(const struct node *node, const struct value *const *in, struct value *out)
{
    if (node->axis < 0 || node->axis >= in[0]->rank)
        return status_fail(ST_FORMAT, "node '%s': axis %d of a value of rank %d", node->name, node->axis, in[0]->rank);
    for (int k = 1; k < node->inputs; k++) {
        if (in[k]->rank != in[0]->rank)
            return unfit(node, in[0], in[k]);
        for (int d = 0; d < in[0]->rank; d++)
            if (d != node->axis && in[k]->dim[d] != in[0]->dim[d])
                return unfit(node, in[0], in[k]);
        out->dim[node->axis] += in[k]->dim[node->axis]; /* at most 8 * 2^20 */
    }
    return ST_OK;
}

enum status graph_shape_join(const struct node *node, const struct value *const *in, struct value *out)
{
    graph_shape_copy(in[0], out);
    if (node->op == OP_MATMUL)
        return join_matmul(node, in[0], in[1], out);
    if (node->op == OP_CONCAT)
        return join_concat(node, in, out);
    if (same_shape(in[0], in[1]) || (node->op == OP_MUL && per_channel(in[0], in[1])))
        return ST_OK;
    return unfit(node, in[0], in[1]);
}

static enum status move_reshape(const struct node *node, const struct value *in, struct value *out)
{
    size_t count = 1;

    if (node->to_rank < 1 || node->to_rank > GRAPH_MAX_RANK)
        return status_fail(ST_FORMAT, "node '%s': rank %d, expected 1 to %d", node->name, node->to_rank,
                           GRAPH_MAX_RANK);
    for (int d = 0; d < GRAPH_MAX_RANK; d++) {
        out->dim[d] = d < node->to_rank ? node->to_dim[d] : 1;
        if (out->dim[d] < 1 || out->dim[d] > GRAPH_MAX_DIM || (count *= (size_t)out->dim[d]) > GRAPH_MAX_COUNT)
            return status_fail(ST_FORMAT, "node '%s': dimension %d is %d, expected 1 to %d", node->name, d, out->dim[d],
                               GRAPH_MAX_DIM);
    }
    out->rank = node->to_rank;
    if (count != value_count(in))
        return status_fail(ST_FORMAT, "node '%s': %zu elements become %zu", node->name, value_count(in), count);
    return ST_OK;
}

static enum status move_transpose(const struct node *node, const struct value *in, struct value *out)
{
    int seen[GRAPH_MAX_RANK] = {0};

    for (int d = 0; d < in->rank; d++) {
        int from = node->perm[d];
        if (from < 0 || from >= in->rank || seen[from]++)
            return status_fail(ST_FORMAT, "node '%s': the permutation does not hold every dimension once", node->name);
        out->dim[d] = in->dim[from];
    }
    return ST_OK;
}

enum status graph_shape_move(const struct node *node, const struct value *in, struct value *out)
{
    graph_shape_copy(in, out);
    if (node->op == OP_RESHAPE)
        return move_reshape(node, in, out);
    if (node->op == OP_TRANSPOSE)
        return move_transpose(node, in, out);
    if (node->axis < 0 || node->axis >= in->rank || node->begin < 0 || node->end <= node->begin ||
        node->end > in->dim[node->axis])
        return status_fail(ST_FORMAT, "node '%s': elements %d to %d of dimension %d", node->name, node->begin,
                           node->end, node->axis);
    out->dim[node->axis] = node->end - node->begin;
    return ST_OK;
}
