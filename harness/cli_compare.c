/* packlight compare: is B slower, larger or less accurate than A? */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli.h"
#include "cli_common.h"
#include "compare/compare_attempts.h"
#include "compare/compare_judge.h"
#include "compare/compare_paired.h"
#include "compare/compare_runs.h"
#include "kernels/kernels.h"
#include "layouts.h"
#include "rundir.h"

static const char help[] =
    "usage: packlight compare A B [options]\n"
    "       packlight compare DIR                        verdicts and report of a finished comparison again\n"
    "\n"
    "Says whether B is slower, larger or less accurate than A, how much, and how sure that is. A and B are\n"
    "  two programs     builds of packlight, run side by side on the packed models of --run DIR\n"
    "  two .plk files   packed models, run side by side by this program\n"
    "  two recipes      with --recipes: their packed models in --run DIR\n"
    "  two folders      bench runs: size, energy, accuracy and outputs exactly; times are shown, not judged\n"
    "Side by side means fresh process pairs on one CPU, alternating, twice where something looks different, with\n"
    "sentinels that try the ruler itself: A against A, against A relinked, and against A made 3 % slower.\n"
    "\n"
    "  -o DIR             where to write (default: a new folder under results, results/latest-compare points at it)\n"
    "  --run DIR          bench run whose packed models are used (default: results/latest)\n"
    "  --recipes          A and B are names of recipes\n"
    "  --filter GLOB      only cells whose id matches, alternatives by comma\n"
    "  --kernels LIST     simd, ref or simd,ref (default: simd)\n"
    "  --isa LEVEL        of two files; with --run: leaves out cells of higher levels (default: native)\n"
    "  --threads N        of two files (default: 1)\n"
    "  --batch N          of two files (default: 1)\n"
    "  --program FILE     build that runs files and recipes (default: this one)\n"
    "  --gate PERCENT     smallest change that counts as a regression (default: 2)\n"
    "  --pairs N          fresh process pairs per cell and stage (default: 20)\n"
    "  --rounds N         of each pair (default: 15)\n"
    "  --seed N           of orders and layouts (default: 1)\n"
    "  --budget MINUTES   of the first sweep: noisy cells get more pairs only within it (default: 15)\n"
    "  --wait SECONDS     for a quiet machine before giving up (default: 30)\n"
    "  --no-wait          measure at once and to the end, however busy the machine is; the verdict will say so\n"
    "  --data DIR         test images of two files or recipes (default: Fashion-MNIST where the model takes it)\n"
    "  --no-accuracy      leave the test images out\n"
    "  --process          whole-process times by hyperfine, too\n"
    "  --instructions     of one inference by callgrind, too\n"
    "  --size-tolerance PERCENT   more bytes or energy that is no regression, of two folders (default: 0.1)\n"
    "  --accuracy-tolerance PP    loss in points that is no regression, of two folders (default: 0.5)\n"
    "  --resume           go on with the comparison in -o DIR\n"
    "  --again            a third and later try at the same comparison (repeating until green proves nothing)\n"
    "  --label-a NAME     what A is called in reports (default: its commit or file name)\n"
    "  --label-b NAME     the same for B\n"
    "  --no-report        verdicts only\n"
    "  --inject PERCENT   make B slower by exactly this much, to try the ruler and not the code\n"
    "  --blind            judge identical code as if it differed, for the same purpose\n"
    "\n"
    "example: packlight compare ../base/packlight ./packlight --run results/latest --filter 'lenet5/*'\n"
    "exit code: 0 no regression, 1 regressed, 2 usage, input or tool error, 3 inconclusive, 4 the machine or the\n"
    "sentinels refuse, 5 an output is wrong\n";

