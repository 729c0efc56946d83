/* Masks, schedule, removal of channels, and the invariants that guard them. */
#include "compress_common.h"

#include <math.h>

#include "compress/invariants.h"
#include "compress/prune.h"
#include "compress/prune_channels.h"
#include "compress/ptq.h"
#include "compress/quantize.h"
#include "train/forward.h"

#define TWO_LAYERS                                                                                                     \
    "{\"name\":\"two\",\"input\":[1,1,4],\"layers\":[{\"op\":\"flatten\",\"name\":\"flat\"},"                          \
    "{\"op\":\"fc\",\"name\":\"a\",\"features\":3},{\"op\":\"relu\",\"name\":\"r\"},"                                  \
    "{\"op\":\"fc\",\"name\":\"b\",\"features\":2}]}"

static void two_layers_new(struct graph *graph)
{
    static const float a[] = {1, -2, 3, -4, 5, 6, 7, 8, 0.5f, 0.25f, -9, 10};
    static const float b[] = {0.3f, -0.2f, 0.1f, 0.6f, 0.5f, 0.4f};

    graph_from_text(TWO_LAYERS, graph);
    set_weight(graph, "a.weight", a);
    set_weight(graph, "b.weight", b);
}

static void prune_now(struct graph *graph, enum prune_scope scope, double sparsity)
{
    struct prune prune;

    check_ok(prune_begin(graph, scope, sparsity, 0, &prune));
    prune_apply(&prune, graph, sparsity);
    prune_end(&prune);
}

static void layerwise_takes_the_smallest(void **state)
{
    static const float a[] = {0, 0, 0, 0, 5, 6, 7, 8, 0, 0, -9, 10};
    static const uint8_t a_mask[] = {0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1};
    static const float b[] = {0, 0, 0, 0.6f, 0.5f, 0.4f};
    struct graph graph = {0};

    (void)state;
    two_layers_new(&graph);
    prune_now(&graph, PRUNE_LAYERWISE, 0.5);
    assert_memory_equal(weight_named(&graph, "a.weight")->data, a, sizeof a);
    assert_memory_equal(weight_named(&graph, "a.weight")->mask, a_mask, sizeof a_mask);
    assert_memory_equal(weight_named(&graph, "b.weight")->data, b, sizeof b);
    check_ok(invariants_sparsity(&graph, PRUNE_LAYERWISE, 0.5, "test"));
    check_ok(invariants_graph(&graph, "test"));
    check_fails(invariants_sparsity(&graph, PRUNE_LAYERWISE, 0.6, "test"), ST_MISMATCH, "a.weight: 6 of 12");
    graph_free(&graph);
}

static void global_takes_from_small_layers_too(void **state)
{
    struct graph graph = {0};
    struct weight *a, *b;

    (void)state;
    two_layers_new(&graph);
    a = weight_named(&graph, "a.weight");
    b = weight_named(&graph, "b.weight");
    prune_now(&graph, PRUNE_GLOBAL, 0.4); /* 7 of 18: 0.1, 0.2, 0.25, 0.3, 0.4 and both 0.5, of which a[8] is first */
    assert_int_equal(prune_masked(a), 2);
    assert_int_equal(prune_masked(b), 5);
    assert_int_equal(b->mask[3], 1);
    check_ok(invariants_sparsity(&graph, PRUNE_GLOBAL, 0.4, "test"));
    graph_free(&graph);
}

