/* The report as one JSON document: where it comes from, the verdicts, all records. */
#include "report/emit.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/json_parts.h"

static int is_shown(const struct report *report, const char *cell)
{
    for (size_t i = 0; i < report->cells; i++)
        if (strcmp(report->cell[i]->cell, cell) == 0)
            return 1;
    return 0;
}

static void emit_meters(const struct report *report, struct text *out)
{
    const char *comma = "\n";

    for (size_t i = 0; i < report->meters.n; i++) {
        const struct meter *meter = &report->meters.all[i];
        if (!is_shown(report, meter->cell))
            continue;
        text_add(out, comma);
        text_add(out, "{");
        json_add_member(out, "cell", meter->cell, ",");
        json_add_member(out, "energy_kind", "imported", ",");
        json_add_member(out, "meter", meter->name, ",\"energy_uj\":");
        text_add_number(out, meter_uj(meter));
        text_add(out, "}");
        comma = ",\n";
    }
}

void emit_json(const struct report *report, const struct emit_options *options, struct text *out)
{
    (void)options;
    text_add(out, "{\"schema\":\"packlight.report/1\",\n");
    json_add_head(report, "\n", out);
    text_add(out, ",\n\"models\":[");
    for (size_t m = 0; m < report->models; m++) {
        const struct report_model *model = &report->model[m];
        text_add(out, m ? ",\n{" : "\n{");
        json_add_member(out, "model", model->name, ",");
        text_addf(out, "\"threads\":%lld,\"batch\":%lld,\"rows\":[", (long long)model->threads,
                  (long long)model->batch);
        for (size_t i = 0; i < model->rows; i++) {
            text_add(out, i ? ",\n {" : "\n {");
            json_add_row(&model->row[i], out);
            text_add(out, "}");
        }
        text_add(out, "]}");
    }
    text_add(out, "],\n\"energy_imported\":[");
    emit_meters(report, out);
    text_add(out, "],\n\"records\":[");
    for (size_t i = 0; i < report->cells; i++) {
        char *line = NULL;
        size_t len;
        if (record_write(report->cell[i], &line, &len) != ST_OK) {
            out->failed = 1;
            return;
        }
        text_add(out, i ? ",\n" : "\n");
        text_add_bytes(out, line, len - 1);
        free(line);
    }
    text_add(out, "]}\n");
}
