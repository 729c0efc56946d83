/* Where did a series change its level, and by how much? For the history of one cell: ln of the ratio to a frozen
 * anchor, run by run. It attributes and finds creep; it does not gate.
 *
 *   struct changepoint found[CHANGEPOINT_MAX_FOUND(200)];
 *   struct changepoint_options options = changepoint_defaults();
 *   TRY(changepoint_find(&options, ln_ratio, 200, found, &count));
 *   for (i < count) printf("run %d: %+.1f %%\n", found[i].index, 100 * found[i].change_ratio);
 *
 * E-divisive (Matteson and James 2014, "A nonparametric approach for multiple change point analysis of multivariate
 * data", JASA 109): a segment is split where the energy distance between its two parts, weighted by their sizes, is
 * largest; the right part's end varies, too, so that a passing change is found as well as a lasting one. The paper
 * tests by random permutations. As in Hunter, now Apache Otava (Fleming et al. 2023, "Hunter: using change point
 * detection to hunt for performance regressions", ICPE), a two-sided t-test stands in for them: no random numbers, the
 * same answer every time. It is made twice and the larger p counts. Student's test with one variance for both parts
 * takes a spike inside a part of three for little noise and finds it; Welch's, with a variance for each, takes three
 * values that lie close together by chance for quiet: alone it found something in 17 % of series of 100 values of plain
 * noise. Both are tests of a split that was chosen because it stands out, so even together they err in 2 % of such
 * series, not in 0.1 %: that is for noise of the size of the least change and more; with half of it, in 0.5 % or less
 * (make verify-statistics). In the end every point is tested again against its neighbours and the weakest is dropped
 * until all hold.
 *
 * A segment has at least min_segment values, so a single spike, a pair of them, and the newest points alone are never
 * reported; a change shows after min_segment runs. Slow creep comes out as one or more steps. Values that are not
 * finite are gaps: they count as nothing, and indices are those of the whole series. */
#ifndef MEASURE_CHANGEPOINT_H
#define MEASURE_CHANGEPOINT_H

#include "base/status.h"

#define CHANGEPOINT_MAX 1024                   /* values; the newest ones, if there are more (the caller's choice) */
#define CHANGEPOINT_MAX_FOUND(n) ((n) / 2 + 1) /* room that always suffices for n values */

struct changepoint_options {
    double p_max;     /* of the t-test; 0.001 */
    double min_ratio; /* least change between neighbouring segments, as a ratio of their medians: 0.02 is 2 % */
    int min_segment;  /* values on each side; 3, at least 2 */
};

struct changepoint_options changepoint_defaults(void);

struct changepoint {
    int index;            /* first value of the new level, in the given series */
    double before, after; /* medians of the segments on both sides */
    double change_ratio;  /* exp(after - before) - 1: 0.05 is 5 % slower */
    double p;             /* t-test of the two segments */
};

/* Finds the change points of x (n), in ascending order. out_found (CHANGEPOINT_MAX_FOUND(n)). ST_BADARG for n outside
 * 0 .. CHANGEPOINT_MAX or senseless options, ST_NOMEM. */
enum status changepoint_find(const struct changepoint_options *options, const double *x, int n,
                             struct changepoint *out_found, int *out_count);

#endif
