#include "cli_history.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli.h"
#include "cli_common.h"
#include "history/history_add.h"
#include "history/history_rebuild.h"

static const char help[] =
    "usage: packlight history COMMAND [options]\n"
    "\n"
    "What earlier runs and comparisons said, in one SQLite file. The folders of the runs stay the truth: the file can "
    "be\n"
    "made again from them. Absolute figures are shown within one machine, compiler and instruction set only and never\n"
    "gated; ratios are those to the frozen anchor, paired in the same run.\n"
    "\n"
    "  add DIR...       take in runs and comparisons (the same one twice: nothing happens)\n"
    "  list             what is there\n"
    "  show CELL        a cell's figures by date (a pattern shows several)\n"
    "  trend            change points of the ratio to the anchor, cell by cell, and their picture\n"
    "  export           everything, as JSON Lines or CSV, on standard output or into -o FILE\n"
    "  rebuild DIR...   make the file again from all runs and comparisons at and below these folders\n"
    "  check            is the file sound?\n"
    "\n"
    "  --db FILE        the history (default results/history.db)\n"
    "  --against WORD   add: what side A of the comparison is: anchor, last-good or other; without it, anchor or\n"
    "                   last-good where the folder or side A is called so\n"
    "  --metric NAME    show, trend: latency (default), load, size_file ... as in verdicts.jsonl\n"
    "  --filter GLOB    trend: only these cells\n"
    "  --format NAME    list, show, trend: json instead of a table; export: jsonl (default) or csv\n"
    "  -o PLACE         trend: folder for trend.md, trend.json and plots/; export: the file\n"
    "  --no-plots       trend: no pictures\n"
    "\n"
    "example:\n"
    "  packlight history add results/latest && packlight history show 'lenet5/qat-s8/simd/*'\n";

enum status cli_history_print(struct text *text)
{
    char *bytes = NULL;
    size_t len;
    int fine;

    TRY(text_take(text, &bytes, &len));
    fine = fwrite(bytes, 1, len, stdout) == len && fflush(stdout) == 0;
    free(bytes);
    return fine ? ST_OK : status_fail(ST_IO, "standard output: %s", strerror(errno));
}

enum status cli_history_json(const struct history_options *options, int *out_json)
{
    *out_json = options->format && strcmp(options->format, "json") == 0;
    if (options->format && !*out_json && strcmp(options->format, "terminal") != 0)
        return status_fail(ST_BADARG, "--format %s: expected terminal or json", options->format);
    return ST_OK;
}

static enum status need_words(const struct history_options *options, const char *command, int least, int most)
{
    if (options->words < least)
        return status_fail(ST_BADARG, "%s: name %s", command,
                           strcmp(command, "show") == 0 ? "a cell such as lenet5/qat-s8/simd/t1/b1" : "a folder");
    if (options->words > most)
        return status_fail(ST_BADARG, "%s: '%s' is one word too many", command, options->word[most]);
    return ST_OK;
}

static enum status make_parent(const char *path)
{
    char dir[PATH_MAX], *slash;

    snprintf(dir, sizeof dir, "%s", path);
    slash = strrchr(dir, '/');
    if (!slash || slash == dir)
        return ST_OK;
    *slash = 0;
    return file_make_dirs(dir);
}

static void say_added(const char *dir, const struct history_added *added)
{
    static const char *const words[] = {"added", "nothing new, it is there already", "replaced, it has changed since"};
    char against[40] = "";

    if (*added->against)
        snprintf(against, sizeof against, " against %s", added->against);
    printf("%s: %s%s, %zu %s: %s (run %lld)\n", dir, added->kind, against, added->rows,
           *added->against ? "rows" : "cells", words[added->outcome], (long long)added->run);
}

static enum status add(const struct history_options *options)
{
    struct history *history = NULL;
    struct history_added added;
    enum status st = ST_OK;

    TRY(need_words(options, "add", 1, 1 << 20));
    TRY(make_parent(options->db));
    TRY(history_open(options->db, HISTORY_WRITE, &history));
    for (int i = 0; i < options->words; i++) {
        TRY_OUT(history_add(history, options->word[i], options->against, &added));
        say_added(options->word[i], &added);
    }
out:
    history_close(history);
    return st;
}

static void say_skipped(const char *message, void *user)
{
    (void)user;
    fprintf(stderr, "left out: %s\n", message);
}

