/* The real worker command on a small real model: structure, outputs and errors; never how long anything takes. This
 * program starts itself as the worker, so the sanitizers see both sides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "kernels/kernels.h"
#include "layouts.h"
#include "measure/build_info.h"
#include "measure/duet.h"
#include "tests/plk_graphs.h"

static char self[4096], folder[] = "/tmp/duet_live_XXXXXX";
static char f32_model[64], s8_model[64], pixels[64], odd[64];

/* A model's worker with up to four more words. */
struct command {
    char *word[8];
};

static struct command worker_of(char *model, char *a, char *b, char *c, char *d)
{
    struct command command = {{self, (char[]){"worker"}, model, a, b, c, d, NULL}};
    command.word[1] = self + strlen(self) + 1; /* "worker", which lives as long */
    return command;
}

static struct duet_options quick(void)
{
    struct duet_options options = duet_defaults();
    options.pairs = 2;
    options.rounds = 2;
    options.warmup_s = 0.02;
    return options;
}

static void test_two_identical_arms(void **state)
{
    struct command command = worker_of(f32_model, NULL, NULL, NULL, NULL);
    struct duet_arm a = {"a", command.word, NULL, 0, 1, 1}, b = {"b", command.word, NULL, 0, 1, 1.03};
    struct duet_options options = quick();
    struct duet_label label = {"small/fp32", "sentinel-aa", 1}, again_label;
    struct duet_result result, again;
    char fact[80], *line;
    size_t len;

    (void)state;
    assert_ok(duet_run(&options, &a, &b, &result));
    assert_int_equal(result.pairs, 2);
    assert_int_equal(result.kept + result.dropped, 4);
    assert_true(result.calls > 1);
    assert_string_equal(result.output_hash[DUET_A], result.output_hash[DUET_B]);
    assert_string_equal(result.facts[DUET_A], result.facts[DUET_B]);
    duet_fact(&result, DUET_A, "code_id", fact, sizeof fact);
    assert_string_equal(fact, build_info()->code_id);
    assert_int_equal(strlen(fact), 64);
    duet_fact(&result, DUET_A, "artifact_sha256", fact, sizeof fact);
    assert_int_equal(strlen(fact), 64);
    duet_fact(&result, DUET_A, "batch", fact, sizeof fact);
    assert_string_equal(fact, "1");
    for (int p = 0; p < 2; p++)
        for (int arm = 0; arm < DUET_ARMS; arm++) {
            const struct duet_side *side = &result.pair[p].side[arm];
            assert_true(side->load_ns > 0 && side->plan_ns > 0 && side->first_ns > 0);
        }
    assert_ok(duet_raw_write(&result, &label, &line, &len));
    assert_ok(duet_raw_parse("line", line, len, &again_label, &again));
    assert_int_equal(again.kept, result.kept);
    free(line);
    duet_result_free(&again);
    duet_result_free(&result);
}

static void test_threads_and_batches(void **state)
{
    struct command one = worker_of(f32_model, (char[]){"--batch"}, (char[]){"3"}, NULL, NULL);
    struct command two = worker_of(f32_model, (char[]){"--batch"}, (char[]){"3"}, (char[]){"--threads"}, (char[]){"2"});
    struct duet_arm a = {"one", one.word, NULL, 0, 1, 1}, b = {"two", two.word, NULL, 0, 2, 1};
    struct duet_options options = quick();
    struct duet_result result;

    (void)state;
    assert_ok(duet_run(&options, &a, &b, &result));
    assert_int_equal(result.cpu, -1);
    assert_int_equal(result.dropped, 0);
    assert_string_equal(result.output_hash[DUET_A], result.output_hash[DUET_B]);
    duet_result_free(&result);
}

