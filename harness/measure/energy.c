#include "measure/energy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { ENERGY_MAX_BYTES = 1 << 20 };

const char energy_kind_modelled[] = "modelled";
const char energy_kind_measured_package[] = "measured-package";
const char energy_kind_apportioned[] = "apportioned";
const char energy_coverage[] = "multiplications and additions executed, weights and activations moved once per layer; "
                               "in the CPU view also instruction fetch, decode and control";
const char energy_excludes[] =
    "leakage, clock and voltage scaling, operating system, rest of the host, DRAM refresh and static power";

static enum status copy_name(const struct json *doc, const cJSON *object, const char *path, char out[ENERGY_TEXT])
{
    const char *text = NULL;

    TRY(json_text(doc, object, path, "name", &text));
    if (!*text || strlen(text) >= ENERGY_TEXT)
        return json_error(doc, path, "name", "expected 1 to %d characters", ENERGY_TEXT - 1);
    snprintf(out, ENERGY_TEXT, "%s", text);
    return ST_OK;
}

static enum status positive(const struct json *doc, const cJSON *object, const char *path, const char *key, double *out)
{
    return json_real(doc, object, path, key, 1e-6, 1e9, out);
}

static enum status read_operations(const struct json *doc, struct energy_table *table)
{
    static const char *const keys[] = {"f32_add", "f32_mul", "s32_add", "s32_mul", "s8_mul", NULL};
    static const char path[] = "operations_pj";
    const cJSON *object = NULL;

    TRY(json_object(doc, doc->root, "", path, &object));
    TRY(json_keys(doc, object, path, keys));
    TRY(positive(doc, object, path, "f32_add", &table->f32_add_pj));
    TRY(positive(doc, object, path, "f32_mul", &table->f32_mul_pj));
    TRY(positive(doc, object, path, "s32_add", &table->s32_add_pj));
    TRY(positive(doc, object, path, "s32_mul", &table->s32_mul_pj));
    return positive(doc, object, path, "s8_mul", &table->s8_mul_pj);
}

static enum status read_instructions(const struct json *doc, struct energy_table *table)
{
    static const char *const keys[] = {"pj_each", "per_step", NULL};
    static const char path[] = "instructions";
    const cJSON *object = NULL;

    table->instruction_pj = table->instructions_per_step = NAN;
    if (!cJSON_GetObjectItemCaseSensitive(doc->root, path))
        return ST_OK;
    TRY(json_object(doc, doc->root, "", path, &object));
    TRY(json_keys(doc, object, path, keys));
    TRY(positive(doc, object, path, "pj_each", &table->instruction_pj));
    return positive(doc, object, path, "per_step", &table->instructions_per_step);
}

static enum status read_level(const struct json *doc, const cJSON *object, const char *path, int last,
                              struct energy_level *level)
{
    static const char *const keys[] = {"name", "capacity_bytes", "pj_per_64_bits", "off_chip", NULL};
    double pj = 0;
    long capacity = 0;

    TRY(json_keys(doc, object, path, keys));
    TRY(copy_name(doc, object, path, level->name));
    TRY(positive(doc, object, path, "pj_per_64_bits", &pj));
    TRY(json_bool(doc, object, path, "off_chip", &level->off_chip));
    level->pj_per_byte = pj / 8;
    level->capacity_bytes = UINT64_MAX;
    if (last) {
        if (cJSON_GetObjectItemCaseSensitive(object, "capacity_bytes"))
            return json_error(doc, path, "capacity_bytes", "the last memory holds everything: leave it out");
        return ST_OK;
    }
    TRY(json_int(doc, object, path, "capacity_bytes", 1, 1L << 40, &capacity));
    level->capacity_bytes = (uint64_t)capacity;
    return ST_OK;
}

/* Larger memories must cost no less, or a bigger layer could come out cheaper. */
static enum status read_levels(const struct json *doc, struct energy_table *table)
{
    const cJSON *array = NULL;
    char path[32];
    int count;

    TRY(json_array(doc, doc->root, "", "memories", &array));
    count = cJSON_GetArraySize(array);
    if (count < 1 || count > ENERGY_LEVELS)
        return json_error(doc, "", "memories", "%d levels, expected 1 to %d", count, ENERGY_LEVELS);
    for (int i = 0; i < count; i++) {
        struct energy_level *level = &table->level[i];
        snprintf(path, sizeof path, "memories[%d]", i);
        TRY(read_level(doc, cJSON_GetArrayItem(array, i), path, i == count - 1, level));
        if (i == 0)
            continue;
        if (level->capacity_bytes <= level[-1].capacity_bytes)
            return json_error(doc, path, "capacity_bytes", "expected more than the level before");
        if (level->pj_per_byte < level[-1].pj_per_byte)
            return json_error(doc, path, "pj_per_64_bits", "expected no less than the level before");
        if (level->off_chip < level[-1].off_chip)
            return json_error(doc, path, "off_chip", "on chip behind an off-chip level");
    }
    table->levels = count;
    return ST_OK;
}

