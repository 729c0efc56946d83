/* packlight's entry: finds the command, runs it, prints its final error, exits. Nothing else exits. */
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "cli.h"

static const struct cli_command commands[] = {
    {"bench", cli_bench, "run a suite's matrix of models, recipes and kernels"},
    {"peers", cli_peers, "our kernels against other libraries, in one process"},
    {"merge", cli_merge, "join the shards of a matrix into one run"},
    {"compare", cli_compare, "is B slower, larger or less accurate than A?"},
    {"report", cli_report, "tables and plots of a run"},
    {"energy", cli_energy, "add an external meter's energy to a run"},
    {"compress", cli_compress, "make one recipe for one model, as a packed file"},
    {"eval", cli_eval, "accuracy of a packed model, perhaps against another"},
    {"run", cli_run, "one inference with a packed model"},
    {"inspect", cli_inspect, "what a packed file holds"},
    {"kernels", cli_kernels, "list, prove and time the kernels"},
    {"history", cli_history, "what earlier runs and comparisons said; trends"},
    {"cpu", cli_cpu, "facts about this processor and build"},
    {"worker", cli_worker, NULL}, /* started by other commands */
    {NULL, NULL, NULL},
};

static void usage(FILE *out)
{
    fputs("usage: packlight COMMAND [options]     (packlight COMMAND --help shows an example)\n\n", out);
    for (const struct cli_command *c = commands; c->summary; c++)
        fprintf(out, "  %-9s %s\n", c->name, c->summary);
    fputs("\nexit codes: 0 fine, 1 regressed, 2 usage, input or tool error, 3 inconclusive, 4 environment refused, 5 "
          "wrong output\n",
          out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--complete") == 0)
        return cli_complete(commands, argc - 2, argv + 2) == ST_OK ? 0 : 2;
    for (const struct cli_command *c = commands; c->name; c++) {
        if (strcmp(argv[1], c->name) == 0) {
            int exit_code = 0;
            enum status st = c->run(argc - 1, argv + 1, &exit_code);
            if (st != ST_OK) {
                fflush(stdout);
                fprintf(stderr, "packlight %s: %s\n", c->name, status_message());
                return st == ST_MISMATCH ? 5 : 2;
            }
            return exit_code;
        }
    }
    fprintf(stderr, "packlight: no command '%s'; see packlight --help\n", argv[1]);
    return 2;
}
