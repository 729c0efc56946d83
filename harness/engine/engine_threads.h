/* Inside of the engine: the threads that share a step's work. The caller is thread 0; the others wait for the next step
 * spinning for a short while, then asleep. Each is pinned to a processor of its own where there are enough.
 *
 * Not base/pool: there tasks are handed out as they are taken, here every part belongs to one thread, so that a step
 * costs one barrier and no more.
 *
 *   TRY(engine_threads_new(2, &threads));
 *   engine_threads_run(threads, step);      // step->run(step, part, step->parts) for every part */
#ifndef ENGINE_ENGINE_THREADS_H
#define ENGINE_ENGINE_THREADS_H

#include "base/status.h"
#include "engine/engine.h"
#include "engine/engine_exec.h"

struct threads;

/* `count` includes the caller: 2 or more. ST_BADARG above ENGINE_THREADS_MAX, ST_NOMEM. Owned. */
enum status engine_threads_new(int count, struct threads **out);
void engine_threads_free(struct threads *threads); /* accepts NULL */
/* Runs all parts of a step, at most `count`, and waits for them. */
void engine_threads_run(struct threads *threads, const struct exec_step *step);

#endif
