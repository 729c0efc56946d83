/* Recipes: names, JSON errors, inheritance and overrides, runs on synthetic images, the cache between steps. */
#include "compress_common.h"

#include <dirent.h>
#include <math.h>

#include "base/progress.h"
#include "compress/prune.h"
#include "compress/recipe.h"
#include "io/plk.h"

static void parse_text(const char *text, struct json *doc)
{
    check_ok(json_parse("suite.json", text, strlen(text), doc));
}

static const cJSON *recipes_of(const struct json *doc)
{
    return cJSON_GetObjectItemCaseSensitive(doc->root, "recipes");
}

/* ------------------------------------------------------------------ names */

static void names_and_families(void **state)
{
    static const struct {
        const char *name, *family;
    } good[] = {{"fp32", "fp32"},
                {"ptq-dyn-s8", "ptq"},
                {"ptq-s8", "ptq"},
                {"ptq-w4a8", "ptq"},
                {"qat-s8", "qat"},
                {"qat-w4a8", "qat"},
                {"prune-u50+ptq-w4a8", "combined"},
                {"prune-u90", "pruned"},
                {"prune-c50", "pruned"},
                {"prune-c50+prune-u80", "pruned"},
                {"prune-b8x1-80", "pruned"},
                {"prune-c50+prune-b16x16-5+ptq-s8", "combined"},
                {"prune-u90+qat-s8", "combined"},
                {"prune-c50+prune-u80+qat-s8", "combined"},
                {"prune-c5+ptq-dyn-s8", "combined"}};
    static const char *const bad[] = {"",
                                      "fp16",
                                      "fp32+qat-s8",
                                      "qat-s8+fp32",
                                      "prune-u",
                                      "prune-u100",
                                      "prune-u0",
                                      "prune-u09",
                                      "prune-x50",
                                      "prune-u5a",
                                      "qat-s8+prune-u90",
                                      "ptq-s8+qat-s8",
                                      "prune-u90+",
                                      "+prune-u90",
                                      "prune-u90 + qat-s8",
                                      "prune-u90,qat-s8",
                                      "prune-b8x1",
                                      "prune-b0x1-80",
                                      "prune-b8x17-80",
                                      "prune-b8-80",
                                      "prune-b8x1-",
                                      "prune-b8x1-100",
                                      "prune-b08x1-80",
                                      "prune-c8x1-80",
                                      "prune-",
                                      "prune-u+qat-s8",
                                      "PTQ-S8",
                                      "ptq-w4",
                                      "ptq-dyn-w4a8",
                                      "qat-w4a8+prune-u90",
                                      "ptq-w4a8+qat-w4a8",
                                      "prune-u-5",
                                      "prune-u90/qat-s8",
                                      "ptq-s8 "};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        check_ok(recipe_name_check(good[i].name));
        assert_string_equal(recipe_family(good[i].name), good[i].family);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(recipe_name_check(bad[i]), ST_BADARG);
        assert_null(recipe_family(bad[i]));
    }
    check_fails(recipe_name_check("prune-u90+fp32"), ST_BADARG, "fp32 stands alone");
    check_fails(recipe_name_check("qat-s8+qat-s8"), ST_BADARG, "nothing follows a quantization");
    check_fails(recipe_name_check("prune-u10+prune-u20+prune-u30+prune-u40+prune-u50+prune-u60+prune-u70"), ST_BADARG,
                "longer");
}

/* ------------------------------------------------------------------ JSON */

#define TRAIN "{\"step\":\"train\",\"epochs\":1}"
#define PACK "{\"step\":\"pack\"}"
#define ONE(name, steps) "{\"recipes\":[{\"name\":\"" name "\",\"steps\":[" steps "]}]}"

