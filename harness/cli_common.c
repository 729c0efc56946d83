#include "cli_common.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
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

enum status cli_list(const char *option, const char *text, int lo, int hi, int *out, int room, int *out_count)
{
    uint64_t value[256];
    int n;

    TRY(list_numbers(option, text, (uint64_t)lo, (uint64_t)hi, value, room < 256 ? room : 256, &n));
    for (int i = 0; i < n; i++)
        out[i] = (int)value[i];
    *out_count = n;
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

/* Into its place by height; a level that "native" and its own name both gave stays one, with all that native has. */
static enum status add_level(const char *text, const char *word, struct plan_level *level, int *levels)
{
    uint32_t mask, have = kn_cpu_isa();
    int at = *levels;

    if (kn_isa_parse(word, &mask) != 0)
        return status_fail(ST_BADARG, "--isa %s: '%s': expected sse41, avx2, avxvnni, avx512vnni or native", text,
                           word);
    if (mask == 0 && strcmp(word, "native") != 0)
        return status_fail(ST_BADARG, "--isa %s: ref goes alone; the reference kernels have cells of their own", text);
    for (int i = 0; i < *levels; i++)
        if (strcmp(level[i].name, kn_isa_name(mask)) == 0) {
            level[i].mask |= mask;
            return ST_OK;
        }
    if (*levels == PLAN_LEVELS)
        return status_fail(ST_BADARG, "--isa %s: more than %d levels", text, PLAN_LEVELS);
    for (; at > 0 && level[at - 1].mask > mask; at--)
        level[at] = level[at - 1];
    level[at] = (struct plan_level){kn_isa_name(mask), mask, (mask & ~have) != 0};
    ++*levels;
    return ST_OK;
}

/* The same word twice is a slip of the hand. */
static enum status check_twice(const char *text)
{
    char word[LIST_WORD], other[LIST_WORD];

    for (const char *a = text; list_word(&a, word);)
        for (const char *b = a; list_word(&b, other);)
            if (strcmp(word, other) == 0)
                return status_fail(ST_BADARG, "--isa %s: '%s' is given twice", text, word);
    return ST_OK;
}

enum status cli_isa_levels(const char *text, struct plan_level out[PLAN_LEVELS], int *out_levels, uint32_t *out_best)
{
    char word[LIST_WORD];

    *out_levels = 0;
    *out_best = 0;
    if (!text || !strchr(text, ',')) {
        TRY(cli_isa(text, out_best));
        out[0] = (struct plan_level){kn_isa_name(*out_best), *out_best, 0};
        *out_levels = 1;
        return ST_OK;
    }
    for (const char *at = text; list_word(&at, word);)
        TRY(add_level(text, word, out, out_levels));
    TRY(check_twice(text));
    for (int i = 0; i < *out_levels; i++)
        if (!out[i].absent)
            *out_best = out[i].mask;
    if (*out_best == 0)
        return status_fail(ST_UNSUPPORTED, "--isa %s: this CPU has %s only", text, kn_isa_name(kn_cpu_isa()));
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