static void ties_keep_the_first(void **state)
{
    static const float same[] = {1, -1, 1, 1, -1, 1, 1, 1, 1, 1, 1, 1};
    static const float same_b[] = {1, 1, 1, 1, 1, 1};
    static const uint8_t a_mask[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0}, b_mask[] = {1, 0, 0, 0, 0, 0};
    struct graph graph = {0};

    (void)state;
    two_layers_new(&graph);
    set_weight(&graph, "a.weight", same);
    prune_now(&graph, PRUNE_LAYERWISE, 0.25);
    assert_memory_equal(weight_named(&graph, "a.weight")->mask, a_mask, sizeof a_mask);
    graph_free(&graph);

    two_layers_new(&graph); /* one weight of each layer is locked: the first of equals */
    set_weight(&graph, "a.weight", same);
    set_weight(&graph, "b.weight", same_b);
    prune_now(&graph, PRUNE_GLOBAL, 8.0 / 18);
    assert_memory_equal(weight_named(&graph, "a.weight")->mask, a_mask, sizeof a_mask);
    assert_memory_equal(weight_named(&graph, "b.weight")->mask, b_mask, sizeof b_mask);
    graph_free(&graph);
}

static void layers_are_never_cut_through(void **state)
{
    static const float tiny[] = {1e-6f, 2e-6f, 3e-6f, 1e-6f, 1e-6f, 1e-6f};
    struct graph graph = {0};
    struct prune prune;

    (void)state;
    two_layers_new(&graph);
    set_weight(&graph, "b.weight", tiny);
    prune_now(&graph, PRUNE_GLOBAL, 0.5);
    assert_int_equal(prune_masked(weight_named(&graph, "b.weight")), 5); /* its largest stays */
    assert_int_equal(weight_named(&graph, "b.weight")->mask[2], 1);
    check_ok(invariants_sparsity(&graph, PRUNE_GLOBAL, 0.5, "test"));
    check_fails(prune_begin(&graph, PRUNE_LAYERWISE, 0.97, 0, &prune), ST_BADARG, "a.weight: a sparsity of 0.97");
    check_fails(prune_begin(&graph, PRUNE_GLOBAL, 0.98, 0, &prune), ST_BADARG, "at most 16 may go");
    check_fails(prune_begin(&graph, PRUNE_GLOBAL, 0.3, 0, &prune), ST_BADARG, "9 of 18 weights are pruned already");
    check_fails(prune_begin(&graph, PRUNE_GLOBAL, 1.0, 0, &prune), ST_BADARG, "less than 1");
    check_fails(prune_begin(&graph, PRUNE_GLOBAL, NAN, 0, &prune), ST_BADARG, "less than 1");
    graph_free(&graph);
}

static void pruned_weights_never_return(void **state)
{
    struct graph graph = {0};
    struct weight *a;
    uint8_t before[12];

    (void)state;
    two_layers_new(&graph);
    a = weight_named(&graph, "a.weight");
    prune_now(&graph, PRUNE_LAYERWISE, 0.5);
    memcpy(before, a->mask, sizeof before);
    ((float *)a->data)[4] = 0; /* kept, and exactly zero by chance */
    prune_now(&graph, PRUNE_LAYERWISE, 0.75);
    assert_int_equal(prune_masked(a), 9);
    assert_int_equal(a->mask[4], 0); /* the smallest of those that were left */
    for (int i = 0; i < 12; i++)
        assert_true(a->mask[i] <= before[i]);
    graph_free(&graph);
}

