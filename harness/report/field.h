/* Structs that are described by a table of their members (record.def, comparison.def), so that setting up, writing
 * and reading them is written once. Only what the tables say; nothing of what a record means.
 *
 *   static const struct record_field fields[] = {
 *   #define RECORD_FIELD(kind, key, unit, title, decimals, golden) FIELD_FACTS(record, kind, key, ...)
 *   #include "report/record.def"
 *   };
 *   fields_init(&item, fields, n);                          // every member null
 *   fields_write(&text, &item, fields, n);                  // "a":1,"b":null
 *   TRY(fields_read(&doc, doc.root, "", fields, n, &item)); // strict
 *   fields_free(&item, fields, n); */
#ifndef REPORT_FIELD_H
#define REPORT_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/status.h"
#include "report/text.h"

#define RECORD_NONE INT64_MIN /* a COUNT that is null */

enum record_kind { RECORD_TEXT, RECORD_COUNT, RECORD_REAL, RECORD_PAIR };

/* C types of the kinds, for the members of such a struct. */
#define RECORD_MEMBER_TEXT(key) char *key;
#define RECORD_MEMBER_COUNT(key) int64_t key;
#define RECORD_MEMBER_REAL(key) double key;
#define RECORD_MEMBER_PAIR(key) double key[2];

/* A member with its facts, for code that walks all of them. */
struct record_field {
    enum record_kind kind;
    const char *key, *unit, *title;
    int decimals, golden;
    size_t offset; /* in the struct */
};

#define FIELD_FACTS(type, kind, key, unit, title, decimals, golden)                                                    \
    {RECORD_##kind, #key, unit, title, decimals, golden, offsetof(struct type, key)},

/* The named one of n fields, or NULL. */
const struct record_field *fields_find(const struct record_field *fields, size_t n, const char *key);

/* Every member null. What the item held before is not freed. */
void fields_init(void *item, const struct record_field *fields, size_t n);
/* Frees the texts; the item is then to be initialized or forgotten. */
void fields_free(void *item, const struct record_field *fields, size_t n);

/* "key":value,"key":value in the order of the table, without a comma in front; null where null; numbers with the
 * fewest digits that read back as the same value (not finite: null; an interval with one end: null). */
void fields_write(struct text *out, const void *item, const struct record_field *fields, size_t n);

/* Sets the members that `object` has. Strict: a known key must have its type, no key twice, counts are whole and
 * within 2^53, intervals have two members. Missing keys stay as they are, unknown ones are ignored. `path` is the
 * object's place in the document. ST_FORMAT, ST_NOMEM; on failure the item still is to be freed. */
enum status fields_read(const struct json *doc, const cJSON *object, const char *path,
                        const struct record_field *fields, size_t n, void *item);

/* Value as text without unit, as it stands in JSON ("null" for null; a PAIR as "lo..hi"; texts raw) into buffer.
 * Returns buffer. */
const char *field_value_text(const void *item, const struct record_field *field, char *buffer, size_t size);

/* Replaces an owned text by a copy; NULL makes it null. ST_NOMEM. */
enum status field_set_text(char **text_member, const char *text);

#endif
