/* packlight kernels: list the kernels, prove them against the reference, time them. */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/status.h"
#include "breakeven.h"
#include "cli.h"
#include "cli_common.h"
#include "kernels/kernels.h"
#include "kncheck/knbench.h"
#include "kncheck/kncheck.h"

enum { DEFAULT_CASES = 50000, MAX_CASES = 100000000, DEFAULT_ROUNDS = 15 };

static const char help[] =
    "usage: packlight kernels [--list | --check | --bench | --break-even] [options]\n"
    "\n"
    "  --list         every kernel: its contract, what it needs, whether this CPU can run it (default)\n"
    "  --check        every kernel at every level of this CPU against the reference, on random and hostile\n"
    "                 inputs of edge sizes with guard zones; exit 5 if any is wrong\n"
    "  --bench        the check, then times beside the reference; refuses to time after a failure\n"
    "  --break-even   the check, then every sparse kernel beside dense, from 30 to 98 % zeros: from which sparsity "
    "its\n"
    "                 weights are smaller and from which it is faster; refuses to time after a failure\n"
    "  -o DIR         with --break-even: break-even.csv and pictures go there\n"
    "  --rounds N     with --break-even: 3 to 101 (default 15)\n"
    "  --filter GLOB  only contracts or kernels that match, such as 'kn_gemm_*'\n"
    "  --isa NAME     levels up to this one: ref, sse41, avx2, avxvnni, avx512vnni, native\n"
    "                 (default: $PACKLIGHT_ISA or native)\n"
    "  --seed N       repeat a check (default: random, printed)\n"
    "  --cases N      random cases in all (default 50000)\n"
    "\n"
    "examples: packlight kernels --check --seed 7 --filter 'kn_spmv_*'\n"
    "          packlight kernels --break-even --isa avx2 --filter 'kn_bsr_*' -o break-even\n";

enum action { ACTION_LIST, ACTION_CHECK, ACTION_BENCH, ACTION_BREAK_EVEN };

struct options {
    enum action action;
    struct kncheck_options check;
    const char *dir; /* of --break-even, or NULL */
    int rounds;
};

/* Different from run to run; printed, so that a failure can be repeated. */
static uint64_t random_seed(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return ((uint64_t)t.tv_nsec << 20 ^ (uint64_t)t.tv_sec ^ (uint64_t)getpid() << 40) % 1000000000U;
}

static enum status parse_seed(const char *text, uint64_t *out)
{
    char *end;
    unsigned long long value;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno)
        return status_fail(ST_BADARG, "--seed %s: expected a whole number from 0 to 2^64 - 1", text);
    *out = value;
    return ST_OK;
}

