#include "report/html.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

/* The files of scripts/report, turned into arrays of lines by the Makefile. */
static const char *const style[] = {
#include "report/report.css.inc"
    NULL};
static const char *const script[] = {
#include "report/report.js.inc"
    NULL};

void text_add_html(struct text *out, const char *string)
{
    while (string && *string) {
        unsigned char c = (unsigned char)*string;
        size_t len = text_utf8_len(string);
        int c1 = len == 2 && c == 0xc2 && (unsigned char)string[1] < 0xa0;
        if (c == '&')
            text_add(out, "&amp;");
        else if (c == '<')
            text_add(out, "&lt;");
        else if (c == '>')
            text_add(out, "&gt;");
        else if (c == '"')
            text_add(out, "&quot;");
        else if (c == '\'')
            text_add(out, "&#39;");
        else if (c == ' ' && string[1] == '%')
            text_add(out, "\xc2\xa0"); /* a number keeps its per cent sign */
        else if (c == '\n' || c == '\t')
            text_add(out, " ");
        else if (c < 0x20 || c == 0x7f || len == 0 || c1)
            text_add(out, "\xef\xbf\xbd");
        else
            text_add_bytes(out, string, len);
        string += len ? len : 1;
    }
}

void text_add_base64(struct text *out, const void *bytes, size_t len)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = bytes;
    char block[4096];
    size_t used = 0;

    for (size_t i = 0; i < len; i += 3) {
        unsigned word = (unsigned)at[i] << 16 | (i + 1 < len ? (unsigned)at[i + 1] << 8 : 0) |
                        (i + 2 < len ? (unsigned)at[i + 2] : 0);
        block[used++] = digit[word >> 18];
        block[used++] = digit[word >> 12 & 63];
        block[used++] = i + 1 < len ? digit[word >> 6 & 63] : '=';
        block[used++] = i + 2 < len ? digit[word & 63] : '=';
        if (used == sizeof block) {
            text_add_bytes(out, block, used);
            used = 0;
        }
    }
    text_add_bytes(out, block, used);
}

/* ------------------------------------------------------------------------------------------ the page */

struct text *html_here(struct html *page)
{
    return page->in_section ? &page->body : &page->lead;
}

void html_begin(struct html *page, const char *title)
{
    memset(page, 0, sizeof *page);
    text_add_html(&page->title, title);
}

/* Lines as they are, and the 'sha256-…' word by which the page's policy knows them. */
static void add_part(const char *const *lines, struct text *out, struct text *policy)
{
    struct hash hash;
    char hex[HASH_HEX];
    unsigned char digest[HASH_HEX / 2];

    hash_begin(&hash);
    for (int i = 0; lines[i]; i++) {
        text_add(out, lines[i]);
        hash_add(&hash, lines[i], strlen(lines[i]));
    }
    hash_end(&hash, hex);
    for (size_t i = 0; i < sizeof digest; i++) {
        unsigned value = 0;
        (void)sscanf(hex + 2 * i, "%2x", &value);
        digest[i] = (unsigned char)value;
    }
    text_add(policy, "'sha256-");
    text_add_base64(policy, digest, sizeof digest);
    text_add(policy, "'");
}

static void add_text(struct text *out, const struct text *part)
{
    out->failed |= part->failed;
    if (part->len > 0)
        text_add_bytes(out, part->bytes, part->len);
}

void html_end(struct html *page, struct text *out)
{
    struct text css = {0}, css_hash = {0}, js = {0}, js_hash = {0};

    add_part(style, &css, &css_hash);
    add_part(script, &js, &js_hash);
    text_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
                  "base-uri 'none'; form-action 'none'; style-src ");
    add_text(out, &css_hash);
    text_add(out, "; script-src ");
    add_text(out, &js_hash);
    text_add(out, "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=\"generator\" content=\"packlight\">\n<title>");
    add_text(out, &page->title);
    text_add(out, "</title>\n<style>");
    add_text(out, &css);
    text_add(out, "</style>\n</head>\n<body>\n<header>\n<h1>");
    add_text(out, &page->title);
    text_add(out, "</h1>\n");
    add_text(out, &page->lead);
    text_add(out, "</header>\n<nav aria-label=\"contents\"><div>");
    add_text(out, &page->contents);
    text_add(out, "</div></nav>\n<main>\n");
    add_text(out, &page->body);
    text_add(out, page->in_section ? "</section>\n</main>\n" : "</main>\n");
    if (page->notes > 0) {
        text_add(out, "<footer><ol class=\"small\">\n");
        for (int i = 0; i < page->notes; i++) {
            text_addf(out, "<li id=\"note-%d\">", i + 1);
            text_add_html(out, page->note[i]);
            text_add(out, "</li>\n");
            free(page->note[i]);
        }
        text_add(out, "</ol></footer>\n");
    }
    text_add(out, "<script>");
    add_text(out, &js);
    text_add(out, "</script>\n</body>\n</html>\n");
    text_free(&css);
    text_free(&css_hash);
    text_free(&js);
    text_free(&js_hash);
    text_free(&page->title);
    text_free(&page->lead);
    text_free(&page->contents);
    text_free(&page->body);
    memset(page, 0, sizeof *page);
}

