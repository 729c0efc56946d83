/* Training of networks that are no chains: residual blocks, depthwise convolutions, batch normalization. Gradients
 * against central differences of the same network in double, folding, threads, and the simulation of a residual chain
 * against integers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/rng.h"
#include "graph/graph_fold.h"
#include "kernels/requant.h"
#include "tests/bars.h"
#include "tests/dag_nets.h"
#include "train/forward.h"
#include "train/loss.h"
#include "train/net.h"

enum { DAG_IMAGE = DAG_SIDE * DAG_SIDE, DAG_BATCH = 21 };

/* ------------------------------------------------------------------ the same in double, whole batches at once */

struct doubles {
    double *value[64];  /* (batch, count) */
    double *weight[64]; /* as in the graph */
};

static double pool_element(const struct node *node, const double *plane, int h, int w, int oy, int ox)
{
    double sum = 0, most = -INFINITY;
    int count = 0;

    for (int ky = 0; ky < node->kernel_h; ky++)
        for (int kx = 0; kx < node->kernel_w; kx++) {
            int y = oy * node->stride_h + ky - node->pad_h, x = ox * node->stride_w + kx - node->pad_w;
            if (y < 0 || y >= h || x < 0 || x >= w)
                continue;
            sum += plane[y * w + x];
            most = plane[y * w + x] > most ? plane[y * w + x] : most;
            count++;
        }
    return node->op == OP_POOL_AVG ? sum / count : most;
}

static double conv_element(const struct graph *g, const struct node *node, const double *x, const double *w, int o,
                           int oy, int ox)
{
    const struct value *in = &g->value[node->input[0]];
    int each = in->dim[0] / node_groups(node), from = o / (node->channels / node_groups(node)) * each;
    double sum = 0;

    for (int c = 0; c < each; c++)
        for (int ky = 0; ky < node->kernel_h; ky++)
            for (int kx = 0; kx < node->kernel_w; kx++) {
                int y = oy * node->stride_h + ky - node->pad_h, xx = ox * node->stride_w + kx - node->pad_w;
                if (y >= 0 && y < in->dim[1] && xx >= 0 && xx < in->dim[2])
                    sum += x[((from + c) * in->dim[1] + y) * in->dim[2] + xx] *
                           w[((o * each + c) * node->kernel_h + ky) * node->kernel_w + kx];
            }
    return sum;
}

/* With the statistics of the batch. */
static void norm_batch(const struct graph *g, const struct node *node, const struct doubles *d, int n)
{
    const struct value *v = &g->value[node->output];
    int count = (int)value_count(v), p = v->dim[1] * v->dim[2];
    const double *x = d->value[node->input[0]];

    for (int c = 0; c < v->dim[0]; c++) {
        double mean = 0, variance = 0;
        for (int j = 0; j < n * p; j++)
            mean += x[j / p * count + c * p + j % p] / (n * p);
        for (int j = 0; j < n * p; j++)
            variance += pow(x[j / p * count + c * p + j % p] - mean, 2) / (n * p);
        for (int j = 0; j < n * p; j++) {
            int at = j / p * count + c * p + j % p;
            d->value[node->output][at] =
                (x[at] - mean) / sqrt(variance + (double)node->epsilon) * d->weight[node->weight][c] +
                d->weight[node->bias][c];
        }
    }
}

static double element(const struct graph *g, const struct node *node, const struct doubles *d, int image, int i)
{
    const struct value *in = &g->value[node->input[0]], *out = &g->value[node->output];
    const double *x = d->value[node->input[0]] + (size_t)image * value_count(in);
    int p = out->dim[1] * out->dim[2], c = i / p, oy = i % p / out->dim[2], ox = i % out->dim[2];
    double sum = node->bias >= 0 ? d->weight[node->bias][c] : 0;

    switch (node->op) {
    case OP_CONV:
        return sum + conv_element(g, node, x, d->weight[node->weight], c, oy, ox);
    case OP_FC:
        for (int k = 0; k < in->dim[0]; k++)
            sum += x[k] * d->weight[node->weight][i * in->dim[0] + k];
        return sum;
    case OP_POOL_MAX:
    case OP_POOL_AVG:
        return pool_element(node, x + c * in->dim[1] * in->dim[2], in->dim[1], in->dim[2], oy, ox);
    case OP_ADD:
        return x[i] + d->value[node->input[1]][(size_t)image * value_count(in) + (size_t)i];
    case OP_RELU:
        return fmax(x[i], 0);
    case OP_RELU6:
        return fmin(fmax(x[i], 0), 6);
    default: /* flatten */
        return x[i];
    }
}

