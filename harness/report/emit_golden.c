/* The deterministic columns, one line per cell: what results/golden keeps and git diff compares. Columns that depend on
 * the machine or on time are not in it. */
#include "report/emit.h"

#include <string.h>

/* As in records.jsonl; no field needs quotes but texts with commas or quotes in them. */
static void add_value(const struct record *record, const struct record_field *field, struct text *out)
{
    char value[1024];

    record_value_text(record, field, value, sizeof value);
    if (strcmp(value, "null") == 0)
        return;
    if (field->kind == RECORD_TEXT)
        text_add_csv(out, value);
    else
        text_add(out, value);
}

void emit_golden(const struct report *report, const struct emit_options *options, struct text *out)
{
    size_t n;
    const struct record_field *field = record_fields(&n);
    const char *comma = "";

    (void)options;
    for (size_t i = 0; i < n; i++) {
        if (!field[i].golden)
            continue;
        text_addf(out, "%s%s", comma, field[i].key);
        comma = ",";
    }
    text_add(out, "\n");
    for (size_t c = 0; c < report->cells; c++) {
        comma = "";
        for (size_t i = 0; i < n; i++) {
            if (!field[i].golden)
                continue;
            text_add(out, comma);
            add_value(report->cell[c], &field[i], out);
            comma = ",";
        }
        text_add(out, "\n");
    }
}
