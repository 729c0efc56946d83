/* The parts of training that can be worked by hand: loss, optimizers, schedule, averages, augmentation, fake
 * quantization, matrix products. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "kernels/requant.h"
#include "train/augment.h"
#include "train/blas.h"
#include "train/fakequant.h"
#include "train/loss.h"
#include "train/optim.h"

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        print_error("got %.9g, expected %.9g within %.3g\n", got, want, tolerance);
    assert_true(fabs(got - want) <= tolerance);
}

/* ------------------------------------------------------------------ loss */

static void exp_is_exp(void **state)
{
    (void)state;
    for (int i = -69900; i < 69900; i += 37) {
        double x = i / 100.0;
        assert_true(fabs(loss_exp(x) / exp(x) - 1) < 4e-16 * 4);
    }
    assert_true(loss_exp(-1e9) == 0);
    assert_true(isinf(loss_exp(1e9)));
    assert_true(isnan(loss_exp((double)NAN)));
}

static void cross_entropy_by_hand(void **state)
{
    /* Two classes, logits 0 and ln 3: p = 1/4, 3/4. */
    float z[2] = {0, logf(3)}, g[2];
    uint8_t label = 1;
    struct loss_options o = {0, 0, 1};
    (void)state;

    near(loss_softmax(z, NULL, &label, 1, 2, &o, g), -log(0.75), 1e-7);
    near((double)g[0], 0.25, 1e-7);
    near((double)g[1], -0.25, 1e-7);
    o.smoothing = 0.2f; /* targets 0.1 and 0.9 */
    near(loss_softmax(z, NULL, &label, 1, 2, &o, g), -0.1 * log(0.25) - 0.9 * log(0.75), 1e-7);
    near((double)g[0], 0.25 - 0.1, 1e-7);
    near((double)g[1], 0.75 - 0.9, 1e-7);
}

static void distillation_by_hand(void **state)
{
    /* T = 2: student logits 0, 2 ln 3 soften to 1/4, 3/4; the teacher's 0, 0 to 1/2, 1/2. */
    float z[2] = {0, 2 * logf(3)}, teacher[2] = {5, 5}, g[2];
    uint8_t label = 0;
    struct loss_options o = {0, 1, 2};
    (void)state;

    near(loss_softmax(z, teacher, &label, 1, 2, &o, g), 4 * (0.5 * log(0.5 / 0.25) + 0.5 * log(0.5 / 0.75)), 1e-6);
    near((double)g[0], 2 * (0.25 - 0.5), 1e-6);
    near((double)g[1], 2 * (0.75 - 0.5), 1e-6);
}

/* Central differences of the loss in every logit, with smoothing and distillation mixed. */
static void loss_gradient(void **state)
{
    enum { N = 3, C = 5 };
    float z[N * C], teacher[N * C], g[N * C], unused[N * C];
    uint8_t labels[N] = {4, 0, 2};
    struct loss_options o = {0.1f, 0.7f, 3};
    struct rng rng;
    (void)state;

    rng_seed(&rng, 5, 0);
    for (int i = 0; i < N * C; i++) {
        z[i] = rng_normal(&rng) * 2;
        teacher[i] = rng_normal(&rng) * 3;
    }
    loss_softmax(z, teacher, labels, N, C, &o, g);
    for (int i = 0; i < N * C; i++) {
        float keep = z[i], up = keep + 0x1p-7f, down = keep - 0x1p-7f;
        double high, low;
        z[i] = up;
        high = loss_softmax(z, teacher, labels, N, C, &o, unused);
        z[i] = down;
        low = loss_softmax(z, teacher, labels, N, C, &o, unused);
        z[i] = keep;
        near((double)g[i], (high - low) / ((double)up - (double)down), 2e-5);
    }
}

static void loss_shows_bad_logits(void **state)
{
    float z[3] = {1, NAN, 0}, g[3];
    uint8_t label = 0;
    struct loss_options o = {0, 0, 1};
    (void)state;

    assert_true(isfinite(loss_softmax(z, NULL, &label, 1, 3, &o, g)) == 0);
    z[1] = INFINITY;
    assert_true(isfinite(loss_softmax(z, NULL, &label, 1, 3, &o, g)) == 0);
    z[0] = z[2] = z[1] = 3e38f; /* large but finite */
    near(loss_softmax(z, NULL, &label, 1, 3, &o, g), log(3), 1e-6);
}

