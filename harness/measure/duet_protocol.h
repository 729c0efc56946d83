/* What the driver (duet.c) and a worker (duet_worker.c) say to each other: one request, one reply, each a single
 * message of a SOCK_SEQPACKET socket on the worker's descriptor 3, in the byte order of the machine that both run on.
 * The first twelve bytes of both (magic, version, kind) never change, so that other versions can be told. A worker that
 * the driver has not released sleeps in recv. The end of the connection ends the worker.
 *
 *   START    pads stack and heap, pins itself, loads, plans, runs the first call  -> the facts of reply, text
 *   PREPARE  calls 0: finds how many make a batch of target_ns, warm; else warms up with so many
 *   STEPS    times the steps of one call                                          -> doubles, ns per step
 *   RUN      `batches` batches of `calls` calls each                              -> struct batch each
 *   SLICE    steps from .. to - 1 of one call; from 0 sets the input, to `steps` reads the output -> struct batch
 *   OUTPUTS  the call with input `index`: values, or the exact integers, from `offset` on -> float or int32_t
 *   END      checks what it can, then leaves with exit code 0 */
#ifndef MEASURE_DUET_PROTOCOL_H
#define MEASURE_DUET_PROTOCOL_H

#include <stdint.h>

#include "measure/batch.h"

enum {
    DUET_MAGIC = 0x64756574,
    DUET_VERSION = 1,
    DUET_DESCRIPTOR = 3,
    DUET_PAYLOAD_BYTES = 32768,
    DUET_MAX_STEPS = DUET_PAYLOAD_BYTES / 8, /* of a subject that can be sliced */
    DUET_MAX_INPUTS = 64
};

enum duet_kind {
    DUET_START = 1,
    DUET_PREPARE,
    DUET_STEPS,
    DUET_RUN,
    DUET_SLICE,
    DUET_OUTPUTS,
    DUET_END,
    DUET_FAILED /* reply only: `status`, text */
};

struct duet_request {
    uint32_t magic, version, kind;
    int32_t cpu; /* START; -1: any */
    uint32_t stack_bytes, heap_bytes;
    uint64_t calls;
    uint32_t batches;
    uint32_t from, to;
    uint32_t index, exact;
    uint64_t offset; /* elements */
    double target_ns, warmup_s, inflate_ratio;
};

struct duet_reply {
    uint32_t magic, version, kind; /* kind of the request, or DUET_FAILED */
    uint32_t status;               /* enum status, if DUET_FAILED */
    uint32_t payload_bytes;
    /* START */
    uint32_t inputs, steps;                                           /* steps 0: cannot be sliced */
    uint64_t values, exact;                                           /* per input */
    double load_ns, plan_ns, first_ns;                                /* see struct duet_side */
    double clock_overhead_ns, clock_resolution_ns, cpu_clock_cost_ns; /* see struct clock */
    /* PREPARE */
    uint64_t calls;
    double batch_ns, warmup_s;
    uint32_t steady;
    /* START, RUN, SLICE that ended a call: what the last call gave */
    uint32_t checked; /* index and check mean something */
    uint32_t index;   /* of its input */
    uint64_t check;   /* hash of its outputs */
};

struct duet_message {
    struct duet_reply reply;
    _Alignas(16) unsigned char payload[DUET_PAYLOAD_BYTES];
};

#endif
