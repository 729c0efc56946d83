/* Broken packed files: cut short, damaged, and forged behind a correct checksum. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "plk_graphs.h"

struct file {
    unsigned char *bytes;
    size_t len;
};

static struct file pack(enum graphs_kind kind, double zeros, int flags)
{
    struct graph graph;
    struct file file;

    graphs_small(&graph, kind, zeros);
    assert_ok(plk_encode(&graph, flags, &file.bytes, &file.len, NULL));
    graph_free(&graph);
    return file;
}

/* Decodes a copy that ends where the memory ends, so that sanitizers see every byte read too far. */
static enum status decode(const unsigned char *bytes, size_t len, struct graph *out)
{
    unsigned char *copy = malloc(len > 0 ? len : 1);
    struct plk_info info = {0};
    enum status st;

    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, bytes, len);
    st = plk_decode("hostile.plk", copy, len, out, &info);
    plk_info_free(&info);
    free(copy);
    return st;
}

static void assert_refused(const unsigned char *bytes, size_t len, size_t place)
{
    struct graph graph = {0};
    enum status st = decode(bytes, len, &graph);

    if (st == ST_OK)
        fail_msg("accepted with damage at byte %zu", place);
    if (strncmp(status_message(), "hostile.plk: ", 13) != 0 || !strstr(status_message(), "byte"))
        fail_msg("'%s' names neither file nor byte", status_message());
    assert_int_equal(graph.nodes, 0); /* written only on success */
}

static const struct {
    enum graphs_kind kind;
    double zeros;
    int flags;
} samples[] = {
    {GRAPHS_F32, 0, PLK_DENSE},
    {GRAPHS_S8_STATIC, 0.6, PLK_PLAIN},
    {GRAPHS_S8_STATIC, 0.9, PLK_ENTROPY},
    {GRAPHS_SIMULATED, 0.9, PLK_ENTROPY},
    {GRAPHS_F32, 0.97, PLK_PLAIN},
    {GRAPHS_S8_DYNAMIC, 0.99, PLK_PLAIN},
    {GRAPHS_S8_DYNAMIC, 0.99, PLK_ENTROPY},
};

enum { SAMPLES = sizeof samples / sizeof *samples };

static void test_truncation(void **state)
{
    (void)state;
    for (int s = 0; s < SAMPLES; s++) {
        struct file file = pack(samples[s].kind, samples[s].zeros, samples[s].flags);
        for (size_t len = 0; len < file.len; len++)
            assert_refused(file.bytes, len, len);
        free(file.bytes);
    }
}

static void test_extension(void **state)
{
    struct file file = pack(GRAPHS_F32, 0.5, PLK_ENTROPY);
    unsigned char *longer = calloc(file.len + 4, 1);

    (void)state;
    assert_non_null(longer);
    memcpy(longer, file.bytes, file.len);
    for (size_t more = 1; more <= 4; more++)
        assert_refused(longer, file.len + more, file.len);
    free(longer);
    free(file.bytes);
}

/* A CRC finds every error within 32 bits in a row: each byte, in eight ways. */
static void test_each_byte_damaged(void **state)
{
    (void)state;
    for (int s = 0; s < SAMPLES; s++) {
        struct file file = pack(samples[s].kind, samples[s].zeros, samples[s].flags);
        for (size_t i = 0; i < file.len; i++) {
            for (int way = 0; way < (s == 1 ? 8 : 1); way++) {
                unsigned char old = file.bytes[i];
                file.bytes[i] = (unsigned char)(old ^ (s == 1 ? 1 << way : 0xff));
                assert_refused(file.bytes, file.len, i);
                file.bytes[i] = old;
            }
        }
        free(file.bytes);
    }
}

/* Corrects length and checksum, as a forger would. */
static size_t forge(unsigned char *bytes, size_t len)
{
    uint32_t crc;

    /* These samples have a length of two bytes. */
    bytes[5] = (unsigned char)((len & 127) | 128);
    bytes[6] = (unsigned char)(len >> 7);
    crc = (uint32_t)crc32(0, bytes, (uInt)(len - 4));
    for (int i = 0; i < 4; i++)
        bytes[len - 4 + (size_t)i] = (unsigned char)(crc >> (8 * i));
    return len;
}

