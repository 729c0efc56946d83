/* packlight run: one inference with a packed model. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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
    "  --repeat N     inferences, one after the other (default: 1); the scores are those of the last\n"
    "  --times        instead of the scores, one line of JSON: nanoseconds to open, read and decode the file "
    "(load_ns),\n"
    "                 to plan it and pack its weights (plan_ns), and of the first and second inference of this "
    "process\n"
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

/* What the command line asks for. */
struct options {
    const char *file, *input;
    uint32_t isa;
    int threads, quiet, times;
    long repeat;
};

static uint64_t now_ns(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Marks around load, plan, first and second inference. */
static void print_times(const uint64_t at[6])
{
    printf("{\"load_ns\":%" PRIu64 ",\"plan_ns\":%" PRIu64 ",\"first_ns\":%" PRIu64 ",\"second_ns\":%" PRIu64 "}\n",
           at[1] - at[0], at[3] - at[2], at[4] - at[3], at[5] - at[4]);
}

static enum status run_model(const struct options *o)
{
    struct graph graph = {0};
    struct engine *engine = NULL;
    struct kn_table table;
    unsigned char *pixels = NULL;
    float *x = NULL, *y = NULL;
    const char *input = o->input;
    size_t len, want;
    uint64_t at[6];
    enum status st;

    at[0] = now_ns();
    TRY_OUT(plk_read(o->file, &graph, NULL));
    at[1] = now_ns();
    want = value_count(&graph.value[graph_input(&graph)]);
    TRY_OUT(strcmp(input, "-") == 0 ? read_stdin(want, &pixels, &len) : file_read(input, 0, &pixels, &len));
    if (len != want) {
        st = status_fail(ST_FORMAT, "%s: %zu bytes, the model takes %zu", input, len, want);
        goto out;
    }
    kn_table_init(&table, o->isa);
    TRY_OUT(mem_alloc(want, sizeof(float), &x));
    TRY_OUT(mem_alloc(value_count(&graph.value[graph_output(&graph)]), sizeof(float), &y));
    infer_scale(pixels, want, x);
    at[2] = now_ns();
    TRY_OUT(engine_new(&graph, &table, 1, o->threads, &engine));
    at[3] = now_ns();
    engine_run(engine, x, y);
    at[4] = now_ns();
    if (o->times || o->repeat > 1)
        engine_run(engine, x, y);
    at[5] = now_ns();
    for (long i = 2; i < o->repeat; i++)
        engine_run(engine, x, y);
    if (o->times)
        print_times(at);
    else if (!o->quiet)
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
        {"repeat", required_argument, NULL, 'r'},  {"times", no_argument, NULL, 'T'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    struct options o = {.repeat = 1};
    const char *isa = NULL;
    int option;
    long threads = 1;

    (void)exit_code;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (option) {
        case 'i':
            o.input = optarg;
            break;
        case 'I':
            isa = optarg;
            break;
        case 't':
            TRY(cli_int("--threads", optarg, 1, ENGINE_THREADS_MAX, &threads));
            break;
        case 'q':
            o.quiet = 1;
            break;
        case 'r':
            TRY(cli_int("--repeat", optarg, 1, 1000000000, &o.repeat));
            break;
        case 'T':
            o.times = 1;
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
    if (!o.input)
        return status_fail(ST_BADARG, "--input is missing; see --help");
    TRY(cli_isa(isa, &o.isa));
    cli_warn_threads(threads);
    o.file = argv[optind];
    o.threads = (int)threads;
    return run_model(&o);
}
