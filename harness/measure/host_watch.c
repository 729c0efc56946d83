#include "measure/host_watch.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "measure/stats.h"

/* Twenty jiffies of 10 ms: a share of 20 % is four of them. */
static const double block_s = 0.2;

struct look {
    uint64_t asked, stolen; /* jiffies */
    int processors;
    double runnable;
};

void host_watch_begin(struct host_watch *watch, int cpu, const char *file)
{
    memset(watch, 0, sizeof *watch);
    watch->file = file;
    watch->cpu = cpu;
    watch->last_s = NAN;
}

/* "cpu3 user nice system idle iowait irq softirq steal guest guest_nice"; guests' time is inside user's. */
static int parse_cpu(const char *line, int cpu, struct look *out)
{
    uint64_t user, nice, system, irq, softirq, steal;
    int number = -1, used = 0;

    if (line[3] != ' ' && sscanf(line, "cpu%d%n", &number, &used) != 1)
        return 0;
    out->processors += number >= 0;
    if (number != cpu)
        return 1;
    if (sscanf(line + (number < 0 ? 3 : used),
               " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %" SCNu64 " %" SCNu64 " %" SCNu64, &user, &nice, &system,
               &irq, &softirq, &steal) != 6)
        return 0;
    out->asked = user + nice + system + irq + softirq + steal;
    out->stolen = steal;
    return 2;
}

/* 1 when all was there. */
static int look(const struct host_watch *watch, struct look *out)
{
    FILE *file = fopen(watch->file, "re");
    char *line = NULL;
    size_t room = 0;
    int have_cpu = 0, have_runnable = 0, good = 1;

    if (!file)
        return 0;
    memset(out, 0, sizeof *out);
    while (good && getline(&line, &room, file) > 0) {
        if (strncmp(line, "cpu", 3) == 0) {
            int kind = parse_cpu(line, watch->cpu, out);
            good = kind > 0;
            have_cpu |= kind == 2;
        } else if (strncmp(line, "procs_running ", 14) == 0) {
            have_runnable = sscanf(line + 14, "%lf", &out->runnable) == 1;
        }
    }
    free(line);
    fclose(file);
    return good && have_cpu && have_runnable && out->processors > 0;
}

static int grow(struct host_watch *watch)
{
    int room = watch->room ? 2 * watch->room : 64;
    double *steal, *others;

    if (watch->blocks < watch->room)
        return 1;
    steal = realloc(watch->steal, (size_t)room * sizeof *steal);
    if (!steal)
        return 0;
    watch->steal = steal;
    others = realloc(watch->others, (size_t)room * sizeof *others);
    if (!others)
        return 0;
    watch->others = others;
    watch->room = room;
    return 1;
}

void host_watch_tick(struct host_watch *watch, double now_s)
{
    struct look now;
    int first = isnan(watch->last_s);

    if (watch->failed || (!first && now_s - watch->last_s < block_s))
        return;
    if (!look(watch, &now) || !grow(watch)) {
        watch->failed = 1;
        return;
    }
    watch->processors = now.processors;
    if (!first) {
        /* The kernel lets these counters go backwards now and then. */
        double asked = now.asked > watch->asked ? (double)(now.asked - watch->asked) : 0;
        double stolen = now.stolen > watch->stolen ? (double)(now.stolen - watch->stolen) : 0;
        watch->steal[watch->blocks] = asked > 0 ? fmin(1, stolen / asked) : 0;
        watch->others[watch->blocks] = fmax(0, now.runnable - 1);
        watch->blocks++;
    }
    watch->asked = now.asked;
    watch->stolen = now.stolen;
    watch->last_s = now_s;
}

void host_watch_end(struct host_watch *watch, struct host_watch_summary *out)
{
    memset(out, 0, sizeof *out);
    out->blocks = watch->blocks;
    for (int i = 0; i < watch->blocks; i++) {
        out->blocks_stolen += watch->steal[i] > 0.2;
        out->blocks_busy += watch->others[i] >= watch->processors;
    }
    stats_sort(watch->steal, watch->blocks);
    stats_sort(watch->others, watch->blocks);
    out->steal_ratio_median = stats_median(watch->steal, watch->blocks);
    out->runnable_median = stats_median(watch->others, watch->blocks);
    free(watch->steal);
    free(watch->others);
    watch->steal = watch->others = NULL;
    watch->blocks = watch->room = 0;
}