static void bad_recipes_name_the_place(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{\"recipes\":[]}", "recipes: 0 recipes"},
        {"{\"recipes\":{}}", "recipes: expected an array"},
        {"{\"recipes\":[3]}", "recipes[0]: expected an object"},
        {"{\"recipes\":[{\"steps\":[" TRAIN "," PACK "]}]}", "recipes[0].name: missing"},
        {"{\"recipes\":[{\"name\":\"fp32\"}]}", "recipes[0].steps: missing"},
        {"{\"recipes\":[{\"name\":\"fp32\",\"step\":[]}]}", "recipes[0].step: unknown key"},
        {ONE("fp32", ""), "recipes[0].steps: empty"},
        {ONE("fp32", TRAIN), "recipes[0].steps: the last step must be pack"},
        {ONE("fp32", "{\"step\":\"fly\"}"), "recipes[0].steps[0].step: 'fly', expected one of"},
        {ONE("fp32", "{\"epochs\":1}"), "recipes[0].steps[0].step: missing"},
        {ONE("fp32", "7"), "recipes[0].steps[0]: expected an object"},
        {ONE("fp32", "{\"step\":\"train\"}," PACK), "recipes[0].steps[0].epochs: missing"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":0}," PACK), "steps[0].epochs: expected a whole number"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1.5}," PACK), "steps[0].epochs: expected a whole number"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1,\"lr\":-1}," PACK), "steps[0].lr: expected a number"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1,\"lr\":0.1,\"lr_end\":0.2}," PACK), "lr_end: 0.2 is more than"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1,\"optimizer\":\"lion\"}," PACK),
         "'lion', expected one of: adam"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1,\"flip\":1}," PACK), "flip: expected true or false"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1,\"epoch\":1}," PACK), "steps[0].epoch: unknown key"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1,\"epochs\":1}," PACK), "steps[0].epochs: given twice"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1,\"distill_weight\":0.5}," PACK), "distill_weight: unknown key"},
        {ONE("fp32", TRAIN ",{\"step\":\"finetune\",\"epochs\":1,\"distill_weight\":0.5}," PACK),
         "there is no teacher"},
        {ONE("fp32", TRAIN "," TRAIN "," PACK), "steps[1].step: train starts from random weights"},
        {ONE("fp32", TRAIN "," PACK "," PACK), "steps[2].step: pack after pack"},
        {ONE("ptq-s8", TRAIN ",{\"step\":\"ptq\"}," PACK), "steps[1].mode: missing"},
        {ONE("ptq-s8", TRAIN ",{\"step\":\"ptq\",\"mode\":\"static\",\"calibrator\":\"kl\"}," PACK), "'kl', expected"},
        {ONE("ptq-s8", TRAIN ",{\"step\":\"ptq\",\"mode\":\"static\",\"images\":0}," PACK), "images: expected a whole"},
        {ONE("ptq-s8", TRAIN ",{\"step\":\"ptq\",\"mode\":\"static\",\"percentile\":99}," PACK), "only for calibrator"},
        {ONE("ptq-dyn-s8", TRAIN ",{\"step\":\"ptq\",\"mode\":\"dynamic\",\"images\":5}," PACK),
         "only for mode static"},
        {ONE("ptq-s8", TRAIN ",{\"step\":\"ptq\",\"mode\":\"static\"},{\"step\":\"prune\",\"kind\":\"channels\","
                             "\"sparsity\":0.5}," PACK),
         "prune after ptq"},
        {ONE("prune-u90", TRAIN ",{\"step\":\"prune\",\"sparsity\":0.9}," PACK), "steps[1].kind: missing"},
        {ONE("prune-u90", TRAIN ",{\"step\":\"prune\",\"kind\":\"unstructured\"}," PACK), "steps[1].sparsity: missing"},
        {ONE("prune-b8x1-80", TRAIN ",{\"step\":\"prune\",\"kind\":\"blocks\",\"sparsity\":0.8}," PACK),
         "steps[1].block: missing"},
        {ONE("prune-b8x1-80",
             TRAIN ",{\"step\":\"prune\",\"kind\":\"blocks\",\"block\":\"8*1\",\"sparsity\":0.8}," PACK),
         "steps[1].block: '8*1', expected outputs x inputs"},
        {ONE("prune-b8x1-80",
             TRAIN ",{\"step\":\"prune\",\"kind\":\"blocks\",\"block\":\"4x1\",\"sparsity\":0.8}," PACK),
         "which make 'prune-b4x1-80'"},
        {ONE("prune-u80",
             TRAIN ",{\"step\":\"prune\",\"kind\":\"unstructured\",\"block\":\"4x1\",\"sparsity\":0.8}," PACK),
         "steps[1].block: only for kind blocks"},
        {ONE("prune-u90", TRAIN ",{\"step\":\"prune\",\"kind\":\"unstructured\",\"sparsity\":90}," PACK),
         "sparsity: expected a number from 0.01 to 0.99"},
        {ONE("prune-u90",
             TRAIN ",{\"step\":\"prune\",\"kind\":\"unstructured\",\"sparsity\":0.9,\"round_to\":8}," PACK),
         "round_to: only for kind channels"},
        {ONE("prune-c50",
             TRAIN ",{\"step\":\"prune\",\"kind\":\"channels\",\"sparsity\":0.5,\"scope\":\"global\"}," PACK),
         "scope: not for kind channels"},
        {ONE("prune-u90", TRAIN ",{\"step\":\"prune\",\"kind\":\"unstructured\",\"sparsity\":0.9,\"lr\":0.1}," PACK),
         "lr: needs at least one epoch"},
        {ONE("prune-u50+prune-c50", TRAIN ",{\"step\":\"prune\",\"kind\":\"unstructured\",\"sparsity\":0.5},"
                                          "{\"step\":\"prune\",\"kind\":\"channels\",\"sparsity\":0.5}," PACK),
         "channels go before single weights"},
        {ONE("fp32", TRAIN ",{\"step\":\"pack\",\"entropy\":true,\"dense\":true}"), "dense: excludes entropy"},
        {ONE("fp64", TRAIN "," PACK), "recipes[0].name: recipe name 'fp64': unknown part 'fp64'"},
        {ONE("prune-u90", TRAIN ",{\"step\":\"prune\",\"kind\":\"unstructured\",\"sparsity\":0.8}," PACK),
         "'prune-u90' disagrees with the steps, which make 'prune-u80'"},
        {ONE("prune-u90", TRAIN ",{\"step\":\"prune\",\"kind\":\"unstructured\",\"sparsity\":0.905}," PACK),
         "use whole percents"},
        {ONE("fp32", TRAIN ",{\"step\":\"qat\",\"epochs\":1}," PACK), "which make 'qat-s8'"},
        {ONE("qat-s8", TRAIN "," PACK), "which make 'fp32'"},
        {ONE("qat-s8", TRAIN ",{\"step\":\"qat\",\"epochs\":1,\"weight_bits\":4}," PACK), "which make 'qat-w4a8'"},
        {ONE("qat-w4a8", TRAIN ",{\"step\":\"qat\",\"epochs\":1,\"weight_bits\":8}," PACK), "which make 'qat-s8'"},
        {ONE("ptq-s8", TRAIN ",{\"step\":\"ptq\",\"mode\":\"static\",\"weight_bits\":4}," PACK),
         "which make 'ptq-w4a8'"},
        {ONE("ptq-w4a8", TRAIN ",{\"step\":\"ptq\",\"mode\":\"static\",\"weight_bits\":5}," PACK),
         "recipes[0].steps[1].weight_bits: 5, expected 8 or 4"},
        {ONE("ptq-w4a8", TRAIN ",{\"step\":\"ptq\",\"mode\":\"static\",\"weight_bits\":\"4\"}," PACK),
         "steps[1].weight_bits: expected a whole number"},
        {ONE("ptq-w4a8", TRAIN ",{\"step\":\"ptq\",\"mode\":\"dynamic\",\"weight_bits\":4}," PACK),
         "steps[1].weight_bits: only for mode static"},
        {ONE("qat-w4a8", TRAIN
             ",{\"step\":\"qat\",\"epochs\":1,\"weight_bits\":4,\"models\":{\"lenet5\":{\"weight_bits\":16}}}," PACK),
         "steps[1].models.lenet5.weight_bits: expected a whole number"},
        {ONE("qat-w4a8", TRAIN
             ",{\"step\":\"qat\",\"epochs\":1,\"weight_bits\":4,\"models\":{\"lenet5\":{\"weight_bits\":3}}}," PACK),
         "steps[1].models.lenet5.weight_bits: 3, expected 8 or 4"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1,\"weight_bits\":4}," PACK), "weight_bits: unknown key"},
        {"{\"recipes\":[{\"name\":\"fp32\",\"steps\":[" TRAIN "," PACK "]},{\"name\":\"fp32\",\"steps\":[" TRAIN
         "," PACK "]}]}",
         "recipes[1].name: 'fp32' is given twice"},
        {"{\"recipes\":[{\"name\":\"qat-s8\",\"from\":\"fp32\",\"steps\":[" PACK "]}]}",
         "recipes[0].from: there is no recipe 'fp32'"},
        {"{\"recipes\":[{\"name\":\"fp32\",\"from\":\"fp32\",\"steps\":[" PACK "]}]}", "circular"},
        {"{\"recipes\":[{\"name\":\"fp32\",\"from\":\"qat-s8\",\"steps\":[" PACK "]},{\"name\":\"qat-s8\",\"from\":"
         "\"fp32\",\"steps\":[" PACK "]}]}",
         "circular"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1,\"models\":{\"lenet5\":{\"epoch\":2}}}," PACK),
         "recipes[0].steps[0].models.lenet5.epoch: unknown key"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1,\"models\":{\"lenet5\":{\"epochs\":-2}}}," PACK),
         "recipes[0].steps[0].models.lenet5.epochs: expected a whole number"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1,\"models\":{\"lenet5\":{\"step\":\"pack\"}}}," PACK),
         "models.lenet5.step: unknown key"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1,\"models\":{\"lenet6\":{\"epochs\":2}}}," PACK),
         "recipes[0].steps[0].models.lenet6: there is no model"},
        {ONE("fp32", "{\"step\":\"train\",\"epochs\":1,\"models\":[1]}," PACK), "models: expected an object"},
        {ONE("prune-u90",
             TRAIN ",{\"step\":\"prune\",\"kind\":\"unstructured\",\"sparsity\":0.9,\"models\":{\"lenet5\":{"
                   "\"sparsity\":0.8}}}," PACK),
         "which make 'prune-u80'"},
    };
    static const char *const models[] = {"lenet5", "lenet-300-100", NULL};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json doc;
        parse_text(cases[i].text, &doc);
        check_fails(recipe_check(&doc, recipes_of(&doc), "recipes", models), ST_FORMAT, cases[i].says);
        assert_non_null(strstr(status_message(), "suite.json: "));
        json_free(&doc);
    }
}

