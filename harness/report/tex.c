#include "report/tex.h"

#include <stdio.h>
#include <string.h>

enum { LINE = 9, NAME = 17 }; /* characters of a title's line, of a line of a name */

/* What text mode needs for a character; every package used is in the head of report.tex. */
static const struct {
    const char *from, *to;
} commands[] = {{"\\", "\\textbackslash{}"},
                {"{", "\\{"},
                {"}", "\\}"},
                {"$", "\\$"},
                {"&", "\\&"},
                {"#", "\\#"},
                {"%", "\\%"},
                {"_", "\\_"},
                {"^", "\\textasciicircum{}"},
                {"~", "\\textasciitilde{}"},
                {"<", "\\ensuremath{<}"},
                {">", "\\ensuremath{>}"},
                {"|", "\\ensuremath{|}"},
                {"\"", "''"},
                {"'", "\\textquotesingle{}"},
                {"`", "\\textasciigrave{}"},
                {"-", "-{}"}, /* no ligatures: -- would become a dash */
                {"–", "--"},
                {"—", "---"},
                {"−", "\\ensuremath{-}"},
                {"×", "\\ensuremath{\\times}"},
                {"·", "\\ensuremath{\\cdot}"},
                {"±", "\\ensuremath{\\pm}"},
                {"°", "\\ensuremath{^\\circ}"},
                {"µ", "\\ensuremath{\\mu}"},
                {"Δ", "\\ensuremath{\\Delta}"},
                {"≥", "\\ensuremath{\\geq}"},
                {"≤", "\\ensuremath{\\leq}"},
                {"→", "\\ensuremath{\\rightarrow}"},
                {"…", "\\ldots{}"},
                {"’", "'"},
                {"“", "``"},
                {"”", "''"},
                {"\xc2\xa0", "~"}};

static unsigned code_point(const char *s, size_t len)
{
    static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned code = (unsigned char)s[0] & first[len];

    for (size_t i = 1; i < len; i++)
        code = code << 6 | ((unsigned char)s[i] & 0x3f);
    return code;
}

/* Letters that pdflatex has in its standard encoding: À–ÿ without eth and thorn (× and ÷ are not letters). */
static int is_latin(unsigned code)
{
    return code >= 0xc0 && code <= 0xff && code != 0xd0 && code != 0xd7 && code != 0xde && code != 0xf0 &&
           code != 0xf7 && code != 0xfe;
}

void text_add_tex(struct text *out, const char *string)
{
    while (string && *string) {
        size_t len = text_utf8_len(string), at = 0;
        unsigned code = len > 0 ? code_point(string, len) : 0;
        while (at < sizeof commands / sizeof *commands &&
               !(len == strlen(commands[at].from) && memcmp(string, commands[at].from, len) == 0))
            at++;
        if (at < sizeof commands / sizeof *commands)
            text_add(out, commands[at].to);
        else if (len == 0 || code < 0x20 || code == 0x7f || (code >= 0x80 && code < 0xa0))
            text_add(out, "?");
        else if (len == 1 || is_latin(code))
            text_add_bytes(out, string, len);
        else
            text_addf(out, "[U+%04X]", code);
        string += len > 0 ? len : 1;
    }
}

void text_add_tex_label(struct text *out, const char *string)
{
    for (; string && *string; string++) {
        char c = *string;
        int plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        text_add_bytes(out, plain ? &c : "-", 1);
    }
}

/* Digits before and after the point of a plain number ("-0.08", "+1.5", "13", "9.5*"); 0 when it is not one. */
static int split_number(const char *text, int *out_sign, int *out_before, int *out_after)
{
    size_t before, after = 0;

    *out_sign = *text == '-' || *text == '+';
    text += *out_sign;
    before = strspn(text, "0123456789");
    text += before;
    if (*text == '.') {
        after = strspn(++text, "0123456789");
        text += after;
    }
    text += *text == '*';
    *out_before = (int)before;
    *out_after = (int)after;
    return before > 0 && before < 20 && after < 20 && *text == 0;
}

