/* What else goes on on this machine while something is measured: stolen time and runnable processes, from /proc/stat in
 * blocks of at least 200 ms (its jiffies are too coarse for less).
 *
 *   struct host_watch watch;
 *   host_watch_begin(&watch, cpu, "/proc/stat");
 *   while (measuring)
 *       host_watch_tick(&watch, now_s);           // looks only when 200 ms have passed since the last time
 *   host_watch_end(&watch, &summary);             // frees */
#ifndef MEASURE_HOST_WATCH_H
#define MEASURE_HOST_WATCH_H

#include <stdint.h>

struct host_watch_summary {
    int blocks;                /* 0: /proc/stat cannot be read, or less than one block passed */
    int blocks_stolen;         /* steal above 20 % of what the processor was asked for */
    int blocks_busy;           /* at least as many other runnable processes as processors */
    double steal_ratio_median; /* NaN without blocks */
    double runnable_median;    /* other runnable processes; NaN without blocks */
};

struct host_watch {
    const char *file;       /* borrowed */
    int cpu;                /* whose time is looked at; -1: all together */
    int processors;         /* lines cpuN */
    double last_s;          /* of the last look; NaN before the first */
    uint64_t asked, stolen; /* jiffies at the last look */
    double *steal, *others; /* (room) per block; owned */
    int blocks, room;
    int failed; /* no such file or no memory: no more looks */
};

/* Nothing is read yet. */
void host_watch_begin(struct host_watch *watch, int cpu, const char *file);
/* A look if 200 ms have passed. The caller must be the only one of its processes that is runnable now. */
void host_watch_tick(struct host_watch *watch, double now_s);
/* Frees what the watch holds. */
void host_watch_end(struct host_watch *watch, struct host_watch_summary *out);

#endif
