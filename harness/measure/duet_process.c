#define _GNU_SOURCE /* pipe2 */
#include "measure/duet_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { PROCESS_TICK_MS = 50 };

static double now_s(void)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void duet_process_init(struct duet_process *process)
{
    memset(process, 0, sizeof *process);
    process->socket = process->errors = -1;
}

/* ---------------------------------------------------------------- starting */

/* The environment with a variable of `padding` bytes: it lies above the stack and moves everything below it. Owned, one
 * block for the pointers and one text. */
static enum status padded_environment(size_t padding, char ***out_pointers, char **out_text)
{
    static const char name[] = "PACKLIGHT_PADDING=";
    size_t count = 0, at = 0;
    char **pointers, *text;

    while (environ && environ[count])
        count++;
    pointers = malloc((count + 2) * sizeof *pointers);
    text = malloc(sizeof name + padding);
    if (!pointers || !text) {
        free(pointers);
        free(text);
        return status_fail(ST_NOMEM, "no memory for an environment of %zu variables", count);
    }
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], name, sizeof name - 1) != 0)
            pointers[at++] = environ[i];
    memcpy(text, name, sizeof name - 1);
    memset(text + sizeof name - 1, 'x', padding);
    text[sizeof name - 1 + padding] = 0;
    pointers[at++] = text;
    pointers[at] = NULL;
    *out_pointers = pointers;
    *out_text = text;
    return ST_OK;
}

static int add_files(posix_spawn_file_actions_t *actions, int socket, int errors)
{
    int code = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (!code)
        code = posix_spawn_file_actions_adddup2(actions, errors, STDOUT_FILENO);
    if (!code)
        code = posix_spawn_file_actions_adddup2(actions, errors, STDERR_FILENO);
    if (!code)
        code = posix_spawn_file_actions_adddup2(actions, socket, DUET_DESCRIPTOR);
    return code;
}