/* What came through must be a graph that can be packed and read back. */
static void assert_consistent(const struct graph *graph)
{
    struct graph again = {0};
    unsigned char *bytes;
    size_t len;

    assert_ok(plk_encode(graph, PLK_PLAIN, &bytes, &len, NULL));
    assert_ok(plk_decode("again", bytes, len, &again, NULL));
    assert_int_equal(again.nodes, graph->nodes);
    free(bytes);
    graph_free(&again);
}

/* One to four changes: a bit, a byte, an extreme byte, a piece removed, a piece doubled. */
static size_t mutate(struct rng *rng, unsigned char *bytes, size_t len, size_t capacity)
{
    uint32_t changes = 1 + rng_below(rng, 4);

    for (uint32_t c = 0; c < changes; c++) {
        /* The structure at the front deserves more attention than the weights. */
        size_t place = 7 + rng_below(rng, rng_below(rng, 2) ? 70 : (uint32_t)len - 12);
        size_t piece = 1 + rng_below(rng, 6);
        static const unsigned char extremes[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
        if (place + piece + 4 > len)
            continue;
        switch (rng_below(rng, 5)) {
        case 0:
            bytes[place] ^= (unsigned char)(1 << rng_below(rng, 8));
            break;
        case 1:
            bytes[place] = (unsigned char)rng_below(rng, 256);
            break;
        case 2:
            bytes[place] = extremes[rng_below(rng, sizeof extremes)];
            break;
        case 3:
            if (len - piece < 200)
                break;
            memmove(bytes + place, bytes + place + piece, len - place - piece);
            len -= piece;
            break;
        default:
            if (len + piece > capacity)
                break;
            memmove(bytes + place + piece, bytes + place, len - place);
            len += piece;
        }
    }
    return len;
}

static void test_forged(void **state)
{
    enum { TRIES = 4000, ROOM = 64 };
    const uint64_t seed = 20261123;
    int accepted = 0, refused = 0;

    (void)state;
    print_message("           seed %llu\n", (unsigned long long)seed);
    for (int s = 0; s < SAMPLES; s++) {
        struct file file = pack(samples[s].kind, samples[s].zeros, samples[s].flags);
        unsigned char *bytes = malloc(file.len + ROOM);
        struct rng rng;
        assert_non_null(bytes);
        assert_in_range(file.len, 200, 16383);
        rng_seed(&rng, seed, (uint64_t)s);
        for (int t = 0; t < TRIES; t++) {
            struct graph graph = {0};
            size_t len;
            memcpy(bytes, file.bytes, file.len);
            len = forge(bytes, mutate(&rng, bytes, file.len, file.len + ROOM));
            if (decode(bytes, len, &graph) != ST_OK) {
                refused++;
                continue;
            }
            accepted++;
            assert_consistent(&graph);
            graph_free(&graph);
        }
        free(bytes);
        free(file.bytes);
    }
    print_message("           %d forged files: %d refused, %d were another model\n", SAMPLES * TRIES, refused,
                  accepted);
    assert_true(refused > SAMPLES * TRIES / 10 && accepted > SAMPLES * TRIES / 10);
}

/* A file from its body: prefix, length and checksum added. */
static struct file from_body(unsigned flags, const char *body, size_t len)
{
    struct file file = {.len = 7 + len + 4};

    file.bytes = malloc(file.len);
    assert_non_null(file.bytes);
    memcpy(file.bytes, "PLK\x02", 4);
    file.bytes[4] = (unsigned char)flags;
    memcpy(file.bytes + 7, body, len);
    forge(file.bytes, file.len);
    return file;
}

static void body_says(unsigned flags, const char *body, size_t len, const char *words)
{
    /* Long enough for a length of two bytes: the name is as long as may be. */
    char whole[400] = "\x3f"
                      "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\x03\x20\x3f"
                      "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii";
    const size_t prefix = 130;
    struct file file;
    struct graph graph = {0};

    assert_true(prefix + len <= sizeof whole);
    memcpy(whole + prefix, body, len);
    file = from_body(flags, whole, prefix + len);
    assert_int_equal(decode(file.bytes, file.len, &graph), ST_FORMAT);
    if (!strstr(status_message(), words))
        fail_msg("'%s' does not say '%s'", status_message(), words);
    free(file.bytes);
}

#define BODY_SAYS(flags, body, words) body_says((flags), (body), sizeof(body) - 1, (words))

/* Claims that would cost memory or time are refused before they do. The bodies go on after the input's name. */
static void test_claims(void **state)
{
    (void)state;
    BODY_SAYS(0, "\x04\x01\x01", "input shape of 4 numbers, expected 1 to 3");
    BODY_SAYS(0, "\x01\x00", "input shape is 0");
    BODY_SAYS(0, "\x01\x81\x80\x40", "input shape is 1048577");
    BODY_SAYS(4, "\x01\x01", "flags 04");
    BODY_SAYS(0, "\x01\x01\x00", "has operator 0, expected 1 to 20");
    BODY_SAYS(0, "\x01\x01\x1f", "has operator 31");
    BODY_SAYS(0, "\x01\x01\x44", "which relu cannot have");
    BODY_SAYS(0, "\x01\x01\x0d", "has operator 13"); /* a batch normalization */
    BODY_SAYS(0, "\x01\x01\x85\x04", "which flatten cannot have");
    BODY_SAYS(0, "\x01\x01\x84\x00", "flags 00, expected 01");
    BODY_SAYS(0, "\x01\x01\x84\x20", "flags 20, expected 01");
    BODY_SAYS(0, "\x01\x01\x83\x10", "which pool_max cannot have");
    BODY_SAYS(0, "\x01\x01\x84\x02\x02", "distance of an input is 2, expected 1 to 1");
    BODY_SAYS(0, "\x01\x01\x0e", "add does not say what it reads");
    BODY_SAYS(0, "\x01\x01\x90\x02\x09", "concat of 9 inputs");
    BODY_SAYS(0, "\x01\x01\x91\x02\x01\x01\x02", "transposition 2");
    BODY_SAYS(0, "\x01\x01\x91\x02\x01\x01\x00\x00\x00\x00\x00", "scale 0");
    BODY_SAYS(0, "\x01\x01\x12\x05", "shape of 5 numbers");
    BODY_SAYS(0, "\x01\x01\x12\x01\x02", "needs"); /* a reshape, then nothing */
    BODY_SAYS(0, "\x01\x01\x14\x02", "slice of 2 numbers");
    BODY_SAYS(0, "\x01\x01\x0c\x00\x00\xc0\x7f", "epsilon nan");
    BODY_SAYS(0, "\x01\x01\x24\x02y ", "printable");
    BODY_SAYS(0, "\x01\x01\x24\x02\xc3\x28", "printable");
    BODY_SAYS(0, "\x01\x01\x02\x01\x01", "channels is 1");
    /* 2^20 x 2^20 weights; then 2^14 x 2^14 = 2^28, allowed in itself, but not in a small file */
    BODY_SAYS(0, "\x01\x01\x02\x80\x80\x80\x01\x80\x80\x40", "more than 268435456 elements");
    BODY_SAYS(0, "\x01\x80\x80\x01\x02\x80\x80\x02\x80\x80\x01\x04\x08\x00", "268435456 weights in a file of");
    /* 784 x 2 f32 weights where 3 bytes are left */
    BODY_SAYS(0, "\x01\x90\x06\x02\x04\x90\x06\x04\x00\x00\x00\x00", "needs 6272 bytes");
    BODY_SAYS(0, "\x01\x90\x06\x02\x04\x90\x06\x04\x03", "head 03");
    BODY_SAYS(0, "\x01\x90\x06\x02\x04\x90\x06\x04\x01", "head 01"); /* int8 without scales */
    BODY_SAYS(0, "\x01\x90\x06\x02\x04\x90\x06\x04\x02", "head 02"); /* a weight of type s32 */
    BODY_SAYS(0, "\x01\x90\x06\x02\x04\x90\x06\x04\x80", "head 80");
    BODY_SAYS(0, "\x01\x90\x06\x02\x04\x90\x06\x04\x0c", "head 0c");
    BODY_SAYS(0, "\x01\x90\x06\x02\x04\x90\x06\x04\x08\xa1\x0c", "number of nonzeros is 1569, expected 0 to 1568");
    BODY_SAYS(0, "\x01\x90\x06\x02\x04\x90\x06\x04\x08\x01\x19", "Rice parameter 25");
    BODY_SAYS(0, "\x01\x90\x06\x02\x04\x90\x06\x04\x08\x01\x00\xff\xff", "gap 0 leads beyond");
    BODY_SAYS(0, "\x01\x90\x06\x02\x04\x90\x06\x04\x10\x7f\x00", "length of an entropy code is 127");
    BODY_SAYS(0, "\x01\x03\x02\x02\x03\x04\x04\x08", "bitmap goes on beyond 3");
    BODY_SAYS(0, "\x01\x03\x02\x02\x03\x04\x04\x01\x00\x00\x00\x80", "a zero among the nonzeros");
    BODY_SAYS(0, "\x01\x03\x02\x02\x03\x04\x25\x01\x80\x00\x00\x80\x3f", "-128 among");
    BODY_SAYS(0, "\x01\x03\x02\x02\x03\x04\x25\x00\x00\x00\x80\x7f", "scale 0 is inf");
    BODY_SAYS(0, "\x01\x03\x02\x02\x03\x04\x25\x00\x00\x00\x80\xbf", "scale 0 is -1");
    BODY_SAYS(0, "\x01\x03\x02\x02\x04\x04\x04\x00", "expected (1, 3, 1, 1)"); /* 4 inputs where 3 come */
    BODY_SAYS(0, "\x01\x03\x02\x02\x03\x04\x04\x00\x55", "1 bytes too many");
    BODY_SAYS(1, "\x01\x03\x02\x02\x03\x04\x04\x00\x00\x00\x00\x00\x80", "scale 0, expected a positive");
    BODY_SAYS(3, "\x01\x03\x02\x02\x03\x04\x04\x00\x03", "quantization mode 3");
    BODY_SAYS(1, "\x01\x03\x02\x02\x03\x04\x04\x00\x00\x00", "activation scale needs 4 bytes");
    BODY_SAYS(0, "\x03\x01\x05\x05\x03\x03", "needs"); /* pooling 3x3 over 5x5, then nothing */
}

static void test_foreign_files(void **state)
{
    static const unsigned char empty[1] = {0};
    unsigned char future[12] = {'P', 'L', 'K', 3, 0, 12, 0, 0};
    struct graph graph = {0};
    uint32_t crc = (uint32_t)crc32(0, future, 8);

    (void)state;
    assert_int_equal(decode(empty, 0, &graph), ST_FORMAT);
    assert_int_equal(decode((const unsigned char *)"\x7f"
                                                   "ELF\x02\x01\x01",
                            7, &graph),
                     ST_FORMAT);
    assert_non_null(strstr(status_message(), "not a packed model"));
    assert_int_equal(decode(future, sizeof future, &graph), ST_FORMAT); /* damaged, whatever its version */
    for (int i = 0; i < 4; i++)
        future[8 + i] = (unsigned char)(crc >> (8 * i));
    assert_int_equal(decode(future, sizeof future, &graph), ST_UNSUPPORTED);
    assert_non_null(strstr(status_message(), "version 3"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncation), cmocka_unit_test(test_extension), cmocka_unit_test(test_each_byte_damaged),
        cmocka_unit_test(test_forged),     cmocka_unit_test(test_claims),    cmocka_unit_test(test_foreign_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