static void test_long_calls_in_slices(void **state)
{
    struct command command =
        worker_of(f32_model, (char[]){"--kernel"}, (char[]){"ref"}, (char[]){"--batch"}, (char[]){"64"});
    struct duet_arm a = {"a", command.word, NULL, 0, 1, 1};
    struct duet_options options = quick();
    struct duet_result result;

    (void)state;
    options.slice_over_ns = 1; /* whatever this machine needs for a call */
    options.slice_ns = 1;
    assert_ok(duet_run(&options, &a, &a, &result));
    assert_true(result.slices > 1);
    assert_int_equal(result.cut[DUET_A][result.slices], result.cut[DUET_B][result.slices]);
    duet_result_free(&result);
}

static void test_kernels_compute_the_same(void **state)
{
    struct command simd = worker_of(s8_model, NULL, NULL, NULL, NULL);
    struct command ref = worker_of(s8_model, (char[]){"--kernel"}, (char[]){"ref"}, NULL, NULL);
    struct duet_arm a = {"ref", ref.word, NULL, 0, 1, 1}, b = {"simd", simd.word, NULL, 0, 1, 1};
    struct duet_options options = quick();
    struct duet_outputs x, y;

    (void)state;
    assert_ok(duet_outputs_read(&options, &a, &x));
    assert_ok(duet_outputs_read(&options, &b, &y));
    assert_int_equal(x.inputs, 8);
    assert_int_equal(x.values, 3);
    assert_int_equal(x.exact, 3);
    assert_true(memcmp(x.integer, x.integer + 3, 3 * sizeof *x.integer) != 0); /* inputs differ */
    assert_ok(duet_outputs_compare(&x, &y, 0, "simd"));
    duet_outputs_free(&y);

    /* Pixels from a file: two images for eight inputs, so the third is the first again. */
    ref = worker_of(s8_model, (char[]){"--input"}, pixels, NULL, NULL);
    assert_ok(duet_outputs_read(&options, &a, &y));
    assert_memory_equal(y.value, y.value + 6, 3 * sizeof *y.value);
    assert_int_equal(duet_outputs_compare(&x, &y, 0, "other pixels"), ST_MISMATCH);
    duet_outputs_free(&y);
    duet_outputs_free(&x);

    ref = worker_of(f32_model, (char[]){"--kernel"}, (char[]){"ref"}, NULL, NULL);
    simd = worker_of(f32_model, NULL, NULL, NULL, NULL);
    assert_ok(duet_outputs_read(&options, &a, &x));
    assert_ok(duet_outputs_read(&options, &b, &y));
    assert_int_equal(x.exact, 0);
    assert_null(x.integer);
    assert_ok(duet_outputs_compare(&x, &y, 1e-4, "simd"));
    duet_outputs_free(&y);
    duet_outputs_free(&x);
}

static void test_errors_of_the_worker_arrive(void **state)
{
    struct command command = worker_of((char[]){"/no/such/model.plk"}, NULL, NULL, NULL, NULL);
    struct duet_arm a = {"base", command.word, NULL, 0, 1, 1};
    struct duet_options options = quick();
    struct duet_result result;

    (void)state;
    assert_int_equal(duet_run(&options, &a, &a, &result), ST_IO);
    assert_non_null(strstr(status_message(), "base: /no/such/model.plk"));
    command = worker_of(pixels, NULL, NULL, NULL, NULL);
    assert_int_equal(duet_run(&options, &a, &a, &result), ST_FORMAT);
    assert_non_null(strstr(status_message(), pixels));
    command = worker_of(f32_model, (char[]){"--input"}, odd, NULL, NULL);
    assert_int_equal(truncate(odd, 399), 0);
    assert_int_equal(duet_run(&options, &a, &a, &result), ST_FORMAT);
    assert_non_null(strstr(status_message(), "the model takes images of 200"));
    command = worker_of(f32_model, (char[]){"--kernel"}, (char[]){"banana"}, NULL, NULL);
    assert_int_equal(duet_run(&options, &a, &a, &result), ST_IO); /* dies before it can speak */
    assert_non_null(strstr(status_message(), "exit code 2: packlight worker: --kernel banana"));
}