static void too_many_steps(void **state)
{
    char text[2048] = "{\"recipes\":[{\"name\":\"fp32\",\"steps\":[" TRAIN;
    struct json doc;

    (void)state;
    for (int i = 0; i < RECIPE_MAX_STEPS; i++)
        strcat(text, ",{\"step\":\"finetune\",\"epochs\":1}");
    strcat(text, "," PACK "]}]}");
    parse_text(text, &doc);
    check_fails(recipe_check(&doc, recipes_of(&doc), "recipes", NULL), ST_FORMAT, "steps[16].step: more than 16 steps");
    json_free(&doc);
}

static const char suite[] =
    "{\"recipes\":["
    "{\"name\":\"fp32\",\"comment\":\"the "
    "base\",\"steps\":[{\"step\":\"train\",\"epochs\":8,\"batch\":32,\"lr\":0.01,\"flip\":false,\"shift\":0,"
    "\"models\":{\"big\":{\"epochs\":7,\"flip\":true}}},{\"step\":\"pack\",\"dense\":true}]},"
    "{\"name\":\"prune-u90\",\"from\":\"fp32\",\"steps\":[{\"step\":\"prune\",\"kind\":\"unstructured\",\"sparsity\":0."
    "9,"
    "\"scope\":\"layerwise\",\"epochs\":12,\"lr\":0.01,\"flip\":false,\"batch\":32,\"distill_weight\":0.8,"
    "\"temperature\":2},{\"step\":\"pack\"}]},"
    "{\"name\":\"prune-u90+qat-s8\",\"from\":\"prune-u90\",\"steps\":[{\"step\":\"qat\",\"epochs\":1,\"batch\":32,"
    "\"ranges\":\"lsq\"},{\"step\":\"pack\",\"entropy\":true}]},"
    "{\"name\":\"prune-c50+prune-u80+qat-s8\",\"from\":\"fp32\",\"steps\":["
    "{\"step\":\"prune\",\"kind\":\"channels\",\"sparsity\":0.5,\"epochs\":6,\"batch\":32,\"lr\":0.01,\"flip\":false,"
    "\"distill_weight\":0.8},"
    "{\"step\":\"prune\",\"kind\":\"unstructured\",\"sparsity\":0.8,\"epochs\":8,\"batch\":32,\"lr\":0.01,\"flip\":"
    "false},"
    "{\"step\":\"qat\",\"epochs\":2,\"batch\":32,\"distill_weight\":0.5,\"flip\":false},"
    "{\"step\":\"pack\",\"entropy\":true}]},"
    "{\"name\":\"ptq-s8\",\"from\":\"fp32\",\"steps\":[{\"step\":\"ptq\",\"mode\":\"static\",\"calibrator\":\"mse\","
    "\"weights\":\"mse\",\"images\":100},{\"step\":\"pack\"}]},"
    "{\"name\":\"ptq-dyn-s8\",\"from\":\"fp32\",\"steps\":[{\"step\":\"ptq\",\"mode\":\"dynamic\"},{\"step\":\"pack\"}]"
    "},"
    "{\"name\":\"prune-u70\",\"from\":\"fp32\",\"steps\":[{\"step\":\"prune\",\"kind\":\"unstructured\",\"sparsity\":0."
    "7},"
    "{\"step\":\"finetune\",\"epochs\":1,\"batch\":32,\"distill_weight\":1},{\"step\":\"pack\"}]}"
    "]}";
