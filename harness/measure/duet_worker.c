#define _GNU_SOURCE /* sched_setaffinity */
#include "measure/duet_worker.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/mem.h"

enum { WORKER_MAX_PAD = 1 << 20 };

void duet_worker_init(struct duet_worker *worker, const struct clock *clock, const struct duet_subject *subject)
{
    memset(worker, 0, sizeof *worker);
    worker->clock = clock;
    worker->subject = subject;
}

void duet_worker_free(struct duet_worker *worker)
{
    free(worker->opening.facts);
    free(worker->heap);
    memset(worker, 0, sizeof *worker);
}

/* FNV-1a over the values' bits, a word at a time. */
static uint64_t hash_values(const float *value, size_t count)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &value[i], sizeof bits);
        hash = (hash ^ bits) * 0x100000001b3u;
    }
    return hash;
}

/* After `calls` calls: what the last one gave must be what its input gave the first time. */
static enum status check_outputs(struct duet_worker *worker, uint64_t calls, struct duet_reply *reply)
{
    int inputs = worker->opening.inputs;
    int index = (int)(((uint64_t)worker->next + calls - 1) % (uint64_t)inputs);
    uint64_t check = hash_values(worker->subject->values(worker->subject->context), worker->opening.values);

    worker->next = (index + 1) % inputs;
    reply->checked = 1;
    reply->index = (uint32_t)index;
    reply->check = check;
    if (worker->seen[index] && worker->check[index] != check)
        return status_fail(ST_MISMATCH, "input %d gave other outputs than the first time", index);
    worker->seen[index] = 1;
    worker->check[index] = check;
    return ST_OK;
}

static struct batch_source calls_of(const struct duet_worker *worker)
{
    struct batch_source source = {worker->clock,         "worker", worker->subject->call, worker->subject->context,
                                  worker->inflate_ratio, NULL};
    return source;
}

static enum status pin(int cpu)
{
    cpu_set_t set;

    if (cpu < 0)
        return ST_OK;
    if (cpu >= CPU_SETSIZE)
        return status_fail(ST_BADARG, "processor %d: at most %d", cpu, CPU_SETSIZE - 1);
    CPU_ZERO(&set);
    CPU_SET((unsigned)cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        return status_fail(ST_IO, "cannot stay on processor %d: %s", cpu, strerror(errno));
    return ST_OK;
}

static enum status check_opening(const struct duet_opening *opening)
{
    if (opening->inputs < 1 || opening->inputs > DUET_MAX_INPUTS || opening->values < 1 || !opening->facts)
        return status_fail(ST_BADARG, "a subject needs 1 to %d inputs, values and facts", DUET_MAX_INPUTS);
    if (strlen(opening->facts) > DUET_PAYLOAD_BYTES)
        return status_fail(ST_BADARG, "%zu bytes of facts, at most %d", strlen(opening->facts), DUET_PAYLOAD_BYTES);
    return ST_OK;
}

static enum status start(struct duet_worker *worker, const struct duet_request *request, struct duet_message *out)
{
    const struct duet_subject *subject = worker->subject;
    struct duet_opening *opening = &worker->opening;
    struct duet_reply *reply = &out->reply;
    struct batch_source source;
    struct batch first;

    if (worker->opened)
        return status_fail(ST_BADARG, "started twice");
    if (request->heap_bytes > WORKER_MAX_PAD)
        return status_fail(ST_BADARG, "padding of %u bytes, at most %d", request->heap_bytes, WORKER_MAX_PAD);
    TRY(pin(request->cpu));
    worker->heap = malloc((size_t)request->heap_bytes + 1);
    if (!worker->heap)
        return status_fail(ST_NOMEM, "no memory for %u bytes of padding", request->heap_bytes);
    worker->inflate_ratio = request->inflate_ratio;
    TRY(subject->open(subject->context, opening));
    TRY(check_opening(opening));
    worker->opened = 1;

