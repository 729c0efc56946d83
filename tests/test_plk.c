/* The packed file: round trips, exact bytes, choice of encodings, sizes, what cannot be packed. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "graph/graph_json.h"
#include "plk_graphs.h"

static const int all_flags[] = {PLK_PLAIN, PLK_ENTROPY, PLK_DENSE};

static void assert_infos_equal(const struct plk_info *a, const struct plk_info *b)
{
    assert_int_equal(a->file_bytes, b->file_bytes);
    assert_int_equal(a->header_bytes, b->header_bytes);
    assert_string_equal(a->sha256, b->sha256);
    assert_int_equal(a->tensors, b->tensors);
    for (int i = 0; i < a->tensors; i++) {
        assert_string_equal(a->tensor[i].name, b->tensor[i].name);
        assert_string_equal(a->tensor[i].encoding, b->tensor[i].encoding);
        assert_int_equal(a->tensor[i].bytes, b->tensor[i].bytes);
        assert_int_equal(a->tensor[i].count, b->tensor[i].count);
        assert_int_equal(a->tensor[i].nonzeros, b->tensor[i].nonzeros);
    }
}

/* Packs, unpacks, compares, packs again: the same bytes. info is the caller's to free. */
static void round_trip(const struct graph *graph, int flags, struct plk_info *info)
{
    unsigned char *bytes, *again;
    struct graph back = {0};
    struct plk_info read = {0};
    size_t len, again_len;

    assert_ok(plk_encode(graph, flags, &bytes, &len, info));
    assert_int_equal(info->file_bytes, len);
    assert_ok(plk_decode("memory", bytes, len, &back, &read));
    assert_graphs_equal(graph, &back);
    assert_infos_equal(info, &read);
    assert_ok(plk_encode(&back, flags, &again, &again_len, NULL));
    assert_int_equal(len, again_len);
    assert_memory_equal(bytes, again, len);
    free(bytes);
    free(again);
    plk_info_free(&read);
    graph_free(&back);
}

/* Residual, depthwise and attention models as they stand in the suites. */
static void test_models(void **state)
{
    static const char *const models[] = {"bert-tiny", "resnet8-3x32x32", "mobilenetv1-025", "dscnn-1x49x10"};
    struct graph graph = {0};
    struct plk_info info;
    unsigned char *bytes;
    char path[96];
    size_t len;

    (void)state;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        snprintf(path, sizeof path, "suites/models/%s.json", models[m]);
        assert_ok(graph_from_json(path, &graph));
        graph_init_weights(&graph, 7);
        memset(&info, 0, sizeof info);
        round_trip(&graph, PLK_PLAIN, &info);
        plk_info_free(&info);
        graph_free(&graph);
    }
    assert_ok(graph_from_json("suites/models/resnet8.json", &graph));
    assert_int_equal(plk_encode(&graph, PLK_PLAIN, &bytes, &len, NULL), ST_UNSUPPORTED);
    assert_non_null(strstr(status_message(), "'conv1_bn' is a batch normalization"));
    graph_free(&graph);
}

static void test_round_trips(void **state)
{
    static const double zeros[] = {0, 0.8, 0.995};

    (void)state;
    for (int kind = 0; kind < GRAPHS_KINDS; kind++)
        for (size_t z = 0; z < sizeof zeros / sizeof *zeros; z++)
            for (size_t f = 0; f < sizeof all_flags / sizeof *all_flags; f++) {
                struct graph graph = {0};
                struct plk_info info = {0};
                graphs_small(&graph, (enum graphs_kind)kind, zeros[z]);
                round_trip(&graph, all_flags[f], &info);
                plk_info_free(&info);
                graph_free(&graph);
            }
}