static double loss_double(const struct graph *g, struct doubles *d, const uint8_t *pixels, const uint8_t *labels, int n)
{
    const double *z = d->value[graph_output(g)];
    int classes = g->value[graph_output(g)].dim[0];
    double total = 0;

    for (int k = 0; k < g->nodes; k++) {
        const struct node *node = &g->node[k];
        int count = (int)value_count(&g->value[node->output]);
        if (node->op == OP_BATCHNORM) {
            norm_batch(g, node, d, n);
            continue;
        }
        for (int i = 0; i < n * count; i++)
            d->value[node->output][i] =
                node->op == OP_INPUT ? pixels[i] / 255.0 : element(g, node, d, i / count, i % count);
    }
    for (int i = 0; i < n; i++, z += classes) {
        double sum = 0;
        for (int c = 0; c < classes; c++)
            sum += exp(z[c]);
        total += log(sum) - z[labels[i]];
    }
    return total / n;
}

static void doubles_new(const struct graph *g, int n, struct doubles *d)
{
    for (int v = 0; v < g->values; v++)
        assert_int_equal(mem_alloc((size_t)n * value_count(&g->value[v]), sizeof(double), &d->value[v]), ST_OK);
    for (int w = 0; w < g->weights; w++) {
        assert_int_equal(mem_alloc(g->weight[w].count, sizeof(double), &d->weight[w]), ST_OK);
        for (size_t i = 0; i < g->weight[w].count; i++)
            d->weight[w][i] = (double)((const float *)g->weight[w].data)[i];
    }
}

static void doubles_free(const struct graph *g, struct doubles *d)
{
    for (int v = 0; v < g->values; v++)
        mem_free(d->value[v]);
    for (int w = 0; w < g->weights; w++)
        mem_free(d->weight[w]);
}

/* ------------------------------------------------------------------ gradients */

static void near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        print_error("got %.9g, expected %.9g within %.3g\n", got, want, tolerance);
    assert_true(fabs(got - want) <= tolerance);
}

/* Gammas and betas away from one and zero, biases away from zero. */
static void stir(struct graph *g)
{
    struct rng rng;

    rng_seed(&rng, 8, 8);
    for (int w = 0; w < g->weights; w++)
        for (size_t i = 0; i < g->weight[w].count && g->weight[w].rank == 1; i++)
            ((float *)g->weight[w].data)[i] += 0.3f * rng_normal(&rng);
    for (int i = 0; i < g->nodes; i++)
        for (size_t c = 0; g->node[i].op == OP_BATCHNORM && c < g->weight[g->node[i].variance].count; c++)
            ((float *)g->weight[g->node[i].variance].data)[c] = 0.2f + rng_f32(&rng);
}

static void random_pixels(uint8_t *pixels, size_t count, uint8_t *labels, int n)
{
    struct rng rng;

    rng_seed(&rng, 4, 4);
    for (size_t i = 0; i < count; i++)
        pixels[i] = (uint8_t)rng_below(&rng, 256);
    for (int i = 0; i < n; i++)
        labels[i] = (uint8_t)rng_below(&rng, DAG_CLASSES);
}

