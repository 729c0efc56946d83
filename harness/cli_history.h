/* Parts of `packlight history`; only cli_history*.c include this. */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include <stddef.h>

#include "base/status.h"
#include "report/text.h"

struct history_options {
    const char *db, *against, *metric, *filter, *out, *format;
    int plots;
    char **word; /* what stands behind the command's name; borrowed */
    int words;
};

enum status cli_history_list(const struct history_options *options);
enum status cli_history_show(const struct history_options *options);
enum status cli_history_trend(const struct history_options *options);
enum status cli_history_export(const struct history_options *options);

/* Prints the text on standard output and empties it. ST_NOMEM, ST_IO. */
enum status cli_history_print(struct text *text);
/* 1 for --format json. ST_BADARG for anything but that and the default. */
enum status cli_history_json(const struct history_options *options, int *out_json);

#endif
