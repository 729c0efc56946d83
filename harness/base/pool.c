#define _GNU_SOURCE
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work_ready, work_done;
    pthread_t *thread;
    int workers; /* threads started, without the caller */
    int quit;
    uint32_t generation; /* of the present job; with run, context and tasks under the lock */
    pool_task_fn run;
    void *context;
    int tasks;
    atomic_uint_fast64_t ticket; /* generation << 32 | next task: a late worker cannot take from a later job */
    atomic_int done;             /* tasks finished */
    atomic_uint spin_generation; /* copy of generation that idle workers may poll without the lock */
};

/* What a thread needs to take part in one job, copied under the lock. */
struct job {
    uint32_t generation;
    pool_task_fn run;
    void *context;
    int tasks;
};

/* Layers follow each other within microseconds: a short poll saves a trip through the kernel. */
enum { SPIN_POLLS = 2000 };

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Index of the next task of this job, or -1 when none is left or the job is over. */
static int claim(struct pool *pool, const struct job *job)
{
    uint_fast64_t ticket = atomic_load(&pool->ticket);

    while ((uint32_t)(ticket >> 32) == job->generation && (int)(uint32_t)ticket < job->tasks)
        if (atomic_compare_exchange_weak(&pool->ticket, &ticket, ticket + 1))
            return (int)(uint32_t)ticket;
    return -1;
}

/* The job ends when its last task does, not when every worker has looked in: one that the system has not
 * woken yet is not waited for. */
static void drain(struct pool *pool, const struct job *job)
{
    int task;

    while ((task = claim(pool, job)) >= 0) {
        job->run(job->context, task);
        if (atomic_fetch_add(&pool->done, 1) + 1 == job->tasks) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->work_done);
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

static void *worker(void *argument)
{
    struct pool *pool = argument;
    uint32_t seen = 0;

    for (;;) {
        struct job job;
        for (int i = 0; i < SPIN_POLLS && atomic_load(&pool->spin_generation) == seen; i++)
            relax();
        pthread_mutex_lock(&pool->lock);
        while (pool->generation == seen && !pool->quit)
            pthread_cond_wait(&pool->work_ready, &pool->lock);
        if (pool->quit) {
            pthread_mutex_unlock(&pool->lock);
            return NULL;
        }
        job = (struct job){pool->generation, pool->run, pool->context, pool->tasks};
        seen = job.generation;
        pthread_mutex_unlock(&pool->lock);
        drain(pool, &job);
    }
}

enum status pool_new(int threads, struct pool **out_pool)
{
    struct pool *pool;

    if (threads < 1 || threads > 256)
        return status_fail(ST_BADARG, "%d threads: expected 1 to 256", threads);
    pool = calloc(1, sizeof *pool);
    if (!pool)
        return status_fail(ST_NOMEM, "no memory for a thread pool");
    pool->thread = calloc((size_t)threads, sizeof *pool->thread);
    if (!pool->thread) {
        free(pool);
        return status_fail(ST_NOMEM, "no memory for a thread pool");
    }
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work_ready, NULL);
    pthread_cond_init(&pool->work_done, NULL);
    atomic_init(&pool->ticket, 0);
    atomic_init(&pool->done, 0);
    atomic_init(&pool->spin_generation, 0);
    for (int i = 0; i < threads - 1; i++) {
        if (pthread_create(&pool->thread[i], NULL, worker, pool) != 0) {
            pool_free(pool);
            return status_fail(ST_NOMEM, "cannot start thread %d of %d", i + 2, threads);
        }
        pool->workers++;
    }
    *out_pool = pool;
    return ST_OK;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->quit = 1;
    pthread_cond_broadcast(&pool->work_ready);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->workers; i++)
        pthread_join(pool->thread[i], NULL);
    pthread_cond_destroy(&pool->work_done);
    pthread_cond_destroy(&pool->work_ready);
    pthread_mutex_destroy(&pool->lock);
    free(pool->thread);
    free(pool);
}

int pool_threads(const struct pool *pool)
{
    return pool ? pool->workers + 1 : 1;
}

void pool_run(struct pool *pool, int tasks, pool_task_fn run, void *context)
{
    struct job job;

    if (!pool || pool->workers == 0 || tasks <= 1) {
        for (int i = 0; i < tasks; i++)
            run(context, i);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    job = (struct job){++pool->generation, run, context, tasks};
    pool->run = run;
    pool->context = context;
    pool->tasks = tasks;
    atomic_store(&pool->done, 0);
    atomic_store(&pool->ticket, (uint_fast64_t)job.generation << 32);
    atomic_store(&pool->spin_generation, job.generation);
    pthread_cond_broadcast(&pool->work_ready);
    pthread_mutex_unlock(&pool->lock);
    drain(pool, &job);
    for (int i = 0; i < SPIN_POLLS && atomic_load(&pool->done) < tasks; i++)
        relax();
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->done) < tasks)
        pthread_cond_wait(&pool->work_done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

int pool_cpus(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    return CPU_COUNT(&set) > 0 ? CPU_COUNT(&set) : 1;
}
