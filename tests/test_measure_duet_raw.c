/* The raw file: what is written is read back exactly, and nothing else is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "tests/duet_fake.h"

static struct duet_label label(void)
{
    struct duet_label out = {"tiny/fp32/\"simd\"/t1/b1", "sentinel-aa", 2};
    return out;
}

static void measure(int sliced, struct duet_result *out)
{
    struct fake_pair pair;
    struct duet_arm a = fake_arm("base \"x\""), b = fake_arm("change");
    struct duet_options options = duet_defaults();

    options.pairs = 3;
    options.rounds = 5;
    options.seed = UINT64_MAX;
    fake_pair_init(&pair, 333e3);
    pair.arm[DUET_B].steal_every = 3;
    pair.arm[DUET_B].steal_ns = 4e6 / 3;
    b.inflate_ratio = 1.03;
    for (int arm = 0; sliced && arm < DUET_ARMS; arm++) {
        pair.arm[arm].steps = 12;
        for (int i = 0; i < 12; i++)
            pair.arm[arm].step_ns[i] = 7e6 + 1000.5 * i;
    }
    assert_int_equal(fake_run(&pair, &options, &a, &b, out), ST_OK);
    assert_int_equal(out->slices > 0, sliced);
}

static void same(double a, double b)
{
    assert_true((isnan(a) && isnan(b)) || (a >= b && a <= b));
}

static void same_results(const struct duet_result *a, const struct duet_result *b)
{
    assert_int_equal(a->pairs, b->pairs);
    assert_int_equal(a->rounds, b->rounds);
    assert_int_equal(a->calls, b->calls);
    assert_int_equal(a->kept, b->kept);
    assert_int_equal(a->dropped, b->dropped);
    assert_int_equal(a->tied, b->tied);
    assert_memory_equal(a->cut, b->cut, sizeof a->cut);
    assert_memory_equal(a->name, b->name, sizeof a->name);
    assert_memory_equal(a->output_hash, b->output_hash, sizeof a->output_hash);
    assert_string_equal(a->facts[0], b->facts[0]);
    assert_true(a->seed == b->seed);
    same(a->a_ns, b->a_ns);
    same(a->b_ns, b->b_ns);
    same(a->elapsed_s, b->elapsed_s);
    same(a->host.steal_ratio_median, b->host.steal_ratio_median);
    same(a->host.runnable_median, b->host.runnable_median);
    for (int p = 0; p < a->pairs; p++) {
        const struct duet_pair *x = &a->pair[p], *y = &b->pair[p];
        same(x->d, y->d);
        same(x->a_ns, y->a_ns);
        same(x->b_ns, y->b_ns);
        assert_int_equal(x->kept, y->kept);
        same(x->side[DUET_B].first_ns, y->side[DUET_B].first_ns);
        same(x->side[DUET_B].clock_ns, y->side[DUET_B].clock_ns);
        assert_int_equal(x->side[DUET_A].steady, y->side[DUET_A].steady);
        for (int r = 0; r < a->rounds; r++) {
            same(x->round[r].a_ns, y->round[r].a_ns);
            same(x->round[r].b_ns, y->round[r].b_ns);
            same(x->round[r].start_s, y->round[r].start_s);
            assert_int_equal(x->round[r].b_first, y->round[r].b_first);
            assert_int_equal(x->round[r].dropped, y->round[r].dropped);
            assert_memory_equal(duet_batches(a, p, r, DUET_A), duet_batches(b, p, r, DUET_A), sizeof(struct batch));
        }
    }
}

static void test_round_trip(void **state)
{
    (void)state;
    for (int sliced = 0; sliced < 2; sliced++) {
        struct duet_label first = label(), second;
        struct duet_result result, again;
        char *line, *copy;
        size_t len, copy_len;

        measure(sliced, &result);
        assert_int_equal(duet_raw_write(&result, &first, &line, &len), ST_OK);
        assert_int_equal(line[len - 1], '\n');
        assert_int_equal(strcspn(line, "\n"), len - 1);
        assert_int_equal(duet_raw_parse("pairs.jsonl:1", line, len, &second, &again), ST_OK);
        assert_memory_equal(&first, &second, sizeof first);
        same_results(&result, &again);
        assert_int_equal(duet_raw_write(&again, &second, &copy, &copy_len), ST_OK);
        assert_int_equal(copy_len, len);
        assert_memory_equal(copy, line, len);
        free(copy);
        free(line);
        duet_result_free(&again);
        duet_result_free(&result);
    }
}

/* Replaces the first `from` by `to`. Owned. */
static char *edited(const char *line, const char *from, const char *to)
{
    const char *at = strstr(line, from);
    size_t before;
    char *out = malloc(strlen(line) + strlen(to) + 1);

    assert_non_null(at);
    assert_non_null(out);
    before = (size_t)(at - line);
    memcpy(out, line, before);
    strcpy(out + before, to);
    strcat(out, at + strlen(from));
    return out;
}

