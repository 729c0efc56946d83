#include "train/blas.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { TILE = 64 };

struct matrix {
    const float *data;
    int pitch;
    int transposed;
};

/* Element (row, column) of op(X). */
static float matrix_at(const struct matrix *x, int row, int column)
{
    return x->transposed ? x->data[(size_t)column * (size_t)x->pitch + (size_t)row]
                         : x->data[(size_t)row * (size_t)x->pitch + (size_t)column];
}

/* Adds op(A)(rows, p0 .. p0+depth) * tile to the columns j0 .. j0+width of C. Each element of C gets its products
 * one after the other in the order of p, whatever the width of the vectors that compute it. */
static void plain_tile(const struct matrix *a, const float tile[TILE][TILE], int m, int p0, int depth, int j0,
                       int width, float *c, int ldc)
{
    for (int i = 0; i < m; i++) {
        float *restrict row = c + (size_t)i * (size_t)ldc + j0;
        for (int p = 0; p < depth; p++) {
            float factor = matrix_at(a, i, p0 + p);
            const float *restrict from = tile[p];
            for (int j = 0; j < width; j++)
                row[j] += factor * from[j];
        }
    }
}

static void plain_gemm(int transpose_a, int transpose_b, int m, int n, int k, const float *a, int lda, const float *b,
                       int ldb, float beta, float *c, int ldc)
{
    struct matrix ma = {a, lda, transpose_a}, mb = {b, ldb, transpose_b};
    float tile[TILE][TILE];

    if (beta == 0)
        for (int i = 0; i < m; i++)
            memset(c + (size_t)i * (size_t)ldc, 0, (size_t)n * sizeof *c);
    for (int j0 = 0; j0 < n; j0 += TILE) {
        int width = n - j0 < TILE ? n - j0 : TILE;
        for (int p0 = 0; p0 < k; p0 += TILE) {
            int depth = k - p0 < TILE ? k - p0 : TILE;
            for (int p = 0; p < depth; p++)
                for (int j = 0; j < width; j++)
                    tile[p][j] = matrix_at(&mb, p0 + p, j0 + j);
            plain_tile(&ma, (const float(*)[TILE])tile, m, p0, depth, j0, width, c, ldc);
        }
    }
}

static void open_gemm(int transpose_a, int transpose_b, int m, int n, int k, const float *a, int lda, const float *b,
                      int ldb, float beta, float *c, int ldc)
{
    cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans, m, n,
                k, 1.0f, a, lda, b, ldb, beta, c, ldc);
}

void blas_gemm(enum train_blas which, int transpose_a, int transpose_b, int m, int n, int k, const float *a, int lda,
               const float *b, int ldb, float beta, float *c, int ldc)
{
    (which == TRAIN_BLAS_PLAIN ? plain_gemm : open_gemm)(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c,
                                                         ldc);
}

/* One product with both; factors lie in [-1, 1), so two correct orders of summation differ by at most
 * 2 * (k + 2) * 2^-24 * (k + 1) (Higham 2002, eq. 3.5). Returns the largest excess over that, 0 if none. */
static float compare_one(blas_gemm_fn gemm, int ta, int tb, int m, int n, int k, float beta, float *space)
{
    float *a = space, *b = a + (size_t)m * (size_t)k, *c = b + (size_t)n * (size_t)k, *want = c + (size_t)m * (size_t)n;
    float allowed = 2.0f * (float)(k + 2) * 0x1p-24f * (float)(k + 1), worst = 0;
    struct rng rng;

    rng_seed(&rng, 20, (uint64_t)(m * 4 + ta * 2 + tb));
    for (size_t i = 0; i < (size_t)m * (size_t)k + (size_t)n * (size_t)k; i++)
        space[i] = 2.0f * rng_f32(&rng) - 1.0f;
    for (size_t i = 0; i < (size_t)m * (size_t)n; i++)
        want[i] = c[i] = 2.0f * rng_f32(&rng) - 1.0f;
    plain_gemm(ta, tb, m, n, k, a, ta ? m : k, b, tb ? k : n, beta, want, n);
    gemm(ta, tb, m, n, k, a, ta ? m : k, b, tb ? k : n, beta, c, n);
    for (size_t i = 0; i < (size_t)m * (size_t)n; i++) {
        float error = fabsf(c[i] - want[i]);
        if (!(error <= allowed) && !(error <= worst))
            worst = error;
    }
    return worst;
}

enum status blas_compare(blas_gemm_fn gemm, const char *name)
{
    /* The kinds of product that training makes, with sizes that leave a rest in every register tile. */
    static const struct {
        int ta, tb, m, n, k;
        float beta;
    } cases[] = {{0, 1, 37, 53, 131, 0},
                 {0, 0, 61, 47, 67, 0},
                 {1, 0, 53, 93, 35, 0},
                 {0, 1, 21, 77, 65, 1},
                 {0, 0, 5, 131, 25, 1}};
    enum { LARGEST = 64 * 1024 };
    enum status st = ST_OK;
    float *space = NULL;

    TRY(mem_alloc(LARGEST, sizeof *space, &space));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0] && st == ST_OK; i++) {
        float excess =
            compare_one(gemm, cases[i].ta, cases[i].tb, cases[i].m, cases[i].n, cases[i].k, cases[i].beta, space);
        if (excess != 0)
            st = status_fail(
                ST_MISMATCH,
                "%s: a %dx%dx%d product (transposed %d, %d) is off by %g against plain C: this build is wrong "
                "on this CPU; set OPENBLAS_CORETYPE (for example Haswell) or install a newer libopenblas",
                name, cases[i].m, cases[i].n, cases[i].k, cases[i].ta, cases[i].tb, (double)excess);
    }
    mem_free(space);
    return st;
}

enum status blas_ready(enum train_blas which)
{
    char name[256];

    if (which == TRAIN_BLAS_PLAIN)
        return ST_OK;
    openblas_set_num_threads(1);
    snprintf(name, sizeof name, "%.200s, core %.40s", openblas_get_config(), openblas_get_corename());
    return blas_compare(open_gemm, name);
}