static void check_tensor(struct graph *g, struct net *net, struct doubles *d, int l, int bias, const uint8_t *pixels,
                         const uint8_t *labels)
{
    int index = bias ? net->layer[l].bias : net->layer[l].weight;
    size_t count = index < 0 ? 0 : g->weight[index].count;

    if (net->layer[l].partial && count > 0)
        net_gradient_sum(net, l, bias, 0, count);
    for (size_t j = 0; j < count; j += 1 + count / 11) {
        const double h = 1e-6;
        double keep = d->weight[index][j], high, low;
        float gradient = (bias ? net->layer[l].bias_gradient : net->layer[l].weight_gradient)[j];
        d->weight[index][j] = keep + h;
        high = loss_double(g, d, pixels, labels, DAG_BATCH);
        d->weight[index][j] = keep - h;
        low = loss_double(g, d, pixels, labels, DAG_BATCH);
        d->weight[index][j] = keep;
        near((double)gradient, (high - low) / (2 * h), 2e-5 + 2e-4 * fabs((double)gradient));
    }
}

static void check_network(struct graph *g)
{
    static uint8_t pixels[DAG_BATCH * 2 * DAG_IMAGE], labels[DAG_BATCH];
    struct loss_options plain = {0, 0, 1};
    struct train_options o;
    struct doubles d;
    struct net *net;
    double got;

    stir(g);
    random_pixels(pixels, sizeof pixels, labels, DAG_BATCH);
    doubles_new(g, DAG_BATCH, &d);
    train_defaults(&o);
    assert_int_equal(net_new(g, DAG_BATCH, &o, &net), ST_OK);
    for (int twice = 0; twice < 2; twice++) { /* nothing is left over from the batch before */
        net_forward(net, pixels);
        got = loss_softmax(net_logits(net), NULL, labels, DAG_BATCH, net_classes(net), &plain, net_logit_gradient(net));
        net_backward(net);
    }
    near(got, loss_double(g, &d, pixels, labels, DAG_BATCH), 2e-5);
    for (int l = 0; l < net->layers; l++)
        for (int bias = 0; bias < 2; bias++)
            check_tensor(g, net, &d, l, bias, pixels, labels);
    net_free(net);
    doubles_free(g, &d);
    graph_free(g);
}

static void resnet_gradients(void **state)
{
    struct graph g;
    (void)state;
    resnet(&g, 2, DAG_SIDE, DAG_CLASSES);
    check_network(&g);
}

static void odd_gradients(void **state)
{
    struct graph g;
    (void)state;
    odd(&g);
    check_network(&g);
}

/* ------------------------------------------------------------------ batch normalization by hand */

static void norm_by_hand(void **state)
{
    /* Two shards of one channel: 1, 2, 3 and 6: mean 3, squares 4 + 1 + 0 + 9. */
    static const float x[4] = {1, 2, 3, 6};
    struct norm_sums whole = {0, 0, 0}, part, nothing = {0, 0, 0};
    const float mean = 3, factor = 2, beta = -1, shift = 0.5f, slope = 0.25f;
    float y[4], dy[4] = {1, 1, 1, 1};
    double sums[2];
    (void)state;

    norm_measure(x, 1, 3, &part);
    assert_true(part.count == 3 && part.mean == 2 && part.squares == 2);
    norm_join(&whole, &part);
    norm_join(&whole, &nothing);
    norm_measure(x + 3, 1, 1, &part);
    norm_join(&whole, &part);
    assert_true(whole.count == 4 && whole.mean == 3 && fabs(whole.squares - 14) < 1e-12);
    norm_forward(x, 1, 4, &mean, &factor, &beta, 0, y);
    assert_memory_equal(y, ((float[]){-5, -3, -1, 5}), sizeof y);
    norm_forward(x, 1, 4, &mean, &factor, &beta, 4, y);
    assert_memory_equal(y, ((float[]){0, 0, 0, 4}), sizeof y);
    y[2] = 1; /* the only one between the ends */
    norm_backward_sums(x, y, 1, 4, &mean, 4, dy, sums);
    assert_memory_equal(dy, ((float[]){0, 0, 1, 0}), sizeof dy);
    assert_true(sums[0] == 1 && sums[1] == 0);
    norm_backward(x, dy, 1, 4, &mean, &factor, &shift, &slope, dy);
    assert_memory_equal(dy, ((float[]){0, -0.5f, 1, -2.5f}), sizeof dy);
}