static enum status parse(int argc, char **argv, struct options *o, int *out_help)
{
    static const struct option options[] = {
        {"list", no_argument, NULL, 'l'},         {"check", no_argument, NULL, 'c'},
        {"bench", no_argument, NULL, 'b'},        {"break-even", no_argument, NULL, 'e'},
        {"output", required_argument, NULL, 'o'}, {"rounds", required_argument, NULL, 'r'},
        {"filter", required_argument, NULL, 'f'}, {"isa", required_argument, NULL, 'i'},
        {"seed", required_argument, NULL, 's'},   {"cases", required_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    const char *isa = NULL;
    long cases = DEFAULT_CASES, rounds = DEFAULT_ROUNDS;
    int letter;
    *o = (struct options){.check = {.seed = random_seed()}};
    opterr = 0;
    optind = 1;
    while ((letter = getopt_long(argc, argv, ":ho:", options, NULL)) != -1) {
        if (letter == 'l')
            o->action = ACTION_LIST;
        else if (letter == 'c')
            o->action = ACTION_CHECK;
        else if (letter == 'b')
            o->action = ACTION_BENCH;
        else if (letter == 'e')
            o->action = ACTION_BREAK_EVEN;
        else if (letter == 'o')
            o->dir = optarg;
        else if (letter == 'r')
            TRY(cli_int("--rounds", optarg, 3, KNBREAKEVEN_ROUNDS, &rounds));
        else if (letter == 'f')
            o->check.filter = optarg;
        else if (letter == 'i')
            isa = optarg;
        else if (letter == 's')
            TRY(parse_seed(optarg, &o->check.seed));
        else if (letter == 'n')
            TRY(cli_int("--cases", optarg, 1, MAX_CASES, &cases));
        else if (letter == 'h')
            *out_help = 1;
        else
            return cli_bad_option(argc, argv);
    }
    if (optind < argc)
        return status_fail(ST_BADARG, "unexpected argument '%s'; see packlight kernels --help", argv[optind]);
    if (o->dir && o->action != ACTION_BREAK_EVEN)
        return status_fail(ST_BADARG, "-o %s: only --break-even writes files", o->dir);
    o->check.cases = (int)cases;
    o->rounds = (int)rounds;
    return *out_help ? ST_OK : cli_isa(isa, &o->check.mask);
}

struct listing {
    const struct options *options;
    uint32_t cpu;
    int lines;
};

static void list_line(void *context, const char *contract, const struct kn_facts *facts)
{
    struct listing *l = context;
    const char *filter = l->options->check.filter, *here = "yes";
    if (filter && fnmatch(filter, contract, 0) != 0 && fnmatch(filter, facts->name, 0) != 0)
        return;
    if (facts->isa & ~l->cpu)
        here = "no";
    else if (facts->isa & ~l->options->check.mask)
        here = "capped";
    if (l->lines++ == 0)
        printf("%-22s %-34s %-10s %-12s %-7s %s\n", "contract", "kernel", "needs", "tile", "a_bytes", "here");
    printf("%-22s %-34s %-10s %3dx%-3dx%-4d %-7d %s\n", contract, facts->name, kn_isa_name(facts->isa), facts->mr,
           facts->nr, facts->kr, facts->a_bytes, here);
}

static enum status list(const struct options *o)
{
    struct listing l = {o, kn_cpu_isa(), 0};
    kn_roster_visit(list_line, &l);
    if (l.lines == 0)
        return status_fail(ST_BADARG, "no kernel matches '%s'", o->check.filter);
    return ST_OK;
}

/* `out`: where the check's lines go; a bench keeps stdout for its own table. */
static enum status check(const struct options *o, FILE *out, int *out_exit)
{
    struct kncheck_summary summary;
    TRY(kncheck_run(&o->check, out, &summary));
    *out_exit = summary.failed ? 5 : 0;
    return ST_OK;
}

static enum status bench(const struct options *o, int *out_exit)
{
    struct knbench_options options = {o->check.mask, o->check.filter};
    TRY(check(o, stderr, out_exit));
    if (*out_exit)
        return status_fail(ST_MISMATCH, "wrong kernels are not timed (seed %" PRIu64 ")", o->check.seed);
    return knbench_run(&options, stdout);
}

static enum status break_even(const struct options *o, int *out_exit)
{
    struct breakeven_options options = {{o->check.mask, o->check.filter, o->rounds}, o->dir};
    TRY(check(o, stderr, out_exit));
    if (*out_exit)
        return status_fail(ST_MISMATCH, "wrong kernels are not timed (seed %" PRIu64 ")", o->check.seed);
    return breakeven_run(&options, stdout);
}

enum status cli_kernels(int argc, char **argv, int *exit_code)
{
    struct options o;
    int wants_help = 0;
    *exit_code = 0;
    TRY(parse(argc, argv, &o, &wants_help));
    if (wants_help) {
        fputs(help, stdout);
        return ST_OK;
    }
    if (o.action == ACTION_LIST)
        return list(&o);
    if (o.action == ACTION_CHECK)
        return check(&o, stdout, exit_code);
    if (o.action == ACTION_BREAK_EVEN)
        return break_even(&o, exit_code);
    return bench(&o, exit_code);
}
