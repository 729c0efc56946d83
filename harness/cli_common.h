/* What several commands read from their options, with one wording for mistakes. */
#ifndef CLI_COMMON_H
#define CLI_COMMON_H

#include <signal.h>
#include <stdint.h>

#include "base/status.h"
#include "plan.h"

/* Whole number in [lo, hi]; `option` as the user typed it, for the message. ST_BADARG. */
enum status cli_int(const char *option, const char *text, long lo, long hi, long *out);
/* A list of numbers in [lo, hi] such as 1,4 or 1-4 or 8-32:8 (base/list.h), at most `room`. ST_BADARG. */
enum status cli_list(const char *option, const char *text, int lo, int hi, int *out, int room, int *out_count);
/* "ref", "avx2", "avx512vnni", "native" → mask, capped by the CPU: ST_BADARG for an unknown level, ST_UNSUPPORTED for
 * one that this CPU lacks. NULL text: $PACKLIGHT_ISA, else native. */
enum status cli_isa(const char *text, uint32_t *out_mask);
/* Comma-separated levels → an axis from the lowest up, and the mask of the highest that can run. "native" merges with a
 * level of the same name; what this CPU lacks is marked absent. A single level (or NULL) is checked like cli_isa's.
 * ST_BADARG for an unknown level, one that stands twice, or "ref" among others; ST_UNSUPPORTED when none can run. */
enum status cli_isa_levels(const char *text, struct plan_level out[PLAN_LEVELS], int *out_levels, uint32_t *out_best);
/* "I/N" with 1 <= I <= N. ST_BADARG. */
enum status cli_shard(const char *text, int *out_index, int *out_count);
/* One line on stderr when there are fewer processors than threads: allowed, but slow. */
void cli_warn_threads(long threads);
/* Message after getopt_long returned '?' or ':' (opterr = 0). ST_BADARG. */
enum status cli_bad_option(int argc, char **argv);

/* Set by SIGINT and SIGTERM once cli_catch_signals was called; a second signal ends the process at once. */
extern volatile sig_atomic_t cli_stop;
void cli_catch_signals(void);

#endif
