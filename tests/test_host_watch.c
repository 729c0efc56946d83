/* Stolen time and runnable processes, from written /proc/stat files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "measure/host_watch.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

static char path[] = "/tmp/host_watch_XXXXXX";

/* Two processors; user and steal of the second one, idle of both grows elsewhere. */
static void write_stat(int user, int steal, int running)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "cpu  %d 0 0 900 5 0 0 %d 0 0\ncpu0 50 0 0 500 0 0 0 7 0 0\ncpu1 %d 0 0 400 5 0 0 %d 0 0\nintr 1 2 3\n"
            "procs_running %d\nprocs_blocked 0\n",
            50 + user, 7 + steal, user, steal, running);
    fclose(file);
}

static void test_blocks(void **state)
{
    struct host_watch watch;
    struct host_watch_summary summary;

    (void)state;
    write_stat(100, 0, 1);
    host_watch_begin(&watch, 1, path);
    host_watch_tick(&watch, 10);
    host_watch_tick(&watch, 10.1); /* too early */
    write_stat(110, 10, 4);        /* half of what was asked for was stolen, three others want to run */
    host_watch_tick(&watch, 10.3);
    write_stat(130, 10, 2);
    host_watch_tick(&watch, 10.55);
    write_stat(129, 9, 1); /* backwards, as the kernel sometimes has it */
    host_watch_tick(&watch, 10.8);
    host_watch_end(&watch, &summary);
    assert_int_equal(summary.blocks, 3);
    assert_int_equal(summary.blocks_stolen, 1);
    assert_int_equal(summary.blocks_busy, 1);
    NEAR(summary.steal_ratio_median, 0, 1e-12);
    NEAR(summary.runnable_median, 1, 1e-12);
}

static void test_all_processors(void **state)
{
    struct host_watch watch;
    struct host_watch_summary summary;

    (void)state;
    write_stat(100, 0, 1);
    host_watch_begin(&watch, -1, path);
    host_watch_tick(&watch, 0);
    write_stat(115, 5, 1);
    host_watch_tick(&watch, 0.25);
    host_watch_end(&watch, &summary);
    NEAR(summary.steal_ratio_median, 0.25, 1e-12);
    assert_int_equal(summary.blocks_stolen, 1);
}

static void test_many_blocks(void **state)
{
    struct host_watch watch;
    struct host_watch_summary summary;

    (void)state;
    host_watch_begin(&watch, 1, path);
    for (int i = 0; i <= 200; i++) {
        write_stat(100 + 10 * i, 0, 1);
        host_watch_tick(&watch, i);
    }
    host_watch_end(&watch, &summary);
    assert_int_equal(summary.blocks, 200);
    assert_int_equal(summary.blocks_stolen, 0);
}

static void test_files_that_are_none(void **state)
{
    static const char *const contents[] = {
        "",      "cpu\n", "cpu  1 2\nprocs_running 1\n", "cpuX 1\n", "cpu1 1 2 3 4 5 6 7 8\n", "procs_running 1\n",
        "\n\n\n"};
    struct host_watch watch;
    struct host_watch_summary summary;

    (void)state;
    for (size_t i = 0; i <= sizeof contents / sizeof *contents; i++) {
        if (i < sizeof contents / sizeof *contents) {
            FILE *file = fopen(path, "w");
            fputs(contents[i], file);
            fclose(file);
        }
        host_watch_begin(&watch, 1, i < sizeof contents / sizeof *contents ? path : "/no/such/file");
        host_watch_tick(&watch, 0);
        host_watch_tick(&watch, 1);
        host_watch_end(&watch, &summary);
        assert_int_equal(summary.blocks, 0);
        assert_true(isnan(summary.steal_ratio_median) && isnan(summary.runnable_median));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_all_processors),
        cmocka_unit_test(test_many_blocks),
        cmocka_unit_test(test_files_that_are_none),
    };
    int file = mkstemp(path), code;

    if (file < 0)
        return 1;
    close(file);
    code = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return code;
}
