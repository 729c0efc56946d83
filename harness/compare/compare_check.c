#include "compare/compare_check.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "infer.h"
#include "io/plk.h"
#include "report/text.h"

/* Reference kernels are up to sixty times slower: eight inputs of a slower model would take many seconds. */
#define REFERENCE_MAX_NS 2e6

static const char check_name[] = "checks.jsonl";

static enum status keep(struct compare_checks *checks, const struct compare_check *check)
{
    struct compare_check *list = realloc(checks->check, (checks->n + 1) * sizeof *list);

    if (!list)
        return status_fail(ST_NOMEM, "no memory for %zu checks", checks->n + 1);
    checks->check = list;
    list[checks->n++] = *check;
    return ST_OK;
}

static enum status all_finite(const struct duet_outputs *outputs, const char *what)
{
    for (size_t i = 0; i < (size_t)outputs->inputs * outputs->values; i++)
        if (!isfinite(outputs->value[i]))
            return status_fail(ST_MISMATCH, "%s: output %zu of input %zu is not finite", what, i % outputs->values,
                               i / outputs->values);
    return ST_OK;
}

/* What scores may differ by depends on what the model is made of; integers are compared to the bit in any case. */
static enum status read_tolerance(const char *path, double *out)
{
    struct graph graph = {0};

    TRY(plk_read(path, &graph, NULL));
    *out = (double)infer_tolerance(&graph);
    graph_free(&graph);
    return ST_OK;
}

static void copy_fact(const cJSON *facts, const char *key, char *out, size_t size)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(facts, key));
    snprintf(out, size, "%s", text ? text : "");
}

/* Which builds these are, and whether they run the same. */
static void read_facts(const struct duet_outputs *a, const struct duet_outputs *b, struct compare_check *out)
{
    static const char *const keys[] = {"code_id", "artifact_sha256", "kernels_sha256", "isa", "threads", "batch"};
    cJSON *facts[2] = {cJSON_Parse(a->facts ? a->facts : ""), cJSON_Parse(b->facts ? b->facts : "")};

    for (int i = 0; i < 2; i++) {
        copy_fact(facts[i], "commit", out->origin[i].commit, sizeof out->origin[i].commit);
        copy_fact(facts[i], "code_id", out->origin[i].code_id, sizeof out->origin[i].code_id);
    }
    out->code_same = out->origin[0].code_id[0] && out->origin[1].code_id[0] ? 1 : -1;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && out->code_same == 1; i++) {
        char one[128], other[128];
        copy_fact(facts[0], keys[i], one, sizeof one);
        copy_fact(facts[1], keys[i], other, sizeof other);
        out->code_same = strcmp(one, other) == 0;
    }
    cJSON_Delete(facts[0]);
    cJSON_Delete(facts[1]);
}

static enum status read_side(const struct duet_options *options, const struct duet_arm *arm, const char *what,
                             struct duet_outputs *out)
{
    enum status st = duet_outputs_read(options, arm, out);

    return st == ST_OK ? all_finite(out, what) : st;
}

static enum status against_reference(const struct duet_options *options, struct duet_arm *arm, char *isa,
                                     double tolerance, const char *what, const struct duet_outputs *got)
{
    struct duet_outputs reference;
    char level[32];
    enum status st;

    memset(&reference, 0, sizeof reference);
    snprintf(level, sizeof level, "%s", isa);
    snprintf(isa, 32, "ref"); /* the arm's own word of its level */
    st = duet_outputs_read(options, arm, &reference);
    snprintf(isa, 32, "%s", level);
    if (st == ST_OK)
        st = duet_outputs_compare(&reference, got, tolerance, what);
    duet_outputs_free(&reference);
    return st;
}

static enum status check(const struct duet_options *options, const struct compare_build *a,
                         const struct compare_build *b, const struct compare_cell *cell, struct compare_check *out)
{
    struct compare_arms arms;
    struct duet_outputs out_a, out_b;
    int same_file = strcmp(cell->a.sha256, cell->b.sha256) == 0;
    int quick = !(cell->hint_ns > REFERENCE_MAX_NS);
    double tolerance[2];
    enum status st;

    memset(&out_a, 0, sizeof out_a);
    memset(&out_b, 0, sizeof out_b);
    compare_arms_fill(a, b, cell, COMPARE_CELL, 1, &arms);
    TRY_OUT(read_side(options, &arms.a, "A", &out_a));
    TRY_OUT(read_side(options, &arms.b, "B", &out_b));
    read_facts(&out_a, &out_b, out);
    TRY_OUT(read_tolerance(cell->a.path, &tolerance[0]));
    TRY_OUT(read_tolerance(cell->b.path, &tolerance[1]));
    if (quick)
        TRY_OUT(against_reference(options, &arms.a, arms.text[0][0], tolerance[0], "A against its reference kernels",
                                  &out_a));
    if (quick)
        TRY_OUT(against_reference(options, &arms.b, arms.text[1][0], tolerance[1], "B against its reference kernels",
                                  &out_b));
    if (same_file)
        TRY_OUT(duet_outputs_compare(&out_a, &out_b, tolerance[0], "B against A, the same packed file"));
out:
    duet_outputs_free(&out_b);
    duet_outputs_free(&out_a);
    return st;
}

