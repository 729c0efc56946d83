/* Graph building, shape inference, model files, quantization points. */
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
#include "graph/graph_json.h"
#include "graph/graph_quant.h"

static enum status from_text(const char *text, struct graph *graph)
{
    char path[] = "/tmp/packlight-graph-XXXXXX";
    enum status st;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(file_write_atomic(path, text, strlen(text)), ST_OK);
    st = graph_from_json(path, graph);
    unlink(path);
    return st;
}

static void lenet5_counts(void **state)
{
    struct graph g = {0};
    uint64_t macs = 0;
    (void)state;
    assert_int_equal(graph_from_json("suites/models/lenet5.json", &g), ST_OK);
    assert_int_equal(graph_parameters(&g), 431080);
    for (int i = 0; i < g.nodes; i++)
        macs += graph_node_macs(&g, i);
    assert_int_equal(macs, 288000 + 1600000 + 400000 + 5000);
    assert_int_equal(g.value[graph_output(&g)].dim[0], 10);
    graph_free(&g);
}

static void lenet300_counts(void **state)
{
    struct graph g = {0};
    (void)state;
    assert_int_equal(graph_from_json("suites/models/lenet-300-100.json", &g), ST_OK);
    assert_int_equal(graph_parameters(&g), 266610);
    graph_free(&g);
}

struct bad {
    const char *text, *says;
};

