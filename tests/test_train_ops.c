/* Operators of the trainer against plain double arithmetic, and their gradients, alone and in a whole network, against
 * central differences. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/rng.h"
#include "train/loss.h"
#include "train/net.h"

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        print_error("got %.9g, expected %.9g within %.3g\n", got, want, tolerance);
    assert_true(fabs(got - want) <= tolerance);
}

static void fill(float *x, size_t count, uint64_t stream)
{
    struct rng rng;
    rng_seed(&rng, 99, stream);
    for (size_t i = 0; i < count; i++)
        x[i] = rng_normal(&rng);
}

/* ------------------------------------------------------------------ textbook operators in double */

/* Image i of n; x (ic, n, ih, iw), w (oc, ic / groups, kh, kw). */
static double conv_at(const struct conv_shape *s, int n, const double *x, const double *w, int o, int i, int oy, int ox)
{
    int each = s->ic / s->groups, from = o / (s->oc / s->groups) * each;
    double sum = 0;
    for (int c = 0; c < each; c++)
        for (int ky = 0; ky < s->kernel_h; ky++)
            for (int kx = 0; kx < s->kernel_w; kx++) {
                int y = oy * s->stride_h + ky * s->dilation_h - s->pad_h;
                int xx = ox * s->stride_w + kx * s->dilation_w - s->pad_w;
                if (y >= 0 && y < s->ih && xx >= 0 && xx < s->iw)
                    sum += x[(((from + c) * n + i) * s->ih + y) * s->iw + xx] *
                           w[((o * each + c) * s->kernel_h + ky) * s->kernel_w + kx];
            }
    return sum;
}

/* Element j of y(oc, n, oh, ow). */
static double conv_element(const struct conv_shape *s, int n, const double *x, const double *w, int j)
{
    int p = s->oh * s->ow;
    return conv_at(s, n, x, w, j / (n * p), j / p % n, j % p / s->ow, j % s->ow);
}

static double pool_at(const struct pool_shape *s, const double *plane, int oy, int ox)
{
    double best = -INFINITY;
    for (int ky = 0; ky < s->kernel_h; ky++)
        for (int kx = 0; kx < s->kernel_w; kx++) {
            int y = oy * s->stride_h + ky - s->pad_h, x = ox * s->stride_w + kx - s->pad_w;
            if (y >= 0 && y < s->ih && x >= 0 && x < s->iw && plane[y * s->iw + x] > best)
                best = plane[y * s->iw + x];
        }
    return best;
}

/* ------------------------------------------------------------------ one operator at a time */

/* With lopsided padding, dilation, groups of several channels and depthwise ones. */
static const struct conv_shape conv_shapes[] = {
    {1, 7, 7, 3, 3, 3, 5, 5, 1, 1, 0, 0, 1, 1, 1}, {3, 6, 5, 4, 6, 5, 3, 3, 1, 1, 1, 1, 1, 1, 1},
    {2, 9, 8, 5, 4, 3, 3, 4, 2, 2, 0, 0, 1, 1, 1}, {4, 5, 5, 3, 5, 5, 1, 1, 1, 1, 0, 0, 1, 1, 1},
    {2, 5, 7, 3, 3, 4, 3, 3, 2, 2, 1, 1, 1, 1, 1}, {3, 5, 5, 2, 3, 3, 1, 1, 2, 2, 0, 0, 1, 1, 1},
    {1, 3, 3, 2, 5, 6, 3, 2, 1, 1, 2, 2, 1, 1, 1}, {2, 2, 2, 3, 2, 2, 5, 5, 1, 1, 2, 2, 1, 1, 1},
    {2, 8, 6, 3, 4, 3, 3, 3, 2, 2, 0, 0, 1, 1, 1}, {1, 9, 7, 4, 5, 4, 10, 4, 2, 2, 4, 1, 1, 1, 1},
    {2, 7, 8, 3, 7, 8, 3, 3, 1, 1, 2, 2, 2, 2, 1}, {4, 5, 6, 6, 5, 6, 3, 3, 1, 1, 1, 1, 1, 1, 2},
    {6, 4, 4, 3, 4, 4, 1, 1, 1, 1, 0, 0, 1, 1, 3}, {2, 4, 4, 4, 4, 4, 3, 3, 1, 1, 1, 1, 1, 1, 2},
    {3, 6, 7, 3, 6, 7, 3, 3, 1, 1, 1, 1, 1, 1, 3}, {2, 5, 5, 2, 5, 5, 5, 2, 1, 1, 2, 0, 1, 1, 2},
    {2, 8, 6, 2, 4, 3, 3, 3, 2, 2, 0, 0, 1, 1, 2}, {2, 7, 7, 2, 3, 3, 3, 3, 1, 1, 0, 0, 2, 2, 2},
    {2, 6, 9, 2, 2, 3, 3, 3, 2, 3, 0, 1, 1, 1, 2}, {8, 9, 8, 9, 9, 9, 2, 2, 1, 1, 0, 1, 1, 1, 1},
    {9, 8, 8, 8, 7, 8, 1, 2, 1, 1, 0, 0, 1, 1, 1},
};

