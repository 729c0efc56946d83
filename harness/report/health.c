#include "report/health.h"

#include <inttypes.h>
#include <string.h>

void health_find(const struct report *report, struct health *out)
{
    char dirty[16];

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < report->cells; i++) {
        const struct record *r = report->cell[i];
        int64_t kept = r->latency_samples_kept == RECORD_NONE ? 0 : r->latency_samples_kept;
        int64_t dropped = r->latency_samples_dropped == RECORD_NONE ? 0 : r->latency_samples_dropped;
        out->kept += kept;
        out->dropped += dropped;
        out->noisy += (double)dropped > 0.4 * (double)(kept + dropped);
        out->noted += r->notes && *r->notes;
    }
    while (report_warning(report, (int)out->warnings))
        out->warnings++;
    out->unknown = !report->records->env.root;
    records_env(report->records, "build.dirty", "", dirty, sizeof dirty);
    out->dirty = strcmp(dirty, "true") == 0 || strcmp(dirty, "1") == 0;
    if (report->mismatch > 0 || report->ok == 0)
        out->level = HEALTH_BAD;
    else if (report->failed + report->other + out->noisy + report->records->torn + out->warnings > 0 || out->dirty ||
             out->unknown)
        out->level = HEALTH_DOUBTFUL;
}

const char *health_word(enum health_level level)
{
    switch (level) {
    case HEALTH_GOOD:
        return "healthy";
    case HEALTH_DOUBTFUL:
        return "look closer";
    case HEALTH_BAD:
        break;
    }
    return "do not trust";
}

static void count(struct text *out, size_t n, const char *one, const char *many)
{
    if (n > 0)
        text_addf(out, "%s%zu %s", out->len > 0 ? "; " : "", n, n == 1 ? one : many);
}

static void fact(struct text *out, int holds, const char *words)
{
    if (holds)
        text_addf(out, "%s%s", out->len > 0 ? "; " : "", words);
}

void health_say(const struct report *report, const struct health *health, struct text *out)
{
    struct text words = {0};
    int64_t rounds = health->kept + health->dropped;

    fact(&words, report->ok == 0, "no cell ran");
    count(&words, report->mismatch, "cell with a wrong output", "cells with a wrong output");
    count(&words, report->failed + report->other, "cell failed", "cells failed");
    count(&words, health->noisy, "cell lost over 40 % of its timing rounds",
          "cells lost over 40 % of their timing rounds");
    count(&words, report->records->torn, "line of the records is cut off", "lines of the records are cut off");
    count(&words, health->warnings, "warning about the machine or the build",
          "warnings about the machine or the build");
    fact(&words, health->dirty, "built from sources with uncommitted changes");
    fact(&words, health->unknown, "env.json is missing");
    text_addf(out, "%zu of %zu cells ran right", report->ok, report->cells);
    if (report->skip > 0)
        text_addf(out, ", %zu skipped", report->skip);
    if (words.len > 0)
        text_addf(out, "; %s", words.bytes);
    if (rounds > 0)
        text_addf(out, ". %.1f %% of %" PRId64 " timing rounds were dropped because other work disturbed them",
                  100.0 * (double)health->dropped / (double)rounds, rounds);
    text_add(out, ".");
    out->failed |= words.failed;
    text_free(&words);
}
