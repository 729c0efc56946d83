#include "measure/multiplicity.h"

#include <math.h>
#include <stdlib.h>

struct entry {
    double p;
    int index;
};

static int compare_entry(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->p != b->p)
        return a->p < b->p ? -1 : 1;
    return a->index - b->index;
}

/* The tests that were made, by p. *out_entries is owned by the caller; the other results are written, too. */
static enum status sort_tests(const double *p, int n, struct entry **out_entries, int *out_count)
{
    struct entry *entries;
    int count = 0;

    if (n < 0)
        return status_fail(ST_BADARG, "multiple tests: %d of them", n);
    for (int i = 0; i < n; i++)
        if (p[i] < 0 || p[i] > 1)
            return status_fail(ST_BADARG, "multiple tests: p-value %d is %g, not within 0 to 1", i, p[i]);
    entries = malloc(((size_t)n + 1) * sizeof *entries);
    if (entries == NULL)
        return status_fail(ST_NOMEM, "multiple tests: no memory for %d", n);
    for (int i = 0; i < n; i++)
        if (!isnan(p[i]))
            entries[count++] = (struct entry){p[i], i};
    qsort(entries, (size_t)count, sizeof *entries, compare_entry);
    *out_entries = entries;
    *out_count = count;
    return ST_OK;
}

static void write_all(const struct entry *entries, int count, int n, double *out)
{
    for (int i = 0; i < n; i++)
        out[i] = NAN;
    for (int i = 0; i < count; i++)
        out[entries[i].index] = entries[i].p;
}

enum status multiplicity_holm(const double *p, int n, double *out_adjusted)
{
    struct entry *entries = NULL;
    double highest = 0;
    int count = 0;

    TRY(sort_tests(p, n, &entries, &count));
    for (int i = 0; i < count; i++) {
        double scaled = fmin(1, entries[i].p * (count - i));
        highest = fmax(highest, scaled); /* never below that of a smaller p */
        entries[i].p = highest;
    }
    write_all(entries, count, n, out_adjusted);
    free(entries);
    return ST_OK;
}

enum status multiplicity_fdr(const double *p, int n, double *out_q)
{
    struct entry *entries = NULL;
    double lowest = 1;
    int count = 0;

    TRY(sort_tests(p, n, &entries, &count));
    for (int i = count - 1; i >= 0; i--) {
        lowest = fmin(lowest, entries[i].p * count / (i + 1)); /* never above that of a larger p */
        entries[i].p = lowest;
    }
    write_all(entries, count, n, out_q);
    free(entries);
    return ST_OK;
}

double multiplicity_stage_alpha(double alpha_run, int cells)
{
    if (!(alpha_run > 0 && alpha_run < 1) || cells < 1)
        return NAN;
    return sqrt(alpha_run / cells);
}
