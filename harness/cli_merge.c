/* packlight merge: joins the shards of a matrix. */
#include <getopt.h>
#include <stdio.h>

#include "cli.h"
#include "cli_common.h"
#include "merge.h"

static const char help[] =
    "usage: packlight merge OUT DIR... [options]\n"
    "\n"
    "Joins the run directories of all shards of a matrix (packlight bench --shard I/N) into OUT, which then holds the\n"
    "records and files that one run would have made, in the same order; packlight report OUT shows them. Every shard\n"
    "must be there once, finished, and of the same suite, data, ISA level, seeds and program. Record lines are copied\n"
    "byte for byte, artifacts are checked against their SHA-256. OUT must be new or empty; it appears when all is "
    "done.\n"
    "\n"
    "  --partial    join what is there although shards or cells are missing; env.json and the report say what is not\n"
    "\n"
    "example: packlight bench suites/tiny.json --shard 1/2 -o /tmp/a && packlight bench suites/tiny.json --shard 2/2 "
    "\\\n"
    "         -o /tmp/b && packlight merge /tmp/all /tmp/a /tmp/b\n"
    "exit code: 0 fine, 2 bad input\n";

enum { OPT_PARTIAL = 256 };

static const struct option long_options[] = {
    {"partial", no_argument, NULL, OPT_PARTIAL},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

enum status cli_merge(int argc, char **argv, int *exit_code)
{
    struct merge_options o = {.argc = argc, .argv = argv};
    int option;

    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            return ST_OK;
        }
        if (option != OPT_PARTIAL)
            return cli_bad_option(argc, argv);
        o.partial = 1;
    }
    if (argc - optind < 2)
        return status_fail(ST_BADARG, "expected OUT and the shards' folders; see packlight merge --help");
    o.out_dir = argv[optind];
    o.dir = (const char *const *)&argv[optind + 1];
    o.dirs = argc - optind - 1;
    TRY(merge_run(&o));
    *exit_code = 0;
    return ST_OK;
}
