/* The packed file: round trips, exact bytes, sizes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/rng.h"
#include "plk_graphs.h"

static const int all_flags[] = {PLK_PLAIN, PLK_ENTROPY, PLK_DENSE};

static void round_trip(const struct graph *graph, int flags, struct plk_info *info)
{
    unsigned char *bytes, *again;
    struct graph back = {0};
    struct plk_info read = {0};
    size_t len, again_len;

    assert_ok(plk_encode(graph, flags, &bytes, &len, info));
    assert_ok(plk_decode("memory", bytes, len, &back, &read));
    assert_graphs_equal(graph, &back);
    assert_int_equal(read.file_bytes, len);
    assert_int_equal(read.header_bytes, info->header_bytes);
    assert_string_equal(read.sha256, info->sha256);
    assert_int_equal(read.tensors, info->tensors);
    for (int i = 0; i < read.tensors; i++)
        assert_memory_equal(&read.tensor[i], &info->tensor[i], sizeof read.tensor[i]);
    assert_ok(plk_encode(&back, flags, &again, &again_len, NULL));
    assert_int_equal(len, again_len);
    assert_memory_equal(bytes, again, len);
    free(bytes);
    free(again);
    plk_info_free(&read);
    graph_free(&back);
}

static void test_round_trips(void **state)
{
    (void)state;
    for (int kind = 0; kind < GRAPHS_KINDS; kind++) {
        for (size_t f = 0; f < sizeof all_flags / sizeof *all_flags; f++) {
            struct graph graph = {0};
            struct plk_info info = {0};
            graphs_lenet5(&graph, (enum graphs_kind)kind, 0.8);
            round_trip(&graph, all_flags[f], &info);
            plk_info_free(&info);
            graph_free(&graph);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
