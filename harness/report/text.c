#include "report/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

static int reserve(struct text *text, size_t more)
{
    size_t need, room;
    char *bytes;

    if (text->failed)
        return 0;
    if (more > SIZE_MAX / 4 || text->len > SIZE_MAX / 4) {
        text->failed = 1;
        return 0;
    }
    need = text->len + more + 1;
    if (need <= text->room)
        return 1;
    room = text->room ? text->room : 256;
    while (room < need)
        room *= 2;
    bytes = realloc(text->bytes, room);
    if (!bytes) {
        text->failed = 1;
        return 0;
    }
    text->bytes = bytes;
    text->room = room;
    return 1;
}

void text_add_bytes(struct text *text, const char *bytes, size_t len)
{
    if (!reserve(text, len))
        return;
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
    text->bytes[text->len] = 0;
}

void text_add(struct text *text, const char *bytes)
{
    text_add_bytes(text, bytes, strlen(bytes));
}

void text_addf(struct text *text, const char *format, ...)
{
    int len;
    va_list args;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0) {
        text->failed = 1;
        return;
    }
    if (!reserve(text, (size_t)len))
        return;
    va_start(args, format);
    vsnprintf(text->bytes + text->len, (size_t)len + 1, format, args);
    va_end(args);
    text->len += (size_t)len;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t text_utf8_len(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    unsigned char low = 0x80, high = 0xbf;
    size_t len;

    if (u[0] < 0x80)
        return u[0] ? 1 : 0;
    if (u[0] >= 0xc2 && u[0] <= 0xdf)
        len = 2;
    else if (u[0] >= 0xe0 && u[0] <= 0xef)
        len = 3;
    else if (u[0] >= 0xf0 && u[0] <= 0xf4)
        len = 4;
    else
        return 0;
    if (u[0] == 0xe0)
        low = 0xa0;
    else if (u[0] == 0xed)
        high = 0x9f;
    else if (u[0] == 0xf0)
        low = 0x90;
    else if (u[0] == 0xf4)
        high = 0x8f;
    if (u[1] < low || u[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (u[i] < 0x80 || u[i] > 0xbf)
            return 0;
    return len;
}

int text_columns(const char *s)
{
    int columns = 0;

    while (*s) {
        size_t len = text_utf8_len(s);
        int combining =
            len == 2 && ((unsigned char)s[0] == 0xcc || ((unsigned char)s[0] == 0xcd && (unsigned char)s[1] < 0xb0));
        columns += !combining;
        s += len ? len : 1;
    }
    return columns;
}

void text_add_json(struct text *text, const char *string)
{
    if (!string) {
        text_add(text, "null");
        return;
    }
    text_add(text, "\"");
    while (*string) {
        unsigned char c = (unsigned char)*string;
        size_t len = text_utf8_len(string);
        if (c == '"' || c == '\\')
            text_addf(text, "\\%c", c);
        else if (c == '\n')
            text_add(text, "\\n");
        else if (c == '\t')
            text_add(text, "\\t");
        else if (c < 0x20 || c == 0x7f)
            text_addf(text, "\\u%04x", c);
        else if (len == 0)
            text_add(text, "\\ufffd");
        else
            text_add_bytes(text, string, len);
        string += len ? len : 1;
    }
    text_add(text, "\"");
}

const char *text_number(double value, char *buffer)
{
    return number_text(value, buffer);
}

void text_add_number(struct text *text, double value)
{
    char buffer[32];

    text_add(text, isfinite(value) ? text_number(value, buffer) : "null");
}

static int is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* A sign before digits is a number, before anything else a formula (CWE-1236). */
static int is_formula(const char *s)
{
    char *end;

    if (*s == '=' || *s == '@' || *s == '\t' || *s == '\r')
        return 1;
    if (*s != '+' && *s != '-')
        return 0;
    (void)strtod(s, &end);
    return *end != 0;
}

void text_add_csv(struct text *text, const char *string)
{
    int formula, quote;

    if (!string)
        return;
    formula = is_formula(string);
    quote = strpbrk(string, ",\"\r\n") != NULL;
    if (quote)
        text_add(text, "\"");
    if (formula)
        text_add(text, "'");
    for (; *string; string++) {
        char c = is_control((unsigned char)*string) ? ' ' : *string;
        if (c == '"')
            text_add(text, "\"\"");
        else
            text_add_bytes(text, &c, 1);
    }
    if (quote)
        text_add(text, "\"");
}

void text_add_md(struct text *text, const char *string)
{
    for (; string && *string; string++) {
        char c = is_control((unsigned char)*string) ? ' ' : *string;
        if (c == '<')
            text_add(text, "&lt;");
        else if (c == '>')
            text_add(text, "&gt;");
        else if (c == '&')
            text_add(text, "&amp;");
        else if (c == '@')
            text_add(text, "&#64;"); /* no mention of somebody on a forge */
        else if (strchr("|`*_[]\\~#!", c))
            text_addf(text, "\\%c", c);
        else
            text_add_bytes(text, &c, 1);
    }
}

void text_add_plain(struct text *text, const char *string)
{
    while (string && *string) {
        size_t len = text_utf8_len(string);
        /* C1 controls (U+0080..U+009F) can drive a terminal too. */
        int c1 = len == 2 && (unsigned char)string[0] == 0xc2 && (unsigned char)string[1] < 0xa0;
        if (len == 0 || c1 || is_control((unsigned char)*string))
            text_add(text, "?");
        else
            text_add_bytes(text, string, len);
        string += len ? len : 1;
    }
}

enum status text_take(struct text *text, char **out_bytes, size_t *out_len)
{
    text_add(text, "");
    if (text->failed) {
        text_free(text);
        return status_fail(ST_NOMEM, "no memory for a text");
    }
    *out_bytes = text->bytes;
    *out_len = text->len;
    memset(text, 0, sizeof *text);
    return ST_OK;
}

void text_free(struct text *text)
{
    free(text->bytes);
    memset(text, 0, sizeof *text);
}
