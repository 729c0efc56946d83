/* packlight compress: one recipe of a suite for one model, into a packed file. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/live.h"
#include "base/pool.h"
#include "base/progress.h"
#include "base/resource.h"
#include "cli.h"
#include "cli_common.h"
#include "compress/recipe.h"
#include "infer.h"
#include "io/plk.h"
#include "suite.h"

static const char help[] =
    "usage: packlight compress --model NAME --recipe NAME -o FILE.plk [options]\n"
    "\n"
    "Makes one recipe of a suite for one of its models and writes the packed file.\n"
    "\n"
    "  --suite FILE   where model and recipe are defined (default: suites/quick.json)\n"
    "  --data DIR     folder with the four IDX files (default: Debian's dataset-fashion-mnist)\n"
    "  --seed N       (default: the suite's first)\n"
    "  --jobs N       threads (default: all processors; the result is the same with any number)\n"
    "  --cache DIR    trained weights (default: results/cache); --no-cache trains anew\n"
    "  --quiet        no progress\n"
    "\n"
    "example: packlight compress --model lenet5 --recipe qat-s8 -o lenet5-qat-s8.plk\n";

struct compress {
    const char *suite, *model, *recipe, *out, *data, *seed;
    const char *cache; /* NULL: none */
    long jobs;
};

static enum status find(const struct suite *suite, const struct compress *c, int *model, int *recipe)
{
    *model = *recipe = -1;
    for (int i = 0; i < suite->models; i++)
        if (strcmp(suite->model[i].graph.name, c->model) == 0)
            *model = i;
    for (int i = 0; i < suite->n_recipes; i++)
        if (strcmp(suite->recipe_name[i], c->recipe) == 0)
            *recipe = i;
    if (*model < 0)
        return status_fail(ST_BADARG, "--model %s: %s has no such model", c->model, suite->doc.file);
    if (*recipe < 0)
        return status_fail(ST_BADARG, "--recipe %s: %s has no such recipe", c->recipe, suite->doc.file);
    return ST_OK;
}

static void report(const struct recipe_result *result, const struct plk_info *info, const char *file)
{
    for (int i = 0; i < result->stages; i++)
        printf("%-12s validation %.2f %%, %d predictions changed, %.1f %% zeros, %llu parameters\n",
               result->stage[i].name, 100 * result->stage[i].valid_top1, result->stage[i].flips,
               100 * result->stage[i].sparsity, (unsigned long long)result->stage[i].parameters);
    printf("%s: %zu bytes, sha256 %s\n", file, info->file_bytes, info->sha256);
}

static enum status compress(const struct compress *c)
{
    struct suite suite = {0};
    struct dataset_splits data = {0};
    struct recipe_context context = {0};
    struct recipe recipe;
    struct recipe_result result = {0};
    struct plk_info info = {0};
    struct pool *pool = NULL;
    int model, index;
    enum status st;

    TRY(suite_load(c->suite, &suite));
    TRY_OUT(find(&suite, c, &model, &index));
    if (c->seed)
        TRY_OUT(list_numbers("--seed", c->seed, 0, UINT64_MAX, suite.seed, 1, &suite.seeds));
    TRY_OUT(dataset_load(c->data, &data));
    dataset_limit(&data, suite.limit_train, suite.limit_valid, suite.limit_test);
    TRY_OUT(infer_check_shape(&suite.model[model].graph, &data.valid));
    TRY_OUT(pool_new((int)c->jobs, &pool));
    context = (struct recipe_context){.data = &data,
                                      .pool = pool,
                                      .seed = suite.seed[0],
                                      .cache_dir = c->cache,
                                      .model_sha = suite.model[model].sha256,
                                      .blas = suite.blas,
                                      .stop = &cli_stop};
    TRY_OUT(recipe_parse(&suite.doc, suite.recipes, "recipes", index, c->model, &recipe));
    TRY_OUT(recipe_run(&recipe, &suite.model[model].graph, &context, &result));
    if (result.warning[0])
        live_warning(NULL, "warning:", result.warning);
    TRY_OUT(plk_write(&result.graph, c->out, result.pack_flags, &info));
    report(&result, &info, c->out);
out:
    plk_info_free(&info);
    recipe_result_free(&result);
    pool_free(pool);
    dataset_free(&data);
    suite_free(&suite);
    return st;
}

enum status cli_compress(int argc, char **argv, int *exit_code)
{
    static const struct option long_options[] = {
        {"suite", required_argument, NULL, 'S'},  {"model", required_argument, NULL, 'm'},
        {"recipe", required_argument, NULL, 'r'}, {"output", required_argument, NULL, 'o'},
        {"data", required_argument, NULL, 'd'},   {"seed", required_argument, NULL, 's'},
        {"cache", required_argument, NULL, 'c'},  {"jobs", required_argument, NULL, 'j'},
        {"no-cache", no_argument, NULL, 'C'},     {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    struct compress c = {.cache = "results/cache", .jobs = pool_cpus()};
    char suite[4096];
    int option;

    (void)exit_code;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'S':
            c.suite = optarg;
            break;
        case 'm':
            c.model = optarg;
            break;
        case 'r':
            c.recipe = optarg;
            break;
        case 'o':
            c.out = optarg;
            break;
        case 'd':
            c.data = optarg;
            break;
        case 's':
            c.seed = optarg;
            break;
        case 'c':
            c.cache = optarg;
            break;
        case 'C':
            c.cache = NULL;
            break;
        case 'q':
            progress_silence(1);
            break;
        case 'j':
            TRY(cli_int("--jobs", optarg, 1, 256, &c.jobs));
            break;
        case 'h':
            fputs(help, stdout);
            return ST_OK;
        default:
            return cli_bad_option(argc, argv);
        }
    }
    if (optind != argc)
        return status_fail(ST_BADARG, "unexpected argument '%s'; see --help", argv[optind]);
    if (!c.model || !c.recipe || !c.out)
        return status_fail(ST_BADARG, "--model, --recipe and -o are needed; see --help");
    if (!c.suite) {
        TRY(resource_find("suites/quick.json", suite, sizeof suite));
        c.suite = suite;
    }
    cli_catch_signals();
    return compress(&c);
}
