#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/terminal.h"
#include "cli.h"
#include "report/comparison_plots.h"
#include "report/comparison_view.h"
#include "report/emit.h"
#include "report/plots.h"

static const char help[] =
    "usage: packlight report [DIR] [options]\n"
    "\n"
    "Tables and plots of a run, made from its records alone. DIR is a folder with records.jsonl, or one that "
    "packlight\n"
    "compare wrote (with verdict.json); without it, results/latest. The summary goes to standard output; report.html\n"
    "(one page with everything in it), .md, .tex, .csv, .json, .jsonl and plots/ (SVG, PNG and the gnuplot scripts "
    "with\n"
    "their data) go into DIR; for a comparison also report.junit.xml, report.gab.json (for github-action-benchmark) "
    "and\n"
    "report.annotations.txt (for GitHub).\n"
    "\n"
    "  --format NAME    terminal, md, html, tex, csv, json or jsonl; comparisons: terminal, md, html, tex, csv, "
    "jsonl,\n"
    "                   junit, gab or annotations: only that, on standard output; all (default): everything\n"
    "  -o DIR           write the files there instead (with --format NAME too)\n"
    "  --color WHEN     auto (default: on a terminal, unless NO_COLOR is set or TERM is dumb), always or never\n"
    "  --filter GLOB    only cells whose name matches, alternatives by comma: 'lenet5/*,*/simd/*'; FP32 stays as the "
    "base\n"
    "  --columns all    with a table of all cells and every column of it; varying (default): what is the same in all\n"
    "                   cells is said once\n"
    "  --no-plots       tables only\n"
    "  --all            comparisons: all rows on the terminal, not only those that changed\n"
    "  --forest         comparisons: draw the intervals on the terminal\n"
    "\n"
    "example:\n"
    "  packlight report results/latest --filter 'lenet5/*' -o /tmp/lenet5\n";

enum colour { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

struct options {
    const char *dir, *format, *out, *filter;
    int plots, all_columns, all_rows, forest;
    enum colour colour;
};

/* What is shown: one of the two. */
struct shown {
    const struct report *report;
    const struct comparison_view *comparison;
};

/* 120 where the output is not a terminal. */
static int report_width(void)
{
    int width = terminal_columns(STDOUT_FILENO, 120);

    return width < 40 ? 40 : width > 200 ? 200 : width;
}

/* An option on the command line wins over the environment (no-color.org). */
static int want_colour(enum colour when)
{
    return when == COLOUR_AUTO ? terminal_colour(STDOUT_FILENO) : when == COLOUR_ALWAYS;
}

static enum status parse_colour(const char *word, enum colour *out)
{
    static const char *const words[] = {"auto", "always", "never"};

    for (int i = 0; i < 3; i++)
        if (strcmp(word, words[i]) == 0) {
            *out = (enum colour)i;
            return ST_OK;
        }
    return status_fail(ST_BADARG, "--color %s: expected auto, always or never", word);
}

static enum status parse_options(int argc, char **argv, struct options *out, int *helped)
{
    static const struct option longs[] = {{"format", required_argument, NULL, 'f'},
                                          {"filter", required_argument, NULL, 'g'},
                                          {"no-plots", no_argument, NULL, 'n'},
                                          {"all", no_argument, NULL, 'a'},
                                          {"forest", no_argument, NULL, 'F'},
                                          {"output", required_argument, NULL, 'o'},
                                          {"color", required_argument, NULL, 'c'},
                                          {"colour", required_argument, NULL, 'c'},
                                          {"columns", required_argument, NULL, 'C'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int option;

    *out = (struct options){"results/latest", "all", NULL, NULL, 1, 0, 0, 0, COLOUR_AUTO};
    *helped = 0;
    optind = 1;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":o:h", longs, NULL)) != -1) {
        switch (option) {
        case 'f':
            out->format = optarg;
            break;
        case 'g':
            out->filter = optarg;
            break;
        case 'C':
            if (strcmp(optarg, "all") != 0 && strcmp(optarg, "varying") != 0)
                return status_fail(ST_BADARG, "--columns %s: expected all or varying", optarg);
            out->all_columns = optarg[0] == 'a';
            break;
        case 'n':
            out->plots = 0;
            break;
        case 'a':
            out->all_rows = 1;
            break;
        case 'F':
            out->forest = 1;
            break;
        case 'c':
            TRY(parse_colour(optarg, &out->colour));
            break;
        case 'o':
            out->out = optarg;
            break;
        case 'h':
            *helped = 1;
            fputs(help, stdout);
            return ST_OK;
        default:
            return status_fail(ST_BADARG, "option '%s' is unknown or lacks its argument; see packlight report --help",
                               argv[optind - 1]);
        }
    }
    if (optind < argc)
        out->dir = argv[optind++];
    if (optind < argc)
        return status_fail(ST_BADARG, "'%s': one folder at a time", argv[optind]);
    return ST_OK;
}

