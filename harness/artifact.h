/* One recipe's result as it ships: made (or taken from the cache), packed into a file, read back from that file, and
 * run over the validation and test images with the reference kernels. Everything a row says comes from the file read
 * back. */
#ifndef ARTIFACT_H
#define ARTIFACT_H

#include <limits.h>
#include <signal.h>

#include "base/live.h"
#include "compress/recipe.h"
#include "infer.h"
#include "io/plk.h"
#include "suite.h"

struct artifact_context {
    const struct suite *suite;
    const struct dataset_splits *data;
    struct pool *pool;
    struct kn_table ref, simd; /* simd.mask 0: this CPU has no SIMD level */
    const char *dir;           /* the run's folder; artifacts go to dir/artifacts */
    const char *cache_dir;     /* NULL: none */
    const volatile sig_atomic_t *stop;
    struct live *live; /* told what is being done; NULL: nobody */
};

enum { ARTIFACT_STAGES = RECIPE_MAX_STEPS + 2 };

struct artifact_stage {
    char name[32];
    double valid_top1; /* 0..1 */
    uint32_t n;
    int flips; /* -1: the first stage */
};

struct artifact {
    int made; /* 0: failed, see reason */
    char reason[512];
    char file[PATH_MAX];                          /* relative to the run's folder */
    char path[PATH_MAX];                          /* as opened */
    struct graph graph;                           /* read back from the file; owned */
    struct plk_info info;                         /* owned */
    struct infer ref;                             /* test images, reference kernels; owned */
    struct artifact_stage stage[ARTIFACT_STAGES]; /* the accuracy ledger, on the validation images */
    int stages;
    double valid_top1; /* of the shipped file with SIMD kernels (reference where there are none) */
    int epochs;        /* of training, all steps */
    double train_s;    /* spent now; 0 when everything came from the cache */
};

/* Never fails but for ST_INTERRUPTED, ST_NOMEM and a full disk (ST_IO): a recipe that cannot be made is out->made = 0
 * with the reason. Free with artifact_free. */
enum status artifact_make(const struct artifact_context *context, int model, int recipe, uint64_t seed,
                          struct artifact *out);
/* The same as far as the cache: trains what is not in it, packs and runs nothing. Of *out `made`, `reason`, `epochs`
 * and `train_s` are set. */
enum status artifact_train(const struct artifact_context *context, int model, int recipe, uint64_t seed,
                           struct artifact *out);
void artifact_free(struct artifact *artifact);

#endif