enum { FP32, PRUNE_U90, PRUNE_U90_QAT, COMBINED, PTQ, PTQ_DYN, PRUNE_U70, SUITE_RECIPES };

static void from_and_overrides(void **state)
{
    static const char *const models[] = {"big", "blobs", NULL};
    struct recipe recipe;
    struct json doc;

    (void)state;
    parse_text(suite, &doc);
    check_ok(recipe_check(&doc, recipes_of(&doc), "recipes", models));
    check_ok(recipe_parse(&doc, recipes_of(&doc), "recipes", PRUNE_U90_QAT, "blobs", &recipe));
    assert_string_equal(recipe.name, "prune-u90+qat-s8");
    assert_int_equal(recipe.steps, 4); /* train, prune, qat, pack: the packs of "from" are left out */
    assert_int_equal(recipe.step[0].op, RECIPE_TRAIN);
    assert_int_equal(recipe.step[0].train.epochs, 8);
    assert_int_equal(recipe.step[0].train.flip, 0);
    assert_true(fabsf(recipe.step[0].train.lr_end - 1e-4f) < 1e-9f);
    assert_int_equal(recipe.step[1].op, RECIPE_PRUNE);
    assert_int_equal(recipe.step[1].scope, RECIPE_LAYERWISE);
    assert_true(recipe.step[1].schedule == 0.6);
    assert_true(recipe.step[1].train.distill_weight == 0.8f);
    assert_int_equal(recipe.step[2].op, RECIPE_QAT);
    assert_int_equal(recipe.step[2].train.ranges, TRAIN_RANGES_LSQ);
    assert_int_equal(recipe.step[3].pack_flags, PLK_ENTROPY);
    check_ok(recipe_parse(&doc, recipes_of(&doc), "recipes", PRUNE_U90_QAT, "big", &recipe));
    assert_int_equal(recipe.step[0].train.epochs, 7);
    assert_int_equal(recipe.step[0].train.flip, 1);
    assert_int_equal(recipe.step[1].train.epochs, 12);
    check_ok(recipe_parse(&doc, recipes_of(&doc), "recipes", FP32, "blobs", &recipe));
    assert_int_equal(recipe.step[1].pack_flags, PLK_DENSE);
    check_fails(recipe_parse(&doc, recipes_of(&doc), "recipes", SUITE_RECIPES, "blobs", &recipe), ST_BADARG,
                "not exist");
    json_free(&doc);
}

