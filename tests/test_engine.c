/* The engine on nets worked out by hand, its bookkeeping, and what it refuses. */
#include "engine_force.h"

#include <math.h>

#include "engine/engine.h"
#include "engine/engine_plan.h"
#include "kernels/kernels.h"
#include "kernels/requant.h"

static void fill_f32(struct graph *graph, int node, const float *weights, const float *bias)
{
    struct weight *w = &graph->weight[graph->node[node].weight];

    memcpy(w->data, weights, w->count * sizeof *weights);
    memcpy(graph->weight[graph->node[node].bias].data, bias, (size_t)w->dim[0] * sizeof *bias);
}

static void fill_s8(struct graph *graph, int node, const int8_t *weights, float scale, const int32_t *bias)
{
    struct weight *w = &graph->weight[graph->node[node].weight];

    memcpy(w->data, weights, w->count);
    for (int i = 0; i < w->dim[0]; i++)
        w->scale[i] = scale;
    memcpy(graph->weight[graph->node[node].bias].data, bias, (size_t)w->dim[0] * sizeof *bias);
}

static const float image[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

/* conv (2 channels, 2x2) + ReLU + max-pool 2x2 + fc.
 * Channel 0: x[i][j] - x[i+1][j+1] + 1 = -3 everywhere, clamped to 0.
 * Channel 1: x[i][j+1] + x[i+1][j] - 10 = -4 -2 2 4, clamped to 0 0 2 4; its maximum is 4.
 * fc: 1*0 + 2*4 + 0.5 = 8.5 and 3*0 - 1*4 + 0 = -4. */
static const float conv_f32[8] = {1, 0, 0, -1, 0, 1, 1, 0}, conv_bias_f32[2] = {1, -10};
static const float fc_f32[4] = {1, 2, 3, -1}, fc_bias_f32[2] = {0.5F, 0};

static void float_net_by_hand(void **state)
{
    struct graph g = {0};
    int n = build_input(&g, 1, 3, 3), conv;
    (void)state;

    conv = n = build_conv(&g, g.node[n].output, 1, 2, 2, 2, 1, 0, 0, DT_F32, DT_F32);
    n = build_simple(&g, OP_RELU, g.node[n].output);
    n = build_pool(&g, g.node[n].output, 2, 2, 0);
    n = build_simple(&g, OP_FLATTEN, g.node[n].output);
    n = build_fc(&g, g.node[n].output, 2, 2, DT_F32, DT_F32);
    fill_f32(&g, conv, conv_f32, conv_bias_f32);
    fill_f32(&g, n, fc_f32, fc_bias_f32);
    for (int t = 0; t < ENGINE_TABLES; t++) {
        struct engine *engine = engine_of(&g, t, 1);
        float out[2];
        engine_run(engine, image, out);
        assert_float_equal(out[0], 8.5F, 0);
        assert_float_equal(out[1], -4, 0);
        assert_null(engine_raw(engine));
        assert_true(engine_guards_intact(engine));
        assert_int_equal(engine_input_count(engine), 9);
        assert_int_equal(engine_output_count(engine), 2);
        engine_free(engine);
    }
    graph_free(&g);
}

/* The same, ReLU after the pooling: the result does not change, and no step of its own is spent on it. */
static void relu_behind_pooling_is_a_clamp(void **state)
{
    struct graph g = {0};
    int n = build_input(&g, 1, 3, 3), conv;
    (void)state;

    conv = n = build_conv(&g, g.node[n].output, 1, 2, 2, 2, 1, 0, 0, DT_F32, DT_F32);
    n = build_pool(&g, g.node[n].output, 2, 2, 0);
    n = build_simple(&g, OP_RELU, g.node[n].output);
    n = build_simple(&g, OP_FLATTEN, g.node[n].output);
    n = build_fc(&g, g.node[n].output, 2, 2, DT_F32, DT_F32);
    fill_f32(&g, conv, conv_f32, conv_bias_f32);
    fill_f32(&g, n, fc_f32, fc_bias_f32);
    for (int t = 0; t < ENGINE_TABLES; t++) {
        struct engine *engine = engine_of(&g, t, 1);
        float out[2];
        engine_run(engine, image, out);
        assert_float_equal(out[0], 8.5F, 0);
        assert_float_equal(out[1], -4, 0);
        for (int i = 0; i < engine_steps(engine); i++)
            assert_null(strstr(engine_step_info(engine, i)->kernel, "clamp"));
        engine_free(engine);
    }
    graph_free(&g);
}

/* A flatten of two channels: whatever layout the conv left, fc weight 4 * c + i meets channel c, pixel i.
 * (0 0 0 0 0 0 2 4) . (1 2 3 4 5 6 7 8) = 46. */
static void flatten_keeps_the_order_of_weights(void **state)
{
    static const float weights[8] = {1, 2, 3, 4, 5, 6, 7, 8}, zero[1] = {0};
    struct graph g = {0};
    int n = build_input(&g, 1, 3, 3);
    (void)state;

    n = build_conv(&g, g.node[n].output, 1, 2, 2, 2, 1, 0, 0, DT_F32, DT_F32);
    fill_f32(&g, n, conv_f32, conv_bias_f32);
    n = build_simple(&g, OP_RELU, g.node[n].output);
    n = build_simple(&g, OP_FLATTEN, g.node[n].output);
    n = build_fc(&g, g.node[n].output, 8, 1, DT_F32, DT_F32);
    fill_f32(&g, n, weights, zero);
    for (int t = 0; t < ENGINE_TABLES; t++)
        for (int batch = 1; batch <= 16; batch *= 2) {
            struct engine *engine = engine_of(&g, t, batch);
            float in[16 * 9], out[16];
            for (int i = 0; i < batch * 9; i++)
                in[i] = image[i % 9];
            engine_run(engine, in, out);
            for (int i = 0; i < batch; i++)
                assert_float_equal(out[i], 46, 0);
            engine_free(engine);
        }
    graph_free(&g);
}

/* Values: input q = x + 10; conv output q = 2 x + 3 (3 3 3 3, 3 3 7 11; maxima 3 and 11); fc at scale 0.5 * 2 = 1:
 * 5 + 1 * 0 + 2 * (11 - 3) = 21 and 3 * 0 - 1 * 8 = -8. */
static void static_int8_net(struct graph *g)
{
    static const int8_t conv_w[8] = {1, 0, 0, -1, 0, 1, 1, 0}, fc_w[4] = {1, 2, 3, -1};
    static const int32_t conv_b[2] = {1, -10}, fc_b[2] = {5, 0};
    int n = build_input(g, 1, 3, 3);

    build_static(build_value(g, n), 1, 10);
    n = build_conv(g, g->node[n].output, 1, 2, 2, 2, 1, 0, 0, DT_S8, DT_S32);
    fill_s8(g, n, conv_w, 1, conv_b);
    n = build_simple(g, OP_RELU, g->node[n].output);
    build_static(build_value(g, n), 0.5F, 3);
    n = build_pool(g, g->node[n].output, 2, 2, 0);
    n = build_simple(g, OP_FLATTEN, g->node[n].output);
    n = build_fc(g, g->node[n].output, 2, 2, DT_S8, DT_S32);
    fill_s8(g, n, fc_w, 2, fc_b);
    assert_int_equal(graph_infer(g), ST_OK);
    graph_quant_spread(g);
}

static void static_net_by_hand(void **state)
{
    struct graph g = {0};
    (void)state;

    static_int8_net(&g);
    for (int t = 0; t < ENGINE_TABLES; t++) {
        struct engine *engine = engine_of(&g, t, 1);
        float out[2];
        engine_run(engine, image, out);
        assert_int_equal(engine_raw(engine)[0], 21);
        assert_int_equal(engine_raw(engine)[1], -8);
        assert_float_equal(out[0], 21, 0);
        assert_float_equal(out[1], -8, 0);
        assert_true(engine_guards_intact(engine));
        engine_free(engine);
    }
    graph_free(&g);
}

/* One dynamic fc. Sample 0 spans [-51, 204]: scale 1, zero point 51. Sample 1 spans [0, 25.5]: scale 0.1, zero point
 * 0. Weights 1 2 at scale 0.5, bias 1: raw sums are 1*0 + 2*255 = 510 and 1*255 + 2*0 = 255; without the zero point
 * 510 - 51*3 = 357, times 0.5, plus 1. */
static void dynamic_fc_by_hand(void **state)
{
    static const float in[4] = {-51, 204, 25.5F, 0}, bias[1] = {1};
    static const int8_t weights[2] = {1, 2};
    struct graph g = {0};
    int n = build_input(&g, 2, 1, 1);
    (void)state;

    build_value(&g, n)->quant = QUANT_DYNAMIC;
    n = build_fc(&g, g.node[n].output, 2, 1, DT_S8, DT_F32);
    memcpy(g.weight[g.node[n].weight].data, weights, 2);
    g.weight[g.node[n].weight].scale[0] = 0.5F;
    memcpy(g.weight[g.node[n].bias].data, bias, sizeof bias);
    for (int t = 0; t < ENGINE_TABLES; t++) {
        struct engine *engine = engine_of(&g, t, 2);
        float out[2];
        engine_run(engine, in, out);
        assert_int_equal(engine_raw(engine)[0], 510);
        assert_int_equal(engine_raw(engine)[1], 255);
        assert_float_equal(out[0], 357 * 0.5F + 1, 0);
        assert_float_equal(out[1], 255 * (25.5F / 255 * 0.5F) + 1, 0);
        engine_free(engine);
    }
    graph_free(&g);
}

/* Steps run one by one give what engine_run gives. */
static void slices_equal_the_whole(void **state)
{
    struct graph g = {0};
    struct engine *engine;
    float whole[2], pieces[2];
    (void)state;

    static_int8_net(&g);
    engine = engine_of(&g, 3, 1);
    engine_run(engine, image, whole);
    engine_begin(engine, image);
    for (int i = 0; i < engine_steps(engine); i++)
        engine_step_run(engine, i);
    engine_end(engine, pieces);
    assert_memory_equal(whole, pieces, sizeof whole);
    engine_free(engine);
    graph_free(&g);
}

/* Reference table, dense, batch 1: quantize, conv, pool, fc, dequantize. The arena: input 36 bytes and conv output 8
 * (never alive together), quantized input 9, pooled 2, accumulators 8, output 8, each rounded to a cache line plus
 * slack = 128. Alive together: input + quantized; quantized + conv; conv + pooled; pooled + accumulators;
 * accumulators + output. Two slots are enough. */
static void plan_and_arena_by_hand(void **state)
{
    static const char *const kernels[] = {"kn_quantize_f32_u8__ref", "kn_gemm_u8s8__ref", "kn_maxpool_u8_nhwc__ref",
                                          "kn_gemm_u8s8__ref", "kn_dequant_s32_f32__ref"};
    struct graph g = {0};
    struct engine *engine;
    const struct engine_step *conv, *fc;
    (void)state;

    static_int8_net(&g);
    engine = engine_of(&g, 2, 1);
    assert_int_equal(engine_steps(engine), 5);
    for (int i = 0; i < 5; i++)
        assert_string_equal(engine_step_info(engine, i)->kernel, kernels[i]);
    assert_int_equal(engine_arena_bytes(engine), 2 * 128);
    conv = engine_step_info(engine, 1);
    assert_string_equal(conv->layer, "conv1");
    assert_int_equal(conv->macs_nominal, 2 * 4 * 4);
    assert_int_equal(conv->macs_executed, 2 * 4 * 4);
    assert_int_equal(conv->weight_bytes, 8 + 2 * 8); /* weights; a scale and a bias per output */
    assert_int_equal(conv->input_bytes, 9);
    assert_int_equal(conv->output_bytes, 8);
    assert_int_equal(conv->weight_bits, 8);
    assert_non_null(strstr(conv->reason, "dense: 50 % zeros"));
    fc = engine_step_info(engine, 3);
    assert_int_equal(fc->weight_bytes, 4 + 2 * 8);
    assert_int_equal(engine_weight_bytes(engine), conv->weight_bytes + fc->weight_bytes);
    assert_int_equal(engine_step_info(engine, 0)->weight_bits, 0);
    engine_free(engine);
    engine = engine_of(&g, 1, 1);
    conv = engine_step_info(engine, 1);
    assert_string_equal(conv->kernel, "kn_spmm_u8s8__ref");
    assert_int_equal(conv->macs_nominal, 2 * 4 * 4);
    assert_int_equal(conv->macs_executed, 4 * 4); /* four weights are not zero */
    assert_non_null(strstr(conv->reason, "sparse: 50 % zeros"));
    engine_free(engine);
    graph_free(&g);
}

/* One changed byte in any guard zone is noticed; one in a slot is not the guards' business. */
static void guards_notice_a_byte(void **state)
{
    struct graph g = {0};
    struct engine *engine;
    (void)state;

    static_int8_net(&g);
    engine = engine_of(&g, 0, 1);
    assert_int_equal(engine->guards, 3);
    for (int i = 0; i < engine->guards; i++)
        for (size_t at = 0; at < PLAN_GUARD; at += PLAN_GUARD - 1) {
            unsigned char *byte = engine->arena + engine->guard[i] + at;
            *byte ^= 1;
            assert_false(engine_guards_intact(engine));
            *byte ^= 1;
            assert_true(engine_guards_intact(engine));
        }
    engine->arena[PLAN_GUARD] ^= 1;
    assert_true(engine_guards_intact(engine));
    engine_free(engine);
    graph_free(&g);
}

/* A missing bias is zero, for every kind of layer. */
static void no_bias_is_zero(void **state)
{
    static const float in[2] = {3, 4};
    (void)state;

    for (int kind = 0; kind < 3; kind++)
        for (int t = 0; t < ENGINE_TABLES; t++) {
            struct graph g = {0};
            int n = build_input(&g, 2, 1, 1);
            struct engine *engine;
            float out;
            if (kind == 1)
                build_static(build_value(&g, n), 1, 2);
            if (kind == 2)
                build_value(&g, n)->quant = QUANT_DYNAMIC;
            n = build_fc(&g, g.node[n].output, 2, 1, kind ? DT_S8 : DT_F32, -1);
            if (kind)
                memset(g.weight[0].data, 1, 2);
            else
                ((float *)g.weight[0].data)[0] = ((float *)g.weight[0].data)[1] = 1;
            engine = engine_of(&g, t, 1);
            engine_run(engine, in, &out);
            assert_float_equal(out, 7, kind == 2 ? 0.02F : 0);
            engine_free(engine);
            graph_free(&g);
        }
}

static void refuse(const struct graph *graph, int batch, enum status want, const char *says)
{
    struct kn_table table = engine_table(0);
    struct engine *engine = NULL;

    assert_int_equal(engine_new(graph, &table, batch, 1, &engine), want);
    assert_null(engine);
    if (!strstr(status_message(), says))
        fail_msg("message '%s' lacks '%s'", status_message(), says);
}

/* input, fc of one type with a bias of another, input quantized in some way. */
static void one_fc(struct graph *g, enum dtype type, int bias_type, enum quant_mode quant)
{
    int n = build_input(g, 4, 1, 1);

    if (quant == QUANT_STATIC)
        build_static(build_value(g, n), 1, 0);
    build_value(g, n)->quant = quant;
    build_fc(g, g->node[n].output, 4, 2, type, bias_type);
}

static void types_that_do_not_fit_are_refused(void **state)
{
    static const struct {
        enum dtype type;
        int bias;
        enum quant_mode quant;
        const char *says;
    } cases[] = {
        {DT_F32, DT_S32, QUANT_NONE, "'fc1': float weights with a bias of type s32"},
        {DT_S8, DT_S32, QUANT_NONE, "'fc1': 8-bit weights, but its input 'v0' is float"},
        {DT_S8, DT_F32, QUANT_STATIC, "'fc1': bias of type f32, expected s32"},
        {DT_S8, DT_S32, QUANT_DYNAMIC, "'fc1': bias of type s32, expected f32"},
        {DT_S32, DT_S32, QUANT_STATIC, "'fc1': weights of type s32"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct graph g = {0};
        one_fc(&g, cases[i].type, cases[i].bias, cases[i].quant);
        refuse(&g, 1, ST_UNSUPPORTED, cases[i].says);
        graph_free(&g);
    }
}

static void simulated_graphs_are_refused(void **state)
{
    struct graph g = {0};
    (void)state;

    one_fc(&g, DT_F32, DT_F32, QUANT_STATIC);
    assert_int_equal(mem_alloc(2, sizeof(float), &g.weight[0].scale), ST_OK);
    refuse(&g, 1, ST_UNSUPPORTED, "'fc1': simulated");
    graph_free(&g);
}

static void bad_numbers_are_refused(void **state)
{
    struct graph g = {0};
    struct weight *w;
    (void)state;

    one_fc(&g, DT_S8, DT_S32, QUANT_STATIC);
    refuse(&g, 0, ST_BADARG, "batch");
    refuse(&g, -5, ST_BADARG, "batch");
    refuse(&g, INT32_MAX, ST_UNSUPPORTED, "bytes");
    w = &g.weight[0];
    g.value[0].zero_point = 256;
    refuse(&g, 1, ST_UNSUPPORTED, "zero point 256");
    g.value[0].zero_point = 0;
    g.value[0].scale = 0;
    refuse(&g, 1, ST_UNSUPPORTED, "scale 0");
    g.value[0].scale = NAN;
    refuse(&g, 1, ST_UNSUPPORTED, "scale nan");
    g.value[0].scale = 1;
    w->scale[1] = -1;
    refuse(&g, 1, ST_UNSUPPORTED, "scale -1 of output 1");
    w->scale[1] = INFINITY;
    refuse(&g, 1, ST_UNSUPPORTED, "scale inf of output 1");
    w->scale[1] = 1;
    ((int8_t *)w->data)[5] = -128;
    refuse(&g, 1, ST_UNSUPPORTED, "weight -128 in output 1");
    ((int8_t *)w->data)[5] = 127;
    ((int32_t *)g.weight[1].data)[1] = INT32_MAX - 255 * 127 + 1;
    refuse(&g, 1, ST_UNSUPPORTED, "more than 32 bits");
    ((int32_t *)g.weight[1].data)[1] = INT32_MAX - 255 * 127;
    engine_free(engine_of(&g, 0, 1));
    mem_free(w->scale);
    w->scale = NULL;
    refuse(&g, 1, ST_UNSUPPORTED, "without scales");
    graph_free(&g);
}

/* What the planner cannot run says so by the node's name; threads are counted from 1. */
static void batchnorm_and_bad_thread_counts_are_refused(void **state)
{
    struct kn_table table = engine_table(0);
    struct engine *engine = NULL;
    struct graph g = {0};
    int n = build_input(&g, 2, 3, 3), two = 2;
    struct node norm = {.op = OP_BATCHNORM, .input = {g.node[n].output}, .epsilon = 1e-5F};
    (void)state;

    build_tensors(&g, &norm, DT_F32, DT_F32, 1, &two);
    assert_int_equal(graph_add_weight(&g, "mean", DT_F32, 1, &two, &norm.mean), ST_OK);
    assert_int_equal(graph_add_weight(&g, "variance", DT_F32, 1, &two, &norm.variance), ST_OK);
    n = build_node(&g, norm);
    refuse(&g, 1, ST_UNSUPPORTED, "'batchnorm1'");
    g.node[n].op = OP_RELU;
    assert_int_equal(engine_new(&g, &table, 1, 0, &engine), ST_BADARG);
    assert_int_equal(engine_new(&g, &table, 1, ENGINE_THREADS_MAX + 1, &engine), ST_BADARG);
    assert_null(engine);
    engine_free(engine_of(&g, 0, 1));
    graph_free(&g);
}

/* A float layer reads the rounded value of a quantized input: 1.3 at scale 1 is 1. */
static void float_layers_read_rounded_values(void **state)
{
    static const float in[2] = {1.3F, -0.4F}, weights[2] = {10, 10}, bias[1] = {0};
    struct graph g = {0};
    int n = build_input(&g, 2, 1, 1);
    (void)state;

    build_static(build_value(&g, n), 1, 3);
    n = build_fc(&g, g.node[n].output, 2, 1, DT_F32, DT_F32);
    fill_f32(&g, n, weights, bias);
    for (int t = 0; t < ENGINE_TABLES; t++) {
        struct engine *engine = engine_of(&g, t, 1);
        float out;
        engine_run(engine, in, &out);
        assert_float_equal(out, 10, 0);
        engine_free(engine);
    }
    graph_free(&g);
}

static void quantization_must_agree_along_pooling(void **state)
{
    struct graph g = {0};
    (void)state;

    static_int8_net(&g);
    g.value[3].zero_point++; /* pool's output */
    refuse(&g, 1, ST_UNSUPPORTED, "'pool_max3'");
    g.value[3].zero_point--;
    build_static(&g.value[5], 1, 0);
    refuse(&g, 1, ST_UNSUPPORTED, "output 'v5' is quantized");
    g.value[5].quant = QUANT_NONE;
    engine_free(engine_of(&g, 0, 1));
    g.node[1].weight = -1;
    refuse(&g, 1, ST_FORMAT, "'conv1'");
    graph_free(&g);
}

/* Padding that makes a small input enormous. */
static void huge_shapes_are_refused(void **state)
{
    struct graph g = {0};
    int n = build_input(&g, 1, 1, 1 << 20);
    struct node pool = {.op = OP_POOL_MAX, .input = {g.node[n].output}, .weight = -1, .bias = -1};
    (void)state;

    build_conv(&g, g.node[n].output, 1, 1, 600, 1, 30000, 599, 0, DT_F32, DT_F32);
    refuse(&g, 1, ST_UNSUPPORTED, "'conv1'");
    graph_free(&g);
    n = build_input(&g, 64, 1024, 1024);
    pool.kernel_h = pool.kernel_w = pool.stride_h = pool.stride_w = 1;
    build_node(&g, pool);
    refuse(&g, 8, ST_UNSUPPORTED, "'input0'");
    graph_free(&g);
    refuse(&g, 1, ST_FORMAT, "at least one layer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float_net_by_hand),
        cmocka_unit_test(relu_behind_pooling_is_a_clamp),
        cmocka_unit_test(flatten_keeps_the_order_of_weights),
        cmocka_unit_test(static_net_by_hand),
        cmocka_unit_test(dynamic_fc_by_hand),
        cmocka_unit_test(slices_equal_the_whole),
        cmocka_unit_test(plan_and_arena_by_hand),
        cmocka_unit_test(guards_notice_a_byte),
        cmocka_unit_test(no_bias_is_zero),
        cmocka_unit_test(types_that_do_not_fit_are_refused),
        cmocka_unit_test(simulated_graphs_are_refused),
        cmocka_unit_test(bad_numbers_are_refused),
        cmocka_unit_test(quantization_must_agree_along_pooling),
        cmocka_unit_test(huge_shapes_are_refused),
        cmocka_unit_test(batchnorm_and_bad_thread_counts_are_refused),
        cmocka_unit_test(float_layers_read_rounded_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