static void test_strict(void **state)
{
    static const struct {
        const char *from, *to, *said;
    } cases[] = {
        {"packlight.pairs/1", "packlight.pairs/2", "schema"},
        {"\"cell\"", "\"sell\"", "sell"},
        {"\"stage\":2", "\"stage\":-1", "stage"},
        {"\"stage\":2", "\"stage\":2,\"stage\":2", "stage"},
        {"\"seed\":\"1", "\"seed\":\"01", "seed"},
        {"\"seed\":\"1", "\"seed\":\"91", "seed"},
        {"\"threads\":[1,1]", "\"threads\":[1]", "threads"},
        {"\"threads\":[1,1]", "\"threads\":[1,1.5]", "threads"},
        {"\"inflate_ratio\":[1,", "\"inflate_ratio\":[0.5,", "inflate_ratio"},
        {"\"rounds\":5", "\"rounds\":6", "wall_ns"},
        {"\"rounds\":5", "\"rounds\":1000", "wall_ns"},
        {"\"best_of\":3", "\"best_of\":2", "wall_ns"},
        {"\"slices\":0", "\"slices\":1", "slices"},
        {"\"slices\":0", "\"slices\":4", "slices"},
        {"\"cut\":[[]", "\"cut\":[[0]", "cut"},
        {"\"output_hash\":[\"", "\"output_hash\":[\"x", "output_hash"},
        {"\"facts\":[{", "\"facts\":[{\"n\":1,", "facts"},
        {"\"blocks_busy\":", "\"blocks_busy\":1e9,\"x\":", "x"},
        {"\"pairs\":[{", "\"pairs\":[7,{", "pairs"},
        {"\"b_first\":[", "\"b_first\":[2,", "b_first"},
        {"\"start_s\":[", "\"start_s\":[null,", "start_s"},
        {"\"cpu_ns\":[[", "\"cpu_ns\":[[-1,", "cpu_ns"},
        {"\"faults\":[[0", "\"faults\":[[0.5", "faults"},
        {"\"faults\":[[0", "\"faults\":[[4294967296", "faults"},
        {"\"load_ns\":[", "\"load_ns\":[1e999,", "load_ns"},
        {"]}]}\n", "]}]} x\n", "JSON"},
    };
    struct duet_label tag = label(), out_tag;
    struct duet_result result, again;
    char *line;
    size_t len;

    (void)state;
    measure(0, &result);
    assert_int_equal(duet_raw_write(&result, &tag, &line, &len), ST_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *bad = edited(line, cases[i].from, cases[i].to);
        assert_int_equal(duet_raw_parse("pairs.jsonl:7", bad, strlen(bad), &out_tag, &again), ST_FORMAT);
        assert_non_null(strstr(status_message(), "pairs.jsonl:7"));
        assert_non_null(strstr(status_message(), cases[i].said));
        free(bad);
    }
    for (size_t cut = 0; cut < len - 1; cut += 97)
        assert_int_equal(duet_raw_parse("cut", line, cut, &out_tag, &again), ST_FORMAT);
    assert_int_equal(duet_raw_parse("list", "[1]", 3, &out_tag, &again), ST_FORMAT);
    assert_int_equal(duet_raw_parse("null", "null", 4, &out_tag, &again), ST_FORMAT);
    free(line);
    duet_result_free(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_strict)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
