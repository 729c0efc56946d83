#include "kncheck/knbench.h"

#include "kncheck/kntiming.h"

enum status knbench_run(const struct knbench_options *options, FILE *out)
{
    struct kn_table ref, simd;
    struct knbench b = {.ref = &ref, .simd = &simd, .filter = options->filter, .out = out};
    enum status st;
    kn_table_init(&ref, 0);
    kn_table_init(&simd, options->mask & kn_cpu_isa());
    rng_seed(&b.rng, 1, 0);
    TRY_OUT(knbench_dense(&b));
    TRY_OUT(knbench_sparse(&b));
    TRY_OUT(knbench_moves(&b));
    TRY_OUT(knbench_depthwise(&b));
    TRY_OUT(knbench_map(&b));
    if (b.rows == 0)
        st = status_fail(ST_BADARG, "no kernel matches '%s'; see packlight kernels --list", options->filter);
out:
    knbench_release(&b);
    return st;
}
