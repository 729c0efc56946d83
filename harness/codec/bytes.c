#include "codec/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reserve(struct bytes *out, size_t more)
{
    size_t cap = out->cap > 0 ? out->cap : 256;
    unsigned char *larger;

    if (out->failed)
        return 0;
    if (more <= out->cap - out->len)
        return 1;
    while (cap - out->len < more && cap < SIZE_MAX / 2)
        cap *= 2;
    larger = cap - out->len < more ? NULL : realloc(out->data, cap);
    if (!larger) {
        out->failed = 1;
        return 0;
    }
    out->data = larger;
    out->cap = cap;
    return 1;
}

void bytes_put(struct bytes *out, const void *data, size_t len)
{
    if (len == 0 || !reserve(out, len))
        return;
    memcpy(out->data + out->len, data, len);
    out->len += len;
}

void bytes_u8(struct bytes *out, unsigned value)
{
    if (!reserve(out, 1))
        return;
    out->data[out->len++] = (unsigned char)value;
}

void bytes_u32(struct bytes *out, uint32_t value)
{
    if (!reserve(out, 4))
        return;
    for (int i = 0; i < 4; i++)
        out->data[out->len++] = (unsigned char)(value >> (8 * i));
}

void bytes_f32(struct bytes *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bytes_u32(out, bits);
}

void bytes_varint(struct bytes *out, uint64_t value)
{
    while (value >= 128) {
        bytes_u8(out, (unsigned)(value & 127) | 128);
        value >>= 7;
    }
    bytes_u8(out, (unsigned)value);
}

void bytes_text(struct bytes *out, const char *text)
{
    size_t len = strlen(text);
    bytes_varint(out, len);
    bytes_put(out, text, len);
}

enum status bytes_check(const struct bytes *out)
{
    return out->failed ? status_fail(ST_NOMEM, "no memory for more than %zu bytes of output", out->len) : ST_OK;
}

void bytes_free(struct bytes *out)
{
    free(out->data);
    memset(out, 0, sizeof *out);
}

size_t bytes_varint_len(uint64_t value)
{
    size_t len = 1;
    for (; value >= 128; value >>= 7)
        len++;
    return len;
}

enum status cursor_fail(const struct cursor *in, const char *format, ...)
{
    char message[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return status_fail(ST_FORMAT, "%s: byte %zu: %s", in->file, in->at, message);
}

enum status cursor_take(struct cursor *in, const char *what, size_t len, const unsigned char **out)
{
    if (len > in->end - in->at)
        return cursor_fail(in, "%s needs %zu bytes, %zu are left", what, len, in->end - in->at);
    *out = in->data + in->at;
    in->at += len;
    return ST_OK;
}

enum status cursor_u8(struct cursor *in, const char *what, unsigned *out)
{
    const unsigned char *at = NULL;
    TRY(cursor_take(in, what, 1, &at));
    *out = *at;
    return ST_OK;
}

enum status cursor_u32(struct cursor *in, const char *what, uint32_t *out)
{
    const unsigned char *at = NULL;
    TRY(cursor_take(in, what, 4, &at));
    *out = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    return ST_OK;
}

enum status cursor_f32(struct cursor *in, const char *what, float *out)
{
    uint32_t bits;
    TRY(cursor_u32(in, what, &bits));
    memcpy(out, &bits, sizeof bits);
    return ST_OK;
}

enum status cursor_varint(struct cursor *in, const char *what, uint64_t lo, uint64_t hi, uint64_t *out)
{
    struct cursor next = *in;
    uint64_t value = 0;
    unsigned byte = 128;

    for (int shift = 0; byte & 128; shift += 7) {
        TRY(cursor_u8(&next, what, &byte));
        if (shift > 56 || (shift > 0 && byte == 0))
            return cursor_fail(in, "%s: not a number in its shortest form", what);
        value |= (uint64_t)(byte & 127) << shift;
    }
    if (value < lo || value > hi)
        return cursor_fail(in, "%s is %llu, expected %llu to %llu", what, (unsigned long long)value,
                           (unsigned long long)lo, (unsigned long long)hi);
    *in = next;
    *out = value;
    return ST_OK;
}

/* Length of the well-formed UTF-8 sequence at text (RFC 3629), 0 if there is none. */
static size_t sequence_len(const unsigned char *text, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t need = text[0] < 0x80 ? 1 : text[0] >> 5 == 6 ? 2 : text[0] >> 4 == 14 ? 3 : text[0] >> 3 == 30 ? 4 : 0;
    uint32_t code;

    if (need <= 1 || need > len)
        return need <= len ? need : 0;
    code = text[0] & (0x7fu >> need);
    for (size_t i = 1; i < need; i++) {
        if (text[i] >> 6 != 2)
            return 0;
        code = code << 6 | (text[i] & 63);
    }
    return code < least[need] || code > 0x10ffff || code >> 11 == 27 || code < 0xa0 ? 0 : need;
}

int bytes_text_valid(const char *text, size_t len)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t used;

    if (len == 0)
        return 0;
    for (; len > 0; at += used, len -= used) {
        used = sequence_len(at, len);
        if (used == 0 || *at <= ' ' || *at == 127)
            return 0;
    }
    return 1;
}

enum status cursor_text(struct cursor *in, const char *what, size_t size, char *out)
{
    const unsigned char *text = NULL;
    uint64_t len;

    TRY(cursor_varint(in, what, 1, size - 1, &len));
    TRY(cursor_take(in, what, (size_t)len, &text));
    if (!bytes_text_valid((const char *)text, (size_t)len)) {
        in->at -= (size_t)len;
        return cursor_fail(in, "%s: expected printable characters without blanks", what);
    }
    memcpy(out, text, (size_t)len);
    out[len] = 0;
    return ST_OK;
}
