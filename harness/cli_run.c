/* packlight run: one inference with a packed model. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli.h"
#include "cli_common.h"
#include "engine/engine.h"
#include "infer.h"
#include "io/plk.h"

static const char help[] =
    "usage: packlight run MODEL.plk --input FILE [options]\n"
    "\n"
    "Loads a packed model and runs one inference. FILE holds the input's pixels as raw bytes, channel by\n"
    "channel, row by row (784 bytes for 1x28x28); every bench run leaves one beside its records (sample.u8).\n"
    "\n"
    "  --input FILE   '-' reads standard input\n"
    "  --isa LEVEL    ref, sse41, avx2, avxvnni, avx512vnni, native (default: $PACKLIGHT_ISA or native)\n"
    "  --threads N    that share each layer's work (default: 1)\n"
    "  --quiet        print nothing\n"
    "\n"
    "example: packlight run results/latest/artifacts/lenet5-qat-s8.plk --input results/latest/sample.u8\n";

static enum status read_stdin(size_t want, unsigned char **out, size_t *out_len)
{
    unsigned char *data = malloc(want + 1);
    size_t len;

    if (!data)
        return status_fail(ST_NOMEM, "no memory for %zu bytes of input", want);
    len = fread(data, 1, want + 1, stdin);
    *out = data;
    *out_len = len;
    return ST_OK;
}

static void print_scores(const float *scores, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = scores[i] > scores[best] ? i : best;
    printf("class %d\n", best);
    for (int i = 0; i < n; i++)
        printf("  %3d  %10.4f%s\n", i, (double)scores[i], i == best ? "  *" : "");
}

static enum status run_model(const char *file, const char *input, uint32_t isa, int threads, int quiet)
{
    struct graph graph = {0};
    struct engine *engine = NULL;
    struct kn_table table;
    unsigned char *pixels = NULL;
    float *x = NULL, *y = NULL;
    size_t len, want;
    enum status st;

    TRY_OUT(plk_read(file, &graph, NULL));
    want = value_count(&graph.value[graph_input(&graph)]);
    TRY_OUT(strcmp(input, "-") == 0 ? read_stdin(want, &pixels, &len) : file_read(input, 0, &pixels, &len));
    if (len != want) {
        st = status_fail(ST_FORMAT, "%s: %zu bytes, the model takes %zu", input, len, want);
        goto out;
    }
    kn_table_init(&table, isa);
    TRY_OUT(engine_new(&graph, &table, 1, threads, &engine));
    TRY_OUT(mem_alloc(engine_input_count(engine), sizeof(float), &x));
    TRY_OUT(mem_alloc(engine_output_count(engine), sizeof(float), &y));
    infer_scale(pixels, want, x);
    engine_run(engine, x, y);
    if (!quiet)
        print_scores(y, (int)engine_output_count(engine));
out:
    mem_free(y);
    mem_free(x);
    free(pixels);
    engine_free(engine);
    graph_free(&graph);
    return st;
}

enum status cli_run(int argc, char **argv, int *exit_code)
{
    static const struct option long_options[] = {
        {"input", required_argument, NULL, 'i'},   {"isa", required_argument, NULL, 'I'},
        {"threads", required_argument, NULL, 't'}, {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    const char *input = NULL, *isa = NULL;
    uint32_t mask;
    int option, quiet = 0;
    long threads = 1;

    (void)exit_code;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (option) {
        case 'i':
            input = optarg;
            break;
        case 'I':
            isa = optarg;
            break;
        case 't':
            TRY(cli_int("--threads", optarg, 1, ENGINE_THREADS_MAX, &threads));
            break;
        case 'q':
            quiet = 1;
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
    if (!input)
        return status_fail(ST_BADARG, "--input is missing; see --help");
    TRY(cli_isa(isa, &mask));
    cli_warn_threads(threads);
    return run_model(argv[optind], input, mask, (int)threads, quiet);
}