/* The statistics that training leaves are those of the training images, for the final weights. */
static void statistics_fit_the_weights(void **state)
{
    struct graph g;
    struct train_options o;
    struct train_result r;
    struct dataset few = train_set;
    struct forward *f;
    const float *x;
    double mean = 0, square = 0;
    int first = 1;
    size_t plane = IMAGE;
    (void)state;

    few.n = 100;
    resnet(&g, 1, SIDE, CLASSES);
    defaults(&o);
    o.epochs = 1;
    assert_int_equal(train_graph(&g, &few, &valid_set, &o, &r), ST_OK);
    assert_int_equal(forward_new(&g, 100, NULL, &f), ST_OK);
    forward_run(f, train_pixels, 100);
    x = forward_value(f, g.node[first].output, 1) + 2 * plane; /* channel 2 of the first convolution */
    for (int i = 0; i < 100; i++)
        for (size_t j = 0; j < plane; j++) {
            mean += (double)x[(size_t)i * 4 * plane + j] / (100.0 * (double)plane);
            square += pow((double)x[(size_t)i * 4 * plane + j], 2) / (100.0 * (double)plane);
        }
    near((double)((float *)g.weight[g.node[2].mean].data)[2], mean, 1e-5);
    near((double)((float *)g.weight[g.node[2].variance].data)[2], square - mean * mean, 1e-5);
    forward_free(f);
    graph_free(&g);
}

/* ------------------------------------------------------------------ folding */

static void fold_by_hand(void **state)
{
    struct graph g = {0};
    int i;
    (void)state;

    i = build_input(&g, 1, 2, 2);
    i = norm_after(&g, conv(&g, i, 2, 1, 1, 0, 1, 0));
    classify(&g, i, 2);
    memcpy(g.weight[0].data, (float[]){4, 10}, 8);
    memcpy(g.weight[g.node[2].weight].data, (float[]){3, 0.5f}, 8); /* gamma */
    memcpy(g.weight[g.node[2].bias].data, (float[]){7, 1}, 8);
    memcpy(g.weight[g.node[2].mean].data, (float[]){2, -8}, 8);
    memcpy(g.weight[g.node[2].variance].data, (float[]){8.75f, 15.75f}, 8);
    g.node[2].epsilon = 0.25f; /* deviations 3 and 4 */
    assert_int_equal(graph_fold_batchnorm(&g), ST_OK);
    assert_int_equal(g.nodes, 4);
    assert_int_equal(g.values, 4);
    assert_int_equal(g.weights, 4);
    assert_int_equal(graph_infer(&g), ST_OK);
    assert_memory_equal(g.weight[g.node[1].weight].data, ((float[]){4, 1.25f}), 8);
    assert_memory_equal(g.weight[g.node[1].bias].data, ((float[]){5, 2}), 8);
    assert_string_equal(g.weight[g.node[1].bias].name, "conv1.bias");
    assert_string_equal(g.weight[g.node[3].weight].name, "w4"); /* the others moved along */
    graph_free(&g);
}

static void folded_is_the_same(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        static uint8_t pixels[4 * 2 * DAG_IMAGE], labels[4];
        static float before[4 * DAG_CLASSES];
        struct forward *f;
        struct graph g;
        if (which)
            odd(&g);
        else
            resnet(&g, 2, DAG_SIDE, DAG_CLASSES);
        stir(&g);
        random_pixels(pixels, sizeof pixels, labels, 4);
        for (int folded = 0; folded < 2; folded++) {
            assert_int_equal(forward_new(&g, 4, NULL, &f), ST_OK);
            forward_run(f, pixels, 4);
            for (int i = 0; i < 4 * DAG_CLASSES; i++) {
                float z = forward_value(f, graph_output(&g), 0)[i];
                if (folded)
                    near((double)z, (double)before[i], 2e-5 * (1 + fabs((double)z)));
                before[i] = z;
            }
            forward_free(f);
            assert_int_equal(graph_fold_batchnorm(&g), ST_OK);
            assert_int_equal(graph_infer(&g), ST_OK);
        }
        for (int i = 0; i < g.nodes; i++)
            assert_true(g.node[i].op != OP_BATCHNORM);
        graph_free(&g);
    }
}

