/* The block-sparse reference on examples worked by hand, and what a planner asks about blocks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "kernels/kernels.h"

static void *packed(const struct kn_bsr_f32 *slot, const float *w, int n, const struct kn_rows *a)
{
    void *out;
    assert_int_equal(mem_alloc(kn_bsr_f32_pack_bytes(slot, w, n, a), 1, &out), ST_OK);
    kn_bsr_f32_pack(slot, w, n, a, out);
    return out;
}

/* Five outputs: a full block of four at input 2, and output 4 alone at input 0. */
static void test_blocks_4x1(void **state)
{
    const float w[5 * 3] = {0, 0, 1, 0, 0, 2, 0, 0, 0, 0, 0, -4, 5, 0, 0};
    const float x[2 * 3] = {1, NAN, 3, 10, NAN, 30}, bias[] = {0.5f, 0, 0, 0, 0};
    const float want[2 * 5] = {3.5f, 6, 0, -8, 5, 30.5f, 60, 0, -8, 50};
    const struct kn_rows a = {x, 0, 2, 2, 3, 0, 1, 3, 1, 0, 0};
    const struct kn_tail_f32 tail = {bias, -8, INFINITY, NULL};
    float y[2 * 5];
    const struct kn_out out = {y, 5, 10};
    struct kn_table t;
    void *p;
    (void)state;
    kn_table_init(&t, 0);
    p = packed(&t.bsr_f32_4x1, w, 5, &a);
    t.bsr_f32_4x1.run(&a, p, &tail, 5, &out); /* input 1 has no weight: its NaN does not show */
    assert_memory_equal(y, want, sizeof want);
    mem_free(p);
}

/* Segments of five inputs: the second block of each begins at input 1, not beyond the segment. */
static void test_blocks_1x4(void **state)
{
    const float w[10] = {0, 0, 0, 0, 7, 1, 0, 0, 0, 0}, x[12] = {1, 2, 3, 4, 5, NAN, NAN, 8, 9, 10, 11, 12};
    const struct kn_rows a = {x, 0, 1, 1, 0, 0, 2, 5, 1, 0, 7};
    const struct kn_tail_f32 tail = {NULL, -INFINITY, INFINITY, NULL};
    float y;
    const struct kn_out out = {&y, 1, 1};
    struct kn_table t;
    void *p;
    (void)state;
    kn_table_init(&t, 0);
    p = packed(&t.bsr_f32_1x4, w, 1, &a);
    t.bsr_f32_1x4.run(&a, p, &tail, 1, &out);
    assert_true(y == 7 * 5 + 8);
    mem_free(p);
}

static void test_blocks_count(void **state)
{
    const float w[4 * 5] = {0, 0, 0, 0, 1, 0, 2, 0, 0, -0.0f, 0, 3, 0, 0, 0, 0, 4, 0, 0, 0};
    const int8_t w8[4 * 5] = {0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0, 0, 0};
    (void)state;
    assert_int_equal(kn_blocks_count_f32(w, 4, 1, 5, 1, 1), 4);
    assert_int_equal(kn_blocks_count_f32(w, 4, 1, 5, 4, 1), 2);
    assert_int_equal(kn_blocks_count_f32(w, 4, 1, 5, 8, 1), 2);
    assert_int_equal(kn_blocks_count_f32(w, 4, 1, 5, 2, 1), 3);
    assert_int_equal(kn_blocks_count_f32(w, 4, 1, 5, 1, 4), 4);
    assert_int_equal(kn_blocks_count_s8(w8, 4, 1, 5, 4, 1), 2);
    assert_int_equal(kn_blocks_count_s8(w8, 2, 2, 5, 1, 4), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_4x1),
        cmocka_unit_test(test_blocks_1x4),
        cmocka_unit_test(test_blocks_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
