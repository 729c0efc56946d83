#include "run_command.h"

#include <stdio.h>
#include <string.h>

#include "kernels/kernels.h"
#include "measure/callgrind.h"

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

enum status run_command_count(const char *program, const char *model, const char *sample, uint32_t mask, int threads,
                              const volatile sig_atomic_t *stop, double *out)
{
    static const double timeout_s = 600;
    char repeat[] = "--repeat", once[] = "1", thrice[] = "3", quiet[] = "--quiet";
    char *const one[] = {repeat, once, quiet, NULL}, *const three[] = {repeat, thrice, quiet, NULL};
    struct run_command command;
    uint64_t first = 0, all = 0;

    memset(&command, 0, sizeof command);
    if (mask & (KN_ISA_AVX512VNNI | KN_ISA_AVXVNNI))
        return status_fail(ST_SKIP, "valgrind does not run the instructions of %s; cells of --isa avx2 can be counted",
                           kn_isa_name(mask));
    run_command_make(program, model, sample, mask, threads, one, &command);
    TRY(callgrind_count(NULL, "engine_run", command.argv, timeout_s, stop, &first));
    run_command_make(program, model, sample, mask, threads, three, &command);
    TRY(callgrind_count(NULL, "engine_run", command.argv, timeout_s, stop, &all));
    if (all <= first || (all - first) % 2 != 0)
        return status_fail(ST_FORMAT, "callgrind counted %llu for one inference and %llu for three: not repeatable",
                           (unsigned long long)first, (unsigned long long)all);
    *out = (double)((all - first) / 2);
    return ST_OK;
}
