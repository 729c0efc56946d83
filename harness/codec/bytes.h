/* Growing byte buffers for writing, bounded cursors for reading. Little-endian, on any host.
 *
 * A buffer remembers that memory ran out, so that writers check once, at the end:
 *
 *   struct bytes out = {0};
 *   bytes_u8(&out, 7); bytes_varint(&out, 300);
 *   TRY_OUT(bytes_check(&out));
 *
 * A cursor never passes its end; every failure names the file, the byte and what was expected there. */
#ifndef CODEC_BYTES_H
#define CODEC_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct bytes {
    unsigned char *data; /* owned */
    size_t len, cap;
    int failed; /* memory ran out; the content is incomplete */
};

void bytes_put(struct bytes *out, const void *data, size_t len);
void bytes_u8(struct bytes *out, unsigned value);
void bytes_u32(struct bytes *out, uint32_t value);
void bytes_f32(struct bytes *out, float value); /* its 32 bits as they are */
/* LEB128: seven bits per byte, lowest first, the high bit says that more follow. */
void bytes_varint(struct bytes *out, uint64_t value);
/* varint length, then the characters without a NUL. */
void bytes_text(struct bytes *out, const char *text);
/* ST_NOMEM if any of the writes above found no memory. */
enum status bytes_check(const struct bytes *out);
void bytes_free(struct bytes *out);
/* Bytes that bytes_varint writes for value: 1..10. */
size_t bytes_varint_len(uint64_t value);

struct cursor {
    const char *file;          /* for messages; borrowed */
    const unsigned char *data; /* borrowed */
    size_t at, end;
};

/* Each reads at `at` and moves on; ST_FORMAT naming `what` when the data end before it does. */
enum status cursor_take(struct cursor *in, const char *what, size_t len, const unsigned char **out);
enum status cursor_u8(struct cursor *in, const char *what, unsigned *out);
enum status cursor_u32(struct cursor *in, const char *what, uint32_t *out);
enum status cursor_f32(struct cursor *in, const char *what, float *out);
/* A number from lo to hi in its shortest form; anything else is ST_FORMAT. */
enum status cursor_varint(struct cursor *in, const char *what, uint64_t lo, uint64_t hi, uint64_t *out);
/* At most size - 1 characters, not empty, no control characters or blanks, well-formed UTF-8. */
enum status cursor_text(struct cursor *in, const char *what, size_t size, char *out);
/* ST_FORMAT "file: byte N: <message>". */
enum status cursor_fail(const struct cursor *in, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* 1 if text is what cursor_text accepts (of any length but 0). */
int bytes_text_valid(const char *text, size_t len);

#endif
