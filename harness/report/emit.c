#include "report/emit.h"

#include <string.h>

static const struct emitter emitters[] = {
    {"terminal", NULL, emit_terminal}, {"md", "md", emit_md},         {"csv", "csv", emit_csv},
    {"json", "json", emit_json},       {"golden", NULL, emit_golden},
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