/* A process group of its own, so that a ctrl-C reaches this process alone, which then ends the workers. */
static int spawn_child(const struct duet_spawn *spawn, char **environment, int socket, int errors, pid_t *out_pid)
{
    const char *program = spawn->program ? spawn->program : spawn->argv[0];
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
    code = add_files(&actions, socket, errors);
    if (!code)
        code = posix_spawnp(out_pid, program, &actions, &attributes, spawn->argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

/* A descriptor below 4 would be overwritten in the child before it is used; moved up, close-on-exec. */
static int move_up(int *descriptor)
{
    int moved;

    if (*descriptor > DUET_DESCRIPTOR)
        return 0;
    moved = fcntl(*descriptor, F_DUPFD_CLOEXEC, DUET_DESCRIPTOR + 1);
    if (moved < 0)
        return -1;
    close(*descriptor);
    *descriptor = moved;
    return 0;
}

static void close_all(int *descriptors, int count)
{
    for (int i = 0; i < count; i++)
        if (descriptors[i] >= 0)
            close(descriptors[i]);
}

/* sockets: 0 ours, 1 the child's; pipe: 2 ours, 3 the child's. */
static int open_channels(int ends[4])
{
    for (int i = 0; i < 4; i++)
        ends[i] = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0 || pipe2(ends + 2, O_CLOEXEC) != 0 ||
        fcntl(ends[2], F_SETFL, O_NONBLOCK) != 0 || move_up(&ends[1]) != 0 || move_up(&ends[3]) != 0) {
        int code = errno;
        close_all(ends, 4);
        return code;
    }
    return 0;
}

enum status duet_process_start(const struct duet_spawn *spawn, struct duet_process *out)
{
    struct duet_process process;
    char **environment = NULL, *text = NULL;
    int ends[4], code;

    duet_process_init(&process);
    process.arm = spawn->arm;
    TRY(padded_environment(spawn->padding, &environment, &text));
    code = open_channels(ends);
    if (!code) {
        code = spawn_child(spawn, environment, ends[1], ends[3], &process.pid);
        close(ends[1]);
        close(ends[3]);
        if (code)
            close_all((int[]){ends[0], ends[2]}, 2);
    }
    free(environment);
    free(text);
    if (code)
        return status_fail(ST_IO, "%s: cannot start %s: %s", spawn->arm,
                           spawn->program ? spawn->program : spawn->argv[0], strerror(code));
    process.socket = ends[0];
    process.errors = ends[2];
    *out = process;
    return ST_OK;
}

/* ---------------------------------------------------------------- the end */

/* Keeps the last bytes of what the worker prints. */
static void listen_errors(struct duet_process *process)
{
    char chunk[256];

    /* Bounded: somebody may write faster than this reads. */
    for (int i = 0; i < 256 && process->errors >= 0; i++) {
        ssize_t got = read(process->errors, chunk, sizeof chunk);
        size_t len, keep;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (got <= 0) {
            close(process->errors);
            process->errors = -1;
            return;
        }
        len = (size_t)got;
        keep = sizeof process->said - 1 - len;
        keep = process->said_len < keep ? process->said_len : keep;
        memmove(process->said, process->said + process->said_len - keep, keep);
        memcpy(process->said + keep, chunk, len);
        process->said_len = keep + len;
        process->said[process->said_len] = 0;
    }
}

/* Collects the exit status if there is one within wait_s. */
static int collect(struct duet_process *process, double wait_s)
{
    double until_s = now_s() + wait_s;

    while (process->pid > 0 && !process->ended) {
        pid_t ended = waitpid(process->pid, &process->wait_status, WNOHANG);
        struct pollfd ready = {process->errors, POLLIN, 0};
        if (ended == process->pid)
            process->ended = 1;
        else if (ended < 0 && errno != EINTR)
            process->ended = -1;
        else if (now_s() >= until_s)
            return 0;
        else
            (void)poll(&ready, 1, 1);
        listen_errors(process);
    }
    return 1;
}

void duet_process_kill(struct duet_process *process)
{
    if (process->pid > 0) {
        /* The group too: a wrapper may have started others. Its number is taken as long as the leader is not buried. */
        if (!process->ended) {
            kill(-process->pid, SIGKILL);
            kill(process->pid, SIGKILL); /* it may have left its group */
        }
        while (!process->ended) {
            pid_t ended = waitpid(process->pid, &process->wait_status, 0);
            if (ended == process->pid || (ended < 0 && errno != EINTR))
                process->ended = 1;
        }
    }
    if (process->socket >= 0)
        close(process->socket);
    if (process->errors >= 0)
        close(process->errors);
    duet_process_init(process);
}

/* The last line that is not empty, control characters as blanks; may be "". */
static void last_line(const struct duet_process *process, char *out, size_t size)
{
    size_t end = process->said_len, start;

    while (end > 0 && (process->said[end - 1] == '\n' || process->said[end - 1] == ' '))
        end--;
    for (start = end; start > 0 && process->said[start - 1] != '\n'; start--)
        ;
    if (end - start > size - 1)
        end = start + size - 1;
    for (size_t i = start; i < end; i++)
        out[i - start] = (unsigned char)process->said[i] < 0x20 ? ' ' : process->said[i];
    out[end - start] = 0;
}

static enum status died(struct duet_process *process, const char *what)
{
    char how[128], said[400];
    int ended = collect(process, 2), status = process->wait_status;

    if (!ended)
        snprintf(how, sizeof how, "hung up, but still ran");
    else if (process->ended < 0)
        snprintf(how, sizeof how, "%s: its exit status is lost", what);
    else if (WIFSIGNALED(status))
        snprintf(how, sizeof how, "%s: killed by signal %d (%s)", what, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(how, sizeof how, "%s: exit code %d", what, WEXITSTATUS(status));
    listen_errors(process);
    last_line(process, said, sizeof said);
    return status_fail(ST_IO, "%s: the worker %s%s%s", process->arm, how, *said ? ": " : "", said);
}

enum status duet_process_finish(struct duet_process *process, double timeout_s)
{
    enum status st = ST_OK;

    if (!collect(process, timeout_s))
        st = status_fail(ST_IO, "%s: the worker does not end within %g s", process->arm, timeout_s);
    else if (process->ended > 0 && (!WIFEXITED(process->wait_status) || WEXITSTATUS(process->wait_status) != 0))
        st = died(process, "ended badly");
    duet_process_kill(process);
    return st;
}

/* ---------------------------------------------------------------- talking */

static enum status send_request(struct duet_process *process, const struct duet_request *request)
{
    ssize_t sent;

    do
        sent = send(process->socket, request, sizeof *request, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof *request ? ST_OK : died(process, "died");
}

static enum status wait_reply(struct duet_process *process, double timeout_s, const volatile sig_atomic_t *stop)
{
    double until_s = now_s() + timeout_s;

    for (;;) {
        struct pollfd ready[2] = {{process->socket, POLLIN, 0}, {process->errors, POLLIN, 0}};
        if (stop && *stop)
            return status_fail(ST_INTERRUPTED, "interrupted while timing");
        (void)poll(ready, 2, PROCESS_TICK_MS);
        if (ready[1].revents)
            listen_errors(process);
        if (ready[0].revents)
            return ST_OK;
        if (now_s() >= until_s) {
            char said[400];
            last_line(process, said, sizeof said);
            return status_fail(ST_IO, "%s: the worker gave no answer within %g s%s%s", process->arm, timeout_s,
                               *said ? ": " : "", said);
        }
    }
}

static enum status receive(struct duet_process *process, size_t *out_len, struct duet_message *out)
{
    struct iovec part[2] = {{&out->reply, sizeof out->reply}, {out->payload, sizeof out->payload}};
    struct msghdr header = {.msg_iov = part, .msg_iovlen = 2};
    ssize_t got;

    memset(&out->reply, 0, sizeof out->reply);
    do
        got = recvmsg(process->socket, &header, 0);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return died(process, "died");
    if (header.msg_flags & MSG_TRUNC)
        return status_fail(ST_FORMAT, "%s: the worker's answer is longer than the protocol allows", process->arm);
    *out_len = (size_t)got;
    return ST_OK;
}

static enum status check_reply(const struct duet_process *process, const struct duet_request *request, size_t len,
                               const struct duet_message *message)
{
    const struct duet_reply *reply = &message->reply;

    if (len < 3 * sizeof(uint32_t) || reply->magic != DUET_MAGIC)
        return status_fail(ST_FORMAT, "%s: the worker does not speak the timing protocol (%zu bytes of something else)",
                           process->arm, len);
    if (reply->version != DUET_VERSION)
        return status_fail(ST_FORMAT,
                           "%s: the worker speaks version %u of the timing protocol, expected %d: build both sides "
                           "with the same harness",
                           process->arm, reply->version, DUET_VERSION);
    if (len != sizeof *reply + reply->payload_bytes || (reply->kind != request->kind && reply->kind != DUET_FAILED))
        return status_fail(ST_FORMAT, "%s: the worker's answer to request %u is damaged", process->arm, request->kind);
    if (reply->kind == DUET_FAILED) {
        int known = reply->status > ST_OK && reply->status <= ST_INTERRUPTED;
        return status_fail(known ? (enum status)reply->status : ST_FORMAT, "%s: %.*s", process->arm,
                           (int)(reply->payload_bytes < 900 ? reply->payload_bytes : 900), message->payload);
    }
    return ST_OK;
}

enum status duet_process_ask(struct duet_process *process, const struct duet_request *request, double timeout_s,
                             const volatile sig_atomic_t *stop, struct duet_message *out)
{
    size_t len = 0;

    TRY(send_request(process, request));
    TRY(wait_reply(process, timeout_s, stop));
    TRY(receive(process, &len, out));
    return check_reply(process, request, len, out);
}
