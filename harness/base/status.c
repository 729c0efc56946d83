#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char message[1024];

enum status status_fail(enum status code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return code;
}

enum status status_prefix(enum status code, const char *format, ...)
{
    char old[sizeof message];
    char prefix[256];
    va_list args;

    memcpy(old, message, sizeof old);
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    snprintf(message, sizeof message, "%s: %.*s", prefix, (int)(sizeof message - sizeof prefix - 3), old);
    return code;
}

const char *status_message(void)
{
    return message;
}

const char *status_name(enum status code)
{
    static const char *const names[] = {
        "ok",           "skip",        "bad argument", "out of memory", "input/output error",
        "wrong format", "unsupported", "mismatch",     "interrupted"};
    return (size_t)code < sizeof names / sizeof names[0] ? names[code] : "unknown";
}
