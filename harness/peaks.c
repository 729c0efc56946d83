#include "peaks.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "kernels/peak.h"

enum { RUNS = 7 };

static const struct {
    const char *key, *level;
    size_t bytes;
} sets[] = {{"read_16k", "L1", (size_t)16 << 10},
            {"read_256k", "L2", (size_t)256 << 10},
            {"read_8m", "L3", (size_t)8 << 20},
            {"read_256m", "DRAM", (size_t)256 << 20}};
enum { SETS = sizeof sets / sizeof *sets };

struct probe {
    const struct kn_peak *peak;
    char *block;  /* all threads' blocks */
    size_t bytes; /* of one thread's */
    long iterations;
};

static void run_probe(void *context, int task)
{
    const struct probe *probe = context;
    probe->peak->run(probe->block + (size_t)task * probe->bytes, probe->bytes, probe->iterations);
}

static double run_ns(const struct probe *probe, struct pool *pool, int threads, const struct clock *clock)
{
    uint64_t begin = clock->wall_ns(clock->context), end;
    pool_run(pool, threads, run_probe, (void *)probe);
    end = clock->wall_ns(clock->context);
    return end > begin ? (double)(end - begin) : 1;
}

/* Iterations per nanosecond and thread together, best run. */
static double best_rate(struct probe *probe, struct pool *pool, int threads, double run_s, const struct clock *clock)
{
    double best = 0;

    for (probe->iterations = 1; run_ns(probe, pool, threads, clock) < 0.3e9 * run_s && probe->iterations < 1L << 40;)
        probe->iterations *= 2;
    for (int i = 0; i < RUNS; i++) {
        double rate = (double)probe->iterations * threads / run_ns(probe, pool, threads, clock);
        best = rate > best ? rate : best;
    }
    return best;
}

/* On one thread and on all, as members of `entry`; `unit` of work per iteration. */
static int measure(cJSON *entry, const char *key, struct probe *probe, double unit, struct pool *pool, double run_s,
                   const struct clock *clock)
{
    char all[24];
    snprintf(all, sizeof all, "%s_all", key);
    return cJSON_AddNumberToObject(entry, key, unit * best_rate(probe, NULL, 1, run_s, clock)) &&
           cJSON_AddNumberToObject(entry, all, unit * best_rate(probe, pool, pool_threads(pool), run_s, clock));
}

static int add_compute(cJSON *list, const struct kn_peak *peak, char *block, struct pool *pool, double run_s,
                       const struct clock *clock)
{
    struct probe probe = {peak, block, KN_PEAK_BYTES, 0};
    cJSON *entry = cJSON_CreateObject();

    if (!entry || !cJSON_AddItemToArray(list, entry)) {
        cJSON_Delete(entry);
        return 0;
    }
    return cJSON_AddStringToObject(entry, "key", peak->key) && cJSON_AddStringToObject(entry, "name", peak->name) &&
           cJSON_AddStringToObject(entry, "kind", peak->kind == KN_PEAK_F32 ? "f32" : "int8") &&
           measure(entry, "gmac_s", &probe, peak->work, pool, run_s, clock);
}

static int add_read(cJSON *list, const struct kn_peak *peak, int set, char *block, struct pool *pool, double run_s,
                    const struct clock *clock)
{
    size_t threads = (size_t)pool_threads(pool), share = sets[set].bytes;
    struct probe probe = {peak, block, share, 0};
    cJSON *entry = cJSON_CreateObject();

    if (!entry || !cJSON_AddItemToArray(list, entry)) {
        cJSON_Delete(entry);
        return 0;
    }
    /* The largest set is shared out, so that many processors need no more memory than one. */
    if (set == SETS - 1)
        probe.bytes = share / threads / 4096 * 4096;
    return cJSON_AddStringToObject(entry, "key", sets[set].key) &&
           cJSON_AddStringToObject(entry, "level", sets[set].level) &&
           cJSON_AddNumberToObject(entry, "bytes", (double)probe.bytes) &&
           measure(entry, "gb_s", &probe, (double)probe.bytes, pool, run_s, clock);
}

static size_t most_bytes(size_t threads)
{
    size_t bytes = sets[SETS - 1].bytes, shared = sets[SETS - 2].bytes * threads;
    return bytes > shared ? bytes : shared;
}

enum status peaks_measure(double run_s, const struct clock *clock, cJSON **out)
{
    int count, usable = 0;
    const struct kn_peak *peak = kn_peaks(&count), *read = NULL;
    uint32_t have = kn_cpu_isa();
    struct pool *pool = NULL;
    char *block = NULL;
    size_t bytes;
    cJSON *peaks = NULL, *compute, *reads;
    enum status st;

    for (int i = 0; i < count; i++)
        usable += (peak[i].isa & ~have) == 0;
    if (!usable)
        return status_fail(ST_UNSUPPORTED, "no probe fits this processor (%s)", kn_isa_name(have));
    TRY_OUT(pool_new(pool_cpus(), &pool));
    bytes = most_bytes((size_t)pool_threads(pool));
    TRY_OUT(mem_alloc(bytes, 1, &block));
    memset(block, 1, bytes); /* pages of their own: untouched ones would all be the same page of zeros */
    peaks = cJSON_CreateObject();
    compute = peaks && cJSON_AddNumberToObject(peaks, "threads", pool_threads(pool))
                  ? cJSON_AddArrayToObject(peaks, "compute")
                  : NULL;
    reads = compute ? cJSON_AddArrayToObject(peaks, "read") : NULL;
    st = reads ? ST_OK : ST_NOMEM;
    for (int i = 0; i < count && st == ST_OK; i++) {
        if (peak[i].isa & ~have)
            continue;
        if (peak[i].kind == KN_PEAK_READ)
            read = &peak[i];
        else if (!add_compute(compute, &peak[i], block, pool, run_s, clock))
            st = ST_NOMEM;
    }
    for (int set = 0; read && set < SETS && st == ST_OK; set++)
        if (!add_read(reads, read, set, block, pool, run_s, clock))
            st = ST_NOMEM;
    if (st != ST_OK) {
        st = status_fail(ST_NOMEM, "no memory for the peaks");
        goto out;
    }
    *out = peaks;
    peaks = NULL;
out:
    cJSON_Delete(peaks);
    mem_free(block);
    pool_free(pool);
    return st;
}
