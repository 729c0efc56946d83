/* packlight eval: accuracy of a packed model, perhaps against another on the same images. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/pool.h"
#include "cli.h"
#include "cli_common.h"
#include "infer.h"
#include "io/plk.h"
#include "measure/accuracy.h"

static const char help[] =
    "usage: packlight eval MODEL.plk [options]\n"
    "\n"
    "Top-1 accuracy on the test images with its 95 % Wilson interval; for integer models also the SHA-256 of all\n"
    "integer outputs, the same with every kernel level.\n"
    "\n"
    "  --against OTHER.plk   change against another model on the same images, with exact McNemar p\n"
    "  --data DIR            folder with the four IDX files (default: Debian's dataset-fashion-mnist)\n"
    "  --isa LEVEL           ref, sse41, avx2, avxvnni, avx512vnni, native (default: $PACKLIGHT_ISA or native)\n"
    "  --batch N             images per call (default: 1)\n"
    "  --jobs N              threads that share out the images (default: all processors)\n"
    "\n"
    "example: packlight eval results/latest/artifacts/lenet5-qat-s8.plk --against "
    "results/latest/artifacts/lenet5-fp32.plk\n";

struct eval {
    const char *file, *against, *data;
    uint32_t isa;
    long batch, jobs;
};

static enum status infer_file(const struct eval *eval, const char *file, const struct dataset *test, struct pool *pool,
                              struct infer *out)
{
    struct graph graph = {0};
    struct kn_table table;
    enum status st;

    kn_table_init(&table, eval->isa);
    TRY(plk_read(file, &graph, NULL));
    st = infer_dataset(&graph, &table, (int)eval->batch, test, pool, out);
    if (st != ST_OK)
        status_prefix(st, "%s", file);
    graph_free(&graph);
    return st;
}

static enum status evaluate(const struct eval *eval)
{
    struct dataset_splits data = {0};
    struct infer result = {0}, other = {0};
    struct pool *pool = NULL;
    struct accuracy accuracy;
    enum status st;

    TRY_OUT(dataset_load(eval->data, &data));
    TRY_OUT(pool_new((int)eval->jobs, &pool));
    TRY_OUT(infer_file(eval, eval->file, &data.test, pool, &result));
    accuracy = accuracy_top1(result.predictions, data.test.labels, data.test.n);
    printf("top-1 %.2f %% [%.2f, %.2f] of %u images, %s kernels\n", 100 * accuracy.top1, 100 * accuracy.lo,
           100 * accuracy.hi, accuracy.n, kn_isa_name(eval->isa));
    if (result.raw)
        printf("integer outputs sha256 %s\n", result.raw_sha256);
    if (eval->against) {
        struct accuracy_delta delta;
        TRY_OUT(infer_file(eval, eval->against, &data.test, pool, &other));
        delta = accuracy_compare(other.predictions, result.predictions, data.test.labels, data.test.n);
        printf("against %s: %+.2f points [%+.2f, %+.2f], McNemar p %.3g; %u lost, %u gained, %u predictions differ\n",
               eval->against, delta.delta_pp, delta.delta_lo_pp, delta.delta_hi_pp, delta.p_mcnemar,
               delta.only_baseline, delta.only_this, delta.flips);
    }
out:
    infer_free(&other);
    infer_free(&result);
    pool_free(pool);
    dataset_free(&data);
    return st;
}

enum status cli_eval(int argc, char **argv, int *exit_code)
{
    static const struct option long_options[] = {{"against", required_argument, NULL, 'a'},
                                                 {"data", required_argument, NULL, 'd'},
                                                 {"isa", required_argument, NULL, 'I'},
                                                 {"batch", required_argument, NULL, 'b'},
                                                 {"jobs", required_argument, NULL, 'j'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {NULL, 0, NULL, 0}};
    struct eval eval = {.batch = 1, .jobs = pool_cpus()};
    const char *isa = NULL;
    int option;

    (void)exit_code;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (option) {
        case 'a':
            eval.against = optarg;
            break;
        case 'd':
            eval.data = optarg;
            break;
        case 'I':
            isa = optarg;
            break;
        case 'b':
            TRY(cli_int("--batch", optarg, 1, 4096, &eval.batch));
            break;
        case 'j':
            TRY(cli_int("--jobs", optarg, 1, 256, &eval.jobs));
            break;
        case 'h':
            fputs(help, stdout);
            return ST_OK;
        default:
            return cli_bad_option(argc, argv);
        }
    }
    if (optind != argc - 1)
        return status_fail(ST_BADARG, "expected one model file; see --help");
    eval.file = argv[optind];
    TRY(cli_isa(isa, &eval.isa));
    return evaluate(&eval);
}
