/* The engine on random graphs with branches: residual blocks, depthwise, grouped and dilated convolutions, lopsided
 * padding, concatenation, squeeze-and-excite, attention; every operator. Against the evaluator, with every level of
 * this processor, several batch sizes, and with 1 to 4 threads, which must give the same bits. */
#include "engine_eval.h"
#include "engine_force.h"

#include "base/rng.h"
#include "engine/engine.h"

enum { GRAPHS = 90, MAX_BATCH = 5, MAX_THREADS = 4, SEED = 4711 };
enum { FLOAT, STATIC, DYNAMIC, KINDS };

/* ------------------------------------------------------------------ random graphs */

struct maker {
    struct graph graph;
    struct rng rng;
    int kind;
};

static int between(struct rng *rng, int lo, int hi)
{
    return lo + (int)rng_below(rng, (uint32_t)(hi - lo + 1));
}

static int chance(struct maker *m, int one_in)
{
    return between(&m->rng, 1, one_in) == 1;
}

static struct value *value_of(struct maker *m, int v)
{
    return &m->graph.value[v];
}

static int infer(struct maker *m, int node)
{
    if (graph_infer(&m->graph) != ST_OK)
        fail_msg("%s", status_message());
    return m->graph.node[node].output;
}

static int simple(struct maker *m, enum op op, int v)
{
    return infer(m, build_simple(&m->graph, op, v));
}

static int binary(struct maker *m, enum op op, int a, int b)
{
    return infer(
        m, build_node(&m->graph, (struct node){.op = op, .inputs = 2, .input = {a, b}, .weight = -1, .bias = -1}));
}

static void fill(struct maker *m, const struct node *node)
{
    struct weight *w = &m->graph.weight[node->weight];
    float size = 1.0f / sqrtf((float)(w->count / (size_t)w->dim[0]));
    int zeros = chance(m, 3) ? between(&m->rng, 50, 95) : 0, size_s8 = chance(m, 4) ? 7 : 127;

    for (size_t i = 0; i < w->count; i++) {
        int zero = between(&m->rng, 0, 99) < zeros;
        if (w->type == DT_S8)
            ((int8_t *)w->data)[i] = zero ? 0 : (int8_t)between(&m->rng, -size_s8, size_s8);
        else
            ((float *)w->data)[i] = zero ? 0 : size * rng_normal(&m->rng);
    }
    for (int o = 0; w->scale && o < w->dim[0]; o++)
        w->scale[o] = size / 64 * (size_s8 < 127 ? 16 : 1) * (0.5f + rng_f32(&m->rng));
    for (int o = 0; node->bias >= 0 && o < w->dim[0]; o++) {
        struct weight *b = &m->graph.weight[node->bias];
        if (b->type == DT_S32)
            ((int32_t *)b->data)[o] = between(&m->rng, -2000, 2000);
        else
            ((float *)b->data)[o] = rng_normal(&m->rng) / 4;
    }
}

static int product(struct maker *m, struct node node, int rank, const int *dim)
{
    int type = m->kind == FLOAT ? DT_F32 : DT_S8, bias = m->kind == STATIC ? DT_S32 : DT_F32, index;

    build_tensors(&m->graph, &node, (enum dtype)type, chance(m, 6) ? -1 : bias, rank, dim);
    fill(m, &node);
    index = build_node(&m->graph, node);
    return infer(m, index);
}