/* Against sorting, on many random layers with many ties. */
static void selection_equals_sorting(void **state)
{
    struct graph graph = {0};
    struct rng rng;

    (void)state;
    rng_seed(&rng, 11, 0);
    for (int round = 0; round < 50; round++) {
        struct weight *weight;
        double sparsity = 0.05 + 0.9 * (double)rng_f32(&rng);
        size_t target, smaller_kept = 0;
        float threshold = 0;
        graph_from_text("{\"name\":\"g\",\"input\":[1,1,40],\"layers\":[{\"op\":\"flatten\"},{\"op\":\"fc\",\"name\":"
                        "\"a\",\"features\":25}]}",
                        &graph);
        weight = weight_named(&graph, "a.weight");
        for (size_t i = 0; i < weight->count; i++)
            ((float *)weight->data)[i] = round % 2 ? rng_normal(&rng) : (float)rng_below(&rng, 9) - 4;
        target = prune_target(&graph, sparsity, -1);
        assert_int_equal(target, llrint(sparsity * 1000));
        prune_now(&graph, PRUNE_GLOBAL, sparsity);
        assert_int_equal(prune_masked(weight), target);
        graph_free(&graph);
        /* made again: every pruned magnitude is at most every kept one */
        rng_seed(&rng, 11, (uint64_t)round + 1);
        graph_from_text("{\"name\":\"g\",\"input\":[1,1,40],\"layers\":[{\"op\":\"flatten\"},{\"op\":\"fc\",\"name\":"
                        "\"a\",\"features\":25}]}",
                        &graph);
        weight = weight_named(&graph, "a.weight");
        for (size_t i = 0; i < weight->count; i++)
            ((float *)weight->data)[i] = (float)rng_below(&rng, 200) - 100;
        {
            struct graph original = {0};
            const float *was;
            check_ok(graph_clone(&graph, &original));
            was = original.weight[0].data;
            prune_now(&graph, PRUNE_LAYERWISE, sparsity);
            weight = weight_named(&graph, "a.weight");
            for (size_t i = 0; i < weight->count; i++)
                if (!weight->mask[i] && fabsf(was[i]) > threshold)
                    threshold = fabsf(was[i]);
            for (size_t i = 0; i < weight->count; i++)
                smaller_kept += weight->mask[i] && fabsf(was[i]) < threshold;
            assert_int_equal(smaller_kept, 0);
            graph_free(&original);
        }
        graph_free(&graph);
    }
}

static void cubic_schedule(void **state)
{
    (void)state;
    assert_true(prune_schedule(0, 0.9, 0, 10) == 0);
    assert_true(fabs(prune_schedule(0, 0.9, 5, 10) - 0.7875) < 1e-12); /* 0.9 * (1 - 1/8) */
    assert_true(fabs(prune_schedule(0.5, 0.9, 5, 10) - 0.85) < 1e-12); /* 0.9 - 0.4 / 8 */
    assert_true(prune_schedule(0, 0.9, 10, 10) == 0.9);
    assert_true(prune_schedule(0, 0.9, 0, 0) == 0.9);
}

static void hook_ends_exactly(void **state)
{
    struct graph graph = {0};
    struct prune prune;
    size_t last = 0, changes = 0;

    (void)state;
    graph_from_text(BLOB_CONV_MODEL, &graph);
    graph_init_weights(&graph, 1);
    check_ok(prune_begin(&graph, PRUNE_GLOBAL, 0.8, 0.6, &prune));
    for (long step = 0; step < 400; step++) {
        size_t masked = 0;
        prune_hook(&prune, &graph, step, 400);
        for (int i = 0; i < graph.weights; i++)
            masked += prune_masked(&graph.weight[i]);
        assert_true(masked >= last);
        if (masked != last)
            assert_true(step % PRUNE_REFRESH == 0 || step == 240);
        changes += masked != last;
        assert_true(step < 240 ? !prune.done : prune.done);
        last = masked;
    }
    assert_true(changes >= 4);
    assert_int_equal(last, prune_target(&graph, 0.8, -1));
    check_ok(invariants_sparsity(&graph, PRUNE_GLOBAL, 0.8, "test"));
    prune_end(&prune);
    graph_free(&graph);

    graph_from_text(BLOB_CONV_MODEL, &graph); /* a single step still gets the final mask */
    graph_init_weights(&graph, 1);
    check_ok(prune_begin(&graph, PRUNE_LAYERWISE, 0.8, 1.0, &prune));
    prune_hook(&prune, &graph, 0, 1);
    check_ok(invariants_sparsity(&graph, PRUNE_LAYERWISE, 0.8, "test"));
    prune_end(&prune);
    graph_free(&graph);
}

static void kept_channels(void **state)
{
    (void)state;
    assert_int_equal(prune_channels_kept(20, 0.5, 1), 10);
    assert_int_equal(prune_channels_kept(5, 0.5, 1), 2); /* 2.5, to even */
    assert_int_equal(prune_channels_kept(1, 0.99, 1), 1);
    assert_int_equal(prune_channels_kept(20, 0.3, 8), 16);
    assert_int_equal(prune_channels_kept(50, 0.95, 8), 8);
    assert_int_equal(prune_channels_kept(4, 0.1, 8), 4);
}

