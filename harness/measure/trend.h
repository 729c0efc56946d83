/* Does a series drift? Robust slope and first-half/second-half gap, for the check that a measurement was steady.
 *
 *   struct trend t;
 *   TRY(trend_measure(d, rounds, &t));                 // d[i] = ln(T_B / T_A) of round i; NaN: dropped round
 *   if (fabs(t.drift) > 0.02 || fabs(t.half_gap) > 0.02) ...   // no steady state
 *
 * Describes, tests nothing: with few noisy values both figures are noisy. gate.h takes their median over many
 * processes. */
#ifndef MEASURE_TREND_H
#define MEASURE_TREND_H

#include "base/status.h"

#define TREND_MAX 2048 /* values; all pairs of them are held at once (16 MiB) */

struct trend {
    int n;           /* finite values */
    double slope;    /* per position: median slope of all pairs (Theil 1950, Sen 1968); NaN for n < 2 */
    double drift;    /* slope * distance from the first to the last finite value: change over the series */
    double half_gap; /* median of the later half - median of the earlier half, the middle one of an odd number left out;
                        NaN for n < 4 */
};

/* Values that are not finite are gaps: left out, positions kept. ST_BADARG for n < 0 or n > TREND_MAX, ST_NOMEM. */
enum status trend_measure(const double *x, int n, struct trend *out);

#endif
