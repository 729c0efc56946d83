#include "report/tables_axes.h"

#include <inttypes.h>
#include <stdio.h>

enum { VALUES = 64 };

/* The different values of one axis, in order of appearance; more than VALUES are not told apart. */
struct values {
    int64_t number[VALUES];
    const char *word[VALUES];
    int n;
};

static void add_number(struct values *values, int64_t number)
{
    if (number == RECORD_NONE)
        return;
    for (int i = 0; i < values->n; i++)
        if (values->number[i] == number)
            return;
    if (values->n < VALUES)
        values->number[values->n++] = number;
}

static void add_word(struct values *values, const char *word)
{
    if (!word)
        return;
    for (int i = 0; i < values->n; i++)
        if (strcmp(values->word[i], word) == 0)
            return;
    if (values->n < VALUES)
        values->word[values->n++] = word;
}

static void append(char *text, size_t size, const char *part)
{
    size_t used = strlen(text);

    snprintf(text + used, size - used, ", %s", part);
}

/* "batch 8 and 32", "2, 3 and 4 threads": all values but the one that is shown already. */
static void add_others(const struct values *values, int64_t shown, const char *before, const char *behind, char *text,
                       size_t size)
{
    char part[128];
    size_t used;
    int left = values->n - 1, done = 0;

    if (left < 1)
        return;
    used = (size_t)snprintf(part, sizeof part, "%s", before);
    for (int i = 0; i < values->n && used < sizeof part; i++) {
        if (values->number[i] == shown)
            continue;
        used += (size_t)snprintf(part + used, sizeof part - used, "%s%" PRId64,
                                 done == 0          ? ""
                                 : done == left - 1 ? " and "
                                                    : ", ",
                                 values->number[i]);
        done++;
    }
    if (used < sizeof part)
        snprintf(part + used, sizeof part - used, "%s", behind);
    append(text, size, part);
}

struct tables_axes tables_axes(const struct report *report, const struct report_model *model)
{
    struct values kernel = {.n = 0}, isa = {.n = 0}, threads = {.n = 0}, batch = {.n = 0}, seed = {.n = 0};
    struct tables_axes axes = {0};
    char part[64], others[sizeof axes.others] = "";
    int all = report->all_columns;

    for (size_t i = 0; i < report->cells; i++) {
        const struct record *r = report->cell[i];
        if (strcmp(r->model, model->name) != 0)
            continue;
        add_word(&kernel, r->kernel);
        if (strcmp(r->kernel, "ref") != 0)
            add_word(&isa, r->isa);
        add_number(&threads, r->threads);
        add_number(&batch, r->batch);
        add_number(&seed, r->seed);
    }
    axes.kernel = all || kernel.n > 1;
    axes.isa = all || isa.n > 1;
    axes.threads = all || threads.n > 1;
    axes.batch = all || batch.n > 1;
    axes.seed = all || seed.n > 1;
    axes.several_points = isa.n > 1 || threads.n > 1 || seed.n > 1;
    if (!axes.kernel && kernel.n == 1)
        append(axes.same, sizeof axes.same, kernel.word[0]);
    if (!axes.isa && isa.n == 1)
        append(axes.same, sizeof axes.same, isa.word[0]);
    if (!axes.threads && threads.n == 1) {
        snprintf(part, sizeof part, "%" PRId64 " thread%s", threads.number[0], threads.number[0] == 1 ? "" : "s");
        append(axes.same, sizeof axes.same, part);
    }
    if (!axes.batch && batch.n == 1) {
        snprintf(part, sizeof part, "batch %" PRId64, batch.number[0]);
        append(axes.same, sizeof axes.same, part);
    }
    if (!axes.seed && seed.n == 1) {
        snprintf(part, sizeof part, "seed %" PRId64, seed.number[0]);
        append(axes.same, sizeof axes.same, part);
    }
    add_others(&batch, model->batch, "batch ", "", others, sizeof others);
    add_others(&threads, model->threads, "", " threads", others, sizeof others);
    snprintf(axes.others, sizeof axes.others, "%s", *others ? others + 2 : "");
    return axes;
}
