/* Whether a recipe reached what the literature leads one to expect of its family, and if not, why, in words taken
 * from the row's own per-layer figures. */
#ifndef REPORT_VERDICT_H
#define REPORT_VERDICT_H

#include "report/record.h"

/* What a family is expected to bring, against FP32: size and speed as ratios, loss in percentage points. */
struct expectation {
    const char *family;
    double size_lo, size_hi, size_accept; /* accept: what counts as size_lo, see expectation_note */
    double speed_lo, speed_hi;
    double loss_pp;
    int loss_inclusive; /* 1: a loss of exactly loss_pp is fine */
};

enum verdict_kind {
    VERDICT_BASELINE, /* FP32 itself */
    VERDICT_REACHED,
    VERDICT_MISSED,
    VERDICT_OPEN /* a figure is missing */
};

struct verdict {
    enum verdict_kind kind;
    int size, speed, accuracy; /* 1 reached, 0 not, -1 not known */
    char *because;             /* owned; sentences for what was not reached or not known, NULL when all is well */
};

/* The family's expectation or NULL. Static. */
const struct expectation *expectation_find(const char *family);
/* The i-th expectation, NULL past the last. Static. */
const struct expectation *expectation_at(int i);
/* How the limits are read. */
extern const char expectation_note[];

/* fp32: the FP32 row with the same kernel, threads and batch, for the per-layer comparison; may be NULL. ST_NOMEM. */
enum status verdict_make(const struct record *row, const struct record *fp32, struct verdict *out);
void verdict_free(struct verdict *verdict);
/* "baseline", "reached", "not reached", "open". Static. */
const char *verdict_word(enum verdict_kind kind);

#endif
