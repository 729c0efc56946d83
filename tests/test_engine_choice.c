/* Which kernel the engine chooses for a layer, and what it says about it. */
#include "engine_force.h"

#include <math.h>

#include "engine/engine_choose.h"

static void stride_is_a_reason(void **state)
{
    struct graph g = {0};
    int n = build_input(&g, 1, 5, 5);
    struct engine *engine;
    (void)state;

    build_conv(&g, g.node[n].output, 1, 3, 3, 3, 2, 0, 0, DT_F32, DT_F32);
    engine = engine_of(&g, 1, 1);
    assert_string_equal(engine_step_info(engine, 0)->kernel, "kn_gemm_f32__ref");
    assert_string_equal(engine_step_info(engine, 0)->reason, "dense: sparse needs stride 1");
    engine_free(engine);
    graph_free(&g);
}

/* A 10 x 10 fc with `zeros` zero weights on the reference table, whose break-even is set to 55 %. */
static void check_reason(int zeros, int batch, const char *kernel, const char *reason)
{
    struct kn_table table = engine_table(0);
    struct graph g = {0};
    struct engine *engine;
    int n = build_input(&g, 10, 1, 1), seen = 0;

    engine_force(&table, FORCE_DENSE);
    table.spmv_f32.break_even = table.spmm_f32.break_even = 0.55F;
    n = build_fc(&g, g.node[n].output, 10, 10, DT_F32, DT_F32);
    for (int i = zeros; i < 100; i++)
        ((float *)g.weight[g.node[n].weight].data)[i] = 1;
    assert_int_equal(engine_new(&g, &table, batch, 1, &engine), ST_OK);
    for (int i = 0; i < engine_steps(engine); i++) {
        const struct engine_step *info = engine_step_info(engine, i);
        if (info->macs_nominal == 0)
            continue;
        seen++;
        assert_string_equal(info->kernel, kernel);
        assert_string_equal(info->reason, reason);
        assert_int_equal(info->macs_nominal, 100 * batch);
        assert_int_equal(info->macs_executed, (reason[0] == 'd' ? 100 : 100 - zeros) * batch);
    }
    assert_int_equal(seen, 1);
    engine_free(engine);
    graph_free(&g);
}

/* Eight samples: the sparse kernel needs 10 inputs and 10 outputs transposed, as long as 20 products here, so it must
 * save more: 1 - 0.45 * (100 - 20) / 100 = 64 %. */
static void choice_by_break_even(void **state)
{
    (void)state;
    check_reason(20, 1, "kn_gemm_f32__ref", "dense: 20 % zeros, sparse pays from 55 %");
    check_reason(60, 1, "kn_spmv_f32__ref", "sparse: 60 % zeros, pays from 55 %");
    check_reason(60, 8, "kn_gemm_f32__ref", "dense: 60 % zeros, sparse pays from 64 %");
    check_reason(65, 8, "kn_spmm_f32__ref", "sparse: 65 % zeros, pays from 64 %");
    assert_true(fabs(engine_choose_pays_from(0.55, 100, 0, 20) - 0.64) < 1e-12);
    assert_true(fabs(engine_choose_pays_from(0.55, 100, 20, 0) - 0.46) < 1e-12);
    assert_true(engine_choose_pays_from(0.55, 100, 0, 150) > 1);
}

/* Two static fc layers of 16 with a ReLU6 between, whose values lie in 0 .. 120 and whose second weights in -7 .. 7 if
 * small is set; returns the last layer's step through *out. Paces are set so that the variants win. */
static void variant_of(int small, int narrow, struct engine_step *out)
{
    struct kn_table table = engine_table(2);
    struct graph g = {0};
    struct engine *engine;
    int n = build_input(&g, 16, 1, 1);

    table.gemm_u7s8.pace = 1.25F;
    table.gemm_u8s4.pace = 1.5F;
    build_static(build_value(&g, n), 1, 100);
    n = build_fc(&g, g.node[n].output, 16, 16, DT_S8, DT_S32);
    memset(g.weight[g.node[n].weight].data, 8, 256);
    n = build_simple(&g, OP_RELU6, g.node[n].output);
    build_static(build_value(&g, n), narrow ? 0.05F : 0.02F, 0);
    n = build_fc(&g, g.node[n].output, 16, 16, DT_S8, DT_S32);
    memset(g.weight[g.node[n].weight].data, small ? 7 : 8, 256);
    assert_int_equal(engine_new(&g, &table, 1, 1, &engine), ST_OK);
    for (int i = 0; i < engine_steps(engine); i++)
        if (engine_step_info(engine, i)->macs_nominal > 0)
            *out = *engine_step_info(engine, i);
    engine_free(engine);
    graph_free(&g);
}

static void small_weights_and_inputs_have_kernels_of_their_own(void **state)
{
    struct engine_step step;
    (void)state;

    variant_of(0, 0, &step);
    assert_null(strstr(step.reason, "bits"));
    variant_of(0, 1, &step);
    assert_non_null(strstr(step.reason, "; inputs of 7 bits"));
    variant_of(1, 1, &step);
    assert_non_null(strstr(step.reason, "; weights of 4 bits"));
}

/* A quarter of the outputs have no weights: whole blocks are empty, and the float kernel for them is chosen. */
static void empty_blocks_are_a_reason(void **state)
{
    struct kn_table table = engine_table(2);
    struct graph g = {0};
    struct engine *engine;
    const struct engine_step *step;
    int n = build_input(&g, 8, 1, 1);
    (void)state;

    table.bsr_f32_8x1.break_even = 0.1F;
    n = build_fc(&g, g.node[n].output, 8, 32, DT_F32, DT_F32);
    for (int i = 64; i < 256; i++)
        ((float *)g.weight[g.node[n].weight].data)[i] = 1;
    assert_int_equal(engine_new(&g, &table, 1, 1, &engine), ST_OK);
    step = engine_step_info(engine, 0);
    assert_string_equal(step->kernel, table.bsr_f32_8x1.facts.name);
    assert_string_equal(step->reason, "blocks of 8x1: 25 % empty, pays from 10 % (25 % zeros)");
    assert_int_equal(step->macs_executed, 192);
    engine_free(engine);
    graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stride_is_a_reason),
        cmocka_unit_test(choice_by_break_even),
        cmocka_unit_test(small_weights_and_inputs_have_kernels_of_their_own),
        cmocka_unit_test(empty_blocks_are_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
