/* Package counters on made-up sysfs trees with made-up counters, energy windows with a clock that never waits, and what
 * callgrind counts. */
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
#include <unistd.h>

#include "base/file.h"
#include "measure/callgrind.h"
#include "measure/energy.h"
#include "measure/energy_counter.h"
#include "measure/energy_windows.h"

#define NEAR(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/packlight-counter-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_text(const char *name, const char *text)
{
    assert_int_equal(file_write_atomic(path_of(name), text, strlen(text)), ST_OK);
}

/* ------------------------------------------------------------------ perf */

struct fake {
    uint64_t count[32];
    int opened, closed, open_error, read_error;
    uint32_t type;
    uint64_t event;
    int cpu[32];
};

static int fake_open(void *context, uint32_t type, uint64_t event, int cpu)
{
    struct fake *fake = context;
    if (fake->open_error)
        return -fake->open_error;
    fake->type = type;
    fake->event = event;
    fake->cpu[fake->opened] = cpu;
    return fake->opened++;
}

static int fake_read(void *context, int handle, uint64_t *out)
{
    struct fake *fake = context;
    *out = fake->count[handle];
    return -fake->read_error;
}

static void fake_close(void *context, int handle)
{
    (void)handle;
    ((struct fake *)context)->closed++;
}

static void write_device(const char *cpumask)
{
    assert_int_equal(file_make_dirs(path_of("power/events")), ST_OK);
    write_text("power/type", "21\n");
    write_text("power/cpumask", cpumask);
    write_text("power/events/energy-pkg", "event=0x02\n");
    write_text("power/events/energy-pkg.scale", "2.3283064365386962e-10\n");
    write_text("power/events/energy-pkg.unit", "Joules\n");
}

static void test_perf_counter(void **state)
{
    struct fake fake = {.count = {1000, 5000}};
    struct energy_perf_system system = {fake_open, fake_read, fake_close, &fake};
    struct energy_perf perf;
    double joules = -1;

    (void)state;
    write_device("0,18\n");
    assert_int_equal(energy_perf_open(path_of("power"), &system, &perf), ST_OK);
    assert_int_equal(fake.type, 21);
    assert_int_equal(fake.event, 2);
    assert_int_equal(fake.opened, 2);
    assert_int_equal(fake.cpu[1], 18);
    assert_int_equal(energy_perf_begin(&perf), ST_OK);
    fake.count[0] += 1ULL << 33; /* 2 J */
    fake.count[1] += 1ULL << 32; /* 1 J */
    assert_int_equal(energy_perf_end(&perf, &joules), ST_OK);
    NEAR(joules, 3, 1e-9);
    assert_int_equal(energy_perf_begin(&perf), ST_OK);
    fake.count[0]++; /* package 1 stands still */
    joules = -1;
    assert_int_equal(energy_perf_end(&perf, &joules), ST_IO);
    NEAR(joules, -1, 0);
    fake.count[1] -= 7;
    assert_int_equal(energy_perf_end(&perf, &joules), ST_IO);
    fake.read_error = EIO;
    assert_int_equal(energy_perf_begin(&perf), ST_IO);
    energy_perf_close(&perf);
    assert_int_equal(fake.closed, 2);
    energy_perf_close(&perf);
    assert_int_equal(fake.closed, 2);
    fake.read_error = fake.opened = 0;
    write_text("power/cpumask", "0-2");
    assert_int_equal(energy_perf_open(path_of("power"), &system, &perf), ST_OK);
    assert_int_equal(perf.packages, 3);
    energy_perf_close(&perf);
}

static void test_perf_counter_refused(void **state)
{
    static const char *const bad[][2] = {
        {"power/type", "x"},
        {"power/type", ""},
        {"power/cpumask", ""},
        {"power/cpumask", "0,"},
        {"power/cpumask", "-1"},
        {"power/cpumask", "3-1"},
        {"power/cpumask", "99999999999"},
        {"power/events/energy-pkg", "umask=0x02"},
        {"power/events/energy-pkg", "event=0x02,umask=0x1"},
        {"power/events/energy-pkg", "event="},
        {"power/events/energy-pkg.scale", "0"},
        {"power/events/energy-pkg.scale", "nan"},
        {"power/events/energy-pkg.scale", "1e-10 J"},
        {"power/events/energy-pkg.unit", "Watts"},
    };
    struct fake fake = {.opened = 0};
    struct energy_perf_system system = {fake_open, fake_read, fake_close, &fake};
    struct energy_perf perf;

    (void)state;
    assert_int_equal(energy_perf_open(path_of("power"), &system, &perf), ST_SKIP); /* no such device */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_device("0\n");
        write_text(bad[i][0], bad[i][1]);
        fake.opened = fake.closed = 0;
        assert_int_equal(energy_perf_open(path_of("power"), &system, &perf), ST_SKIP);
        assert_int_equal(fake.opened, fake.closed); /* nothing is left open */
    }
    write_device("0\n");
    fake.open_error = EACCES;
    assert_int_equal(energy_perf_open(path_of("power"), &system, &perf), ST_SKIP);
    assert_non_null(strstr(status_message(), "perf_event_paranoid"));
    write_device("0-16\n"); /* one more than there is room for */
    fake.open_error = fake.opened = fake.closed = 0;
    assert_int_equal(energy_perf_open(path_of("power"), &system, &perf), ST_UNSUPPORTED);
    assert_int_equal(fake.opened, fake.closed);
    /* The kernel's own answer to a type that does not exist: refused, nothing else. */
    write_device("0\n");
    write_text("power/type", "4294967295");
    assert_int_equal(energy_perf_open(path_of("power"), NULL, &perf), ST_SKIP);
}

