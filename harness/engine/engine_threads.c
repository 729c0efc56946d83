#define _GNU_SOURCE
#include "engine/engine_threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

/* Polls before a waiting thread goes to sleep, or lets others run: some tens of microseconds, longer than the steps
 * between two shared ones usually take. */
enum { SPIN_POLLS = 1500 };

struct worker {
    struct threads *threads;
    int part;
    pthread_t thread;
};

struct threads {
    int count; /* with the caller */
    int spin;  /* polls; none when there are more threads than processors */
    int started;
    struct worker worker[ENGINE_THREADS_MAX];
    const struct exec_step *step; /* published by generation */
    int quit;                     /* likewise */
    atomic_uint generation;
    atomic_int pending;  /* workers that have not finished this step */
    atomic_int sleepers; /* workers that wait for wake */
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Waits until the generation differs from `seen`. Between a worker's counting itself a sleeper and the caller's look at
 * the sleepers stands the generation: one of the two sees the other's write. */
static unsigned wait_for_work(struct threads *t, unsigned seen)
{
    unsigned now;

    for (int i = 0; i < t->spin; i++) {
        now = atomic_load_explicit(&t->generation, memory_order_acquire);
        if (now != seen)
            return now;
        relax();
    }
    pthread_mutex_lock(&t->lock);
    atomic_fetch_add(&t->sleepers, 1);
    while ((now = atomic_load(&t->generation)) == seen)
        pthread_cond_wait(&t->wake, &t->lock);
    atomic_fetch_sub(&t->sleepers, 1);
    pthread_mutex_unlock(&t->lock);
    return now;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct threads *t = worker->threads;
    unsigned seen = 0;

    for (;;) {
        seen = wait_for_work(t, seen);
        if (t->quit)
            return NULL;
        if (worker->part < t->step->parts)
            t->step->run(t->step, worker->part, t->step->parts);
        atomic_fetch_sub_explicit(&t->pending, 1, memory_order_release);
    }
}

static void publish(struct threads *t)
{
    atomic_fetch_add(&t->generation, 1);
    if (atomic_load(&t->sleepers) > 0) {
        pthread_mutex_lock(&t->lock);
        pthread_cond_broadcast(&t->wake);
        pthread_mutex_unlock(&t->lock);
    }
}

void engine_threads_run(struct threads *t, const struct exec_step *step)
{
    t->step = step;
    atomic_store_explicit(&t->pending, t->count - 1, memory_order_relaxed);
    publish(t);
    step->run(step, 0, step->parts);
    for (int i = 0; atomic_load_explicit(&t->pending, memory_order_acquire) > 0; i++) {
        if (i < t->spin)
            relax();
        else
            sched_yield();
    }
}

/* Worker `part` to the part-th processor after the caller's. */
static void pin(pthread_t thread, const cpu_set_t *set, int part)
{
    int here = sched_getcpu();
    size_t cpu = here < 0 ? 0 : (size_t)here;
    cpu_set_t one;

    for (int left = part; left > 0; left--)
        do
            cpu = (cpu + 1) % CPU_SETSIZE;
        while (!CPU_ISSET(cpu, set));
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    (void)pthread_setaffinity_np(thread, sizeof one, &one); /* only a matter of speed */
}

enum status engine_threads_new(int count, struct threads **out)
{
    struct threads *t;
    cpu_set_t set;
    int cpus = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;

    if (count < 2 || count > ENGINE_THREADS_MAX)
        return status_fail(ST_BADARG, "%d threads, expected at most %d", count, ENGINE_THREADS_MAX);
    t = calloc(1, sizeof *t);
    if (!t)
        return status_fail(ST_NOMEM, "no memory for %d threads", count);
    t->count = count;
    t->spin = cpus >= count ? SPIN_POLLS : 0;
    atomic_init(&t->generation, 0);
    atomic_init(&t->pending, 0);
    atomic_init(&t->sleepers, 0);
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->wake, NULL);
    for (int i = 1; i < count; i++) {
        struct worker *worker = &t->worker[t->started];
        *worker = (struct worker){.threads = t, .part = i};
        if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
            engine_threads_free(t);
            return status_fail(ST_NOMEM, "cannot start thread %d of %d", i + 1, count);
        }
        t->started++;
        if (cpus >= count)
            pin(worker->thread, &set, i);
    }
    *out = t;
    return ST_OK;
}

void engine_threads_free(struct threads *t)
{
    if (!t)
        return;
    t->quit = 1;
    publish(t);
    for (int i = 0; i < t->started; i++)
        pthread_join(t->worker[i].thread, NULL);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
