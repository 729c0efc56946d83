/* Pieces that the JSON forms share. */
#ifndef REPORT_JSON_PARTS_H
#define REPORT_JSON_PARTS_H

#include "report/report.h"
#include "report/text.h"

/* "key":"value" (null for NULL), then `after` as it is. */
void json_add_member(struct text *out, const char *key, const char *value, const char *after);
/* The members "run" … "environment": where the report comes from; `between` stands after each comma. No braces. */
void json_add_head(const struct report *report, const char *between, struct text *out);
/* Members of a row: config, family, its cells, the verdict and its three parts. No braces. */
void json_add_row(const struct report_row *row, struct text *out);

#endif
