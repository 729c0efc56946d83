#include "report/plots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "report/plot_script.h"

enum { KINDS = 5, PLOTS_MAX = 400 };

static const struct {
    const char *name, *title;
} kinds[KINDS] = {
    {"pareto-latency", "Accuracy and latency"},
    {"pareto-size", "Accuracy and file size"},
    {"ratios", "Ratios to FP32"},
    {"layers", "Time per layer"},
    {"speedup", "Speed of every cell"},
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
        plot_ratios(report, model, plot, out);
        break;
    case 3:
        plot_layers(report, model, plot, out);
        break;
    default:
        plot_speedup(report, model, plot, out);
        break;
    }
}

enum status plots_make(const struct report *report, struct plots *out)
{
    enum status st = ST_OK;
    struct plots plots = {NULL, 0};

    plots.plot = calloc(report->models * KINDS + 1, sizeof *plots.plot);
    if (!plots.plot)
        return status_fail(ST_NOMEM, "no memory for plots of %zu models", report->models);
    for (size_t m = 0; m < report->models; m++)
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

void plots_free(struct plots *plots)
{
    for (size_t i = 0; i < plots->n; i++)
        free(plots->plot[i].script);
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

/* In the child: nothing but the scripts decides what comes out. Exit 127: no such program. */
static void run_gnuplot(const char *dir, char **argv, int report_to)
{
    int null = open("/dev/null", O_RDONLY);

    if (chdir(dir) != 0)
        _exit(126);
    dup2(null, STDIN_FILENO);
    dup2(report_to, STDOUT_FILENO);
    dup2(report_to, STDERR_FILENO);
    setenv("LC_ALL", "C.UTF-8", 1);
    unsetenv("GNUTERM");
    unsetenv("GNUPLOT_LIB");
    execvp(argv[0], argv);
    _exit(errno == ENOENT || errno == EACCES ? 127 : 126);
}

enum status plots_render(const struct plots *plots, const char *dir)
{
    enum status st = ST_OK;
    char(*names)[PLOT_SLUG + 4] = calloc(plots->n + 1, sizeof *names), said[512] = "", word[] = "gnuplot",
                             plain[] = "-d";
    char **argv = calloc(plots->n + 3, sizeof *argv);
    size_t used = 0;
    int ends[2] = {-1, -1}, code = 0;
    pid_t child;

    if (plots->n == 0)
        goto out;
    if (!names || !argv || pipe(ends) != 0) {
        st = status_fail(ST_NOMEM, "cannot start gnuplot: %s", strerror(errno));
        goto out;
    }
    argv[0] = word;
    argv[1] = plain;
    for (size_t i = 0; i < plots->n; i++) {
        snprintf(names[i], sizeof names[i], "%s.gp", plots->plot[i].slug);
        argv[i + 2] = names[i];
    }
    child = fork();
    if (child == 0)
        run_gnuplot(dir, argv, ends[1]);
    close(ends[1]);
    ends[1] = -1;
    if (child < 0) {
        st = status_fail(ST_IO, "cannot start gnuplot: %s", strerror(errno));
        goto out;
    }
    for (;;) {
        char block[512];
        ssize_t got = read(ends[0], block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        if (used + 1 < sizeof said) {
            size_t take = (size_t)got < sizeof said - 1 - used ? (size_t)got : sizeof said - 1 - used;
            memcpy(said + used, block, take);
            used += take;
            said[used] = 0;
        }
    }
    while (waitpid(child, &code, 0) < 0 && errno == EINTR)
        ;
    for (char *at = said; *at; at++)
        if (*at == '\n')
            *at = ' ';
    if (WIFEXITED(code) && WEXITSTATUS(code) == 127)
        st = status_fail(ST_SKIP, "gnuplot is not installed: the scripts in %s are written, the pictures are not", dir);
    else if (!WIFEXITED(code) || WEXITSTATUS(code) != 0)
        st = status_fail(ST_IO, "gnuplot failed in %s: %.400s", dir, *said ? said : "no message");
out:
    if (ends[0] >= 0)
        close(ends[0]);
    if (ends[1] >= 0)
        close(ends[1]);
    free(names);
    free(argv);
    return st;
}
