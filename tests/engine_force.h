/* Engines and their kernel tables for tests; tables whose break-even points make the engine choose one kind of kernel.
 */
#ifndef TESTS_ENGINE_FORCE_H
#define TESTS_ENGINE_FORCE_H

#include "graph_build.h"

#include "engine/engine.h"
#include "kernels/kernels.h"

enum force { FORCE_NONE, FORCE_SPARSE, FORCE_DENSE, FORCE_ROWS, FORCES };

/* FORCE_SPARSE: sparse vectors and columns; FORCE_ROWS: blocks, and sparse products over rows, wherever some weights
 * are zero. */
static inline void engine_force(struct kn_table *t, enum force force)
{
    float columns = force == FORCE_SPARSE ? -1e9F : 2.0F, blocks = force == FORCE_ROWS ? -1e9F : 2.0F;

    if (force == FORCE_NONE)
        return;
    t->spmv_f32.break_even = t->spmv_u8s8.break_even = t->spmm_f32.break_even = t->spmm_u8s8.break_even = columns;
    t->bsr_f32_16x1.break_even = t->bsr_f32_8x1.break_even = t->bsr_f32_4x1.break_even = blocks;
    t->bsr_f32_1x4.break_even = blocks;
    t->sprows_u8s8.slot_cost = force == FORCE_ROWS ? 0 : 1e9F;
}

/* The reference, the best table of this machine and its AVX2 table, each with its own choice, always sparse, and always
 * dense. */
enum { ENGINE_TABLES = 9 };

static inline struct kn_table engine_table(int i)
{
    struct kn_table table;
    kn_table_init(&table, i < 3 ? 0 : i < 6 ? kn_cpu_isa() : kn_cpu_isa() & KN_ISA_AVX2);
    engine_force(&table, (enum force)(i % 3));
    return table;
}

static inline struct engine *engine_of(const struct graph *graph, int table, int batch)
{
    struct kn_table t = engine_table(table);
    struct engine *engine = NULL;
    enum status st = engine_new(graph, &t, batch, 1, &engine);

    if (st != ST_OK)
        print_message("%s\n", status_message());
    assert_int_equal(st, ST_OK);
    return engine;
}

#endif
