#include "report/emit.h"

#include <string.h>

static const struct emitter emitters[] = {
    {"terminal", NULL, emit_terminal, 0}, {"md", "md", emit_md, 0},         {"html", "html", emit_html, 1},
    {"tex", "tex", emit_tex, 0},          {"csv", "csv", emit_csv, 0},      {"json", "json", emit_json, 0},
    {"jsonl", "jsonl", emit_jsonl, 0},    {"golden", NULL, emit_golden, 0},
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
