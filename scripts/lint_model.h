/* What clang's analyzer cannot see, because it reads one file at a time and no variadic functions: that a failure is
 * never ST_OK, so that an out-parameter that was left unwritten is never read, and that cJSON's questions say no to
 * NULL. Included before every file by lint.sh. */
#ifndef SCRIPTS_LINT_MODEL_H
#define SCRIPTS_LINT_MODEL_H

#include "base/json.h"
#include "base/status.h"
#include "codec/bytes.h"

#define status_fail(code, ...) ((void)status_fail(code, __VA_ARGS__), (code))
#define status_prefix(code, ...) ((void)status_prefix(code, __VA_ARGS__), (code))
#define cursor_fail(...) ((void)cursor_fail(__VA_ARGS__), ST_FORMAT)
#define json_error(...) ((void)json_error(__VA_ARGS__), ST_FORMAT)

#define cJSON_IsArray(item) ((item) && cJSON_IsArray(item))
#define cJSON_IsBool(item) ((item) && cJSON_IsBool(item))
#define cJSON_IsNumber(item) ((item) && cJSON_IsNumber(item))
#define cJSON_IsObject(item) ((item) && cJSON_IsObject(item))
#define cJSON_IsString(item) ((item) && cJSON_IsString(item))

#endif
