#include "compare/compare_extra.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "io/plk.h"
#include "infer.h"
#include "measure/accuracy.h"
#include "measure/process.h"
#include "report/text.h"
#include "run_command.h"

enum { PROCESS_ROUNDS = 10, PROCESS_RUNS = 3, INPUT_MAX = 1 << 26 };
static const char extra_name[] = "extra.jsonl";

static enum status keep(struct compare_extras *extras, const struct compare_extra *extra)
{
    struct compare_extra *list = realloc(extras->extra, (extras->n + 1) * sizeof *list);

    if (!list)
        return status_fail(ST_NOMEM, "no memory for %zu lines", extras->n + 1);
    extras->extra = list;
    list[extras->n++] = *extra;
    return ST_OK;
}

static void add_values(struct text *text, const char *key, const double *value, int n)
{
    text_addf(text, ",\"%s\":[", key);
    for (int i = 0; i < n; i++) {
        text_add(text, i ? "," : "");
        text_add_number(text, value[i]);
    }
    text_add(text, "]");
}

static enum status append(const char *dir, const struct compare_extra *extra, struct compare_extras *extras)
{
    struct text text = {0};
    char path[PATH_MAX], *line;
    size_t len;
    enum status st;

    TRY(file_join(path, sizeof path, dir, extra_name));
    text_add(&text, "{\"schema\":\"packlight.extra/1\",\"cell\":");
    text_add_json(&text, extra->cell);
    text_add(&text, ",\"metric\":");
    text_add_json(&text, extra->metric);
    text_add(&text, ",\"reason\":");
    text_add_json(&text, extra->reason);
    add_values(&text, "a", extra->a, extra->n);
    add_values(&text, "b", extra->b, extra->n);
    text_add(&text, "}\n");
    TRY(text_take(&text, &line, &len));
    st = file_append_sync(path, line, len);
    free(line);
    TRY(st);
    return keep(extras, extra);
}

/* A whole process needs an input file: seeded bytes, as many as the model takes. */
static enum status make_input(const char *dir, const struct compare_cell *cell, char out[PATH_MAX])
{
    struct graph graph = {0};
    unsigned char *bytes;
    char name[64];
    size_t count;
    struct rng rng;
    enum status st;

    TRY(plk_read(cell->a.path, &graph, NULL));
    count = value_count(&graph.value[graph_input(&graph)]);
    graph_free(&graph);
    if (count > INPUT_MAX)
        return status_fail(ST_UNSUPPORTED, "%s: an input of %zu values", cell->cell, count);
    snprintf(name, sizeof name, "input-%zu.u8", count);
    TRY(file_join(out, PATH_MAX, dir, name));
    if (file_exists(out))
        return ST_OK;
    bytes = malloc(count + 1);
    if (!bytes)
        return status_fail(ST_NOMEM, "no memory for %zu bytes of input", count);
    rng_seed(&rng, 1, 0x696e7075);
    for (size_t i = 0; i < count; i++)
        bytes[i] = (unsigned char)rng_below(&rng, 256);
    st = file_write_atomic(out, bytes, count);
    free(bytes);
    return st;
}

static enum status measure_process(const struct compare_options *o, const struct compare_cell *cell,
                                   struct compare_extra *out)
{
    static char run[] = "run", with_input[] = "--input", with_isa[] = "--isa", with_threads[] = "--threads",
                quiet[] = "--quiet";
    struct process_options options = process_defaults();
    char input[PATH_MAX], isa[32], threads[16];
    double ms[2 * PROCESS_ROUNDS * PROCESS_RUNS];

    TRY(make_input(o->dir, cell, input));
    snprintf(isa, sizeof isa, "%s", strcmp(cell->kernel, "ref") == 0 ? "ref" : cell->isa);
    snprintf(threads, sizeof threads, "%d", cell->threads);
    options.rounds = PROCESS_ROUNDS;
    options.runs = PROCESS_RUNS;
    options.stop = o->stop;
    {
        char *a[] = {(char *)o->a.program,
                     run,
                     (char *)cell->a.path,
                     with_input,
                     input,
                     with_isa,
                     isa,
                     with_threads,
                     threads,
                     quiet,
                     NULL};
        char *b[] = {(char *)o->b.program,
                     run,
                     (char *)cell->b.path,
                     with_input,
                     input,
                     with_isa,
                     isa,
                     with_threads,
                     threads,
                     quiet,
                     NULL};
        struct process_command commands[] = {{"A", a}, {"B", b}};
        TRY(process_times(&options, commands, 2, ms));
    }
    /* The minimum of a round's runs: what the machine can do when it is left alone. */
    for (int r = 0; r < PROCESS_ROUNDS; r++) {
        out->a[r] = out->b[r] = INFINITY;
        for (int i = 0; i < PROCESS_RUNS; i++) {
            out->a[r] = fmin(out->a[r], ms[r * PROCESS_RUNS + i]);
            out->b[r] = fmin(out->b[r], ms[(PROCESS_ROUNDS + r) * PROCESS_RUNS + i]);
        }
    }
    out->n = PROCESS_ROUNDS;
    return ST_OK;
}

