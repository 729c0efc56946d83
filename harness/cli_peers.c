/* packlight peers: our kernels against other libraries, in one process. */
#define _GNU_SOURCE /* environ */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/resource.h"
#include "cli.h"
#include "cli_common.h"
#include "kernels/kernels.h"
#include "peer_bench.h"

static const char help[] =
    "usage: packlight peers [SUITE.json] [options]        (default: suites/peers.json)\n"
    "\n"
    "Runs operators and models in oneDNN, XNNPACK, OpenBLAS and our own kernels, in one process and in alternating\n"
    "blocks, checks every output and appends one record per library to DIR/records.jsonl. A library that is not there\n"
    "is a skipped row with the reason. Afterwards: packlight report DIR.\n"
    "\n"
    "  -o DIR          where to write (default: results/<date>-<host>-<commit>, results/latest-peers points at it)\n"
    "  --filter GLOB   only cells whose name matches, alternatives by comma: 'conv*/int8,fc-784-300/*'\n"
    "  --list          print the cells and stop\n"
    "  --resume        go on with the run in -o DIR (default: results/latest-peers)\n"
    "  --isa LEVEL     our kernels at this level, and the libraries that can be capped (oneDNN, OpenBLAS) with them;\n"
    "                  XNNPACK cannot. Default: everything that this processor has\n"
    "  --budget S      seconds of timing per cell and library (default: the suite's)\n"
    "\n"
    "example: packlight peers --filter 'conv3x3-*' --isa avx2 -o /tmp/conv\n"
    "exit code: 0 fine, 2 a cell failed or bad input, 5 an output of ours, or a library's floats, were wrong\n";

enum { OPT_FILTER = 256, OPT_LIST, OPT_RESUME, OPT_ISA, OPT_BUDGET };

static const struct option long_options[] = {
    {"filter", required_argument, NULL, OPT_FILTER},
    {"list", no_argument, NULL, OPT_LIST},
    {"resume", no_argument, NULL, OPT_RESUME},
    {"isa", required_argument, NULL, OPT_ISA},
    {"budget", required_argument, NULL, OPT_BUDGET},
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static enum status read_budget(const char *text, double *out)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !(value >= 0.001 && value <= 3600))
        return status_fail(ST_BADARG, "--budget %s: expected seconds from 0.001 to 3600", text);
    *out = value;
    return ST_OK;
}

static enum status read_options(int argc, char **argv, struct peer_bench_options *o, const char **isa, int *helped)
{
    int option;

    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
        switch (option) {
        case 'o':
            o->out_dir = optarg;
            break;
        case 'h':
            *helped = 1;
            return ST_OK;
        case OPT_FILTER:
            o->filter = optarg;
            break;
        case OPT_LIST:
            o->list = 1;
            break;
        case OPT_RESUME:
            o->resume = 1;
            break;
        case OPT_ISA:
            *isa = optarg;
            break;
        case OPT_BUDGET:
            TRY(read_budget(optarg, &o->budget_s));
            break;
        default:
            return cli_bad_option(argc, argv);
        }
    }
    if (optind < argc - 1)
        return status_fail(ST_BADARG, "one suite at a time: '%s' and '%s' were given", argv[optind], argv[optind + 1]);
    return ST_OK;
}

/* OpenBLAS reads its level and its threads when it is loaded, which is before main: start again with them in the
 * environment. The mark keeps this from going round in circles. */
static enum status start_again(const struct peer_bench_options *o, char **argv)
{
    static const char mark[] = "PACKLIGHT_PEERS_STARTED";
    const char *core = o->isa & KN_ISA_AVX512VNNI ? "SkylakeX" : o->isa & KN_ISA_AVX2 ? "Haswell" : "Nehalem";

    if (getenv(mark) || o->list)
        return ST_OK;
    if (setenv(mark, "1", 1) != 0 || setenv("OPENBLAS_NUM_THREADS", "1", 1) != 0 ||
        (o->capped && setenv("OPENBLAS_CORETYPE", core, 1) != 0))
        return status_fail(ST_NOMEM, "no memory for the environment");
    /* argv is the command's own: the program's words begin one before it. */
    execv("/proc/self/exe", argv - 1);
    return status_fail(ST_IO, "cannot start again with another environment: %s", strerror(errno));
}

enum status cli_peers(int argc, char **argv, int *exit_code)
{
    struct peer_bench_options o = {.argc = argc, .argv = argv, .stop = &cli_stop};
    const char *isa = NULL, *level;
    char suite[4096];
    int helped = 0;

    TRY(read_options(argc, argv, &o, &isa, &helped));
    if (helped) {
        fputs(help, stdout);
        return ST_OK;
    }
    TRY(cli_isa(isa, &o.isa));
    /* A level by name caps; without one, or with "native", everybody has the whole processor. */
    level = isa ? isa : getenv("PACKLIGHT_ISA");
    o.capped = level && *level && strcmp(level, "native") != 0;
    TRY(start_again(&o, argv));
    if (optind < argc)
        snprintf(suite, sizeof suite, "%s", argv[optind]);
    else
        TRY(resource_find("suites/peers.json", suite, sizeof suite));
    o.suite_file = suite;
    cli_catch_signals();
    return peer_bench_run(&o, exit_code);
}
