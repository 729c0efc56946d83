/* packlight inspect: what it prints agrees with the file. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "base/file.h"
#include "cli.h"
#include "plk_graphs.h"

static char model_path[] = "/tmp/test_inspect_XXXXXX";

/* Runs the command with standard output in a file; owned text. */
static char *inspect(const char *option, enum status expected)
{
    char out_path[] = "/tmp/test_inspect_out_XXXXXX";
    char command[] = "inspect", *argv[4] = {command, model_path, NULL, NULL};
    char copy[32];
    unsigned char *text;
    size_t len;
    int fd = mkstemp(out_path), saved = dup(STDOUT_FILENO), exit_code = 0;
    enum status st;

    assert_true(fd >= 0 && saved >= 0);
    snprintf(copy, sizeof copy, "%s", option ? option : "");
    argv[2] = option ? copy : NULL;
    fflush(stdout);
    dup2(fd, STDOUT_FILENO);
    st = cli_inspect(option ? 3 : 2, argv, &exit_code);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(fd);
    assert_int_equal(st, expected);
    assert_int_equal(exit_code, 0);
    assert_ok(file_read(out_path, 0, &text, &len));
    unlink(out_path);
    return (char *)text;
}

static void write_model(enum graphs_kind kind, double zeros, struct plk_info *info)
{
    struct graph graph;

    graphs_small(&graph, kind, zeros);
    assert_ok(plk_write(&graph, model_path, PLK_ENTROPY, info));
    graph_free(&graph);
}

static double number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!cJSON_IsNumber(item))
        fail_msg("no number '%s'", key);
    return item->valuedouble;
}

static void test_json(void **state)
{
    struct plk_info info = {0};
    char *text;
    cJSON *root, *tensors, *values, *item;
    double bytes = 0, nonzeros = 0;
    int i = 0;

    (void)state;
    write_model(GRAPHS_S8_STATIC, 0.8, &info);
    text = inspect("--json", ST_OK);
    root = cJSON_Parse(text);
    assert_non_null(root);
    tensors = cJSON_GetObjectItemCaseSensitive(root, "tensors");
    values = cJSON_GetObjectItemCaseSensitive(root, "values");
    assert_int_equal(cJSON_GetArraySize(tensors), 6);
    assert_int_equal(cJSON_GetArraySize(values), 8);
    cJSON_ArrayForEach (item, tensors) {
        assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(item, "encoding")), info.tensor[i++].encoding);
        bytes += number(item, "bytes");
        nonzeros += number(item, "nonzeros");
    }
    assert_true(number(root, "size_file_bytes") == (double)info.file_bytes);
    assert_true(bytes + number(root, "size_header_bytes") == (double)info.file_bytes);
    assert_true(nonzeros == number(root, "nonzeros"));
    assert_true(fabs(number(root, "size_ratio") - number(root, "size_fp32_bytes") / (double)info.file_bytes) < 1e-12);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(root, "sha256")), info.sha256);
    assert_true(number(cJSON_GetArrayItem(values, 0), "zero_point") <= 255);
    cJSON_Delete(root);
    free(text);
    plk_info_free(&info);
}

static void test_text(void **state)
{
    struct plk_info info = {0};
    char *text, line[64];

    (void)state;
    write_model(GRAPHS_F32, 0, &info);
    text = inspect(NULL, ST_OK);
    snprintf(line, sizeof line, "  %zu bytes (%zu not in tensors)", info.file_bytes, info.header_bytes);
    assert_non_null(strstr(text, line));
    assert_non_null(strstr(text, info.sha256));
    for (int i = 0; i < info.tensors; i++)
        assert_non_null(strstr(text, info.tensor[i].name));
    free(text);
    plk_info_free(&info);
}

static void test_mistakes(void **state)
{
    (void)state;
    free(inspect("--wrong", ST_BADARG));
    free(inspect("second.plk", ST_BADARG));
    assert_ok(file_write_atomic(model_path, "PLK but not really", 18));
    free(inspect(NULL, ST_FORMAT));
    assert_non_null(strstr(status_message(), model_path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_mistakes),
    };
    int fd = mkstemp(model_path), failed;

    if (fd < 0)
        return 1;
    close(fd);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(model_path);
    return failed;
}
