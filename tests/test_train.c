/* Training as a whole, on a small synthetic problem: same bits with any number of threads, masks, quantization-aware
 * training, distillation, and everything that must be refused. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/mem.h"
#include "graph/graph_quant.h"
#include "kernels/requant.h"
#include "tests/bars.h"
#include "train/forward.h"

static void same_graph(const struct graph *a, const struct graph *b)
{
    assert_int_equal(a->weights, b->weights);
    for (int i = 0; i < a->weights; i++) {
        assert_memory_equal(a->weight[i].data, b->weight[i].data, a->weight[i].count * 4);
        assert_true(!a->weight[i].scale == !b->weight[i].scale);
        if (a->weight[i].scale)
            assert_memory_equal(a->weight[i].scale, b->weight[i].scale, (size_t)a->weight[i].dim[0] * 4);
    }
    for (int v = 0; v < a->values; v++) {
        assert_int_equal(a->value[v].quant, b->value[v].quant);
        assert_memory_equal(&a->value[v].scale, &b->value[v].scale, 4);
        assert_int_equal(a->value[v].zero_point, b->value[v].zero_point);
    }
}

static void learns(void **state)
{
    struct graph g;
    struct train_options o;
    struct train_result r;
    uint8_t predictions[N_VALID];
    double top1;
    int right = 0;
    (void)state;

    for (int sgd = 0; sgd < 2; sgd++) {
        make_net(&g, 1);
        defaults(&o);
        o.optimizer = sgd ? TRAIN_SGD : TRAIN_ADAM;
        o.lr = sgd ? 0.02f : 5e-3f;
        o.weight_decay = sgd ? 1e-4f : 0.01f;
        o.warmup = 0.1f;
        o.shift = 1;
        o.epochs = 12;
        assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_OK);
        assert_true(r.valid_top1 >= 0.9);
        assert_true(r.train_loss < 0.6 && r.train_loss > 0);
        assert_true(r.seconds > 0 && r.images_per_s > 0);
        assert_int_equal(forward_predict(&g, &valid_set, NULL, predictions, &top1), ST_OK);
        assert_true(top1 == r.valid_top1);
        right = 0;
        for (int i = 0; i < N_VALID; i++)
            right += predictions[i] == valid_labels[i];
        assert_true(right == (int)lrint(top1 * N_VALID));
        for (int v = 0; v < g.values; v++)
            assert_int_equal(g.value[v].quant, QUANT_NONE);
        graph_free(&g);
    }
}

/* Every feature at once, with 1, 2 and 3 threads and twice with 2. */
static void same_bits_at_any_thread_count(void **state)
{
    static const int threads[] = {1, 2, 3, 2};
    struct graph teacher, first = {0}, g;
    struct train_options o;
    struct train_result r, first_r = {0};
    (void)state;

    make_net(&teacher, 9);
    for (int mode = 0; mode < 4; mode++) { /* float, EMA ranges, LSQ ranges, plain products */
        for (int i = 0; i < 4; i++) {
            struct pool *pool;
            assert_int_equal(pool_new(threads[i], &pool), ST_OK);
            make_net(&g, 1);
            defaults(&o);
            o.epochs = 2;
            o.batch = 37;
            o.flip = 1;
            o.shift = 2;
            o.weight_decay = 0.01f;
            o.qat = mode == 1 || mode == 2;
            o.ranges = mode == 2 ? TRAIN_RANGES_LSQ : TRAIN_RANGES_EMA;
            o.blas = mode == 3 ? TRAIN_BLAS_PLAIN : TRAIN_BLAS_OPEN;
            o.teacher = &teacher;
            o.distill_weight = 0.3f;
            o.pool = pool;
            assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_OK);
            if (i == 0) {
                first = g;
                first_r = r;
            } else {
                same_graph(&g, &first);
                assert_true(r.train_loss == first_r.train_loss && r.valid_top1 == first_r.valid_top1);
                graph_free(&g);
            }
            pool_free(pool);
        }
        graph_free(&first);
    }
    graph_free(&teacher);
}

static void seeds_differ(void **state)
{
    struct graph a, b;
    struct train_options o;
    struct train_result r;
    (void)state;

    defaults(&o);
    o.epochs = 1;
    make_net(&a, 1);
    make_net(&b, 1);
    assert_int_equal(train_graph(&a, &train_set, &valid_set, &o, &r), ST_OK);
    o.seed = 2;
    assert_int_equal(train_graph(&b, &train_set, &valid_set, &o, &r), ST_OK);
    assert_memory_not_equal(a.weight[0].data, b.weight[0].data, a.weight[0].count * 4);
    graph_free(&a);
    graph_free(&b);
}

