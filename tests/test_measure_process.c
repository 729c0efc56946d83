/* Running programs with a deadline, and whole-process times through hyperfine: the real one where it is installed, and
 * a stand-in that says what the test wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "measure/process.h"
#include "measure/spawn.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))
#define WORDS(...) ((char *[]){__VA_ARGS__, NULL})

static enum status shell(const char *script, double timeout_s, char *out, size_t size, int *exit_code)
{
    char copy[512];
    snprintf(copy, sizeof copy, "%s", script);
    return spawn_run(WORDS("sh", "-c", copy), timeout_s, NULL, out, size, exit_code);
}

static void test_spawn_output_and_status(void **state)
{
    char out[64] = "";
    int code = -1;

    (void)state;
    assert_int_equal(shell("echo out; echo err >&2; exit 7", 20, out, sizeof out, &code), ST_OK);
    assert_int_equal(code, 7);
    assert_non_null(strstr(out, "out\n"));
    assert_non_null(strstr(out, "err\n"));
    assert_int_equal(shell("kill -9 $$", 20, out, sizeof out, &code), ST_OK);
    assert_int_equal(code, 128 + 9);
    assert_string_equal(out, "");
    assert_int_equal(shell("cat; echo end", 20, out, sizeof out, &code), ST_OK); /* nothing to read */
    assert_string_equal(out, "end\n");
    assert_int_equal(shell("true", 20, NULL, 0, &code), ST_OK);
    assert_int_equal(code, 0);
}

static void test_spawn_truncates_output(void **state)
{
    char out[10];
    int code = -1;

    (void)state;
    memset(out, 'x', sizeof out);
    assert_int_equal(shell("head -c 3000000 /dev/zero | tr '\\0' 'a'; exit 3", 60, out, sizeof out, &code), ST_OK);
    assert_int_equal(code, 3);
    assert_string_equal(out, "aaaaaaaaa");
}

static void test_spawn_refuses(void **state)
{
    int code = -1;

    (void)state;
    assert_int_equal(spawn_run(WORDS("packlight-no-such-program"), 5, NULL, NULL, 0, &code), ST_SKIP);
    assert_int_equal(spawn_run(WORDS("/etc/passwd"), 5, NULL, NULL, 0, &code), ST_IO);
    assert_int_equal(spawn_run(WORDS("true"), 0, NULL, NULL, 0, &code), ST_BADARG);
    assert_int_equal(spawn_run(WORDS("true"), NAN, NULL, NULL, 0, &code), ST_BADARG);
    assert_int_equal(code, -1);
}

/* A child that ignores the polite signal, and a grandchild: both must be gone. The grandchild writes its id first. */
static void test_spawn_kills_the_whole_group(void **state)
{
    char path[] = "/tmp/packlight-pid-XXXXXX", script[256];
    unsigned char *text = NULL;
    size_t len = 0;
    int fd = mkstemp(path), code = -1, gone = 0;

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    snprintf(script, sizeof script,
             "trap '' TERM; (trap '' TERM; sh -c 'echo $PPID' > %s; sleep 300) & sleep 300; sleep 300", path);
    assert_int_equal(shell(script, 1.5, NULL, 0, &code), ST_IO);
    assert_non_null(strstr(status_message(), "killed"));
    assert_int_equal(code, -1);
    assert_int_equal(file_read(path, 0, &text, &len), ST_OK);
    assert_true(atol((char *)text) > 1);
    for (int i = 0; i < 500 && !gone; i++) { /* init may take a moment to collect it */
        struct timespec pause = {0, 10000000};
        char stat_path[64], state_letter = 0;
        FILE *file;
        snprintf(stat_path, sizeof stat_path, "/proc/%ld/stat", atol((char *)text));
        file = fopen(stat_path, "r");
        gone = !file || fscanf(file, "%*d %*s %c", &state_letter) != 1 || state_letter == 'Z';
        if (file)
            fclose(file);
        nanosleep(&pause, NULL);
    }
    assert_true(gone);
    free(text);
    unlink(path);
}

static void test_spawn_stops(void **state)
{
    volatile sig_atomic_t stop = 1;
    int code = -1;

    (void)state;
    assert_int_equal(spawn_run(WORDS("sleep", "300"), 200, &stop, NULL, 0, &code), ST_INTERRUPTED);
    assert_int_equal(code, -1);
}

/* ------------------------------------------------------------------ hyperfine */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/packlight-process-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* A program that is called like hyperfine, logs its commands and exports what `body` prints. */
static struct process_options stand_in(const char *body, char path[128])
{
    char script[2048];
    struct process_options options = process_defaults();

    snprintf(path, 128, "%s/hyperfine", folder);
    snprintf(
        script, sizeof script,
        "#!/bin/sh\nruns=0 file=/dev/null\n"
        "while [ \"$1\" != -- ]; do case $1 in --runs) runs=$2;; --export-json) file=$2;; esac; shift; done\nshift\n"
        "echo \"$*\" >> %s/log\n{\n%s\n} > \"$file\"\n",
        folder, body);
    assert_int_equal(file_write_atomic(path, script, strlen(script)), ST_OK);
    assert_int_equal(chmod(path, 0755), 0);
    options.hyperfine = path;
    options.timeout_s = 60;
    return options;
}

