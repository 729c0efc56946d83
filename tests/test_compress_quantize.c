/* Calibration, weight scales, post-training quantization and conversion to integers, on hand-worked examples. */
#include "compress_common.h"

#include <math.h>

#include "compress/calibrate.h"
#include "compress/invariants.h"
#include "compress/ptq.h"
#include "compress/quantize.h"
#include "kernels/requant.h"
#include "train/forward.h"

static const struct calibrate_options minmax = {CALIBRATE_MINMAX, 0, 64};

static void range_of(const float *x, size_t n, const struct calibrate_options *options, float *lo, float *hi)
{
    struct calibrate_range range;

    check_ok(calibrate_begin(&range));
    calibrate_add(&range, x, n);
    check_ok(calibrate_end(&range, options, lo, hi));
    calibrate_free(&range);
}

static void minmax_contains_zero(void **state)
{
    static const float mixed[] = {0.5f, -1, 0, 2}, positive[] = {3, 5}, negative[] = {-3, -5}, zeros[] = {0, 0};
    float lo, hi;

    (void)state;
    range_of(mixed, 4, &minmax, &lo, &hi);
    assert_true(lo == -1 && hi == 2);
    range_of(positive, 2, &minmax, &lo, &hi);
    assert_true(lo == 0 && hi == 5);
    range_of(negative, 2, &minmax, &lo, &hi);
    assert_true(lo == -5 && hi == 0);
    range_of(zeros, 2, &minmax, &lo, &hi);
    assert_true(lo == 0 && hi == 0);
}

static void histogram_grows_by_doubling(void **state)
{
    static const float x[] = {1.0f, 0.75f, -0.5f, 5.0f};
    struct calibrate_range range;

    (void)state;
    check_ok(calibrate_begin(&range));
    calibrate_add(&range, x, 3);
    assert_true(range.limit == 2);                             /* the smallest power of two above 1 */
    assert_int_equal(range.bin[CALIBRATE_BINS / 2 + 2048], 1); /* 1 / (2 / 4096) */
    assert_int_equal(range.bin[CALIBRATE_BINS / 2 - 1024], 1);
    calibrate_add(&range, x + 3, 1);
    assert_true(range.limit == 8);
    assert_int_equal(range.bin[CALIBRATE_BINS / 2 + 512], 1); /* 1 / (8 / 4096) */
    assert_int_equal(range.bin[CALIBRATE_BINS / 2 + 384], 1);
    assert_int_equal(range.bin[CALIBRATE_BINS / 2 - 256], 1);
    assert_int_equal(range.bin[CALIBRATE_BINS / 2 + 2560], 1);
    calibrate_free(&range);
}

static void stream_order_does_not_matter(void **state)
{
    enum { N = 5000 };
    struct calibrate_range forth, back;
    float *x;
    struct rng rng;
    uint64_t sum = 0;

    (void)state;
    check_ok(mem_alloc(N, sizeof *x, &x));
    rng_seed(&rng, 3, 0);
    for (int i = 0; i < N; i++)
        x[i] = rng_normal(&rng) * expf(4 * rng_normal(&rng));
    x[17] = 0;
    x[18] = 1e-45f;
    x[19] = -3e38f;
    check_ok(calibrate_begin(&forth));
    check_ok(calibrate_begin(&back));
    calibrate_add(&forth, x, N);
    for (int i = N - 1; i >= 0; i--)
        calibrate_add(&back, x + i, 1);
    assert_true(forth.limit == back.limit && forth.lo == back.lo && forth.hi == back.hi);
    assert_memory_equal(forth.bin, back.bin, CALIBRATE_BINS * sizeof *forth.bin);
    for (int i = 0; i < CALIBRATE_BINS; i++)
        sum += forth.bin[i];
    assert_int_equal(sum + forth.zeros, N);
    calibrate_free(&forth);
    calibrate_free(&back);
    mem_free(x);
}

static void percentile_cuts_the_tails(void **state)
{
    struct calibrate_options options = {CALIBRATE_PERCENTILE, 99, 0};
    float x[1000], lo, hi;

    (void)state;
    for (int i = 0; i < 1000; i++)
        x[i] = (float)(i + 1) / 1024;
    range_of(x, 1000, &options, &lo, &hi);
    /* The ten largest go; 990/1024 lies in bin 3960 of width 1/4096, whose upper edge stays. */
    assert_true(lo == 0 && hi == 3961.0f / 4096);
    for (int i = 0; i < 1000; i++)
        x[i] = -x[i];
    range_of(x, 1000, &options, &lo, &hi);
    assert_true(hi == 0 && lo == -3960.0f / 4096); /* -990/1024 is the lower edge of its bin */
    options.percentile = 100;
    range_of(x, 1000, &options, &lo, &hi);
    assert_true(hi == 0 && lo == x[999]);
}

