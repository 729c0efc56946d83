/* One cell of the comparison → one record per library. Every library's output is held against the exact result before
 * and after it is timed; each is timed in interleaved rounds against ours. A float result out of tolerance gets no
 * time; another library's wrong integers are recorded as `inexact` with an example, because that is how it ships. */
#ifndef PEER_RUN_H
#define PEER_RUN_H

#include <signal.h>

#include "measure/clock.h"
#include "peer_suite.h"
#include "report/record.h"

struct peer_run_context {
    const struct peer_suite *suite; /* borrowed */
    const struct kn_table *table;
    struct clock clock;
    double budget_s;
    const volatile sig_atomic_t *stop;
    struct peer peer[PEER_LIBRARIES]; /* as in peer_libraries; open where usable */
    int usable[PEER_LIBRARIES];
    char why_not[PEER_LIBRARIES][256];
    char inexact[PEER_LIBRARIES][320]; /* a wrong integer of a small full-range convolution; "": none. For models */
};

/* Opens the wanted libraries; one that cannot be opened is a reason, not a failure. */
void peer_run_open(struct peer_run_context *context, const struct peer_settings *settings);
void peer_run_close(struct peer_run_context *context);

/* "simd", "simd-dense", "peer:onednn-2.6.3"; "peer:onednn" when it cannot be used. */
void peer_run_kernel(const struct peer_run_context *context, int library, char *out, size_t size);

/* Fills out[0 .. *out_count - 1], ours last, whatever happens to the libraries; to be freed in any case. out has room
 * for PEER_LIBRARIES. Fails only with ST_INTERRUPTED or ST_NOMEM. */
enum status peer_run_cell(const struct peer_run_context *context, const struct peer_cell *cell, struct record *out,
                          int *out_count);

#endif