enum {
    OPT_RUN = 256,
    OPT_RECIPES,
    OPT_FILTER,
    OPT_KERNELS,
    OPT_ISA,
    OPT_THREADS,
    OPT_BATCH,
    OPT_PROGRAM,
    OPT_GATE,
    OPT_PAIRS,
    OPT_ROUNDS,
    OPT_SEED,
    OPT_BUDGET,
    OPT_WAIT,
    OPT_PROCESS,
    OPT_INSTRUCTIONS,
    OPT_SIZE,
    OPT_ACCURACY,
    OPT_RESUME,
    OPT_AGAIN,
    OPT_NO_REPORT,
    OPT_NO_WAIT,
    OPT_LABEL_A,
    OPT_LABEL_B,
    OPT_INJECT,
    OPT_DATA,
    OPT_NO_ACCURACY,
    OPT_BLIND
};

static const struct option long_options[] = {
    {"run", required_argument, NULL, OPT_RUN},
    {"recipes", no_argument, NULL, OPT_RECIPES},
    {"filter", required_argument, NULL, OPT_FILTER},
    {"kernels", required_argument, NULL, OPT_KERNELS},
    {"isa", required_argument, NULL, OPT_ISA},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"batch", required_argument, NULL, OPT_BATCH},
    {"program", required_argument, NULL, OPT_PROGRAM},
    {"gate", required_argument, NULL, OPT_GATE},
    {"pairs", required_argument, NULL, OPT_PAIRS},
    {"rounds", required_argument, NULL, OPT_ROUNDS},
    {"seed", required_argument, NULL, OPT_SEED},
    {"budget", required_argument, NULL, OPT_BUDGET},
    {"wait", required_argument, NULL, OPT_WAIT},
    {"process", no_argument, NULL, OPT_PROCESS},
    {"instructions", no_argument, NULL, OPT_INSTRUCTIONS},
    {"size-tolerance", required_argument, NULL, OPT_SIZE},
    {"accuracy-tolerance", required_argument, NULL, OPT_ACCURACY},
    {"resume", no_argument, NULL, OPT_RESUME},
    {"again", no_argument, NULL, OPT_AGAIN},
    {"no-report", no_argument, NULL, OPT_NO_REPORT},
    {"no-wait", no_argument, NULL, OPT_NO_WAIT},
    {"label-a", required_argument, NULL, OPT_LABEL_A},
    {"label-b", required_argument, NULL, OPT_LABEL_B},
    {"inject", required_argument, NULL, OPT_INJECT},
    {"data", required_argument, NULL, OPT_DATA},
    {"no-accuracy", no_argument, NULL, OPT_NO_ACCURACY},
    {"blind", no_argument, NULL, OPT_BLIND},
    {"output", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct words {
    struct compare_options options;
    struct compare_runs_options runs;
    const char *out, *run, *isa, *program;
    struct compare_pick pick;
    int threads, batch;
    int recipes, again, no_report;
};

static enum status real_option(const char *option, const char *text, double lo, double hi, double *out)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end || !(value >= lo && value <= hi))
        return status_fail(ST_BADARG, "%s %s: expected a number from %g to %g", option, text, lo, hi);
    *out = value;
    return ST_OK;
}

static enum status int_option(const char *option, long lo, long hi, int *out)
{
    long value;

    TRY(cli_int(option, optarg, lo, hi, &value));
    *out = (int)value;
    return ST_OK;
}

static enum status read_number(int option, struct words *w)
{
    double value = 0;
    long seed;

    switch (option) {
    case OPT_THREADS:
        return int_option("--threads", 1, 64, &w->threads);
    case OPT_BATCH:
        return int_option("--batch", 1, 4096, &w->batch);
    case OPT_PAIRS:
        return int_option("--pairs", 13, DUET_MAX_PAIRS, &w->options.pairs);
    case OPT_ROUNDS:
        return int_option("--rounds", 1, DUET_MAX_ROUNDS, &w->options.rounds);
    case OPT_SEED:
        TRY(cli_int("--seed", optarg, 0, 2000000000, &seed));
        w->options.seed = (uint64_t)seed;
        return ST_OK;
    case OPT_GATE:
        TRY(real_option("--gate", optarg, 0.1, 1000, &value));
        w->options.gate_ratio = value / 100;
        return ST_OK;
    case OPT_BUDGET:
        TRY(real_option("--budget", optarg, 0, 1e5, &value));
        w->options.budget_s = 60 * value;
        return ST_OK;
    case OPT_WAIT:
        return real_option("--wait", optarg, 0, 1e6, &w->options.wait_s);
    case OPT_INJECT:
        TRY(real_option("--inject", optarg, 0, 1000, &value));
        w->options.inject_ratio = 1 + value / 100;
        return ST_OK;
    case OPT_SIZE:
        TRY(real_option("--size-tolerance", optarg, 0, 1000, &value));
        w->runs.size_ratio = value / 100;
        return ST_OK;
    case OPT_ACCURACY:
        return real_option("--accuracy-tolerance", optarg, 0, 100, &w->runs.accuracy_pp);
    default:
        return status_fail(ST_BADARG, "unknown option");
    }
}

