/* The command line of `packlight run` for one cell: what is started as a fresh process to time or count it. */
#ifndef RUN_COMMAND_H
#define RUN_COMMAND_H

#include <limits.h>
#include <signal.h>
#include <stdint.h>

#include "base/status.h"

enum { RUN_COMMAND_WORDS = 16 };

struct run_command {
    char program[PATH_MAX], model[PATH_MAX], sample[PATH_MAX];
    char level[32], threads[16];
    char *argv[RUN_COMMAND_WORDS]; /* NULL-terminated; points into this struct and at `last`: do not copy */
};

/* mask: of the kernels; `last`: a final word or two ("--quiet"), NULL-terminated, borrowed. */
void run_command_make(const char *program, const char *model, const char *sample, uint32_t mask, int threads,
                      char *const *last, struct run_command *out);

/* Instructions of one inference, counted by callgrind: of three inferences in a process less those of one, halved, so
 * that start-up effects inside the first call fall out; exact and the same each time. ST_SKIP where valgrind is not
 * installed or does not know the level's instructions; errors as callgrind_count. */
enum status run_command_count(const char *program, const char *model, const char *sample, uint32_t mask, int threads,
                              const volatile sig_atomic_t *stop, double *out);

#endif
