/* Weights of 4 bits: which layers have them, their grid by hand, and whole recipes: simulated, converted, packed and
 * run by the engine. */
#include "compress_common.h"

#include <dirent.h>
#include <math.h>

#include "base/progress.h"
#include "compress/invariants.h"
#include "compress/ptq.h"
#include "compress/quantize.h"
#include "compress/recipe.h"
#include "engine/engine.h"
#include "graph/graph_quant.h"
#include "io/plk.h"
#include "kernels/kernels.h"
#include "kernels/requant.h"
#include "train/forward.h"

/* Two convolutions and two fc layers: c2 and f1 have 4 bits. */
#define W4_MODEL                                                                                                       \
    "{\"name\":\"blobs\",\"input\":[1,6,6],\"layers\":["                                                               \
    "{\"op\":\"conv\",\"name\":\"c1\",\"channels\":8,\"kernel\":3},{\"op\":\"relu\",\"name\":\"r1\"},"                 \
    "{\"op\":\"conv\",\"name\":\"c2\",\"channels\":8,\"kernel\":3},{\"op\":\"relu\",\"name\":\"r2\"},"                 \
    "{\"op\":\"flatten\",\"name\":\"flat\"},"                                                                          \
    "{\"op\":\"fc\",\"name\":\"f1\",\"features\":12},{\"op\":\"relu\",\"name\":\"r3\"},"                               \
    "{\"op\":\"fc\",\"name\":\"f2\",\"features\":3}]}"

static int steps_of(const struct graph *graph, const char *name, int bits)
{
    for (int i = 0; i < graph->nodes; i++)
        if (strcmp(graph->node[i].name, name) == 0)
            return graph_weight_steps(graph, i, bits);
    fail_msg("no node %s", name);
    return 0;
}

/* ------------------------------------------------------------------ which layers */

static void first_last_and_depthwise_keep_8_bits(void **state)
{
    struct graph graph = {0};

    (void)state;
    graph_from_text("{\"name\":\"t\",\"input\":[1,6,6],\"layers\":["
                    "{\"op\":\"conv\",\"name\":\"first\",\"channels\":4,\"kernel\":3},"
                    "{\"op\":\"conv\",\"name\":\"dw\",\"channels\":4,\"kernel\":3,\"groups\":4},"
                    "{\"op\":\"conv\",\"name\":\"pw\",\"channels\":6,\"kernel\":1},"
                    "{\"op\":\"flatten\"},{\"op\":\"fc\",\"name\":\"hidden\",\"features\":9},"
                    "{\"op\":\"fc\",\"name\":\"last\",\"features\":3},{\"op\":\"softmax\"}]}",
                    &graph);
    assert_int_equal(steps_of(&graph, "first", 4), 127);
    assert_int_equal(steps_of(&graph, "dw", 4), 127);
    assert_int_equal(steps_of(&graph, "pw", 4), 7);
    assert_int_equal(steps_of(&graph, "hidden", 4), 7);
    assert_int_equal(steps_of(&graph, "last", 4), 127);
    assert_int_equal(steps_of(&graph, "pw", 8), 127);
    assert_int_equal(steps_of(&graph, "hidden", 8), 127);
    graph_free(&graph);
    graph_from_text("{\"name\":\"t\",\"input\":[1,6,6],\"layers\":[{\"op\":\"flatten\"},"
                    "{\"op\":\"fc\",\"name\":\"a\",\"features\":9},{\"op\":\"fc\",\"name\":\"b\",\"features\":3}]}",
                    &graph);
    assert_int_equal(steps_of(&graph, "a", 4), 7); /* the first layer, but no convolution */
    assert_int_equal(steps_of(&graph, "b", 4), 127);
    graph_free(&graph);
}

/* ------------------------------------------------------------------ the grid by hand */

static void a_row_by_hand(void **state)
{
    static const float row[] = {1.75f, -0.625f, 0.375f, 0.1f, -1.75f}, zeros[] = {0, 0, 0};
    static const int8_t want[] = {7, -2, 2, 0, -7}; /* steps of 0.25; -2.5 and 1.5 go to even */
    float scale = ptq_channel_scale(row, 5, 7, PTQ_WEIGHTS_MAX);

    (void)state;
    assert_true(scale == 0.25f);
    for (int i = 0; i < 5; i++)
        assert_int_equal(kn_quantize_weight(row[i], scale), want[i]);
    assert_true(ptq_channel_scale(zeros, 3, 7, PTQ_WEIGHTS_MAX) == 1);
    assert_true(ptq_channel_scale(zeros, 3, 7, PTQ_WEIGHTS_MSE) == 1);
}

