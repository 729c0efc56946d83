/* What a paired comparison measures: a list of cells, each a packed file for either side with kernels, threads and
 * batch. From the records of a run folder (two builds run the same file, two recipes two files of one model), or from
 * two packed files.
 *
 *   struct compare_pick pick = {.filter = "lenet5/..."};
 *   TRY(compare_cells_from_run("results/latest", &pick, &cells));
 *   compare_cells_free(&cells); */
#ifndef COMPARE_CELLS_H
#define COMPARE_CELLS_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/status.h"

struct compare_file {
    char path[PATH_MAX]; /* of the packed file, absolute */
    char sha256[HASH_HEX];
    double accuracy;          /* NaN: not known */
    int64_t bytes, ram_bytes; /* RECORD_NONE: not known */
    double energy_nj;         /* proxy; NaN: not known */
};

struct compare_cell {
    char cell[256]; /* model/config/kernel/t<threads>/b<batch>; two recipes: config is "A:B" */
    char model[64], config[128], kernel[16], isa[16];
    int threads, batch;
    struct compare_file a, b;
    char filter[256]; /* of --filter, to pick this cell alone */
    double hint_ns;   /* recorded latency of a whole batch, for the order of work only; NaN: not known */
};

struct compare_cells {
    struct compare_cell *cell; /* owned */
    size_t n;
};

struct compare_pick {
    const char *filter;              /* glob over cells; NULL: all */
    const char *recipe_a, *recipe_b; /* both NULL: the same file on both sides */
    const char *kernels;             /* "simd" (NULL), "ref" or "simd,ref" */
    uint32_t isa;                    /* cells of higher levels are left out; 0: no cap */
};

/* Cells with status ok. ST_IO, ST_FORMAT from reading the folder; ST_BADARG when none is left or a recipe is not
 * there. Packed files that are missing or are not what the record says are ST_FORMAT naming both hashes. */
enum status compare_cells_from_run(const char *dir, const struct compare_pick *pick, struct compare_cells *out);

/* One cell per thread count and batch. Both files must take the same input. ST_BADARG, ST_IO, ST_FORMAT. */
enum status compare_cells_from_files(const char *file_a, const char *file_b, const char *isa, const int *threads,
                                     int n_threads, const int *batches, int n_batches, struct compare_cells *out);

void compare_cells_free(struct compare_cells *cells);

/* The list as a JSON array (owned) and back; for env.json. ST_NOMEM, ST_FORMAT. */
enum status compare_cells_json(const struct compare_cells *cells, cJSON **out);
enum status compare_cells_parse(const struct json *doc, const cJSON *object, const char *path,
                                struct compare_cells *out);

#endif