/* ------------------------------------------------------------------ which counter */

static void write_powercap(const char *now)
{
    assert_int_equal(file_make_dirs(path_of("powercap/intel-rapl:0")), ST_OK);
    write_text("powercap/intel-rapl:0/name", "package-0\n");
    write_text("powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n");
    write_text("powercap/intel-rapl:0/energy_uj", now);
}

static void test_perf_then_powercap_then_none(void **state)
{
    struct fake fake = {.opened = 0};
    struct energy_perf_system system = {fake_open, fake_read, fake_close, &fake};
    char device[128], powercap[128], cpuinfo[128];
    struct energy_places places = {device, powercap, cpuinfo, &system};
    struct energy_counter counter;
    double joules = 0;

    (void)state;
    snprintf(device, sizeof device, "%s/power", folder);
    snprintf(powercap, sizeof powercap, "%s/powercap", folder);
    snprintf(cpuinfo, sizeof cpuinfo, "%s/cpuinfo", folder);
    write_text("cpuinfo", "processor : 0\nflags\t\t: fpu vme avx2\n");
    assert_int_equal(energy_counter_open(&places, &counter), ST_SKIP);
    assert_non_null(strstr(status_message(), "power/"));
    assert_non_null(strstr(status_message(), "powercap"));
    assert_int_equal(counter.source, ENERGY_SOURCE_NONE);
    assert_int_equal(energy_counter_begin(&counter), ST_SKIP);
    assert_int_equal(energy_counter_end(&counter, &joules), ST_SKIP);
    energy_counter_close(&counter);

    write_powercap("1000000\n");
    assert_int_equal(energy_counter_open(&places, &counter), ST_OK);
    assert_int_equal(counter.source, ENERGY_SOURCE_POWERCAP);
    assert_string_equal(counter.kind, "measured-package");
    assert_int_equal(energy_counter_begin(&counter), ST_OK);
    write_powercap("3000000\n");
    assert_int_equal(energy_counter_end(&counter, &joules), ST_OK);
    NEAR(joules, 2, 1e-9);
    energy_counter_close(&counter);

    write_device("0\n");
    write_text("cpuinfo", "processor : 0\nflags\t\t: fpu hypervisor avx2\n");
    assert_int_equal(energy_counter_open(&places, &counter), ST_OK);
    assert_int_equal(counter.source, ENERGY_SOURCE_PERF);
    assert_string_equal(counter.kind, "apportioned"); /* a virtual machine's share is a model */
    energy_counter_close(&counter);
    assert_int_equal(fake.closed, 1);

    fake.open_error = EACCES; /* the next one is tried */
    assert_int_equal(energy_counter_open(&places, &counter), ST_OK);
    assert_int_equal(counter.source, ENERGY_SOURCE_POWERCAP);
    energy_counter_close(&counter);
}

/* ------------------------------------------------------------------ windows */

/* A machine of 5 W idle and 5 W + 20 W under work, where a call takes call_s. */
struct world {
    double now_s, joules, start_joules, call_s, extra_w;
    int broken, windows, longest_wait;
    volatile sig_atomic_t stop;
    uint64_t calls, stop_after;
};

static enum status world_begin(void *context)
{
    struct world *w = context;
    w->start_joules = w->joules;
    w->windows++;
    return ST_OK;
}

static enum status world_end(void *context, double *out)
{
    struct world *w = context;
    if (w->broken)
        return status_fail(ST_IO, "the counter did not move");
    *out = w->joules - w->start_joules;
    return ST_OK;
}

static double world_now(void *context)
{
    return ((struct world *)context)->now_s;
}

static void world_wait(void *context, double seconds)
{
    struct world *w = context;
    w->now_s += seconds;
    w->joules += 5 * seconds;
}

static void world_call(void *context)
{
    struct world *w = context;
    w->now_s += w->call_s;
    w->joules += (5 + 20 + (w->windows == 3 ? w->extra_w : 0)) * w->call_s;
    if (++w->calls == w->stop_after)
        w->stop = 1;
}

