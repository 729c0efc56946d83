/* packlight bench: runs a suite's matrix. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/progress.h"
#include "base/resource.h"
#include "bench.h"
#include "cli.h"
#include "cli_common.h"
#include "measure/energy_windows.h"
#include "engine/engine.h"

static const char help[] =
    "usage: packlight bench [SUITE.json] [options]        (default: suites/quick.json)\n"
    "\n"
    "Makes every recipe of the suite (trained weights come from the cache when nothing changed), runs every cell and\n"
    "appends its record to DIR/records.jsonl. Afterwards: packlight report DIR.\n"
    "\n"
    "  -o DIR            where to write (default: results/<date>-<host>-<commit>, results/latest points at it)\n"
    "  --resume          go on with the run in -o DIR (default: results/latest)\n"
    "  --list            print the ids of the cells, one a line, and stop\n"
    "  --filter GLOB     only cells whose id matches, alternatives by comma: 'lenet5/*,*/simd/*/b1'\n"
    "  --threads LIST    threads of the timed inference, instead of the suite's: 2 or 1,4 or 1-4\n"
    "  --batch LIST      inputs per inference, instead of the suite's: 1,8-32:8 is 1, 8, 16, 24, 32. Reference cells\n"
    "                    get the smallest number of each list\n"
    "  --isa LEVELS      of the SIMD cells: sse41, avx2, avxvnni, avx512vnni, native, or ref for none (default:\n"
    "                    $PACKLIGHT_ISA or native). Several are an axis (sse41,avx2): ids end in /LEVEL, all are\n"
    "                    compared with FP32 at the highest, and what this processor lacks is a skipped row\n"
    "  --seeds LIST      of training: 1-3 or 1,4,7 (default: the suite's)\n"
    "  --shard I/N       only the I-th of N parts (whole recipes); packlight merge joins them\n"
    "  --train-only      fill the cache with the trained weights and stop: no cells, no folder\n"
    "  --data DIR        folder with the four IDX files (default: Fashion-MNIST of Debian's dataset-fashion-mnist)\n"
    "  --cache DIR       trained weights (default: results/cache); --no-cache trains anew\n"
    "  --no-process      leave out whole-process times (hyperfine) and cold starts\n"
    "  --energy FILE     constants of the energy proxy (default: the suite's, else suites/energy/h45.json)\n"
    "  --energy-windows N  where the package energy can be read (perf or powercap, mostly root only): N windows of 10 "
    "s\n"
    "                    and one idle one per SIMD cell, a minute each at the default of 5; 0 measures none\n"
    "  --instructions    count the instructions of an inference under valgrind (batch 1, one thread, up to AVX2);\n"
    "                    some seconds per cell, more for large models\n"
    "  --jobs N          threads for training and accuracy; changes no figure (default: all processors)\n"
    "  --quiet           no progress; only cells that did not go right have a line\n"
    "\n"
    "examples: packlight bench suites/quick.json --filter 'lenet5/*' -o /tmp/lenet5\n"
    "          packlight bench suites/zoo.json --threads 1,2 --batch 1,8-32:8 --isa sse41,avx2,native --list\n"
    "exit code: 0 fine, 2 a cell failed or bad input, 5 a cell's output was wrong\n";

enum {
    OPT_DATA = 256,
    OPT_FILTER,
    OPT_LIST,
    OPT_RESUME,
    OPT_SEEDS,
    OPT_ISA,
    OPT_THREADS,
    OPT_BATCH,
    OPT_JOBS,
    OPT_SHARD,
    OPT_CACHE,
    OPT_NO_CACHE,
    OPT_NO_PROCESS,
    OPT_ENERGY,
    OPT_ENERGY_WINDOWS,
    OPT_INSTRUCTIONS,
    OPT_TRAIN_ONLY,
    OPT_QUIET
};

static const struct option long_options[] = {
    {"data", required_argument, NULL, OPT_DATA},
    {"filter", required_argument, NULL, OPT_FILTER},
    {"list", no_argument, NULL, OPT_LIST},
    {"resume", no_argument, NULL, OPT_RESUME},
    {"seeds", required_argument, NULL, OPT_SEEDS},
    {"seed", required_argument, NULL, OPT_SEEDS},
    {"isa", required_argument, NULL, OPT_ISA},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"batch", required_argument, NULL, OPT_BATCH},
    {"jobs", required_argument, NULL, OPT_JOBS},
    {"shard", required_argument, NULL, OPT_SHARD},
    {"cache", required_argument, NULL, OPT_CACHE},
    {"no-cache", no_argument, NULL, OPT_NO_CACHE},
    {"no-process", no_argument, NULL, OPT_NO_PROCESS},
    {"energy", required_argument, NULL, OPT_ENERGY},
    {"energy-windows", required_argument, NULL, OPT_ENERGY_WINDOWS},
    {"instructions", no_argument, NULL, OPT_INSTRUCTIONS},
    {"train-only", no_argument, NULL, OPT_TRAIN_ONLY},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static enum status read_option(int option, struct bench_options *o, const char **isa)
{
    long number;

    switch (option) {
    case 'o':
        o->out_dir = optarg;
        return ST_OK;
    case OPT_DATA:
        o->data_dir = optarg;
        return ST_OK;
    case OPT_FILTER:
        o->plan.filter = optarg;
        return ST_OK;
    case OPT_LIST:
        o->list = 1;
        return ST_OK;
    case OPT_RESUME:
        o->resume = 1;
        return ST_OK;
    case OPT_SEEDS:
        o->seeds = optarg;
        return ST_OK;
    case OPT_ISA:
        *isa = optarg;
        return ST_OK;
    case OPT_THREADS:
        return cli_list("--threads", optarg, 1, ENGINE_THREADS_MAX, o->axes.threads, SUITE_LIST, &o->axes.n_threads);
    case OPT_BATCH:
        return cli_list("--batch", optarg, 1, SUITE_BATCH_MAX, o->axes.batches, SUITE_LIST, &o->axes.n_batches);
    case OPT_JOBS:
        TRY(cli_int("--jobs", optarg, 1, 256, &number));
        o->jobs = (int)number;
        return ST_OK;
    case OPT_SHARD:
        return cli_shard(optarg, &o->plan.shard, &o->plan.shards);
    case OPT_CACHE:
        o->cache_dir = optarg;
        return ST_OK;
    case OPT_NO_CACHE:
        o->cache_dir = "";
        return ST_OK;
    case OPT_NO_PROCESS:
        o->no_process = 1;
        return ST_OK;
    case OPT_ENERGY:
        o->energy_file = optarg;
        return ST_OK;
    case OPT_ENERGY_WINDOWS:
        TRY(cli_int("--energy-windows", optarg, 0, ENERGY_WINDOWS_MAX, &number));
        o->energy_windows = (int)number;
        return ST_OK;
    case OPT_INSTRUCTIONS:
        o->instructions = 1;
        return ST_OK;
    case OPT_TRAIN_ONLY:
        o->train_only = 1;
        return ST_OK;
    case OPT_QUIET:
        progress_silence(1);
        return ST_OK;
    default:
        return status_fail(ST_BADARG, "unknown option");
    }
}

enum status cli_bench(int argc, char **argv, int *exit_code)
{
    struct bench_options o = {.cache_dir = "results/cache", .argc = argc, .argv = argv, .stop = &cli_stop};
    char suite[4096];
    const char *isa = NULL;
    int option;

    o.jobs = pool_cpus();
    o.energy_windows = energy_windows_defaults().windows;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return ST_OK;
        }
        if (option == '?')
            return cli_bad_option(argc, argv);
        TRY(read_option(option, &o, &isa));
    }
    if (optind < argc - 1)
        return status_fail(ST_BADARG, "one suite at a time: '%s' and '%s' were given", argv[optind], argv[optind + 1]);
    if (o.train_only && !*o.cache_dir)
        return status_fail(ST_BADARG, "--train-only needs a cache to fill; leave --no-cache out");
    if (o.train_only && (o.out_dir || o.resume))
        return status_fail(ST_BADARG, "--train-only writes no run: -o and --resume do not go with it");
    TRY(cli_isa_levels(isa, o.plan.level, &o.plan.levels, &o.isa));
    if (optind < argc)
        snprintf(suite, sizeof suite, "%s", argv[optind]);
    else
        TRY(resource_find("suites/quick.json", suite, sizeof suite));
    o.suite_file = suite;
    cli_catch_signals();
    return bench_run(&o, exit_code);
}
