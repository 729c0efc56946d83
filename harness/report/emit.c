#include "report/emit.h"

#include <stdio.h>
#include <string.h>

#include "report/comparison_emit.h"

static const struct emitter emitters[] = {
    {"terminal", NULL, emit_terminal, comparison_terminal, 0},
    {"md", "md", emit_md, comparison_md, 0},
    {"html", "html", emit_html, comparison_html, 1},
    {"tex", "tex", emit_tex, comparison_tex, 0},
    {"csv", "csv", emit_csv, comparison_csv, 0},
    {"json", "json", emit_json, NULL, 0},
    {"jsonl", "jsonl", emit_jsonl, comparison_jsonl, 0},
    {"junit", "junit.xml", NULL, comparison_junit, 0},
    {"gab", "gab.json", NULL, comparison_gab, 0},
    {"annotations", "annotations.txt", NULL, comparison_annotations, 0},
    {"golden", NULL, emit_golden, NULL, 0},
};

const struct emitter *emit_at(int i)
{
    return i >= 0 && i < (int)(sizeof emitters / sizeof *emitters) ? &emitters[i] : NULL;
}

const struct emitter *emit_find(const char *name)
{
    for (int i = 0; emit_at(i); i++)
        if (strcmp(emitters[i].name, name) == 0)
            return &emitters[i];
    return NULL;
}

const char *emit_names(int of_comparison, char *buffer, size_t size)
{
    size_t used = 0;

    *buffer = 0;
    for (int i = 0; emit_at(i) && used < size; i++)
        if (of_comparison ? emitters[i].emit_comparison != NULL : emitters[i].emit != NULL)
            used += (size_t)snprintf(buffer + used, size - used, "%s%s", used ? ", " : "", emitters[i].name);
    return buffer;
}
