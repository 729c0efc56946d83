/* Writing the rows of a loaded run or comparison; called inside history_add's transaction. */
#ifndef HISTORY_HISTORY_STORE_H
#define HISTORY_HISTORY_STORE_H

#include "history/history.h"
#include "report/comparison.h"

/* Cells and their figures. */
enum status store_records(struct history *history, int64_t run, const struct records *records);
/* Head and rows. */
enum status store_comparison(struct history *history, int64_t run, const struct comparison *comparison,
                             const char *against);

#endif