/* The suites that ship. */
static void shipped_suites_are_valid(void **state)
{
    static const char *const files[] = {"suites/tiny.json", "suites/quick.json", "suites/standard.json",
                                        "suites/zoo.json"};
    static const char *const models[] = {"tiny", "lenet-300-100", "lenet5", "resnet8", "dscnn", NULL};

    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct json doc;
        check_ok(json_load(files[i], &doc));
        check_ok(recipe_check(&doc, recipes_of(&doc), "recipes", models));
        json_free(&doc);
    }
}

/* ------------------------------------------------------------------ runs */

struct bench {
    struct dataset_splits data;
    struct json doc;
    struct graph model;
    struct recipe_context context;
    char cache[64];
};

static int bench_begin(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    progress_silence(1);
    blobs_new(&bench->data, 768, 256);
    parse_text(suite, &bench->doc);
    graph_from_text(BLOB_CONV_MODEL, &bench->model);
    snprintf(bench->cache, sizeof bench->cache, "/tmp/packlight-recipe-XXXXXX");
    assert_non_null(mkdtemp(bench->cache));
    bench->context =
        (struct recipe_context){.data = &bench->data, .seed = 1, .model_sha = "test model", .blas = TRAIN_BLAS_PLAIN};
    *state = bench;
    return 0;
}

