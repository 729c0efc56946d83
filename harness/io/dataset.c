#include "io/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"

/* An IDX file: two zero bytes, the element type, the rank, the dimensions as big-endian 32-bit, then the data. */
#define DATASET_NOISE_MAX (1 << 30) /* bytes */

enum {
    IDX_IMAGES = 0x00000803, /* unsigned bytes, rank 3 */
    IDX_LABELS = 0x00000801, /* unsigned bytes, rank 1 */
    MOST_IMAGES = 1 << 24,
    MOST_SIDE = 1024,
    GZIP_RATIO = 1032 /* deflate cannot expand more than this */
};
#define MOST_BYTES ((size_t)1 << 30)

#define REMEDY "install dataset-fashion-mnist or give --data DIR"

struct idx {
    char path[1024];
    gzFile file;
    size_t disk_bytes;
    struct hash *hash; /* of the four files one after the other */
    unsigned char head[16];
    size_t head_len;
    size_t at; /* bytes read so far */
    uint32_t n;
    int h, w;
};

static enum status idx_open(const char *dir, const char *name, struct idx *idx)
{
    struct stat info;

    TRY(file_join(idx->path, sizeof idx->path - 4, dir, name));
    memcpy(idx->path + strlen(idx->path), ".gz", sizeof ".gz");
    if (stat(idx->path, &info) != 0) {
        idx->path[strlen(idx->path) - 3] = 0;
        if (stat(idx->path, &info) != 0)
            return status_fail(ST_IO, "%s: not found, with or without .gz: " REMEDY, idx->path);
    }
    if (!S_ISREG(info.st_mode))
        return status_fail(ST_IO, "%s: not a regular file: " REMEDY, idx->path);
    idx->disk_bytes = (size_t)info.st_size;
    idx->file = gzopen(idx->path, "rb");
    if (!idx->file)
        return status_fail(ST_IO, "%s: cannot be opened for reading: " REMEDY, idx->path);
    gzbuffer(idx->file, 1 << 17);
    return ST_OK;
}

/* Exactly `len` bytes of `what`, or a message about the place where they end. */
static enum status idx_read(struct idx *idx, void *to, size_t len, const char *what)
{
    int error = Z_OK, got = gzread(idx->file, to, (unsigned)len);

    if (got == (int)len) {
        idx->at += len;
        return ST_OK;
    }
    gzerror(idx->file, &error);
    if (got < 0 && error != Z_BUF_ERROR)
        return status_fail(error == Z_ERRNO ? ST_IO : ST_FORMAT,
                           "%s: the compressed data is damaged after byte %zu (%s): " REMEDY, idx->path, idx->at, what);
    return status_fail(ST_FORMAT, "%s: ends at byte %zu, expected %zu more bytes (%s): " REMEDY, idx->path,
                       idx->at + (got > 0 ? (size_t)got : 0), len - (got > 0 ? (size_t)got : 0), what);
}