/* ------------------------------------------------------------------ optimizers, schedule, averages */

static void adam_by_hand(void **state)
{
    float w[2] = {1, -2}, g[2] = {0.5f, -4}, m[2] = {0}, v[2] = {0}, mean[2] = {1, -2};
    struct optim_tensor t = {w, g, m, v, mean, NULL, 2, 0.1f};
    struct train_options o;
    struct optim_powers powers = {1, 1};
    struct optim_step step;
    (void)state;

    train_defaults(&o);
    o.lr = o.lr_end = 0.01f;
    o.ema = 0.5f;
    optim_step_begin(&o, 0, 10, &powers, &step);
    optim_update(&t, &step, 0, 2);
    /* The first step moves by lr * sign(g), after the decay w * (1 - lr * 0.1). */
    near((double)w[0], 1 * 0.999 - 0.01, 1e-6);
    near((double)w[1], -2 * 0.999 + 0.01, 1e-6);
    /* Keep of the first average: min(0.5, 1/10). */
    near((double)mean[0], 0.1 * 1 + 0.9 * 0.989, 1e-6);
    g[0] = -1;
    optim_step_begin(&o, 1, 10, &powers, &step);
    optim_update(&t, &step, 0, 1);
    {
        double m2 = 0.9 * 0.05 - 0.1, v2 = 0.999 * 0.00025 + 0.001;
        near((double)w[0], 0.989 * 0.999 - 0.01 * (m2 / (1 - 0.81)) / (sqrt(v2 / (1 - 0.998001)) + 1e-8), 1e-6);
    }
    near((double)w[1], -1.988, 1e-6); /* outside first .. last */
}

static void sgd_by_hand(void **state)
{
    float w[1] = {1}, g[1] = {2}, m[1] = {0};
    struct optim_tensor t = {w, g, m, NULL, NULL, NULL, 1, 0.5f};
    struct optim_step step = {TRAIN_SGD, 0.1f, 0.9f, 1, 1, 0};
    (void)state;

    optim_update(&t, &step, 0, 1); /* slope 2.5, velocity 2.5, move 0.1 * (2.5 + 0.9 * 2.5) */
    near((double)m[0], 2.5, 1e-6);
    near((double)w[0], 1 - 0.475, 1e-6);
    g[0] = 0; /* slope 0.2625, velocity 2.5125 */
    optim_update(&t, &step, 0, 1);
    near((double)m[0], 2.5125, 1e-6);
    near((double)w[0], 0.525 - 0.1 * (0.2625 + 0.9 * 2.5125), 1e-6);
}

static void masks_hold_everything_at_zero(void **state)
{
    float w[4] = {1, 2, -3, 4}, g[4] = {1, 1, 1, 1}, m[4] = {1, 1, 1, 1}, v[4] = {1, 1, 1, 1}, mean[4] = {1, 1, 1, 1};
    const uint8_t mask[4] = {1, 0, 0, 1};
    struct optim_tensor t = {w, g, m, v, mean, mask, 4, 0};
    struct optim_step step = {TRAIN_ADAM, 0.1f, 0.9f, 10, 1000, 0.9f};
    const float zero = 0;
    (void)state;

    optim_update(&t, &step, 0, 4);
    for (int i = 1; i < 3; i++) { /* the sign of zero too */
        assert_memory_equal(&w[i], &zero, 4);
        assert_memory_equal(&m[i], &zero, 4);
        assert_memory_equal(&v[i], &zero, 4);
        assert_memory_equal(&mean[i], &zero, 4);
    }
    assert_true(w[0] < 1 && w[0] != 0 && w[3] < 4 && mean[3] != 0);
}