static void mse_error_is_exact_at_bin_centres(void **state)
{
    float x[64], scale;
    int32_t zero_point;
    double sum = 0;
    struct calibrate_range range;

    (void)state;
    check_ok(calibrate_begin(&range));
    for (int i = 0; i < 64; i++)
        x[i] = ((float)(i * 61 - 1950) + 0.5f) / 4096; /* centres of bins: the histogram loses nothing */
    x[63] = 4095.5f / 4096;
    calibrate_add(&range, x, 64);
    assert_true(range.limit == 1);
    kn_range_params(-0.4f, 0.3f, &scale, &zero_point);
    for (int i = 0; i < 64; i++) {
        double q = fmin(255, fmax(0, nearbyint((double)(x[i] * (1.0f / scale))) + zero_point));
        sum += pow((double)x[i] - (double)scale * (q - zero_point), 2);
    }
    assert_true(fabs(calibrate_mse(&range, -0.4f, 0.3f) - sum / 64) < 1e-12);
    calibrate_free(&range);
}

static void mse_clips_a_lonely_outlier(void **state)
{
    enum { N = 20001 };
    static const struct calibrate_options mse = {CALIBRATE_MSE, 0, 0};
    struct calibrate_range range;
    float *x, lo, hi;

    (void)state;
    check_ok(mem_alloc(N, sizeof *x, &x));
    for (int i = 0; i < N; i++)
        x[i] = (float)(i % 2000) / 2000; /* an even spread below 1 ... */
    x[N - 1] = 2;                        /* ... and one value at 2 */
    check_ok(calibrate_begin(&range));
    calibrate_add(&range, x, N);
    check_ok(calibrate_end(&range, &mse, &lo, &hi));
    /* The step 2/255 costs 20000 * (2/255)^2 / 12 = 0.10 in all, half of it a quarter of that; the outlier clipped at c
     * costs (2 - c)^2. The sum (c/255)^2 * 20000 / 12 + (2 - c)^2 is least at c = 2 / (1 + 0.0256) = 1.95. */
    assert_true(lo == 0);
    assert_true(hi > 1.90f && hi < 1.995f);
    for (int i = 1; i <= 100; i++)
        assert_true(calibrate_mse(&range, 0, hi) <= calibrate_mse(&range, 0, 2.0f * (float)i / 100));
    calibrate_free(&range);
    mem_free(x);
}

static void not_finite_and_empty_streams_fail(void **state)
{
    static const float bad[] = {1, NAN, INFINITY};
    struct calibrate_range range;
    float lo, hi;

    (void)state;
    check_ok(calibrate_begin(&range));
    check_fails(calibrate_end(&range, &minmax, &lo, &hi), ST_BADARG, "no values");
    calibrate_add(&range, bad, 3);
    check_fails(calibrate_end(&range, &minmax, &lo, &hi), ST_MISMATCH, "2 values that are not finite");
    calibrate_free(&range);
}

static void weight_scales(void **state)
{
    static const float row[] = {0.5f, -1.27f, 0.01f}, zeros[] = {0, 0, 0};
    float outlier[1001], scale;

    (void)state;
    scale = ptq_channel_scale(row, 3, 127, PTQ_WEIGHTS_MAX);
    assert_true(fabsf(scale - 0.01f) < 1e-8f);
    assert_int_equal(kn_quantize_weight(row[0], scale), 50);
    assert_int_equal(kn_quantize_weight(row[1], scale), -127);
    assert_int_equal(kn_quantize_weight(row[2], scale), 1);
    assert_true(ptq_channel_scale(zeros, 3, 127, PTQ_WEIGHTS_MAX) == 1);
    assert_true(ptq_channel_scale(zeros, 3, 127, PTQ_WEIGHTS_MSE) == 1);
    for (int i = 0; i < 1000; i++)
        outlier[i] = (float)(i - 500) / 500;
    outlier[1000] = 1.05f;
    scale = ptq_channel_scale(outlier, 1001, 127, PTQ_WEIGHTS_MSE);
    assert_true(scale < 1.05f / 127 && scale >= 0.98f / 127); /* clips the one, not the others */
}

