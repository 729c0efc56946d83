/* pairs.jsonl of a comparison: what was measured, one line per unit, stage and part, appended and synced as each is
 * finished, so that a kill loses at most the one in flight and the verdicts can be made again from the file alone.
 *
 *   TRY(compare_raw_load(dir, &raw));                     // no file: no entries
 *   TRY(compare_raw_append(dir, &label, &result, &raw));  // takes the result over
 *   n = compare_raw_d(&raw, cell, role, 1, d, room);      // ln ratios of all parts of stage 1 */
#ifndef COMPARE_RAW_H
#define COMPARE_RAW_H

#include "measure/duet.h"

struct compare_raw_entry {
    struct duet_label label; /* role: compare_role_word */
    struct duet_result result;
};

struct compare_raw {
    struct compare_raw_entry *entry; /* owned; in the order of measuring */
    size_t n, room;
    size_t torn; /* lines that a kill cut off */
};

/* ST_IO, ST_FORMAT naming file and line. A last line without its end is left out and counted. */
enum status compare_raw_load(const char *dir, struct compare_raw *out);
/* Writes and syncs the line, then keeps the result, which is the raw's from then on (also on failure). */
enum status compare_raw_append(const char *dir, const struct duet_label *label, struct duet_result *result,
                               struct compare_raw *raw);
void compare_raw_free(struct compare_raw *raw);

/* 1 if the entry is of this unit and stage. */
int compare_raw_is(const struct compare_raw_entry *entry, const char *cell, const char *role, int stage);
/* Process pairs of this unit and stage. */
int compare_raw_pairs(const struct compare_raw *raw, const char *cell, const char *role, int stage);
/* The first entry of this unit and stage, NULL when there is none. Borrowed. */
const struct compare_raw_entry *compare_raw_find(const struct compare_raw *raw, const char *cell, const char *role,
                                                 int stage);
/* ln(B / A) of the unit's pairs at this stage, parts in the order of measuring; returns how many, at most room. */
int compare_raw_d(const struct compare_raw *raw, const char *cell, const char *role, int stage, double *d, int room);

#endif
