/* The driver over real processes: duet_run and duet_outputs_read of duet.h. */
#define _GNU_SOURCE /* sched_getaffinity */
#include <math.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "measure/duet_inside.h"
#include "measure/duet_process.h"

struct live {
    const struct duet_options *options;
    struct duet_process process[DUET_ARMS];
};

static enum status live_open(void *context, int arm, const struct duet_arm *what, int program, uint32_t padding)
{
    struct live *live = context;
    struct duet_spawn spawn = {what->name, what->argv, NULL, padding};

    if (what->program_count > 0)
        spawn.program = what->programs[program];
    return duet_process_start(&spawn, &live->process[arm]);
}

static enum status live_ask(void *context, int arm, const struct duet_request *request, struct duet_message *out)
{
    struct live *live = context;
    return duet_process_ask(&live->process[arm], request, live->options->timeout_s, live->options->stop, out);
}

static enum status live_close(void *context, int arm)
{
    struct live *live = context;
    return duet_process_finish(&live->process[arm], live->options->timeout_s);
}

static void live_abandon(void *context)
{
    struct live *live = context;
    for (int arm = 0; arm < DUET_ARMS; arm++)
        duet_process_kill(&live->process[arm]);
}

static double live_now_s(void *context)
{
    struct timespec now = {0, 0};
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static struct duet_link live_link(struct live *live, const struct duet_options *options)
{
    struct duet_link link = {live, live_open, live_ask, live_close, live_abandon, live_now_s};

    live->options = options;
    for (int arm = 0; arm < DUET_ARMS; arm++)
        duet_process_init(&live->process[arm]);
    return link;
}

/* The last processor of the set: interrupts like the first ones. -1 when the set is empty. */
static int last_processor(const cpu_set_t *set)
{
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
        if (CPU_ISSET((unsigned)cpu, set))
            return cpu;
    return -1;
}

static enum status choose_processor(const struct duet_options *options, const cpu_set_t *allowed, int *out_cpu)
{
    *out_cpu = options->cpu >= 0 ? options->cpu : last_processor(allowed);
    if (*out_cpu < 0 || *out_cpu >= CPU_SETSIZE || !CPU_ISSET((unsigned)*out_cpu, allowed))
        return status_fail(ST_BADARG, "duet: processor %d is not among those that this process may use", *out_cpu);
    return ST_OK;
}

/* The driver leaves the workers' processor, if it has another. */
static void make_room(const cpu_set_t *allowed, int cpu)
{
    cpu_set_t rest = *allowed;

    CPU_CLR((unsigned)cpu, &rest);
    if (CPU_COUNT(&rest) > 0)
        (void)sched_setaffinity(0, sizeof rest, &rest);
}

enum status duet_run(const struct duet_options *options, const struct duet_arm *a, const struct duet_arm *b,
                     struct duet_result *out)
{
    int threaded = a->threads > 1 || b->threads > 1, cpu = -1;
    struct live live = {0};
    struct duet_link link = live_link(&live, options);
    cpu_set_t allowed;
    enum status st;

    if (threaded)
        return duet_run_over(options, a, b, &link, -1, "/proc/stat", out);
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return status_fail(ST_UNSUPPORTED, "duet: cannot find out which processors this process may use");
    TRY(choose_processor(options, &allowed, &cpu));
    make_room(&allowed, cpu);
    st = duet_run_over(options, a, b, &link, cpu, "/proc/stat", out);
    (void)sched_setaffinity(0, sizeof allowed, &allowed);
    return st;
}

/* ---------------------------------------------------------------- outputs */

/* All elements of one input, a message at a time. */
static enum status read_elements(const struct duet_link *link, const char *arm, int index, int exact, size_t count,
                                 unsigned char *out, struct duet_message *message)
{
    struct duet_request request = duet_request_of(DUET_OUTPUTS);
    size_t have = 0;

    request.index = (uint32_t)index;
    request.exact = (uint32_t)exact;
    while (have < count) {
        size_t got;
        request.offset = have;
        TRY(link->ask(link->context, DUET_A, &request, message));
        got = message->reply.payload_bytes / 4;
        if (got == 0 || message->reply.payload_bytes % 4 != 0 || got > count - have)
            return status_fail(ST_FORMAT, "%s: the worker's outputs are damaged", arm);
        memcpy(out + 4 * have, message->payload, 4 * got);
        have += got;
    }
    return ST_OK;
}

static enum status take_shape(const struct duet_arm *arm, const struct duet_message *message, struct duet_outputs *out)
{
    const struct duet_reply *reply = &message->reply;

    if (reply->inputs < 1 || reply->inputs > DUET_MAX_INPUTS || reply->values < 1 || reply->values > 1u << 30 ||
        reply->exact > 1u << 30)
        return status_fail(ST_FORMAT, "%s: the worker's greeting is damaged", arm->name);
    TRY(duet_facts_check(arm->name, (const char *)message->payload, reply->payload_bytes, &out->facts));
    out->inputs = (int)reply->inputs;
    out->values = reply->values;
    out->exact = reply->exact;
    TRY(mem_alloc((size_t)out->inputs * out->values, sizeof(float), &out->value));
    return out->exact ? mem_alloc((size_t)out->inputs * out->exact, sizeof(int32_t), &out->integer) : ST_OK;
}

enum status duet_outputs_read(const struct duet_options *options, const struct duet_arm *arm, struct duet_outputs *out)
{
    struct duet_request start = duet_request_of(DUET_START), end = duet_request_of(DUET_END);
    struct duet_outputs outputs;
    struct duet_message *message = NULL;
    struct live live = {0};
    struct duet_link link = live_link(&live, options);
    enum status st;

    memset(&outputs, 0, sizeof outputs);
    start.cpu = -1;
    start.inflate_ratio = 1;
    if (!arm->name || !arm->argv || !arm->argv[0])
        return status_fail(ST_BADARG, "duet: an arm without name or command");
    TRY(mem_alloc(1, sizeof *message, &message));
    TRY_OUT(link.open(link.context, DUET_A, arm, 0, 0));
    TRY_OUT(link.ask(link.context, DUET_A, &start, message));
    TRY_OUT(take_shape(arm, message, &outputs));
    for (int i = 0; i < outputs.inputs; i++) {
        TRY_OUT(read_elements(&link, arm->name, i, 0, outputs.values,
                              (unsigned char *)(outputs.value + (size_t)i * outputs.values), message));
        if (outputs.exact)
            TRY_OUT(read_elements(&link, arm->name, i, 1, outputs.exact,
                                  (unsigned char *)(outputs.integer + (size_t)i * outputs.exact), message));
    }
    TRY_OUT(link.ask(link.context, DUET_A, &end, message));
    TRY_OUT(link.close(link.context, DUET_A));
    *out = outputs;
    memset(&outputs, 0, sizeof outputs);
out:
    link.abandon(link.context);
    duet_outputs_free(&outputs);
    mem_free(message);
    return st;
}

void duet_outputs_free(struct duet_outputs *outputs)
{
    mem_free(outputs->value);
    mem_free(outputs->integer);
    mem_free(outputs->facts);
    memset(outputs, 0, sizeof *outputs);
}

static enum status compare_input(const struct duet_outputs *a, const struct duet_outputs *b, int i, double tolerance,
                                 const char *what)
{
    const float *x = a->value + (size_t)i * a->values, *y = b->value + (size_t)i * b->values;
    double largest = 0;

    if (a->exact && b->exact)
        for (size_t k = 0; k < a->exact; k++) {
            int32_t p = a->integer[(size_t)i * a->exact + k], q = b->integer[(size_t)i * b->exact + k];
            if (p != q)
                return status_fail(ST_MISMATCH, "%s: input %d, integer %zu: %d against %d", what, i, k, (int)q, (int)p);
        }
    for (size_t k = 0; k < a->values; k++)
        largest = fmax(largest, fabs((double)x[k]));
    for (size_t k = 0; k < a->values; k++) {
        double gap = fabs((double)x[k] - (double)y[k]);
        int same = memcmp(&x[k], &y[k], sizeof x[k]) == 0;
        if (!same && !(tolerance > 0 && gap <= tolerance * fmax(1, largest)))
            return status_fail(ST_MISMATCH, "%s: input %d, output %zu: %.9g against %.9g", what, i, k, (double)y[k],
                               (double)x[k]);
    }
    return ST_OK;
}

enum status duet_outputs_compare(const struct duet_outputs *a, const struct duet_outputs *b, double tolerance,
                                 const char *what)
{
    if (a->inputs != b->inputs || a->values != b->values || (a->exact && b->exact && a->exact != b->exact))
        return status_fail(ST_MISMATCH, "%s: %d inputs of %zu outputs against %d of %zu", what, b->inputs, b->values,
                           a->inputs, a->values);
    for (int i = 0; i < a->inputs; i++)
        TRY(compare_input(a, b, i, tolerance, what));
    return ST_OK;
}
