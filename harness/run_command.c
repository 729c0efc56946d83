#include "run_command.h"

#include <stdio.h>

#include "kernels/kernels.h"

void run_command_make(const char *program, const char *model, const char *sample, uint32_t mask, int threads,
                      char *const *last, struct run_command *out)
{
    static char run[] = "run", input[] = "--input", isa[] = "--isa", with[] = "--threads";
    int n = 0;

    snprintf(out->program, sizeof out->program, "%s", program);
    snprintf(out->model, sizeof out->model, "%s", model);
    snprintf(out->sample, sizeof out->sample, "%s", sample);
    snprintf(out->level, sizeof out->level, "%s", kn_isa_name(mask));
    snprintf(out->threads, sizeof out->threads, "%d", threads);
    out->argv[n++] = out->program;
    out->argv[n++] = run;
    out->argv[n++] = out->model;
    out->argv[n++] = input;
    out->argv[n++] = out->sample;
    out->argv[n++] = isa;
    out->argv[n++] = out->level;
    out->argv[n++] = with;
    out->argv[n++] = out->threads;
    for (int i = 0; last[i] && n < RUN_COMMAND_WORDS - 1; i++)
        out->argv[n++] = last[i];
    out->argv[n] = NULL;
}