/* One weight of 1.4 among odd multiples of 0.1 up to 0.7. Unclipped the step is 0.2 and each of the 399 others is 0.1
 * off, 3.99 in squares; clipped at half the one is 0.7 off, 0.49, and the others fit. */
static void mse_clips_the_weights_too(void **state)
{
    enum { K = 400 };
    struct graph graph = {0}, integer = {0};
    struct weight *weight;
    float *w;

    (void)state;
    graph_from_text("{\"name\":\"t\",\"input\":[1,20,20],\"layers\":[{\"op\":\"flatten\",\"name\":\"flat\"},"
                    "{\"op\":\"fc\",\"name\":\"a\",\"features\":1},{\"op\":\"fc\",\"name\":\"b\",\"features\":1}]}",
                    &graph);
    weight = weight_named(&graph, "a.weight");
    w = weight->data;
    for (int i = 0; i < K; i++)
        w[i] = 0.1f * (float)(2 * (i % 4) + 1) * (i % 8 < 4 ? 1 : -1); /* 0.1, 0.3, 0.5, 0.7, then negative */
    w[0] = 1.4f;
    ((float *)weight_named(&graph, "b.weight")->data)[0] = 2.54f;
    check_ok(ptq_weights(&graph, PTQ_WEIGHTS_MSE, 4));
    assert_true(fabsf(weight->scale[0] - 0.1f) < 0.005f);
    assert_true(w[0] == 7 * weight->scale[0]);
    assert_true(fabsf(weight_named(&graph, "b.weight")->scale[0] - 0.02f) < 0.001f); /* 8 bits: 2.54 / 127 */
    set_value(&graph, "input", 1.0f / 255, 0);
    set_value(&graph, "flat", 1.0f / 255, 0);
    set_value(&graph, "a", 0.1f, 100);
    check_ok(quantize_graph(&graph, &integer));
    check_ok(invariants_conversion(&graph, &integer, "test"));
    check_ok(invariants_weight_bits(&integer, 4, "test"));
    assert_int_equal(((int8_t *)weight_named(&integer, "a.weight")->data)[0], 7);
    assert_int_equal(((int8_t *)weight_named(&integer, "a.weight")->data)[1], 3);
    ((int8_t *)weight_named(&integer, "a.weight")->data)[1] = -8;
    check_ok(invariants_weight_bits(&integer, 8, "test"));
    check_fails(invariants_weight_bits(&integer, 4, "test"), ST_MISMATCH, "test: a.weight[1] is -8, expected -7..7");
    graph_free(&graph);
    graph_free(&integer);
}

/* ------------------------------------------------------------------ whole recipes */

static const char suite[] =
    "{\"recipes\":["
    "{\"name\":\"fp32\",\"steps\":[{\"step\":\"train\",\"epochs\":6,\"batch\":32,\"lr\":0.01,\"flip\":false},"
    "{\"step\":\"pack\"}]},"
    "{\"name\":\"ptq-w4a8\",\"from\":\"fp32\",\"steps\":[{\"step\":\"ptq\",\"mode\":\"static\",\"weight_bits\":4,"
    "\"images\":100},{\"step\":\"pack\",\"entropy\":true}]},"
    "{\"name\":\"ptq-w4a8\",\"from\":\"fp32\",\"steps\":[{\"step\":\"ptq\",\"mode\":\"static\",\"weight_bits\":4,"
    "\"weights\":\"mse\",\"images\":100},{\"step\":\"pack\",\"entropy\":true}]},"
    "{\"name\":\"qat-w4a8\",\"from\":\"fp32\",\"steps\":[{\"step\":\"qat\",\"epochs\":1,\"batch\":32,\"flip\":false,"
    "\"weight_bits\":4},{\"step\":\"pack\",\"entropy\":true}]},"
    "{\"name\":\"prune-u50+qat-w4a8\",\"from\":\"fp32\",\"steps\":[{\"step\":\"prune\",\"kind\":\"unstructured\","
    "\"sparsity\":0.5},{\"step\":\"qat\",\"epochs\":1,\"batch\":32,\"flip\":false,\"ranges\":\"lsq\","
    "\"weight_bits\":4},{\"step\":\"pack\",\"entropy\":true}]},"
    "{\"name\":\"ptq-s8\",\"from\":\"fp32\",\"steps\":[{\"step\":\"ptq\",\"mode\":\"static\",\"images\":100},"
    "{\"step\":\"pack\",\"entropy\":true}]}"
    "]}";