/* Two products that differ only in rounding lead to nearly the same weights after a few steps. */
static void plain_and_open_agree(void **state)
{
    struct graph a, b;
    struct train_options o;
    struct train_result r;
    struct dataset few = train_set;
    (void)state;

    few.n = 150;
    defaults(&o);
    o.epochs = 1;
    o.optimizer = TRAIN_SGD;
    o.lr = 0.01f;
    make_net(&a, 1);
    make_net(&b, 1);
    assert_int_equal(train_graph(&a, &few, &valid_set, &o, &r), ST_OK);
    o.blas = TRAIN_BLAS_PLAIN;
    assert_int_equal(train_graph(&b, &few, &valid_set, &o, &r), ST_OK);
    for (int i = 0; i < a.weights; i++)
        for (size_t j = 0; j < a.weight[i].count; j++)
            assert_true(fabsf(((float *)a.weight[i].data)[j] - ((float *)b.weight[i].data)[j]) < 1e-4f);
    graph_free(&a);
    graph_free(&b);
}

/* ------------------------------------------------------------------ masks and hooks */

static void prune_half(struct weight *w)
{
    if (!w->mask)
        assert_int_equal(mem_alloc(w->count, 1, &w->mask), ST_OK);
    for (size_t j = 0; j < w->count; j++) {
        w->mask[j] = j % 2 == 0;
        if (!w->mask[j])
            ((float *)w->data)[j] = 0;
    }
}

struct hook_log {
    long calls, steps;
};

static void hook(void *context, struct graph *graph, long step, long steps)
{
    struct hook_log *log = context;
    assert_int_equal(step, log->calls++);
    log->steps = steps;
    if (step == 10)
        for (int i = 0; i < graph->weights; i++)
            if (graph->weight[i].rank > 1)
                prune_half(&graph->weight[i]);
}

static void masks_survive(void **state)
{
    (void)state;
    for (int qat = 0; qat < 2; qat++)
        for (int by_hook = 0; by_hook < 2; by_hook++) {
            struct graph g;
            struct train_options o;
            struct train_result r;
            struct hook_log log = {0, 0};
            make_net(&g, 1);
            defaults(&o);
            o.epochs = 2;
            o.qat = qat;
            if (by_hook) {
                o.hook = hook;
                o.hook_context = &log;
            } else {
                for (int i = 0; i < g.weights; i++)
                    if (g.weight[i].rank > 1)
                        prune_half(&g.weight[i]);
            }
            assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_OK);
            if (by_hook) {
                assert_int_equal(log.calls, 24); /* 600 / 50 steps, twice */
                assert_int_equal(log.steps, 24);
            }
            for (int i = 0; i < g.weights; i++)
                for (size_t j = 0; g.weight[i].rank > 1 && j < g.weight[i].count; j++)
                    assert_true((((float *)g.weight[i].data)[j] != 0) == (j % 2 == 0));
            graph_free(&g);
        }
}

/* ------------------------------------------------------------------ quantization-aware training */

