/* The IDX loader: what it makes of good folders and of hostile ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#include "base/file.h"
#include "io/dataset.h"

enum { TRAIN_N = 25, TEST_N = 7, SIDE = 3, IMAGE = SIDE * SIDE };

static const char *const names[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                     "t10k-labels-idx1-ubyte"};

struct folder {
    char dir[64];
    unsigned char data[4][512]; /* the four files before compression */
    size_t len[4];
    int gzip;
};

static void put32(unsigned char *to, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(x >> (24 - 8 * i));
}

/* Image i is filled with the value i (training) or 200 + i (test); labels are i % 3. */
static void make(struct folder *f)
{
    strcpy(f->dir, "/tmp/packlight-idx-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->gzip = 1;
    for (int part = 0; part < 2; part++) {
        int n = part ? TEST_N : TRAIN_N;
        unsigned char *images = f->data[2 * part], *labels = f->data[2 * part + 1];
        put32(images, 0x803);
        put32(images + 4, (uint32_t)n);
        put32(images + 8, SIDE);
        put32(images + 12, SIDE);
        put32(labels, 0x801);
        put32(labels + 4, (uint32_t)n);
        for (int i = 0; i < n; i++) {
            memset(images + 16 + i * IMAGE, (part ? 200 : 0) + i, IMAGE);
            labels[8 + i] = (unsigned char)(i % 3);
        }
        f->len[2 * part] = 16 + (size_t)n * IMAGE;
        f->len[2 * part + 1] = 8 + (size_t)n;
    }
}

static void path_of(const struct folder *f, int file, char *path, size_t size)
{
    snprintf(path, size, "%s/%s%s", f->dir, names[file], f->gzip ? ".gz" : "");
}

static void store(const struct folder *f)
{
    char path[160];

    for (int i = 0; i < 4; i++) {
        path_of(f, i, path, sizeof path);
        if (f->gzip) {
            gzFile file = gzopen(path, "wb");
            assert_non_null(file);
            assert_int_equal(gzwrite(file, f->data[i], (unsigned)f->len[i]), (int)f->len[i]);
            assert_int_equal(gzclose(file), Z_OK);
        } else {
            assert_int_equal(file_write_atomic(path, f->data[i], f->len[i]), ST_OK);
        }
    }
}

static void remove_folder(const struct folder *f)
{
    char path[160];

    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", f->dir, names[i]);
        unlink(path);
        rmdir(path);
        strcat(path, ".gz");
        unlink(path);
    }
    rmdir(f->dir);
}

/* Loading must fail with this code and a message that holds both texts and the remedy. */
static void refused(const struct folder *f, enum status code, const char *file, const char *says)
{
    struct dataset_splits splits;
    enum status st = dataset_load(f->dir, &splits);

    if (st != code || !strstr(status_message(), file) || !strstr(status_message(), says))
        print_error("got %d: %s\nexpected %d: %s ... %s\n", (int)st, status_message(), (int)code, file, says);
    assert_int_equal(st, code);
    assert_non_null(strstr(status_message(), file));
    assert_non_null(strstr(status_message(), says));
    assert_non_null(strstr(status_message(), "--data DIR"));
}

static void loads_and_splits(void **state)
{
    struct folder f;
    struct dataset_splits a, b;
    int seen[TRAIN_N] = {0};
    (void)state;

    make(&f);
    store(&f);
    assert_int_equal(dataset_load(f.dir, &a), ST_OK);
    assert_int_equal(a.train.n, 22); /* floor(25 * 11 / 12) */
    assert_int_equal(a.valid.n, 3);
    assert_int_equal(a.test.n, TEST_N);
    assert_int_equal(a.train.classes, 3);
    assert_int_equal(a.train.c, 1);
    assert_int_equal(a.train.h, SIDE);
    assert_int_equal(a.train.w, SIDE);
    for (uint32_t i = 0; i < 25; i++) { /* each image once, with its own label, in train or valid */
        const struct dataset *d = i < 22 ? &a.train : &a.valid;
        uint32_t at = i < 22 ? i : i - 22;
        int id = d->pixels[at * IMAGE];
        assert_int_equal(d->pixels[at * IMAGE + IMAGE - 1], id);
        assert_int_equal(d->labels[at], id % 3);
        seen[id]++;
    }
    for (int i = 0; i < TRAIN_N; i++)
        assert_int_equal(seen[i], 1);
    for (uint32_t i = 0; i < TEST_N; i++) { /* the test set keeps its order */
        assert_int_equal(a.test.pixels[i * IMAGE], 200 + i);
        assert_int_equal(a.test.labels[i], i % 3);
    }
    assert_string_equal(a.name, strrchr(f.dir, '/') + 1);
    remove_folder(&f);

    /* The same without compression: the same content, split and hash. */
    f.gzip = 0;
    assert_int_equal(mkdir(f.dir, 0700), 0);
    store(&f);
    assert_int_equal(dataset_load(f.dir, &b), ST_OK);
    assert_string_equal(a.sha256, b.sha256);
    assert_memory_equal(a.train.pixels, b.train.pixels, 22 * IMAGE);
    dataset_limit(&b, 5, 0, 100);
    assert_int_equal(b.train.n, 5);
    assert_int_equal(b.valid.n, 3);
    assert_int_equal(b.test.n, TEST_N);
    dataset_free(&a);
    dataset_free(&b);
    remove_folder(&f);
}