static void unfoldable_is_named(void **state)
{
    struct graph g = {0};
    struct train_options o;
    struct train_result r;
    int i, n;
    (void)state;

    i = conv(&g, build_input(&g, 1, SIDE, SIDE), 2, 3, 1, 1, 1, 0);
    n = norm_after(&g, i);
    classify(&g, joined(&g, OP_ADD, i, n), CLASSES);
    assert_int_equal(graph_fold_batchnorm(&g), ST_UNSUPPORTED);
    assert_non_null(strstr(status_message(), "'batchnorm2'"));
    defaults(&o);
    assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_UNSUPPORTED);
    assert_non_null(strstr(status_message(), "'batchnorm2'"));
    assert_int_equal(g.nodes, 6);
    graph_free(&g);
    i = pooled(&g, OP_POOL_MAX, build_input(&g, 1, SIDE, SIDE), 2, 2, 0);
    classify(&g, norm_after(&g, i), CLASSES);
    assert_int_equal(graph_fold_batchnorm(&g), ST_UNSUPPORTED);
    assert_non_null(strstr(status_message(), "'batchnorm2'"));
    graph_free(&g);
    resnet(&g, 1, SIDE, CLASSES); /* ranges of what is about to change would be learned */
    o.qat = 1;
    assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_UNSUPPORTED);
    assert_non_null(strstr(status_message(), "'batchnorm2': fold"));
    graph_free(&g);
}

/* ------------------------------------------------------------------ whole trainings */

static void same_weights(const struct graph *a, const struct graph *b)
{
    assert_int_equal(a->weights, b->weights);
    for (int i = 0; i < a->weights; i++)
        assert_memory_equal(a->weight[i].data, b->weight[i].data, a->weight[i].count * 4);
}

static void same_bits_at_any_thread_count(void **state)
{
    static const int threads[] = {1, 2, 3};
    struct graph first[2], g;
    struct train_options o;
    struct train_result r;
    (void)state;

    for (int plain = 0; plain < 2; plain++) {
        for (int i = 0; i < 3; i++) {
            struct pool *pool;
            assert_int_equal(pool_new(threads[i], &pool), ST_OK);
            resnet(&g, 1, SIDE, CLASSES);
            defaults(&o);
            o.epochs = 2;
            o.batch = 37;
            o.shift = 2;
            o.blas = plain ? TRAIN_BLAS_PLAIN : TRAIN_BLAS_OPEN;
            o.pool = pool;
            assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_OK);
            if (i == 0)
                assert_int_equal(graph_clone(&g, &first[0]), ST_OK);
            same_weights(&g, &first[0]);
            assert_int_equal(graph_fold_batchnorm(&g), ST_OK);
            o.qat = 1;
            o.epochs = 1;
            assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_OK);
            if (i == 0)
                assert_int_equal(graph_clone(&g, &first[1]), ST_OK);
            same_weights(&g, &first[1]);
            graph_free(&g);
            pool_free(pool);
        }
        graph_free(&first[0]);
        graph_free(&first[1]);
    }
}

/* Float training learns, folding keeps what was learned, and so does quantization-aware training after it. */
static void residual_net_learns(void **state)
{
    struct graph g;
    struct train_options o;
    struct train_result r;
    double top1;
    (void)state;

    resnet(&g, 1, SIDE, CLASSES);
    defaults(&o);
    o.epochs = 12;
    o.lr = 0.01f;
    o.weight_decay = 0.01f;
    assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_OK);
    assert_true(r.valid_top1 >= 0.9);
    assert_int_equal(graph_fold_batchnorm(&g), ST_OK);
    assert_int_equal(forward_predict(&g, &valid_set, NULL, NULL, &top1), ST_OK);
    near(top1, r.valid_top1, 0.0051); /* one image on the edge at most */
    o.qat = 1;
    o.epochs = 4;
    o.lr = 1e-3f;
    assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_OK);
    assert_true(r.valid_top1 >= top1 - 0.03);
    graph_free(&g);
}

