/* A worker as a process: started with its socket on descriptor 3, asked, ended, buried. Used by duet.c. */
#ifndef MEASURE_DUET_PROCESS_H
#define MEASURE_DUET_PROCESS_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"
#include "measure/duet_protocol.h"

struct duet_process {
    const char *arm;        /* for messages; borrowed */
    pid_t pid;              /* 0: none */
    int socket, errors;     /* -1: closed */
    int wait_status, ended; /* ended: wait_status holds; -1: somebody else collected it */
    char said[512];         /* the end of its standard error */
    size_t said_len;
};

struct duet_spawn {
    const char *arm;     /* for messages; borrowed */
    char *const *argv;   /* borrowed */
    const char *program; /* instead of argv[0]; may be NULL; borrowed */
    size_t padding;      /* bytes of environment on top of this process's */
};

/* No process, nothing open. */
void duet_process_init(struct duet_process *process);
/* ST_IO when it cannot be started. */
enum status duet_process_start(const struct duet_spawn *spawn, struct duet_process *out);
/* One request, one reply of the same kind. ST_IO naming the arm when the worker dies or takes longer than timeout_s,
 * ST_FORMAT when it answers with something else than the protocol's version 1, ST_INTERRUPTED when *stop (may be NULL)
 * becomes nonzero; the status that the worker reports. */
enum status duet_process_ask(struct duet_process *process, const struct duet_request *request, double timeout_s,
                             const volatile sig_atomic_t *stop, struct duet_message *out);
/* After END was answered: waits for exit code 0; ST_IO for anything else. */
enum status duet_process_finish(struct duet_process *process, double timeout_s);
/* Kills what is still there and closes everything; safe at any time. */
void duet_process_kill(struct duet_process *process);

#endif