/* Names of its own, a wire past a layer, unusual windows, no bias, mixed quantization. */
static void build_odd(struct graph *graph)
{
    struct node node = {.op = OP_INPUT, .name = "pixels", .output = 0, .weight = -1, .bias = -1};
    const int dim[3] = {2, 9, 7}, conv_dim[4] = {3, 2, 2, 3}, flat[1] = {36};
    int index;

    memset(graph, 0, sizeof *graph);
    assert_ok(graph_add_value(graph, "x", 3, dim, &index));
    assert_ok(graph_add_value(graph, "conv1", 3, dim, &index));
    assert_ok(graph_add_value(graph, "side", 3, dim, &index));
    assert_ok(graph_add_value(graph, "relu3", 3, dim, &index));
    assert_ok(graph_add_value(graph, "flatten4", 1, flat, &index));
    assert_ok(graph_add_value(graph, "y", 1, flat, &index));
    assert_ok(graph_add_node(graph, &node, &index));
    node = (struct node){.op = OP_CONV,
                         .name = "conv1",
                         .input = {0},
                         .output = 1,
                         .bias = -1,
                         .channels = 3,
                         .kernel_h = 2,
                         .kernel_w = 3,
                         .stride_h = 2,
                         .stride_w = 1,
                         .pad_h = 0,
                         .pad_w = 2,
                         .pad_end_w = 2};
    assert_ok(graph_add_weight(graph, "kernel", DT_F32, 4, conv_dim, &node.weight));
    assert_ok(graph_add_node(graph, &node, &index));
    node = (struct node){.op = OP_POOL_MAX,
                         .name = "side",
                         .input = {0},
                         .output = 2,
                         .weight = -1,
                         .bias = -1,
                         .kernel_h = 3,
                         .kernel_w = 3,
                         .stride_h = 1,
                         .stride_w = 1,
                         .pad_h = 1,
                         .pad_w = 1,
                         .pad_end_h = 1,
                         .pad_end_w = 1};
    assert_ok(graph_add_node(graph, &node, &index));
    node = (struct node){.op = OP_RELU, .name = "relu3", .input = {1}, .output = 3, .weight = -1, .bias = -1};
    assert_ok(graph_add_node(graph, &node, &index));
    node = (struct node){.op = OP_FLATTEN, .name = "flatten4", .input = {3}, .output = 4, .weight = -1, .bias = -1};
    assert_ok(graph_add_node(graph, &node, &index));
    assert_ok(graph_infer(graph));
    node = (struct node){.op = OP_FC, .name = "out", .input = {4}, .output = 5, .channels = 2};
    {
        const int fc_dim[2] = {2, graph->value[4].dim[0]}, bias_dim[1] = {2};
        assert_ok(graph_add_weight(graph, "out.weight", DT_F32, 2, fc_dim, &node.weight));
        assert_ok(graph_add_weight(graph, "offset", DT_F32, 1, bias_dim, &node.bias));
    }
    assert_ok(graph_add_node(graph, &node, &index));
    assert_ok(graph_infer(graph));
    graphs_fill(graph, GRAPHS_SIMULATED, 0.5, 77);
    graph->value[3].quant = QUANT_DYNAMIC; /* the input stays static */
    graph->value[3].scale = 1;
    graph->value[3].zero_point = 0;
    graph_quant_spread(graph);
}

static void test_odd_graph(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof all_flags / sizeof *all_flags; f++) {
        struct graph graph;
        struct plk_info info = {0};
        build_odd(&graph);
        round_trip(&graph, all_flags[f], &info);
        assert_string_equal(info.tensor[0].name, "kernel");
        assert_string_equal(info.tensor[2].name, "offset");
        plk_info_free(&info);
        graph_free(&graph);
    }
}

