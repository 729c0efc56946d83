/* Pages of HTML: one file that needs nothing else, no network, no fonts, and reads complete without JavaScript. Style
 * and script are scripts/report/report.css and report.js, compiled in. The page collects its sections; html_end writes
 * them with a table of contents.
 *
 *   struct html page = {0};
 *   html_begin(&page, "run 2026-11-20");
 *   html_lead(&page, HTML_GOOD, "trusted", "48 cells, all right");   // above the first section, with a badge
 *   html_section(&page, "matrix", "Full matrix");                     // closes the one before
 *   html_grid(&page, &grid, HTML_WIDE);                               // sortable and filterable
 *   html_details(&page, "Layers of %s", name); ...; html_details_end(&page);
 *   html_svg(&page, svg, len, "what it shows", "caption");
 *   html_end(&page, out);                                             // appends the page to a text and frees it
 *
 * Every text given here is data and is escaped; only html_raw adds markup as it is. A Content-Security-Policy in the
 * page lets run its own script alone, so that a text that slipped through could not run either. Same calls, same bytes.
 */
#ifndef REPORT_HTML_H
#define REPORT_HTML_H

#include <stddef.h>

#include "report/grid.h"
#include "report/text.h"

/* Pictures in one page, as base64; what comes after is left out (html_svg says so). Keeps pages below 3 MB. */
enum { HTML_PICTURE_BYTES = 2000000 };

enum html_tone { HTML_PLAIN, HTML_GOOD, HTML_WARN, HTML_BAD };

enum { HTML_NOTES = 16 };

struct html {
    struct text title, lead, contents, body; /* owned; parts of the page */
    char *note[HTML_NOTES];                  /* owned, notes */
    int notes, in_section;
    size_t picture_bytes;
};

/* Text between tags or in a quoted attribute. Markup characters and quotes become entities, control characters and bad
 * UTF-8 U+FFFD. NULL adds nothing. */
void text_add_html(struct text *out, const char *string);
/* RFC 4648, with padding. */
void text_add_base64(struct text *out, const void *bytes, size_t len);

void html_begin(struct html *page, const char *title);
/* Adds the end and appends the whole page to *out; the page is empty afterwards. A failed allocation marks *out. */
void html_end(struct html *page, struct text *out);

/* A badge and a sentence above the first section; badge NULL: the sentence alone. */
void html_lead(struct html *page, enum html_tone tone, const char *badge, const char *sentence);

/* id: letters, digits and '-', unique in the page. */
void html_section(struct html *page, const char *id, const char *heading);
void html_heading(struct html *page, int level, const char *heading);
/* Where the next things go: the section, or, before the first, the top of the page. Borrowed. */
struct text *html_here(struct html *page);

void html_paragraph(struct html *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same in small print. */
void html_small(struct html *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Lists: begin, items of a bold term and words (either may be NULL), end. */
void html_list(struct html *page);
void html_item(struct html *page, const char *term, const char *words);
void html_list_end(struct html *page);
/* A folded part. May be nested. */
void html_details(struct html *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void html_details_end(struct html *page);
/* The mark of a footnote; the notes come at the end of the page, each once (at most HTML_NOTES). */
void html_footnote(struct html *page, const char *words);
/* Markup as it is. */
void html_raw(struct html *page, const char *markup);

enum {
    HTML_WIDE = 1,     /* scrolls in a box of limited height, with its heading and first column in sight */
    HTML_FACTS = 2,    /* two columns of words: no sorting, no filter */
    HTML_NO_TITLE = 4, /* the title is said elsewhere */
};
/* The grid as a table with its notes. Numbers are right-aligned and sort by their value, units and all. A table of
 * facts or without rows gets no tools. */
void html_grid(struct html *page, const struct grid *grid, int flags);
/* The same with attributes for report.js: of the table (" data-limit=\"1\"") and of each row; raw, may be NULL. */
void html_grid_marked(struct html *page, const struct grid *grid, int flags, const char *table_mark,
                      char *const *row_marks);
/* What a column of this text sorts by: the first number in it, in base units ("1.5 ms" → 0.0015, "1.02–1.08" → 1.02,
 * "<0.001" just below). 1 and *out if the text is made of numbers and units. */
int html_sort_value(const char *text, double *out);

/* A picture, on white paper in either theme. svg NULL: the caption with a note that there is no picture. name: file
 * beside the page without extension ("plots/pareto"), linked, NULL for none. Returns 1 if the picture is in the page.
 */
int html_svg(struct html *page, const char *svg, size_t len, const char *name, const char *alt, const char *caption);

#endif
