/* Taking a folder into the history: a run (records.jsonl, env.json) or a comparison (verdict.json, verdicts.jsonl,
 * env.json). One transaction. The same folder twice stores nothing new; a run that went on since (bench --resume), or a
 * comparison that was judged again, replaces what was stored of it. */
#ifndef HISTORY_HISTORY_ADD_H
#define HISTORY_HISTORY_ADD_H

#include <stddef.h>
#include <stdint.h>

#include "history/history.h"

enum history_outcome { HISTORY_NEW, HISTORY_SAME /* it was there */, HISTORY_REPLACED };

struct history_added {
    enum history_outcome outcome;
    int64_t run;      /* its id */
    char kind[16];    /* bench peers comparison */
    char against[16]; /* of a comparison: anchor, last-good or other; else "" */
    size_t rows;      /* cells of a run, rows of a comparison */
};

/* 1 if DIR holds something that can be added. */
int history_add_is(const char *dir);

/* against: what side A of a comparison is: "anchor", "last-good" or "other". NULL: "anchor" or "last-good" when the
 * folder or the label of side A is called so, else "other". ST_BADARG for another word, or for a run; ST_IO, ST_FORMAT
 * naming the file. */
enum status history_add(struct history *history, const char *dir, const char *against, struct history_added *out);

/* The same in two steps, for several folders in one transaction. *out is owned (history_folder_free). */
struct history_folder;
enum status history_read(const char *dir, const char *against, struct history_folder **out);
void history_folder_free(struct history_folder *folder);
/* Between history_begin and history_commit. */
enum status history_store(struct history *history, const struct history_folder *folder, struct history_added *out);

#endif
