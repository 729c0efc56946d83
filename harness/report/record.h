/* One cell of the matrix as everything else reads it: a line of records.jsonl, schema packlight.record/1.
 *
 *   struct record r;
 *   record_init(&r);                                      // every field null
 *   TRY_OUT(record_set(&r.cell, "lenet5/ptq-s8/simd/t1/b1"));
 *   r.latency_ns_median = 31000.0;
 *   TRY_OUT(record_layers_alloc(&r, engine_steps(engine))); // r.kernels[0 .. r.kernels_n - 1], every field null
 *   TRY_OUT(record_write(&r, &line, &len));               // one line with its newline; file_append_sync it
 *   record_free(&r);
 *
 * The fields, their units and meanings are in record.def. Numbers in a record are what was measured or counted;
 * nothing here computes. Strings are owned by the record. */
#ifndef REPORT_RECORD_H
#define REPORT_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/status.h"
#include "report/field.h"

#define RECORD_SCHEMA "packlight.record/1"

enum { RECORD_MAX_ITEMS = 4096, RECORD_MAX_LINE = 4 << 20, RECORDS_MAX = 20000 };

struct record_layer {
#define LAYER_FIELD(kind, key, unit, title, decimals, golden) RECORD_MEMBER_##kind(key)
#include "report/record.def"
};
struct record_ledger {
#define LEDGER_FIELD(kind, key, unit, title, decimals, golden) RECORD_MEMBER_##kind(key)
#include "report/record.def"
};
struct record_tensor {
#define TENSOR_FIELD(kind, key, unit, title, decimals, golden) RECORD_MEMBER_##kind(key)
#include "report/record.def"
};
struct record_energy {
#define ENERGY_FIELD(kind, key, unit, title, decimals, golden) RECORD_MEMBER_##kind(key)
#include "report/record.def"
};

struct record_energy_model {
#define ENERGY_MODEL_FIELD(kind, key, unit, title, decimals, golden) RECORD_MEMBER_##kind(key)
#include "report/record.def"
};

struct record {
#define RECORD_FIELD(kind, key, unit, title, decimals, golden) RECORD_MEMBER_##kind(key)
#include "report/record.def"
    struct record_layer *kernels; /* owned, kernels_n; written as "kernels" */
    size_t kernels_n;
    struct record_ledger *ledger; /* owned; written as "accuracy_ledger" */
    size_t ledger_n;
    struct record_tensor *tensors; /* owned; written as "tensors" */
    size_t tensors_n;
    struct record_energy *energy; /* owned; written as "energy_breakdown" */
    size_t energy_n;
    struct record_energy_model *energy_models; /* owned; written as "energy_models" */
    size_t energy_models_n;
};

/* Every field null, no arrays. */
void record_init(struct record *record);
/* Frees what the record owns and makes it null again. Accepts NULL. */
void record_free(struct record *record);

/* Replaces an owned text (a member of the record or of its arrays) by a copy; NULL text makes it null. ST_NOMEM. */
enum status record_set(char **member, const char *text);
/* The same with printf words. */
enum status record_setf(char **member, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds a sentence to the record's notes, after "; " where there are some. ST_NOMEM. */
enum status record_add_note(struct record *record, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Array of n entries, every field null, replacing an older one. ST_BADARG above RECORD_MAX_ITEMS, ST_NOMEM. */
enum status record_layers_alloc(struct record *record, size_t n);
enum status record_ledger_alloc(struct record *record, size_t n);
enum status record_tensors_alloc(struct record *record, size_t n);
enum status record_energy_alloc(struct record *record, size_t n);
enum status record_energy_models_alloc(struct record *record, size_t n);

/* "model/config/kernel/t<threads>/b<batch>" from the record's own members into `cell`. ST_BADARG if one is null. */
enum status record_set_cell(struct record *record);

/* One line of JSON with its newline: all keys, in the order of record.def, then the arrays; null where null;
 * numbers with the fewest digits that read back as the same value (not finite: null). Same record, same bytes.
 * *out_line is owned (free). ST_BADARG when cell, model, config, kernel or status is null, ST_NOMEM. */
enum status record_write(const struct record *record, char **out_line, size_t *out_len);

/* Reads one line. Strict: schema, cell, model, config, kernel and status must be there, a known key must have its
 * type, no key twice, counts are whole and within 2^53, intervals have two members. Other known keys may be missing
 * (null). Unknown keys are ignored and not kept: a newer writer's line can be read, and nothing rewrites
 * records.jsonl from what was read. `where` ("runs/a/records.jsonl:7") stands before messages. ST_FORMAT, ST_NOMEM.
 * On success *out is to be freed with record_free. */
enum status record_parse(const char *where, const char *line, size_t len, struct record *out);

/* The fields of struct record and of its arrays; *out_n of them, static. */
const struct record_field *record_fields(size_t *out_n);
const struct record_field *record_layer_fields(size_t *out_n);
const struct record_field *record_ledger_fields(size_t *out_n);
const struct record_field *record_tensor_fields(size_t *out_n);
const struct record_field *record_energy_fields(size_t *out_n);
const struct record_field *record_energy_model_fields(size_t *out_n);
/* The named field of struct record, or NULL. */
const struct record_field *record_field_find(const char *key);

/* Value of a field as text without unit, as it stands in records.jsonl ("null" for null; a PAIR as "lo..hi";
 * texts raw) into buffer; for golden files and listings. Returns buffer. */
const char *record_value_text(const struct record *record, const struct record_field *field, char *buffer, size_t size);

/* The records of a run directory with its env.json. */
struct records {
    char *dir;          /* owned; as given */
    struct record *all; /* owned, n; in the order in which their cells first appear in the file */
    size_t n;
    struct json env; /* env.json; env.root NULL when the file is not there */
    size_t replaced; /* earlier lines of cells that have a later one */
    size_t torn;     /* lines cut off by a kill while writing (not JSON, but begun like a record), left out */
};

/* Reads DIR/records.jsonl and DIR/env.json. A later line of a cell replaces an earlier one. A line that a kill cut
 * off is left out and counted (the next append closes it with a newline, so it need not be the last); any other
 * damage is ST_FORMAT naming file:line. ST_IO when DIR or records.jsonl cannot be read, ST_FORMAT when it holds no
 * record. */
enum status records_load(const char *dir, struct records *out);
void records_free(struct records *records);
/* 1 if a line (without its newline) is what a kill leaves: begun as every record is, and not JSON. */
int records_line_is_torn(const char *line, size_t len);
/* The record with this cell id, or NULL. Borrowed. */
const struct record *records_find(const struct records *records, const char *cell);
/* Value at a dotted path of env.json ("cpu.brand"): texts as they are, numbers and true/false printed, lists of these
 * joined; `otherwise` when it is missing or something else. Returns buffer. */
const char *records_env(const struct records *records, const char *path, const char *otherwise, char *buffer,
                        size_t size);

#endif
