/* Byte buffers, bits and Rice codes, the range coder and the entropy coder of tensors. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "codec/bits.h"
#include "codec/entropy.h"
#include "codec/rangecoder.h"

static void assert_ok(enum status st)
{
    if (st != ST_OK)
        fail_msg("%s: %s", status_name(st), status_message());
}

static void test_varint(void **state)
{
    static const uint64_t values[] = {0, 1, 127, 128, 300, 16383, 16384, UINT32_MAX, (uint64_t)1 << 62};
    struct bytes out = {0};
    struct cursor in = {.file = "memory"};
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        size_t before = out.len;
        bytes_varint(&out, values[i]);
        assert_int_equal(out.len - before, bytes_varint_len(values[i]));
    }
    assert_ok(bytes_check(&out));
    assert_memory_equal(out.data, "\x00\x01\x7f\x80\x01\xac\x02", 7); /* worked by hand */
    in.data = out.data;
    in.end = out.len;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        assert_ok(cursor_varint(&in, "value", 0, UINT64_MAX, &value));
        assert_true(value == values[i]);
    }
    assert_int_equal(in.at, in.end);
    assert_int_equal(cursor_varint(&in, "value", 0, UINT64_MAX, &value), ST_FORMAT);
    bytes_free(&out);
}

static void refuse_varint(const char *bytes, size_t len, uint64_t lo, uint64_t hi, const char *words)
{
    struct cursor in = {.file = "f", .data = (const unsigned char *)bytes, .end = len};
    uint64_t value = 77;

    assert_int_equal(cursor_varint(&in, "thing", lo, hi, &value), ST_FORMAT);
    assert_int_equal(in.at, 0);
    assert_true(value == 77);
    if (!strstr(status_message(), words))
        fail_msg("'%s' does not say '%s'", status_message(), words);
}

static void test_varint_refused(void **state)
{
    (void)state;
    refuse_varint("\x80\x00", 2, 0, 1000, "shortest");
    refuse_varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, 0, UINT64_MAX, "shortest");
    refuse_varint("\x80", 1, 0, 1000, "needs 1 bytes, 0 are left");
    refuse_varint("\x05", 1, 6, 9, "f: byte 0: thing is 5, expected 6 to 9");
    refuse_varint("\x0a", 1, 6, 9, "expected 6 to 9");
}

