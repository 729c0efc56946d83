/* A lock between processes: whoever holds it works, others wait. A process that dies gives it back, however it died.
 *
 * It is flock(2) on a small file that exists while the lock is held. On NFS (Linux 2.6.12 and later) it holds between
 * machines too, if the server serves locks; where the folder cannot have locks at all, lock_try says LOCK_NONE and the
 * caller goes on without. */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <limits.h>

#include "base/status.h"

enum lock_state {
    LOCK_HELD,
    LOCK_BUSY, /* another process has it: try again later */
    LOCK_NONE  /* no locks here (read-only folder, no lock server); status_message() says why */
};

struct lock {
    int fd; /* -1: not held */
    char path[PATH_MAX];
};

/* Never waits. LOCK_HELD: release it with lock_release. ST_BADARG (path too long). */
enum status lock_try(const char *path, struct lock *out_lock, enum lock_state *out_state);
/* Removes the file and gives the lock back; nothing when it is not held. */
void lock_release(struct lock *lock);

#endif
