/* The energy proxy: energy per inference, modelled from counts of operations and bytes and a published table of
 * constants. Not a measurement, and nothing here knows a kernel's speed.
 *
 *   E_dp  = sum over layers of MACs (e_mul + e_add) + other operations * e_add      datapath
 *         + bytes * e_level                                                          data movement
 *   E_cpu = E_dp + instructions * e_instruction                                      the same on a CPU
 *
 * A layer's bytes are charged at the smallest declared memory that holds its working set. E_dp depends on counts only:
 * kernels that multiply and stream the same have the same, whatever their speed. (A packing that pads or adds
 * corrections streams more, and is charged for it.) The instruction count is analytic (MACs / lanes * instructions per
 * step) unless it was counted. The constants come with their sources in the files of suites/energy; several tables side
 * by side show how far a ratio hangs on them.
 *
 *   TRY(energy_tables_load(NULL, builtin, 3, &tables));
 *   TRY(energy_estimate(&tables.table[0], layers, n, ENERGY_ANALYTIC, &cost));
 *   ratio = baseline.dp_pj / cost.dp_pj;                  // > 1: this one needs less
 */
#ifndef MEASURE_ENERGY_H
#define MEASURE_ENERGY_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/status.h"

/* Values of the record's energy_kind and energy_measured_kind. */
extern const char energy_kind_modelled[];         /* "modelled" */
extern const char energy_kind_measured_package[]; /* "measured-package" */
extern const char energy_kind_apportioned[];      /* "apportioned": a virtual machine's share, itself a model */
/* What the modelled figure is made of, and what it leaves out. */
extern const char energy_coverage[];
extern const char energy_excludes[];

enum { ENERGY_LEVELS = 8, ENERGY_TEXT = 64, ENERGY_TABLES = 4 };
#define ENERGY_ANALYTIC (-1.0) /* instead of a counted number of instructions */

struct energy_level {
    char name[ENERGY_TEXT];
    uint64_t capacity_bytes; /* UINT64_MAX for the last */
    double pj_per_byte;
    int off_chip; /* counted as DRAM */
};

struct energy_table {
    char name[ENERGY_TEXT]; /* "H45-v1" */
    char sha256[HASH_HEX];  /* of the file */
    int process_nm;         /* 45 */
    double f32_add_pj, f32_mul_pj, s32_add_pj, s32_mul_pj, s8_mul_pj;
    int s8_interpolated;                      /* s8_mul_pj is not a published figure */
    double instruction_pj;                    /* NaN: none published; then there is no CPU view */
    double instructions_per_step;             /* per vector step, or per MAC where scalar */
    struct energy_level level[ENERGY_LEVELS]; /* ascending capacity */
    int levels;
};

enum energy_arithmetic {
    ENERGY_F32, /* float products and sums, whatever the weights are stored as */
    ENERGY_S32  /* 8-bit activations times integer weights, 32-bit sums */
};

struct energy_layer {
    uint64_t macs_executed; /* multiplications really made */
    uint64_t other_ops;     /* comparisons, additions, conversions; charged as one addition each */
    enum energy_arithmetic arithmetic;
    int weight_bits;       /* 1 .. 32; ignored when macs_executed is 0 */
    uint64_t weight_bytes; /* as stored and streamed: scales and indices included */
    uint64_t input_bytes, output_bytes;
    uint64_t working_set_bytes; /* decides the memory level; 0: the sum of the three above */
    double lanes;               /* MACs per vector step: 1 for scalar code, see energy_lanes */
};

struct energy_cost {
    double mac_pj; /* multiplications, additions and other operations */
    double sram_pj, dram_pj;
    double instruction_pj; /* in cpu_pj only; NaN where the table has no such constant */
    double dp_pj, cpu_pj;  /* mac + sram + dram; that + instruction */
    double instructions;   /* counted, or analytic */
    int interpolated;      /* a product width without a published constant was interpolated */
};

/* The tables of a run: the first is the one whose figures are shown, the others give the spread. */
struct energy_tables {
    struct energy_table table[ENERGY_TABLES];
    int count;
};

/* Strict: unknown keys, missing, non-positive or descending values are ST_FORMAT naming the key. */
enum status energy_table_load(const char *path, struct energy_table *out);

/* The table at `first` (NULL: builtin[0]), then the others of `builtin` (n files); a built-in file that is the first
 * one again is left out. ST_FORMAT when two different tables have one name: figures could not be told apart. */
enum status energy_tables_load(const char *first, const char *const *builtin, int n, struct energy_tables *out);

/* "Modelled from operation and byte counts with published 45 nm constants; not a measurement of this machine." Must
 * stand with every figure. Returns buffer. */
const char *energy_disclaimer(const struct energy_table *table, char *buffer, size_t size);

/* Index of the level that holds `bytes`. */
int energy_level_for(const struct energy_table *table, uint64_t bytes);

/* One multiplication and the addition that follows, pJ. Integer products of 8-bit activations and weights of other
 * widths up to 16 bits scale with the product of the widths and set *interpolated (may be NULL). */
double energy_mac_pj(const struct energy_table *table, enum energy_arithmetic arithmetic, int weight_bits,
                     int *interpolated);

/* Sum over the layers, in pJ per inference (of the batch that the counts are of). `instructions` were counted for the
 * same work, or ENERGY_ANALYTIC. ST_BADARG for weight_bits outside 1..32 where there are MACs, or lanes below 1. */
enum status energy_estimate(const struct energy_table *table, const struct energy_layer *layers, size_t count,
                            double instructions, struct energy_cost *out);

/* Baseline / cost in either view: NaN when not defined. */
double energy_ratio_dp(const struct energy_cost *baseline, const struct energy_cost *cost);
double energy_ratio_cpu(const struct energy_cost *baseline, const struct energy_cost *cost);

/* MACs per vector step: registers of vector_bits with 32-bit floats or 16-bit integer products (vpmaddwd).
 * vector_bits 0 is scalar: 1. */
double energy_lanes(int vector_bits, enum energy_arithmetic arithmetic);

#endif
