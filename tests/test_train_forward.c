/* The float forward pass and its simulation of the integer engine. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "graph/graph_quant.h"
#include "kernels/requant.h"
#include "tests/bars.h"
#include "train/forward.h"

/* Layer by layer on the grids: weights, biases and activations must be whole multiples, and the values those of
 * kn_quantize over the raw ones. */
static void simulation_is_on_the_grids(void **state)
{
    struct graph g;
    struct train_options o;
    struct train_result r;
    struct forward *f;
    (void)state;

    make_net(&g, 1);
    defaults(&o);
    o.epochs = 1;
    o.qat = 1;
    assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_OK);
    assert_int_equal(forward_new(&g, 10, NULL, &f), ST_OK);
    forward_run(f, valid_pixels, 10);
    for (int v = 0; v < g.values; v++) {
        const struct value *value = &g.value[v];
        size_t count = 10 * value_count(value);
        const float *raw = forward_value(f, v, 1), *seen = forward_value(f, v, 0);
        if (value->quant == QUANT_NONE) {
            assert_memory_equal(raw, seen, count * 4);
            continue;
        }
        for (size_t i = 0; i < count; i++) {
            int q = kn_quantize(raw[i], 1.0f / value->scale, value->zero_point);
            assert_true(seen[i] == value->scale * (float)(q - value->zero_point));
        }
    }
    for (size_t i = 0; i < 10 * IMAGE; i++) /* pixels are exact */
        assert_true(lrintf(forward_value(f, 0, 0)[i] * 255.0f) == valid_pixels[i]);
    forward_free(f);
    graph_free(&g);
}

/* One fc layer by hand, in integers: the simulation must give scale * (integer accumulator). */
static void simulation_equals_integers(void **state)
{
    struct graph g = {0};
    struct forward *f;
    static const float w[2] = {0.5f, -0.26f};
    struct weight *weight, *bias;
    const float *out;
    uint8_t pixels[2 * IMAGE] = {0};
    int input;
    (void)state;

    strcpy(g.name, "hand");
    add(&g, OP_INPUT, 0, 0, 0);
    add(&g, OP_FLATTEN, 0, 0, 0);
    add(&g, OP_FC, 2, 1, 1);
    input = graph_input(&g);
    weight = &g.weight[0];
    bias = &g.weight[1];
    for (int o = 0; o < 2; o++) {
        ((float *)weight->data)[o * IMAGE] = w[o];
        ((float *)bias->data)[o] = 0.1f;
    }
    assert_int_equal(mem_alloc(2, sizeof(float), &weight->scale), ST_OK);
    weight->scale[0] = weight->scale[1] = 0.25f; /* 2 and -1 steps */
    for (int v = 0; v < g.values - 1; v++) {
        g.value[v].quant = QUANT_STATIC;
        g.value[v].scale = 0.5f; /* pixel 255 = 1.0 = 2 steps, pixel 51 = 0.2 = 0 steps */
        g.value[v].zero_point = 3;
    }
    pixels[0] = 255;
    pixels[IMAGE] = 51;
    assert_int_equal(forward_new(&g, 2, NULL, &f), ST_OK);
    forward_run(f, pixels, 2);
    out = forward_value(f, graph_output(&g), 0);
    /* Bias 0.1 on the grid 0.125 is 0.125. */
    assert_true(out[0] == 0.125f + 2 * 0.5f * 2 * 0.25f);
    assert_true(out[1] == 0.125f - 2 * 0.5f * 1 * 0.25f);
    assert_true(out[2] == 0.125f && out[3] == 0.125f);
    /* With a range of each sample's own: 1.0 and 0.2 are exactly the tops; the bias stays float. */
    for (int v = 0; v < g.values - 1; v++)
        g.value[v].quant = QUANT_DYNAMIC;
    forward_run(f, pixels, 2);
    out = forward_value(f, graph_output(&g), 0);
    assert_true(fabsf(out[0] - (0.1f + 0.5f)) < 1e-6f);
    assert_true(fabsf(out[1] - (0.1f - 0.25f)) < 1e-6f);
    assert_true(fabsf(out[2] - (0.1f + 0.2f * 0.5f)) < 1e-6f);
    assert_true(fabsf(out[3] - (0.1f - 0.2f * 0.25f)) < 1e-6f);
    assert_true(forward_value(f, input, 1)[0] == 1.0f);
    weight->scale[1] = 0;
    forward_free(f);
    assert_int_equal(forward_new(&g, 2, NULL, &f), ST_BADARG);
    graph_free(&g);
}

/* The first conv's output is pooled as floats; what the second reads is on the grid of that sample's pooled range. */
static void dynamic_ranges_follow_the_pooling(void **state)
{
    struct graph g;
    struct forward *f;
    int before, pooled;
    (void)state;

    make_net(&g, 3);
    before = g.node[1].output;
    pooled = g.node[2].output;
    for (int v = 0; v < g.values; v++)
        g.value[v].quant = graph_quant_source(&g, v) >= 0 ? QUANT_DYNAMIC : QUANT_NONE;
    assert_int_equal(forward_new(&g, 5, NULL, &f), ST_OK);
    forward_run(f, valid_pixels, 5);
    assert_ptr_equal(forward_value(f, before, 0), forward_value(f, before, 1));
    for (int sample = 0; sample < 5; sample++) {
        size_t count = value_count(&g.value[pooled]);
        const float *raw = forward_value(f, pooled, 1) + (size_t)sample * count;
        const float *seen = forward_value(f, pooled, 0) + (size_t)sample * count;
        float lo = 0, hi = 0, scale;
        int32_t zero;
        for (size_t i = 0; i < count; i++) {
            lo = fminf(lo, raw[i]);
            hi = fmaxf(hi, raw[i]);
        }
        kn_range_params(lo, hi, &scale, &zero);
        for (size_t i = 0; i < count; i++)
            assert_true(seen[i] == scale * (float)(kn_quantize(raw[i], 1.0f / scale, zero) - zero));
    }
    forward_free(f);
    graph_free(&g);
}

/* Batches of any size give each image the same bits as alone up to the product's rounding, and the same labels. */
static void batch_size_does_not_matter(void **state)
{
    struct graph g;
    struct forward *one, *many;
    const float *a, *b;
    (void)state;

    make_net(&g, 3);
    assert_int_equal(forward_new(&g, 1, NULL, &one), ST_OK);
    assert_int_equal(forward_new(&g, 40, NULL, &many), ST_OK);
    forward_run(many, valid_pixels, 33);
    for (int i = 0; i < 33; i++) {
        forward_run(one, valid_pixels + i * IMAGE, 1);
        a = forward_value(one, graph_output(&g), 0);
        b = forward_value(many, graph_output(&g), 0) + i * CLASSES;
        for (int c = 0; c < CLASSES; c++)
            assert_true(fabsf(a[c] - b[c]) < 1e-4f);
    }
    forward_free(one);
    forward_free(many);
    graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simulation_is_on_the_grids),
        cmocka_unit_test(simulation_equals_integers),
        cmocka_unit_test(dynamic_ranges_follow_the_pooling),
        cmocka_unit_test(batch_size_does_not_matter),
    };
    return cmocka_run_group_tests(tests, make_data, NULL);
}
