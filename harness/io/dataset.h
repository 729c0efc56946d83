/* Labelled images in memory. Fashion-MNIST from Debian's dataset-fashion-mnist, or any folder with the four
 * IDX files of that naming (gzipped or not): train-images-idx3-ubyte, train-labels-idx1-ubyte,
 * t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (".gz" optional).
 *
 * Choices are made on `valid` only; `test` gives the final numbers. Pixels reach networks as x / 255. */
#ifndef IO_DATASET_H
#define IO_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/status.h"

#define DATASET_DEFAULT_DIR "/usr/share/datasets/fashion-mnist"

struct dataset {
    const uint8_t *pixels; /* (n, c, h, w) row-major; borrowed from the splits */
    const uint8_t *labels; /* (n), each < classes; borrowed */
    uint32_t n;
    int c, h, w;
    int classes;
};

struct dataset_splits {
    struct dataset train; /* the first 11/12 of the training file after a fixed seeded shuffle: 55 000 */
    struct dataset valid; /* the rest: 5 000 */
    struct dataset test;
    char name[64];         /* the folder's last component */
    char sha256[HASH_HEX]; /* over all four decompressed files */
    uint8_t *owned;        /* storage behind the three */
};

/* dir NULL: DATASET_DEFAULT_DIR. Missing, truncated, wrong or disagreeing files are ST_IO / ST_FORMAT naming the
 * file, the place and what to do ("install dataset-fashion-mnist or give --data DIR"). Sizes are checked
 * before anything is allocated; gzip that expands beyond what the header says is refused. Free with dataset_free. */
enum status dataset_load(const char *dir, struct dataset_splits *out);
/* Images without meaning, for models that are timed with random weights: n_train, n_valid and n_test of (c, h, w)
 * evenly distributed bytes from the seed, all with label 0 of `classes`. name is "noise", sha256 says shape and seed.
 * ST_NOMEM. */
enum status dataset_noise(int c, int h, int w, int classes, uint32_t n_train, uint32_t n_valid, uint32_t n_test,
                          uint64_t seed, struct dataset_splits *out);
void dataset_free(struct dataset_splits *splits);

/* Keeps only the first n_train / n_valid / n_test images (0: all); for quick suites and tests. */
void dataset_limit(struct dataset_splits *splits, uint32_t n_train, uint32_t n_valid, uint32_t n_test);

#endif