/* The convolution is linear in x and in w, so with loss = sum(y * r) its gradients are exact sums. */
static void conv_one(const struct conv_shape *s, int n, enum train_blas blas)
{
    enum { MOST = 2304 };
    static float x[MOST], w[MOST], bias[16], y[MOST], r[MOST], dw[MOST], db[16], dx[MOST], scratch[32768];
    static double xd[MOST], wd[MOST];
    int nx = s->ic * n * s->ih * s->iw, nw = s->oc * s->ic / s->groups * s->kernel_h * s->kernel_w;
    int p = s->oh * s->ow, ny = s->oc * n * p;

    assert_true(nx <= MOST && nw <= MOST && ny <= MOST && conv_scratch_floats(s, n) <= 32768);
    fill(x, (size_t)nx, 1);
    fill(w, (size_t)nw, 2);
    fill(bias, 16, 3);
    fill(r, (size_t)ny, 4);
    for (int i = 0; i < nx; i++)
        xd[i] = (double)x[i];
    for (int i = 0; i < nw; i++)
        wd[i] = (double)w[i];
    for (int with = 0; with < 2; with++) {
        conv_forward(s, blas, n, x, w, with ? bias : NULL, scratch, y);
        for (int i = 0; i < ny; i++)
            near((double)y[i], conv_element(s, n, xd, wd, i) + (with ? (double)bias[i / p / n] : 0), 2e-5);
    }
    for (int i = 0; i < nw; i++)
        dw[i] = 1; /* gradients are added to what is there */
    memset(db, 0, sizeof db);
    conv_backward(s, blas, n, x, w, r, scratch, dw, db, 0, dx);
    conv_backward(s, blas, n, x, w, r, scratch, dw, NULL, 1, dx);
    conv_backward(s, blas, n, x, w, r, scratch, dw, NULL, 0, NULL);
    for (int i = 0; i < nw; i++) {
        double sum = 1, unit[MOST] = {0};
        unit[i] = 1;
        for (int j = 0; j < ny; j++)
            sum += 3 * conv_element(s, n, xd, unit, j) * (double)r[j];
        near((double)dw[i], sum, 1e-4);
    }
    for (int i = 0; i < nx; i++) {
        double sum = 0, unit[MOST] = {0};
        unit[i] = 1;
        for (int j = 0; j < ny; j++)
            sum += 2 * conv_element(s, n, unit, wd, j) * (double)r[j];
        near((double)dx[i], sum, 1e-4);
    }
    for (int o = 0; o < s->oc; o++) {
        double sum = 0;
        for (int j = 0; j < n * p; j++)
            sum += (double)r[o * n * p + j];
        near((double)db[o], sum, 2e-5);
    }
}

