/* Workers without processes for the tests of the duet: they live in this program and share one fake clock. */
#ifndef TESTS_DUET_FAKE_H
#define TESTS_DUET_FAKE_H

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "measure/duet_inside.h"
#include "measure/duet_worker.h"
#include "tests/fake_clock.h"

enum { FAKE_STEPS = 64, FAKE_INPUTS = 8, FAKE_VALUES = 3 };

/* A subject whose calls cost what the test says. */
struct fake {
    struct world *world;
    char letter;
    double cost_ns; /* of a call; without steps */
    int steps;
    double step_ns[FAKE_STEPS];
    uint64_t calls;
    int steal_every;       /* every so many calls or steps somebody else gets the processor ... */
    double steal_ns;       /* ... for so long */
    int switch_every;      /* an involuntary switch that costs nothing */
    int fault_every;       /* a page from the disk that costs nothing */
    uint64_t change_after; /* calls with these outputs; then others; 0: never */
    float shift;           /* of all outputs */
    const char *facts;
    int next, input;
    uint64_t works;
    float value[FAKE_VALUES];
    int32_t exact[FAKE_VALUES];
};

static inline void fake_note(struct fake *fake)
{
    struct world *world = fake->world;
    if (world->logged < WORLD_LOG && (world->logged == 0 || world->log[world->logged - 1] != fake->letter))
        world->log[world->logged++] = fake->letter;
}

static inline void fake_work(struct fake *fake, double ns)
{
    struct world *world = fake->world;
    spend(world, ns);
    fake->works++;
    if (fake->steal_every && fake->works % (uint64_t)fake->steal_every == 0)
        world->now_ns += fake->steal_ns;
    if (fake->switch_every && fake->works % (uint64_t)fake->switch_every == 0)
        world->disturbances++;
    if (fake->fault_every && fake->works % (uint64_t)fake->fault_every == 0)
        world->faults++;
    fake_note(fake);
}

static inline void fake_begin(void *context)
{
    struct fake *fake = context;
    fake->input = fake->next;
    fake->next = (fake->next + 1) % FAKE_INPUTS;
}

static inline void fake_step(void *context, int step)
{
    struct fake *fake = context;
    fake_work(fake, fake->step_ns[step]);
}

static inline void fake_end(void *context)
{
    struct fake *fake = context;
    fake->calls++;
    for (int i = 0; i < FAKE_VALUES; i++) {
        fake->value[i] = (float)(10 * fake->input + i) + fake->shift;
        fake->exact[i] = 10 * fake->input - i;
    }
    if (fake->change_after && fake->calls > fake->change_after)
        fake->value[1] += 1;
}

static inline void fake_call(void *context)
{
    struct fake *fake = context;
    fake_begin(fake);
    if (fake->steps == 0)
        fake_work(fake, fake->cost_ns);
    for (int i = 0; i < fake->steps; i++)
        fake_step(fake, i);
    fake_end(fake);
}

static inline enum status fake_open(void *context, struct duet_opening *out)
{
    struct fake *fake = context;
    const char *facts = fake->facts ? fake->facts : "{\"code_id\":\"c0de\",\"isa\":\"avx2\"}";

    spend(fake->world, 2e6);
    out->load_ns = 1.5e6;
    out->plan_ns = 0.5e6;
    out->inputs = FAKE_INPUTS;
    out->steps = fake->steps;
    out->values = FAKE_VALUES;
    out->exact = FAKE_VALUES;
    out->facts = strdup(facts);
    return out->facts ? ST_OK : ST_NOMEM;
}

static inline void fake_select(void *context, int input)
{
    ((struct fake *)context)->next = input;
}

static inline const float *fake_values(void *context)
{
    return ((struct fake *)context)->value;
}

static inline const int32_t *fake_exact(void *context)
{
    return ((struct fake *)context)->exact;
}

static inline struct duet_subject fake_subject(struct fake *fake)
{
    struct duet_subject subject = {fake,     fake_open,   fake_call,   fake_begin, fake_step,
                                   fake_end, fake_select, fake_values, fake_exact, NULL};
    return subject;
}

