/* Repeating a comparison until it is green proves nothing. attempts.jsonl beside the comparisons' folders keeps what
 * came of each try at the same comparison (same programs, files, cells and gate); a third one after two regressions is
 * refused unless the user insists, and its number stands in the verdict.
 *
 *   TRY(compare_attempts_count(&options, again, &options.attempt));
 *   ... measure, judge ...
 *   TRY(compare_attempts_note(&options, verdict)); */
#ifndef COMPARE_ATTEMPTS_H
#define COMPARE_ATTEMPTS_H

#include "compare/compare_paired.h"

/* 1 + the regressions found so far by the same comparison. ST_BADARG from the third on without `again`; ST_IO. */
enum status compare_attempts_count(const struct compare_options *options, int again, int *out);
/* Appends and syncs a line. ST_IO. */
enum status compare_attempts_note(const struct compare_options *options, const char *verdict);

#endif