/* A convolution that fits into v, with random kernel, padding, dilation; stride 1 and "same" when keep is set. */
static int conv(struct maker *m, int v, int channels, int groups, int keep)
{
    const struct value *in = value_of(m, v);
    struct rng *rng = &m->rng;
    int kh = between(rng, 1, 3), kw = between(rng, 1, 3);
    int dim[4];
    struct node node = {.op = OP_CONV, .input = {v}, .channels = channels, .groups = groups};

    node.stride_h = keep ? 1 : between(rng, 1, 2);
    node.stride_w = keep ? 1 : between(rng, 1, 2);
    node.dilation_h = chance(m, 4) ? 2 : 1;
    node.dilation_w = chance(m, 4) ? 2 : 1;
    if (!keep && (kh - 1) * node.dilation_h + 1 > in->dim[1])
        kh = 1;
    if (!keep && (kw - 1) * node.dilation_w + 1 > in->dim[2])
        kw = 1;
    node.kernel_h = kh;
    node.kernel_w = kw;
    if (keep) {
        int h = (kh - 1) * node.dilation_h, w = (kw - 1) * node.dilation_w;
        node.pad_h = between(rng, 0, h);
        node.pad_end_h = h - node.pad_h;
        node.pad_w = between(rng, 0, w);
        node.pad_end_w = w - node.pad_w;
    } else {
        node.pad_h = between(rng, 0, kh - 1);
        node.pad_end_h = between(rng, 0, kh - 1);
        node.pad_w = between(rng, 0, kw - 1);
        node.pad_end_w = between(rng, 0, kw - 1);
    }
    dim[0] = channels;
    dim[1] = in->dim[0] / groups;
    dim[2] = kh;
    dim[3] = kw;
    return product(m, node, 4, dim);
}

static int fc(struct maker *m, int v, int features)
{
    const struct value *in = value_of(m, v);
    int dim[2] = {features, in->dim[in->rank - 1]};

    return product(m, (struct node){.op = OP_FC, .input = {v}, .channels = features}, 2, dim);
}

static int act(struct maker *m, int v)
{
    static const enum op exact[] = {OP_RELU, OP_RELU6};
    static const enum op any[] = {OP_RELU, OP_RELU6, OP_HARDSWISH, OP_SIGMOID, OP_GELU};

    if (chance(m, 4))
        return v;
    return simple(m, m->kind == DYNAMIC ? exact[between(&m->rng, 0, 1)] : any[between(&m->rng, 0, 4)], v);
}

static int window(struct maker *m, enum op op, int v)
{
    const struct value *in = value_of(m, v);
    struct node node = {.op = op, .input = {v}, .weight = -1, .bias = -1};

    node.kernel_h = between(&m->rng, 1, in->dim[1] < 3 ? in->dim[1] : 3);
    node.kernel_w = between(&m->rng, 1, in->dim[2] < 3 ? in->dim[2] : 3);
    node.stride_h = between(&m->rng, 1, 2);
    node.stride_w = between(&m->rng, 1, 2);
    node.pad_h = between(&m->rng, 0, node.kernel_h - 1);
    node.pad_end_w = between(&m->rng, 0, node.kernel_w - 1);
    return infer(m, build_node(&m->graph, node));
}

static int global_average(struct maker *m, int v)
{
    const struct value *in = value_of(m, v);

    return infer(m, build_node(&m->graph, (struct node){.op = OP_POOL_AVG,
                                                        .input = {v},
                                                        .weight = -1,
                                                        .bias = -1,
                                                        .kernel_h = in->dim[1],
                                                        .kernel_w = in->dim[2],
                                                        .stride_h = 1,
                                                        .stride_w = 1}));
}

static int residual_block(struct maker *m, int v)
{
    int c = value_of(m, v)->dim[0], other = v, n = chance(m, 2) ? c : between(&m->rng, 1, 20), y;

    if (n != c)
        other = conv(m, v, n, 1, 1);
    y = act(m, conv(m, v, chance(m, 2) ? 8 : between(&m->rng, 1, 20), 1, 1));
    y = conv(m, y, n, 1, 1);
    y = chance(m, 2) ? binary(m, OP_ADD, y, other) : binary(m, OP_ADD, other, y);
    return act(m, y);
}

static int separable(struct maker *m, int v)
{
    int c = value_of(m, v)->dim[0];

    v = act(m, conv(m, v, c, c, chance(m, 2)));
    return act(m, conv(m, v, between(&m->rng, 1, 24), 1, 1));
}

static int grouped(struct maker *m, int v)
{
    int c = value_of(m, v)->dim[0], groups = c % 4 == 0 ? 4 : c % 3 == 0 ? 3 : c % 2 == 0 ? 2 : 1;

    return act(m, conv(m, v, groups * between(&m->rng, 1, 5), groups, chance(m, 2)));
}

