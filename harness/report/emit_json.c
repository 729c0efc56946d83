/* The report as one JSON document: where it comes from, the verdicts, all records. */
#include "report/emit.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/tables.h"

static void member(struct text *out, const char *key, const char *value, const char *after)
{
    text_add_json(out, key);
    text_add(out, ":");
    text_add_json(out, value);
    text_add(out, after);
}

static const char *three(int value)
{
    return value < 0 ? "null" : value ? "true" : "false";
}

static void emit_row(const struct report_row *row, struct text *out)
{
    text_add(out, "{");
    member(out, "config", row->config, ",");
    member(out, "family", row->family, ",");
    member(out, "cell_simd", row->simd ? row->simd->cell : NULL, ",");
    member(out, "cell_ref", row->ref ? row->ref->cell : NULL, ",");
    member(out, "verdict", verdict_word(row->verdict.kind), ",");
    text_addf(out, "\"size_reached\":%s,\"speed_reached\":%s,\"accuracy_reached\":%s,", three(row->verdict.size),
              three(row->verdict.speed), three(row->verdict.accuracy));
    member(out, "because", row->verdict.because, "}");
}

static void emit_facts(const struct report *report, struct text *out)
{
    static const struct {
        const char *key;
        enum report_fact fact;
    } facts[] = {
        {"cpu", REPORT_CPU},     {"isa", REPORT_ISA},         {"commit", REPORT_COMMIT}, {"compiler", REPORT_COMPILER},
        {"flags", REPORT_FLAGS}, {"command", REPORT_COMMAND}, {"seeds", REPORT_SEED},    {"suite", REPORT_SUITE},
        {"data", REPORT_DATA},   {"system", REPORT_SYSTEM},   {"started", REPORT_DATE},
    };
    const char *warning;
    char value[1024];

    text_add(out, "\"environment\":{");
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        member(out, facts[i].key, report_fact(report, facts[i].fact, value, sizeof value), ",");
    text_add(out, "\"warnings\":[");
    for (int i = 0; (warning = report_warning(report, i)); i++) {
        text_add(out, i ? "," : "");
        text_add_json(out, warning);
    }
    text_add(out, "]},\n");
}

void emit_json(const struct report *report, const struct emit_options *options, struct text *out)
{
    char banner[512], energy[96];

    (void)options;
    tables_banner(report, banner, sizeof banner);
    report_energy_title(report, energy, sizeof energy);
    text_add(out, "{\"schema\":\"packlight.report/1\",\n");
    member(out, "run", report->run, ",\n");
    member(out, "summary", banner, ",\n");
    member(out, "expected", expectation_note, ",\n");
    member(out, "intervals", report_ci_note, ",\n");
    member(out, "energy_title", energy, ",\n");
    member(out, "energy_note", report_energy_note, ",\n");
    text_addf(out, "\"cells\":{\"ok\":%zu,\"skip\":%zu,\"failed\":%zu,\"mismatch\":%zu,\"other\":%zu},\n", report->ok,
              report->skip, report->failed, report->mismatch, report->other);
    emit_facts(report, out);
    text_add(out, "\"models\":[");
    for (size_t m = 0; m < report->models; m++) {
        const struct report_model *model = &report->model[m];
        text_add(out, m ? ",\n{" : "\n{");
        member(out, "model", model->name, ",");
        text_addf(out, "\"threads\":%lld,\"batch\":%lld,\"rows\":[", (long long)model->threads,
                  (long long)model->batch);
        for (size_t i = 0; i < model->rows; i++) {
            text_add(out, i ? ",\n " : "\n ");
            emit_row(&model->row[i], out);
        }
        text_add(out, "]}");
    }
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
