/* Colour, redrawing and widths on a terminal (a pseudo-terminal here), and the lines of finished cells. */
#define _XOPEN_SOURCE 700 /* posix_openpt */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/live.h"
#include "base/progress.h"
#include "base/terminal.h"
#include "bench_line.h"
#include "rundir.h"

static int master = -1, terminal = -1;

static int open_terminal(void **state)
{
    (void)state;
    master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
        return -1;
    terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    return terminal < 0 ? -1 : 0;
}

static int close_terminal(void **state)
{
    (void)state;
    close(terminal);
    close(master);
    return 0;
}

static int plain_environment(void **state)
{
    (void)state;
    unsetenv("NO_COLOR");
    unsetenv("COLUMNS");
    return setenv("TERM", "xterm", 1);
}

static void set_width(unsigned short columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    assert_int_equal(ioctl(terminal, TIOCSWINSZ, &size), 0);
}

static void colour_is_for_terminals_that_want_it(void **state)
{
    int file = open("/dev/null", O_WRONLY);
    (void)state;
    assert_true(terminal_colour(terminal));
    assert_string_equal(terminal_tone(terminal, TERMINAL_WARN), "\x1b[33m");
    assert_false(terminal_colour(file));
    assert_false(terminal_redraws(file));
    assert_string_equal(terminal_tone(file, TERMINAL_WARN), "");
    setenv("NO_COLOR", "", 1); /* set but empty counts as unset */
    assert_true(terminal_colour(terminal));
    setenv("NO_COLOR", "0", 1); /* any other value counts */
    assert_false(terminal_colour(terminal));
    assert_true(terminal_redraws(terminal));
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    assert_false(terminal_colour(terminal));
    assert_false(terminal_redraws(terminal));
    unsetenv("TERM");
    assert_true(terminal_colour(terminal));
    close(file);
    assert_false(terminal_colour(-1));
}

static void widths(void **state)
{
    (void)state;
    set_width(100);
    assert_int_equal(terminal_columns(terminal, 80), 100);
    set_width(0); /* some terminals do not know */
    assert_int_equal(terminal_columns(terminal, 80), 80);
    set_width(3);
    assert_int_equal(terminal_columns(terminal, 80), 20);
    setenv("COLUMNS", "90", 1);
    assert_int_equal(terminal_columns(terminal, 80), 90);
    setenv("COLUMNS", "junk", 1);
    set_width(70);
    assert_int_equal(terminal_columns(terminal, 80), 70);
    assert_int_equal(terminal_columns(-1, 120), 120);
}

/* What the terminal got since the last call; both its ends are here, so it must be flushed before. */
static const char *received(char *buffer, size_t size)
{
    ssize_t len = read(master, buffer, size - 1);
    buffer[len > 0 ? len : 0] = 0;
    return buffer;
}

static void live_lines_fit_and_go(void **state)
{
    int old = dup(STDERR_FILENO);
    char got[1024];
    struct live live;
    (void)state;
    set_width(30);
    fflush(stderr);
    dup2(terminal, STDERR_FILENO);
    live_begin(&live);
    live_head(&live, "[%d/%d] ", 3, 24);
    live_show(&live, "%s: timing against the reference", "lenet5/fp32/simd/t1/b1");
    received(got, sizeof got);
    live_clear(&live);
    fflush(stderr);
    dup2(old, STDERR_FILENO);
    assert_string_equal(got, "\r[3/24] lenet5/fp32/simd/t1/b1\x1b[K"); /* 29 of 30 columns */
    assert_string_equal(received(got, sizeof got), "\r\x1b[K");
    live_clear(NULL);
    live_show(NULL, "nobody looks");
    close(old);
}

static void quiet_has_no_live_line(void **state)
{
    int old = dup(STDERR_FILENO);
    struct live live;
    (void)state;
    fflush(stderr);
    dup2(terminal, STDERR_FILENO);
    progress_silence(1);
    live_begin(&live);
    live_show(&live, "nothing");
    progress_silence(0);
    fflush(stderr);
    dup2(old, STDERR_FILENO);
    assert_false(live.active || live.drawn);
    close(old);
}

static void finished_cells_fit_the_line(void **state)
{
    struct record r;
    char line[BENCH_LINE], wide[BENCH_LINE];
    const char *id = "lenet-300-100/prune-c50+prune-u80+qat-s8/simd/t1/b1";
    (void)state;
    record_init(&r);
    assert_int_equal(record_set(&r.cell, id), ST_OK);
    assert_int_equal(record_set(&r.status, "ok"), ST_OK);
    r.latency_ns_median = 1250;
    r.speedup_vs_fp32_simd = 10.43;
    r.accuracy_top1 = 0.8967;
    r.size_file_bytes = 33200;
    bench_line(&r, 7, 48, "2 m 44 s", 60, 0, wide, sizeof wide);
    assert_non_null(strstr(wide, id));
    assert_non_null(strstr(wide, "33200 B"));
    assert_non_null(strstr(wide, "[ 7/48, 2 m 44 s left]"));
    for (int columns = 20; columns <= 200; columns++) {
        bench_line(&r, 7, 48, "2 m 44 s", 60, columns, line, sizeof line);
        if ((int)strlen(line) >= columns)
            fail_msg("%d columns: '%s' has %zu", columns, line, strlen(line));
        if (columns >= 60)
            assert_non_null(strstr(line, "10.43x")); /* what matters most stays */
        if (columns >= 80)
            assert_non_null(strstr(line, "/simd/t1/b1"));
    }
    r.accuracy_top1 = NAN;
    assert_non_null(strstr(bench_line(&r, 7, 48, "1 s", 60, 0, line, sizeof line), "no data"));
    assert_int_equal(record_set(&r.status, "failed"), ST_OK);
    assert_int_equal(record_setf(&r.reason, "%0400d", 7), ST_OK);
    assert_true(strlen(bench_line(&r, 7, 48, "1 s", 60, 80, line, sizeof line)) < 80);
    assert_non_null(strstr(line, "failed: 000"));
    record_free(&r);
}

static void an_interrupted_run_says_how_to_go_on(void **state)
{
    char *argv[] = {
        (char[]){"bench"}, (char[]){"suites/a b.json"}, (char[]){"--filter"}, (char[]){"*/fp32/*"}, (char[]){"-o"},
        (char[]){"old"},   (char[]){"--resume"},        (char[]){"--isa"},    (char[]){"avx2,it's"}};
    (void)state;
    assert_int_equal(rundir_interrupted(9, argv, "/tmp/run"), ST_INTERRUPTED);
    assert_string_equal(status_message(),
                        "interrupted; finished cells are kept, go on with: packlight bench 'suites/a b.json' --filter "
                        "'*/fp32/*' --isa 'avx2,it'\\''s' --resume -o /tmp/run");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(colour_is_for_terminals_that_want_it, plain_environment),
        cmocka_unit_test_setup(widths, plain_environment),
        cmocka_unit_test_setup(live_lines_fit_and_go, plain_environment),
        cmocka_unit_test_setup(quiet_has_no_live_line, plain_environment),
        cmocka_unit_test(finished_cells_fit_the_line),
        cmocka_unit_test(an_interrupted_run_says_how_to_go_on),
    };
    return cmocka_run_group_tests(tests, open_terminal, close_terminal);
}