static int branches(struct maker *m, int v)
{
    struct node node = {.op = OP_CONCAT, .inputs = between(&m->rng, 2, 4), .weight = -1, .bias = -1};

    for (int k = 0; k < node.inputs; k++)
        node.input[k] = k == 1 ? v : act(m, conv(m, v, between(&m->rng, 1, 9), 1, 1));
    return infer(m, build_node(&m->graph, node));
}

/* Hu et al. 2018; DYNAMIC: without the operators whose float results depend on the kernel. */
static int squeeze(struct maker *m, int v)
{
    int c = value_of(m, v)->dim[0], s;

    if (m->kind == DYNAMIC)
        return binary(m, OP_MUL, v, conv(m, v, c, 1, 1));
    s = global_average(m, v);
    s = simple(m, OP_RELU, conv(m, s, between(&m->rng, 1, 8), 1, 1));
    s = simple(m, OP_SIGMOID, conv(m, s, c, 1, 1));
    return act(m, binary(m, OP_MUL, v, s));
}

static int move(struct maker *m, int v)
{
    static const int perms[5][3] = {{0, 2, 1}, {1, 2, 0}, {2, 0, 1}, {1, 0, 2}, {2, 1, 0}};
    const struct value *in = value_of(m, v);
    struct node node = {.op = chance(m, 2) ? OP_SLICE : OP_TRANSPOSE, .input = {v}, .weight = -1, .bias = -1};

    memcpy(node.perm, perms[between(&m->rng, 0, 4)], sizeof perms[0]);
    node.axis = between(&m->rng, 0, 2);
    node.begin = between(&m->rng, 0, in->dim[node.axis] - 1);
    node.end = between(&m->rng, node.begin + 1, in->dim[node.axis]);
    return infer(m, build_node(&m->graph, node));
}

static int reshape(struct maker *m, int v, int rank, int a, int b, int c)
{
    return infer(
        m, build_node(
               &m->graph,
               (struct node){
                   .op = OP_RESHAPE, .input = {v}, .weight = -1, .bias = -1, .to_rank = rank, .to_dim = {a, b, c, 1}}));
}

static int block(struct maker *m, int v)
{
    switch (between(&m->rng, 0, 9)) {
    case 0:
    case 1:
        return residual_block(m, v);
    case 2:
        return separable(m, v);
    case 3:
        return grouped(m, v);
    case 4:
        return branches(m, v);
    case 5:
        return squeeze(m, v);
    case 6:
        return window(m, m->kind == DYNAMIC || chance(m, 2) ? OP_POOL_MAX : OP_POOL_AVG, v);
    case 7:
        return move(m, v);
    case 8:
        return binary(m, chance(m, 2) ? OP_ADD : OP_MUL, v, v);
    default:
        return act(m, conv(m, v, between(&m->rng, 1, 24), 1, 0));
    }
}

static void image_graph(struct maker *m)
{
    int channels = between(&m->rng, 1, 6), h = between(&m->rng, 3, 11), w = between(&m->rng, 3, 11);
    int node = build_input(&m->graph, channels, h, w), v = m->graph.node[node].output;
    int blocks = between(&m->rng, 1, 4);

    for (int i = 0; i < blocks; i++)
        v = block(m, v);
    if (m->kind != DYNAMIC && chance(m, 2))
        v = global_average(m, v);
    if (chance(m, 4)) {
        simple(m, OP_RELU, v); /* ends without a product */
        return;
    }
    v = simple(m, OP_FLATTEN, v);
    v = fc(m, v, between(&m->rng, 1, 12));
    if (chance(m, 3))
        simple(m, OP_SOFTMAX, v);
}

static int transpose(struct maker *m, int v, int a, int b, int c)
{
    return infer(
        m, build_node(&m->graph,
                      (struct node){.op = OP_TRANSPOSE, .input = {v}, .weight = -1, .bias = -1, .perm = {a, b, c, 3}}));
}