/* Monotone in the width of the operands, or fewer bits could cost more. (A 32-bit integer product may well cost more
 * than a float one, whose significands have 24 bits: 7 nm.) */
static enum status check_operations(const struct json *doc, const struct energy_table *table)
{
    if (table->s8_mul_pj * 2 > table->s32_mul_pj)
        return json_error(doc, "operations_pj", "s8_mul", "expected at most half of s32_mul");
    if (table->s8_mul_pj > table->f32_mul_pj)
        return json_error(doc, "operations_pj", "s8_mul", "expected no more than f32_mul");
    if (table->s32_add_pj > table->f32_add_pj)
        return json_error(doc, "operations_pj", "s32_add", "expected no more than f32_add");
    return ST_OK;
}

/* Operations whose figure was not published but derived. */
static enum status read_interpolated(const struct json *doc, struct energy_table *table)
{
    const cJSON *array = NULL, *item;

    if (!cJSON_GetObjectItemCaseSensitive(doc->root, "interpolated"))
        return ST_OK;
    TRY(json_array(doc, doc->root, "", "interpolated", &array));
    cJSON_ArrayForEach (item, array) {
        if (!cJSON_IsString(item) || strcmp(item->valuestring, "s8_mul") != 0)
            return json_error(doc, "", "interpolated", "expected [\"s8_mul\"]: the others must be published figures");
        table->s8_interpolated = 1;
    }
    return ST_OK;
}

static enum status read_table(const struct json *doc, struct energy_table *table)
{
    static const char *const keys[] = {"schema", "name",          "technology",   "process_nm", "sources",
                                       "notes",  "operations_pj", "interpolated", "memories",   "instructions",
                                       NULL};
    const char *schema = NULL;
    const cJSON *sources = NULL;
    long process_nm = 0;

    TRY(json_keys(doc, doc->root, "", keys));
    TRY(json_text(doc, doc->root, "", "schema", &schema));
    if (strcmp(schema, "packlight.energy/1") != 0)
        return json_error(doc, "", "schema", "expected \"packlight.energy/1\"");
    TRY(copy_name(doc, doc->root, "", table->name));
    TRY(json_int(doc, doc->root, "", "process_nm", 1, 1000, &process_nm));
    table->process_nm = (int)process_nm;
    TRY(json_array(doc, doc->root, "", "sources", &sources));
    if (cJSON_GetArraySize(sources) < 1)
        return json_error(doc, "", "sources", "expected at least one: constants without a source are not used");
    TRY(read_operations(doc, table));
    TRY(check_operations(doc, table));
    TRY(read_interpolated(doc, table));
    TRY(read_levels(doc, table));
    return read_instructions(doc, table);
}

enum status energy_table_load(const char *path, struct energy_table *out)
{
    enum status st;
    struct energy_table table;
    struct json doc;
    unsigned char *text = NULL;
    size_t len = 0;

    memset(&table, 0, sizeof table);
    memset(&doc, 0, sizeof doc);
    TRY_OUT(file_read(path, ENERGY_MAX_BYTES, &text, &len));
    TRY_OUT(json_parse(path, (const char *)text, len, &doc));
    TRY_OUT(read_table(&doc, &table));
    hash_bytes(text, len, table.sha256);
    *out = table;
out:
    json_free(&doc);
    free(text);
    return st;
}

static enum status add_table(const char *path, struct energy_tables *tables)
{
    struct energy_table *table = &tables->table[tables->count];

    if (tables->count == ENERGY_TABLES)
        return status_fail(ST_BADARG, "%s: more than %d tables of energy constants", path, ENERGY_TABLES);
    TRY(energy_table_load(path, table));
    for (int i = 0; i < tables->count; i++) {
        if (strcmp(tables->table[i].sha256, table->sha256) == 0)
            return ST_OK;
        if (strcmp(tables->table[i].name, table->name) == 0)
            return status_fail(ST_FORMAT, "%s: name: '%s' is taken by another table; a changed one needs a new name",
                               path, table->name);
    }
    tables->count++;
    return ST_OK;
}

enum status energy_tables_load(const char *first, const char *const *builtin, int n, struct energy_tables *out)
{
    struct energy_tables tables;