static void conv_gradients(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof conv_shapes / sizeof conv_shapes[0]; i++)
        for (int n = 1; n < 4; n++) {
            conv_one(&conv_shapes[i], n, TRAIN_BLAS_OPEN);
            conv_one(&conv_shapes[i], n, TRAIN_BLAS_PLAIN);
        }
}

static void pool_gradients(void **state)
{
    static const struct pool_shape shapes[] = {
        {3, 8, 6, 4, 3, 2, 2, 2, 2, 0, 0}, {2, 7, 9, 3, 4, 2, 2, 2, 2, 0, 0}, {2, 7, 7, 3, 3, 3, 3, 2, 2, 0, 0},
        {1, 6, 6, 4, 4, 3, 3, 2, 2, 2, 2}, {2, 5, 4, 5, 4, 3, 3, 1, 1, 1, 1}, {1, 4, 4, 1, 1, 4, 4, 1, 1, 0, 0},
    };
    (void)state;

    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
        const struct pool_shape *s = &shapes[k];
        float x[256], y[256], r[256], dx[256];
        double xd[256];
        int nx = s->planes * s->ih * s->iw, p = s->oh * s->ow;
        fill(x, (size_t)nx, 7 + k);
        fill(r, 256, 8);
        for (int i = 0; i < nx; i++)
            xd[i] = (double)x[i];
        pool_forward(s, x, y);
        for (int j = 0; j < s->planes * p; j++)
            near((double)y[j], pool_at(s, xd + j / p * s->ih * s->iw, j % p / s->ow, j % s->ow), 0);
        memset(dx, 0x7f, sizeof dx); /* every element is written */
        pool_backward(s, x, r, 0, dx);
        for (int i = 0; i < nx; i++) {
            const double h = 1e-4;
            double sum = 0;
            for (int sign = -1; sign <= 1; sign += 2) {
                xd[i] = (double)x[i] + sign * h;
                for (int j = 0; j < s->planes * p; j++)
                    sum += sign * pool_at(s, xd + j / p * s->ih * s->iw, j % p / s->ow, j % s->ow) * (double)r[j];
            }
            xd[i] = (double)x[i];
            near((double)dx[i], sum / (2 * h), 1e-5);
        }
    }
}

static void pool_ties_go_to_the_first(void **state)
{
    static const struct pool_shape fast = {1, 2, 4, 1, 2, 2, 2, 2, 2, 0, 0}, slow = {1, 2, 4, 1, 2, 2, 2, 2, 2, 0, 0};
    const float x[8] = {1, 1, 0, 5, 1, 1, 5, 5}, dy[2] = {3, 4};
    float dx[8];
    (void)state;

    pool_backward(&fast, x, dy, 0, dx);
    assert_memory_equal(dx, ((float[]){3, 0, 0, 4, 0, 0, 0, 0}), sizeof dx);
    {
        struct pool_shape same = slow; /* a window of height 2 with stride 3: the general loop */
        same.stride_h = 3;
        memset(dx, 0, sizeof dx);
        pool_backward(&same, x, dy, 0, dx);
        assert_memory_equal(dx, ((float[]){3, 0, 0, 4, 0, 0, 0, 0}), sizeof dx);
        pool_backward(&same, x, dy, 1, dx); /* adding */
        assert_memory_equal(dx, ((float[]){6, 0, 0, 8, 0, 0, 0, 0}), sizeof dx);
        pool_backward(&fast, x, dy, 1, dx);
        assert_memory_equal(dx, ((float[]){9, 0, 0, 12, 0, 0, 0, 0}), sizeof dx);
    }
}