static enum status write_line(const char *dir, const struct compare_check *check)
{
    struct text text = {0};
    char path[PATH_MAX], *line = NULL;
    size_t len;
    enum status st;

    TRY(file_join(path, sizeof path, dir, check_name));
    text_add(&text, "{\"schema\":\"packlight.check/1\",\"cell\":");
    text_add_json(&text, check->cell);
    text_addf(&text, ",\"wrong\":%s,\"failed\":%s,\"message\":", check->wrong ? "true" : "false",
              check->failed ? "true" : "false");
    text_add_json(&text, check->message);
    text_addf(&text, ",\"code_same\":%d", check->code_same);
    for (int i = 0; i < 2; i++) {
        text_addf(&text, ",\"%s\":{\"commit\":", i ? "b" : "a");
        text_add_json(&text, check->origin[i].commit);
        text_add(&text, ",\"code_id\":");
        text_add_json(&text, check->origin[i].code_id);
        text_add(&text, "}");
    }
    text_add(&text, "}\n");
    TRY(text_take(&text, &line, &len));
    st = file_append_sync(path, line, len);
    free(line);
    return st;
}

enum status compare_check_cell(const char *dir, const struct duet_options *options, const struct compare_build *a,
                               const struct compare_build *b, const struct compare_cell *cell,
                               struct compare_checks *checks)
{
    struct compare_check result;
    enum status st;

    memset(&result, 0, sizeof result);
    snprintf(result.cell, sizeof result.cell, "%s", cell->cell);
    result.code_same = -1;
    st = check(options, a, b, cell, &result);
    if (st == ST_INTERRUPTED || st == ST_NOMEM)
        return st;
    if (st != ST_OK)
        snprintf(result.message, sizeof result.message, "%s", status_message());
    result.wrong = st == ST_MISMATCH;
    result.failed = st != ST_OK && st != ST_MISMATCH;
    TRY(write_line(dir, &result));
    return keep(checks, &result);
}

enum status compare_check_note(const char *dir, const char *cell, enum status what, const char *message,
                               struct compare_checks *checks)
{
    const struct compare_check *before = compare_check_find(checks, cell);
    struct compare_check result;

    memset(&result, 0, sizeof result);
    if (before)
        result = *before;
    snprintf(result.cell, sizeof result.cell, "%s", cell);
    snprintf(result.message, sizeof result.message, "%.500s", message);
    result.wrong = what == ST_MISMATCH;
    result.failed = what != ST_MISMATCH;
    TRY(write_line(dir, &result));
    return keep(checks, &result);
}

static enum status parse_line(const char *where, const char *line, size_t len, struct compare_check *out)
{
    enum status st;
    struct json doc;
    const cJSON *side;
    const char *text;
    long same;

    memset(out, 0, sizeof *out);
    TRY(json_parse(where, line, len, &doc));
    TRY_OUT(json_text(&doc, doc.root, "", "cell", &text));
    snprintf(out->cell, sizeof out->cell, "%s", text);
    TRY_OUT(json_bool(&doc, doc.root, "", "wrong", &out->wrong));
    TRY_OUT(json_bool(&doc, doc.root, "", "failed", &out->failed));
    TRY_OUT(json_text(&doc, doc.root, "", "message", &text));
    snprintf(out->message, sizeof out->message, "%s", text);
    TRY_OUT(json_int(&doc, doc.root, "", "code_same", -1, 1, &same));
    out->code_same = (int)same;
    for (int i = 0; i < 2; i++) {
        TRY_OUT(json_object(&doc, doc.root, "", i ? "b" : "a", &side));
        copy_fact(side, "commit", out->origin[i].commit, sizeof out->origin[i].commit);
        copy_fact(side, "code_id", out->origin[i].code_id, sizeof out->origin[i].code_id);
    }
out:
    json_free(&doc);
    return st;
}

enum status compare_check_load(const char *dir, struct compare_checks *out)
{
    enum status st = ST_OK;
    struct compare_checks checks = {NULL, 0};
    unsigned char *bytes = NULL;
    char path[PATH_MAX], *at;
    size_t len, number = 0;

    TRY(file_join(path, sizeof path, dir, check_name));
    if (!file_exists(path)) {
        *out = checks;
        return ST_OK;
    }
    TRY(file_read(path, 64 << 20, &bytes, &len));
    at = (char *)bytes;
    while (*at && st == ST_OK) {
        size_t line = strcspn(at, "\n");
        struct compare_check result;
        char where[PATH_MAX + 16];
        snprintf(where, sizeof where, "%s:%zu", path, ++number);
        if (line > 0 && at[line - 1] == '}') { /* a torn one lacks its end */
            st = parse_line(where, at, line, &result);
            if (st == ST_OK)
                st = keep(&checks, &result);
        }
        at += line + (at[line] != 0);
    }
    free(bytes);
    if (st == ST_OK)
        *out = checks;
    else
        compare_check_free(&checks);
    return st;
}

void compare_check_free(struct compare_checks *checks)
{
    free(checks->check);
    memset(checks, 0, sizeof *checks);
}

const struct compare_check *compare_check_find(const struct compare_checks *checks, const char *cell)
{
    for (size_t i = checks->n; i > 0; i--)
        if (strcmp(checks->check[i - 1].cell, cell) == 0)
            return &checks->check[i - 1];
    return NULL;
}
