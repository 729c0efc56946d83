/* Verdicts of a paired comparison: a pure function of its folder (env.json, pairs.jsonl, checks.jsonl, extra.jsonl).
 * The same files give the same bytes, on any machine, at any time.
 *
 *   TRY(compare_judge("results/latest-compare", &comparison));
 *   TRY(comparison_save(&comparison, "results/latest-compare")); */
#ifndef COMPARE_JUDGE_H
#define COMPARE_JUDGE_H

#include "report/comparison.h"

/* 1 if DIR is a paired comparison's, with raw figures or the reason why there are none. */
int compare_judge_exists(const char *dir);

/* ST_IO, ST_FORMAT naming file and place, ST_NOMEM. Free with comparison_free. */
enum status compare_judge(const char *dir, struct comparison *out);

#endif
