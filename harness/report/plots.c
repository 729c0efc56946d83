#define _GNU_SOURCE /* posix_spawn_file_actions_addchdir_np */
#include "report/plots.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "report/peer_table.h"
#include "report/plot_roofline.h"
#include "report/plot_script.h"

enum { KINDS = 8, PLOTS_MAX = 400 };

static const struct {
    const char *name, *title;
} kinds[KINDS] = {
    {"pareto-latency", "Accuracy and latency"},
    {"pareto-size", "Accuracy and file size"},
    {"pareto-energy", "Accuracy and energy proxy"},
    {"ratios", "Ratios to FP32"},
    {"layers", "Time per layer"},
    {"speedup", "Speed of every cell"},
    {"energy", "Parts of the energy proxy"},
    {"meter", "Energy proxy and measured energy"},
};

/* A file name out of a model's name: only letters, digits, '.', '-' and '_' stay, and it is not yet taken. */
static void make_slug(const struct plots *plots, const char *kind, const char *model, char *slug)
{
    char safe[40];
    size_t len = 0;

    for (const char *at = model; *at && len + 1 < sizeof safe; at++) {
        int plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
                    strchr(".-_", *at);
        safe[len++] = plain ? *at : '_';
    }
    safe[len] = 0;
    snprintf(slug, PLOT_SLUG, "%s-%s", kind, safe);
    for (int number = 2; number < 1000; number++) {
        int taken = 0;
        for (size_t i = 0; i < plots->n; i++)
            taken |= strcmp(plots->plot[i].slug, slug) == 0;
        if (!taken)
            return;
        snprintf(slug, PLOT_SLUG, "%s-%s-%d", kind, safe, number);
    }
}

static void draw(const struct report *report, const struct report_model *model, int kind, const struct plot *plot,
                 struct text *out)
{
    switch (kind) {
    case 0:
        plot_pareto(report, model, PARETO_LATENCY, plot, out);
        break;
    case 1:
        plot_pareto(report, model, PARETO_SIZE, plot, out);
        break;
    case 2:
        plot_pareto(report, model, PARETO_ENERGY, plot, out);
        break;
    case 3:
        plot_ratios(report, model, plot, out);
        break;
    case 4:
        plot_layers(report, model, plot, out);
        break;
    case 5:
        plot_speedup(report, model, plot, out);
        break;
    case 6:
        plot_energy(report, model, plot, out);
        break;
    default:
        plot_meter(report, model, plot, out);
        break;
    }
}

/* A comparison with other libraries has one picture per type and none per model. */
static enum status make_rooflines(const struct report *report, struct plots *plots)
{
    static const struct {
        const char *config, *kind;
    } types[] = {{"fp32", "f32"}, {"int8", "int8"}};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct plot *plot = &plots->plot[plots->n];
        struct text script = {0};
        snprintf(plot->slug, sizeof plot->slug, "roofline-%s", types[i].config);
        snprintf(plot->title, sizeof plot->title, "Roofline, %s", types[i].config);
        plot_roofline(report, types[i].config, types[i].kind, plot, &script);
        if (script.len == 0 && !script.failed)
            continue;
        TRY(text_take(&script, &plot->script, &plot->len));
        plots->n++;
    }
    return ST_OK;
}

enum status plots_make(const struct report *report, struct plots *out)
{
    enum status st = ST_OK;
    struct plots plots = {NULL, 0};
    size_t models = peer_table_is(report) ? 0 : report->models;

    plots.plot = calloc(models * KINDS + 2, sizeof *plots.plot);
    if (!plots.plot)
        return status_fail(ST_NOMEM, "no memory for plots of %zu models", models);
    if (peer_table_is(report))
        TRY_OUT(make_rooflines(report, &plots));
    for (size_t m = 0; m < models; m++)
        for (int kind = 0; kind < KINDS && plots.n < PLOTS_MAX; kind++) {
            struct plot *plot = &plots.plot[plots.n];
            struct text script = {0};
            make_slug(&plots, kinds[kind].name, report->model[m].name, plot->slug);
            snprintf(plot->title, sizeof plot->title, "%s", kinds[kind].title);
            plot->model = report->model[m].name;
            draw(report, &report->model[m], kind, plot, &script);
            if (script.len == 0 && !script.failed)
                continue;
            TRY_OUT(text_take(&script, &plot->script, &plot->len));
            plots.n++;
        }
    *out = plots;
    plots = (struct plots){NULL, 0};
out:
    plots_free(&plots);
    return st;
}

enum status plots_load(struct plots *plots, const char *dir)
{
    for (size_t i = 0; i < plots->n; i++) {
        char name[PLOT_SLUG + 8], path[4096];
        unsigned char *bytes = NULL;
        snprintf(name, sizeof name, "%s.svg", plots->plot[i].slug);
        TRY(file_join(path, sizeof path, dir, name));
        TRY(file_read(path, 0, &bytes, &plots->plot[i].svg_len));
        free(plots->plot[i].svg);
        plots->plot[i].svg = (char *)bytes;
    }
    return ST_OK;
}