    memset(&tables, 0, sizeof tables);
    if (first)
        TRY(add_table(first, &tables));
    for (int i = 0; i < n; i++)
        TRY(add_table(builtin[i], &tables));
    if (tables.count == 0)
        return status_fail(ST_BADARG, "no table of energy constants");
    *out = tables;
    return ST_OK;
}

const char *energy_disclaimer(const struct energy_table *table, char *buffer, size_t size)
{
    snprintf(
        buffer, size,
        "Modelled from operation and byte counts with published %d nm constants; not a measurement of this machine.",
        table->process_nm);
    return buffer;
}

int energy_level_for(const struct energy_table *table, uint64_t bytes)
{
    int level = 0;

    while (level < table->levels - 1 && bytes > table->level[level].capacity_bytes)
        level++;
    return level;
}

double energy_mac_pj(const struct energy_table *table, enum energy_arithmetic arithmetic, int weight_bits,
                     int *interpolated)
{
    if (arithmetic == ENERGY_F32)
        return table->f32_mul_pj + table->f32_add_pj;
    if (weight_bits > 16)
        return table->s32_mul_pj + table->s32_add_pj;
    if ((weight_bits != 8 || table->s8_interpolated) && interpolated)
        *interpolated = 1;
    return table->s8_mul_pj * weight_bits / 8 + table->s32_add_pj;
}

static double operation_pj(const struct energy_table *table, enum energy_arithmetic arithmetic)
{
    return arithmetic == ENERGY_F32 ? table->f32_add_pj : table->s32_add_pj;
}

/* Saturates: a hostile count must not wrap into a cheap level. */
static uint64_t sum_bytes(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static enum status add_layer(const struct energy_table *table, const struct energy_layer *layer,
                             struct energy_cost *cost)
{
    double macs = (double)layer->macs_executed, other = (double)layer->other_ops, moved_pj;
    uint64_t bytes = sum_bytes(sum_bytes(layer->weight_bytes, layer->input_bytes), layer->output_bytes);
    const struct energy_level *level;

    if (layer->macs_executed > 0 && (layer->weight_bits < 1 || layer->weight_bits > 32))
        return status_fail(ST_BADARG, "energy: weights of %d bits, expected 1 to 32", layer->weight_bits);
    if (!(layer->lanes >= 1) || !isfinite(layer->lanes))
        return status_fail(ST_BADARG, "energy: %g lanes, expected 1 or more", layer->lanes);
    if (layer->macs_executed > 0)
        cost->mac_pj += macs * energy_mac_pj(table, layer->arithmetic, layer->weight_bits, &cost->interpolated);
    cost->mac_pj += other * operation_pj(table, layer->arithmetic);
    level = &table->level[energy_level_for(table, layer->working_set_bytes ? layer->working_set_bytes : bytes)];
    moved_pj = (double)bytes * level->pj_per_byte;
    if (level->off_chip)
        cost->dram_pj += moved_pj;
    else
        cost->sram_pj += moved_pj;
    cost->instructions += (macs + other) / layer->lanes * table->instructions_per_step;
    return ST_OK;
}

enum status energy_estimate(const struct energy_table *table, const struct energy_layer *layers, size_t count,
                            double instructions, struct energy_cost *out)
{
    struct energy_cost cost;

    memset(&cost, 0, sizeof cost);
    for (size_t i = 0; i < count; i++) {
        enum status st = add_layer(table, &layers[i], &cost);
        if (st != ST_OK)
            return status_prefix(st, "layer %zu", i);
    }
    if (instructions >= 0)
        cost.instructions = instructions;
    cost.instruction_pj = cost.instructions * table->instruction_pj;
    cost.dp_pj = cost.mac_pj + cost.sram_pj + cost.dram_pj;
    cost.cpu_pj = cost.dp_pj + cost.instruction_pj;
    *out = cost;
    return ST_OK;
}

double energy_lanes(int vector_bits, enum energy_arithmetic arithmetic)
{
    int lane_bits = arithmetic == ENERGY_F32 ? 32 : 16;
    return vector_bits > lane_bits ? (double)vector_bits / lane_bits : 1;
}

double energy_ratio_dp(const struct energy_cost *baseline, const struct energy_cost *cost)
{
    return cost->dp_pj > 0 ? baseline->dp_pj / cost->dp_pj : NAN;
}

double energy_ratio_cpu(const struct energy_cost *baseline, const struct energy_cost *cost)
{
    return cost->cpu_pj > 0 ? baseline->cpu_pj / cost->cpu_pj : NAN;
}
