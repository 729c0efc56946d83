#include "report/comparison_script.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void script_margins(struct text *out, int left, int right, int bottom, int top)
{
    text_addf(out, "L = %d.\nR = %d.\nB = %d.\nT = %d.\n", left, right, bottom, top);
}

void script_set(struct text *out, const char *name, double value)
{
    text_addf(out, "%s = ", name);
    script_number(out, value);
    text_add(out, "\n");
}

double script_verdict_key(struct text *out, double x, double y, const struct comparison_row *const *row, size_t n)
{
    static const char *const names[] = {"unchanged",      "slower",    "faster", "inconclusive",
                                        "not comparable", "incorrect", "other"};

    for (int v = 0; v < 7; v++) {
        char mark[32], colour[32];
        size_t seen = 0;
        for (size_t i = 0; i < n; i++)
            seen += comparison_verdict_index(row[i]) == v;
        if (seen == 0)
            continue;
        snprintf(mark, sizeof mark, "VMARK[%d]", v + 1);
        snprintf(colour, sizeof colour, "VCOLOUR[%d]", v + 1);
        x = script_key(out, x, y, mark, colour, names[v]);
    }
    return x;
}

void comparison_limits(struct text *out, const struct comparison_view *view)
{
    const struct comparison_head *head = &view->comparison->head;

    script_set(out, "GATE", 1.0 + (head->gate_ratio >= 0.0 ? head->gate_ratio : 0.0));
    script_set(out, "FLOOR", 1.0 + (head->floor_ratio >= 0.0 ? head->floor_ratio : 0.0));
    script_set(out, "TARGET", head->mde_target > 0.0 ? head->mde_target : NAN);
    script_set(out, "ALPHA", head->alpha_stage > 0.0 ? head->alpha_stage : NAN);
}

static void pairs_range(const struct comparison_view *view, int64_t *lo, int64_t *hi)
{
    *lo = INT64_MAX;
    *hi = RECORD_NONE;
    for (size_t i = 0; i < view->gated.n; i++) {
        int64_t n = view->gated.row[i]->pairs_stage1;
        if (n == RECORD_NONE)
            continue;
        *lo = n < *lo ? n : *lo;
        *hi = n > *hi ? n : *hi;
    }
}

void comparison_caption(struct text *out, const struct comparison_view *view, int width, int left, const char *own)
{
    const struct comparison_head *head = &view->comparison->head;
    struct text words = {0};
    char value[REPORT_TEXT], *bytes = NULL;
    int64_t lo, hi;
    size_t len;

    pairs_range(view, &lo, &hi);
    text_addf(&words, "%s%sBaseline A: %s; B: %s. n: %zu gated cells", own, *own ? " " : "", head->a.label,
              head->b.label, view->gated.n);
    if (hi != RECORD_NONE && lo == hi)
        text_addf(&words, ", %" PRId64 " pairs of processes each in stage 1.", lo);
    else if (hi != RECORD_NONE)
        text_addf(&words, ", %" PRId64 " to %" PRId64 " pairs of processes in stage 1.", lo, hi);
    else
        text_add(&words, ".");
    text_addf(&words, " %s CPU: %s.", comparison_ci_note,
              env_fact(&view->comparison->env, REPORT_CPU, value, sizeof value));
    text_addf(&words, " Commit %s,", env_fact(&view->comparison->env, REPORT_COMMIT, value, sizeof value));
    text_addf(&words, " run %s", view->run);
    env_value(&view->comparison->env, "run.key", "", value, sizeof value); /* SHA-256 of what must be equal */
    text_addf(&words, "%s%.12s.", *value ? ", machine key " : "", value);
    if (text_take(&words, &bytes, &len) != ST_OK) {
        out->failed = 1;
        return;
    }
    script_small_print(out, bytes, width, left);
    free(bytes);
}