static void bias_rounding(void **state)
{
    int saturated = 0;

    (void)state;
    assert_int_equal(quantize_bias(1.0f, 0.25f, 0.5f, &saturated), 8);
    assert_int_equal(quantize_bias(0.3125f, 0.25f, 0.5f, &saturated), 2);   /* 2.5, to even */
    assert_int_equal(quantize_bias(-0.4375f, 0.25f, 0.5f, &saturated), -4); /* -3.5 */
    assert_int_equal(saturated, 0);
    assert_int_equal(quantize_bias(1e30f, 1, 1, &saturated), INT32_MAX);
    assert_int_equal(saturated, 1);
    saturated = 0;
    assert_int_equal(quantize_bias(-1e30f, 1, 1, &saturated), INT32_MIN);
    assert_int_equal(saturated, 1);
}

#define TINY_MODEL                                                                                                     \
    "{\"name\":\"tiny\",\"input\":[1,1,2],\"layers\":[{\"op\":\"flatten\",\"name\":\"flat\"},"                         \
    "{\"op\":\"fc\",\"name\":\"a\",\"features\":2},{\"op\":\"relu\",\"name\":\"r\"},"                                  \
    "{\"op\":\"fc\",\"name\":\"b\",\"features\":2}]}"

static void tiny_new(struct graph *graph)
{
    static const float a[] = {0.5f, -0.25f, 1, 0.5f}, a_bias[] = {0.0625f, -0.5f};
    static const float b[] = {1, -1, 0.5f, 0.25f}, b_bias[] = {0.25f, -1};

    graph_from_text(TINY_MODEL, graph);
    set_weight(graph, "a.weight", a);
    set_weight(graph, "a.bias", a_bias);
    set_weight(graph, "b.weight", b);
    set_weight(graph, "b.bias", b_bias);
}

static void conversion_by_hand(void **state)
{
    static const int8_t a[] = {2, -1, 4, 2}, b[] = {4, -4, 2, 1};
    static const int32_t a_bias[] = {1, -8}, b_bias[] = {2, -8};
    static const uint8_t pixels[] = {255, 255};
    struct graph graph = {0}, integer = {0};
    struct forward *forward = NULL;
    const float *logits;

    (void)state;
    tiny_new(&graph);
    set_scales(&graph, "a.weight", 0.25f);
    set_scales(&graph, "b.weight", 0.25f);
    set_value(&graph, "input", 0.25f, 0);
    set_value(&graph, "flat", 0.25f, 0);
    set_value(&graph, "r", 0.5f, 0);
    check_ok(invariants_graph(&graph, "test"));
    check_ok(invariants_simulated(&graph, "test"));
    check_ok(quantize_graph(&graph, &integer));
    assert_memory_equal(weight_named(&integer, "a.weight")->data, a, sizeof a);
    assert_memory_equal(weight_named(&integer, "b.weight")->data, b, sizeof b);
    assert_memory_equal(weight_named(&integer, "a.bias")->data, a_bias, sizeof a_bias);
    assert_memory_equal(weight_named(&integer, "b.bias")->data, b_bias, sizeof b_bias);
    check_ok(invariants_graph(&integer, "test"));
    check_ok(invariants_conversion(&graph, &integer, "test"));
    /* Input (1, 1) is (4, 4). Layer a: 2*4 - 1*4 + 1 = 5 and 4*4 + 2*4 - 8 = 16, times 0.0625 / 0.5 is 0.625 and 2:
     * q = 1, 2. Layer b: 4*1 - 4*2 + 2 = -2 and 2*1 + 1*2 - 8 = -4, times 0.5 * 0.25: -0.25, -0.5. */
    assert_int_equal(kn_requantize(5, 0.125f, 0, 0, 255), 1);
    assert_int_equal(kn_requantize(16, 0.125f, 0, 0, 255), 2);
    check_ok(forward_new(&graph, 1, NULL, &forward));
    forward_run(forward, pixels, 1);
    logits = forward_value(forward, graph_output(&graph), 0);
    assert_true(logits[0] == -0.25f && logits[1] == -0.5f);
    forward_free(forward);
    graph_free(&graph);
    graph_free(&integer);
}