static uint32_t big_endian(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Nothing may follow, and the checksum at the end of a gzip file must hold. */
static enum status idx_end(struct idx *idx)
{
    unsigned char extra;
    int error = Z_OK, got = gzread(idx->file, &extra, 1);

    if (got > 0)
        return status_fail(ST_FORMAT, "%s: data goes on after byte %zu, where the header says it ends: " REMEDY,
                           idx->path, idx->at);
    gzerror(idx->file, &error);
    if (got < 0 || error != Z_OK) /* zlib reports a missing checksum as Z_BUF_ERROR and no bytes */
        return status_fail(ST_FORMAT, "%s: damaged at its end (checksum or missing bytes): " REMEDY, idx->path);
    return ST_OK;
}

static enum status idx_header(struct idx *idx, uint32_t magic)
{
    const unsigned char *head = idx->head;
    size_t item;
    uint32_t h = 1, w = 1;

    idx->head_len = magic == IDX_IMAGES ? 16 : 8;
    TRY(idx_read(idx, idx->head, idx->head_len, "the header"));
    if (big_endian(head) != magic)
        return status_fail(ST_FORMAT,
                           "%s: starts with 0x%08x, expected 0x%08x (an IDX file of unsigned bytes, rank %d): " REMEDY,
                           idx->path, (unsigned)big_endian(head), (unsigned)magic, magic == IDX_IMAGES ? 3 : 1);
    idx->n = big_endian(head + 4);
    if (magic == IDX_IMAGES) {
        h = big_endian(head + 8);
        w = big_endian(head + 12);
    }
    if (idx->n < 1 || idx->n > MOST_IMAGES)
        return status_fail(ST_FORMAT, "%s: byte 4: %u items, expected 1 to %d: " REMEDY, idx->path, (unsigned)idx->n,
                           MOST_IMAGES);
    if (h < 1 || h > MOST_SIDE || w < 1 || w > MOST_SIDE)
        return status_fail(ST_FORMAT, "%s: byte 8: images of %ux%u, expected 1x1 to %dx%d: " REMEDY, idx->path,
                           (unsigned)h, (unsigned)w, MOST_SIDE, MOST_SIDE);
    item = (size_t)h * w;
    if (item * idx->n > MOST_BYTES || item * idx->n / GZIP_RATIO > idx->disk_bytes)
        return status_fail(ST_FORMAT,
                           "%s: byte 4: %u items of %zu bytes do not fit a file of %zu bytes (or exceed %zu): " REMEDY,
                           idx->path, (unsigned)idx->n, item, idx->disk_bytes, MOST_BYTES);
    idx->h = (int)h;
    idx->w = (int)w;
    return ST_OK;
}

static void idx_close(struct idx *idx)
{
    if (idx->file)
        gzclose(idx->file);
    idx->file = NULL;
}

/* The items, item i at place[i] (i when place is NULL), and the end of the file. */
static enum status idx_items(struct idx *idx, const uint32_t *place, uint8_t *out)
{
    size_t item = (size_t)idx->h * (size_t)idx->w;

    hash_add(idx->hash, idx->head, idx->head_len);
    for (uint32_t i = 0; i < idx->n; i++) {
        uint8_t *to = out + (place ? place[i] : i) * item;
        TRY(idx_read(idx, to, item, "items"));
        hash_add(idx->hash, to, item);
    }
    return idx_end(idx);
}

/* One part (training or test): images and labels with the same count. */
struct part {
    struct idx images, labels;
    uint8_t *pixels; /* (n, h, w); borrowed */
    uint8_t *label;  /* (n); borrowed */
};

static enum status part_open(const char *dir, const char *prefix, struct hash *hash, struct part *part)
{
    char name[64];

    part->images.hash = part->labels.hash = hash;
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", prefix);
    TRY(idx_open(dir, name, &part->images));
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", prefix);
    TRY(idx_open(dir, name, &part->labels));
    TRY(idx_header(&part->images, IDX_IMAGES));
    TRY(idx_header(&part->labels, IDX_LABELS));
    if (part->labels.n != part->images.n)
        return status_fail(ST_FORMAT, "%s: byte 4: %u labels, but %s has %u images: " REMEDY, part->labels.path,
                           (unsigned)part->labels.n, part->images.path, (unsigned)part->images.n);
    return ST_OK;
}

static enum status part_read(struct part *part, const uint32_t *place)
{
    TRY(idx_items(&part->images, place, part->pixels));
    return idx_items(&part->labels, place, part->label);
}

/* place[i] is where training image i goes: the first 11/12 of the places are the training split. The shuffle is the
 * same for every run, whatever the user's seed: splits must not move between results that are compared. */
static enum status make_places(uint32_t n, uint32_t **out)
{
    struct rng rng;
    uint32_t *place;

    TRY(mem_alloc(n, sizeof *place, &place));
    for (uint32_t i = 0; i < n; i++)
        place[i] = i;
    rng_seed(&rng, 0, 0x73706c6974);
    rng_shuffle_u32(&rng, place, n);
    *out = place;
    return ST_OK;
}

static enum status check_labels(const struct part *train, const struct part *test, int *out_classes)
{
    int most = 0;

    for (uint32_t i = 0; i < train->labels.n; i++)
        most = train->label[i] > most ? train->label[i] : most;
    for (uint32_t i = 0; i < test->labels.n; i++)
        if (test->label[i] > most)
            return status_fail(ST_FORMAT, "%s: byte %u: label %d, but training labels go from 0 to %d: " REMEDY,
                               test->labels.path, (unsigned)i + 8, test->label[i], most);
    if (most == 0)
        return status_fail(ST_FORMAT, "%s: all labels are 0, expected at least two classes: " REMEDY,
                           train->labels.path);
    *out_classes = most + 1;
    return ST_OK;
}

static void name_of(const char *dir, char *out, size_t size)
{
    size_t end = strlen(dir), start;

    while (end > 1 && dir[end - 1] == '/')
        end--;
    for (start = end; start > 0 && dir[start - 1] != '/'; start--)
        continue;
    snprintf(out, size, "%.*s", (int)(end - start), dir + start);
}

/* Space for both parts in one block (training pixels, labels, test pixels, labels), then the data. */
static enum status read_parts(struct part *train, struct part *test, struct dataset_splits *splits)
{
    size_t image = (size_t)train->images.h * (size_t)train->images.w;
    uint32_t *place = NULL;
    enum status st;

    if (train->images.n < 2)
        return status_fail(ST_FORMAT, "%s: byte 4: one image cannot be split into training and validation: " REMEDY,
                           train->images.path);
    if (test->images.h != train->images.h || test->images.w != train->images.w)
        return status_fail(ST_FORMAT, "%s: byte 8: images of %dx%d, but %s has %dx%d: " REMEDY, test->images.path,
                           test->images.h, test->images.w, train->images.path, train->images.h, train->images.w);
    TRY(mem_alloc((size_t)train->images.n + test->images.n, image + 1, &splits->owned));
    train->pixels = splits->owned;
    train->label = train->pixels + train->images.n * image;
    test->pixels = train->label + train->images.n;
    test->label = test->pixels + test->images.n * image;
    TRY(make_places(train->images.n, &place));
    st = part_read(train, place);
    if (st == ST_OK)
        st = part_read(test, NULL);
    mem_free(place);
    return st;
}

enum status dataset_load(const char *dir, struct dataset_splits *out)
{
    enum status st = ST_OK;
    struct dataset_splits splits = {0};
    struct part *train = NULL, *test = NULL;
    struct dataset base = {0};
    struct hash hash;
    struct stat info;
    size_t image;
    uint32_t n;

    if (!dir)
        dir = DATASET_DEFAULT_DIR;
    if (stat(dir, &info) != 0 || !S_ISDIR(info.st_mode))
        return status_fail(ST_IO, "%s: no such folder with the four IDX files: " REMEDY, dir);
    hash_begin(&hash);
    TRY_OUT(mem_alloc(1, sizeof *train, &train));
    TRY_OUT(mem_alloc(1, sizeof *test, &test));
    TRY_OUT(part_open(dir, "train", &hash, train));
    TRY_OUT(part_open(dir, "t10k", &hash, test));
    TRY_OUT(read_parts(train, test, &splits));
    TRY_OUT(check_labels(train, test, &base.classes));
    name_of(dir, splits.name, sizeof splits.name);
    hash_end(&hash, splits.sha256);
    base.c = 1;
    base.h = train->images.h;
    base.w = train->images.w;
    image = (size_t)base.h * (size_t)base.w;
    n = (uint32_t)((uint64_t)train->images.n * 11 / 12);
    splits.train = splits.valid = splits.test = base;
    splits.train.pixels = train->pixels;
    splits.train.labels = train->label;
    splits.train.n = n;
    splits.valid.pixels = train->pixels + n * image;
    splits.valid.labels = train->label + n;
    splits.valid.n = train->images.n - n;
    splits.test.pixels = test->pixels;
    splits.test.labels = test->label;
    splits.test.n = test->images.n;
    *out = splits;
    splits.owned = NULL;
out:
    if (train) {
        idx_close(&train->images);
        idx_close(&train->labels);
    }
    if (test) {
        idx_close(&test->images);
        idx_close(&test->labels);
    }
    mem_free(train);
    mem_free(test);
    mem_free(splits.owned);
    return st;
}

void dataset_free(struct dataset_splits *splits)
{
    mem_free(splits->owned);
    memset(splits, 0, sizeof *splits);
}

static void limit(struct dataset *data, uint32_t n)
{
    if (n > 0 && n < data->n)
        data->n = n;
}

void dataset_limit(struct dataset_splits *splits, uint32_t n_train, uint32_t n_valid, uint32_t n_test)
{
    limit(&splits->train, n_train);
    limit(&splits->valid, n_valid);
    limit(&splits->test, n_test);
}

enum status dataset_noise(int c, int h, int w, int classes, uint32_t n_train, uint32_t n_valid, uint32_t n_test,
                          uint64_t seed, struct dataset_splits *out)
{
    size_t image = (size_t)c * (size_t)h * (size_t)w, n = (size_t)n_train + n_valid + n_test;
    struct dataset_splits splits = {.name = "noise"};
    struct dataset *part[3] = {&splits.train, &splits.valid, &splits.test};
    const uint32_t count[3] = {n_train, n_valid, n_test};
    const uint8_t *pixels;
    struct hash hash;
    struct rng rng;
    char text[96];

    if (image > DATASET_NOISE_MAX / n)
        return status_fail(ST_BADARG, "%zu images of %dx%dx%d take more than %d bytes", n, c, h, w, DATASET_NOISE_MAX);
    TRY(mem_alloc(n * (image + 1), 1, &splits.owned));
    rng_seed(&rng, seed, 0x6e6f697365);
    for (size_t i = 0; i < n * image; i++)
        splits.owned[i] = (uint8_t)(rng_u64(&rng) >> 56);
    pixels = splits.owned;
    for (int i = 0; i < 3; i++) {
        *part[i] = (struct dataset){pixels, splits.owned + n * image, count[i], c, h, w, classes}; /* labels: zeros */
        pixels += count[i] * image;
    }
    snprintf(text, sizeof text, "noise %d %d %d seed %llu n %zu", c, h, w, (unsigned long long)seed, n);
    hash_begin(&hash);
    hash_add_text(&hash, text);
    hash_end(&hash, splits.sha256);
    *out = splits;
    return ST_OK;
}
