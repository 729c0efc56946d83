/* Reading JSON files strictly: every error names the file and the line (syntax) or the key path (content).
 *
 *   struct json doc;
 *   TRY(json_load("suites/quick.json", &doc));
 *   static const char *const keys[] = {"name", "epochs", NULL};
 *   TRY_OUT(json_keys(&doc, doc.root, "", keys));                    // unknown or repeated keys are errors
 *   TRY_OUT(json_int(&doc, doc.root, "", "epochs", 1, 1000, &epochs)); // required, range checked
 *   json_free(&doc);
 *
 * `path` is the place of `object` inside the document, such as "recipes[2].steps[0]" ("" for the root); it
 * only serves messages. Strings are borrowed from the document. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <cjson/cJSON.h>
#include <stddef.h>

#include "base/status.h"

struct json {
    char *file;  /* owned; for messages */
    cJSON *root; /* owned */
};

/* ST_IO, or ST_FORMAT naming file and line. Zeroes *doc first; free with json_free. */
enum status json_load(const char *file, struct json *doc);
/* The same from memory; `name` stands for the file in messages. */
enum status json_parse(const char *name, const char *text, size_t len, struct json *doc);
void json_free(struct json *doc);

/* ST_FORMAT unless `object` is an object whose keys are all in the NULL-terminated list, each at most once. */
enum status json_keys(const struct json *doc, const cJSON *object, const char *path, const char *const *allowed);

/* Required members with their range; ST_FORMAT names file, path.key and what was expected. */
enum status json_int(const struct json *doc, const cJSON *object, const char *path, const char *key, long lo, long hi,
                     long *out);
enum status json_real(const struct json *doc, const cJSON *object, const char *path, const char *key, double lo,
                      double hi, double *out);
enum status json_text(const struct json *doc, const cJSON *object, const char *path, const char *key, const char **out);
enum status json_bool(const struct json *doc, const cJSON *object, const char *path, const char *key, int *out);
enum status json_array(const struct json *doc, const cJSON *object, const char *path, const char *key,
                       const cJSON **out);
enum status json_object(const struct json *doc, const cJSON *object, const char *path, const char *key,
                        const cJSON **out);

/* Optional members: *out keeps its value when the key is absent; a present one is checked as above. */
enum status json_opt_int(const struct json *doc, const cJSON *object, const char *path, const char *key, long lo,
                         long hi, long *out);
enum status json_opt_real(const struct json *doc, const cJSON *object, const char *path, const char *key, double lo,
                          double hi, double *out);
enum status json_opt_text(const struct json *doc, const cJSON *object, const char *path, const char *key,
                          const char **out);
enum status json_opt_bool(const struct json *doc, const cJSON *object, const char *path, const char *key, int *out);

/* ST_FORMAT "file: path.key: <message>". */
enum status json_error(const struct json *doc, const char *path, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