#define CONV_MODEL                                                                                                     \
    "{\"name\":\"c\",\"input\":[1,4,4],\"layers\":["                                                                   \
    "{\"op\":\"conv\",\"name\":\"c1\",\"channels\":4,\"kernel\":1},"                                                   \
    "{\"op\":\"pool_max\",\"name\":\"p\",\"kernel\":2,\"stride\":2},"                                                  \
    "{\"op\":\"conv\",\"name\":\"c2\",\"channels\":2,\"kernel\":[2,1]},{\"op\":\"flatten\",\"name\":\"flat\"},"        \
    "{\"op\":\"fc\",\"name\":\"f\",\"features\":3}]}"

static void channels_by_hand(void **state)
{
    static const float c1[] = {3, -1, 2, 1}, c1_bias[] = {10, 20, 30, 40};
    /* (2 out, 4 in, 2, 1) */
    static const float c2[] = {1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18};
    static const float f[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}; /* (3, 2 channels * 1 * 2) */
    static const float want_c1[] = {3, 2}, want_bias[] = {10, 30};
    static const float want_c2[] = {11, 12, 15, 16}, want_f[] = {3, 4, 7, 8, 11, 12};
    struct graph graph = {0}, before = {0};

    (void)state;
    graph_from_text(CONV_MODEL, &graph);
    set_weight(&graph, "c1.weight", c1);
    set_weight(&graph, "c1.bias", c1_bias);
    set_weight(&graph, "c2.weight", c2);
    set_weight(&graph, "f.weight", f);
    assert_int_equal(prune_channels_possible(&graph, 1), 1);
    assert_int_equal(prune_channels_possible(&graph, 2), 0); /* pooling */
    assert_int_equal(prune_channels_possible(&graph, 5), 0); /* the output */
    check_ok(graph_clone(&graph, &before));
    check_ok(prune_channels(&graph, 0.5, 1));
    assert_int_equal(weight_named(&graph, "c1.weight")->count, 2);
    assert_memory_equal(weight_named(&graph, "c1.weight")->data, want_c1, sizeof want_c1);
    assert_memory_equal(weight_named(&graph, "c1.bias")->data, want_bias, sizeof want_bias);
    assert_int_equal(weight_named(&graph, "c2.weight")->count, 4);
    assert_memory_equal(weight_named(&graph, "c2.weight")->data, want_c2, sizeof want_c2);
    assert_memory_equal(weight_named(&graph, "f.weight")->data, want_f, sizeof want_f);
    assert_int_equal(weight_named(&graph, "f.weight")->dim[1], 2);
    assert_int_equal(value_at(&graph, "c1")->dim[0], 2);
    assert_int_equal(value_at(&graph, "flat")->dim[0], 2);
    check_ok(invariants_graph(&graph, "test"));
    check_ok(invariants_channels(&before, &graph, 0.5, 1, "test"));
    check_fails(invariants_channels(&before, &graph, 0.25, 1, "test"), ST_MISMATCH, "c1.weight: 2 of 4 channels");
    check_fails(invariants_channels(&before, &before, 0.5, 1, "test"), ST_MISMATCH, "the recipe says 2");
    graph_free(&graph);
    graph_free(&before);
}

