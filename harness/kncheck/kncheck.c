#include "kncheck/kncheck.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "kncheck/kncase.h"

enum { MAX_LEVELS = 32, MAX_LINES = 256, SHOWN_FAILURES = 5 };

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
    CONTRACT(gemm_f32),        CONTRACT(gemm_u8s8),        CONTRACT(spmv_f32),         CONTRACT(spmv_u8s8),
    CONTRACT(spmm_f32),        CONTRACT(spmm_u8s8),        CONTRACT(maxpool_f32_nhwc), CONTRACT(maxpool_f32_chw),
    CONTRACT(maxpool_u8_nhwc), CONTRACT(maxpool_u8_chw),   CONTRACT(quantize_f32_u8),  CONTRACT(range_f32),
    CONTRACT(dequant_s32_f32), CONTRACT(widen_u8_s16),     CONTRACT(clamp_f32),        CONTRACT(clamp_u8),
    CONTRACT(transpose_x32),   CONTRACT(transpose_x8),     CONTRACT(add_f32),          CONTRACT(mul_f32),
    CONTRACT(add_u8),          CONTRACT(mul_u8),           CONTRACT(lut_u8),           CONTRACT(dequant_u8_f32),
    CONTRACT(hardswish_f32),   CONTRACT(sigmoid_f32),      CONTRACT(gelu_f32),         CONTRACT(softmax_f32),
    CONTRACT(layernorm_f32),   CONTRACT(avgpool_f32_nhwc), CONTRACT(avgpool_u8_nhwc),  CONTRACT(depthwise_f32),
    CONTRACT(depthwise_u8s8),  CONTRACT(sprows_u8s8),      CONTRACT(bsr_f32_16x1),     CONTRACT(bsr_f32_8x1),
    CONTRACT(bsr_f32_4x1),     CONTRACT(bsr_f32_1x4),      CONTRACT(gemm_u7s8),        CONTRACT(gemm_u8s4),
};
enum { CONTRACTS = sizeof contracts / sizeof *contracts };

/* What the rosters hold: their lines, and the different ISA requirements that occur, the reference's apart. */
struct rosters {
    struct line {
        const struct contract *contract;
        const struct kn_facts *facts;
    } line[MAX_LINES];
    int lines;
    uint32_t level[MAX_LEVELS];
    int levels;
};

static void collect_level(struct rosters *rosters, uint32_t isa)
{
    for (int i = 0; i < rosters->levels; i++) {
        if (rosters->level[i] == isa)
            return;
    }
    if (isa && rosters->levels < MAX_LEVELS)
        rosters->level[rosters->levels++] = isa;
}

static void collect_line(void *context, const char *name, const struct kn_facts *facts)
{
    struct rosters *rosters = context;
    const struct contract *contract = contracts;
    while (strcmp(contract->name, name) != 0)
        contract++;
    if (rosters->lines < MAX_LINES)
        rosters->line[rosters->lines++] = (struct line){contract, facts};
    collect_level(rosters, facts->isa);
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

/* One kernel, in a table of the lowest level that has it; also one that a later line of its level supersedes. */
static enum status run_line(const struct line *line, const struct kncheck_options *options, FILE *out,
                            struct kncheck_summary *summary)
{
    int cases = (options->cases + CONTRACTS - 1) / CONTRACTS;
    const char *name = line->facts->name;
    struct kn_table ref, simd;
    uint64_t failed;
    kn_table_init(&ref, 0);
    kn_table_init(&simd, line->facts->isa);
    if (kn_table_select(&simd, name) != 0)
        return status_fail(ST_BADARG, "no roster holds %s", name);
    TRY(run_contract(line->contract, options, cases, &ref, &simd, out, &failed));
    if (out)
        fprintf(out, "%-6s %-34s %6d cases, %" PRIu64 " failed\n", failed ? "FAILED" : "ok", name, cases, failed);
    summary->cases += (uint64_t)cases;
    summary->failed += failed;
    summary->kernels++;
    return ST_OK;
}

static int any_match(const struct rosters *rosters, const char *filter)
{
    for (int i = 0; i < rosters->lines; i++) {
        if (matches(filter, rosters->line[i].contract, rosters->line[i].facts))
            return 1;
    }
    return 0;
}

enum status kncheck_run(const struct kncheck_options *options, FILE *out, struct kncheck_summary *summary)
{
    struct rosters rosters = {.lines = 0};
    struct kncheck_summary total = {0};
    if (options->cases < 1)
        return status_fail(ST_BADARG, "%d kernel cases: expected at least 1", options->cases);
    kn_roster_visit(collect_line, &rosters);
    if (!any_match(&rosters, options->filter))
        return status_fail(ST_BADARG, "no kernel matches '%s'; see packlight kernels --list", options->filter);
    for (int i = 0; i < rosters.levels; i++) {
        if (rosters.level[i] & ~(options->mask & kn_cpu_isa())) {
            total.levels_missing++;
            continue;
        }
        total.levels++;
        for (int j = 0; j < rosters.lines; j++) {
            const struct line *line = &rosters.line[j];
            if (line->facts->isa == rosters.level[i] && matches(options->filter, line->contract, line->facts))
                TRY(run_line(line, options, out, &total));
        }
    }
    if (out)
        fprintf(out,
                "%s: %d kernels at %d levels, %" PRIu64 " cases, %" PRIu64 " failed, %d levels missing, seed %" PRIu64
                "\n",
                total.failed  ? "FAILED"
                : total.cases ? "ok"
                              : "nothing to check",
                total.kernels, total.levels, total.cases, total.failed, total.levels_missing, options->seed);
    *summary = total;
    return ST_OK;
}