    source = calls_of(worker);
    source.inflate_ratio = 1;
    TRY(batch_run(&source, 1, &first));
    TRY(check_outputs(worker, 1, reply));
    reply->inputs = (uint32_t)opening->inputs;
    reply->steps = opening->steps > 0 && opening->steps <= DUET_MAX_STEPS ? (uint32_t)opening->steps : 0;
    reply->values = opening->values;
    reply->exact = opening->exact;
    reply->load_ns = opening->load_ns;
    reply->plan_ns = opening->plan_ns;
    reply->first_ns = batch_ns(&first, worker->clock->wall_overhead_ns);
    reply->clock_overhead_ns = worker->clock->wall_overhead_ns;
    reply->clock_resolution_ns = worker->clock->wall_resolution_ns;
    reply->cpu_clock_cost_ns = worker->clock->cpu_overhead_ns;
    reply->payload_bytes = (uint32_t)strlen(opening->facts);
    memcpy(out->payload, opening->facts, reply->payload_bytes);
    return ST_OK;
}

/* Counts calls, as calibration alone knows how many it made. */
struct counted {
    const struct duet_subject *subject;
    uint64_t calls;
};

static void counted_call(void *context)
{
    struct counted *counted = context;
    counted->subject->call(counted->subject->context);
    counted->calls++;
}

static enum status prepare(struct duet_worker *worker, const struct duet_request *request, struct duet_message *out)
{
    struct counted counted = {worker->subject, 0};
    struct batch_source source = calls_of(worker);
    struct batch_size size;

    source.run = counted_call;
    source.context = &counted;
    if (request->calls == 0)
        TRY(batch_calibrate(&source, request->target_ns, request->warmup_s, &size));
    else
        TRY(batch_warm(&source, request->calls, request->warmup_s, &size));
    out->reply.calls = size.calls;
    out->reply.batch_ns = size.batch_ns;
    out->reply.warmup_s = size.warmup_s;
    out->reply.steady = (uint32_t)size.steady;
    return counted.calls > 0 ? check_outputs(worker, counted.calls, &out->reply) : ST_OK;
}

static enum status steps(struct duet_worker *worker, struct duet_message *out)
{
    const struct duet_subject *subject = worker->subject;
    const struct clock *clock = worker->clock;
    uint64_t before, now;

    if (worker->opening.steps < 1 || worker->opening.steps > DUET_MAX_STEPS)
        return status_fail(ST_BADARG, "asked for steps, but there are %d", worker->opening.steps);
    before = clock->wall_ns(clock->context);
    subject->begin(subject->context);
    for (int i = 0; i < worker->opening.steps; i++) {
        double ns;
        subject->step(subject->context, i);
        now = clock->wall_ns(clock->context);
        ns = (double)(now - before);
        memcpy(out->payload + (size_t)i * sizeof ns, &ns, sizeof ns);
        before = now;
    }
    subject->end(subject->context);
    out->reply.payload_bytes = (uint32_t)((size_t)worker->opening.steps * sizeof(double));
    return check_outputs(worker, 1, &out->reply);
}

static enum status run(struct duet_worker *worker, const struct duet_request *request, struct duet_message *out)
{
    struct batch_source source = calls_of(worker);

    if (request->calls < 1 || request->batches < 1 || request->batches > DUET_PAYLOAD_BYTES / sizeof(struct batch))
        return status_fail(ST_BADARG, "asked for %u batches of %llu calls", request->batches,
                           (unsigned long long)request->calls);
    for (uint32_t i = 0; i < request->batches; i++) {
        struct batch batch;
        TRY(batch_run(&source, request->calls, &batch));
        TRY(check_outputs(worker, request->calls, &out->reply));
        memcpy(out->payload + i * sizeof batch, &batch, sizeof batch);
    }
    out->reply.payload_bytes = (uint32_t)(request->batches * sizeof(struct batch));
    return ST_OK;
}

static void slice_call(void *context)
{
    const struct duet_worker *worker = context;
    const struct duet_subject *subject = worker->subject;

    if (worker->from == 0)
        subject->begin(subject->context);
    for (uint32_t i = worker->from; i < worker->to; i++)
        subject->step(subject->context, (int)i);
    if (worker->to == (uint32_t)worker->opening.steps)
        subject->end(subject->context);
}

static enum status slice(struct duet_worker *worker, const struct duet_request *request, struct duet_message *out)
{
    struct batch_source source = {worker->clock, "worker", slice_call, worker, worker->inflate_ratio, NULL};
    struct batch batch;