static void bad_models_name_the_place(void **state)
{
    static const struct bad cases[] = {
        {"", "not valid JSON"},
        {"{\"name\": \"m\",\n \"input\": [1,28,28],\n \"layers\": [}", ":3:"},
        {"{\"name\":\"m\",\"input\":[4],\"layers\":[{\"op\":\"fc\",\"features\":2}],\"x\":1}", "x: unknown key"},
        {"{\"name\":\"m\",\"name\":\"n\",\"input\":[4],\"layers\":[]}", "given twice"},
        {"{\"name\":\"m\",\"input\":[4],\"layers\":[]}", "at least one layer"},
        {"{\"name\":\"m\",\"input\":[4,4,4,4],\"layers\":[{\"op\":\"relu\"}]}", "input"},
        {"{\"name\":\"m\",\"input\":[0],\"layers\":[{\"op\":\"relu\"}]}", "input"},
        {"{\"name\":\"m m\",\"input\":[4],\"layers\":[{\"op\":\"relu\"}]}", "name"},
        {"{\"name\":\"m\",\"input\":[4],\"layers\":[{\"op\":\"dense\"}]}", "layers[0].op"},
        {"{\"name\":\"m\",\"input\":[4],\"layers\":[{\"op\":\"fc\"}]}", "layers[0].features: missing"},
        {"{\"name\":\"m\",\"input\":[4],\"layers\":[{\"op\":\"fc\",\"features\":2.5}]}", "layers[0].features"},
        {"{\"name\":\"m\",\"input\":[4],\"layers\":[{\"op\":\"fc\",\"features\":2,\"kernel\":3}]}",
         "layers[0].kernel: unknown key"},
        {"{\"name\":\"m\",\"input\":[1,4,4],\"layers\":[{\"op\":\"fc\",\"features\":2}]}", "flatten"},
        {"{\"name\":\"m\",\"input\":[1,4,4],\"layers\":[{\"op\":\"conv\",\"channels\":2,\"kernel\":5},{\"op\":"
         "\"flatten\"}]}",
         "does not fit"},
        {"{\"name\":\"m\",\"input\":[1,4,4],\"layers\":[{\"op\":\"conv\",\"channels\":2,\"kernel\":3,\"stride\":0}]}",
         "layers[0].stride"},
        {"{\"name\":\"m\",\"input\":[1,4,4],\"layers\":[{\"op\":\"conv\",\"channels\":2,\"kernel\":2,\"pad\":2}]}",
         "pad"},
        {"{\"name\":\"m\",\"input\":[1,4,4],\"layers\":[{\"op\":\"conv\",\"channels\":2,\"kernel\":[3]}]}", "kernel"},
        {"{\"name\":\"m\",\"input\":[4],\"layers\":[{\"op\":\"fc\",\"name\":\"a\",\"features\":2},{\"op\":\"fc\","
         "\"name\":\"a\",\"features\":2}]}",
         "named 'a"},
        {"{\"name\":\"m\",\"input\":[1048576],\"layers\":[{\"op\":\"fc\",\"features\":1048576}]}", "more than"},
        {"{\"name\":\"m\",\"input\":[1,4,4],\"layers\":[{\"op\":\"relu\",\"from\":\"nobody\"}]}",
         "layers[0].from: no earlier layer is named 'nobody'"},
        {"{\"name\":\"m\",\"input\":[1,4,4],\"layers\":[{\"op\":\"relu\",\"from\":[\"input\",\"input\"]}]}",
         "relu with 2 inputs, expected 1"},
        {"{\"name\":\"m\",\"input\":[3,4,4],\"layers\":[{\"op\":\"conv\",\"channels\":4,\"kernel\":1,\"groups\":2}]}",
         "layers[0].groups: 2 do not divide 3"},
        {"{\"name\":\"m\",\"input\":[1,4,4],\"layers\":[{\"op\":\"pool_avg\",\"global\":true,\"kernel\":2}]}",
         "layers[0].global: excludes"},
        {"{\"name\":\"m\",\"input\":[2,6],\"layers\":[{\"op\":\"reshape\",\"shape\":[5,2]}]}", "12 elements become 10"},
        {"{\"name\":\"m\",\"input\":[2,6],\"layers\":[{\"op\":\"transpose\",\"perm\":[1,1]}]}", "every dimension once"},
        {"{\"name\":\"m\",\"input\":[2,6],\"layers\":[{\"op\":\"slice\",\"axis\":1,\"begin\":2,\"end\":9}]}",
         "elements 2 to 9"},
        {"{\"name\":\"m\",\"input\":[2,6],\"layers\":[{\"op\":\"matmul\",\"from\":[\"input\",\"input\"]}]}",
         "matmul of"},
        {"{\"name\":\"m\",\"input\":[2,6],\"layers\":[{\"op\":\"conv\",\"channels\":2,\"kernel\":1,\"pad\":\"full\"}]}",
         "layers[0].pad"},
        {"[1]", "expected an object"},
        {"{\"name\":\"m\",\"input\":[4],\"layers\":[{\"op\":\"relu\"}]} trailing", "not valid JSON"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct graph g = {0};
        enum status st = from_text(cases[i].text, &g);
        if (st != ST_FORMAT || !strstr(status_message(), cases[i].says))
            fail_msg("case %zu: status %s, message '%s', expected '%s'", i, status_name(st), status_message(),
                     cases[i].says);
    }
}

static void clone_is_deep(void **state)
{
    struct graph a = {0}, b = {0};
    (void)state;
    assert_int_equal(graph_from_json("suites/models/lenet5.json", &a), ST_OK);
    graph_init_weights(&a, 7);
    assert_int_equal(graph_clone(&a, &b), ST_OK);
    assert_memory_equal(a.weight[0].data, b.weight[0].data, a.weight[0].count * 4);
    ((float *)b.weight[0].data)[0] += 1;
    assert_memory_not_equal(a.weight[0].data, b.weight[0].data, a.weight[0].count * 4);
    graph_free(&a);
    graph_free(&b);
    graph_free(&b); /* twice is harmless */
}

static void init_depends_on_seed_only(void **state)
{
    struct graph a = {0}, b = {0};
    (void)state;
    assert_int_equal(graph_from_json("suites/models/lenet-300-100.json", &a), ST_OK);
    assert_int_equal(graph_from_json("suites/models/lenet-300-100.json", &b), ST_OK);
    graph_init_weights(&a, 1);
    graph_init_weights(&b, 1);
    assert_memory_equal(a.weight[0].data, b.weight[0].data, a.weight[0].count * 4);
    graph_init_weights(&b, 2);
    assert_memory_not_equal(a.weight[0].data, b.weight[0].data, a.weight[0].count * 4);
    graph_free(&a);
    graph_free(&b);
}

static int find(const struct graph *g, const char *name)
{
    for (int v = 0; v < g->values; v++)
        if (strcmp(g->value[v].name, name) == 0)
            return v;
    fail_msg("no value %s", name);
    return -1;
}

static void quant_points_of_lenet5(void **state)
{
    struct graph g = {0};
    (void)state;
    assert_int_equal(graph_from_json("suites/models/lenet5.json", &g), ST_OK);
    assert_int_equal(graph_quant_source(&g, find(&g, "input")), find(&g, "input"));
    assert_int_equal(graph_quant_source(&g, find(&g, "conv1")), find(&g, "conv1"));
    assert_int_equal(graph_quant_source(&g, find(&g, "pool1")), find(&g, "conv1"));
    assert_int_equal(graph_quant_source(&g, find(&g, "flatten")), find(&g, "conv2"));
    assert_int_equal(graph_quant_source(&g, find(&g, "ip1")), -1); /* ReLU is fused: never stored */
    assert_int_equal(graph_quant_source(&g, find(&g, "relu1")), find(&g, "relu1"));
    assert_int_equal(graph_quant_source(&g, find(&g, "ip2")), -1);
    g.value[find(&g, "conv1")].quant = QUANT_STATIC;
    g.value[find(&g, "conv1")].scale = 0.25f;
    g.value[find(&g, "conv1")].zero_point = 9;
    graph_quant_spread(&g);
    assert_int_equal(g.value[find(&g, "pool1")].quant, QUANT_STATIC);
    assert_int_equal(g.value[find(&g, "pool1")].zero_point, 9);
    assert_int_equal(g.value[find(&g, "ip2")].quant, QUANT_NONE);
    graph_free(&g);
}

static void sparsity_counts_weights_only(void **state)
{
    struct graph g = {0};
    float *w;
    (void)state;
    assert_int_equal(from_text("{\"name\":\"m\",\"input\":[4],\"layers\":[{\"op\":\"fc\",\"features\":2}]}", &g),
                     ST_OK);
    w = g.weight[0].data;
    w[0] = 1;
    w[5] = -1;
    assert_true(graph_sparsity(&g) == 0.75);
    graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lenet5_counts),
        cmocka_unit_test(lenet300_counts),
        cmocka_unit_test(bad_models_name_the_place),
        cmocka_unit_test(clone_is_deep),
        cmocka_unit_test(init_depends_on_seed_only),
        cmocka_unit_test(quant_points_of_lenet5),
        cmocka_unit_test(sparsity_counts_weights_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
