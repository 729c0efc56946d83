/* What the files of duet.h share; not for others but tests. */
#ifndef MEASURE_DUET_INSIDE_H
#define MEASURE_DUET_INSIDE_H

#include "base/rng.h"
#include "measure/duet.h"
#include "measure/duet_protocol.h"

/* How a worker is reached: as a process (duet_link_processes), or inside this one in tests. */
struct duet_link {
    void *context; /* borrowed */
    /* A fresh worker for the arm, its environment `padding` bytes larger. */
    enum status (*open)(void *context, int arm, const struct duet_arm *what, int program, uint32_t padding);
    enum status (*ask)(void *context, int arm, const struct duet_request *request, struct duet_message *out);
    /* After END: waits for it. */
    enum status (*close)(void *context, int arm);
    /* Kills what is left. */
    void (*abandon)(void *context);
    double (*now_s)(void *context);
};

/* duet_run without the processes. cpu: what START says, -1 for none; watched_file: see host_watch.h. */
enum status duet_run_over(const struct duet_options *options, const struct duet_arm *a, const struct duet_arm *b,
                          const struct duet_link *link, int cpu, const char *watched_file, struct duet_result *out);

/* Zeroed request of a kind. */
struct duet_request duet_request_of(enum duet_kind kind);
/* The facts as canonical JSON, owned. ST_FORMAT unless they are one JSON object of strings. */
enum status duet_facts_check(const char *arm, const char *text, size_t len, char **out_facts);

/* Memory for pairs, rounds and batches of a result whose sizes are set; hooks the rounds into the pairs. */
enum status duet_result_room(struct duet_result *result);
/* Batches per position. */
int duet_result_width(const struct duet_result *result);
/* Fills all that follows from the batches: times and flags of the rounds, d and counts of the pairs, totals. */
enum status duet_judge(struct duet_result *result);

/* Cuts a call of steps into slices of at least slice_ns in both arms. The same steps where both have as many, else
 * those that come nearest to the same fraction of time. Returns the number of slices, at least 1; out_*
 * (DUET_MAX_SLICES + 1) begin with 0 and end with the number of steps. */
int duet_slices_cut(const double *a_ns, int a_steps, const double *b_ns, int b_steps, double slice_ns, uint32_t *out_a,
                    uint32_t *out_b);

#endif