static void schedule_by_hand(void **state)
{
    struct train_options o;
    (void)state;

    train_defaults(&o);
    o.lr = 1;
    o.lr_end = 0.2f;
    o.warmup = 0;
    near((double)optim_lr(&o, 0, 101), 1, 1e-7);
    near((double)optim_lr(&o, 50, 101), 0.6, 1e-6);
    near((double)optim_lr(&o, 25, 101), 0.2 + 0.8 * 0.5 * (1 + sqrt(0.5)), 1e-6);
    near((double)optim_lr(&o, 100, 101), 0.2, 1e-7);
    o.warmup = 0.5f; /* 5 of 10 steps */
    for (int i = 0; i < 5; i++)
        near((double)optim_lr(&o, i, 10), (i + 1) / 6.0, 1e-6);
    near((double)optim_lr(&o, 5, 10), 1, 1e-7);
    near((double)optim_lr(&o, 9, 10), 0.2, 1e-7);
    near((double)optim_lr(&o, 0, 1), 1, 1e-7); /* a single step */
}

static void average_starts_warm(void **state)
{
    (void)state;
    near((double)optim_average_keep(0.999f, 0), 0.1, 1e-7);
    near((double)optim_average_keep(0.999f, 90), 0.91, 1e-6);
    near((double)optim_average_keep(0.999f, 100000), 0.999, 1e-7);
    near((double)optim_average_keep(0, 5), 0, 0);
}

/* ------------------------------------------------------------------ augmentation */

static void planes_move_as_said(void **state)
{
    const uint8_t in[6] = {1, 2, 3, 4, 5, 6}; /* 2 x 3 */
    uint8_t out[6];
    (void)state;

    augment_plane(in, 2, 3, 0, 0, 0, out);
    assert_memory_equal(out, in, 6);
    augment_plane(in, 2, 3, 1, 0, 0, out);
    assert_memory_equal(out, ((uint8_t[]){3, 2, 1, 6, 5, 4}), 6);
    augment_plane(in, 2, 3, 0, 1, 0, out);
    assert_memory_equal(out, ((uint8_t[]){0, 1, 2, 0, 4, 5}), 6);
    augment_plane(in, 2, 3, 0, -1, 1, out);
    assert_memory_equal(out, ((uint8_t[]){0, 0, 0, 2, 3, 0}), 6);
    augment_plane(in, 2, 3, 1, 1, -1, out);
    assert_memory_equal(out, ((uint8_t[]){0, 6, 5, 0, 0, 0}), 6);
    augment_plane(in, 2, 3, 1, -2, 0, out);
    assert_memory_equal(out, ((uint8_t[]){1, 0, 0, 4, 0, 0}), 6);
    augment_plane(in, 2, 3, 0, 5, 0, out);
    assert_memory_equal(out, ((uint8_t[6]){0}), 6);
}

static void samples_have_their_own_draws(void **state)
{
    enum { N = 64, SIDE = 8 };
    uint8_t pixels[N * SIDE * SIDE], labels[N] = {0}, a[SIDE * SIDE], b[SIDE * SIDE];
    struct dataset data = {pixels, labels, N, 1, SIDE, SIDE, 2};
    struct augment augment = {3, 1, 2};
    int changed = 0, epochs_differ = 0, moved[5] = {0};
    (void)state;

    for (int i = 0; i < N * SIDE * SIDE; i++)
        pixels[i] = (uint8_t)(i * 7 + i / 64 + 1);
    for (uint32_t i = N; i-- > 0;) { /* any order gives the same */
        augment_image(&augment, &data, i, 4, a);
        augment_image(&augment, &data, i, 4, b);
        assert_memory_equal(a, b, sizeof a);
        changed += memcmp(a, pixels + i * sizeof a, sizeof a) != 0;
        augment_image(&augment, &data, i, 5, b);
        epochs_differ += memcmp(a, b, sizeof a) != 0;
    }
    assert_true(changed > N / 2 && epochs_differ > N / 2);
    /* Shifts reach -2 .. 2 about equally: one bright column tells. */
    augment.flip = 0;
    memset(pixels, 0, sizeof pixels);
    for (int i = 0; i < N * SIDE; i++)
        pixels[i * SIDE + 4] = 255;
    for (uint32_t e = 0; e < 20; e++)
        for (uint32_t i = 0; i < N; i++) {
            augment_image(&augment, &data, i, e, a);
            for (int x = 0; x < SIDE; x++)
                if (a[3 * SIDE + x]) {
                    assert_in_range(x, 2, 6);
                    moved[x - 2]++;
                }
        }
    for (int i = 0; i < 5; i++)
        assert_in_range(moved[i], 180, 340); /* 256 expected, sd 14 */
}

