/* The report as JSON Lines: one object per line, told apart by "schema", so that it can be read as a stream or filtered
 * with grep. In this order:
 *
 * - packlight.report/1, one line: "run" (folder), "summary", how figures are read ("expected", "intervals",
 *   "energy_title", "energy_note"), "cells" (how many by status), "environment" (cpu, isa, commit, compiler, flags,
 *   command, seeds, suite, data, system, started, warnings)
 * - packlight.record/1, one line per cell, as it stands in records.jsonl: keys and units in record.def
 * - packlight.recipe-verdict/1, one line per model and recipe: "model", "threads", "batch", "config", "family",
 *   "cell_simd", "cell_ref" (ids of the cells or null), "verdict" ("baseline", "reached", "not reached", "open"),
 *   "size_reached", "speed_reached", "accuracy_reached" (true, false, null: not known), "because" (text or null) */
#include "report/emit.h"

#include <stdlib.h>

#include "report/json_parts.h"

void emit_jsonl(const struct report *report, const struct emit_options *options, struct text *out)
{
    (void)options;
    text_add(out, "{\"schema\":\"packlight.report/1\",");
    json_add_head(report, "", out);
    text_add(out, "}\n");
    for (size_t i = 0; i < report->cells; i++) {
        char *line = NULL;
        size_t len;
        if (record_write(report->cell[i], &line, &len) != ST_OK) {
            out->failed = 1;
            return;
        }
        text_add_bytes(out, line, len);
        free(line);
    }
    for (size_t m = 0; m < report->models; m++) {
        const struct report_model *model = &report->model[m];
        for (size_t i = 0; i < model->rows; i++) {
            text_add(out, "{\"schema\":\"packlight.recipe-verdict/1\",");
            json_add_member(out, "model", model->name, ",");
            text_addf(out, "\"threads\":%lld,\"batch\":%lld,", (long long)model->threads, (long long)model->batch);
            json_add_row(&model->row[i], out);
            text_add(out, "}\n");
        }
    }
}