static int norm(struct maker *m, int v)
{
    int dim = value_of(m, v)->dim[1];
    struct node node = {.op = OP_LAYERNORM, .input = {v}, .epsilon = 1e-5F};

    build_tensors(&m->graph, &node, DT_F32, DT_F32, 1, &dim);
    for (int i = 0; i < dim; i++) {
        ((float *)m->graph.weight[node.weight].data)[i] = 1 + rng_normal(&m->rng) / 4;
        ((float *)m->graph.weight[node.bias].data)[i] = rng_normal(&m->rng) / 4;
    }
    return infer(m, build_node(&m->graph, node));
}

static int heads(struct maker *m, int v, int l, int h, int d)
{
    return transpose(m, reshape(m, fc(m, v, h * d), 3, l, h, d), 1, 0, 2);
}

/* Vaswani et al. 2017, with layer normalization behind each half. */
static void attention_graph(struct maker *m)
{
    int l = between(&m->rng, 1, 13), h = between(&m->rng, 1, 3), d = between(&m->rng, 1, 9), f = h * d;
    int node = build_input(&m->graph, l, 1, 1), v = m->graph.node[node].output, q, k, x, s;

    value_of(m, v)->rank = 2;
    value_of(m, v)->dim[1] = f;
    q = heads(m, v, l, h, d);
    k = heads(m, v, l, h, d);
    x = heads(m, v, l, h, d);
    s = infer(m, build_node(&m->graph, (struct node){.op = OP_MATMUL,
                                                     .inputs = 2,
                                                     .input = {q, k},
                                                     .weight = -1,
                                                     .bias = -1,
                                                     .transpose_b = 1,
                                                     .scale = 0.5F}));
    s = binary(m, OP_MATMUL, simple(m, OP_SOFTMAX, s), x);
    s = reshape(m, transpose(m, s, 1, 0, 2), 2, l, f, 1);
    v = norm(m, binary(m, OP_ADD, v, fc(m, s, f)));
    s = fc(m, simple(m, OP_GELU, fc(m, v, 2 * f)), f);
    v = norm(m, binary(m, OP_ADD, v, s));
    if (chance(m, 2))
        fc(m, simple(m, OP_FLATTEN, v), 3);
}

/* Every product's input gets the quantization of the kind; sums of values are spread by the shared rule. */
static void quantize(struct maker *m)
{
    struct graph *g = &m->graph;

    if (m->kind == FLOAT)
        return;
    for (int v = 0; v < g->values; v++) {
        if (graph_quant_source(g, v) != v)
            continue;
        if (m->kind == DYNAMIC)
            g->value[v].quant = QUANT_DYNAMIC;
        else
            build_static(&g->value[v], 0.01F + 0.02F * rng_f32(&m->rng), chance(m, 4) ? 0 : between(&m->rng, 60, 160));
    }
    graph_quant_spread(g);
}

/* ------------------------------------------------------------------ comparison */

struct expected {
    float *input;
    double *output, *error; /* (MAX_BATCH, outputs) */
    size_t inputs, outputs;
};

static void evaluate(struct maker *m, struct expected *e)
{
    const struct graph *g = &m->graph;
    size_t largest = 0;
    struct eval eval = {.g = g};

    e->inputs = value_count(&g->value[graph_input(g)]);
    e->outputs = value_count(&g->value[graph_output(g)]);
    for (int v = 0; v < g->values; v++)
        largest = value_count(&g->value[v]) > largest ? value_count(&g->value[v]) : largest;
    e->input = calloc(MAX_BATCH * e->inputs, sizeof *e->input);
    e->output = plane_new(MAX_BATCH * e->outputs);
    e->error = plane_new(MAX_BATCH * e->outputs);
    eval.raw = calloc(largest, sizeof *eval.raw);
    eval.planes = calloc((size_t)g->values, sizeof *eval.planes);
    assert_true(e->input && eval.raw && eval.planes);
    for (size_t i = 0; i < MAX_BATCH * e->inputs; i++)
        e->input[i] = rng_normal(&m->rng);
    for (size_t s = 0; s < MAX_BATCH; s++) {
        eval_graph(&eval, e->input + s * e->inputs);
        memcpy(e->output + s * e->outputs, eval.planes[graph_output(g)].x, e->outputs * sizeof(double));
        memcpy(e->error + s * e->outputs, eval.planes[graph_output(g)].error, e->outputs * sizeof(double));
        eval_free(&eval);
    }
    free(eval.raw);
    free(eval.planes);
}

