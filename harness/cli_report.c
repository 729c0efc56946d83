#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "cli.h"
#include "report/emit.h"
#include "report/plots.h"

static const char help[] =
    "usage: packlight report [DIR] [options]\n"
    "\n"
    "Tables and plots of a run, made from its records alone. DIR is a folder with records.jsonl; without it,\n"
    "results/latest. The comparison goes to standard output; report.md, report.csv, report.json and plots/ (SVG, PNG\n"
    "and the gnuplot scripts with their data) go into DIR.\n"
    "\n"
    "  --format NAME    terminal, md, csv or json: only that, on standard output; all (default): everything\n"
    "  -o DIR           write the files there instead (with --format NAME too)\n"
    "  --filter GLOB    only cells whose name matches, alternatives by comma: 'lenet5/*,*/simd/*'; FP32 stays as the "
    "base\n"
    "  --no-plots       tables only\n"
    "\n"
    "example:\n"
    "  packlight report results/latest --filter 'lenet5/*' -o /tmp/lenet5\n";

struct options {
    const char *dir, *format, *out, *filter;
    int plots;
};

/* COLUMNS wins, then the terminal's own width; 120 where the output is not a terminal. */
static int terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    long width = columns ? strtol(columns, NULL, 10) : 0;

    if (width <= 0 && isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    if (width <= 0)
        width = 120;
    return width < 40 ? 40 : width > 200 ? 200 : (int)width;
}

static int want_colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

static enum status parse_options(int argc, char **argv, struct options *out, int *helped)
{
    static const struct option longs[] = {
        {"format", required_argument, NULL, 'f'}, {"filter", required_argument, NULL, 'g'},
        {"no-plots", no_argument, NULL, 'n'},     {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int option;

    *out = (struct options){"results/latest", "all", NULL, NULL, 1};
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
        case 'n':
            out->plots = 0;
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
    if (strcmp(out->format, "all") != 0 && !emit_find(out->format))
        return status_fail(ST_BADARG, "--format %s: expected terminal, md, csv, json or all", out->format);
    return ST_OK;
}

static enum status print_form(const struct emitter *form, const struct report *report,
                              const struct emit_options *options)
{
    struct text text = {0};
    char *bytes = NULL;
    size_t len;
    int fine;

    form->emit(report, options, &text);
    TRY(text_take(&text, &bytes, &len));
    fine = fwrite(bytes, 1, len, stdout) == len && fflush(stdout) == 0;
    free(bytes);
    return fine ? ST_OK : status_fail(ST_IO, "standard output: %s", strerror(errno));
}

static enum status write_form(const struct emitter *form, const struct report *report,
                              const struct emit_options *options, const char *dir)
{
    struct text text = {0};
    char *bytes = NULL, name[32], path[PATH_MAX];
    size_t len;
    enum status st;

    snprintf(name, sizeof name, "report.%s", form->extension);
    TRY(file_join(path, sizeof path, dir, name));
    form->emit(report, options, &text);
    TRY(text_take(&text, &bytes, &len));
    st = file_write_atomic(path, bytes, len);
    free(bytes);
    return st;
}

static enum status write_plots(const struct plots *plots, const char *dir)
{
    char path[PATH_MAX];
    enum status st;

    TRY(file_join(path, sizeof path, dir, "plots"));
    TRY(plots_write(plots, path));
    st = plots_render(plots, path);
    if (st == ST_SKIP) {
        fprintf(stderr, "note: %s\n", status_message());
        st = ST_OK;
    }
    return st;
}

static enum status write_all(const struct options *options, const struct report *report, const struct plots *plots)
{
    const char *dir = options->out ? options->out : options->dir;
    int all = strcmp(options->format, "all") == 0;
    struct emit_options emit = {terminal_width(), 0, options->plots ? plots : NULL};

    TRY(file_make_dirs(dir));
    for (int i = 0; emit_at(i); i++)
        if (emit_at(i)->extension && (all || strcmp(emit_at(i)->name, options->format) == 0))
            TRY(write_form(emit_at(i), report, &emit, dir));
    if (all && options->plots)
        TRY(write_plots(plots, dir));
    return ST_OK;
}

enum status cli_report(int argc, char **argv, int *exit_code)
{
    enum status st = ST_OK;
    struct options options;
    struct records records = {0};
    struct report report = {0};
    struct plots plots = {0};
    int helped, all;

    TRY(parse_options(argc, argv, &options, &helped));
    if (helped)
        return ST_OK;
    all = strcmp(options.format, "all") == 0;
    TRY_OUT(records_load(options.dir, &records));
    if (records.torn > 0)
        fprintf(stderr, "note: %zu line%s of %s/records.jsonl cut off by a kill %s left out\n", records.torn,
                records.torn == 1 ? "" : "s", options.dir, records.torn == 1 ? "is" : "are");
    TRY_OUT(report_make(&records, options.filter, &report));
    if (options.plots)
        TRY_OUT(plots_make(&report, &plots));
    if (all || options.out)
        TRY_OUT(write_all(&options, &report, &plots));
    if (all || !options.out) {
        struct emit_options emit = {terminal_width(), want_colour(), options.plots ? &plots : NULL};
        TRY_OUT(print_form(all ? emit_find("terminal") : emit_find(options.format), &report, &emit));
    }
    if (all)
        fprintf(stderr, "files: %s/report.{md,csv,json}%s\n", options.out ? options.out : options.dir,
                options.plots ? ", plots/" : "");
    *exit_code = 0; /* showing a bad run is no failure */
out:
    plots_free(&plots);
    report_free(&report);
    records_free(&records);
    return st;
}
