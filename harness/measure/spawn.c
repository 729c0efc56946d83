#define _GNU_SOURCE /* pipe2 */
#include "measure/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { SPAWN_TICK_MS = 5 };

struct child {
    pid_t pid;
    int output; /* read end, -1 at its end */
    char *out;
    size_t size, used;
    int wait_status;
    int lost; /* somebody else collected its status */
};

static double now_s(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* A process group of its own, so that its children can be killed with it; signals as a fresh program expects them. */
static int start(char *const *argv, int output, pid_t *out_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int code;

    sigemptyset(&none);
    sigfillset(&all);
    code = posix_spawn_file_actions_init(&actions);
    if (code)
        return code;
    code = posix_spawnattr_init(&attributes);
    if (code) {
        posix_spawn_file_actions_destroy(&actions);
        return code;
    }
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setsigmask(&attributes, &none);
    code = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!code)
        code = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (!code)
        code = posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    if (!code)
        code = posix_spawnp(out_pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

/* Reads what is there; the part that has no room is dropped, so that the writer never blocks. */
static void drain(struct child *child)
{
    char chunk[4096];

    while (child->output >= 0) {
        ssize_t got = read(child->output, chunk, sizeof chunk);
        size_t room = child->size > child->used + 1 ? child->size - child->used - 1 : 0, take;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (got <= 0) {
            close(child->output);
            child->output = -1;
            return;
        }
        take = (size_t)got < room ? (size_t)got : room;
        if (take > 0)
            memcpy(child->out + child->used, chunk, take);
        child->used += take;
    }
}

/* 1 when the child has ended; waits at most one tick. */
static int step(struct child *child)
{
    struct pollfd ready = {child->output, POLLIN, 0};
    pid_t ended;

    (void)poll(&ready, 1, SPAWN_TICK_MS);
    drain(child);
    ended = waitpid(child->pid, &child->wait_status, WNOHANG);
    if (ended == child->pid)
        drain(child);
    child->lost = ended < 0 && errno != EINTR;
    return ended == child->pid || child->lost;
}

/* Asks politely for half a second, then not; never waits for ever. */
static void end_group(struct child *child)
{
    static const int signals[] = {SIGTERM, SIGKILL};

    for (int i = 0; i < 2; i++) {
        double until_s = now_s() + (i == 0 ? 0.5 : 2);
        kill(-child->pid, signals[i]);
        while (now_s() < until_s)
            if (step(child)) {
                kill(-child->pid, SIGKILL); /* what the leader left behind */
                return;
            }
    }
}

static enum status watch(struct child *child, const char *name, double timeout_s, const volatile sig_atomic_t *stop)
{
    double until_s = now_s() + timeout_s;

    while (!step(child)) {
        if (stop && *stop) {
            end_group(child);
            return status_fail(ST_INTERRUPTED, "interrupted while running %s", name);
        }
        if (now_s() >= until_s) {
            end_group(child);
            return status_fail(ST_IO, "%s: not finished after %g s, killed", name, timeout_s);
        }
    }
    return ST_OK;
}

enum status spawn_run(char *const *argv, double timeout_s, const volatile sig_atomic_t *stop, char *out, size_t size,
                      int *exit_code)
{
    enum status st;
    struct child child;
    int ends[2], code;

    if (!argv || !argv[0] || !(timeout_s > 0))
        return status_fail(ST_BADARG, "cannot run a program without a name or without time");
    memset(&child, 0, sizeof child);
    child.out = out;
    child.size = out ? size : 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return status_fail(ST_IO, "%s: cannot make a pipe: %s", argv[0], strerror(errno));
    code = start(argv, ends[1], &child.pid);
    close(ends[1]);
    child.output = ends[0];
    if (code == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
        code = errno;
        end_group(&child);
    }
    if (code != 0) {
        st = status_fail(code == ENOENT ? ST_SKIP : ST_IO, "%s: cannot run: %s", argv[0], strerror(code));
        goto out;
    }
    TRY_OUT(watch(&child, argv[0], timeout_s, stop));
    if (child.lost) {
        st = status_fail(ST_IO, "%s: its exit status is lost", argv[0]);
        goto out;
    }
    if (out && size > 0)
        out[child.used] = 0;
    *exit_code = WIFEXITED(child.wait_status) ? WEXITSTATUS(child.wait_status) : 128 + WTERMSIG(child.wait_status);
out:
    if (child.output >= 0)
        close(child.output);
    return st;
}