static void expected_free(struct expected *e)
{
    free(e->input);
    free(e->output);
    free(e->error);
}

/* loose: rounded values behind float operators may differ by a step; the outputs as a whole must still agree. */
static void compare(const struct expected *e, const float *out, size_t batch, int loose, const char *what)
{
    double off = 0, size = 0;

    for (size_t i = 0; i < batch * e->outputs; i++) {
        double error = fabs(out[i] - e->output[i]);
        off += error * error;
        size += e->output[i] * e->output[i];
        if (!loose && !(error <= e->error[i] + 1e-30))
            fail_msg("%s: output %zu is %.9g, expected %.9g within %.3g", what, i, (double)out[i], e->output[i],
                     e->error[i]);
    }
    if (!(sqrt(off) <= 0.02 * sqrt(size) + 1e-6))
        fail_msg("%s: outputs of norm %g are off by %g", what, sqrt(size), sqrt(off));
}

enum { LEVELS = 5 };

static struct kn_table table_of(int level, int force)
{
    static const uint32_t drop[LEVELS] = {~0u, 0, KN_ISA_AVX512VNNI, KN_ISA_AVX512VNNI | KN_ISA_AVXVNNI,
                                          KN_ISA_AVX512VNNI | KN_ISA_AVXVNNI | KN_ISA_AVX2};
    struct kn_table t;

    kn_table_init(&t, kn_cpu_isa() & ~drop[level]);
    engine_force(&t, (enum force)force);
    return t;
}

static void run_one(const struct graph *g, const struct expected *e, const struct kn_table *table, int batch, int loose,
                    const char *what)
{
    size_t count = (size_t)batch * e->outputs;
    float *out = calloc(count, sizeof *out), *other = calloc(count, sizeof *other);

    for (int threads = 1; threads <= MAX_THREADS; threads++) {
        float *to = threads == 1 ? out : other;
        struct engine *engine = NULL;
        if (engine_new_eager(g, table, batch, threads, &engine) != ST_OK)
            fail_msg("%s: %s", what, status_message());
        engine_run(engine, e->input, to);
        engine_run(engine, e->input, to); /* nothing is left over from the run before */
        if (!engine_guards_intact(engine))
            fail_msg("%s: a guard zone was written", what);
        engine_free(engine);
        if (threads == 1)
            compare(e, out, (size_t)batch, loose, what);
        else if (memcmp(out, other, count * sizeof *out) != 0)
            fail_msg("%s: %d threads give other bits", what, threads);
    }
    free(out);
    free(other);
}

static void check_graph(struct maker *m, int loose, int index)
{
    static const int batches[] = {1, 2, MAX_BATCH};
    struct expected e = {0};

    quantize(m);
    evaluate(m, &e);
    for (int variant = 0; variant < FORCES * LEVELS; variant++) {
        int level = variant % LEVELS, force = variant / LEVELS, batch = batches[(index + variant) % 3];
        struct kn_table table = table_of(level, force);
        char what[128];
        snprintf(what, sizeof what, "graph %d of kind %d, level %s, sparse choice %d, batch %d", index, m->kind,
                 kn_isa_name(table.mask), force, batch);
        run_one(&m->graph, &e, &table, batch, loose, what);
    }
    expected_free(&e);
}

static void images(void **state)
{
    (void)state;
    print_message("seed %d, ISA %s\n", SEED, kn_isa_name(kn_cpu_isa()));
    for (int i = 0; i < GRAPHS; i++) {
        struct maker m = {.kind = i % KINDS};
        rng_seed(&m.rng, SEED, (uint64_t)i);
        image_graph(&m);
        check_graph(&m, 0, i);
        graph_free(&m.graph);
    }
}

static void attention(void **state)
{
    (void)state;
    for (int i = 0; i < GRAPHS / 5; i++) {
        struct maker m = {.kind = i % KINDS};
        rng_seed(&m.rng, SEED + 1, (uint64_t)i);
        attention_graph(&m);
        check_graph(&m, m.kind != FLOAT, i);
        graph_free(&m.graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(images), cmocka_unit_test(attention)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
