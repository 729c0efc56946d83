/* An engine with inputs to rotate through and a place for its outputs: what the timers call. */
#ifndef RUNNER_H
#define RUNNER_H

#include "engine/engine.h"
#include "infer.h"

enum { RUNNER_INPUTS = 8 }; /* different inputs, so that no branch predictor learns one by heart */

struct runner {
    struct engine *engine; /* owned */
    float *input;          /* (RUNNER_INPUTS, batch, c, h, w); owned */
    float *output;         /* (batch, outputs); owned */
    size_t stride;         /* floats per input of a whole batch */
    int batch, outputs, next;
    uint32_t images; /* in the data set; input i holds images i * batch ... modulo this */
};

/* Plans the graph for `threads` and loads the first images of `data`. ST_UNSUPPORTED, ST_NOMEM, ST_BADARG. */
enum status runner_new(const struct graph *graph, const struct kn_table *table, int batch, int threads,
                       const struct dataset *data, struct runner *out);
/* The two halves of it: the plan, then the inputs. *out of the first is complete but for zero inputs. */
enum status runner_plan(const struct graph *graph, const struct kn_table *table, int batch, int threads,
                        struct runner *out);
void runner_load(struct runner *runner, const struct dataset *data);
void runner_free(struct runner *runner);

/* One inference of a whole batch with the next input (for timing_subject). */
void runner_call(void *runner);
/* The same in pieces (for timing_sequence). */
void runner_begin(void *runner);
void runner_step(void *runner, int step);
void runner_end(void *runner);

/* After timing: runs every input once more and compares with what the same kernels and batch gave before: bit for bit
 * where the image stood at the same place of its batch, within expected->tolerance elsewhere. ST_MISMATCH. */
enum status runner_verify(struct runner *runner, const struct infer *expected, const char *what);

#endif
