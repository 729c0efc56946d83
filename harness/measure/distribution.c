#include "measure/distribution.h"

#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <math.h>
#include <pthread.h>

/* GSL's default handler prints and aborts. It belongs to the process, so it is switched off once and for good:
 * switching it around each call would race with other threads. */
static void handler_off(void)
{
    gsl_set_error_handler_off();
}

static void quiet(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, handler_off);
}

double distribution_normal_cdf(double x)
{
    quiet();
    return isnan(x) ? NAN : gsl_cdf_ugaussian_P(x);
}

double distribution_normal_upper(double x)
{
    quiet();
    return isnan(x) ? NAN : gsl_cdf_ugaussian_Q(x);
}

double distribution_normal_quantile(double p)
{
    quiet();
    if (!(p >= 0 && p <= 1))
        return NAN;
    if (p == 0 || p == 1)
        return p == 0 ? -INFINITY : INFINITY;
    return gsl_cdf_ugaussian_Pinv(p);
}

double distribution_student_upper(double t, double dof)
{
    quiet();
    if (isnan(t) || !(dof > 0) || isinf(dof))
        return NAN;
    if (isinf(t))
        return t > 0 ? 0 : 1;
    return gsl_cdf_tdist_Q(t, dof);
}

double distribution_binomial_cdf(int64_t k, int64_t n, double p)
{
    quiet();
    if (n < 0 || n > DISTRIBUTION_BINOMIAL_MAX || !(p >= 0 && p <= 1))
        return NAN;
    if (k < 0 || k >= n)
        return k < 0 ? 0 : 1;
    return gsl_cdf_binomial_P((unsigned)k, p, (unsigned)n);
}

int64_t distribution_binomial_quantile(double q, int64_t n, double p)
{
    int64_t lo = 0, hi = n;

    if (!(q >= 0 && q <= 1) || isnan(distribution_binomial_cdf(0, n, p)))
        return -1;
    while (lo < hi) {
        int64_t middle = lo + (hi - lo) / 2;
        if (distribution_binomial_cdf(middle, n, p) >= q)
            hi = middle;
        else
            lo = middle + 1;
    }
    return lo;
}

double distribution_proportion_upper(int64_t successes, int64_t n, double confidence)
{
    double lo = 0, hi = 1;

    if (n < 1 || n > DISTRIBUTION_BINOMIAL_MAX || successes < 0 || successes > n || !(confidence > 0 && confidence < 1))
        return NAN;
    if (successes == n)
        return 1;
    /* P(Binomial(n, p) <= successes) falls as p grows; 60 halvings reach the last bit of any p above 10^-3. */
    for (int i = 0; i < 60; i++) {
        double middle = (lo + hi) / 2;
        if (distribution_binomial_cdf(successes, n, middle) > 1 - confidence)
            lo = middle;
        else
            hi = middle;
    }
    return hi;
}

double distribution_proportion_lower(int64_t successes, int64_t n, double confidence)
{
    if (successes < 0 || successes > n)
        return NAN;
    return 1 - distribution_proportion_upper(n - successes, n, confidence);
}
