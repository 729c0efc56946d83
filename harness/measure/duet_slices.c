/* Where a long call is cut, which duet_inside.h declares. */
#include <math.h>

#include "measure/duet_inside.h"

static double sum(const double *x, int from, int to)
{
    double total = 0;
    for (int i = from; i < to; i++)
        total += x[i];
    return total;
}

/* The boundary of b that comes nearest to `ns` since its beginning, after `last` and before the end; `*at_ns` walks
 * along with it. */
static int nearest(const double *b_ns, int b_steps, int last, double last_ns, double ns, double *out_ns)
{
    int at = last + 1;
    double at_ns = last_ns + b_ns[last];

    while (at + 1 < b_steps && fabs(at_ns + b_ns[at] - ns) <= fabs(at_ns - ns)) {
        at_ns += b_ns[at];
        at++;
    }
    *out_ns = at_ns;
    return at;
}

int duet_slices_cut(const double *a_ns, int a_steps, const double *b_ns, int b_steps, double slice_ns, uint32_t *out_a,
                    uint32_t *out_b)
{
    double a_total = sum(a_ns, 0, a_steps), b_total = sum(b_ns, 0, b_steps);
    double a_least = fmax(slice_ns, a_total / DUET_MAX_SLICES), b_least = fmax(slice_ns, b_total / DUET_MAX_SLICES);
    double a_at = 0, a_last = 0, b_last = 0;
    int count = 0, last = 0;

    out_a[0] = out_b[0] = 0;
    for (int i = 1; i < a_steps && count < DUET_MAX_SLICES - 1 && last < b_steps - 1; i++) {
        double b_at;
        int j;
        a_at += a_ns[i - 1];
        if (a_at - a_last < a_least || a_total - a_at < a_least)
            continue;
        if (a_steps == b_steps) {
            j = i;
            b_at = b_last + sum(b_ns, last, i);
        } else {
            j = nearest(b_ns, b_steps, last, b_last, a_at / a_total * b_total, &b_at);
        }
        if (b_at - b_last < b_least || b_total - b_at < b_least)
            continue;
        count++;
        out_a[count] = (uint32_t)i;
        out_b[count] = (uint32_t)j;
        a_last = a_at;
        b_last = b_at;
        last = j;
    }
    count++;
    out_a[count] = (uint32_t)a_steps;
    out_b[count] = (uint32_t)b_steps;
    return count;
}