    if (worker->opening.steps < 1 || request->from >= request->to || request->to > (uint32_t)worker->opening.steps ||
        (request->from != 0 && request->from != worker->to))
        return status_fail(ST_BADARG, "asked for steps %u to %u of %d after %u", request->from, request->to,
                           worker->opening.steps, worker->to);
    worker->from = request->from;
    worker->to = request->to;
    TRY(batch_run(&source, 1, &batch));
    memcpy(out->payload, &batch, sizeof batch);
    out->reply.payload_bytes = sizeof batch;
    return request->to == (uint32_t)worker->opening.steps ? check_outputs(worker, 1, &out->reply) : ST_OK;
}

static enum status outputs(struct duet_worker *worker, const struct duet_request *request, struct duet_message *out)
{
    const struct duet_subject *subject = worker->subject;
    size_t total = request->exact ? worker->opening.exact : worker->opening.values, count;
    const unsigned char *data;

    _Static_assert(sizeof(float) == 4 && sizeof(int32_t) == 4, "elements of four bytes");
    if (request->index >= (uint32_t)worker->opening.inputs || request->offset >= total ||
        (request->exact && !subject->exact))
        return status_fail(ST_BADARG, "asked for outputs from %llu of %zu of input %u",
                           (unsigned long long)request->offset, total, request->index);
    if (request->offset == 0) {
        worker->next = (int)request->index;
        subject->select(subject->context, worker->next);
        subject->call(subject->context);
        TRY(check_outputs(worker, 1, &out->reply));
    }
    data = request->exact ? (const unsigned char *)subject->exact(subject->context)
                          : (const unsigned char *)subject->values(subject->context);
    if (!data)
        return status_fail(ST_BADARG, "asked for exact integers, but there are none");
    count = total - (size_t)request->offset;
    count = count < DUET_PAYLOAD_BYTES / 4 ? count : DUET_PAYLOAD_BYTES / 4;
    out->reply.payload_bytes = (uint32_t)(4 * count);
    memcpy(out->payload, data + 4 * request->offset, 4 * count);
    return ST_OK;
}

static enum status end(struct duet_worker *worker)
{
    worker->ended = 1;
    return worker->opened && worker->subject->close ? worker->subject->close(worker->subject->context) : ST_OK;
}

static enum status answer(struct duet_worker *worker, const struct duet_request *request, struct duet_message *out)
{
    if (!worker->opened && request->kind != DUET_START && request->kind != DUET_END)
        return status_fail(ST_BADARG, "request %u before the start", request->kind);
    switch (request->kind) {
    case DUET_START:
        return start(worker, request, out);
    case DUET_PREPARE:
        return prepare(worker, request, out);
    case DUET_STEPS:
        return steps(worker, out);
    case DUET_RUN:
        return run(worker, request, out);
    case DUET_SLICE:
        return slice(worker, request, out);
    case DUET_OUTPUTS:
        return outputs(worker, request, out);
    case DUET_END:
        return end(worker);
    default:
        return status_fail(ST_BADARG, "request %u is unknown", request->kind);
    }
}

void duet_worker_handle(struct duet_worker *worker, const void *bytes, size_t len, struct duet_message *out)
{
    struct duet_request request = {0};
    struct duet_reply *reply = &out->reply;
    enum status st;

    memset(reply, 0, sizeof *reply);
    memcpy(&request, bytes, len < sizeof request ? len : sizeof request);
    if (request.magic != DUET_MAGIC || request.version != DUET_VERSION || len != sizeof request)
        st = status_fail(ST_FORMAT, "a request of %zu bytes in version %u, expected %zu in version %d", len,
                         request.version, sizeof request, DUET_VERSION);
    else
        st = answer(worker, &request, out);
    if (st != ST_OK) {
        memset(reply, 0, sizeof *reply);
        reply->status = (uint32_t)st;
        reply->payload_bytes = (uint32_t)strlen(status_message());
        memcpy(out->payload, status_message(), reply->payload_bytes);
    }
    reply->magic = DUET_MAGIC;
    reply->version = DUET_VERSION;
    reply->kind = st == ST_OK ? request.kind : DUET_FAILED;
}

enum status duet_worker_check(int descriptor)
{
    int type = 0;
    socklen_t size = sizeof type;

