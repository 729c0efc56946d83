/* A clock for tests that moves only when somebody works: nothing waits, nothing depends on the machine. */
#ifndef TESTS_FAKE_CLOCK_H
#define TESTS_FAKE_CLOCK_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "measure/clock.h"

enum { WORLD_LOG = 1 << 16 };

/* A machine whose time passes only when somebody works. */
struct world {
    double now_ns, cpu_ns;
    uint64_t disturbances, faults; /* switches, major page faults */
    double read_cost_ns;
    double drift_per_s;  /* everything gets slower by this share each second */
    char log[WORLD_LOG]; /* who ran, compressed: one letter per run of equals */
    int logged;
};

static inline uint64_t fake_wall(void *context)
{
    struct world *world = context;
    world->now_ns += world->read_cost_ns;
    world->cpu_ns += world->read_cost_ns;
    return (uint64_t)llround(world->now_ns);
}

static inline uint64_t fake_cpu(void *context)
{
    return (uint64_t)llround(((struct world *)context)->cpu_ns);
}

static inline void fake_disturbances(void *context, struct clock_disturbances *out)
{
    const struct world *world = context;
    out->switches = world->disturbances;
    out->faults = world->faults;
}

static inline void spend(struct world *world, double ns)
{
    ns *= 1 + world->drift_per_s * world->now_ns * 1e-9;
    world->now_ns += ns;
    world->cpu_ns += ns;
}

/* A fresh world whose clock costs 30 ns to read. */
static inline struct clock fake_clock(struct world *world)
{
    struct clock clock = {fake_wall, fake_cpu, fake_disturbances, world, 0, 0, 0};
    memset(world, 0, sizeof *world);
    world->read_cost_ns = 30;
    clock_measure(&clock);
    return clock;
}

#endif
