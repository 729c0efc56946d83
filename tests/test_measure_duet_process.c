/* Workers as processes: this program starts itself in the role of good and bad ones. Times decide nothing here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "measure/duet_process.h"
#include "tests/duet_fake.h"

/* ---------------------------------------------------------------- the workers */

/* A well-behaved worker on a clock of its own. */
static int serve_well(float shift)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct fake fake = {.world = &world, .cost_ns = 1e6, .shift = shift};
    struct duet_subject subject = fake_subject(&fake);

    return duet_worker_serve(DUET_DESCRIPTOR, &clock, &subject) == ST_OK ? 0 : 2;
}

/* Answers `good` requests, then does what the role says. */
static int serve_badly(const char *role, int good)
{
    struct world world;
    struct clock clock = fake_clock(&world);
    struct fake fake = {.world = &world, .cost_ns = 1e6};
    struct duet_subject subject = fake_subject(&fake);
    struct duet_worker worker;
    static struct duet_message message;
    struct duet_request request;
    size_t len = sizeof message.reply;

    duet_worker_init(&worker, &clock, &subject);
    for (int i = 0; i < good; i++) {
        struct iovec part[2] = {{&message.reply, sizeof message.reply}, {message.payload, 0}};
        struct msghdr header = {.msg_iov = part, .msg_iovlen = 2};
        if (recv(DUET_DESCRIPTOR, &request, sizeof request, 0) <= 0)
            return 3;
        duet_worker_handle(&worker, &request, sizeof request, &message);
        part[1].iov_len = message.reply.payload_bytes;
        (void)sendmsg(DUET_DESCRIPTOR, &header, MSG_NOSIGNAL);
    }
    if (recv(DUET_DESCRIPTOR, &request, sizeof request, 0) <= 0)
        return 3;
    if (strcmp(role, "exit") == 0) {
        fprintf(stderr, "first line\nno model in here\n\n");
        duet_worker_free(&worker);
        return 7;
    }
    if (strcmp(role, "signal") == 0)
        raise(SIGKILL);
    if (strcmp(role, "hang") == 0)
        for (;;)
            pause();
    if (strcmp(role, "shout") == 0)
        for (;;)
            fprintf(stderr, "%0*d\n", 200, 1);
    if (strcmp(role, "close") == 0) {
        close(DUET_DESCRIPTOR);
        for (;;)
            pause();
    }
    duet_worker_handle(&worker, &request, sizeof request, &message);
    if (strcmp(role, "version") == 0)
        message.reply.version = 9;
    if (strcmp(role, "kind") == 0)
        message.reply.kind = DUET_OUTPUTS;
    if (strcmp(role, "length") == 0)
        message.reply.payload_bytes = 5;
    if (strcmp(role, "nan") == 0)
        message.reply.load_ns = NAN;
    if (strcmp(role, "inputs") == 0)
        message.reply.index = 1000;
    if (strcmp(role, "garbage") == 0)
        memset(&message, 0x5a, len);
    if (strcmp(role, "short") == 0)
        len = 5;
    if (strcmp(role, "empty") == 0)
        len = 0;
    if (strcmp(role, "huge") == 0) {
        static char huge[2 * sizeof(struct duet_message)];
        (void)send(DUET_DESCRIPTOR, huge, sizeof huge, MSG_NOSIGNAL);
    } else {
        (void)send(DUET_DESCRIPTOR, &message, len, MSG_NOSIGNAL);
    }
    for (;;)
        pause();
}

/* Ends badly after a perfect measurement. */
static int serve_then_fail(void)
{
    (void)serve_well(0);
    fprintf(stderr, "too late");
    return 4;
}

static int worker_main(int argc, char **argv)
{
    const char *role = argv[2];

    if (strcmp(role, "good") == 0)
        return serve_well(0);
    if (strcmp(role, "shifted") == 0)
        return serve_well(0.25f);
    if (strcmp(role, "late") == 0)
        return serve_then_fail();
    return serve_badly(role, argc > 3 ? argv[3][0] - '0' : 0);
}

/* ---------------------------------------------------------------- the driver's side */

static char self[4096];

static struct duet_options quick(void)
{
    struct duet_options options = duet_defaults();
    options.pairs = 2;
    options.rounds = 3;
    options.timeout_s = 60;
    return options;
}

static int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* No child is left, dead or alive. */
static void nothing_left(int descriptors)
{
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(open_descriptors(), descriptors);
}

static enum status run_against(const struct duet_options *options, const char *role, const char *good,
                               struct duet_result *out)
{
    char *fine[] = {self, (char[]){"worker"}, (char[]){"good"}, NULL};
    char role_text[32], good_text[4];
    char *bad[] = {self, (char[]){"worker"}, role_text, good_text, NULL};
    struct duet_arm a = {"base", fine, NULL, 0, 1, 1}, b = {"change", bad, NULL, 0, 1, 1};
    int descriptors = open_descriptors();
    enum status st;

