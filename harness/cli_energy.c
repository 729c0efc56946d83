/* packlight energy: energy that was measured elsewhere, joined to a run. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "cli_common.h"
#include "report/meter.h"

static const char help[] = "usage: packlight energy import DIR METER.csv\n"
                           "\n"
                           "Adds what an external meter measured to the run in DIR: readings go into DIR/energy.jsonl, "
                           "and packlight report DIR\n"
                           "shows them as \"imported\", with the meter's name, never in one column with modelled "
                           "figures. The first line of the\n"
                           "CSV file names its columns, in any order:\n"
                           "\n"
                           "  cell         cell of the run, such as lenet5/ptq-s8/simd/t1/b1\n"
                           "  joules       energy of all inferences together\n"
                           "  inferences   how many: one input is one inference, whatever the batch\n"
                           "  meter        name of the meter; optional: the file's name stands for it\n"
                           "\n"
                           "A later import of the same cell and meter replaces the earlier one. Measure long windows "
                           "(10 s and more) without the\n"
                           "loading of the model: packlight run MODEL.plk --input FILE --repeat N makes one.\n"
                           "\n"
                           "example: packlight energy import results/latest meter.csv\n";

static enum status import(const char *dir, const char *file)
{
    struct records records;
    struct meters meters = {NULL, 0, 0};
    enum status st;

    TRY(records_load(dir, &records));
    TRY_OUT(meters_read_csv(file, &records, &meters));
    TRY_OUT(meters_append(dir, &meters));
    printf("%zu reading%s added to %s/energy.jsonl\n", meters.n, meters.n == 1 ? "" : "s", dir);
out:
    meters_free(&meters);
    records_free(&records);
    return st;
}

enum status cli_energy(int argc, char **argv, int *exit_code)
{
    static const struct option longs[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;

    (void)exit_code;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (option != 'h')
            return cli_bad_option(argc, argv);
        fputs(help, stdout);
        return ST_OK;
    }
    if (optind == argc)
        return status_fail(ST_BADARG, "expected import DIR METER.csv; see --help");
    if (strcmp(argv[optind], "import") != 0)
        return status_fail(ST_BADARG, "'%s': expected import; see --help", argv[optind]);
    if (argc - optind != 3)
        return status_fail(ST_BADARG, "import: expected a run's folder and one CSV file; see --help");
    return import(argv[optind + 1], argv[optind + 2]);
}