static void test_text(void **state)
{
    static const char *const good[] = {
        "a", "conv1.weight", "/block/Conv", "gew\xc3\xb6lbe", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    static const char *const bad[] = {"",
                                      " ",
                                      "a b",
                                      "a\n",
                                      "\x7f",
                                      "\xc3",
                                      "\xc0\xaf",
                                      "\xed\xa0\x80",
                                      "\xf5\x80\x80\x80",
                                      "\x80",
                                      "\xe0\x80\xaf",
                                      "\xc2\x85"};
    struct bytes out = {0};
    char text[8];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(bytes_text_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(bytes_text_valid(bad[i], strlen(bad[i])));
    bytes_text(&out, "seven77");
    bytes_text(&out, "eight888");
    struct cursor in = {.file = "memory", .data = out.data, .end = out.len};
    assert_ok(cursor_text(&in, "name", sizeof text, text));
    assert_string_equal(text, "seven77");
    assert_int_equal(cursor_text(&in, "name", sizeof text, text), ST_FORMAT);
    bytes_free(&out);
}

static void test_rice_by_hand(void **state)
{
    struct bytes out = {0};
    struct bit_writer bits = {.out = &out};
    struct bit_reader in;
    uint32_t value;

    (void)state;
    /* k = 2: 9 = 11 0 01 (lowest bit first: 1 1 0 1 0), 0 = 0 00, 3 = 0 11: 1 1 0 1 0 0 0 0 | 0 1 1 */
    bits_put_rice(&bits, 9, 2);
    bits_put_rice(&bits, 0, 2);
    bits_put_rice(&bits, 3, 2);
    bits_flush(&bits);
    assert_int_equal(out.len, 2);
    assert_memory_equal(out.data, "\x0b\x06", 2);
    in = (struct bit_reader){.data = out.data, .end = 11};
    assert_true(bits_get_rice(&in, 2, 9, &value) && value == 9);
    assert_true(bits_get_rice(&in, 2, 9, &value) && value == 0);
    assert_false(bits_get_rice(&in, 2, 2, &value)); /* 3 is more than 2 */
    assert_true(bits_get_rice(&in, 2, 3, &value) && value == 3);
    assert_false(bits_get_rice(&in, 2, 9, &value));
    bytes_free(&out);
}

static void test_rice_round_trip(void **state)
{
    enum { N = 2000 };
    static uint32_t numbers[N];
    struct rng rng;

    (void)state;
    rng_seed(&rng, 11, 0);
    for (int k = 0; k <= BITS_RICE_MAX; k++) {
        struct bytes out = {0};
        struct bit_writer bits = {.out = &out};
        struct bit_reader in;
        uint32_t value, largest = 0;
        for (int i = 0; i < N; i++) {
            numbers[i] = rng_below(&rng, 40u << k);
            largest = numbers[i] > largest ? numbers[i] : largest;
            bits_put_rice(&bits, numbers[i], k);
        }
        bits_flush(&bits);
        assert_ok(bytes_check(&out));
        assert_int_equal(out.len, (bits_rice_cost(numbers, N, k) + 7) / 8);
        for (int other = 0; other <= BITS_RICE_MAX; other++)
            assert_true(bits_rice_cost(numbers, N, bits_rice_best(numbers, N)) <= bits_rice_cost(numbers, N, other));
        in = (struct bit_reader){.data = out.data, .end = 8 * out.len};
        for (int i = 0; i < N; i++)
            assert_true(bits_get_rice(&in, k, largest, &value) && value == numbers[i]);
        assert_true(in.end - in.at < 8);
        bytes_free(&out);
    }
}

/* Bits of one model with P(1) = one_in^-1 (0: all ones), mixed with plain numbers. */
static size_t rangecoder_trip(uint32_t one_in, size_t count, uint64_t seed)
{
    struct bytes out = {0};
    struct rangecoder rc;
    struct bit_model model[2];
    struct rng rng;
    size_t len;

    bytes_u8(&out, 0xff); /* a carry must not reach what was there before */
    for (int decoding = 0; decoding < 2; decoding++) {
        rng_seed(&rng, seed, one_in);
        rangecoder_model_init(model, 2);
        if (decoding)
            rangecoder_decode(&rc, out.data + 1, out.len - 1);
        else
            rangecoder_encode(&rc, &out);
        for (size_t i = 0; i < count; i++) {
            int bit = rng_below(&rng, one_in) == 0, raw = (int)rng_below(&rng, 25);
            uint32_t number = (uint32_t)rng_u64(&rng) & ((1u << raw) - 1);
            assert_int_equal(rangecoder_bit(&rc, decoding, &model[i & 1], decoding ? 0 : bit), bit);
            if (i % 1000 == 999)
                assert_int_equal(rangecoder_raw(&rc, decoding, decoding ? 0 : number, raw), number);
        }
        if (!decoding)
            rangecoder_finish(&rc);
        assert_ok(bytes_check(&out));
    }
    assert_true(rangecoder_used_all(&rc));
    assert_int_equal(out.data[0], 0xff);
    len = out.len - 1;
    /* What follows the code is noticed: it was decoded as if these bytes were there. */
    for (int i = 0; i < 5; i++)
        bytes_u8(&out, 0);
    rc.len += 5;
    assert_false(rangecoder_used_all(&rc));
    bytes_free(&out);
    return len;
}

static void test_rangecoder(void **state)
{
    static const uint32_t one_in[] = {0, 1, 2, 3, 10, 100, 10000};
    static const size_t counts[] = {0, 1, 2, 31, 1000, 20000};

    (void)state;
    for (size_t p = 0; p < sizeof one_in / sizeof *one_in; p++)
        for (size_t n = 0; n < sizeof counts / sizeof *counts; n++)
            for (uint64_t seed = 0; seed < 5; seed++)
                rangecoder_trip(one_in[p], counts[n], seed);
    assert_int_equal(rangecoder_trip(2, 0, 1), 0);
    /* 20 000 bits with P = 1/10 hold 9380 bits of entropy, and the 20 raw numbers 12 on average. */
    assert_in_range(rangecoder_trip(10, 20000, 1), 1172, 1172 + 60);
}

/* The cheapest decision there is: what ENTROPY_MAX_EXPANSION rests on. */
static void test_cheapest_decision(void **state)
{
    struct bytes out = {0};
    struct rangecoder rc;
    struct bit_model model;

    (void)state;
    for (int bit = 0; bit < 2; bit++) {
        out.len = 0;
        rangecoder_model_init(&model, 1);
        rangecoder_encode(&rc, &out);
        for (int i = 0; i < 4000000; i++)
            rangecoder_bit(&rc, 0, &model, bit);
        rangecoder_finish(&rc);
        assert_ok(bytes_check(&out));
        assert_in_range(4000000 / out.len, 4000, ENTROPY_MAX_EXPANSION);
    }
    bytes_free(&out);
}

static const size_t widths[] = {4, 1, 4}; /* by enum entropy_type */

/* Returns the code's length. */
static size_t entropy_trip(enum entropy_type type, enum entropy_layout layout, size_t rows, size_t cols,
                           const void *data)
{
    static struct entropy_models models;
    struct bytes out = {0};
    size_t bytes = rows * cols * widths[type], len;
    unsigned char *back = calloc(bytes + 1, 1);

    assert_non_null(back);
    entropy_models_init(&models);
    assert_ok(entropy_encode(&models, type, layout, rows, cols, data, &out));
    entropy_models_init(&models);
    assert_ok(entropy_decode(&models, type, layout, rows, cols, out.data, out.len, back));
    if (bytes > 0)
        assert_memory_equal(back, data, bytes);
    len = out.len;
    for (int i = 0; i < 5; i++) /* bytes that no encoder wrote */
        bytes_u8(&out, 0);
    entropy_models_init(&models);
    memset(back, 0, bytes);
    assert_int_equal(entropy_decode(&models, type, layout, rows, cols, out.data, out.len, back), ST_FORMAT);
    bytes_free(&out);
    free(back);
    return len;
}

enum pattern { ZEROS, MOST, LEAST, ALTERNATING, RANDOM, HALF, TENTH, HUNDREDTH, LAST_ONLY, PATTERNS };

/* A nonzero value of the type, as bits. */
static uint32_t some_value(enum entropy_type type, enum pattern pattern, struct rng *rng)
{
    uint32_t bits = (uint32_t)rng_u64(rng);

    if (type == ENTROPY_S8) {
        int value = pattern == MOST ? 127 : pattern == LEAST ? -127 : 1 + (int)rng_below(rng, 127);
        return (uint32_t)(pattern == MOST || pattern == LEAST || bits & 1 ? value : -value);
    }
    if (type == ENTROPY_S32)
        return pattern == MOST ? INT32_MAX : pattern == LEAST ? 0x80000000u : (bits >> rng_below(rng, 32)) | 1;
    /* Floats of every kind: infinities, NaN with payloads, denormals. */
    return pattern == MOST ? 0x7f800000u : pattern == LEAST ? 0xffc12345u : bits & 0x7fffffffu ? bits : 1;
}

static void fill(enum entropy_type type, enum pattern pattern, size_t count, struct rng *rng, void *data)
{
    static const uint32_t one_in[PATTERNS] = {[RANDOM] = 1, [HALF] = 2, [TENTH] = 10, [HUNDREDTH] = 100};

    for (size_t i = 0; i < count; i++) {
        uint32_t bits = some_value(type, pattern, rng);
        int keep = pattern == MOST || pattern == LEAST || (pattern == ALTERNATING && i % 2 == 0) ||
                   (pattern == LAST_ONLY && i + 1 == count) ||
                   (one_in[pattern] && rng_below(rng, one_in[pattern]) == 0);
        if (!keep)
            bits = 0;
        if (type == ENTROPY_S8)
            ((uint8_t *)data)[i] = (uint8_t)bits;
        else
            memcpy((uint32_t *)data + i, &bits, 4);
    }
}

static void test_entropy_round_trips(void **state)
{
    static const size_t shapes[][2] = {{1, 0}, {1, 1}, {1, 2}, {2, 1}, {7, 5}, {1, 410}, {20, 25}, {100, 91}};
    static uint32_t data[100 * 91];
    struct rng rng;

    (void)state;
    rng_seed(&rng, 5, 0);
    for (int type = ENTROPY_F32; type <= ENTROPY_S32; type++)
        for (int layout = ENTROPY_DENSE; layout <= ENTROPY_SPARSE; layout++)
            for (int pattern = ZEROS; pattern < PATTERNS; pattern++)
                for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
                    size_t rows = shapes[s][0], cols = shapes[s][1];
                    fill((enum entropy_type)type, (enum pattern)pattern, rows * cols, &rng, data);
                    entropy_trip((enum entropy_type)type, (enum entropy_layout)layout, rows, cols, data);
                }
}

/* The codes of a small tensor in every type and layout: if this fails, old files can no longer be read. */
static void test_exact_codes(void **state)
{
    static const int8_t s8[3][8] = {{0, 0, 9, -1, 0, 0, 0, 0}, {0, 0, 8, 0, 0, -127, 0, 0}, {0, 0, 0, 0, 0, 0, 64, 0}};
    static const int32_t s32[6] = {0, 70000, -3, 0, INT32_MIN, 12345678};
    static const float f32[5] = {0.5f, 0, -0.3f, 1e-20f, 0.0625f};
    static const char *const expected[3][3] = {
        {"bf3ffffffffeff0f5670009f2182f1d3dc266418c3efba", "bf30000010babbb57778001bb2f4fc5461cf3b",
         "bf7f0000011e8c9137c8e2332a7dec282e4c712c07"},
        {"ef4a2ab3da2be5eb", "9bca8ba3c4445bcd9a", "f26ff65982cc3140c930"},
        {"fd2e644c297c69eca03158f8bf5104", "8ff09acb47eb4020005398e2a0cd", "f6fd170ffd4a7c494a54e3f96b71231a"}};
    static struct entropy_models models;
    const void *const data[3] = {f32, s8, s32};
    const size_t rows[3] = {1, 3, 2}, cols[3] = {5, 8, 3};

    (void)state;
    for (int type = 0; type < 3; type++)
        for (int layout = 0; layout < 3; layout++) {
            struct bytes out = {0};
            char text[128] = "";
            entropy_models_init(&models);
            assert_ok(entropy_encode(&models, (enum entropy_type)type, (enum entropy_layout)layout, rows[type],
                                     cols[type], data[type], &out));
            assert_true(out.len < sizeof text / 2);
            for (size_t i = 0; i < out.len; i++)
                snprintf(text + 2 * i, 3, "%02x", out.data[i]);
            assert_string_equal(text, expected[type][layout]);
            bytes_free(&out);
        }
}

static void test_negative_zero(void **state)
{
    static struct entropy_models models;
    const uint32_t data[3] = {0x80000000u, 0x3f800000u, 0x80000000u};

    (void)state;
    for (int layout = ENTROPY_DENSE; layout <= ENTROPY_SPARSE; layout++) {
        struct bytes out = {0};
        uint32_t back[3] = {0}, zero = layout == ENTROPY_DENSE ? 0x80000000u : 0;
        entropy_models_init(&models);
        assert_ok(entropy_encode(&models, ENTROPY_F32, (enum entropy_layout)layout, 1, 3, data, &out));
        entropy_models_init(&models);
        assert_ok(entropy_decode(&models, ENTROPY_F32, (enum entropy_layout)layout, 1, 3, out.data, out.len, back));
        assert_int_equal(back[0], zero);
        assert_int_equal(back[1], data[1]);
        assert_int_equal(back[2], zero);
        bytes_free(&out);
    }
}

/* Order-0 entropy of n bytes, in bytes. */
static double entropy_bytes(const int8_t *data, size_t n)
{
    double count[256] = {0}, bits = 0;

    for (size_t i = 0; i < n; i++)
        count[(uint8_t)data[i]]++;
    for (int v = 0; v < 256; v++)
        bits -= count[v] > 0 ? count[v] * log2(count[v] / (double)n) : 0;
    return bits / 8;
}

/* Normal int8 weights with everything below `least` deviations pruned. */
static void normal_weights(int8_t *data, size_t n, float least, uint64_t seed)
{
    struct rng rng;

    rng_seed(&rng, seed, 0);
    for (size_t i = 0; i < n; i++) {
        float x = rng_normal(&rng), size = fabsf(x);
        data[i] = (int8_t)(size < least ? 0 : lrintf((x < -3.6f ? -3.6f : x > 3.6f ? 3.6f : x) * 127 / 3.6f));
    }
}

/* Independent weights have no structure to exploit: the code must come close to their entropy. */
static void test_near_entropy(void **state)
{
    enum { ROWS = 300, COLS = 784 };
    static int8_t data[ROWS * COLS];
    static const float least[] = {0, 0.6745f, 1.2816f, 1.6449f}; /* 0, 50, 80, 90 % zeros */

    (void)state;
    for (size_t i = 0; i < sizeof least / sizeof *least; i++) {
        double bound, code[3];
        normal_weights(data, sizeof data, least[i], i);
        bound = entropy_bytes(data, sizeof data);
        for (int layout = 0; layout < 3; layout++)
            code[layout] = (double)entropy_trip(ENTROPY_S8, (enum entropy_layout)layout, ROWS, COLS, data) / bound;
        print_message("           %2.0f %% zeros: dense %.4f, bitmap %.4f, sparse %.4f of the order-0 entropy\n",
                      100 * erf((double)least[i] / sqrt(2)), code[0], code[1], code[2]);
        assert_true(fmin(code[0], fmin(code[1], code[2])) < 1.02);
    }
}

/* Dead columns, as pruning leaves them at the rim of images, cost next to nothing: below the order-0 entropy. */
static void test_structure_pays(void **state)
{
    enum { ROWS = 300, COLS = 784 };
    static int8_t data[ROWS * COLS];

    (void)state;
    normal_weights(data, sizeof data, 1.2816f, 3);
    for (size_t i = 0; i < sizeof data; i++)
        if (i % COLS % 28 < 7 || i % COLS % 28 > 20)
            data[i] = 0;
    assert_true((double)entropy_trip(ENTROPY_S8, ENTROPY_BITMAP, ROWS, COLS, data) <
                0.95 * entropy_bytes(data, sizeof data));
}

/* Carried models need fewer bytes for a second small tensor of the same kind, and decode alike. */
static void test_carried_models(void **state)
{
    enum { ROWS = 10, COLS = 50 };
    static struct entropy_models models;
    int8_t data[2][ROWS * COLS], back[2][ROWS * COLS] = {{0}};
    struct bytes out[2] = {{0}, {0}};
    size_t alone;

    (void)state;
    for (size_t t = 0; t < 2; t++)
        normal_weights(data[t], sizeof data[t], 1, 8 + t);
    alone = entropy_trip(ENTROPY_S8, ENTROPY_BITMAP, ROWS, COLS, data[1]);
    for (int decoding = 0; decoding < 2; decoding++) {
        entropy_models_init(&models);
        for (int t = 0; t < 2; t++) {
            if (decoding)
                assert_ok(
                    entropy_decode(&models, ENTROPY_S8, ENTROPY_BITMAP, ROWS, COLS, out[t].data, out[t].len, back[t]));
            else
                assert_ok(entropy_encode(&models, ENTROPY_S8, ENTROPY_BITMAP, ROWS, COLS, data[t], &out[t]));
            entropy_models_carry(&models);
        }
    }
    assert_memory_equal(back, data, sizeof data);
    assert_true(out[1].len + 5 < alone);
    bytes_free(&out[0]);
    bytes_free(&out[1]);
}

/* Any bytes decode to an error or to something, and never touch what is not theirs (sanitizers watch). */
static void test_garbage(void **state)
{
    enum { ROWS = 9, COLS = 31, TRIES = 30000 };
    static struct entropy_models models;
    const uint64_t seed = 20261123;
    struct rng rng;
    int refused = 0;

    (void)state;
    print_message("           seed %llu\n", (unsigned long long)seed);
    rng_seed(&rng, seed, 0);
    for (int t = 0; t < TRIES; t++) {
        enum entropy_type type = (enum entropy_type)rng_below(&rng, 3);
        size_t len = rng_below(&rng, 300);
        unsigned char *code = malloc(len + 1),
                      *data = calloc(ROWS * COLS, widths[type]); /* exact, for the sanitizers */
        assert_true(code && data);
        for (size_t i = 0; i < len; i++)
            code[i] = (unsigned char)(rng_below(&rng, 4) ? rng_below(&rng, 256) : 255 * rng_below(&rng, 2));
        entropy_models_init(&models);
        refused += entropy_decode(&models, type, (enum entropy_layout)rng_below(&rng, 3), ROWS, COLS, code, len,
                                  data) != ST_OK;
        free(code);
        free(data);
    }
    assert_in_range(refused, TRIES / 2, TRIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_varint),
        cmocka_unit_test(test_varint_refused),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_rice_by_hand),
        cmocka_unit_test(test_rice_round_trip),
        cmocka_unit_test(test_rangecoder),
        cmocka_unit_test(test_cheapest_decision),
        cmocka_unit_test(test_entropy_round_trips),
        cmocka_unit_test(test_exact_codes),
        cmocka_unit_test(test_negative_zero),
        cmocka_unit_test(test_near_entropy),
        cmocka_unit_test(test_structure_pays),
        cmocka_unit_test(test_carried_models),
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
