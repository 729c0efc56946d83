/* One line on stderr that says what is being done right now, drawn over itself. Only on a terminal that can do that,
 * and never with --quiet: elsewhere all of this does nothing. Other lines go out after live_clear.
 *
 *   live_begin(&live);
 *   live_head(&live, "[%d/%d] ", 3, 24);
 *   live_show(&live, "%s: accuracy", id);       // "[3/24] tiny/fp32/ref/t1/b1: accuracy", cut to the width
 *   live_clear(&live);
 *   fprintf(stderr, "...\n");
 */
#ifndef BASE_LIVE_H
#define BASE_LIVE_H

struct live {
    int active, drawn;
    char head[64];
};

void live_begin(struct live *live);
/* What stands before every later line. */
void live_head(struct live *live, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* live may be NULL, here and below. */
void live_show(struct live *live, const char *format, ...) __attribute__((format(printf, 2, 3)));
void live_clear(struct live *live);
/* "before text" as a line of its own, yellow where colour is welcome and wrapped on a terminal; before: "warning:" or
 * "". */
void live_warning(struct live *live, const char *before, const char *text);
/* Columns that a line on stderr may take; 0 when stderr is no terminal: as many as it likes. */
int live_columns(const struct live *live);

#endif