/* The integer network in plain loops: fc layers only. q holds the layer's 8-bit input. */
static void run_fc(const struct graph *graph, const struct node *node, const uint8_t *q, int32_t *acc)
{
    const struct weight *weight = &graph->weight[node->weight];
    const int8_t *w = weight->data;

    for (int o = 0; o < weight->dim[0]; o++) {
        acc[o] = ((const int32_t *)graph->weight[node->bias].data)[o];
        for (int i = 0; i < weight->dim[1]; i++)
            acc[o] += (int32_t)w[o * weight->dim[1] + i] * (q[i] - graph->value[node->input[0]].zero_point);
    }
}

static void simulation_equals_integers(void **state)
{
    struct dataset_splits data;
    struct graph graph = {0}, integer = {0};
    struct forward *forward = NULL;
    const struct node *first, *second;
    int compared = 0;

    (void)state;
    blobs_new(&data, 64, 16);
    graph_from_text("{\"name\":\"t\",\"input\":[1,6,6],\"layers\":[{\"op\":\"flatten\"},{\"op\":\"fc\",\"name\":\"a\","
                    "\"features\":9},{\"op\":\"relu\"},{\"op\":\"fc\",\"name\":\"b\",\"features\":3}]}",
                    &graph);
    graph_init_weights(&graph, 5);
    for (int o = 0; o < 9; o++)
        ((float *)weight_named(&graph, "a.bias")->data)[o] = 0.1f * (float)(o - 4);
    check_ok(ptq_static(&graph, &data.train, &minmax, PTQ_WEIGHTS_MAX, 8, NULL, TRAIN_BLAS_PLAIN));
    assert_true(value_at(&graph, graph.node[0].name)->quant == QUANT_STATIC);
    assert_true(graph.value[graph_output(&graph)].quant == QUANT_NONE);
    check_ok(invariants_simulated(&graph, "test"));
    check_ok(quantize_graph(&graph, &integer));
    check_ok(invariants_conversion(&graph, &integer, "test"));
    first = &integer.node[2];
    second = &integer.node[4];
    check_ok(forward_new(&graph, 16, NULL, &forward));
    forward_run(forward, data.valid.pixels, 16);
    for (int n = 0; n < 16; n++) {
        const struct value *in = &integer.value[first->input[0]], *hidden = &integer.value[second->input[0]];
        const float *logits = forward_value(forward, graph_output(&graph), 0) + n * 3;
        const float *real = forward_value(forward, second->input[0], 0) + n * 9;
        const float *scale_a = integer.weight[first->weight].scale, *scale_b = integer.weight[second->weight].scale;
        uint8_t q[36], h[9];
        int32_t acc[9];
        for (int i = 0; i < 36; i++)
            q[i] = kn_quantize((float)data.valid.pixels[n * 36 + i] / 255.0f, 1.0f / in->scale, in->zero_point);
        run_fc(&integer, first, q, acc);
        for (int o = 0; o < 9; o++) {
            h[o] = kn_requantize(acc[o], in->scale * scale_a[o] / hidden->scale, hidden->zero_point, hidden->zero_point,
                                 255);
            assert_true(fabsf(real[o] - hidden->scale * (float)(h[o] - hidden->zero_point)) < 1e-6f);
            compared += h[o] > 0;
        }
        run_fc(&integer, second, h, acc);
        for (int o = 0; o < 3; o++)
            assert_true(fabsf(logits[o] - (float)acc[o] * (hidden->scale * scale_b[o])) < 1e-5f);
    }
    assert_true(compared > 30); /* the hidden layer is alive, so that the comparison says something */
    forward_free(forward);
    graph_free(&graph);
    graph_free(&integer);
    blobs_free(&data);
}

static void dynamic_keeps_float_biases(void **state)
{
    struct graph graph = {0}, integer = {0};

    (void)state;
    tiny_new(&graph);
    check_ok(ptq_dynamic(&graph, PTQ_WEIGHTS_MAX));
    check_ok(invariants_graph(&graph, "test"));
    check_ok(invariants_simulated(&graph, "test"));
    assert_int_equal(value_at(&graph, "input")->quant, QUANT_DYNAMIC);
    assert_int_equal(value_at(&graph, "flat")->quant, QUANT_DYNAMIC);
    assert_int_equal(value_at(&graph, "a")->quant, QUANT_NONE); /* between fc and its ReLU */
    assert_int_equal(value_at(&graph, "r")->quant, QUANT_DYNAMIC);
    assert_int_equal(value_at(&graph, "b")->quant, QUANT_NONE);
    check_ok(quantize_graph(&graph, &integer));
    assert_int_equal(weight_named(&integer, "a.weight")->type, DT_S8);
    assert_int_equal(weight_named(&integer, "a.bias")->type, DT_F32);
    check_ok(invariants_conversion(&graph, &integer, "test"));
    graph_free(&graph);
    graph_free(&integer);
}