/* Channels whose weights and biases are zero add nothing: without them the outputs stay as they were. */
static void removing_dead_channels_changes_nothing(void **state)
{
    struct dataset_splits data;
    struct graph graph = {0}, small = {0};
    struct forward *full = NULL, *cut = NULL;
    struct weight *c1, *f1;

    (void)state;
    blobs_new(&data, 8, 8);
    graph_from_text(BLOB_CONV_MODEL, &graph);
    graph_init_weights(&graph, 3);
    c1 = weight_named(&graph, "c1.weight");
    f1 = weight_named(&graph, "f1.weight");
    memset((float *)c1->data + 9, 0, 9 * sizeof(float)); /* channels 1 and 2 of 4 */
    memset((float *)c1->data + 18, 0, 9 * sizeof(float));
    for (int o = 0; o < 12; o += 2) /* every other neuron */
        memset((float *)f1->data + (size_t)o * 16, 0, 16 * sizeof(float));
    check_ok(graph_clone(&graph, &small));
    check_ok(prune_channels(&small, 0.5, 1));
    assert_int_equal(weight_named(&small, "f1.weight")->dim[0], 6);
    assert_int_equal(weight_named(&small, "f1.weight")->dim[1], 8);
    assert_int_equal(weight_named(&small, "f2.weight")->dim[1], 6);
    check_ok(forward_new(&graph, 8, NULL, &full));
    check_ok(forward_new(&small, 8, NULL, &cut));
    forward_run(full, data.train.pixels, 8);
    forward_run(cut, data.train.pixels, 8);
    for (int i = 0; i < 24; i++) {
        float a = forward_value(full, graph_output(&graph), 0)[i], b = forward_value(cut, graph_output(&small), 0)[i];
        assert_true(fabsf(a - b) <= 1e-5f * (1 + fabsf(a)));
        assert_true(a != 0);
    }
    forward_free(full);
    forward_free(cut);
    graph_free(&graph);
    graph_free(&small);
    blobs_free(&data);
}

static void masks_are_cut_along(void **state)
{
    static const float a[] = {1, 2, 3, 4, 0, 0, 0, 0.1f, 5, 6, 7, 8};
    static const uint8_t want_mask[] = {1, 0, 1, 1, 1, 1, 1, 0};
    struct graph graph = {0};
    struct weight *weight;

    (void)state;
    two_layers_new(&graph);
    set_weight(&graph, "a.weight", a);
    weight = weight_named(&graph, "a.weight");
    check_ok(mem_alloc(weight->count, 1, &weight->mask));
    memset(weight->mask, 1, weight->count);
    weight->mask[1] = weight->mask[11] = 0;
    ((float *)weight->data)[1] = ((float *)weight->data)[11] = 0;
    check_ok(prune_channels(&graph, 0.34, 1)); /* the middle one of three goes */
    assert_memory_equal(weight->mask, want_mask, sizeof want_mask);
    check_ok(invariants_graph(&graph, "test"));
    graph_free(&graph);
}

static void channels_need_float_weights(void **state)
{
    struct graph graph = {0};

    (void)state;
    two_layers_new(&graph);
    set_scales(&graph, "a.weight", 0.1f);
    check_fails(prune_channels(&graph, 0.5, 1), ST_BADARG, "a.weight: channels are removed from float weights only");
    graph_free(&graph);
    graph_from_text(
        "{\"name\":\"g\",\"input\":[1,1,4],\"layers\":[{\"op\":\"flatten\"},{\"op\":\"fc\",\"features\":2}]}", &graph);
    check_fails(prune_channels(&graph, 0.5, 1), ST_BADARG, "no layer has channels");
    graph_free(&graph);
}