/* Two arms on one fake machine, reached without sockets. */
struct fake_pair {
    struct world world;
    struct clock clock;
    struct fake arm[DUET_ARMS]; /* as a fresh process finds it; the test fills these */
    struct fake live[DUET_ARMS];
    struct duet_subject subject[DUET_ARMS];
    struct duet_worker worker[DUET_ARMS];
    int open[DUET_ARMS], opened, abandoned;
    uint32_t padding[64], heap[64], stack[64]; /* of the first processes */
    int program[64];
    uint64_t run_calls[DUET_ARMS]; /* of the last RUN */
    int runs[DUET_ARMS], slices[DUET_ARMS];
    int shift_from; /* processes from this one on give other outputs; 0: none */
    int facts_from; /* ... have other facts */
};

static inline enum status link_open(void *context, int arm, const struct duet_arm *what, int program, uint32_t padding)
{
    struct fake_pair *pair = context;

    (void)what;
    if (pair->opened < 64) {
        pair->padding[pair->opened] = padding;
        pair->program[pair->opened] = program;
    }
    pair->opened++;
    pair->live[arm] = pair->arm[arm];
    if (pair->shift_from && pair->opened >= pair->shift_from)
        pair->live[arm].shift = 1;
    if (pair->facts_from && pair->opened >= pair->facts_from)
        pair->live[arm].facts = "{\"code_id\":\"0ther\"}";
    pair->live[arm].world = &pair->world;
    pair->live[arm].letter = arm == DUET_A ? 'A' : 'B';
    pair->subject[arm] = fake_subject(&pair->live[arm]);
    duet_worker_init(&pair->worker[arm], &pair->clock, &pair->subject[arm]);
    pair->open[arm] = 1;
    return ST_OK;
}

static inline enum status link_ask(void *context, int arm, const struct duet_request *request, struct duet_message *out)
{
    struct fake_pair *pair = context;

    if (request->kind == DUET_START && pair->opened <= 64) {
        pair->heap[pair->opened - 1] = request->heap_bytes;
        pair->stack[pair->opened - 1] = request->stack_bytes;
    }
    if (request->kind == DUET_RUN) {
        pair->run_calls[arm] = request->calls;
        pair->runs[arm]++;
    }
    pair->slices[arm] += request->kind == DUET_SLICE;
    duet_worker_handle(&pair->worker[arm], request, sizeof *request, out);
    if (out->reply.kind == DUET_FAILED)
        return status_fail((enum status)out->reply.status, "arm %d: %.*s", arm, (int)out->reply.payload_bytes,
                           out->payload);
    return ST_OK;
}

static inline enum status link_close(void *context, int arm)
{
    struct fake_pair *pair = context;
    duet_worker_free(&pair->worker[arm]);
    pair->open[arm] = 0;
    return ST_OK;
}

static inline void link_abandon(void *context)
{
    struct fake_pair *pair = context;
    for (int arm = 0; arm < DUET_ARMS; arm++)
        if (pair->open[arm])
            (void)link_close(pair, arm);
    pair->abandoned++;
}

static inline double link_now_s(void *context)
{
    return 1e-9 * ((struct fake_pair *)context)->world.now_ns;
}

/* Both arms cost cost_ns per call. */
static inline void fake_pair_init(struct fake_pair *pair, double cost_ns)
{
    memset(pair, 0, sizeof *pair);
    pair->clock = fake_clock(&pair->world);
    pair->arm[DUET_A].cost_ns = pair->arm[DUET_B].cost_ns = cost_ns;
}

static inline struct duet_arm fake_arm(const char *name)
{
    static char *const argv[] = {(char *)(uintptr_t) "fake", NULL};
    struct duet_arm arm = {name, argv, NULL, 0, 1, 1};
    return arm;
}

static inline enum status fake_run(struct fake_pair *pair, const struct duet_options *options, const struct duet_arm *a,
                                   const struct duet_arm *b, struct duet_result *out)
{
    struct duet_link link = {pair, link_open, link_ask, link_close, link_abandon, link_now_s};
    return duet_run_over(options, a, b, &link, -1, "/proc/stat", out);
}

#endif