static int bench_end(void **state)
{
    struct bench *bench = *state;
    struct dirent *entry;
    DIR *folder = opendir(bench->cache);

    while (folder && (entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(bench->cache);
    graph_free(&bench->model);
    json_free(&bench->doc);
    blobs_free(&bench->data);
    free(bench);
    return 0;
}

static enum status run(const struct bench *bench, int index, const struct recipe_context *context,
                       struct recipe_result *out)
{
    struct recipe recipe;

    check_ok(recipe_parse(&bench->doc, recipes_of(&bench->doc), "recipes", index, bench->model.name, &recipe));
    return recipe_run(&recipe, &bench->model, context, out);
}

static void check_same_graphs(const struct graph *a, const struct graph *b)
{
    assert_int_equal(a->weights, b->weights);
    for (int i = 0; i < a->weights; i++) {
        assert_int_equal(a->weight[i].count, b->weight[i].count);
        assert_int_equal(a->weight[i].type, b->weight[i].type);
        assert_memory_equal(a->weight[i].data, b->weight[i].data, a->weight[i].count * dtype_bytes(a->weight[i].type));
    }
    for (int v = 0; v < a->values; v++) {
        assert_true(a->value[v].scale == b->value[v].scale);
        assert_int_equal(a->value[v].zero_point, b->value[v].zero_point);
    }
}

static void every_recipe_runs(void **state)
{
    struct bench *bench = *state;
    struct recipe_result fp32 = {0};

    check_ok(run(bench, FP32, &bench->context, &fp32));
    assert_int_equal(fp32.stages, 1);
    assert_string_equal(fp32.stage[0].name, "fp32");
    assert_true(fp32.stage[0].valid_top1 > 0.9); /* the images are easy; chance is 1/3 */
    assert_int_equal(fp32.has_simulated, 0);
    assert_int_equal(fp32.pack_flags, PLK_DENSE);
    assert_int_equal(fp32.trained_steps, 1);
    for (int i = PRUNE_U90; i < SUITE_RECIPES; i++) {
        struct recipe_result result = {0};
        const struct recipe_stage *last;
        check_ok(run(bench, i, &bench->context, &result));
        last = &result.stage[result.stages - 1];
        assert_true(result.stage[0].valid_top1 == fp32.stage[0].valid_top1);
        assert_int_equal(result.stage[0].flips, 0);
        assert_true(last->valid_top1 > 0.6);
        assert_int_equal(result.has_simulated, i != PRUNE_U90 && i != PRUNE_U70);
        for (int w = 0; w < result.graph.weights; w++) {
            int is_bias = result.graph.weight[w].rank == 1;
            enum dtype want = !result.has_simulated ? DT_F32 : !is_bias ? DT_S8 : i == PTQ_DYN ? DT_F32 : DT_S32;
            assert_int_equal(result.graph.weight[w].type, want);
        }
        if (result.has_simulated)
            assert_string_equal(last->name, "simulated");
        recipe_result_free(&result);
    }
    recipe_result_free(&fp32);
}

static void claims_hold_in_the_result(void **state)
{
    struct bench *bench = *state;
    struct recipe_result result = {0};
    size_t masked = 0, total = 0;

    check_ok(run(bench, COMBINED, &bench->context, &result));
    assert_int_equal(result.stages, 4);
    assert_string_equal(result.stage[1].name, "prune-c50");
    assert_string_equal(result.stage[2].name, "prune-u80");
    assert_int_equal(weight_named(&result.graph, "c1.weight")->dim[0], 2);
    assert_int_equal(weight_named(&result.graph, "f1.weight")->dim[0], 6);
    assert_int_equal(weight_named(&result.graph, "f2.weight")->dim[0], 3);
    for (int w = 0; w < result.graph.weights; w++) {
        const struct weight *weight = &result.graph.weight[w];
        if (weight->rank == 1)
            continue;
        masked += prune_masked(weight);
        total += weight->count;
        for (size_t j = 0; j < weight->count; j++)
            assert_true(weight->mask[j] || ((const int8_t *)weight->data)[j] == 0);
    }
    assert_int_equal(total, 2 * 9 + 6 * 8 + 3 * 6);
    assert_int_equal(masked, 67); /* 80 % of 84, rounded */
    assert_true(result.sparsity >= 67.0 / 84);
    recipe_result_free(&result);
    check_ok(run(bench, PRUNE_U90, &bench->context, &result));
    for (int w = 0; w < result.graph.weights; w++)
        if (result.graph.weight[w].rank > 1)
            assert_int_equal(prune_masked(&result.graph.weight[w]), llrint(0.9 * (double)result.graph.weight[w].count));
    recipe_result_free(&result);
}

static void cache_trains_shared_steps_once(void **state)
{
    struct bench *bench = *state;
    struct recipe_context cached = bench->context, other;
    struct recipe_result fresh = {0}, first = {0}, second = {0};

    cached.cache_dir = bench->cache;
    check_ok(run(bench, COMBINED, &bench->context, &fresh));
    check_ok(run(bench, FP32, &cached, &first));
    assert_int_equal(first.trained_steps, 1);
    recipe_result_free(&first);
    check_ok(run(bench, COMBINED, &cached, &first));
    assert_int_equal(first.trained_steps, 3); /* fp32 is there */
    assert_int_equal(first.cached_steps, 1);
    check_ok(run(bench, COMBINED, &cached, &second));
    assert_int_equal(second.trained_steps, 0);
    assert_int_equal(second.cached_steps, 4);
    check_same_graphs(&fresh.graph, &first.graph);
    check_same_graphs(&fresh.graph, &second.graph);
    for (int i = 0; i < fresh.stages; i++) {
        assert_true(fresh.stage[i].valid_top1 == second.stage[i].valid_top1);
        assert_int_equal(fresh.stage[i].flips, second.stage[i].flips);
    }
    assert_memory_equal(fresh.valid_predictions, second.valid_predictions, bench->data.valid.n);
    recipe_result_free(&first);
    recipe_result_free(&second);

    other = cached; /* whatever the result depends on leads to another key */
    other.seed = 2;
    check_ok(run(bench, FP32, &other, &first));
    assert_int_equal(first.trained_steps, 1);
    recipe_result_free(&first);
    other = cached;
    other.model_sha = "another model";
    check_ok(run(bench, FP32, &other, &first));
    assert_int_equal(first.trained_steps, 1);
    recipe_result_free(&first);
    recipe_result_free(&fresh);
}

static void damaged_cache_is_made_again(void **state)
{
    struct bench *bench = *state;
    struct recipe_context cached = bench->context;
    struct recipe_result before = {0}, after = {0};
    struct dirent *entry;
    DIR *folder;
    int files = 0;

    cached.cache_dir = bench->cache;
    cached.seed = 77;
    check_ok(run(bench, PTQ, &cached, &before));
    folder = opendir(bench->cache);
    while ((entry = readdir(folder))) {
        char path[512];
        unsigned char *bytes;
        size_t len;
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", bench->cache, entry->d_name);
        check_ok(file_read(path, 0, &bytes, &len));
        bytes[len / 2] ^= 4;
        check_ok(file_write_atomic(path, bytes, len));
        free(bytes);
        files++;
    }
    closedir(folder);
    assert_true(files >= 2);
    check_ok(run(bench, PTQ, &cached, &after));
    assert_int_equal(after.trained_steps, 2);
    assert_int_equal(after.damaged_steps, 2);
    assert_non_null(strstr(after.warning, "checksum"));
    check_same_graphs(&before.graph, &after.graph);
    recipe_result_free(&after);
    check_ok(run(bench, PTQ, &cached, &after)); /* and is whole now */
    assert_int_equal(after.cached_steps, 2);
    assert_int_equal(after.damaged_steps, 0);
    recipe_result_free(&before);
    recipe_result_free(&after);
}

static void threads_do_not_change_results(void **state)
{
    struct bench *bench = *state;
    struct recipe_context context = bench->context;
    struct recipe_result one = {0}, three = {0};
    struct pool *pool = NULL;

    check_ok(run(bench, COMBINED, &context, &one));
    check_ok(pool_new(3, &pool));
    context.pool = pool;
    check_ok(run(bench, COMBINED, &context, &three));
    check_same_graphs(&one.graph, &three.graph);
    pool_free(pool);
    recipe_result_free(&one);
    recipe_result_free(&three);
}

static void stop_is_heard(void **state)
{
    struct bench *bench = *state;
    struct recipe_context context = bench->context;
    struct recipe_result result = {0};
    volatile sig_atomic_t stop = 1;

    context.stop = &stop;
    assert_int_equal(run(bench, FP32, &context, &result), ST_INTERRUPTED);
    assert_int_equal(result.stages, 0);
}

static void a_model_without_weights_is_refused(void **state)
{
    static const char text[] = ONE("ptq-dyn-s8", "{\"step\":\"ptq\",\"mode\":\"dynamic\"}," PACK);
    struct bench *bench = *state;
    struct recipe recipe;
    struct recipe_result result = {0};
    struct graph trained = {0};
    struct json doc;

    parse_text(text, &doc);
    check_ok(recipe_check(&doc, recipes_of(&doc), "recipes", NULL));
    check_ok(recipe_parse(&doc, recipes_of(&doc), "recipes", 0, "blobs", &recipe));
    check_fails(recipe_run(&recipe, &bench->model, &bench->context, &result), ST_BADARG, "all weights are zero");
    check_ok(graph_clone(&bench->model, &trained));
    graph_init_weights(&trained, 3);
    check_ok(recipe_run(&recipe, &trained, &bench->context, &result));
    assert_int_equal(result.stages, 1);
    recipe_result_free(&result);
    graph_free(&trained);
    json_free(&doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_families),
        cmocka_unit_test(bad_recipes_name_the_place),
        cmocka_unit_test(too_many_steps),
        cmocka_unit_test(from_and_overrides),
        cmocka_unit_test(shipped_suites_are_valid),
        cmocka_unit_test(every_recipe_runs),
        cmocka_unit_test(claims_hold_in_the_result),
        cmocka_unit_test(cache_trains_shared_steps_once),
        cmocka_unit_test(damaged_cache_is_made_again),
        cmocka_unit_test(threads_do_not_change_results),
        cmocka_unit_test(stop_is_heard),
        cmocka_unit_test(a_model_without_weights_is_refused),
    };
    return cmocka_run_group_tests(tests, bench_begin, bench_end);
}