static enum status read_label(const char *option, char *out, size_t size)
{
    if (strlen(optarg) == 0 || strlen(optarg) >= size)
        return status_fail(ST_BADARG, "%s: expected 1 to %zu characters", option, size - 1);
    snprintf(out, size, "%s", optarg);
    return ST_OK;
}

static enum status read_option(int option, struct words *w)
{
    switch (option) {
    case 'o':
        w->out = optarg;
        return ST_OK;
    case OPT_RUN:
        w->run = optarg;
        return ST_OK;
    case OPT_RECIPES:
        w->recipes = 1;
        return ST_OK;
    case OPT_FILTER:
        w->pick.filter = w->runs.filter = optarg;
        return ST_OK;
    case OPT_KERNELS:
        w->pick.kernels = optarg;
        return ST_OK;
    case OPT_ISA:
        w->isa = optarg;
        return ST_OK;
    case OPT_PROGRAM:
        w->program = optarg;
        return ST_OK;
    case OPT_PROCESS:
        w->options.process = 1;
        return ST_OK;
    case OPT_INSTRUCTIONS:
        w->options.instructions = 1;
        return ST_OK;
    case OPT_RESUME:
        w->options.resume = 1;
        return ST_OK;
    case OPT_AGAIN:
        w->again = 1;
        return ST_OK;
    case OPT_DATA:
        w->options.data_dir = optarg;
        return ST_OK;
    case OPT_NO_ACCURACY:
        w->options.no_accuracy = 1;
        return ST_OK;
    case OPT_NO_WAIT:
        w->options.wait_s = -1;
        return ST_OK;
    case OPT_LABEL_A:
        return read_label("--label-a", w->options.label_a, sizeof w->options.label_a);
    case OPT_LABEL_B:
        return read_label("--label-b", w->options.label_b, sizeof w->options.label_b);
    case OPT_BLIND:
        w->options.blind = 1;
        return ST_OK;
    case OPT_NO_REPORT:
        w->no_report = 1;
        return ST_OK;
    default:
        return read_number(option, w);
    }
}

enum kind { KIND_FOLDER, KIND_MODEL, KIND_PROGRAM };

static enum status kind_of(const char *path, enum kind *out)
{
    struct stat info;
    char magic[4] = "";
    FILE *file;

    if (stat(path, &info) != 0)
        return status_fail(ST_BADARG, "%s: no such file or folder; recipes are compared with --recipes", path);
    if (S_ISDIR(info.st_mode)) {
        *out = KIND_FOLDER;
        return ST_OK;
    }
    file = fopen(path, "re");
    if (!file)
        return status_fail(ST_IO, "%s: cannot be read", path);
    if (fread(magic, 1, sizeof magic, file) != sizeof magic)
        magic[0] = 0;
    fclose(file);
    if (memcmp(magic, "\177ELF", 4) == 0 || (memcmp(magic, "#!", 2) == 0 && (info.st_mode & 0111)))
        *out = KIND_PROGRAM;
    else
        *out = KIND_MODEL; /* whether it really is one, its reader says */
    return ST_OK;
}

static enum status choose_dir(struct words *w)
{
    TRY(rundir_name(w->out, w->options.resume, "results/latest-compare", w->options.dir));
    if (!w->out && !w->options.resume)
        strncat(w->options.dir, "-compare", sizeof w->options.dir - strlen(w->options.dir) - 1);
    return ST_OK;
}