static void qat_is_close_to_float(void **state)
{
    struct graph g, q;
    struct train_options o;
    struct train_result r, rq;
    (void)state;

    make_net(&g, 1);
    defaults(&o);
    o.epochs = 10;
    assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_OK);
    assert_true(r.valid_top1 >= 0.95);
    for (int lsq = 0; lsq < 2; lsq++) {
        int input = graph_input(&g), output;
        assert_int_equal(graph_clone(&g, &q), ST_OK);
        output = graph_output(&q);
        o.qat = 1;
        o.epochs = 3;
        o.lr = 1e-3f;
        o.ranges = lsq ? TRAIN_RANGES_LSQ : TRAIN_RANGES_EMA;
        assert_int_equal(train_graph(&q, &train_set, &valid_set, &o, &rq), ST_OK);
        assert_true(rq.valid_top1 >= r.valid_top1 - 0.02);
        assert_true(q.value[input].quant == QUANT_STATIC && q.value[input].scale == 1.0f / 255.0f);
        assert_int_equal(q.value[input].zero_point, 0);
        for (int v = 0; v < q.values; v++) {
            int source = graph_quant_source(&q, v);
            if (source < 0) {
                assert_int_equal(q.value[v].quant, QUANT_NONE);
                continue;
            }
            assert_int_equal(q.value[v].quant, QUANT_STATIC);
            assert_true(q.value[v].scale > 0 && q.value[v].scale == q.value[source].scale);
            assert_true(q.value[v].zero_point >= 0 && q.value[v].zero_point <= 255);
            assert_int_equal(q.value[v].zero_point, q.value[source].zero_point);
        }
        assert_int_equal(q.value[output].quant, QUANT_NONE);
        for (int i = 0; i < q.weights; i++) {
            const struct weight *w = &q.weight[i];
            size_t row = w->count / (size_t)w->dim[0];
            assert_true((w->rank > 1) == (w->scale != NULL));
            for (int k = 0; w->scale && k < w->dim[0]; k++) {
                float most = 0;
                for (size_t j = 0; j < row; j++)
                    most = fmaxf(most, fabsf(((float *)w->data)[(size_t)k * row + j]));
                assert_true(w->scale[k] == kn_weight_scale(most));
            }
        }
        o.qat = 0; /* float training afterwards leaves a float graph */
        o.epochs = 1;
        assert_int_equal(train_graph(&q, &train_set, &valid_set, &o, &rq), ST_OK);
        for (int i = 0; i < q.weights; i++)
            assert_null(q.weight[i].scale);
        for (int v = 0; v < q.values; v++)
            assert_int_equal(q.value[v].quant, QUANT_NONE);
        graph_free(&q);
    }
    graph_free(&g);
}

/* ------------------------------------------------------------------ distillation */

static void student_follows_teacher(void **state)
{
    struct graph teacher, student;
    struct train_options o;
    struct train_result r;
    static uint8_t wrong[N_TRAIN], a[N_VALID], b[N_VALID];
    struct dataset mislabelled = train_set;
    double top1;
    int same = 0;
    (void)state;

    make_net(&teacher, 1);
    defaults(&o);
    o.epochs = 12;
    assert_int_equal(train_graph(&teacher, &train_set, &valid_set, &o, &r), ST_OK);
    /* The student sees wrong labels only; all that is right comes from the teacher. */
    for (int i = 0; i < N_TRAIN; i++)
        wrong[i] = (uint8_t)((train_labels[i] + 1) % CLASSES);
    mislabelled.labels = wrong;
    make_net(&student, 2);
    o.teacher = &teacher;
    o.distill_weight = 1;
    o.temperature = 2;
    assert_int_equal(train_graph(&student, &mislabelled, &valid_set, &o, &r), ST_OK);
    assert_int_equal(forward_predict(&teacher, &valid_set, NULL, a, &top1), ST_OK);
    assert_int_equal(forward_predict(&student, &valid_set, NULL, b, &top1), ST_OK);
    for (int i = 0; i < N_VALID; i++)
        same += a[i] == b[i];
    assert_true(same >= N_VALID * 9 / 10);
    graph_free(&teacher);
    graph_free(&student);
}

/* ------------------------------------------------------------------ what is refused */

static void divergence_is_reported(void **state)
{
    struct graph g;
    struct train_options o;
    struct train_result r = {.seconds = -1};
    (void)state;

    make_net(&g, 1);
    defaults(&o);
    o.optimizer = TRAIN_SGD;
    o.lr = 1000;
    assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_MISMATCH);
    assert_non_null(strstr(status_message(), "bars: the loss is"));
    assert_non_null(strstr(status_message(), "at step"));
    assert_non_null(strstr(status_message(), "learning rate "));
    assert_true(r.seconds == -1); /* untouched */
    graph_free(&g);
}

static void stop_hook(void *context, struct graph *graph, long step, long steps)
{
    (void)graph;
    (void)steps;
    if (step == 3)
        *(volatile sig_atomic_t *)context = 1;
}

static void stops_when_asked(void **state)
{
    volatile sig_atomic_t stop = 0;
    struct graph g;
    struct train_options o;
    struct train_result r;
    (void)state;

    make_net(&g, 1);
    defaults(&o);
    o.hook = stop_hook;
    o.hook_context = (void *)&stop;
    o.stop = &stop;
    assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_INTERRUPTED);
    graph_free(&g);
}

