/* The kernel check alone, without the libraries that the rest needs: cross-compiled and run under an emulator to prove
 * the kernels of processors that are not at hand (scripts/check_isa.sh).
 * usage: isa_check [CASES [SEED]]      exit 0 when no case failed, 5 otherwise, 2 for errors */
#include <stdio.h>
#include <stdlib.h>

#include "kncheck/kncheck.h"

int main(int argc, char **argv)
{
    struct kncheck_options options = {.seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1,
                                      .cases = argc > 1 ? atoi(argv[1]) : 10000,
                                      .mask = kn_cpu_isa()};
    struct kncheck_summary summary;

    if (kncheck_run(&options, stdout, &summary) != ST_OK) {
        fprintf(stderr, "isa_check: %s\n", status_message());
        return 2;
    }
    return summary.failed ? 5 : 0;
}
