#include "cli_common.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "kernels/kernels.h"

volatile sig_atomic_t cli_stop;

static void on_signal(int number)
{
    (void)number;
    cli_stop = 1;
}

void cli_catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND; /* the second ctrl-C has the system's own meaning */
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

enum status cli_int(const char *option, const char *text, long lo, long hi, long *out)
{
    char *end;
    long value;

    errno = 0;
    value = strtol(text, &end, 10);
    if (end == text || *end || errno || value < lo || value > hi)
        return status_fail(ST_BADARG, "%s %s: expected a whole number from %ld to %ld", option, text, lo, hi);
    *out = value;
    return ST_OK;
}

enum status cli_isa(const char *text, uint32_t *out_mask)
{
    const char *source = "--isa";
    uint32_t mask, have = kn_cpu_isa();

    if (!text) {
        text = getenv("PACKLIGHT_ISA");
        source = "PACKLIGHT_ISA";
    }
    if (!text || !*text)
        text = "native";
    if (kn_isa_parse(text, &mask) != 0)
        return status_fail(ST_BADARG, "%s %s: expected ref, sse41, avx2, avxvnni, avx512vnni or native", source, text);
    if (mask & ~have)
        return status_fail(ST_UNSUPPORTED, "%s %s: this CPU has %s only", source, text, kn_isa_name(have));
    *out_mask = mask;
    return ST_OK;
}

enum status cli_shard(const char *text, int *out_index, int *out_count)
{
    char *end;
    long index, count;

    index = strtol(text, &end, 10);
    if (end == text || *end != '/')
        return status_fail(ST_BADARG, "--shard %s: expected I/N such as 1/4", text);
    text = end + 1;
    count = strtol(text, &end, 10);
    if (end == text || *end || count < 1 || count > 4096 || index < 1 || index > count)
        return status_fail(ST_BADARG, "--shard: expected I/N with 1 <= I <= N <= 4096");
    *out_index = (int)index;
    *out_count = (int)count;
    return ST_OK;
}

void cli_warn_threads(long threads)
{
    if (threads > pool_cpus())
        fprintf(stderr, "packlight: %ld threads on %d processors will wait for each other\n", threads, pool_cpus());
}

enum status cli_bad_option(int argc, char **argv)
{
    const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
    if (optopt)
        return status_fail(ST_BADARG, "option '%s' is unknown or lacks its argument; see --help", word);
    return status_fail(ST_BADARG, "unknown option '%s'; see --help", word);
}