static void bad_requests(void **state)
{
    struct graph g, teacher;
    struct train_options o;
    struct train_result r;
    struct dataset odd;
    static uint8_t labels[N_TRAIN];
    struct forward *f;
    double top1;
    (void)state;

    make_net(&g, 1);
#define REFUSED(code, change, says)                                                                                    \
    defaults(&o);                                                                                                      \
    odd = train_set;                                                                                                   \
    change;                                                                                                            \
    assert_int_equal(train_graph(&g, &odd, &valid_set, &o, &r), code);                                                 \
    assert_non_null(strstr(status_message(), says))
    REFUSED(ST_BADARG, o.epochs = 0, "0 epochs");
    REFUSED(ST_BADARG, o.batch = 0, "batch of 0");
    REFUSED(ST_BADARG, o.lr = NAN, "learning rate");
    REFUSED(ST_BADARG, o.lr = -1, "learning rate is -1");
    REFUSED(ST_BADARG, o.warmup = 0.9f, "warm-up");
    REFUSED(ST_BADARG, o.label_smoothing = 2, "smoothing");
    REFUSED(ST_BADARG, o.ema = 1, "average");
    REFUSED(ST_BADARG, o.shift = SIDE, "shift by 12 pixels");
    REFUSED(ST_BADARG, odd.n = 0, "no images");
    REFUSED(ST_BADARG, odd.h = 11, "takes 1x12x12, the training images are 1x11x12");
    REFUSED(ST_BADARG, odd.classes = 5, "4 outputs");
    memcpy(labels, train_labels, N_TRAIN);
    labels[17] = 4;
    REFUSED(ST_BADARG, odd.labels = labels, "label 4 of image 17");
    make_net(&teacher, 1);
    REFUSED(ST_BADARG, (o.teacher = &teacher, o.temperature = 0), "temperature");
    teacher.value[graph_output(&teacher)].dim[0] = 7;
    REFUSED(ST_BADARG, o.teacher = &teacher, "number of outputs");
    teacher.value[graph_output(&teacher)].dim[0] = CLASSES;
    graph_free(&teacher);
    g.weight[2].type = DT_S32;
    REFUSED(ST_UNSUPPORTED, o.epochs = 1, "only float weights");
    assert_int_equal(forward_new(&g, 4, NULL, &f), ST_UNSUPPORTED);
    g.weight[2].type = DT_F32;
    assert_int_equal(forward_new(&g, 0, NULL, &f), ST_BADARG);
    odd = valid_set;
    odd.w = 5;
    assert_int_equal(forward_predict(&g, &odd, NULL, NULL, &top1), ST_BADARG);
#undef REFUSED
    graph_free(&g);
}

/* A layer without readers, an operator without a gradient, a weight used twice; a graph without weights has nothing to
 * train. */
static void unsupported_graphs(void **state)
{
    struct graph g;
    struct train_options o;
    struct train_result r;
    int keep;
    (void)state;

    defaults(&o);
    make_net(&g, 1);
    keep = g.node[4].input[0];
    g.node[4].input[0] = g.node[2].output;
    assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_UNSUPPORTED);
    assert_non_null(strstr(status_message(), "'conv3': nobody reads"));
    g.node[4].input[0] = keep;
    g.node[4].op = OP_SIGMOID;
    assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_UNSUPPORTED);
    assert_non_null(strstr(status_message(), "'relu4': sigmoid cannot be trained"));
    g.node[4].op = OP_RELU;
    keep = g.node[3].bias;
    g.node[3].bias = g.node[1].bias;
    assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_UNSUPPORTED);
    assert_non_null(strstr(status_message(), "belongs to two nodes"));
    g.node[3].bias = keep;
    graph_free(&g);
    strcpy(g.name, "nothing");
    add(&g, OP_INPUT, 0, 0, 0);
    add(&g, OP_POOL_MAX, 0, 6, 6);
    add(&g, OP_FLATTEN, 0, 0, 0);
    assert_int_equal(train_graph(&g, &train_set, &valid_set, &o, &r), ST_UNSUPPORTED);
    assert_non_null(strstr(status_message(), "no conv or fc"));
    graph_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns),
        cmocka_unit_test(same_bits_at_any_thread_count),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(plain_and_open_agree),
        cmocka_unit_test(masks_survive),
        cmocka_unit_test(qat_is_close_to_float),
        cmocka_unit_test(student_follows_teacher),
        cmocka_unit_test(divergence_is_reported),
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(bad_requests),
        cmocka_unit_test(unsupported_graphs),
    };
    return cmocka_run_group_tests(tests, make_data, NULL);
}
