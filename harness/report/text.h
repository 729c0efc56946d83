/* A growing text and the spelling of values in JSON, CSV and Markdown. A failed allocation is remembered: later
 * additions do nothing and text_take tells.
 *
 *   struct text t = {0};
 *   text_addf(&t, "%d items: ", 3);
 *   text_add_json(&t, name);
 *   TRY(text_take(&t, &bytes, &len));     // or text_free(&t) */
#ifndef REPORT_TEXT_H
#define REPORT_TEXT_H

#include <stddef.h>

#include "base/status.h"

struct text {
    char *bytes; /* owned; NUL-terminated, NULL while empty */
    size_t len, room;
    int failed;
};

void text_add(struct text *text, const char *bytes);
void text_add_bytes(struct text *text, const char *bytes, size_t len);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* JSON string with its quotes, always valid UTF-8 (bad bytes become U+FFFD); NULL gives null. */
void text_add_json(struct text *text, const char *string);
/* JSON number with the fewest digits that read back as the same double; null when not finite. */
void text_add_number(struct text *text, double value);
/* One CSV field (RFC 4180: quoted where needed, quotes doubled); NULL gives nothing. Control characters become
 * spaces, and a field that a spreadsheet would take for a formula gets an apostrophe in front. */
void text_add_csv(struct text *text, const char *string);
/* Text for a Markdown table cell: pipes, backticks, brackets, asterisks, angle brackets and the like are escaped,
 * control characters become spaces. NULL gives nothing. */
void text_add_md(struct text *text, const char *string);
/* Text for a terminal: control characters and bad UTF-8 become '?'. */
void text_add_plain(struct text *text, const char *string);

/* Hands the bytes over (owned, NUL-terminated); the text is empty again. ST_NOMEM if any addition failed. */
enum status text_take(struct text *text, char **out_bytes, size_t *out_len);
void text_free(struct text *text);

/* Bytes of the valid UTF-8 sequence that starts at s, 0 when there is none. */
size_t text_utf8_len(const char *s);
/* Terminal columns of a UTF-8 text: one per character, none for combining marks. */
int text_columns(const char *s);
/* Shortest digits for a finite double into a buffer of at least 32 bytes. Returns buffer. */
const char *text_number(double value, char *buffer);

#endif