static enum status measure_instructions(const struct compare_options *o, const struct compare_cell *cell,
                                        struct compare_extra *out)
{
    char input[PATH_MAX];
    uint32_t mask;

    if (kn_isa_parse(strcmp(cell->kernel, "ref") == 0 ? "ref" : cell->isa, &mask) != 0)
        return status_fail(ST_FORMAT, "%s: no such level", cell->isa);
    TRY(make_input(o->dir, cell, input));
    TRY(run_command_count(o->a.program, cell->a.path, input, mask, cell->threads, o->stop, &out->a[0]));
    TRY(run_command_count(o->b.program, cell->b.path, input, mask, cell->threads, o->stop, &out->b[0]));
    out->n = 1;
    return ST_OK;
}

static enum status predict(const char *path, const char *level, const struct dataset *test, struct infer *out)
{
    struct graph graph = {0};
    struct kn_table table;
    struct pool *pool = NULL;
    uint32_t mask;
    enum status st;

    if (kn_isa_parse(level, &mask) != 0)
        return status_fail(ST_FORMAT, "%s: no such level", level);
    kn_table_init(&table, mask);
    TRY(plk_read(path, &graph, NULL));
    st = pool_new(pool_cpus(), &pool);
    if (st == ST_OK)
        st = infer_dataset(&graph, &table, 1, test, pool, out);
    pool_free(pool);
    graph_free(&graph);
    return st;
}

/* Both files on the same test images. */
static enum status measure_accuracy(const struct compare_options *o, const struct compare_cell *cell,
                                    struct compare_extra *out)
{
    struct dataset_splits data = {0};
    struct infer a = {0}, b = {0};
    struct accuracy_delta delta;
    enum status st;

    TRY_OUT(dataset_load(o->data_dir, &data));
    TRY_OUT(predict(cell->a.path, cell->isa, &data.test, &a));
    TRY_OUT(predict(cell->b.path, cell->isa, &data.test, &b));
    delta = accuracy_compare(a.predictions, b.predictions, data.test.labels, data.test.n);
    out->a[0] = accuracy_top1(a.predictions, data.test.labels, data.test.n).top1;
    out->b[0] = accuracy_top1(b.predictions, data.test.labels, data.test.n).top1;
    out->a[1] = out->b[1] = data.test.n;
    out->a[2] = delta.only_baseline;
    out->b[2] = delta.only_this;
    out->a[3] = out->b[3] = delta.p_mcnemar;
    out->n = 4;
out:
    infer_free(&b);
    infer_free(&a);
    dataset_free(&data);
    return st;
}

/* Threads and batches of one pair of files have one accuracy. */
static int is_first_of_files(const struct compare_cells *cells, size_t index)
{
    const struct compare_cell *cell = &cells->cell[index];

    for (size_t i = 0; i < index; i++)
        if (strcmp(cells->cell[i].a.sha256, cell->a.sha256) == 0 &&
            strcmp(cells->cell[i].b.sha256, cell->b.sha256) == 0)
            return 0;
    return strcmp(cell->a.sha256, cell->b.sha256) != 0;
}

typedef enum status (*extra_fn)(const struct compare_options *o, const struct compare_cell *cell,
                                struct compare_extra *out);

static enum status measure_one(const struct compare_options *o, const struct compare_cell *cell, const char *metric,
                               extra_fn measure, struct compare_extras *extras)
{
    struct compare_extra extra;
    enum status st;

    if (compare_extra_find(extras, cell->cell, metric))
        return ST_OK;
    memset(&extra, 0, sizeof extra);
    snprintf(extra.cell, sizeof extra.cell, "%s", cell->cell);
    snprintf(extra.metric, sizeof extra.metric, "%s", metric);
    st = measure(o, cell, &extra);
    if (st == ST_INTERRUPTED || st == ST_NOMEM)
        return st;
    if (st != ST_OK) {
        snprintf(extra.reason, sizeof extra.reason, "%.250s", status_message());
        extra.n = 0;
    }
    return append(o->dir, &extra, extras);
}