static enum status show(const struct words *w, const struct comparison *comparison, const char *dir, int *exit_code)
{
    char report[] = "report", path[PATH_MAX];
    char *argv[] = {report, path, NULL};
    int shown = 0;

    TRY(comparison_save(comparison, dir));
    if (!w->out && !w->options.resume && strrchr(dir, '/') && strncmp(dir, "results/", 8) == 0)
        TRY(file_point_link(strrchr(dir, '/') + 1, "results/latest-compare"));
    *exit_code = comparison->head.exit_code;
    snprintf(path, sizeof path, "%s", dir);
    if (w->no_report)
        printf("%s: %s\n", comparison->head.verdict, comparison->head.reason);
    return w->no_report ? ST_OK : cli_report(2, argv, &shown);
}

static enum status compare_folders(struct words *w, const char *a, const char *b, int *exit_code)
{
    struct comparison comparison;
    char env[PATH_MAX];
    cJSON *run;
    enum status st;

    TRY(compare_runs(a, b, &w->runs, &comparison));
    TRY_OUT(choose_dir(w));
    TRY_OUT(file_make_dirs(w->options.dir));
    TRY_OUT(file_join(env, sizeof env, w->options.dir, "env.json"));
    run = cJSON_CreateObject();
    if (!run) {
        st = status_fail(ST_NOMEM, "no memory for env.json");
        goto out;
    }
    cJSON_AddStringToObject(run, "kind", "comparison");
    cJSON_AddStringToObject(run, "mode", "runs");
    cJSON_AddStringToObject(run, "name_a", a);
    cJSON_AddStringToObject(run, "name_b", b);
    TRY_OUT(rundir_write_env(env, w->options.argc, w->options.argv, run));
    st = show(w, &comparison, w->options.dir, exit_code);
out:
    comparison_free(&comparison);
    return st;
}

static enum status judge_again(const struct words *w, const char *dir, int *exit_code)
{
    struct comparison comparison;
    enum status st;

    TRY(compare_judge_exists(dir) ? compare_judge(dir, &comparison) : comparison_load(dir, &comparison));
    st = show(w, &comparison, dir, exit_code);
    comparison_free(&comparison);
    return st;
}

/* Quoted for a shell where it has to be. */
static void add_word(char *out, size_t size, const char *word)
{
    int plain = word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+-=:,@%")] == 0;
    size_t len = strlen(out);

    if (strchr(word, '\''))
        plain = 1; /* left to the reader: names with apostrophes are none of ours */
    snprintf(out + len, size - len, plain && *word ? " %s" : " '%s'", word);
}

static void make_again(const struct words *w, char *out, size_t size)
{
    char number[64];

    snprintf(out, size, "packlight compare");
    add_word(out, size, w->options.name_a);
    add_word(out, size, w->options.name_b);
    if (w->recipes)
        add_word(out, size, "--recipes");
    if (strcmp(w->options.kind, "models") != 0) {
        add_word(out, size, "--run");
        add_word(out, size, w->run);
    } else {
        snprintf(number, sizeof number, " --threads %d --batch %d", w->threads, w->batch);
        strncat(out, number, size - strlen(out) - 1);
    }
    if (w->isa) {
        add_word(out, size, "--isa");
        add_word(out, size, w->isa);
    }
    if (w->program) {
        add_word(out, size, "--program");
        add_word(out, size, w->program);
    }
}

static enum status compare_sides(struct words *w, int *exit_code)
{
    struct compare_options *o = &w->options;
    struct comparison comparison;
    enum status st;

