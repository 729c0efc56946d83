/* Matrix products for training: OpenBLAS kept to one thread (the parallelism is base/pool.h's), or plain C in a
 * fixed order of operations, which gives the same bits on every machine.
 *
 *   TRY(blas_ready(TRAIN_BLAS_OPEN));
 *   blas_gemm(TRAIN_BLAS_OPEN, 0, 1, n, out, in, x, in, w, in, 0, y, out);    // Y = X * W^T */
#ifndef TRAIN_BLAS_H
#define TRAIN_BLAS_H

#include "base/status.h"

/* Which matrix product: OpenBLAS, or plain C that gives the same bits on every machine (golden tests). */
enum train_blas { TRAIN_BLAS_OPEN, TRAIN_BLAS_PLAIN };

/* C(m, n) = op(A)(m, k) * op(B)(k, n) + beta * C, row-major; op transposes when its flag is 1. lda, ldb and ldc
 * are the pitches of the matrices as stored. beta is 0 (C is not read) or 1. Called from many threads at once. */
void blas_gemm(enum train_blas which, int transpose_a, int transpose_b, int m, int n, int k, const float *a, int lda,
               const float *b, int ldb, float beta, float *c, int ldc);

/* Sets OpenBLAS to one thread and compares a few of its products with plain C (about a millisecond; each trainer
 * and forward pass does it when created). Some builds return wrong products on some CPUs: ST_MISMATCH names the
 * library, its core type and the remedy. TRAIN_BLAS_PLAIN is always ready. */
enum status blas_ready(enum train_blas which);

/* blas_ready's comparison for any product, so that tests can prove that it fails on a wrong one. */
typedef void (*blas_gemm_fn)(int transpose_a, int transpose_b, int m, int n, int k, const float *a, int lda,
                             const float *b, int ldb, float beta, float *c, int ldc);
enum status blas_compare(blas_gemm_fn gemm, const char *name);

#endif