enum { FP32, PTQ_W4, PTQ_W4_MSE, QAT_W4, PRUNE_QAT_W4, PTQ_S8, RECIPES };

struct bench {
    struct dataset_splits data;
    struct graph model;
    char cache[64];
    struct recipe_result result[RECIPES];
};

static void run(struct bench *bench, int index, struct recipe_result *out)
{
    const struct recipe_context context = {.data = &bench->data,
                                           .seed = 1,
                                           .model_sha = "test model",
                                           .cache_dir = bench->cache,
                                           .blas = TRAIN_BLAS_PLAIN};
    struct recipe recipe;
    struct json doc;

    check_ok(json_parse("suite.json", suite, strlen(suite), &doc));
    check_ok(
        recipe_parse(&doc, cJSON_GetObjectItemCaseSensitive(doc.root, "recipes"), "recipes", index, "blobs", &recipe));
    check_ok(recipe_run(&recipe, &bench->model, &context, out));
    json_free(&doc);
}

static int bench_begin(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    progress_silence(1);
    blobs_new(&bench->data, 768, 256);
    graph_from_text(W4_MODEL, &bench->model);
    snprintf(bench->cache, sizeof bench->cache, "/tmp/packlight-w4-XXXXXX");
    assert_non_null(mkdtemp(bench->cache));
    for (int i = 0; i < RECIPES; i++)
        run(bench, i, &bench->result[i]);
    *state = bench;
    return 0;
}

static int bench_end(void **state)
{
    struct bench *bench = *state;
    struct dirent *entry;
    DIR *folder = opendir(bench->cache);

    for (int i = 0; i < RECIPES; i++)
        recipe_result_free(&bench->result[i]);
    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(bench->cache);
    graph_free(&bench->model);
    blobs_free(&bench->data);
    free(bench);
    return 0;
}

static int is_w4(int recipe)
{
    return recipe != FP32 && recipe != PTQ_S8;
}

static int largest(const struct recipe_result *result, const char *name)
{
    struct graph graph = result->graph;
    const struct weight *weight = weight_named(&graph, name);
    int most = 0;

    assert_int_equal(weight->type, DT_S8);
    for (size_t i = 0; i < weight->count; i++) {
        int q = abs(((const int8_t *)weight->data)[i]);
        most = q > most ? q : most;
    }
    return most;
}

static void weights_have_their_bits(void **state)
{
    struct bench *bench = *state;

    assert_true(bench->result[FP32].stage[0].valid_top1 > 0.9);
    for (int i = PTQ_W4; i < RECIPES; i++) {
        const struct recipe_result *result = &bench->result[i];
        assert_int_equal(largest(result, "c1.weight"), 127);
        assert_int_equal(largest(result, "f2.weight"), 127);
        assert_int_equal(largest(result, "c2.weight"), is_w4(i) ? 7 : 127);
        assert_int_equal(largest(result, "f1.weight"), is_w4(i) ? 7 : 127);
        assert_true(result->stage[result->stages - 1].valid_top1 > 0.8); /* chance is 1/3 */
    }
    assert_true(bench->result[PRUNE_QAT_W4].sparsity >= 0.5);
}

/* What is kept is another step than that of 8 bits, and the same as computed. */
static void cache_knows_the_bits(void **state)
{
    struct bench *bench = *state;

    for (int i = PTQ_W4; i < RECIPES; i++) {
        struct recipe_result again = {0};
        run(bench, i, &again);
        assert_int_equal(again.trained_steps, 0);
        assert_int_equal(bench->result[i].trained_steps, i == PRUNE_QAT_W4 ? 2 : 1);
        for (int w = 0; w < again.graph.weights; w++)
            assert_memory_equal(again.graph.weight[w].data, bench->result[i].graph.weight[w].data,
                                again.graph.weight[w].count * dtype_bytes(again.graph.weight[w].type));
        recipe_result_free(&again);
    }
}

static void small_weights_pack_small(void **state)
{
    struct bench *bench = *state;
    unsigned char *bytes = NULL;
    size_t w4 = 0, s8 = 0;
    struct graph back = {0};

    check_ok(plk_encode(&bench->result[PTQ_S8].graph, PLK_ENTROPY, &bytes, &s8, NULL));
    free(bytes);
    check_ok(plk_encode(&bench->result[PTQ_W4].graph, PLK_ENTROPY, &bytes, &w4, NULL));
    check_ok(plk_decode("w4", bytes, w4, &back, NULL));
    check_ok(invariants_weight_bits(&back, 4, "test"));
    assert_true(w4 + 300 < s8); /* c2 and f1 hold 960 weights; each loses about 4 bits */
    free(bytes);
    graph_free(&back);
}

