/* The cache of recipe steps: hit, miss, damage, several processes at once. */
#include "compress_common.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/progress.h"
#include "compress/cache.h"
#include "compress/ptq.h"

static char dir[64];
static const char key[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static const char other_key[] = "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/packlight-cache-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static void path_of(const char *which, char *out, size_t size)
{
    snprintf(out, size, "%s/%s.step", dir, which);
}

static int remove_dir(void **state)
{
    char path[160];

    (void)state;
    path_of(key, path, sizeof path);
    unlink(path);
    path_of(other_key, path, sizeof path);
    unlink(path);
    return rmdir(dir);
}

static void model_new(struct graph *graph)
{
    struct weight *weight;

    graph_from_text(BLOB_CONV_MODEL, graph);
    graph_init_weights(graph, 9);
    weight = weight_named(graph, "f1.weight");
    check_ok(mem_alloc(weight->count, 1, &weight->mask));
    for (size_t i = 0; i < weight->count; i++) {
        weight->mask[i] = i % 3 == 0;
        if (!weight->mask[i])
            ((float *)weight->data)[i] = 0;
    }
    check_ok(ptq_dynamic(graph, PTQ_WEIGHTS_MAX));
}

static void check_same(const struct graph *a, const struct graph *b)
{
    assert_int_equal(a->nodes, b->nodes);
    assert_int_equal(a->weights, b->weights);
    for (int i = 0; i < a->weights; i++) {
        const struct weight *x = &a->weight[i], *y = &b->weight[i];
        assert_string_equal(x->name, y->name);
        assert_int_equal(x->count, y->count);
        assert_memory_equal(x->data, y->data, x->count * sizeof(float));
        assert_int_equal(x->scale != NULL, y->scale != NULL);
        if (x->scale)
            assert_memory_equal(x->scale, y->scale, (size_t)x->dim[0] * sizeof(float));
        assert_int_equal(x->mask != NULL, y->mask != NULL);
        if (x->mask)
            assert_memory_equal(x->mask, y->mask, x->count);
    }
    for (int v = 0; v < a->values; v++)
        assert_int_equal(a->value[v].quant, b->value[v].quant);
}

static void what_is_stored_comes_back(void **state)
{
    static const uint8_t predictions[] = {2, 0, 1, 1, 2};
    uint8_t got[5] = {9, 9, 9, 9, 9};
    struct graph graph = {0}, back = {0};
    enum cache_state found = CACHE_DAMAGED;

    (void)state;
    model_new(&graph);
    check_ok(cache_load(dir, key, 5, &back, got, &found));
    assert_int_equal(found, CACHE_MISS);
    assert_int_equal(got[0], 9);
    check_ok(cache_store(dir, key, &graph, predictions, 5));
    check_ok(cache_load(dir, key, 5, &back, got, &found));
    assert_int_equal(found, CACHE_HIT);
    assert_memory_equal(got, predictions, 5);
    check_same(&graph, &back);
    graph_free(&back);
    check_ok(cache_load(dir, other_key, 5, &back, got, &found));
    assert_int_equal(found, CACHE_MISS);
    check_ok(cache_load(dir, key, 6, &back, got, &found)); /* another number of predictions */
    assert_int_equal(found, CACHE_DAMAGED);
    check_fails(cache_store(dir, "short", &graph, predictions, 5), ST_BADARG, "expected 64 digits");
    graph_free(&graph);
}

static void damaged(const char *which, const unsigned char *bytes, size_t len)
{
    char path[160];
    uint8_t got[5] = {9, 9, 9, 9, 9};
    struct graph back = {0};
    enum cache_state found = CACHE_HIT;

    path_of(which, path, sizeof path);
    check_ok(file_write_atomic(path, bytes, len));
    check_ok(cache_load(dir, which, 5, &back, got, &found));
    assert_int_equal(found, CACHE_DAMAGED);
    assert_int_equal(back.nodes, 0);
    assert_int_equal(got[0], 9);
}

static void damage_is_never_used(void **state)
{
    static const uint8_t predictions[] = {2, 0, 1, 1, 2};
    struct graph graph = {0};
    unsigned char *bytes;
    size_t len;
    char path[160];

    (void)state;
    model_new(&graph);
    check_ok(cache_store(dir, key, &graph, predictions, 5));
    path_of(key, path, sizeof path);
    check_ok(file_read(path, 0, &bytes, &len));
    for (size_t at = 0; at < len; at += at < 200 ? 13 : 97) {
        bytes[at] ^= 0x10;
        damaged(key, bytes, len);
        bytes[at] ^= 0x10;
    }
    for (size_t cut = 0; cut < len; cut += 61)
        damaged(key, bytes, cut);
    damaged(other_key, bytes, len); /* a file under another step's name */
    check_ok(cache_store(dir, key, &graph, predictions, 5));
    free(bytes);
    graph_free(&graph);
}

/* A file whose checksum is right and whose content is not: lengths must still be checked. */
static void lying_lengths_are_found(void **state)
{
    static const uint8_t predictions[] = {2, 0, 1, 1, 2};
    struct graph graph = {0};
    unsigned char *bytes, was;
    size_t len;
    char path[160], digest[HASH_HEX];

    (void)state;
    model_new(&graph);
    check_ok(cache_store(dir, key, &graph, predictions, 5));
    path_of(key, path, sizeof path);
    check_ok(file_read(path, 0, &bytes, &len));
    for (size_t at = 144; at < 144 + 4 + 5 + 4 + 1; at++) { /* number and length fields, the first mask flag */
        if (at >= 148 && at < 153)
            continue; /* the predictions themselves */
        was = bytes[at];
        bytes[at] ^= 0x41;
        hash_bytes(bytes + 144, len - 144, digest);
        memcpy(bytes + 80, digest, 64);
        damaged(key, bytes, len);
        bytes[at] = was;
    }
    free(bytes);
    graph_free(&graph);
}

/* Writers of the same step and readers of it, all at once: nobody ever sees half a file. */
static void processes_at_once_never_damage_it(void **state)
{
    enum { PROCESSES = 6, ROUNDS = 60 };
    static const uint8_t predictions[] = {2, 0, 1, 1, 2};
    struct graph graph = {0};
    pid_t child[PROCESSES];

    (void)state;
    model_new(&graph);
    check_ok(cache_store(dir, key, &graph, predictions, 5));
    for (int p = 0; p < PROCESSES; p++) {
        child[p] = fork();
        assert_true(child[p] >= 0);
        if (child[p] > 0)
            continue;
        for (int round = 0; round < ROUNDS; round++) {
            struct graph back = {0};
            uint8_t got[5];
            enum cache_state found = CACHE_MISS;
            if (p % 2 == 0 && cache_store(dir, key, &graph, predictions, 5) != ST_OK)
                _exit(1);
            if (cache_load(dir, key, 5, &back, got, &found) != ST_OK || found != CACHE_HIT)
                _exit(2);
            graph_free(&back);
        }
        _exit(0);
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status = -1;
        assert_int_equal(waitpid(child[p], &status, 0), child[p]);
        assert_int_equal(status, 0);
    }
    graph_free(&graph);
}

static void one_process_computes_and_others_wait(void **state)
{
    volatile sig_atomic_t stop = 1;
    struct lock lock, mine;
    char path[160], ready;
    int pipe_fd[2], status;
    pid_t child;

    (void)state;
    progress_silence(1);
    assert_int_equal(pipe(pipe_fd), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (cache_lock(dir, key, "model step", NULL, &lock) != ST_OK || lock.fd < 0 || write(pipe_fd[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(pipe_fd[0], &ready, 1), 1);
    check_fails(cache_lock(dir, key, "model step", &stop, &mine), ST_INTERRUPTED, "another process");
    assert_int_equal(mine.fd, -1);
    check_ok(cache_lock(dir, other_key, "model step", &stop, &mine)); /* other steps are free */
    assert_true(mine.fd >= 0);
    lock_release(&mine);
    kill(child, SIGKILL); /* a killed holder leaves its file, not its lock */
    assert_int_equal(waitpid(child, &status, 0), child);
    check_ok(cache_lock(dir, key, "model step", &stop, &mine));
    assert_true(mine.fd >= 0);
    snprintf(path, sizeof path, "%s/%s.lock", dir, key);
    assert_true(file_exists(path));
    lock_release(&mine);
    lock_release(&mine);
    assert_false(file_exists(path));
    close(pipe_fd[0]);
    close(pipe_fd[1]);
}

static void a_folder_without_locks_is_used_without(void **state)
{
    enum lock_state found = LOCK_HELD;
    struct lock lock;

    (void)state;
    check_ok(lock_try("/proc/packlight/x.lock", &lock, &found));
    assert_int_equal(found, LOCK_NONE);
    assert_non_null(strstr(status_message(), "cannot create the lock"));
    check_ok(cache_lock("/proc/packlight", key, "model step", NULL, &lock));
    assert_int_equal(lock.fd, -1);
    lock_release(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stored_comes_back),
        cmocka_unit_test(damage_is_never_used),
        cmocka_unit_test(lying_lengths_are_found),
        cmocka_unit_test(processes_at_once_never_damage_it),
        cmocka_unit_test(one_process_computes_and_others_wait),
        cmocka_unit_test(a_folder_without_locks_is_used_without),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