    snprintf(role_text, sizeof role_text, "%s", role);
    snprintf(good_text, sizeof good_text, "%s", good);
    st = duet_run(options, &a, &b, out);
    nothing_left(descriptors);
    return st;
}

static void test_good_workers(void **state)
{
    struct duet_options options = quick();
    struct duet_result result;

    (void)state;
    assert_int_equal(run_against(&options, "good", "", &result), ST_OK);
    assert_int_equal(result.pairs, 2);
    assert_int_equal(result.kept, 6);
    assert_true(result.cpu >= 0);
    assert_string_equal(result.facts[DUET_A], result.facts[DUET_B]);
    duet_result_free(&result);
}

static void test_bad_workers(void **state)
{
    static const struct {
        const char *role, *good;
        enum status status;
        const char *said;
    } cases[] = {
        {"exit", "0", ST_IO, "died: exit code 7: no model in here"},
        {"exit", "2", ST_IO, "exit code 7"},
        {"exit", "4", ST_IO, "exit code 7"},
        {"signal", "0", ST_IO, "killed by signal 9"},
        {"signal", "3", ST_IO, "killed by signal 9"},
        {"close", "1", ST_IO, "hung up, but still ran"},
        {"late", "", ST_IO, "exit code 4: too late"},
        {"version", "0", ST_FORMAT, "speaks version 9 of the timing protocol, expected 1"},
        {"kind", "0", ST_FORMAT, "damaged"},
        {"length", "1", ST_FORMAT, "damaged"},
        {"nan", "0", ST_FORMAT, "damaged"},
        {"inputs", "1", ST_FORMAT, "input 1000"},
        {"garbage", "0", ST_FORMAT, "does not speak"},
        {"garbage", "3", ST_FORMAT, "does not speak"},
        {"short", "0", ST_FORMAT, "does not speak"},
        {"huge", "0", ST_FORMAT, "longer than"},
    };
    struct duet_options options = quick();
    struct duet_result result;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum status st = run_against(&options, cases[i].role, cases[i].good, &result);
        if (st != cases[i].status || !strstr(status_message(), cases[i].said))
            fail_msg("%s: %d, %s", cases[i].role, (int)st, status_message());
        assert_int_equal(strncmp(status_message(), "change: ", 8), 0);
        assert_null(strchr(status_message(), '\n'));
    }
}

static void test_silent_workers(void **state)
{
    static const char *const roles[] = {"hang", "shout", "empty"};
    struct duet_options options = quick();
    struct duet_result result;

    (void)state;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        options.timeout_s = 0.5;
        assert_int_equal(run_against(&options, roles[i], "0", &result), ST_IO);
        /* On a busy machine the good one may be too late as well: either may be named. */
        assert_non_null(strstr(status_message(), ": the worker "));
    }
}

static void test_no_such_program(void **state)
{
    char *argv[] = {(char[]){"/nowhere/at/all"}, NULL}, *plain[] = {(char[]){"true"}, NULL};
    struct duet_arm a = {"base", argv, NULL, 0, 1, 1}, b = {"change", plain, NULL, 0, 1, 1};
    struct duet_options options = quick();
    struct duet_result result;
    int descriptors = open_descriptors();

    (void)state;
    assert_int_equal(duet_run(&options, &a, &a, &result), ST_IO);
    assert_non_null(strstr(status_message(), "/nowhere/at/all"));
    nothing_left(descriptors);
    assert_int_equal(duet_run(&options, &b, &b, &result), ST_IO); /* runs, but is no worker */
    assert_non_null(strstr(status_message(), "exit code 0"));
    nothing_left(descriptors);
    options.cpu = 100000;
    assert_int_equal(duet_run(&options, &b, &b, &result), ST_BADARG);
}

static volatile sig_atomic_t stop;

static void on_alarm(int number)
{
    (void)number;
    stop = 1;
}

static void test_interrupted(void **state)
{
    struct duet_options options = quick();
    struct duet_result result;

    (void)state;
    options.stop = &stop;
    stop = 1;
    assert_int_equal(run_against(&options, "good", "", &result), ST_INTERRUPTED);
    stop = 0;
    signal(SIGALRM, on_alarm);
    alarm(1);
    assert_int_equal(run_against(&options, "hang", "1", &result), ST_INTERRUPTED);
}