static void fc_gradients(void **state)
{
    enum { N = 3, IN = 7, OUT = 5 };
    const struct fc_shape s = {N, IN, OUT};
    float x[N * IN], w[OUT * IN], bias[OUT], y[N * OUT], dy[N * OUT], dw[OUT * IN], db[OUT], dx[N * IN];
    (void)state;

    fill(x, N * IN, 1);
    fill(w, OUT * IN, 2);
    fill(bias, OUT, 3);
    fill(dy, N * OUT, 4);
    for (int first = 0; first < OUT; first += 2) /* blocks of 2, 2 and 1 */
        fc_forward(&s, TRAIN_BLAS_OPEN, first, first + 2 < OUT ? first + 2 : OUT, x, w, bias, y);
    for (int i = 0; i < N * OUT; i++) {
        double sum = (double)bias[i % OUT];
        for (int k = 0; k < IN; k++)
            sum += (double)x[i / OUT * IN + k] * (double)w[i % OUT * IN + k];
        near((double)y[i], sum, 1e-5);
    }
    fc_backward_weight(&s, TRAIN_BLAS_OPEN, 0, 3, x, dy, dw, db);
    fc_backward_weight(&s, TRAIN_BLAS_OPEN, 3, OUT, x, dy, dw, db);
    for (int o = 0; o < OUT; o++) {
        double sum = 0;
        for (int i = 0; i < N; i++)
            sum += (double)dy[i * OUT + o];
        near((double)db[o], sum, 1e-5);
        for (int k = 0; k < IN; k++) {
            sum = 0;
            for (int i = 0; i < N; i++)
                sum += (double)dy[i * OUT + o] * (double)x[i * IN + k];
            near((double)dw[o * IN + k], sum, 1e-5);
        }
    }
    fc_backward_input(&s, TRAIN_BLAS_OPEN, 0, 4, dy, w, 0, dx);
    fc_backward_input(&s, TRAIN_BLAS_OPEN, 4, IN, dy, w, 0, dx);
    fc_backward_input(&s, TRAIN_BLAS_OPEN, 0, IN, dy, w, 1, dx); /* once more, adding */
    for (int i = 0; i < N * IN; i++) {
        double sum = 0;
        for (int o = 0; o < OUT; o++)
            sum += 2 * (double)dy[i / IN * OUT + o] * (double)w[o * IN + i % IN];
        near((double)dx[i], sum, 1e-5);
    }
}

/* ------------------------------------------------------------------ a whole network */

struct layer_spec {
    enum op op;
    int channels, kernel, stride, pad;
};

static void build(struct graph *g, int side, const struct layer_spec *spec, int layers)
{
    int dim[4] = {1, side, side, 1}, v;
    struct node node = {.op = OP_INPUT, .name = "input", .weight = -1, .bias = -1};

    assert_int_equal(graph_add_value(g, "pixels", 3, dim, &v), ST_OK);
    node.output = v;
    assert_int_equal(graph_add_node(g, &node, &v), ST_OK);
    for (int l = 0; l < layers; l++) {
        const struct layer_spec *s = &spec[l];
        const struct value *in = &g->value[g->node[l].output];
        char name[32];
        node =
            (struct node){.op = s->op, .input = {g->node[l].output}, .weight = -1, .bias = -1, .channels = s->channels};
        snprintf(node.name, sizeof node.name, "layer%d", l);
        node.kernel_h = node.kernel_w = s->kernel;
        node.stride_h = node.stride_w = s->stride;
        node.pad_h = node.pad_w = node.pad_end_h = node.pad_end_w = s->pad;
        if (s->op == OP_CONV || s->op == OP_FC) {
            int w[4] = {s->channels, in->dim[0], s->kernel, s->kernel};
            snprintf(name, sizeof name, "layer%d.weight", l);
            assert_int_equal(graph_add_weight(g, name, DT_F32, s->op == OP_CONV ? 4 : 2, w, &node.weight), ST_OK);
            snprintf(name, sizeof name, "layer%d.bias", l);
            assert_int_equal(graph_add_weight(g, name, DT_F32, 1, w, &node.bias), ST_OK);
        }
        snprintf(name, sizeof name, "value%d", l);
        dim[0] = 1; /* graph_infer fills in the shape */
        assert_int_equal(graph_add_value(g, name, 1, dim, &node.output), ST_OK);
        assert_int_equal(graph_add_node(g, &node, &v), ST_OK);
        assert_int_equal(graph_infer(g), ST_OK);
    }
    graph_init_weights(g, 11);
    for (int i = 0; i < g->weights; i++) /* biases too */
        if (g->weight[i].rank == 1)
            fill(g->weight[i].data, g->weight[i].count, 50 + (uint64_t)i);
}