/* ------------------------------------------------------------------ fake quantization */

static void rounding_equals_the_engine(void **state)
{
    static const float edge[] = {0, -0.0f, 0.5f, 1.5f, 2.5f, -0.5f, 1e30f, -1e30f, INFINITY, -INFINITY, NAN, 1e-40f};
    enum { N = 1003 };
    float x[N], y[N];
    struct rng rng;
    (void)state;

    rng_seed(&rng, 1, 1);
    for (int zero = 0; zero <= 255; zero += 51) {
        struct fakequant_grid grid = {zero == 51 ? 1.0f : 0.013f * (float)(zero + 1), zero};
        for (int i = 0; i < N; i++)
            x[i] = i < 12 ? edge[i] : grid.scale * (rng_f32(&rng) * 600 - 300);
        fakequant_round(x, N, grid, y);
        for (int i = 0; i < N; i++) {
            int q = kn_quantize(x[i], 1.0f / grid.scale, zero);
            assert_true(y[i] == grid.scale * (float)(q - zero));
        }
    }
}

static void ranges_equal_the_engine(void **state)
{
    enum { N = 77 };
    float x[N], lo = 0, hi = 0, want_lo = 0, want_hi = 0;
    struct rng rng;
    (void)state;

    rng_seed(&rng, 2, 1);
    for (int i = 0; i < N; i++) {
        x[i] = i == 40 ? NAN : rng_normal(&rng);
        if (x[i] < want_lo)
            want_lo = x[i];
        if (x[i] > want_hi)
            want_hi = x[i];
    }
    fakequant_observe(x, N, &lo, &hi);
    assert_true(lo == want_lo && hi == want_hi);
}

static void weights_equal_the_engine(void **state)
{
    enum { ROWS = 5, K = 53 };
    float w[ROWS * K], q[ROWS * K], scale[ROWS];
    struct rng rng;
    (void)state;

    rng_seed(&rng, 3, 1);
    for (int i = 0; i < ROWS * K; i++)
        w[i] = i / K == 2 ? 0 : rng_normal(&rng) * powf(10, (float)(i / K) - 2);
    fakequant_weights(w, 0, ROWS, K, 127, scale, q);
    assert_true(scale[2] == 1.0f); /* an all-zero row */
    for (int r = 0; r < ROWS; r++) {
        float most = 0, reached = 0;
        for (int i = 0; i < K; i++)
            most = fmaxf(most, fabsf(w[r * K + i]));
        assert_true(scale[r] == kn_weight_scale(most));
        for (int i = 0; i < K; i++) {
            float v = w[r * K + i];
            assert_true(q[r * K + i] == scale[r] * (float)kn_quantize_weight(v, scale[r]));
            reached = fmaxf(reached, fabsf(q[r * K + i]));
        }
        assert_true(r == 2 || fabsf(reached - most) <= most * 1e-6f);
    }
    fakequant_weights(w, 0, ROWS, K, 7, scale, q); /* 4 bits: the same rounding on a coarser grid never leaves -7..7 */
    for (int i = 0; i < ROWS * K; i++) {
        int steps = kn_quantize_weight(w[i], scale[i / K]);
        assert_in_range(steps + 7, 0, 14);
        assert_true(q[i] == scale[i / K] * (float)steps);
    }
}

static void biases_start_accumulators(void **state)
{
    const float bias[3] = {0.26f, -0.26f, 0.125f}, scale_w[3] = {0.5f, 0.5f, 1};
    float out[3];
    (void)state;

    fakequant_bias(bias, 3, 0.25f, scale_w, out); /* grids 0.125, 0.125, 0.25; the last is a tie: to even */
    assert_true(out[0] == 0.25f && out[1] == -0.25f && out[2] == 0);
}

