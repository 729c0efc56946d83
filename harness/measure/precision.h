/* How precise is a median of paired differences, and how small a change can it show? The arithmetic behind gate.h.
 *
 *   TRY(precision_standard_error(sorted, n, 0.00707, &se));
 *   double unit = precision_unit_scale(se, n);                             // of one pair
 *   mde = precision_mde_significant(&rules, unit, 20, 20);                 // 0.018: 1.8 %
 *
 * Standard error from the length of the signed-rank interval of the median (Lehmann 1963, "Nonparametric confidence
 * intervals for a shift parameter"): its ends are order statistics of the n (n + 1) / 2 means of two differences (Walsh
 * averages, each with itself included), so it knows tails, ties and outliers as the test knows them. MAD does not: see
 * gate.h. The interval is taken at the level of the test itself.
 *
 * The scale of n pairs is itself uncertain (by 18 % for n = 20). Both functions of an MDE therefore inflate it by
 * 1 + 3 / n: with that, simulated power at the estimated MDE was 97, 93, 95, 100, 98 % for n = 20 and 97, 95, 95, 100,
 * 97 % for n = 40 (normal; one in ten with five times the spread; t with 3 degrees of freedom; skewed lognormal;
 * uniform), where 95 % is meant. Without it 92, 86, 87, 99, 94 % for n = 20. */
#ifndef MEASURE_PRECISION_H
#define MEASURE_PRECISION_H

#include "base/status.h"

#define PRECISION_MAX 2048 /* pairs; all Walsh averages are held at once (16 MiB) */

/* Of the median of n sorted finite differences. `alpha`: one-sided level of the interval, raised to 2^-n where no
 * interval of the level exists. NaN below 6 pairs. ST_BADARG for n < 0, n > PRECISION_MAX or alpha outside (0, 0.5),
 * ST_NOMEM. */
enum status precision_standard_error(const double *sorted, int n, double alpha, double *out_se);

/* Spread of one pair as the test sees it: the standard deviation, if pairs are normal. se * sqrt(0.955 n). */
double precision_unit_scale(double se, int n);

struct precision_rules {
    double alpha;       /* one-sided, each stage */
    double gate_ratio;  /* the estimate must reach 1 + this */
    double floor_ratio; /* the interval's lower end must exceed 1 + this */
};

/* Smallest relative change that is significant in both stages of n1 and n2 pairs with 95 % power (each stage needs
 * sqrt(0.95)). NaN if unit is NaN or a stage has no pairs. */
double precision_mde_significant(const struct precision_rules *rules, double unit, int n1, int n2);

/* Smallest relative change that meets all conditions of a reported one with 95 % power: significant in both stages,
 * the median of all pairs at the gate, the lower end of its 95 % interval above the floor. At least the gate. */
double precision_mde_reported(const struct precision_rules *rules, double unit, int n1, int n2);

#endif
