/* Activation scales and zero points of a packed file, one per quantization point. */
#include <math.h>

#include "graph/graph_quant.h"
#include "io/plk_parts.h"

enum { MODE_MIXED = 3 };

/* The mode of all quantization points, or mixed. */
unsigned plk_quant_mode(const struct graph *graph)
{
    int mode = -1;

    for (int i = 0; i < graph->nodes; i++) {
        int v = graph->node[i].output;
        if (graph_quant_source(graph, v) != v)
            continue;
        if (mode >= 0 && mode != (int)graph->value[v].quant)
            return MODE_MIXED;
        mode = (int)graph->value[v].quant;
    }
    return mode < 0 ? QUANT_NONE : (unsigned)mode;
}

void plk_put_quant(struct bytes *out, unsigned mode, const struct graph *graph)
{
    if (mode != MODE_MIXED && mode != QUANT_STATIC)
        return;
    for (int i = 0; i < graph->nodes; i++) {
        int v = graph->node[i].output;
        const struct value *value = &graph->value[v];
        if (graph_quant_source(graph, v) != v)
            continue;
        if (mode == MODE_MIXED)
            bytes_u8(out, (unsigned)value->quant);
        if (value->quant != QUANT_STATIC)
            continue;
        bytes_f32(out, value->scale);
        bytes_u8(out, (unsigned)value->zero_point);
    }
}

static enum status get_value(struct cursor *in, unsigned mode, struct value *value)
{
    unsigned zero_point;

    if (mode == MODE_MIXED) {
        TRY(cursor_u8(in, "quantization mode", &mode));
        if (mode > QUANT_DYNAMIC)
            return cursor_fail(in, "value '%s': quantization mode %u, expected 0 to 2", value->name, mode);
    }
    value->quant = (enum quant_mode)mode;
    if (mode != QUANT_STATIC)
        return ST_OK;
    TRY(cursor_f32(in, "activation scale", &value->scale));
    if (!(value->scale > 0) || !isfinite(value->scale))
        return cursor_fail(in, "value '%s': scale %g, expected a positive number", value->name, (double)value->scale);
    TRY(cursor_u8(in, "zero point", &zero_point));
    value->zero_point = (int32_t)zero_point;
    return ST_OK;
}

enum status plk_get_quant(struct cursor *in, unsigned mode, struct graph *graph)
{
    if (mode == QUANT_NONE)
        return ST_OK;
    for (int v = 0; v < graph->values; v++)
        if (graph_quant_source(graph, v) == v)
            TRY(get_value(in, mode, &graph->value[v]));
    graph_quant_spread(graph);
    return ST_OK;
}