static void gradients_pass_inside(void **state)
{
    struct fakequant_grid grid = {0.5f, 10}; /* -5 .. 122.5 */
    const float x[6] = {-5.1f, -5, 0.3f, 122.5f, 123, 0.7f};
    float g[6] = {1, 2, 3, 4, 5, 6}, h[6] = {1, 2, 3, 4, 5, 6};
    double step;
    (void)state;

    fakequant_mask(x, 6, grid, g);
    assert_memory_equal(g, ((float[]){0, 2, 3, 4, 0, 6}), sizeof g);
    step = fakequant_mask_step(x, 6, grid, h);
    assert_memory_equal(h, g, sizeof g);
    /* below: -10; on the grid: 0; 0.3 -> 1 - 0.6; above: 245; 0.7 -> 1 - 1.4 */
    near(step, 1 * -10.0 + 0 + 3 * 0.4 + 0 + 5 * 245.0 + 6 * -0.4, 1e-4);
}

/* ------------------------------------------------------------------ matrix products */

static void plain_is_open_within_rounding(void **state)
{
    (void)state;
    assert_int_equal(blas_ready(TRAIN_BLAS_PLAIN), ST_OK);
    assert_int_equal(blas_ready(TRAIN_BLAS_OPEN), ST_OK);
}

static void plain_product_by_hand(void **state)
{
    const float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 2, -1, 3, 1}; /* a: 2x3 or 3x2; b: 3x2 */
    float c[4] = {100, 100, 100, 100};
    (void)state;

    blas_gemm(TRAIN_BLAS_PLAIN, 0, 0, 2, 2, 3, a, 3, b, 2, 0, c, 2);
    assert_memory_equal(c, ((float[]){14, 1, 32, 1}), sizeof c);
    blas_gemm(TRAIN_BLAS_PLAIN, 1, 0, 2, 2, 3, a, 2, b, 2, 1, c, 2); /* [1 3 5; 2 4 6] b + c */
    assert_memory_equal(c, ((float[]){22 + 14, 2 + 1, 28 + 32, 2 + 1}), sizeof c);
    blas_gemm(TRAIN_BLAS_PLAIN, 0, 1, 2, 2, 3, a, 3, b, 3, 0, c, 2); /* b as 2x3: [1 0 2; -1 3 1] */
    assert_memory_equal(c, ((float[]){7, 8, 16, 17}), sizeof c);
}

/* A product that is wrong in one element, and only with beta 1. */
static void slightly_wrong(int ta, int tb, int m, int n, int k, const float *a, int lda, const float *b, int ldb,
                           float beta, float *c, int ldc)
{
    blas_gemm(TRAIN_BLAS_PLAIN, ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc);
    if (beta != 0)
        c[(m - 1) * ldc + n - 1] += 0.01f;
}

static void wrong_blas_is_found(void **state)
{
    (void)state;
    assert_int_equal(blas_compare(slightly_wrong, "libwrong 1.0"), ST_MISMATCH);
    assert_non_null(strstr(status_message(), "libwrong 1.0"));
    assert_non_null(strstr(status_message(), "OPENBLAS_CORETYPE"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_exp),
        cmocka_unit_test(cross_entropy_by_hand),
        cmocka_unit_test(distillation_by_hand),
        cmocka_unit_test(loss_gradient),
        cmocka_unit_test(loss_shows_bad_logits),
        cmocka_unit_test(adam_by_hand),
        cmocka_unit_test(sgd_by_hand),
        cmocka_unit_test(masks_hold_everything_at_zero),
        cmocka_unit_test(schedule_by_hand),
        cmocka_unit_test(average_starts_warm),
        cmocka_unit_test(planes_move_as_said),
        cmocka_unit_test(samples_have_their_own_draws),
        cmocka_unit_test(rounding_equals_the_engine),
        cmocka_unit_test(ranges_equal_the_engine),
        cmocka_unit_test(weights_equal_the_engine),
        cmocka_unit_test(biases_start_accumulators),
        cmocka_unit_test(gradients_pass_inside),
        cmocka_unit_test(plain_is_open_within_rounding),
        cmocka_unit_test(plain_product_by_hand),
        cmocka_unit_test(wrong_blas_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