void plots_free(struct plots *plots)
{
    for (size_t i = 0; i < plots->n; i++) {
        free(plots->plot[i].script);
        free(plots->plot[i].svg);
    }
    free(plots->plot);
    *plots = (struct plots){NULL, 0};
}

enum status plots_write(const struct plots *plots, const char *dir)
{
    TRY(file_make_dirs(dir));
    for (size_t i = 0; i < plots->n; i++) {
        char name[PLOT_SLUG + 8], path[4096];
        snprintf(name, sizeof name, "%s.gp", plots->plot[i].slug);
        TRY(file_join(path, sizeof path, dir, name));
        TRY(file_write_atomic(path, plots->plot[i].script, plots->plot[i].len));
    }
    return ST_OK;
}

/* gnuplot's environment: ours without what changes pictures, and with a locale that knows UTF-8 and decimal points.
 * The texts are borrowed. NULL without memory. */
static char **make_environment(void)
{
    static char locale[] = "LC_ALL=C.UTF-8";
    static const char *const without[] = {
        "LC_ALL=", "GNUTERM=", "GNUPLOT_LIB=", "GNUPLOT_PS_DIR=", "GNUPLOT_FONTPATH=", "GDFONTPATH="};
    size_t n = 0, kept = 0;
    char **list;

    while (environ[n])
        n++;
    list = calloc(n + 2, sizeof *list);
    for (size_t i = 0; list && i < n; i++) {
        int drop = 0;
        for (size_t w = 0; w < sizeof without / sizeof *without; w++)
            drop |= strncmp(environ[i], without[w], strlen(without[w])) == 0;
        if (!drop)
            list[kept++] = environ[i];
    }
    if (list)
        list[kept] = locale;
    return list;
}

/* Starts gnuplot in dir with what it says going into `into`; the error number or 0. */
static int start_gnuplot(const char *dir, char **argv, int into, pid_t *child)
{
    posix_spawn_file_actions_t actions;
    char **environment = make_environment();
    int error = environment ? posix_spawn_file_actions_init(&actions) : ENOMEM;

    if (error == 0) {
        error = posix_spawn_file_actions_addchdir_np(&actions, dir);
        error = error ? error : posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        error = error ? error : posix_spawn_file_actions_adddup2(&actions, into, STDOUT_FILENO);
        error = error ? error : posix_spawn_file_actions_adddup2(&actions, into, STDERR_FILENO);
        error = error ? error : posix_spawnp(child, argv[0], &actions, NULL, argv, environment);
        posix_spawn_file_actions_destroy(&actions);
    }
    free(environment);
    return error;
}

/* Reads to the end; the last words stay (the error, after warnings), on one line. */
static void read_words(int from, char *said, size_t size)
{
    size_t used = 0;

    for (;;) {
        char block[512];
        ssize_t got = read(from, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++) {
            if (used + 1 == size) {
                memmove(said, said + size / 2, used - size / 2);
                used -= size / 2;
            }
            if (block[i] != '\n' || (used && said[used - 1] != ' '))
                said[used++] = block[i] == '\n' ? ' ' : block[i];
        }
    }
    said[used] = 0;
}

static enum status run_gnuplot(const char *dir, char **argv)
{
    char said[400] = "";
    int ends[2], error, code = 0;
    pid_t child;

    if (pipe(ends) != 0)
        return status_fail(ST_IO, "cannot start gnuplot: %s", strerror(errno));
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    error = start_gnuplot(dir, argv, ends[1], &child);
    close(ends[1]);
    if (error == 0) {
        read_words(ends[0], said, sizeof said);
        while (waitpid(child, &code, 0) < 0 && errno == EINTR)
            ;
    }
    close(ends[0]);
    if (error == ENOENT || error == EACCES)
        return status_fail(ST_SKIP, "gnuplot is not installed: the scripts in %s are written, the pictures are not",
                           dir);
    if (error != 0)
        return status_fail(ST_IO, "cannot start gnuplot: %s", strerror(error));
    if (WIFSIGNALED(code))
        return status_fail(ST_IO, "gnuplot failed in %s: ended by signal %d after: %s", dir, WTERMSIG(code), said);
    if (!WIFEXITED(code) || WEXITSTATUS(code) != 0)
        return status_fail(ST_IO, "gnuplot failed in %s: %s", dir, *said ? said : "no message");
    return ST_OK;
}

enum status plots_render(const struct plots *plots, const char *dir)
{
    enum status st = ST_OK;
    char(*names)[PLOT_SLUG + 4] = calloc(plots->n + 1, sizeof *names), word[] = "gnuplot", plain[] = "-d";
    char **argv = calloc(plots->n + 3, sizeof *argv);

    if (!names || !argv) {
        st = status_fail(ST_NOMEM, "no memory for %zu plots", plots->n);
        goto out;
    }
    argv[0] = word;
    argv[1] = plain;
    for (size_t i = 0; i < plots->n; i++) {
        snprintf(names[i], sizeof names[i], "%s.gp", plots->plot[i].slug);
        argv[i + 2] = names[i];
    }
    if (plots->n > 0)
        st = run_gnuplot(dir, argv);
out:
    free(names);
    free(argv);
    return st;
}