/* The driver is killed while its workers sleep: they must not outlive it. */
static void test_workers_die_with_the_driver(void **state)
{
    int out[2], got;
    char byte;
    pid_t driver;

    (void)state;
    assert_int_equal(pipe(out), 0);
    driver = fork();
    assert_true(driver >= 0);
    if (driver == 0) {
        struct duet_process process;
        char *argv[] = {self, (char[]){"worker"}, (char[]){"good"}, NULL};
        struct duet_spawn spawn = {"arm", argv, NULL, 0};
        struct duet_request request = duet_request_of(DUET_START);
        static struct duet_message message;
        request.cpu = -1;
        /* The worker inherits the pipe's end: it closes when driver and worker are gone. */
        if (duet_process_start(&spawn, &process) != ST_OK ||
            duet_process_ask(&process, &request, 60, NULL, &message) != ST_OK)
            _exit(1);
        raise(SIGKILL);
    }
    close(out[1]);
    do
        got = (int)read(out[0], &byte, 1);
    while (got < 0 && errno == EINTR);
    assert_int_equal(got, 0);
    close(out[0]);
    assert_int_equal(waitpid(driver, &got, 0), driver);
    assert_true(WIFSIGNALED(got) && WTERMSIG(got) == SIGKILL);
}

static void test_outputs(void **state)
{
    char *good[] = {self, (char[]){"worker"}, (char[]){"good"}, NULL};
    char *shifted[] = {self, (char[]){"worker"}, (char[]){"shifted"}, NULL};
    char *exits[] = {self, (char[]){"worker"}, (char[]){"exit"}, (char[]){"2"}, NULL};
    struct duet_arm a = {"base", good, NULL, 0, 1, 1}, b = {"change", shifted, NULL, 0, 1, 1};
    struct duet_arm c = {"broken", exits, NULL, 0, 1, 1};
    struct duet_options options = quick();
    struct duet_outputs x, y;
    int descriptors = open_descriptors();

    (void)state;
    assert_int_equal(duet_outputs_read(&options, &a, &x), ST_OK);
    assert_int_equal(duet_outputs_read(&options, &b, &y), ST_OK);
    nothing_left(descriptors);
    assert_int_equal(x.inputs, FAKE_INPUTS);
    assert_int_equal(x.values, FAKE_VALUES);
    assert_int_equal(x.exact, FAKE_VALUES);
    for (int i = 0; i < FAKE_INPUTS; i++)
        for (int k = 0; k < FAKE_VALUES; k++) {
            assert_true(fabs((double)x.value[i * FAKE_VALUES + k] - (10 * i + k)) < 1e-6);
            assert_int_equal(x.integer[i * FAKE_VALUES + k], 10 * i - k);
        }
    assert_int_equal(duet_outputs_compare(&x, &x, 0, "a"), ST_OK);
    assert_int_equal(duet_outputs_compare(&x, &y, 0, "b"), ST_MISMATCH);
    assert_non_null(strstr(status_message(), "b: input 0, output 0: 0.25 against 0"));
    assert_int_equal(duet_outputs_compare(&x, &y, 0.3, "b"), ST_OK);
    y.integer[5]++;
    assert_int_equal(duet_outputs_compare(&x, &y, 0.3, "b"), ST_MISMATCH);
    y.value[0] = NAN;
    y.integer[5]--;
    assert_int_equal(duet_outputs_compare(&x, &y, 0.3, "b"), ST_MISMATCH);
    y.inputs--;
    assert_int_equal(duet_outputs_compare(&x, &y, 0.3, "b"), ST_MISMATCH);
    duet_outputs_free(&x);
    duet_outputs_free(&y);
    assert_int_equal(duet_outputs_read(&options, &c, &x), ST_IO);
    nothing_left(descriptors);
}

static void test_descriptor_three_is_taken_or_free(void **state)
{
    struct duet_options options = quick();
    struct duet_result result;
    int first = dup(0);

    (void)state;
    /* The lowest free descriptors, whatever they are, must do. */
    if (first != 3) {
        close(first);
        first = dup2(0, 3);
    }
    assert_int_equal(run_against(&options, "good", "", &result), ST_OK);
    duet_result_free(&result);
    close(3);
    assert_int_equal(run_against(&options, "good", "", &result), ST_OK);
    duet_result_free(&result);
    assert_int_equal(duet_worker_check(0), ST_BADARG);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_workers),   cmocka_unit_test(test_bad_workers),
        cmocka_unit_test(test_silent_workers), cmocka_unit_test(test_no_such_program),
        cmocka_unit_test(test_interrupted),    cmocka_unit_test(test_workers_die_with_the_driver),
        cmocka_unit_test(test_outputs),        cmocka_unit_test(test_descriptor_three_is_taken_or_free),
    };

    if (argc > 2 && strcmp(argv[1], "worker") == 0)
        return worker_main(argc, argv);
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
