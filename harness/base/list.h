/* Lists of whole numbers and of words, as options have them; one grammar for --threads, --batch and --seeds:
 *
 *   LIST  = item[,item]...        1,4,7     1-4     1,8-32:8     (1, 8, 16, 24, 32)
 *   item  = N | LO-HI | LO-HI:STEP
 *
 * The numbers keep the order in which they are written. Each may stand once; a range goes upwards and ends at or before
 * HI. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* At most `room` numbers in [lo, hi] into `out`. `option` as the user typed it, for the message. ST_BADARG. */
enum status list_numbers(const char *option, const char *text, uint64_t lo, uint64_t hi, uint64_t *out, int room,
                         int *out_count);

enum { LIST_WORD = 32 };

/* The next of the words between commas: *at moves behind it. 1, or 0 at the end; a word that is empty or does not fit
 * becomes "". Begins with *at = the whole text. */
int list_word(const char **at, char out_word[LIST_WORD]);

#endif
