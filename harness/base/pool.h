/* A small pool of threads for independent tasks.
 *
 * The number of tasks and what each does never depends on the number of threads, so results are the same
 * with any number: tasks write to places of their own, and sums over tasks are made afterwards in order.
 *
 *   pool_new(2, &pool);
 *   pool_run(pool, 8, task, &work);     // task(work, 0) ... task(work, 7), returns when all are done
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/status.h"

struct pool;
typedef void (*pool_task_fn)(void *context, int task);

/* `threads` counts the caller; 1 starts none. ST_BADARG below 1 or above 256, ST_NOMEM. Owned. */
enum status pool_new(int threads, struct pool **out_pool);
void pool_free(struct pool *pool);         /* accepts NULL */
int pool_threads(const struct pool *pool); /* NULL: 1 */
/* Runs all tasks and waits. NULL pool: in order on the caller. Not re-entrant: a task must not call it. */
void pool_run(struct pool *pool, int tasks, pool_task_fn run, void *context);
/* Processors this process may use. */
int pool_cpus(void);

#endif
