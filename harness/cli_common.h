/* What several commands read from their options, with one wording for mistakes. */
#ifndef CLI_COMMON_H
#define CLI_COMMON_H

#include <signal.h>
#include <stdint.h>

#include "base/status.h"

/* Whole number in [lo, hi]; `option` as the user typed it, for the message. ST_BADARG. */
enum status cli_int(const char *option, const char *text, long lo, long hi, long *out);
/* "ref", "avx2", "avx512vnni", "native" → mask, capped by the CPU: ST_BADARG for an unknown level, ST_UNSUPPORTED for
 * one that this CPU lacks. NULL text: $PACKLIGHT_ISA, else native. */
enum status cli_isa(const char *text, uint32_t *out_mask);
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