/* The format, byte by byte: if this fails, old files can no longer be read. */
static void test_exact_bytes(void **state)
{
    /* clang-format off */
    static const unsigned char expected[] = {
        'P', 'L', 'K', 2,       /* magic, version */
        0, 34,                  /* no quantization; length of the file */
        1, 't', 2,              /* name; two nodes */
        0, 1, 3,                /* input of rank 1, 3 features */
        2, 3, 3,                /* fc, 1 output with bias (2 * 1 + 1), 3 inputs */
        0,                      /* weight: f32, dense */
        0, 0, 0x80, 0x3f,       /* 1.0 */
        0, 0, 0, 0xc0,          /* -2.0 */
        0, 0, 0xc0, 0x7f,       /* NaN */
        4, 0,                   /* bias: f32, bitmap, no nonzeros */
        0xc2, 0x77, 0x73, 0x32, /* CRC-32 of the above, worked out by another program */
    };
    /* clang-format on */
    static const float weights[3] = {1, -2, 0};
    static const uint32_t nan_bits = 0x7fc00000u;
    struct graph graph;
    unsigned char *bytes;
    size_t len;

    (void)state;
    graphs_tiny(&graph);
    memcpy(graph.weight[0].data, weights, sizeof weights);
    memcpy((float *)graph.weight[0].data + 2, &nan_bits, sizeof nan_bits);
    assert_ok(plk_encode(&graph, PLK_PLAIN, &bytes, &len, NULL));
    assert_int_equal(len, sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
    free(bytes);
    graph_free(&graph);
}

/* The same network as int8, static, entropy-coded where shorter: pins the range coder and its models, too. */
static void test_exact_coded_bytes(void **state)
{
    static const int8_t weights[24] = {0, 0, 0, 5, 0, 0, -3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 127, 0, 0, 0, 0};
    /* clang-format off */
    static const unsigned char expected[] = {
        'P', 'L', 'K', 2,
        1, 39,                        /* all static; length */
        0, 2,                         /* no name; two nodes */
        0, 1, 24,                     /* input of rank 1, 24 features */
        2, 3, 24,                     /* fc, 1 output with bias, 24 inputs */
        0x25,                         /* weight: s8, bitmap, scales */
        0x48, 0x10, 0x08,             /* elements 3, 6, 12 and 19 */
        5, 0xfd, 1, 0x7f,
        0, 0, 0, 0x3f,                /* 0.5 */
        0x12,                         /* bias: s32, dense, coded */
        2, 0xd4, 0xd0,                /* two bytes of code */
        0, 0, 0x80, 0x3e, 0x80,       /* input: scale 0.25, zero point 128 */
        0x6a, 0xbf, 0x79, 0x66,
    };
    /* clang-format on */
    static const struct layer layers[] = {{OP_FC, 1, 0}};
    const float scale = 0.5f;
    struct graph graph, back = {0};
    struct plk_info info = {0};
    unsigned char *bytes;
    size_t len;

    (void)state;
    graphs_chain(&graph, "", 24, 0, 0, layers, 1);
    for (int i = 0; i < 2; i++) {
        mem_free(graph.weight[i].data);
        assert_ok(mem_alloc(24, 4, &graph.weight[i].data));
    }
    graph.weight[0].type = DT_S8;
    graph.weight[1].type = DT_S32;
    memcpy(graph.weight[0].data, weights, sizeof weights);
    ((int32_t *)graph.weight[1].data)[0] = -1000;
    assert_ok(mem_alloc(1, sizeof scale, &graph.weight[0].scale));
    graph.weight[0].scale[0] = scale;
    graph.value[0].quant = QUANT_STATIC;
    graph.value[0].scale = 0.25f;
    graph.value[0].zero_point = 128;
    assert_ok(plk_encode(&graph, PLK_ENTROPY, &bytes, &len, &info));
    assert_int_equal(len, sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
    assert_ok(plk_decode("memory", bytes, len, &back, NULL));
    assert_graphs_equal(&graph, &back);
    free(bytes);
    plk_info_free(&info);
    graph_free(&back);
    graph_free(&graph);
}

/* Bytes of one tensor in an encoding, worked out from the definition. */
static size_t plain_bytes(size_t count, size_t nonzeros, size_t size, const char *encoding, const struct weight *weight)
{
    size_t best = SIZE_MAX;

    if (strcmp(encoding, "dense") == 0)
        return count * size;
    if (strcmp(encoding, "bitmap") == 0)
        return (count + 7) / 8 + nonzeros * size;
    for (int k = 0; k <= 24; k++) {
        size_t bits = 0, gap = 0;
        for (size_t i = 0; i < count; i++, gap++) {
            if (((const float *)weight->data)[i] == 0)
                continue;
            bits += (gap >> k) + 1 + (size_t)k;
            gap = SIZE_MAX;
        }
        best = (bits + 7) / 8 < best ? (bits + 7) / 8 : best;
    }
    return (nonzeros < 128 ? 1u : nonzeros < 16384 ? 2u : 3u) + 1 + best + nonzeros * size;
}

/* At every sparsity the plain encoding with the fewest bytes is taken, and each one has its place. */
static void test_smallest_is_chosen(void **state)
{
    static const char *const encodings[] = {"dense", "bitmap", "sparse"};
    static const struct layer layers[] = {{OP_FC, 50, 0}};
    int taken[3] = {0};

    (void)state;
    for (int percent = 0; percent <= 99; percent += 3) {
        struct graph graph;
        struct plk_info info = {0}, coded = {0};
        const struct plk_tensor_info *tensor;
        size_t least = SIZE_MAX, bytes[3];
        graphs_chain(&graph, "one", 400, 0, 0, layers, 1);
        graphs_fill(&graph, GRAPHS_F32, percent / 100.0, 9);
        round_trip(&graph, PLK_PLAIN, &info);
        round_trip(&graph, PLK_ENTROPY, &coded);
        tensor = &info.tensor[0];
        for (int e = 0; e < 3; e++) {
            bytes[e] = plain_bytes(tensor->count, tensor->nonzeros, 4, encodings[e], &graph.weight[0]);
            least = bytes[e] < least ? bytes[e] : least;
        }
        assert_int_equal(tensor->bytes, least + 1);
        for (int e = 0; e < 3; e++) {
            if (strcmp(tensor->encoding, encodings[e]) == 0)
                assert_int_equal(bytes[e], least);
            taken[e] += strcmp(tensor->encoding, encodings[e]) == 0;
        }
        assert_true(coded.tensor[0].bytes <= tensor->bytes);
        plk_info_free(&info);
        plk_info_free(&coded);
        graph_free(&graph);
    }
    assert_true(taken[0] > 0 && taken[1] > 0 && taken[2] > 0);
}

/* Bits that arithmetic would lose: NaN payloads, infinities, denormals. Negative zero stays in dense tensors only. */
static void test_bits_kept(void **state)
{
    static const uint32_t rare[] = {0x7fc12345u, 0xff800000u, 0x00000001u, 0x807fffffu, 0x7f800001u, 0x3f800000u};
    static const struct layer layers[] = {{OP_FC, 1, 0}};

    (void)state;
    for (size_t f = 0; f < sizeof all_flags / sizeof *all_flags; f++)
        for (size_t step = 1; step <= 30; step += 29) { /* dense, then mostly zeros */
            struct graph graph, back = {0};
            unsigned char *bytes;
            size_t len;
            uint32_t *data;
            graphs_chain(&graph, "rare", 300, 0, 0, layers, 1);
            data = graph.weight[0].data;
            for (size_t i = 0; i < 300; i += step)
                data[i] = rare[i / step % 6];
            data[299] = 0x80000000u;
            assert_ok(plk_encode(&graph, all_flags[f], &bytes, &len, NULL));
            assert_ok(plk_decode("memory", bytes, len, &back, NULL));
            assert_memory_equal(data, back.weight[0].data, 299 * 4);
            if (all_flags[f] == PLK_DENSE)
                assert_int_equal(((uint32_t *)back.weight[0].data)[299], 0x80000000u);
            else
                assert_int_equal(((uint32_t *)back.weight[0].data)[299] & 0x7fffffffu, 0);
            free(bytes);
            graph_free(&graph);
            graph_free(&back);
        }
}

static double packed_ratio(struct graph *graph, int flags, size_t *out_header)
{
    struct plk_info info = {0};
    size_t fp32;
    double ratio;

    round_trip(graph, flags, &info);
    assert_ok(plk_fp32_bytes(graph, &fp32));
    ratio = (double)fp32 / (double)info.file_bytes;
    *out_header = info.header_bytes;
    plk_info_free(&info);
    graph_free(graph);
    return ratio;
}

static void test_sizes(void **state)
{
    struct graph graph;
    size_t header;
    double ratio;

    (void)state;
    graphs_lenet5(&graph, GRAPHS_S8_STATIC, 0);
    ratio = packed_ratio(&graph, PLK_DENSE, &header);
    print_message("           lenet5, s8, dense: %.3fx, header %zu bytes\n", ratio, header);
    assert_true(ratio >= 3.9 && header < 100);
    graphs_lenet300(&graph, GRAPHS_S8_STATIC, 0.9);
    ratio = packed_ratio(&graph, PLK_ENTROPY, &header);
    print_message("           lenet300, s8, 90 %% zeros: %.2fx\n", ratio);
    assert_true(ratio >= 26); /* independent weights: their entropy alone allows 27.0 */
    graphs_lenet300(&graph, GRAPHS_S8_STATIC, 0.9);
    ratio = packed_ratio(&graph, PLK_PLAIN, &header);
    print_message("           lenet300, s8, 90 %% zeros, no entropy coding: %.2fx\n", ratio);
    assert_true(ratio >= 20);
    graphs_lenet300(&graph, GRAPHS_F32, 0.9);
    ratio = packed_ratio(&graph, PLK_ENTROPY, &header);
    print_message("           lenet300, f32, 90 %% zeros: %.2fx\n", ratio);
    assert_true(ratio >= 8);
    graphs_lenet300(&graph, GRAPHS_F32, 0.9);
    ratio = packed_ratio(&graph, PLK_PLAIN, &header);
    print_message("           lenet300, f32, 90 %% zeros, no entropy coding: %.2fx\n", ratio);
    assert_true(ratio >= 6);
}

/* The FP32 counterpart of any graph is what packing its float version densely gives. */
static void test_fp32_bytes(void **state)
{
    struct graph graph;
    struct plk_info info = {0};
    size_t bytes;

    (void)state;
    graphs_small(&graph, GRAPHS_F32, 0.3);
    round_trip(&graph, PLK_DENSE, &info);
    graph_free(&graph);
    for (int kind = 0; kind < GRAPHS_KINDS; kind++) {
        graphs_small(&graph, (enum graphs_kind)kind, 0.9);
        assert_ok(plk_fp32_bytes(&graph, &bytes));
        assert_int_equal(bytes, info.file_bytes);
        graph_free(&graph);
    }
    plk_info_free(&info);
}

static void refused(const struct graph *graph, const char *words)
{
    unsigned char *bytes = NULL;
    size_t len = 0;

    assert_int_not_equal(plk_encode(graph, PLK_ENTROPY, &bytes, &len, NULL), ST_OK);
    assert_null(bytes);
    if (!strstr(status_message(), words))
        fail_msg("'%s' does not say '%s'", status_message(), words);
}

static void test_unpackable_graphs(void **state)
{
    struct graph graph;
    int v;

    (void)state;
    graphs_small(&graph, GRAPHS_S8_STATIC, 0.5);
    v = graph.node[3].output; /* the pooled value shares the fused ReLU's parameters */
    graph.value[v].zero_point ^= 1;
    refused(&graph, "graph_quant_spread");
    graph.value[v].zero_point ^= 1;
    graph.value[v].quant = QUANT_NONE;
    refused(&graph, "graph_quant_spread");
    graph.value[v].quant = QUANT_STATIC;
    graph.value[0].scale = 0;
    refused(&graph, "scale 0");
    graph.value[0].scale = 1;
    graph.value[0].zero_point = 256;
    refused(&graph, "zero point 256");
    graph.value[0].zero_point = 0;
    graph.weight[0].scale[2] = NAN;
    refused(&graph, "scale 2");
    graph.weight[0].scale[2] = 1;
    ((int8_t *)graph.weight[0].data)[5] = -128;
    refused(&graph, "-128");
    ((int8_t *)graph.weight[0].data)[5] = 0;
    graph.weight[1].type = DT_S8;
    refused(&graph, "type s8");
    graph.weight[1].type = DT_S32;
    graph.node[7].bias = graph.node[5].bias; /* 20 elements where 3 are due */
    refused(&graph, "expected 3");
    graph.node[7].bias = -1;
    strcpy(graph.node[2].name, "two words");
    refused(&graph, "two words");
    memset(graph.node[2].name, 'x', GRAPH_NAME);
    refused(&graph, "printable");
    strcpy(graph.node[2].name, "fine");
    graph.node[2].input[0] = 6;
    refused(&graph, "no earlier node");
    graph_free(&graph);
    refused(&graph, "needs an input");
}

static void test_bad_flags(void **state)
{
    struct graph graph;
    unsigned char *bytes;
    size_t len;

    (void)state;
    graphs_tiny(&graph);
    assert_int_equal(plk_encode(&graph, PLK_ENTROPY | PLK_DENSE, &bytes, &len, NULL), ST_BADARG);
    assert_int_equal(plk_encode(&graph, 4, &bytes, &len, NULL), ST_BADARG);
    graph_free(&graph);
}

/* A large layer of nothing but zeros is written so that a reader may believe it. */
static void test_empty_giant(void **state)
{
    static const struct layer layers[] = {{OP_FC, 3000, 0}};
    struct graph graph;
    struct plk_info info = {0};

    (void)state;
    graphs_chain(&graph, "void", 1000, 0, 0, layers, 1);
    for (size_t f = 0; f < 2; f++) {
        round_trip(&graph, all_flags[f], &info);
        assert_true(info.file_bytes <= 3000000 / 8 + 1000);
        assert_true(3000000 <= (1 << 20) + 8192 * info.file_bytes);
        plk_info_free(&info);
    }
    graph_free(&graph);
}

static void test_files(void **state)
{
    char path[] = "/tmp/test_plk_XXXXXX", missing[64];
    int fd = mkstemp(path);
    struct graph graph, back = {0};
    struct plk_info written = {0}, read = {0};

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    graphs_small(&graph, GRAPHS_S8_STATIC, 0.7);
    assert_ok(plk_write(&graph, path, PLK_ENTROPY, &written));
    assert_ok(plk_read(path, &back, &read));
    assert_graphs_equal(&graph, &back);
    assert_infos_equal(&written, &read);
    plk_info_free(&written);
    plk_info_free(&read);
    graph_free(&back);
    assert_ok(file_write_atomic(path, "PLK", 3));
    assert_int_equal(plk_read(path, &back, NULL), ST_FORMAT);
    assert_non_null(strstr(status_message(), path));
    unlink(path);
    snprintf(missing, sizeof missing, "%s/nowhere.plk", path);
    assert_int_equal(plk_write(&graph, missing, PLK_PLAIN, NULL), ST_IO);
    assert_int_equal(plk_read(missing, &back, NULL), ST_IO);
    graph_free(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_odd_graph),
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_exact_bytes),
        cmocka_unit_test(test_exact_coded_bytes),
        cmocka_unit_test(test_smallest_is_chosen),
        cmocka_unit_test(test_bits_kept),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_fp32_bytes),
        cmocka_unit_test(test_unpackable_graphs),
        cmocka_unit_test(test_bad_flags),
        cmocka_unit_test(test_empty_giant),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
