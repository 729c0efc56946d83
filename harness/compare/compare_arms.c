#include "compare/compare_arms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "layouts.h"

enum status compare_build_open(const char *program, struct compare_build *out)
{
    struct compare_build build;

    memset(&build, 0, sizeof build);
    if (!realpath(program, build.program))
        return status_fail(ST_BADARG, "%s: %s; expected a packlight program", program, strerror(errno));
    if (access(build.program, X_OK) != 0)
        return status_fail(ST_BADARG, "%s: cannot be run: %s", program, strerror(errno));
    while (build.layouts < COMPARE_LAYOUTS &&
           layout_find(build.program, build.layouts + 1, build.layout[build.layouts], PATH_MAX) == ST_OK)
        build.layouts++;
    *out = build;
    return ST_OK;
}

const char *compare_role_word(enum compare_role role)
{
    static const char *const words[] = {"gated", "sentinel-aa", "sentinel-relinked", "sentinel-injected"};
    return words[role];
}

static void fill_argv(const struct compare_build *build, const struct compare_cell *cell, const char *path,
                      char text[4][32], char *argv[16])
{
    static char worker[] = "worker", isa[] = "--isa", threads[] = "--threads", batch[] = "--batch",
                kernel[] = "--kernel";
    int n = 0;

    snprintf(text[0], sizeof text[0], "%s", cell->isa);
    snprintf(text[1], sizeof text[1], "%d", cell->threads);
    snprintf(text[2], sizeof text[2], "%d", cell->batch);
    snprintf(text[3], sizeof text[3], "%s", cell->kernel);
    argv[n++] = (char *)build->program;
    argv[n++] = worker;
    argv[n++] = (char *)path;
    argv[n++] = isa;
    argv[n++] = text[0];
    argv[n++] = threads;
    argv[n++] = text[1];
    argv[n++] = batch;
    argv[n++] = text[2];
    argv[n++] = kernel;
    argv[n++] = text[3];
    argv[n] = NULL;
}

/* The build itself, then its variants. */
static int all_programs(const struct compare_build *build, const char *out[1 + COMPARE_LAYOUTS])
{
    out[0] = build->program;
    for (int i = 0; i < build->layouts; i++)
        out[1 + i] = build->layout[i];
    return 1 + build->layouts;
}

void compare_arms_fill(const struct compare_build *a, const struct compare_build *b, const struct compare_cell *cell,
                       enum compare_role role, int stage, struct compare_arms *out)
{
    const struct compare_build *build[2] = {a, role == COMPARE_CELL ? b : a};
    const struct compare_file *file[2] = {&cell->a, role == COMPARE_CELL ? &cell->b : &cell->a};
    struct duet_arm *arm[2] = {&out->a, &out->b};

    memset(out, 0, sizeof *out);
    for (int i = 0; i < 2; i++) {
        fill_argv(build[i], cell, file[i]->path, out->text[i], out->argv[i]);
        arm[i]->name = i ? "B" : "A";
        arm[i]->argv = out->argv[i];
        arm[i]->threads = cell->threads;
        arm[i]->inflate_ratio = 1;
        if (stage > 1)
            arm[i]->program_count = all_programs(build[i], out->program[i]);
    }
    if (role == COMPARE_SENTINEL_RELINKED && stage == 1 && a->layouts > 0) {
        (void)all_programs(a, out->program[1]);
        out->b.program_count = a->layouts;
        memmove(out->program[1], out->program[1] + 1, (size_t)a->layouts * sizeof *out->program[1]);
    }
    for (int i = 0; i < 2; i++)
        arm[i]->programs = arm[i]->program_count > 0 ? out->program[i] : NULL;
    if (role == COMPARE_SENTINEL_INJECTED)
        out->b.inflate_ratio = COMPARE_INJECTED_RATIO;
}