/* The network's logits for one image, in double, from weights in double. */
static void forward_double(const struct graph *g, double *const *weight, const uint8_t *pixels, double *logits)
{
    static double value[2][4096];
    int now = 0;

    for (size_t i = 0; i < value_count(&g->value[0]); i++)
        value[0][i] = pixels[i] / 255.0;
    for (int n = 1; n < g->nodes; n++) {
        const struct node *node = &g->node[n];
        const struct value *in = &g->value[node->input[0]], *out = &g->value[node->output];
        const double *x = value[now];
        double *y = value[!now];
        int count = (int)value_count(out), p = out->dim[1] * out->dim[2];
        struct conv_shape cs = conv_shape_of(g, node);
        struct pool_shape ps = pool_shape_of(g, node);
        assert_true(count <= 4096);
        for (int i = 0; i < count; i++) {
            if (node->op == OP_CONV)
                y[i] = conv_element(&cs, 1, x, weight[node->weight], i) + weight[node->bias][i / p];
            else if (node->op == OP_POOL_MAX)
                y[i] = pool_at(&ps, x + i / p * ps.ih * ps.iw, i % p / ps.ow, i % ps.ow);
            else if (node->op == OP_RELU)
                y[i] = x[i] > 0 ? x[i] : 0;
            else if (node->op == OP_FLATTEN)
                y[i] = x[i];
            else {
                y[i] = weight[node->bias][i];
                for (int k = 0; k < (int)value_count(in); k++)
                    y[i] += x[k] * weight[node->weight][i * (int)value_count(in) + k];
            }
        }
        now = !now;
    }
    memcpy(logits, value[now], value_count(&g->value[graph_output(g)]) * sizeof *logits);
}

/* Mean cross-entropy with smoothing, written out. */
static double loss_double(const struct graph *g, double *const *weight, const uint8_t *pixels, const uint8_t *labels,
                          int n, double smoothing)
{
    int classes = g->value[graph_output(g)].dim[0];
    double total = 0, z[16];

    for (int i = 0; i < n; i++) {
        double sum = 0;
        forward_double(g, weight, pixels + (size_t)i * value_count(&g->value[0]), z);
        for (int c = 0; c < classes; c++)
            sum += exp(z[c]);
        for (int c = 0; c < classes; c++)
            total -= ((c == labels[i] ? 1 - smoothing : 0) + smoothing / classes) * (z[c] - log(sum));
    }
    return total / n;
}

enum { BATCH = 19 }; /* some shards get two images, some one */