static void large_biases_raise_the_scale(void **state)
{
    static const float tiny_row[] = {1e-12f, 0, 1, 0.5f}, bias[] = {1, 1};
    struct graph graph = {0}, integer = {0};

    (void)state;
    tiny_new(&graph);
    set_weight(&graph, "a.weight", tiny_row);
    set_weight(&graph, "a.bias", bias);
    set_value(&graph, "input", 1.0f / 255, 0);
    set_value(&graph, "flat", 1.0f / 255, 0);
    set_value(&graph, "r", 0.01f, 0);
    check_ok(ptq_weights(&graph, PTQ_WEIGHTS_MAX, 8));
    check_fails(quantize_graph(&graph, &integer), ST_MISMATCH, "a.bias[0]: bias 1 does not fit 32 bits");
    assert_int_equal(ptq_fit_bias(&graph), 1);
    check_ok(quantize_graph(&graph, &integer));
    assert_in_range(((int32_t *)weight_named(&integer, "a.bias")->data)[0], PTQ_BIAS_MAX - 128, PTQ_BIAS_MAX);
    check_ok(invariants_conversion(&graph, &integer, "test"));
    graph_free(&graph);
    graph_free(&integer);
}

static void conversion_needs_a_simulated_graph(void **state)
{
    struct graph graph = {0}, integer = {0};

    (void)state;
    tiny_new(&graph);
    check_fails(quantize_graph(&graph, &integer), ST_BADARG, "a.weight is not a float weight with scales");
    check_ok(ptq_weights(&graph, PTQ_WEIGHTS_MAX, 8));
    check_fails(quantize_graph(&graph, &integer), ST_BADARG, "is not quantized");
    assert_int_equal(integer.nodes, 0);
    graph_free(&graph);
}

static void static_calibration_of_a_graph(void **state)
{
    /* One image (255, 0): a = (0.5 + 0.0625, 1 - 0.5) = (0.5625, 0.5). */
    static const uint8_t pixels[] = {255, 0}, label[] = {0};
    struct dataset data = {pixels, label, 1, 1, 1, 2, 2};
    struct graph graph = {0};

    (void)state;
    tiny_new(&graph);
    check_ok(calibrate_graph(&graph, &data, &minmax, NULL, TRAIN_BLAS_PLAIN));
    assert_true(value_at(&graph, "input")->scale == 1.0f / 255.0f);
    assert_true(value_at(&graph, "flat")->scale == 1.0f / 255.0f);
    assert_true(value_at(&graph, "r")->scale == 0.5625f / 255.0f);
    assert_int_equal(value_at(&graph, "r")->zero_point, 0);
    assert_int_equal(value_at(&graph, "a")->quant, QUANT_NONE);
    assert_int_equal(value_at(&graph, "b")->quant, QUANT_NONE);
    ((float *)weight_named(&graph, "a.weight")->data)[0] = INFINITY;
    check_fails(calibrate_graph(&graph, &data, &minmax, NULL, TRAIN_BLAS_PLAIN), ST_MISMATCH, "not finite");
    graph_free(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minmax_contains_zero),
        cmocka_unit_test(histogram_grows_by_doubling),
        cmocka_unit_test(stream_order_does_not_matter),
        cmocka_unit_test(percentile_cuts_the_tails),
        cmocka_unit_test(mse_error_is_exact_at_bin_centres),
        cmocka_unit_test(mse_clips_a_lonely_outlier),
        cmocka_unit_test(not_finite_and_empty_streams_fail),
        cmocka_unit_test(weight_scales),
        cmocka_unit_test(bias_rounding),
        cmocka_unit_test(conversion_by_hand),
        cmocka_unit_test(simulation_equals_integers),
        cmocka_unit_test(dynamic_keeps_float_biases),
        cmocka_unit_test(large_biases_raise_the_scale),
        cmocka_unit_test(conversion_needs_a_simulated_graph),
        cmocka_unit_test(static_calibration_of_a_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
