/* The engine against a slow evaluator that shares nothing with it but the quantization arithmetic: random graphs of
 * every kind, every table, sparse and dense kernels, several batch sizes. Integer graphs must give the same bits. */
#include "engine_eval.h"
#include "engine_force.h"

#include "base/rng.h"
#include "engine/engine.h"

enum { GRAPHS = 120, MAX_BATCH = 32, SEED = 20261 };

/* ------------------------------------------------------------------ random graphs */

static int between(struct rng *rng, int lo, int hi)
{
    return lo + (int)rng_below(rng, (uint32_t)(hi - lo + 1));
}

static void fill_product(struct graph *g, int node, struct rng *rng, int zeros_percent)
{
    struct weight *w = &g->weight[g->node[node].weight];
    float size = 1.0f / sqrtf((float)(w->count / (size_t)w->dim[0]));

    for (size_t i = 0; i < w->count; i++) {
        int zero = between(rng, 0, 99) < zeros_percent;
        if (w->type == DT_S8)
            ((int8_t *)w->data)[i] = zero ? 0 : (int8_t)(between(rng, 0, 9) ? between(rng, -127, 127) : 127);
        else
            ((float *)w->data)[i] = zero ? 0 : size * rng_normal(rng);
    }
    for (int o = 0; w->scale && o < w->dim[0]; o++)
        w->scale[o] = size / 64 * (0.5f + rng_f32(rng));
    if (g->node[node].bias >= 0) {
        struct weight *b = &g->weight[g->node[node].bias];
        for (int o = 0; o < w->dim[0]; o++) {
            if (b->type == DT_S32)
                ((int32_t *)b->data)[o] = between(rng, -3000, 3000);
            else
                ((float *)b->data)[o] = rng_normal(rng) / 4;
        }
    }
}

/* kind 0 float, 1 static, 2 dynamic: the types of its weight and bias. */
static enum dtype weight_type(int kind)
{
    return kind == 0 ? DT_F32 : DT_S8;
}

static int bias_type(struct rng *rng, int kind)
{
    if (between(rng, 0, 5) == 0)
        return -1;
    return kind == 1 ? DT_S32 : DT_F32;
}

struct maker {
    struct graph graph;
    struct rng rng;
    int v, c, h, w; /* value at the end of the chain and its shape */
    int kinds;      /* 0, 1, 2: all layers of that kind; 3: mixed */
};

static int kind_of(struct maker *m)
{
    return m->kinds == 3 ? between(&m->rng, 0, 2) : m->kinds;
}

static int follow(struct maker *m, int node)
{
    m->v = m->graph.node[node].output;
    return node;
}

static void add_conv(struct maker *m)
{
    static const int channels[] = {1, 2, 3, 4, 7, 8, 9, 16, 17, 20, 33};
    struct rng *rng = &m->rng;
    int kh = between(rng, 1, m->h < 5 ? m->h : 5), kw = between(rng, 1, m->w < 5 ? m->w : 5), kind = kind_of(m);
    int stride = between(rng, 0, 3) == 0 ? 2 : 1, n = channels[between(rng, 0, 10)];
    int pad_h = between(rng, 0, 1) ? 0 : between(rng, 0, kh - 1),
        pad_w = between(rng, 0, 1) ? 0 : between(rng, 0, kw - 1);
    int node = follow(
        m, build_conv(&m->graph, m->v, m->c, n, kh, kw, stride, pad_h, pad_w, weight_type(kind), bias_type(rng, kind)));

    fill_product(&m->graph, node, rng, between(rng, 0, 95));
    m->c = n;
    m->h = (m->h + 2 * pad_h - kh) / stride + 1;
    m->w = (m->w + 2 * pad_w - kw) / stride + 1;
    if (between(rng, 0, 7) == 0) /* a second reader that leads nowhere: the ReLU cannot be fused */
        build_simple(&m->graph, OP_RELU, m->v);
}

static void add_pool(struct maker *m)
{
    struct rng *rng = &m->rng;
    int kernel = between(rng, 1, m->h < m->w ? (m->h < 3 ? m->h : 3) : (m->w < 3 ? m->w : 3));
    int stride = between(rng, 1, 3), pad = between(rng, 0, 2) ? 0 : between(rng, 0, kernel - 1);

    follow(m, build_pool(&m->graph, m->v, kernel, stride, pad));
    m->h = (m->h + 2 * pad - kernel) / stride + 1;
    m->w = (m->w + 2 * pad - kernel) / stride + 1;
}

static void add_relu(struct maker *m)
{
    follow(m, build_simple(&m->graph, OP_RELU, m->v));
}