static void check_network(int side, const struct layer_spec *spec, int layers)
{
    struct graph g = {0};
    struct train_options o;
    struct loss_options lo = {0.1f, 0, 1};
    struct net *net;
    static uint8_t pixels[BATCH * 28 * 28];
    uint8_t labels[BATCH];
    double *weight[16] = {0}, got, want;
    struct rng rng;

    build(&g, side, spec, layers);
    rng_seed(&rng, 4, 4);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)rng_below(&rng, 256);
    for (int i = 0; i < BATCH; i++)
        labels[i] = (uint8_t)rng_below(&rng, (uint32_t)g.value[graph_output(&g)].dim[0]);
    for (int i = 0; i < g.weights; i++) {
        assert_int_equal(mem_alloc(g.weight[i].count, sizeof(double), &weight[i]), ST_OK);
        for (size_t j = 0; j < g.weight[i].count; j++)
            weight[i][j] = (double)((const float *)g.weight[i].data)[j];
    }
    train_defaults(&o);
    assert_int_equal(net_new(&g, BATCH, &o, &net), ST_OK);
    net_forward(net, pixels);
    got = loss_softmax(net_logits(net), NULL, labels, BATCH, net_classes(net), &lo, net_logit_gradient(net));
    want = loss_double(&g, weight, pixels, labels, BATCH, 0.1f);
    near(got, want, 1e-5 * (1 + want));
    net_backward(net);
    for (int l = 0; l < net->layers; l++)
        for (int bias = 0; bias < 2; bias++) {
            int index = bias ? net->layer[l].bias : net->layer[l].weight;
            size_t count;
            if (index < 0)
                continue;
            count = g.weight[index].count;
            net_gradient_sum(net, l, bias, 0, count / 2);
            net_gradient_sum(net, l, bias, count / 2, count);
            for (size_t j = 0; j < count; j += 1 + count / 23) {
                const double h = 1e-6;
                double keep = weight[index][j], high, low;
                float gradient = (bias ? net->layer[l].bias_gradient : net->layer[l].weight_gradient)[j];
                weight[index][j] = keep + h;
                high = loss_double(&g, weight, pixels, labels, BATCH, 0.1f);
                weight[index][j] = keep - h;
                low = loss_double(&g, weight, pixels, labels, BATCH, 0.1f);
                weight[index][j] = keep;
                near((double)gradient, (high - low) / (2 * h), 2e-5 + 1e-4 * fabs((double)gradient));
            }
        }
    net_free(net);
    for (int i = 0; i < g.weights; i++)
        mem_free(weight[i]);
    graph_free(&g);
}

static void lenet_like_gradients(void **state)
{
    static const struct layer_spec spec[] = {
        {OP_CONV, 4, 5, 1, 0},    {OP_POOL_MAX, 0, 2, 2, 0}, {OP_CONV, 6, 3, 1, 0}, {OP_POOL_MAX, 0, 2, 2, 0},
        {OP_FLATTEN, 0, 0, 0, 0}, {OP_FC, 18, 1, 1, 0},      {OP_RELU, 0, 0, 0, 0}, {OP_FC, 5, 1, 1, 0}};
    (void)state;
    check_network(16, spec, 8);
}

static void padded_strided_gradients(void **state)
{
    static const struct layer_spec spec[] = {{OP_CONV, 3, 3, 1, 1}, {OP_RELU, 0, 0, 0, 0}, {OP_CONV, 5, 3, 2, 1},
                                             {OP_RELU, 0, 0, 0, 0}, {OP_CONV, 4, 1, 1, 0}, {OP_POOL_MAX, 0, 3, 2, 1},
                                             {OP_RELU, 0, 0, 0, 0}, {OP_CONV, 4, 3, 1, 0}, {OP_FLATTEN, 0, 0, 0, 0}};
    (void)state;
    check_network(9, spec, 9);
}

static void perceptron_gradients(void **state)
{
    static const struct layer_spec spec[] = {{OP_FLATTEN, 0, 0, 0, 0}, {OP_FC, 40, 1, 1, 0},  {OP_RELU, 0, 0, 0, 0},
                                             {OP_FC, 21, 1, 1, 0},     {OP_RELU, 0, 0, 0, 0}, {OP_FC, 7, 1, 1, 0}};
    (void)state;
    check_network(7, spec, 6);
}

/* A pooling first: its input is never differentiated. */
static void pooling_first_gradients(void **state)
{
    static const struct layer_spec spec[] = {{OP_POOL_MAX, 0, 2, 2, 0}, {OP_CONV, 3, 2, 1, 0},
                                             {OP_POOL_MAX, 0, 2, 2, 0}, {OP_FLATTEN, 0, 0, 0, 0},
                                             {OP_FC, 4, 1, 1, 0},       {OP_RELU, 0, 0, 0, 0}};
    (void)state;
    check_network(10, spec, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_gradients),
        cmocka_unit_test(pool_gradients),
        cmocka_unit_test(pool_ties_go_to_the_first),
        cmocka_unit_test(fc_gradients),
        cmocka_unit_test(lenet_like_gradients),
        cmocka_unit_test(padded_strided_gradients),
        cmocka_unit_test(perceptron_gradients),
        cmocka_unit_test(pooling_first_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