static const char honest[] = "printf '{\"results\": ['; between=\n"
                             "for c in \"$@\"; do\n"
                             "  case $c in *one*) t=0.001;; *) t=0.002;; esac\n"
                             "  printf '%s{\"times\": [%s, %s]}' \"$between\" $t ${t}5; between=,\n"
                             "done\nprintf ']}'";

static void test_orders_alternate(void **state)
{
    struct process_command commands[] = {{"one", WORDS("one", "it's")}, {"two", WORDS("two", "")}};
    char path[128], log[128];
    struct process_options options = stand_in(honest, path);
    unsigned char *text = NULL;
    size_t len = 0;
    double ms[12];

    (void)state;
    options.rounds = 3;
    options.runs = 2;
    assert_int_equal(process_times(&options, commands, 2, ms), ST_OK);
    for (int i = 0; i < 6; i++) {
        NEAR(ms[i], i % 2 ? 1.5 : 1.0, 1e-6);
        NEAR(ms[6 + i], i % 2 ? 2.5 : 2.0, 1e-6);
    }
    snprintf(log, sizeof log, "%s/log", folder);
    assert_int_equal(file_read(log, 0, &text, &len), ST_OK);
    assert_string_equal((char *)text,
                        "'one' 'it'\\''s' 'two' ''\n'two' '' 'one' 'it'\\''s'\n'one' 'it'\\''s' 'two' ''\n");
    free(text);
}

static void test_bad_exports(void **state)
{
    static const struct {
        const char *body;
        enum status expected;
    } cases[] = {
        {"printf '{\"results\": ['", ST_FORMAT},
        {"printf '{}'", ST_FORMAT},
        {"printf '{\"results\": []}'", ST_FORMAT},
        {"printf '{\"results\": [{\"times\": [1, 1]}, {\"times\": [1]}]}'", ST_FORMAT},
        {"printf '{\"results\": [{\"times\": [1, 1]}, {\"times\": [1, -1]}]}'", ST_FORMAT},
        {"printf '{\"results\": [{\"times\": [1, 1]}, {\"times\": [1, \"2\"]}]}'", ST_FORMAT},
        {"printf '{\"results\": [{\"times\": [1, 1]}, {\"times\": [1, 1e999]}]}'", ST_FORMAT},
        {"printf '{\"results\": [{\"times\": [1, 1]}, 5]}'", ST_FORMAT},
        {"rm -f \"$file\"", ST_IO},
        {"echo something broke >&2; exit 1", ST_IO},
    };
    struct process_command commands[] = {{"one", WORDS("one")}, {"two", WORDS("two")}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[128];
        struct process_options options = stand_in(cases[i].body, path);
        double ms[4] = {-1, -1, -1, -1};
        options.rounds = 1;
        options.runs = 2;
        assert_int_equal(process_times(&options, commands, 2, ms), cases[i].expected);
        for (int k = 0; k < 4; k++)
            NEAR(ms[k], -1, 0); /* nothing is written by a failure */
    }
    assert_non_null(strstr(status_message(), "something broke"));
}

static void test_refusals(void **state)
{
    struct process_command commands[] = {{"one", WORDS("one")}}, nameless[] = {{"none", (char *[]){NULL}}};
    struct process_options options = process_defaults();
    double ms[15];

    (void)state;
    options.hyperfine = "packlight-no-such-hyperfine";
    assert_int_equal(process_times(&options, commands, 1, ms), ST_SKIP);
    assert_non_null(strstr(status_message(), "package hyperfine"));
    assert_int_equal(process_times(&options, nameless, 1, ms), ST_BADARG);
    assert_int_equal(process_times(&options, commands, 0, ms), ST_BADARG);
    assert_int_equal(process_times(&options, commands, 65, ms), ST_BADARG);
    options.runs = 0;
    assert_int_equal(process_times(&options, commands, 1, ms), ST_BADARG);
}

/* The installed hyperfine must hand every argument over unchanged: test(1) fails otherwise, and so does hyperfine. */
static void test_real_hyperfine(void **state)
{
    static char odd[] = "a 'b' \"c\" $HOME `x` \\ {p} \n *;&|<>#~\xc3\xa9";
    struct process_command same[] = {{"same", WORDS("test", odd, "=", odd)}, {"empty", WORDS("test", "", "=", "")}};
    struct process_command failing[] = {{"false", WORDS("false")}}, dashed[] = {{"dashed", WORDS("--version")}};
    struct process_options options = process_defaults();
    double ms[8] = {0};
    enum status st;

    (void)state;
    options.rounds = 2;
    options.runs = 2;
    options.timeout_s = 100;
    st = process_times(&options, same, 2, ms);
    if (st == ST_SKIP) {
        print_message("%s\n", status_message());
        skip();
    }
    if (st != ST_OK)
        print_message("%s\n", status_message());
    assert_int_equal(st, ST_OK);
    for (int i = 0; i < 8; i++)
        assert_true(ms[i] > 0);
    assert_int_equal(process_times(&options, failing, 1, ms), ST_IO);
    assert_int_equal(process_times(&options, dashed, 1, ms), ST_IO); /* a program of that name, not an option */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spawn_output_and_status),
        cmocka_unit_test(test_spawn_truncates_output),
        cmocka_unit_test(test_spawn_refuses),
        cmocka_unit_test(test_spawn_kills_the_whole_group),
        cmocka_unit_test(test_spawn_stops),
        cmocka_unit_test_setup_teardown(test_orders_alternate, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_bad_exports, make_folder, remove_folder),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_real_hyperfine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