static void add_fc(struct maker *m, int in, int out)
{
    int kind = kind_of(m), bias = bias_type(&m->rng, kind);
    int node = follow(m, build_fc(&m->graph, m->v, in, out, weight_type(kind), bias));

    fill_product(&m->graph, node, &m->rng, between(&m->rng, 0, 95));
}

static int product_reads(const struct graph *g, int v)
{
    for (int i = 1; i < g->nodes; i++)
        if (g->node[i].input[0] == v && g->node[i].weight >= 0)
            return 1;
    return 0;
}

/* Every product's input gets the quantization that its weights ask for. */
static void quantize(struct graph *g, struct rng *rng)
{
    for (int i = 0; i < g->nodes; i++) {
        const struct node *node = &g->node[i];
        struct value *value;
        int zero_point = between(rng, 0, 3) ? between(rng, 60, 160) : 0;
        if (node->op != OP_CONV && node->op != OP_FC)
            continue;
        value = &g->value[graph_quant_source(g, node->input[0])];
        if (g->weight[node->weight].type == DT_F32)
            value->quant = QUANT_NONE;
        else if (node->bias >= 0 ? g->weight[node->bias].type == DT_F32 : between(rng, 0, 1))
            value->quant = QUANT_DYNAMIC;
        else
            build_static(value, 0.01f + 0.02f * rng_f32(rng), zero_point);
    }
    graph_quant_spread(g);
    if (between(rng, 0, 1))
        return;
    for (int v = 0; v < g->values; v++) /* dynamic ranges may also be asked for only where a product reads */
        if (g->value[v].quant == QUANT_DYNAMIC && !product_reads(g, v))
            g->value[v].quant = QUANT_NONE;
}

static void make_graph(struct maker *m, int index)
{
    struct rng *rng = &m->rng;
    int convs = between(rng, 0, 3), fcs = between(rng, convs ? 0 : 1, 3), features;

    m->kinds = index % 4;
    m->c = convs ? between(rng, 1, 6) : between(rng, 1, 300);
    m->h = convs ? between(rng, 1, 14) : 1;
    m->w = convs ? between(rng, 2, 14) : 1;
    follow(m, build_input(&m->graph, m->c, m->h, m->w));
    if (between(rng, 0, 5) == 0)
        add_relu(m);
    for (int i = 0; i < convs; i++) {
        int order = between(rng, 0, 4); /* ReLU, pool, both either way, none */
        add_conv(m);
        if (order == 0 || order == 2)
            add_relu(m);
        if (order == 1 || order == 2 || order == 3)
            add_pool(m);
        if (order == 3)
            add_relu(m);
    }
    if (convs && (fcs || between(rng, 0, 1)))
        follow(m, build_simple(&m->graph, OP_FLATTEN, m->v));
    features = m->c * m->h * m->w;
    for (int i = 0; i < fcs; i++) {
        int out = between(rng, 1, i + 1 < fcs ? 70 : 12);
        add_fc(m, features, out);
        if (between(rng, 0, 1))
            add_relu(m);
        features = out;
    }
    assert_int_equal(graph_infer(&m->graph), ST_OK);
    quantize(&m->graph, rng);
}

/* ------------------------------------------------------------------ comparison */

struct expected {
    float *input;
    double *output, *error; /* (MAX_BATCH, outputs) */
    int32_t *raw;           /* (MAX_BATCH, raw_count) of the last product */
    size_t inputs, outputs, raw_count;
    int integer; /* the last product is */
    int exact;   /* all products are */
};

static void evaluate(const struct graph *g, struct rng *rng, struct expected *e)
{
    size_t largest = 0;
    struct plane *planes;

    memset(e, 0, sizeof *e);
    e->exact = 1;
    for (int i = 0; i < g->nodes; i++) {
        const struct node *node = &g->node[i];
        size_t count = value_count(&g->value[node->output]);
        largest = count > largest ? count : largest;
        if (node->op != OP_CONV && node->op != OP_FC)
            continue;
        e->raw_count = count;
        e->integer = g->weight[node->weight].type == DT_S8;
        e->exact &= e->integer;
    }
    e->inputs = value_count(&g->value[graph_input(g)]);
    e->outputs = value_count(&g->value[graph_output(g)]);
    e->input = calloc(MAX_BATCH * e->inputs, sizeof *e->input);
    e->output = plane_new(MAX_BATCH * e->outputs);
    e->error = plane_new(MAX_BATCH * e->outputs);
    e->raw = calloc(MAX_BATCH * e->raw_count + largest, sizeof *e->raw);
    planes = calloc((size_t)g->values, sizeof *planes);
    assert_true(e->input && e->raw && planes);
    for (size_t i = 0; i < MAX_BATCH * e->inputs; i++)
        e->input[i] = rng_normal(rng);
    for (size_t s = 0; s < MAX_BATCH; s++) {
        struct eval eval = {g, planes, e->raw + s * e->raw_count};
        eval_graph(&eval, e->input + s * e->inputs);
        memcpy(e->output + s * e->outputs, planes[graph_output(g)].x, e->outputs * sizeof(double));
        memcpy(e->error + s * e->outputs, planes[graph_output(g)].error, e->outputs * sizeof(double));
        eval_free(&eval);
    }
    free(planes);
}