static void touch(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(chmod(path, 0755), 0);
}

static void test_layout_variants_are_found(void **state)
{
    char base[64], path[256], found[4096], link[256];

    (void)state;
    snprintf(base, sizeof base, "%s/installed", folder);
    assert_int_equal(mkdir(base, 0755), 0);
    snprintf(path, sizeof path, "%s/bin", base);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/libexec", base);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/libexec/packlight", base);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/libexec/packlight/packlight-layout2", base);
    touch(path);
    snprintf(path, sizeof path, "%s/bin/packlight-layout1", base);
    touch(path);
    snprintf(path, sizeof path, "%s/bin/packlight", base);
    touch(path);
    snprintf(link, sizeof link, "%s/link", folder);
    assert_int_equal(symlink(path, link), 0);
    assert_ok(layout_find(link, 0, found, sizeof found));
    assert_string_equal(found, path);
    assert_ok(layout_find(link, 1, found, sizeof found));
    assert_non_null(strstr(found, "/bin/packlight-layout1"));
    assert_ok(layout_find(link, 2, found, sizeof found));
    assert_int_equal(access(found, X_OK), 0);
    assert_int_equal(layout_find(link, 3, found, sizeof found), ST_SKIP);
    assert_int_equal(layout_find(link, LAYOUTS + 1, found, sizeof found), ST_BADARG);
    assert_int_equal(layout_find("/no/such/file", 1, found, sizeof found), ST_IO);
    assert_int_equal(layout_find(link, 1, found, 10), ST_SKIP);
    assert_int_equal(layout_find(link, 0, found, 10), ST_BADARG);
    assert_ok(layout_self(found, sizeof found));
    assert_string_equal(found, self);
    assert_int_equal(layout_self(found, 5), ST_IO);
}

static int make_models(void **state)
{
    struct graph graph;
    FILE *file;

    (void)state;
    if (!mkdtemp(folder))
        return 1;
    snprintf(f32_model, sizeof f32_model, "%s/f32.plk", folder);
    snprintf(s8_model, sizeof s8_model, "%s/s8.plk", folder);
    snprintf(pixels, sizeof pixels, "%s/pixels.u8", folder);
    graphs_small(&graph, GRAPHS_F32, 0);
    assert_ok(plk_write(&graph, f32_model, PLK_DENSE, NULL));
    graph_free(&graph);
    graphs_small(&graph, GRAPHS_S8_STATIC, 0);
    assert_ok(plk_write(&graph, s8_model, PLK_DENSE, NULL));
    graph_free(&graph);
    snprintf(odd, sizeof odd, "%s/odd.u8", folder);
    file = fopen(odd, "w");
    if (!file || fclose(file) != 0)
        return 1;
    file = fopen(pixels, "w");
    for (int i = 0; i < 2 * 200; i++)
        fputc(i * 37 % 251, file);
    return fclose(file);
}

static int remove_models(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static int worker_main(int argc, char **argv)
{
    int code = 0;
    enum status st = cli_worker(argc - 1, argv + 1, &code);

    if (st == ST_OK)
        return code;
    fprintf(stderr, "packlight worker: %s\n", status_message());
    return 2;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_identical_arms),          cmocka_unit_test(test_threads_and_batches),
        cmocka_unit_test(test_long_calls_in_slices),        cmocka_unit_test(test_kernels_compute_the_same),
        cmocka_unit_test(test_errors_of_the_worker_arrive), cmocka_unit_test(test_layout_variants_are_found),
    };
    ssize_t len;

    if (argc > 1 && strcmp(argv[1], "worker") == 0)
        return worker_main(argc, argv);
    len = readlink("/proc/self/exe", self, sizeof self - 16);
    if (len < 0)
        return 1;
    strcpy(self + len + 1, "worker");
    return cmocka_run_group_tests(tests, make_models, remove_models);
}