    TRY(choose_dir(w));
    make_again(w, o->again, sizeof o->again);
    if (o->a.layouts == 0)
        return status_fail(ST_BADARG,
                           "%s: no relinked variant packlight-layout1 beside it: without one nobody knows what code "
                           "layout alone does; 'make all' and 'make install' make them",
                           o->a.program);
    if (strcmp(o->kind, "builds") == 0 && (o->a.layouts < COMPARE_LAYOUTS || o->b.layouts < COMPARE_LAYOUTS))
        fprintf(
            stderr,
            "note: %d and %d relinked variants beside the builds, %d would tell layout from code best: make layouts\n",
            o->a.layouts, o->b.layouts, COMPARE_LAYOUTS);
    if (!o->resume)
        TRY(compare_attempts_count(o, w->again, &o->attempt));
    st = compare_measure(o);
    if (st == ST_INTERRUPTED)
        return status_fail(st, "interrupted; what is finished is kept, go on with the same command, --resume -o %s",
                           o->dir);
    TRY(st);
    TRY(compare_judge(o->dir, &comparison));
    st = compare_attempts_note(o, comparison.head.verdict);
    if (st == ST_OK)
        st = show(w, &comparison, o->dir, exit_code);
    comparison_free(&comparison);
    return st;
}

static enum status open_sides(struct words *w, const char *a, const char *b)
{
    struct compare_options *o = &w->options;
    char program[PATH_MAX];
    const char *one = w->program;
    enum kind kind_a = KIND_MODEL, kind_b = KIND_MODEL;
    uint32_t isa;

    TRY(cli_isa(w->isa, &isa));
    w->pick.isa = isa;
    if (!w->recipes) {
        TRY(kind_of(a, &kind_a));
        TRY(kind_of(b, &kind_b));
        if (kind_a != kind_b)
            return status_fail(ST_BADARG, "%s and %s are not of one kind: two programs, two .plk files or two folders",
                               a, b);
    }
    if (kind_a == KIND_PROGRAM) {
        snprintf(o->kind, sizeof o->kind, "builds");
        TRY(compare_build_open(a, &o->a));
        TRY(compare_build_open(b, &o->b));
        return compare_cells_from_run(w->run, &w->pick, &o->cells);
    }
    if (!one) {
        TRY(layout_self(program, sizeof program));
        one = program;
    }
    TRY(compare_build_open(one, &o->a));
    o->b = o->a;
    snprintf(o->kind, sizeof o->kind, w->recipes ? "recipes" : "models");
    if (w->recipes) {
        w->pick.recipe_a = a;
        w->pick.recipe_b = b;
        return compare_cells_from_run(w->run, &w->pick, &o->cells);
    }
    return compare_cells_from_files(a, b, kn_isa_name(isa), &w->threads, 1, &w->batch, 1, &o->cells);
}

static int is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

enum status cli_compare(int argc, char **argv, int *exit_code)
{
    struct words *w;
    enum status st = ST_OK;
    int option;

    w = calloc(1, sizeof *w);
    if (!w)
        return status_fail(ST_NOMEM, "no memory");
    *w = (struct words){.run = "results/latest", .threads = 1, .batch = 1};
    w->options = compare_defaults();
    w->runs = compare_runs_defaults();
    w->options.argc = argc;
    w->options.argv = argv;
    w->options.stop = &cli_stop;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1) {
        if (option == 'h') {
            fputs(help, stdout);
            goto out;
        }
        if (option == '?')
            TRY_OUT(cli_bad_option(argc, argv));
        TRY_OUT(read_option(option, w));
    }
    if (argc - optind == 1 && is_folder(argv[optind])) {
        st = judge_again(w, argv[optind], exit_code);
        goto out;
    }
    if (argc - optind != 2)
        TRY_OUT(status_fail(ST_BADARG, "expected two things to compare, or the folder of a comparison; see --help"));
    snprintf(w->options.name_a, sizeof w->options.name_a, "%s", argv[optind]);
    snprintf(w->options.name_b, sizeof w->options.name_b, "%s", argv[optind + 1]);
    cli_catch_signals();
    if (!w->recipes && is_folder(argv[optind]) && is_folder(argv[optind + 1])) {
        st = compare_folders(w, argv[optind], argv[optind + 1], exit_code);
        goto out;
    }
    TRY_OUT(open_sides(w, argv[optind], argv[optind + 1]));
    st = compare_sides(w, exit_code);
out:
    compare_cells_free(&w->options.cells);
    free(w);
    return st;
}