static void broken_graphs_are_found(void **state)
{
    struct graph graph = {0}, other = {0}, integer = {0};
    struct weight *a;

    (void)state;
    two_layers_new(&graph);
    prune_now(&graph, PRUNE_LAYERWISE, 0.5);
    a = weight_named(&graph, "a.weight");
    check_ok(invariants_graph(&graph, "step"));
    ((float *)a->data)[0] = 1;
    check_fails(invariants_graph(&graph, "step"), ST_MISMATCH, "step: a.weight[0] is pruned but not zero");
    ((float *)a->data)[0] = 0;
    a->mask[5] = 7;
    check_fails(invariants_graph(&graph, "step"), ST_MISMATCH, "a.weight: mask[5] is 7");
    a->mask[5] = 1;
    ((float *)a->data)[5] = NAN;
    check_fails(invariants_graph(&graph, "step"), ST_MISMATCH, "a.weight[5] is not finite");
    ((float *)a->data)[5] = 6;
    check_ok(graph_clone(&graph, &other));
    check_ok(invariants_masks_kept(&graph, &other, "step"));
    weight_named(&other, "b.weight")->mask[4] ^= 1;
    check_fails(invariants_masks_kept(&graph, &other, "step"), ST_MISMATCH, "b.weight: the mask changed");
    graph_free(&other);
    check_fails(invariants_simulated(&graph, "step"), ST_MISMATCH, "a.weight is not a float weight with scales");
    check_ok(ptq_weights(&graph, PTQ_WEIGHTS_MAX, 8));
    check_fails(invariants_simulated(&graph, "step"), ST_MISMATCH, "value flat, which a reads, is not quantized");
    set_value(&graph, "input", 0.25f, 0);
    set_value(&graph, "r", 0.5f, 0);
    check_fails(invariants_graph(&graph, "step"), ST_MISMATCH, "value flat does not share the quantization of input");
    set_value(&graph, "flat", 0.25f, 0);
    set_value(&graph, "a", 0.25f, 0);
    check_fails(invariants_graph(&graph, "step"), ST_MISMATCH, "value a is quantized but never stored");
    value_at(&graph, "a")->quant = QUANT_NONE;
    check_ok(invariants_graph(&graph, "step"));
    set_value(&graph, "r", 0.5f, 256);
    check_fails(invariants_graph(&graph, "step"), ST_MISMATCH, "value r: zero point 256");
    set_value(&graph, "r", -1, 0);
    check_fails(invariants_graph(&graph, "step"), ST_MISMATCH, "value r: scale -1");
    set_value(&graph, "r", 0.5f, 0);
    a->scale[2] = 0;
    check_fails(invariants_graph(&graph, "step"), ST_MISMATCH, "a.weight: scale 2 is 0");
    a->scale[2] = 0.1f;
    check_ok(quantize_graph(&graph, &integer));
    check_ok(invariants_conversion(&graph, &integer, "step"));
    ((int8_t *)weight_named(&integer, "b.weight")->data)[3] ^= 1;
    check_fails(invariants_conversion(&graph, &integer, "step"), ST_MISMATCH, "b.weight[3] is");
    ((int8_t *)weight_named(&integer, "b.weight")->data)[3] = -128;
    check_fails(invariants_graph(&integer, "step"), ST_MISMATCH, "b.weight[3] is -128");
    graph_free(&integer);
    check_ok(quantize_graph(&graph, &integer));
    ((int32_t *)weight_named(&integer, "a.bias")->data)[1] += 1;
    check_fails(invariants_conversion(&graph, &integer, "step"), ST_MISMATCH, "a.bias[1] is");
    value_at(&integer, "r")->zero_point = 3;
    check_fails(invariants_conversion(&graph, &integer, "step"), ST_MISMATCH, "value r changed its quantization");
    graph_free(&integer);
    weight_named(&graph, "b.weight")->dim[1] = 2;
    check_fails(invariants_graph(&graph, "step"), ST_MISMATCH, "step: node 'b'");
    weight_named(&graph, "b.weight")->dim[1] = 3;
    graph_free(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layerwise_takes_the_smallest),
        cmocka_unit_test(global_takes_from_small_layers_too),
        cmocka_unit_test(ties_keep_the_first),
        cmocka_unit_test(layers_are_never_cut_through),
        cmocka_unit_test(pruned_weights_never_return),
        cmocka_unit_test(selection_equals_sorting),
        cmocka_unit_test(cubic_schedule),
        cmocka_unit_test(hook_ends_exactly),
        cmocka_unit_test(kept_channels),
        cmocka_unit_test(channels_by_hand),
        cmocka_unit_test(removing_dead_channels_changes_nothing),
        cmocka_unit_test(masks_are_cut_along),
        cmocka_unit_test(channels_need_float_weights),
        cmocka_unit_test(broken_graphs_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