/* "S[table-format=-4.2]" when a column has plain numbers, else l or r. 1 for S. */
static int add_column(const struct grid *grid, int column, struct text *out)
{
    int sign = 0, before = 1, after = 0, numbers = 0;

    for (size_t r = 0; r < grid->rows; r++) {
        int s, b, a;
        if (!split_number(grid_at(grid, r, column), &s, &b, &a))
            continue;
        numbers++;
        sign |= s;
        before = b > before ? b : before;
        after = a > after ? a : after;
    }
    if (numbers == 0 || grid->column[column].align == GRID_LEFT) {
        text_add(out, grid->column[column].align == GRID_LEFT ? "l" : "r");
        return 0;
    }
    text_addf(out, " S[%stable-format=%s%d.%d]", sign ? "retain-explicit-plus," : "", sign ? "+" : "", before, after);
    return 1;
}

/* Bytes of the words that share a title's next line: narrow columns are made of many lines. */
static size_t line_length(const char *title)
{
    size_t len = strcspn(title, " ");

    while (title[len] == ' ') {
        size_t more = len + 1 + strcspn(title + len + 1, " ");
        if (more > LINE)
            break;
        len = more;
    }
    return len;
}

static void add_titles(const struct grid *grid, const int *column, int n, struct text *out)
{
    for (int i = 0; i < n; i++) {
        const struct grid_column *c = &grid->column[column[i]];
        text_add(out, i ? " & {" : "{");
        text_addf(out, "\\begin{tabular}[b]{@{}%c@{}}", c->align == GRID_LEFT ? 'l' : 'r');
        for (const char *line = c->title; *line;) {
            size_t len = line_length(line);
            char part[128];
            snprintf(part, sizeof part, "%.*s", (int)(len < 120 ? len : 120), line);
            text_add_tex(out, part);
            line += len + (line[len] == ' ');
            if (*line || *c->unit)
                text_add(out, "\\\\{}"); /* a line may begin with a bracket */
        }
        text_add_tex(out, c->unit);
        text_add(out, "\\end{tabular}}");
    }
    text_add(out, " \\\\\n");
}

/* A recipe of many steps in lines that end in '+', so that its column stays narrow. */
static void add_name(const char *text, struct text *out)
{
    size_t len = strlen(text), used = 0;

    if (len <= NAME || !strchr(text, '+')) {
        text_add_tex(out, text);
        return;
    }
    text_add(out, "\\begin{tabular}[t]{@{}l@{}}");
    while (*text) {
        size_t step = strcspn(text, "+");
        char part[128];
        step += text[step] == '+';
        if (used > 0 && used + step > NAME) {
            text_add(out, "\\\\{}");
            used = 0;
        }
        snprintf(part, sizeof part, "%.*s", (int)(step < 120 ? step : 120), text);
        text_add_tex(out, part);
        used += step;
        text += step;
    }
    text_add(out, "\\end{tabular}");
}

void tex_tabular(const struct grid *grid, const int *column, int n, struct text *out)
{
    int number[GRID_COLUMNS] = {0};

    text_add(out, "\\begin{tabular}{@{}");
    for (int i = 0; i < n; i++)
        number[i] = add_column(grid, column[i], out);
    text_add(out, "@{}}\n\\toprule\n");
    add_titles(grid, column, n, out);
    text_add(out, "\\midrule\n");
    for (size_t r = 0; r < grid->rows; r++) {
        for (int i = 0; i < n; i++) {
            const char *text = grid_at(grid, r, column[i]);
            int s, b, a;
            text_add(out, i ? " & " : "");
            if (number[i] && split_number(text, &s, &b, &a)) {
                text_add_bytes(out, text, strcspn(text, "*"));
                text_add(out, strchr(text, '*') ? "{*}" : "");
                continue;
            }
            text_add(out, "{");
            if (i == 0)
                add_name(text, out);
            else
                text_add_tex(out, text);
            text_add(out, "}");
        }
        text_add(out, " \\\\\n");
    }
    text_add(out, "\\bottomrule\n\\end{tabular}\n");
    out->failed |= grid->failed;
}