    if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET)
        return status_fail(ST_BADARG,
                           "descriptor %d is not a socket of the measuring process: workers are started by packlight "
                           "itself, not by hand",
                           descriptor);
    return ST_OK;
}

/* ST_OK with *out_len 0 at the end of the connection. */
static enum status next_request(int descriptor, void *buffer, size_t room, size_t *out_len)
{
    ssize_t got;

    do
        got = recv(descriptor, buffer, room, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno != ECONNRESET)
        return status_fail(ST_IO, "cannot read a request: %s", strerror(errno));
    *out_len = got > 0 ? (size_t)got : 0;
    return ST_OK;
}

static enum status send_reply(int descriptor, const struct duet_message *message)
{
    size_t len = sizeof message->reply + message->reply.payload_bytes;
    struct iovec part[2] = {{(void *)(uintptr_t)&message->reply, sizeof message->reply},
                            {(void *)(uintptr_t)message->payload, message->reply.payload_bytes}};
    struct msghdr header = {.msg_iov = part, .msg_iovlen = 2};
    ssize_t sent;

    do
        sent = sendmsg(descriptor, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent != (ssize_t)len)
        return status_fail(ST_IO, "cannot send a reply: %s", strerror(errno));
    return ST_OK;
}

/* The stack below begins stack_bytes further on than it would. */
static __attribute__((noinline)) enum status serve_padded(int descriptor, struct duet_worker *worker,
                                                          uint32_t stack_bytes, const void *first, size_t first_len,
                                                          struct duet_message *message)
{
    _Alignas(16) unsigned char request[2 * sizeof(struct duet_request)];
    volatile char *pad = __builtin_alloca(stack_bytes + 1);

    pad[0] = 0;
    duet_worker_handle(worker, first, first_len, message);
    TRY(send_reply(descriptor, message));
    while (!worker->ended) {
        size_t len;
        TRY(next_request(descriptor, request, sizeof request, &len));
        if (len == 0)
            return ST_OK;
        duet_worker_handle(worker, request, len, message);
        TRY(send_reply(descriptor, message));
    }
    return ST_OK;
}

enum status duet_worker_serve(int descriptor, const struct clock *clock, const struct duet_subject *subject)
{
    struct duet_request first = {0};
    struct duet_message *message = NULL;
    struct duet_worker worker;
    enum status st;
    size_t len;

    TRY(duet_worker_check(descriptor));
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* the end of the connection is noticed between requests only */
    duet_worker_init(&worker, clock, subject);
    TRY_OUT(mem_alloc(1, sizeof *message, &message));
    TRY_OUT(next_request(descriptor, &first, sizeof first, &len));
    if (len > 0)
        TRY_OUT(serve_padded(descriptor, &worker, first.stack_bytes < WORKER_MAX_PAD ? first.stack_bytes : 0, &first,
                             len, message));
out:
    mem_free(message);
    duet_worker_free(&worker);
    return st;
}