/* sha256 of the four decompressed files one after the other, as `zcat ... | sha256sum` gives. */
static void hash_is_of_the_files(void **state)
{
    struct folder f;
    struct dataset_splits splits;
    struct hash hash;
    char hex[HASH_HEX];
    (void)state;

    make(&f);
    store(&f);
    hash_begin(&hash);
    for (int i = 0; i < 4; i++)
        hash_add(&hash, f.data[i], f.len[i]);
    hash_end(&hash, hex);
    assert_int_equal(dataset_load(f.dir, &splits), ST_OK);
    assert_string_equal(splits.sha256, hex);
    dataset_free(&splits);
    remove_folder(&f);
}

static void missing_things(void **state)
{
    struct folder f;
    struct dataset_splits splits;
    char path[160];
    (void)state;

    assert_int_equal(dataset_load("/tmp/packlight-no-such-folder", &splits), ST_IO);
    assert_non_null(strstr(status_message(), "/tmp/packlight-no-such-folder"));
    assert_non_null(strstr(status_message(), "install dataset-fashion-mnist"));
    for (int i = 0; i < 4; i++) {
        make(&f);
        store(&f);
        path_of(&f, i, path, sizeof path);
        unlink(path);
        refused(&f, ST_IO, names[i], "not found");
        path[strlen(path) - 3] = 0;
        assert_int_equal(mkdir(path, 0700), 0);
        refused(&f, ST_IO, names[i], "not a regular file");
        remove_folder(&f);
    }
}

struct edit {
    int file;
    size_t at;
    uint32_t value;
    const char *says;
};

static void wrong_headers(void **state)
{
    static const struct edit edits[] = {
        {0, 0, 0x801, "expected 0x00000803"},
        {1, 0, 0x803, "expected 0x00000801"},
        {2, 0, 0x803000, "expected 0x00000803"},
        {0, 4, 0, "0 items"},
        {2, 4, 0, "0 items"},
        {0, 4, 0xffffffff, "4294967295 items"},
        {0, 4, 1 << 24, "do not fit"},
        {1, 4, 1 << 24, "do not fit"},
        {0, 8, 0, "images of 0x3"},
        {0, 12, 0x80000000, "images of 3x2147483648"},
        {0, 8, 1025, "images of 1025x3"},
        {2, 8, 1, "images of 1x3"},
        {1, 4, TRAIN_N - 1, "24 labels"},
        {3, 4, TEST_N + 1, "8 labels"},
        {0, 4, TRAIN_N + 1, "25 labels"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        struct folder f;
        const struct edit *e = &edits[i];
        make(&f);
        put32(f.data[e->file] + e->at, e->value);
        store(&f);
        refused(&f, ST_FORMAT, i + 1 == sizeof edits / sizeof edits[0] ? names[1] : names[e->file], e->says);
        remove_folder(&f);
    }
}

static void both_counts_too_large(void **state)
{
    struct folder f;
    (void)state;

    make(&f);
    put32(f.data[2] + 4, TEST_N + 1);
    put32(f.data[3] + 4, TEST_N + 1);
    store(&f);
    refused(&f, ST_FORMAT, names[2], "expected 9 more bytes");
    remove_folder(&f);
    make(&f);
    put32(f.data[0] + 4, 1);
    put32(f.data[1] + 4, 1);
    store(&f);
    refused(&f, ST_FORMAT, names[0], "cannot be split");
    remove_folder(&f);
}

static void trailing_data(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct folder f;
        make(&f);
        f.len[i]++;
        store(&f);
        refused(&f, ST_FORMAT, names[i], "goes on after");
        remove_folder(&f);
    }
}

static void labels_out_of_range(void **state)
{
    struct folder f;
    (void)state;

    make(&f);
    f.data[3][8 + 4] = 77;
    store(&f);
    refused(&f, ST_FORMAT, names[3], "byte 12: label 77, but training labels go from 0 to 2");
    remove_folder(&f);
    make(&f);
    memset(f.data[1] + 8, 0, TRAIN_N);
    memset(f.data[3] + 8, 0, TEST_N);
    store(&f);
    refused(&f, ST_FORMAT, names[1], "two classes");
    remove_folder(&f);
}

/* Every truncation of every file, compressed or not, is refused; so is every changed byte that inflate or the checksum
 * can notice. Nothing may crash. */
static void truncated_and_damaged(void **state)
{
    (void)state;
    for (int gzip = 0; gzip < 2; gzip++)
        for (int i = 0; i < 4; i++) {
            struct folder f;
            unsigned char *bytes;
            char path[160];
            size_t len;
            make(&f);
            f.gzip = gzip;
            store(&f);
            path_of(&f, i, path, sizeof path);
            assert_int_equal(file_read(path, 0, &bytes, &len), ST_OK);
            for (size_t cut = 0; cut < len; cut++) {
                struct dataset_splits splits;
                assert_int_equal(truncate(path, (off_t)cut), 0);
                assert_int_not_equal(dataset_load(f.dir, &splits), ST_OK);
                assert_non_null(strstr(status_message(), names[i]));
                assert_int_equal(file_write_atomic(path, bytes, len), ST_OK);
            }
            for (size_t at = 0; gzip && at < len; at++) {
                struct dataset_splits splits;
                bytes[at] ^= 0x10;
                assert_int_equal(file_write_atomic(path, bytes, len), ST_OK);
                if (dataset_load(f.dir, &splits) == ST_OK)
                    dataset_free(&splits); /* unused header bits of gzip */
                bytes[at] ^= 0x10;
            }
            free(bytes);
            remove_folder(&f);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_and_splits),      cmocka_unit_test(hash_is_of_the_files),
        cmocka_unit_test(missing_things),        cmocka_unit_test(wrong_headers),
        cmocka_unit_test(both_counts_too_large), cmocka_unit_test(trailing_data),
        cmocka_unit_test(labels_out_of_range),   cmocka_unit_test(truncated_and_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
