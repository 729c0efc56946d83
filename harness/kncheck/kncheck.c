#include "kncheck/kncheck.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "kncheck/kncase.h"

enum { MAX_LEVELS = 32, SHOWN_FAILURES = 5 };

/* One contract: how to make a case of it, and where its slot (and so its facts) lies in a table. */
struct contract {
    const char *name;
    kncase_fn run;
    size_t slot;
};

#define CONTRACT(name)                                                                                                 \
    {                                                                                                                  \
        "kn_" #name, kncase_##name, offsetof(struct kn_table, name)                                                    \
    }
static const struct contract contracts[] = {
    CONTRACT(gemm_f32),        CONTRACT(gemm_u8s8),      CONTRACT(spmv_f32),         CONTRACT(spmv_u8s8),
    CONTRACT(spmm_f32),        CONTRACT(spmm_u8s8),      CONTRACT(maxpool_f32_nhwc), CONTRACT(maxpool_f32_chw),
    CONTRACT(maxpool_u8_nhwc), CONTRACT(maxpool_u8_chw), CONTRACT(quantize_f32_u8),  CONTRACT(range_f32),
    CONTRACT(dequant_s32_f32), CONTRACT(widen_u8_s16),   CONTRACT(clamp_f32),        CONTRACT(clamp_u8),
    CONTRACT(transpose_x32),   CONTRACT(transpose_x8),
};
enum { CONTRACTS = sizeof contracts / sizeof *contracts };

/* The different ISA requirements that occur in the rosters, the reference's apart. */
struct levels {
    uint32_t isa[MAX_LEVELS];
    int count;
};

static void collect_level(void *context, const char *contract, const struct kn_facts *facts)
{
    struct levels *levels = context;
    (void)contract;
    for (int i = 0; i < levels->count; i++) {
        if (levels->isa[i] == facts->isa)
            return;
    }
    if (facts->isa && levels->count < MAX_LEVELS)
        levels->isa[levels->count++] = facts->isa;
}

static const struct kn_facts *slot_facts(const struct kn_table *table, const struct contract *contract)
{
    return (const struct kn_facts *)(const void *)((const char *)table + contract->slot);
}

static int matches(const char *filter, const struct contract *contract, const struct kn_facts *facts)
{
    return !filter || fnmatch(filter, contract->name, 0) == 0 || fnmatch(filter, facts->name, 0) == 0;
}

/* All cases of one contract at one level; *failed counts. */
static enum status run_contract(const struct contract *contract, const struct kncheck_options *options, int cases,
                                const struct kn_table *ref, const struct kn_table *simd, FILE *out, uint64_t *failed)
{
    uint64_t number = (uint64_t)(contract - contracts) << 32;
    *failed = 0;
    for (int i = 0; i < cases; i++) {
        struct kncase c;
        enum status st;
        kncase_begin(&c, options->seed, number + (uint64_t)i, ref, simd);
        st = contract->run(&c);
        kncase_end(&c);
        if (st == ST_MISMATCH) {
            *failed += 1;
            if (out && *failed <= SHOWN_FAILURES)
                fprintf(out, "  case %d: %s\n", i, status_message());
        } else if (st != ST_OK) {
            return st;
        }
    }
    return ST_OK;
}

/* Every contract that has a kernel of its own at this level. */
static enum status run_level(uint32_t isa, const struct kncheck_options *options, FILE *out,
                             struct kncheck_summary *summary)
{
    int cases = (options->cases + CONTRACTS - 1) / CONTRACTS;
    struct kn_table ref, simd;
    kn_table_init(&ref, 0);
    kn_table_init(&simd, isa);
    for (int i = 0; i < CONTRACTS; i++) {
        const struct kn_facts *facts = slot_facts(&simd, &contracts[i]);
        uint64_t failed;
        if (facts->isa == 0 || !matches(options->filter, &contracts[i], facts))
            continue;
        TRY(run_contract(&contracts[i], options, cases, &ref, &simd, out, &failed));
        if (out)
            fprintf(out, "%-6s %-32s %6d cases, %" PRIu64 " failed\n", failed ? "FAILED" : "ok", facts->name, cases,
                    failed);
        summary->cases += (uint64_t)cases;
        summary->failed += failed;
        summary->contracts++;
    }
    return ST_OK;
}

static int any_match(const char *filter)
{
    struct kn_table ref, simd;
    kn_table_init(&ref, 0);
    kn_table_init(&simd, UINT32_MAX);
    for (int i = 0; i < CONTRACTS; i++) {
        if (matches(filter, &contracts[i], slot_facts(&ref, &contracts[i])) ||
            matches(filter, &contracts[i], slot_facts(&simd, &contracts[i])))
            return 1;
    }
    return 0;
}

enum status kncheck_run(const struct kncheck_options *options, FILE *out, struct kncheck_summary *summary)
{
    struct levels levels = {.count = 0};
    struct kncheck_summary total = {0};
    if (options->cases < 1)
        return status_fail(ST_BADARG, "%d kernel cases: expected at least 1", options->cases);
    if (!any_match(options->filter))
        return status_fail(ST_BADARG, "no kernel matches '%s'; see packlight kernels --list", options->filter);
    kn_roster_visit(collect_level, &levels);
    for (int i = 0; i < levels.count; i++) {
        if (levels.isa[i] & ~(options->mask & kn_cpu_isa())) {
            total.levels_missing++;
            continue;
        }
        total.levels++;
        TRY(run_level(levels.isa[i], options, out, &total));
    }
    if (out)
        fprintf(out,
                "%s: %d kernels at %d levels, %" PRIu64 " cases, %" PRIu64 " failed, %d levels missing, seed %" PRIu64
                "\n",
                total.failed  ? "FAILED"
                : total.cases ? "ok"
                              : "nothing to check",
                total.contracts, total.levels, total.cases, total.failed, total.levels_missing, options->seed);
    *summary = total;
    return ST_OK;
}
