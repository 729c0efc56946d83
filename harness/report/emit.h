/* The forms of a report, of a run and of a comparison: one line of the table per form, one function per kind of report
 * that renders it into a text.
 *
 *   const struct emitter *e = emit_find("md");
 *   e->emit(&report, &options, &text);            // then text_take, and write "report.<extension>" */
#ifndef REPORT_EMIT_H
#define REPORT_EMIT_H

#include "report/report.h"
#include "report/text.h"

struct plots;

struct emit_options {
    int width;                 /* terminal columns */
    int colour;                /* 1: escape codes */
    const struct plots *plots; /* pictures to point at; may be NULL */
};

struct comparison_view;

struct emitter {
    const char *name;      /* of --format */
    const char *extension; /* of the file; NULL: standard output only */
    /* Either is NULL when that kind has no such form. */
    void (*emit)(const struct report *report, const struct emit_options *options, struct text *out);
    void (*emit_comparison)(const struct comparison_view *view, const struct emit_options *options, struct text *out);
    int pictures; /* 1: the form carries the pictures themselves, so they are drawn and loaded before */
};

void emit_terminal(const struct report *report, const struct emit_options *options, struct text *out);
void emit_md(const struct report *report, const struct emit_options *options, struct text *out);
void emit_csv(const struct report *report, const struct emit_options *options, struct text *out);
void emit_golden(const struct report *report, const struct emit_options *options, struct text *out);
void emit_html(const struct report *report, const struct emit_options *options, struct text *out);
void emit_tex(const struct report *report, const struct emit_options *options, struct text *out);
void emit_jsonl(const struct report *report, const struct emit_options *options, struct text *out);
void emit_json(const struct report *report, const struct emit_options *options, struct text *out);

/* The i-th form, NULL past the last. Static. */
const struct emitter *emit_at(int i);
/* By name, NULL when unknown. */
const struct emitter *emit_find(const char *name);
/* "terminal, md, html, ...": the names of the forms of a kind of report, for messages. Returns buffer. */
const char *emit_names(int of_comparison, char *buffer, size_t size);

#endif