void html_section(struct html *page, const char *id, const char *heading)
{
    text_addf(&page->contents, "<a href=\"#%s\">", id);
    text_add_html(&page->contents, heading);
    text_add(&page->contents, "</a>\n");
    if (page->in_section)
        text_add(&page->body, "</section>\n");
    page->in_section = 1;
    text_addf(&page->body, "<section id=\"%s\">\n", id);
    html_heading(page, 2, heading);
}

/* ------------------------------------------------------------------------------------------ its pieces */

static void add_element(struct html *page, const char *open, const char *words, const char *close)
{
    text_add(html_here(page), open);
    text_add_html(html_here(page), words);
    text_add(html_here(page), close);
}

/* Formatted words, escaped, between tags. */
static void add_formatted(struct html *page, const char *open, const char *close, const char *format, va_list args)
{
    char *words = NULL;
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    words = len < 0 ? NULL : malloc((size_t)len + 1);
    if (!words) {
        html_here(page)->failed = 1;
        return;
    }
    vsnprintf(words, (size_t)len + 1, format, args);
    add_element(page, open, words, close);
    free(words);
}

void html_raw(struct html *page, const char *markup)
{
    text_add(html_here(page), markup);
}

void html_lead(struct html *page, enum html_tone tone, const char *badge, const char *sentence)
{
    static const char *const classes[] = {"", " good", " warn", " bad"};

    html_raw(page, "<p class=\"lead\">");
    if (badge) {
        text_addf(html_here(page), "<span class=\"badge%s\">", classes[tone]);
        add_element(page, "", badge, "</span>");
    }
    add_element(page, "<span>", sentence, "</span></p>\n");
}

void html_heading(struct html *page, int level, const char *heading)
{
    text_addf(html_here(page), "<h%d>", level);
    text_add_html(html_here(page), heading);
    text_addf(html_here(page), "</h%d>\n", level);
}

void html_paragraph(struct html *page, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_formatted(page, "<p>", "</p>\n", format, args);
    va_end(args);
}

void html_small(struct html *page, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_formatted(page, "<p class=\"small\">", "</p>\n", format, args);
    va_end(args);
}

void html_list(struct html *page)
{
    html_raw(page, "<ul>\n");
}

void html_item(struct html *page, const char *term, const char *words)
{
    html_raw(page, "<li>");
    if (term)
        add_element(page, "<b>", term, words ? "</b> " : "</b>");
    add_element(page, "", words, "</li>\n");
}

void html_list_end(struct html *page)
{
    html_raw(page, "</ul>\n");
}

void html_details(struct html *page, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_formatted(page, "<details><summary>", "</summary>\n", format, args);
    va_end(args);
}

void html_details_end(struct html *page)
{
    html_raw(page, "</details>\n");
}

void html_footnote(struct html *page, const char *words)
{
    int i = 0;

    while (i < page->notes && strcmp(page->note[i], words) != 0)
        i++;
    if (i == page->notes) {
        if (i == HTML_NOTES || mem_strdup(words, &page->note[i]) != ST_OK) {
            html_here(page)->failed = 1;
            return;
        }
        page->notes++;
    }
    text_addf(html_here(page), "<sup><a href=\"#note-%d\">%d</a></sup>", i + 1, i + 1);
}

int html_svg(struct html *page, const char *svg, size_t len, const char *name, const char *alt, const char *caption)
{
    static const char *const kinds[] = {"svg", "png", "gp"};
    struct text *out = html_here(page);
    size_t coded = (len + 2) / 3 * 4;
    int fits = svg && page->picture_bytes + coded <= HTML_PICTURE_BYTES;

    html_raw(page, "<figure>");
    if (fits) {
        page->picture_bytes += coded;
        text_add(out, "<img src=\"data:image/svg+xml;base64,");
        text_add_base64(out, svg, len);
        add_element(page, "\" alt=\"", alt, "\">");
    }
    add_element(page, "<figcaption>", caption, "");
    if (!fits)
        text_add(out, svg ? " (Not in this page, to keep it small.)" : " (No picture: it was not drawn.)");
    for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++) {
        add_element(page, " <a href=\"", name, "");
        text_addf(out, ".%s\">%s</a>", kinds[i], kinds[i]);
    }
    html_raw(page, "</figcaption></figure>\n");
    return fits;
}