static void expected_free(struct expected *e)
{
    free(e->input);
    free(e->output);
    free(e->error);
    free(e->raw);
}

static void compare(const struct engine *engine, const struct expected *e, const float *out, size_t batch,
                    const char *what)
{
    for (size_t i = 0; i < batch * e->outputs; i++)
        if (!(fabs(out[i] - e->output[i]) <= e->error[i] + 1e-30))
            fail_msg("%s: output %zu is %.9g, expected %.9g within %.3g", what, i, (double)out[i], e->output[i],
                     e->error[i]);
    assert_int_equal(engine_raw(engine) != NULL, e->integer);
    if (e->integer && e->exact && memcmp(engine_raw(engine), e->raw, batch * e->raw_count * sizeof *e->raw) != 0)
        fail_msg("%s: accumulators differ", what);
    if (!engine_guards_intact(engine))
        fail_msg("%s: a guard zone was written", what);
}

/* Levels: the reference; all of this machine; AVX2; AVX2 with the int8 products that read 16-bit inputs. Sparse kernels
 * by their break-even points, always, never. */
enum { LEVELS = 4 };

static struct kn_table table_of(int level, int force)
{
    uint32_t have = kn_cpu_isa(), mask[LEVELS] = {0, have, have & KN_ISA_AVX2, have & KN_ISA_AVX2};
    struct kn_table t;

    kn_table_init(&t, mask[level]);
    if (level == 3 && mask[level])
        assert_int_equal(kn_table_select(&t, "kn_gemm_u8s8__avx2_4x16"), 0);
    engine_force(&t, (enum force)force);
    return t;
}

static void run_all(const struct graph *g, const struct expected *e, int index)
{
    static const int batches[] = {1, 3, 8, MAX_BATCH};
    float *out = calloc(MAX_BATCH * e->outputs, sizeof *out), *again = calloc(MAX_BATCH * e->outputs, sizeof *again);

    for (int variant = 0; variant < 4 * FORCES * LEVELS; variant++) {
        struct kn_table table = table_of(variant % LEVELS, variant / LEVELS % FORCES);
        int batch = batches[variant / LEVELS / FORCES];
        struct engine *engine = NULL;
        char what[96];
        snprintf(what, sizeof what, "graph %d, %s, sparse choice %d, batch %d", index, table.gemm_u8s8.facts.name,
                 variant / LEVELS % FORCES, batch);
        if (engine_new(g, &table, batch, 1, &engine) != ST_OK)
            fail_msg("%s: %s", what, status_message());
        engine_run(engine, e->input, out);
        compare(engine, e, out, (size_t)batch, what);
        engine_run(engine, e->input, again);
        assert_memory_equal(out, again, (size_t)batch * e->outputs * sizeof *out);
        engine_free(engine);
    }
    free(out);
    free(again);
}

static int all_products_fit(const struct graph *g)
{
    /* A float layer behind a rounding step would let an allowed float error grow to a whole step of the grid. */
    int seen_float = 0;

    for (int i = 0; i < g->nodes; i++) {
        if (g->node[i].op != OP_CONV && g->node[i].op != OP_FC)
            continue;
        if (g->weight[g->node[i].weight].type == DT_F32)
            seen_float = 1;
        else if (seen_float)
            return 0;
    }
    return 1;
}

static void random_graphs(void **state)
{
    int compared = 0;
    (void)state;

    print_message("seed %d, ISA %s\n", SEED, kn_isa_name(kn_cpu_isa()));
    for (int i = 0; i < GRAPHS; i++) {
        struct maker m = {0};
        struct expected e;
        rng_seed(&m.rng, SEED, (uint64_t)i);
        make_graph(&m, i);
        if (all_products_fit(&m.graph)) {
            evaluate(&m.graph, &m.rng, &e);
            run_all(&m.graph, &e, i);
            expected_free(&e);
            compared++;
        }
        graph_free(&m.graph);
    }
    print_message("%d of %d graphs compared\n", compared, GRAPHS);
    assert_true(compared > GRAPHS * 2 / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_graphs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