static int has_form(const struct emitter *form, const struct shown *shown)
{
    return form && (shown->comparison ? form->emit_comparison != NULL : form->emit != NULL);
}

/* Known only once the folder tells what it holds. */
static enum status check_form(const struct options *options, const struct shown *shown)
{
    char names[256];

    if (strcmp(options->format, "all") == 0 || has_form(emit_find(options->format), shown))
        return ST_OK;
    return status_fail(ST_BADARG, "--format %s: expected one of %s or all for %s", options->format,
                       emit_names(shown->comparison != NULL, names, sizeof names),
                       shown->comparison ? "a comparison" : "a run");
}

static void emit_form(const struct emitter *form, const struct shown *shown, const struct emit_options *options,
                      struct text *out)
{
    if (shown->comparison)
        form->emit_comparison(shown->comparison, options, out);
    else
        form->emit(shown->report, options, out);
}

static enum status print_form(const struct emitter *form, const struct shown *shown, const struct emit_options *options)
{
    struct text text = {0};
    char *bytes = NULL;
    size_t len;
    int fine;

    emit_form(form, shown, options, &text);
    TRY(text_take(&text, &bytes, &len));
    fine = fwrite(bytes, 1, len, stdout) == len && fflush(stdout) == 0;
    free(bytes);
    return fine ? ST_OK : status_fail(ST_IO, "standard output: %s", strerror(errno));
}

static enum status write_form(const struct emitter *form, const struct shown *shown, const struct emit_options *options,
                              const char *dir)
{
    struct text text = {0};
    char *bytes = NULL, name[32], path[PATH_MAX];
    size_t len;
    enum status st;

    snprintf(name, sizeof name, "report.%s", form->extension);
    TRY(file_join(path, sizeof path, dir, name));
    emit_form(form, shown, options, &text);
    TRY(text_take(&text, &bytes, &len));
    st = file_write_atomic(path, bytes, len);
    free(bytes);
    return st;
}

/* Scripts and pictures into dir, and the pictures back into memory. Without gnuplot a note, and no pictures. */
static enum status draw_plots(struct plots *plots, const char *dir)
{
    enum status st;

    TRY(plots_write(plots, dir));
    st = plots_render(plots, dir);
    if (st == ST_SKIP) {
        fprintf(stderr, "note: %s\n", status_message());
        return ST_OK;
    }
    TRY(st);
    return plots_load(plots, dir);
}

/* The same in a folder that is gone afterwards, for a page that is asked for alone. */
static enum status draw_plots_aside(struct plots *plots)
{
    static const char *const kinds[] = {"gp", "svg", "png"};
    const char *base = getenv("TMPDIR");
    char dir[PATH_MAX], path[PATH_MAX], name[PLOT_SLUG + 8];
    enum status st;

    TRY(file_join(dir, sizeof dir, base && *base ? base : "/tmp", "packlight-plots-XXXXXX"));
    if (!mkdtemp(dir))
        return status_fail(ST_IO, "%s: %s", dir, strerror(errno));
    st = draw_plots(plots, dir);
    for (size_t i = 0; i < plots->n; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            snprintf(name, sizeof name, "%s.%s", plots->plot[i].slug, kinds[k]);
            if (file_join(path, sizeof path, dir, name) == ST_OK)
                unlink(path);
        }
    rmdir(dir);
    return st;
}

