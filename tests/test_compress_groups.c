/* Pruning beyond chains: channels tied by additions and depthwise convolutions, blocks of weights. */
#include "compress_common.h"

#include "compress/invariants.h"
#include "compress/prune_channels.h"

/* a and b meet in an addition, dw keeps the channels apart, e reads them. */
static const char residual[] =
    "{\"name\":\"r\",\"input\":[1,1,2],\"layers\":["
    "{\"op\":\"conv\",\"name\":\"a\",\"channels\":3,\"kernel\":1},{\"op\":\"relu\",\"name\":\"a_relu\"},"
    "{\"op\":\"conv\",\"name\":\"b\",\"channels\":3,\"kernel\":1},"
    "{\"op\":\"add\",\"name\":\"sum\",\"from\":[\"a_relu\",\"b\"]},"
    "{\"op\":\"conv\",\"name\":\"dw\",\"channels\":3,\"kernel\":1,\"groups\":3},"
    "{\"op\":\"conv\",\"name\":\"e\",\"channels\":2,\"kernel\":1},"
    "{\"op\":\"flatten\",\"name\":\"flat\"},{\"op\":\"fc\",\"name\":\"out\",\"features\":2}]}";

static void set(struct graph *graph, const char *name, const float *data)
{
    struct weight *weight = weight_named(graph, name);
    memcpy(weight->data, data, weight->count * sizeof *data);
}

static void expect(struct graph *graph, const char *name, int rows, const float *data, size_t count)
{
    const struct weight *weight = weight_named(graph, name);
    assert_int_equal(weight->dim[0], rows);
    assert_int_equal(weight->count, count);
    assert_memory_equal(weight->data, data, count * sizeof *data);
}

static void tied_channels_go_together(void **state)
{
    /* Squared norms of channels 0, 1, 2: a gives 1, 9, 4; b gives 27, 3, 12; together 28, 12, 16. Alone, a would drop
     * channel 0 and b channel 1. */
    static const float a[] = {1, 3, 2}, b[] = {3, 3, 3, 1, 1, 1, 2, 2, 2}, dw[] = {5, 6, 7};
    static const float e[] = {1, 2, 3, 4, 5, 6}, bias[] = {10, 20, 30};
    static const float want_a[] = {1, 2}, want_b[] = {3, 3, 2, 2}, want_dw[] = {5, 7}, want_bias[] = {10, 30};
    static const float want_e[] = {1, 3, 4, 6};
    struct graph graph = {0}, before = {0};

    (void)state;
    graph_from_text(residual, &graph);
    set(&graph, "a.weight", a);
    set(&graph, "b.weight", b);
    set(&graph, "b.bias", bias);
    set(&graph, "dw.weight", dw);
    set(&graph, "dw.bias", bias);
    set(&graph, "e.weight", e);
    check_ok(graph_clone(&graph, &before));
    /* e's two channels (squared norms 14 and 77) stay: a third of two rounds to one that goes, so ask for a quarter */
    check_ok(prune_channels(&graph, 0.25, 1));
    expect(&graph, "a.weight", 2, want_a, 2);
    expect(&graph, "b.weight", 2, want_b, 4);
    expect(&graph, "b.bias", 2, want_bias, 2);
    expect(&graph, "dw.weight", 2, want_dw, 2);
    expect(&graph, "dw.bias", 2, want_bias, 2);
    expect(&graph, "e.weight", 2, want_e, 4);
    assert_int_equal(value_at(&graph, "sum")->dim[0], 2);
    assert_int_equal(value_at(&graph, "dw")->dim[0], 2);
    check_ok(invariants_graph(&graph, "test"));
    check_ok(invariants_channels(&before, &graph, 0.25, 1, "test"));
    graph_free(&graph);
    graph_free(&before);
}

/* The graph's output, a reshape and a channel-wise product with the input keep their channels. */
static void needed_channels_stay(void **state)
{
    struct graph graph = {0};

    (void)state;
    graph_from_text("{\"name\":\"n\",\"input\":[2,8],\"layers\":["
                    "{\"op\":\"fc\",\"name\":\"q\",\"features\":8},"
                    "{\"op\":\"reshape\",\"name\":\"heads\",\"shape\":[2,2,4]},"
                    "{\"op\":\"reshape\",\"name\":\"join\",\"shape\":[2,8]},"
                    "{\"op\":\"fc\",\"name\":\"up\",\"features\":16},{\"op\":\"gelu\",\"name\":\"g\"},"
                    "{\"op\":\"fc\",\"name\":\"down\",\"features\":8},"
                    "{\"op\":\"add\",\"name\":\"sum\",\"from\":[\"input\",\"down\"]}]}",
                    &graph);
    graph_init_weights(&graph, 3);
    check_ok(prune_channels(&graph, 0.5, 1));
    assert_int_equal(weight_named(&graph, "q.weight")->dim[0], 8);
    assert_int_equal(weight_named(&graph, "up.weight")->dim[0], 8);
    assert_int_equal(weight_named(&graph, "down.weight")->dim[0], 8);
    assert_int_equal(weight_named(&graph, "down.weight")->dim[1], 8);
    graph_free(&graph);
}

