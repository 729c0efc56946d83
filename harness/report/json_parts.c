#include "report/json_parts.h"

#include "report/tables.h"

void json_add_member(struct text *out, const char *key, const char *value, const char *after)
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

void json_add_row(const struct report_row *row, struct text *out)
{
    json_add_member(out, "config", row->config, ",");
    json_add_member(out, "family", row->family, ",");
    json_add_member(out, "cell_simd", row->simd ? row->simd->cell : NULL, ",");
    json_add_member(out, "cell_ref", row->ref ? row->ref->cell : NULL, ",");
    json_add_member(out, "verdict", verdict_word(row->verdict.kind), ",");
    text_addf(out, "\"size_reached\":%s,\"speed_reached\":%s,\"accuracy_reached\":%s,", three(row->verdict.size),
              three(row->verdict.speed), three(row->verdict.accuracy));
    json_add_member(out, "because", row->verdict.because, "");
}

static void add_environment(const struct report *report, struct text *out)
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
        json_add_member(out, facts[i].key, report_fact(report, facts[i].fact, value, sizeof value), ",");
    text_add(out, "\"warnings\":[");
    for (int i = 0; (warning = report_warning(report, i)); i++) {
        text_add(out, i ? "," : "");
        text_add_json(out, warning);
    }
    text_add(out, "]}");
}

void json_add_head(const struct report *report, const char *between, struct text *out)
{
    char banner[512], energy[96];
    const struct {
        const char *key, *value;
    } members[] = {{"run", report->run},          {"summary", banner},      {"expected", expectation_note},
                   {"intervals", report_ci_note}, {"energy_title", energy}, {"energy_note", report->energy_note}};

    tables_banner(report, banner, sizeof banner);
    report_energy_title(report, energy, sizeof energy);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_add_member(out, members[i].key, members[i].value, ",");
        text_add(out, between);
    }
    text_addf(out, "\"cells\":{\"ok\":%zu,\"skip\":%zu,\"failed\":%zu,\"mismatch\":%zu,\"other\":%zu},%s", report->ok,
              report->skip, report->failed, report->mismatch, report->other, between);
    add_environment(report, out);
}