static enum status write_all(const struct options *options, const struct shown *shown, const struct emit_options *emit,
                             const char *dir)
{
    int all = strcmp(options->format, "all") == 0;

    for (int i = 0; emit_at(i); i++)
        if (emit_at(i)->extension && has_form(emit_at(i), shown) &&
            (all || strcmp(emit_at(i)->name, options->format) == 0))
            TRY(write_form(emit_at(i), shown, emit, dir));
    return ST_OK;
}

/* The pictures come before the pages that carry them. */
static enum status prepare_plots(const struct options *options, const char *dir, struct plots *plots)
{
    char path[PATH_MAX];

    if (strcmp(options->format, "all") == 0) {
        TRY(file_join(path, sizeof path, dir, "plots"));
        return draw_plots(plots, path);
    }
    return emit_find(options->format)->pictures ? draw_plots_aside(plots) : ST_OK;
}

static void say_files(const struct shown *shown, const char *dir, int plots)
{
    fprintf(stderr, "files: %s/report.{", dir);
    for (int i = 0, any = 0; emit_at(i); i++)
        if (emit_at(i)->extension && has_form(emit_at(i), shown))
            fprintf(stderr, "%s%s", any++ ? "," : "", emit_at(i)->extension);
    fprintf(stderr, "}%s\n", plots ? ", plots/" : "");
}

/* Files and terminal, for either kind. plots: scripts made, not drawn yet. */
static enum status show(const struct options *options, const struct shown *shown, struct plots *plots)
{
    const char *dir = options->out ? options->out : options->dir;
    int all = strcmp(options->format, "all") == 0;
    struct emit_options emit = {report_width(), 0, options->plots ? plots : NULL};

    if (all || options->out)
        TRY(file_make_dirs(dir));
    if (options->plots)
        TRY(prepare_plots(options, dir, plots));
    if (all || options->out)
        TRY(write_all(options, shown, &emit, dir));
    emit.colour = want_colour(options->colour);
    if (all || !options->out)
        TRY(print_form(all ? emit_find("terminal") : emit_find(options->format), shown, &emit));
    if (all)
        say_files(shown, dir, options->plots);
    return ST_OK;
}

static enum status show_comparison(const struct options *options)
{
    enum status st;
    struct comparison comparison;
    struct comparison_view view = {0};
    struct plots plots = {0};
    struct shown shown = {NULL, &view};

    comparison_init(&comparison);
    TRY_OUT(check_form(options, &shown));
    TRY_OUT(comparison_load(options->dir, &comparison));
    TRY_OUT(comparison_view_make(&comparison, options->filter, &view));
    view.all = options->all_rows;
    view.forest = options->forest;
    if (options->plots)
        TRY_OUT(comparison_plots_make(&view, &plots));
    TRY_OUT(show(options, &shown, &plots));
out:
    plots_free(&plots);
    comparison_view_free(&view);
    comparison_free(&comparison);
    return st;
}

static enum status show_run(const struct options *options)
{
    enum status st;
    struct records records = {0};
    struct report report = {0};
    struct plots plots = {0};
    struct shown shown = {&report, NULL};

    TRY_OUT(check_form(options, &shown));
    TRY_OUT(records_load(options->dir, &records));
    if (records.torn > 0)
        fprintf(stderr, "note: %zu line%s of %s/records.jsonl cut off by a kill %s left out\n", records.torn,
                records.torn == 1 ? "" : "s", options->dir, records.torn == 1 ? "is" : "are");
    TRY_OUT(report_make(&records, options->filter, &report));
    report.all_columns = options->all_columns;
    if (options->plots)
        TRY_OUT(plots_make(&report, &plots));
    TRY_OUT(show(options, &shown, &plots));
out:
    plots_free(&plots);
    report_free(&report);
    records_free(&records);
    return st;
}

enum status cli_report(int argc, char **argv, int *exit_code)
{
    struct options options;
    int helped;

    TRY(parse_options(argc, argv, &options, &helped));
    if (helped)
        return ST_OK;
    TRY(comparison_is(options.dir) ? show_comparison(&options) : show_run(&options));
    *exit_code = 0; /* showing a bad run is no failure */
    return ST_OK;
}