static void real_models_shrink(void **state)
{
    static const char *const models[] = {"resnet8", "dscnn", "mobilenetv1-025", "mobilenetv2-224"};

    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        struct graph graph = {0}, before = {0};
        char path[64];
        snprintf(path, sizeof path, "suites/models/%s.json", models[m]);
        check_ok(graph_from_json(path, &graph));
        graph_init_weights(&graph, 1);
        check_ok(graph_clone(&graph, &before));
        check_ok(prune_channels(&graph, 0.5, 1));
        check_ok(invariants_graph(&graph, models[m]));
        check_ok(invariants_channels(&before, &graph, 0.5, 1, models[m]));
        /* the classifier keeps its outputs, the first layer its inputs: a little more than a quarter is left */
        assert_in_range(graph_parameters(&graph), graph_parameters(&before) / 4, graph_parameters(&before) / 2);
        graph_free(&graph);
        graph_free(&before);
    }
}

/* fc weights (4, 4) in blocks of 2 x 2, means of squares: 1, 16, 9, 4 from the left top. */
static void blocks_go_by_their_mean_square(void **state)
{
    static const float w[] = {1, -1, 4, 4, 1, 1, 4, 4, 3, 3, 2, 2, 3, -3, 2, 2};
    static const float half[] = {0, 0, 4, 4, 0, 0, 4, 4, 3, 3, 0, 0, 3, -3, 0, 0};
    struct graph graph = {0};
    struct prune prune = {0};

    (void)state;
    graph_from_text("{\"name\":\"b\",\"input\":[4],\"layers\":[{\"op\":\"fc\",\"name\":\"f\",\"features\":4}]}",
                    &graph);
    set(&graph, "f.weight", w);
    check_ok(prune_begin_blocks(&graph, PRUNE_LAYERWISE, 0.6, 0, 2, 2, &prune));
    prune_apply(&prune, &graph, 0.6); /* 9.6 weights: two blocks fit, a third does not */
    expect(&graph, "f.weight", 4, half, 16);
    check_ok(invariants_blocks(&graph, &prune, "test"));
    prune_end(&prune);
    weight_named(&graph, "f.weight")->mask[2] = 0;
    prune = (struct prune){.scope = PRUNE_LAYERWISE, .sparsity = 0.6, .rows = 2, .cols = 2};
    check_fails(invariants_blocks(&graph, &prune, "test"), ST_MISMATCH,
                "f.weight: is not pruned in whole blocks of 2x2");
    check_fails(prune_begin_blocks(&graph, PRUNE_LAYERWISE, 0.7, 0, 17, 1, &prune), ST_BADARG, "blocks of 17x1");
    check_fails(prune_begin_blocks(&graph, PRUNE_LAYERWISE, 0.7, 0, 0, 1, &prune), ST_BADARG, "blocks of 0x1");
    graph_free(&graph);
}

/* Of a convolution a block is one place of the window: (5, 3, 1, 2) in blocks of 4 x 2 has edges on both sides. */
static void conv_blocks_have_edges(void **state)
{
    struct graph graph = {0};
    struct prune prune = {0};
    struct weight *weight;

    (void)state;
    graph_from_text(
        "{\"name\":\"c\",\"input\":[3,1,4],\"layers\":[{\"op\":\"conv\",\"name\":\"c\",\"channels\":5,\"kernel\":"
        "[1,2]},{\"op\":\"flatten\"}]}",
        &graph);
    weight = weight_named(&graph, "c.weight");
    for (size_t i = 0; i < weight->count; i++)
        ((float *)weight->data)[i] = 1;
    for (int o = 0; o < 4; o++) /* outputs 0..3, inputs 0 and 1, second place: the weakest block */
        for (int i = 0; i < 2; i++)
            ((float *)weight->data)[(o * 3 + i) * 2 + 1] = 0.5f;
    check_ok(prune_begin_blocks(&graph, PRUNE_GLOBAL, 0.3, 0, 4, 2, &prune));
    prune_apply(&prune, &graph, 0.3);          /* 9 of 30 weights */
    assert_int_equal(prune_masked(weight), 9); /* that block and, of equal ones, the last: output 4, input 2, place 1 */
    assert_int_equal(weight->mask[29], 0);
    for (int o = 0; o < 4; o++)
        for (int i = 0; i < 2; i++)
            assert_int_equal(weight->mask[(o * 3 + i) * 2 + 1], 0);
    check_ok(invariants_blocks(&graph, &prune, "test"));
    prune_end(&prune);
    graph_free(&graph);
}

static void depthwise_filters_stay(void **state)
{
    struct graph graph = {0};
    struct prune prune = {0};

    (void)state;
    graph_from_text(residual, &graph);
    graph_init_weights(&graph, 5);
    assert_int_equal(prune_possible(&graph, 5), 0);
    check_ok(prune_begin(&graph, PRUNE_GLOBAL, 0.5, 0, &prune));
    prune_apply(&prune, &graph, 0.5);
    assert_null(weight_named(&graph, "dw.weight")->mask);
    check_ok(invariants_sparsity(&graph, PRUNE_GLOBAL, 0.5, "test"));
    prune_end(&prune);
    graph_free(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tied_channels_go_together), cmocka_unit_test(needed_channels_stay),
        cmocka_unit_test(real_models_shrink),        cmocka_unit_test(blocks_go_by_their_mean_square),
        cmocka_unit_test(conv_blocks_have_edges),    cmocka_unit_test(depthwise_filters_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