static enum status rebuild(const struct history_options *options)
{
    struct history_rebuilt rebuilt;

    TRY(need_words(options, "rebuild", 1, 1 << 20));
    TRY(make_parent(options->db));
    TRY(history_rebuild(options->db, options->word, options->words, say_skipped, NULL, &rebuilt));
    printf("%s: made again from %zu folders; %zu copies of these and %zu that cannot be read left out\n", options->db,
           rebuilt.added, rebuilt.twice, rebuilt.skipped);
    return ST_OK;
}

static enum status check(const struct history_options *options)
{
    struct history *history = NULL;
    enum status st;

    TRY(need_words(options, "check", 0, 0));
    TRY(history_open(options->db, HISTORY_READ, &history));
    st = history_check(history);
    history_close(history);
    if (st == ST_OK)
        printf("%s: sound\n", options->db);
    return st;
}

static enum status parse_options(int argc, char **argv, struct history_options *out, int *helped)
{
    static const struct option longs[] = {{"db", required_argument, NULL, 'd'},
                                          {"against", required_argument, NULL, 'a'},
                                          {"metric", required_argument, NULL, 'm'},
                                          {"filter", required_argument, NULL, 'g'},
                                          {"format", required_argument, NULL, 'f'},
                                          {"output", required_argument, NULL, 'o'},
                                          {"no-plots", no_argument, NULL, 'n'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option;

    *out = (struct history_options){.db = "results/history.db", .metric = "latency", .plots = 1};
    *helped = 0;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:h", longs, NULL)) != -1) {
        switch (option) {
        case 'd':
            out->db = optarg;
            break;
        case 'a':
            out->against = optarg;
            break;
        case 'm':
            out->metric = optarg;
            break;
        case 'g':
            out->filter = optarg;
            break;
        case 'f':
            out->format = optarg;
            break;
        case 'o':
            out->out = optarg;
            break;
        case 'n':
            out->plots = 0;
            break;
        case 'h':
            *helped = 1;
            fputs(help, stdout);
            return ST_OK;
        default:
            return cli_bad_option(argc, argv);
        }
    }
    out->word = argv + optind;
    out->words = argc - optind;
    return ST_OK;
}

/* Options that a command would silently ignore are mistakes. */
static enum status check_options(const struct history_options *options, const char *command)
{
    int adds = strcmp(command, "add") == 0, shows = strcmp(command, "show") == 0,
        trends = strcmp(command, "trend") == 0;
    int lists = strcmp(command, "list") == 0, exports = strcmp(command, "export") == 0;

    if (options->against && !adds)
        return status_fail(ST_BADARG, "--against belongs to add");
    if (strcmp(options->metric, "latency") != 0 && !shows && !trends)
        return status_fail(ST_BADARG, "--metric belongs to show and trend");
    if ((options->filter || !options->plots) && !trends)
        return status_fail(ST_BADARG, "--filter and --no-plots belong to trend");
    if (options->out && !trends && !exports)
        return status_fail(ST_BADARG, "-o belongs to trend and export");
    if (options->format && !shows && !trends && !lists && !exports)
        return status_fail(ST_BADARG, "--format belongs to list, show, trend and export");
    return ST_OK;
}

enum status cli_history(int argc, char **argv, int *exit_code)
{
    static const struct {
        const char *name;
        enum status (*run)(const struct history_options *options);
        int words; /* -1: it counts them itself */
    } commands[] = {{"add", add, -1},
                    {"list", cli_history_list, 0},
                    {"show", cli_history_show, 1},
                    {"trend", cli_history_trend, 0},
                    {"export", cli_history_export, 0},
                    {"rebuild", rebuild, -1},
                    {"check", check, 0}};
    struct history_options options;
    const char *command;
    int helped;

    *exit_code = 0;
    TRY(parse_options(argc, argv, &options, &helped));
    if (helped)
        return ST_OK;
    if (options.words == 0)
        return status_fail(ST_BADARG, "expected add, list, show, trend, export, rebuild or check; see --help");
    command = options.word[0];
    options.word++;
    options.words--;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, command) != 0)
            continue;
        TRY(check_options(&options, command));
        if (commands[i].words >= 0)
            TRY(need_words(&options, command, commands[i].words, commands[i].words));
        return commands[i].run(&options);
    }
    return status_fail(ST_BADARG, "no command '%s': expected add, list, show, trend, export, rebuild or check",
                       command);
}