/* ------------------------------------------------------------------ the simulation of a residual chain */

/* conv → add → ReLU, all on grids: the simulated output must be what the integers give. The float accumulator is exact
 * here (small whole numbers times a power of two), and so is the comparison. */
static void residual_chain_equals_integers(void **state)
{
    enum { C = 3, SIDE_R = 5, P = SIDE_R * SIDE_R };
    struct graph g = {0};
    struct forward *f;
    static uint8_t pixels[C * P];
    int x, y, sum, relu, acc;
    struct weight *w;
    struct rng rng;
    (void)state;

    rng_seed(&rng, 6, 6);
    x = build_input(&g, C, SIDE_R, SIDE_R);
    x = simple(&g, OP_RELU, conv(&g, x, C, 1, 1, 0, 1, 1));
    y = conv(&g, x, C, 1, 1, 0, 1, 1);
    sum = joined(&g, OP_ADD, y, x);
    relu = simple(&g, OP_RELU, sum);
    classify(&g, relu, 2);
    for (int i = 0; i < g.weights; i++) {
        w = &g.weight[i];
        if (w->rank > 1) {
            assert_int_equal(mem_alloc((size_t)w->dim[0], sizeof(float), &w->scale), ST_OK);
            for (int o = 0; o < w->dim[0]; o++)
                w->scale[o] = 0.0625f;
        }
        for (size_t j = 0; j < w->count; j++)
            ((float *)w->data)[j] = w->rank > 1 ? 0.0625f * (float)((int)rng_below(&rng, 41) - 20)
                                                : 0.00390625f * (float)((int)rng_below(&rng, 99) - 50);
    }
    build_static(&g.value[0], 0.0625f, 0);
    build_static(build_value(&g, x), 0.125f, 9);
    build_static(build_value(&g, relu), 0.25f, 4);
    graph_quant_spread(&g);
    assert_int_equal(build_value(&g, y)->quant, QUANT_NONE);
    assert_int_equal(build_value(&g, sum)->quant, QUANT_NONE);
    for (int i = 0; i < C * P; i++)
        pixels[i] = (uint8_t)rng_below(&rng, 256);
    assert_int_equal(forward_new(&g, 1, NULL, &f), ST_OK);
    forward_run(f, pixels, 1);
    w = &g.weight[g.node[y].weight];
    for (int i = 0; i < C * P; i++) {
        const float *in = forward_value(f, g.node[x].output, 0);
        float bias = ((float *)g.weight[g.node[y].bias].data)[i / P];
        uint8_t q, r = kn_quantize(in[i], 8, 9);
        acc = (int)lrintf(bias / (0.125f * 0.0625f));
        for (int c = 0; c < C; c++)
            acc +=
                (kn_quantize(in[c * P + i % P], 8, 9) - 9) * (int)lrintf(((float *)w->data)[i / P * C + c] / 0.0625f);
        q = kn_requantize_add(acc, 0.125f * 0.0625f / 0.25f, r, 0.125f / 0.25f, 9, 4, 4, 255);
        assert_true(forward_value(f, g.node[relu].output, 0)[i] == 0.25f * (float)(q - 4));
    }
    forward_free(f);
    graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnet_gradients),    cmocka_unit_test(odd_gradients),
        cmocka_unit_test(norm_by_hand),        cmocka_unit_test(statistics_fit_the_weights),
        cmocka_unit_test(fold_by_hand),        cmocka_unit_test(folded_is_the_same),
        cmocka_unit_test(unfoldable_is_named), cmocka_unit_test(same_bits_at_any_thread_count),
        cmocka_unit_test(residual_net_learns), cmocka_unit_test(residual_chain_equals_integers),
    };
    return cmocka_run_group_tests(tests, make_data, NULL);
}
