/* The serving side of a paired comparison (duet.h): loads a subject, sleeps until it is released, times what it is
 * asked to and checks that its outputs never change. Knows nothing of models: a subject is a set of functions.
 *
 *   struct duet_subject subject = {&runner, open, 8, call, begin, step, end, ...};
 *   TRY(duet_worker_serve(DUET_DESCRIPTOR, &clock, &subject)); */
#ifndef MEASURE_DUET_WORKER_H
#define MEASURE_DUET_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "measure/clock.h"
#include "measure/duet_protocol.h"

/* What a subject says about itself once it is ready. */
struct duet_opening {
    double load_ns, plan_ns;
    int inputs;    /* that calls rotate through; 1 .. DUET_MAX_INPUTS */
    int steps;     /* per call; 0: no begin, step and end */
    size_t values; /* floats that a call gives; at least 1 */
    size_t exact;  /* integers behind them; 0: none */
    char *facts;   /* JSON object of strings; malloc, taken over */
};

struct duet_subject {
    void *context; /* borrowed; handed to all */
    /* Loads and plans; asked once, after the process has been pinned. */
    enum status (*open)(void *context, struct duet_opening *out);
    /* One call with the next input. */
    void (*call)(void *context);
    /* The same in pieces. */
    void (*begin)(void *context);
    void (*step)(void *context, int step);
    void (*end)(void *context);
    /* The next call's input: 0 .. inputs - 1. Calls go on from there. */
    void (*select)(void *context, int input);
    /* Results of the last call; borrowed. exact may be NULL when there are none. */
    const float *(*values)(void *context);
    const int32_t *(*exact)(void *context);
    /* At the end: ST_MISMATCH if something was damaged. May be NULL. */
    enum status (*close)(void *context);
};

struct duet_worker {
    const struct clock *clock;          /* borrowed */
    const struct duet_subject *subject; /* borrowed */
    struct duet_opening opening;
    int opened, ended;
    double inflate_ratio;
    int next;                        /* input of the next call */
    uint8_t seen[DUET_MAX_INPUTS];   /* check[i] is known */
    uint64_t check[DUET_MAX_INPUTS]; /* of the first outputs for input i */
    uint32_t from, to;               /* of the slice that is run */
    void *heap;                      /* padding; owned */
};

/* ST_BADARG unless `descriptor` is a socket of the protocol. */
enum status duet_worker_check(int descriptor);
/* Serves until END or the end of the connection, both ST_OK. ST_BADARG when `descriptor` is no socket of the protocol,
 * ST_IO. Failures of the subject are told to the driver. */
enum status duet_worker_serve(int descriptor, const struct clock *clock, const struct duet_subject *subject);

/* ---------------------------------------------------------------- without the socket, for tests */

void duet_worker_init(struct duet_worker *worker, const struct clock *clock, const struct duet_subject *subject);
void duet_worker_free(struct duet_worker *worker);
/* One request of request_bytes, anything may be in it → one reply. */
void duet_worker_handle(struct duet_worker *worker, const void *request, size_t request_bytes,
                        struct duet_message *out);

#endif