/* The accumulators of the last layer over the validation images: every level the same bits, and in units of scale_in *
 * scale_w exactly the logits of the simulation. */
static void simulated_equals_integer(void **state)
{
    struct bench *bench = *state;
    size_t pixels = BLOB_SIDE * BLOB_SIDE;

    for (int i = PTQ_W4; i < RECIPES; i++) {
        const struct graph *graph = &bench->result[i].graph;
        const struct graph *simulated = &bench->result[i].simulated;
        const struct node *last = &graph->node[graph->nodes - 1];
        const struct weight *weight = &graph->weight[last->weight];
        struct forward *forward = NULL;
        struct engine *ref = NULL, *engine = NULL;
        struct kn_table table;
        check_ok(forward_new_blas(simulated, 1, NULL, TRAIN_BLAS_PLAIN, &forward));
        kn_table_init(&table, 0);
        check_ok(engine_new(graph, &table, 1, 1, &ref));
        kn_table_init(&table, kn_cpu_isa());
        check_ok(engine_new(graph, &table, 1, 1, &engine));
        for (uint32_t n = 0; n < 64; n++) {
            float image[BLOB_SIDE * BLOB_SIDE], logits[2][BLOB_CLASSES];
            const float *want;
            for (size_t p = 0; p < pixels; p++)
                image[p] = (float)bench->data.valid.pixels[n * pixels + p] / 255.0f;
            engine_run(ref, image, logits[0]);
            engine_run(engine, image, logits[1]);
            assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
            assert_memory_equal(engine_raw(ref), engine_raw(engine), BLOB_CLASSES * sizeof(int32_t));
            forward_run(forward, bench->data.valid.pixels + n * pixels, 1);
            want = forward_value(forward, graph_output(simulated), 0);
            for (int o = 0; o < BLOB_CLASSES; o++) {
                double unit = (double)graph->value[last->input[0]].scale * (double)weight->scale[o];
                assert_int_equal(llrint((double)want[o] / unit), engine_raw(ref)[o]);
            }
        }
        engine_free(ref);
        engine_free(engine);
        forward_free(forward);
    }
}

/* With a table whose kernel for small weights is the fastest, the layers that have them run on it and no other. */
static void engine_takes_the_kernel_for_small_weights(void **state)
{
    static const unsigned levels[] = {0, KN_ISA_AVX2};
    struct bench *bench = *state;

    for (int i = PTQ_W4; i < RECIPES; i++)
        for (size_t l = 0; l < sizeof levels / sizeof levels[0]; l++) {
            struct kn_table table;
            struct engine *engine = NULL;
            int small = 0;
            kn_table_init(&table, kn_cpu_isa() & levels[l]);
            table.gemm_u8s4.pace = 100;
            table.spmv_u8s8.break_even = table.spmm_u8s8.break_even = 2; /* never sparse */
            table.sprows_u8s8.slot_cost = 1e9f;
            check_ok(engine_new(&bench->result[i].graph, &table, 1, 1, &engine));
            for (int s = 0; s < engine_steps(engine); s++) {
                const struct engine_step *step = engine_step_info(engine, s);
                int want = strcmp(step->layer, "c2") == 0 || strcmp(step->layer, "f1") == 0;
                if (step->macs_nominal == 0)
                    continue;
                small += strstr(step->reason, "; weights of 4 bits") != NULL;
                if (strstr(step->reason, "; weights of 4 bits")) {
                    assert_true(want);
                    assert_string_equal(step->kernel, table.gemm_u8s4.facts.name);
                }
            }
            assert_int_equal(small, is_w4(i) ? 2 : 0);
            engine_free(engine);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_last_and_depthwise_keep_8_bits),
        cmocka_unit_test(a_row_by_hand),
        cmocka_unit_test(mse_clips_the_weights_too),
        cmocka_unit_test(weights_have_their_bits),
        cmocka_unit_test(cache_knows_the_bits),
        cmocka_unit_test(small_weights_pack_small),
        cmocka_unit_test(simulated_equals_integer),
        cmocka_unit_test(engine_takes_the_kernel_for_small_weights),
    };
    return cmocka_run_group_tests(tests, bench_begin, bench_end);
}
