/* Can a run be trusted: what its records and its env.json say about disturbances, failures and the build, and one word
 * for all of it. */
#ifndef REPORT_HEALTH_H
#define REPORT_HEALTH_H

#include "report/report.h"
#include "report/text.h"

enum health_level { HEALTH_GOOD, HEALTH_DOUBTFUL, HEALTH_BAD };

struct health {
    int64_t kept, dropped; /* timing rounds */
    size_t noisy;          /* cells that lost over 40 % of their rounds */
    size_t noted;          /* cells with notes */
    size_t warnings;       /* in env.json */
    int dirty, unknown;    /* built from changed sources; env.json missing */
    enum health_level level;
};

/* Bad: a wrong output, or nothing ran. Doubtful: cells failed or lost over 40 % of their rounds, lines were cut off,
 * the machine or the build was warned about, sources were changed or env.json is missing. */
void health_find(const struct report *report, struct health *out);
/* "healthy", "look closer", "do not trust". Static. */
const char *health_word(enum health_level level);
/* What speaks against the run, or that nothing does; sentences. */
void health_say(const struct report *report, const struct health *health, struct text *out);

#endif