enum status compare_extra_measure(const struct compare_options *options)
{
    struct compare_extras extras;
    enum status st = ST_OK;

    TRY(compare_extra_load(options->dir, &extras));
    for (size_t i = 0; i < options->cells.n && st == ST_OK; i++) {
        const struct compare_cell *cell = &options->cells.cell[i];
        /* `packlight run` does one inference. */
        if (options->process && cell->batch == 1)
            st = measure_one(options, cell, "process", measure_process, &extras);
        if (st == ST_OK && options->instructions && cell->batch == 1)
            st = measure_one(options, cell, "instructions", measure_instructions, &extras);
        if (st == ST_OK && !options->no_accuracy && is_first_of_files(&options->cells, i))
            st = measure_one(options, cell, "accuracy", measure_accuracy, &extras);
    }
    compare_extra_free(&extras);
    return st;
}

/* ------------------------------------------------------------------ reading */

static enum status read_values(const struct json *doc, const char *key, double *out, int *out_n)
{
    const cJSON *array, *item;
    int n = 0;

    TRY(json_array(doc, doc->root, "", key, &array));
    cJSON_ArrayForEach (item, array) {
        if (n == COMPARE_EXTRA_VALUES || !cJSON_IsNumber(item))
            return json_error(doc, "", key, "expected at most %d numbers", COMPARE_EXTRA_VALUES);
        out[n++] = item->valuedouble;
    }
    *out_n = n;
    return ST_OK;
}

static enum status parse_line(const char *where, const char *line, size_t len, struct compare_extra *out)
{
    enum status st;
    struct json doc;
    const char *text;
    int n = 0;

    memset(out, 0, sizeof *out);
    TRY(json_parse(where, line, len, &doc));
    TRY_OUT(json_text(&doc, doc.root, "", "cell", &text));
    snprintf(out->cell, sizeof out->cell, "%s", text);
    TRY_OUT(json_text(&doc, doc.root, "", "metric", &text));
    snprintf(out->metric, sizeof out->metric, "%s", text);
    TRY_OUT(json_text(&doc, doc.root, "", "reason", &text));
    snprintf(out->reason, sizeof out->reason, "%s", text);
    TRY_OUT(read_values(&doc, "a", out->a, &out->n));
    TRY_OUT(read_values(&doc, "b", out->b, &n));
    if (n != out->n)
        st = json_error(&doc, "", "b", "%d values, a has %d", n, out->n);
out:
    json_free(&doc);
    return st;
}

enum status compare_extra_load(const char *dir, struct compare_extras *out)
{
    enum status st = ST_OK;
    struct compare_extras extras = {NULL, 0};
    unsigned char *bytes = NULL;
    char path[PATH_MAX], *at;
    size_t len, number = 0;

    TRY(file_join(path, sizeof path, dir, extra_name));
    if (file_exists(path))
        TRY(file_read(path, 64 << 20, &bytes, &len));
    for (at = (char *)bytes; at && *at && st == ST_OK;) {
        size_t line = strcspn(at, "\n");
        struct compare_extra extra;
        char where[PATH_MAX + 16];
        snprintf(where, sizeof where, "%s:%zu", path, ++number);
        if (line > 0 && at[line - 1] == '}') { /* a torn one lacks its end */
            st = parse_line(where, at, line, &extra);
            if (st == ST_OK)
                st = keep(&extras, &extra);
        }
        at += line + (at[line] != 0);
    }
    free(bytes);
    if (st == ST_OK)
        *out = extras;
    else
        compare_extra_free(&extras);
    return st;
}

void compare_extra_free(struct compare_extras *extras)
{
    free(extras->extra);
    memset(extras, 0, sizeof *extras);
}

const struct compare_extra *compare_extra_find(const struct compare_extras *extras, const char *cell,
                                               const char *metric)
{
    for (size_t i = 0; i < extras->n; i++)
        if (strcmp(extras->extra[i].cell, cell) == 0 && strcmp(extras->extra[i].metric, metric) == 0)
            return &extras->extra[i];
    return NULL;
}