static void test_windows(void **state)
{
    struct world w = {.call_s = 10e-6, .extra_w = 1000};
    struct energy_meter meter = {world_begin, world_end, world_now, world_wait, &w};
    struct energy_windows_options options = energy_windows_defaults();
    struct energy_windows_result r;

    (void)state;
    assert_int_equal(options.windows, 5);
    assert_int_equal(energy_windows(&options, &meter, world_call, &w, &r), ST_OK);
    assert_int_equal(w.windows, 6); /* one of them idle */
    NEAR(r.idle_w, 5, 1e-9);
    NEAR(r.gross_j, 25 * 10e-6, 1e-12); /* the median does not see the one disturbed window */
    NEAR(r.net_j, 20 * 10e-6, 1e-12);
    NEAR(r.gross_lo_j, 25 * 10e-6, 1e-12);
    NEAR(r.gross_hi_j, 1025 * 10e-6, 1e-10);
    assert_int_equal(r.calls, w.calls);
    assert_true(w.now_s >= 60);
    assert_true(w.now_s < 61); /* the clock is looked at often enough */

    w = (struct world){.call_s = 7}; /* slow calls: ten of them, however long */
    assert_int_equal(energy_windows(&options, &meter, world_call, &w, &r), ST_OK);
    assert_int_equal(r.calls, 50);
    NEAR(r.gross_j, 175, 1e-6);
}

static void test_windows_fail_and_stop(void **state)
{
    struct world w = {.call_s = 1e-3, .broken = 1};
    struct energy_meter meter = {world_begin, world_end, world_now, world_wait, &w};
    struct energy_windows_options options = energy_windows_defaults();
    struct energy_windows_result r = {.gross_j = -7};

    (void)state;
    assert_int_equal(energy_windows(&options, &meter, world_call, &w, &r), ST_IO);
    NEAR(r.gross_j, -7, 0);
    w = (struct world){.call_s = 1e-3, .stop_after = 100};
    options.stop = &w.stop;
    assert_int_equal(energy_windows(&options, &meter, world_call, &w, &r), ST_INTERRUPTED);
    assert_true(w.calls < 200);
    options.windows = 0;
    assert_int_equal(energy_windows(&options, &meter, world_call, &w, &r), ST_BADARG);
    options.windows = ENERGY_WINDOWS_MAX + 1;
    assert_int_equal(energy_windows(&options, &meter, world_call, &w, &r), ST_BADARG);
}

/* ------------------------------------------------------------------ callgrind */

/* A program in valgrind's place: writes what a test wants where callgrind would. */
static void fake_valgrind(const char *body)
{
    char text[1024];
    snprintf(text, sizeof text,
             "#!/bin/sh\nfor a in \"$@\"; do case $a in --callgrind-out-file=*) out=${a#*=};; esac; done\n%s\n", body);
    write_text("valgrind", text);
    assert_int_equal(chmod(path_of("valgrind"), 0755), 0);
}

static void test_callgrind_outputs(void **state)
{
    static const struct {
        const char *body;
        enum status st;
        uint64_t count;
    } cases[] = {
        {"printf 'version: 1\\nsummary: 5\\ntotals: 42543\\n' >$out", ST_OK, 42543},
        {"printf 'version: 1\\nsummary: 17\\n' >$out", ST_OK, 17},
        {"printf 'version: 1\\ntotals: 0\\n' >$out", ST_IO, 0}, /* the function was never entered */
        {"printf 'version: 1\\ntotals: many\\n' >$out", ST_FORMAT, 0},
        {"printf 'version: 1\\n' >$out", ST_FORMAT, 0},
        {": >$out", ST_FORMAT, 0},
        {"true", ST_IO, 0}, /* no file at all */
        {"echo 'no such instruction'; exit 2", ST_IO, 0},
        {"kill -9 $$", ST_IO, 0},
    };
    char program[] = "/bin/true", *const argv[] = {program, NULL}, name[256];
    uint64_t count;

    (void)state;
    snprintf(name, sizeof name, "%s", path_of("valgrind"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_valgrind(cases[i].body);
        count = 0;
        assert_int_equal(callgrind_count(name, "f", argv, 20, NULL, &count), cases[i].st);
        assert_int_equal(count, cases[i].count);
    }
    fake_valgrind("sleep 60");
    assert_int_equal(callgrind_count(name, "f", argv, 0.2, NULL, &count), ST_IO);
    assert_int_equal(callgrind_count("/nonexistent/valgrind", "f", argv, 20, NULL, &count), ST_SKIP);
    assert_non_null(strstr(status_message(), "package valgrind"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_perf_counter, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_perf_counter_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_perf_then_powercap_then_none, make_folder, remove_folder),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_windows_fail_and_stop),
        cmocka_unit_test_setup_teardown(test_callgrind_outputs, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
