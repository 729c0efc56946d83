/* Shared by comparison.c (the struct, what may be said) and comparison_json.c and
 * comparison_csv.c (its files); for nobody else. */
#ifndef REPORT_COMPARISON_INSIDE_H
#define REPORT_COMPARISON_INSIDE_H

#include "report/comparison.h"

/* Figures NaN, counts 0, texts empty. */
void comparison_head_init(struct comparison_head *head);

/* ST_BADARG "where: key: what is wrong". */
enum status comparison_check_head(const struct comparison_head *head, const char *where);
enum status comparison_check_counts(const struct comparison_head *head, const char *where);
enum status comparison_check_row(const struct comparison_row *row, const char *where);
/* No cell, metric and role twice; also ST_NOMEM. */
enum status comparison_check_twice(const struct comparison *comparison, const char *where);

/* A line of verdicts.jsonl with its newline. */
void comparison_write_row(const struct comparison_row *row, struct text *out);
/* The object of verdict.json, without a newline behind it; before and after each member stand indent and end. */
void comparison_write_head(const struct comparison *comparison, const char *indent, const char *end, struct text *out);

#endif
