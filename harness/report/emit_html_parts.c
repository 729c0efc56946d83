#include "report/emit_html_parts.h"

#include <stdio.h>
#include <string.h>

#include "report/tables.h"

void html_source(struct html *page, const struct report *report)
{
    static const struct {
        const char *before;
        enum report_fact fact;
    } facts[] = {
        {"", REPORT_CPU},           {", ", REPORT_ISA},  {" · commit ", REPORT_COMMIT}, {" · suite ", REPORT_SUITE},
        {" · seeds ", REPORT_SEED}, {" · ", REPORT_DATE}};
    char value[256];

    html_raw(page, "<p class=\"facts-line\">");
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        html_raw(page, facts[i].before);
        text_add_html(html_here(page), report_fact(report, facts[i].fact, value, sizeof value));
    }
    if (*report->filter) {
        html_raw(page, " · only cells that match ");
        text_add_html(html_here(page), report->filter);
    }
    html_raw(page, "</p>\n");
}

static void add_plot(struct html *page, const struct plot *plot)
{
    char name[PLOT_SLUG + 16], alt[PLOT_TITLE + 160], caption[PLOT_TITLE + 160];
    const char *model = plot->model ? plot->model : "";

    snprintf(name, sizeof name, "plots/%s", plot->slug);
    snprintf(alt, sizeof alt, "Plot: %s%s%.80s. Its figures are in the tables of this page.", plot->title,
             *model ? ", " : "", model);
    snprintf(caption, sizeof caption, "%s%s%.80s.", plot->title, *model ? ", " : "", model);
    html_svg(page, plot->svg, plot->svg_len, name, alt, caption);
}

void html_plots(struct html *page, const struct report *report, const struct plots *plots)
{
    size_t drawn = 0;

    html_section(page, "plots", "Plots");
    for (size_t i = 0; plots && i < plots->n; i++)
        drawn += plots->plot[i].svg != NULL;
    if (drawn == 0) {
        html_paragraph(page, "%s The tables hold all the figures.",
                       !plots          ? "Pictures were not asked for (--no-plots)."
                       : plots->n == 0 ? "These records hold nothing to draw."
                                       : "The pictures were not drawn: gnuplot was not there when this page was made. "
                                         "Their scripts with the data are in plots/.");
        return;
    }
    html_raw(page, "<div class=\"figures\">\n");
    for (size_t i = 0; i < plots->n; i++)
        add_plot(page, &plots->plot[i]);
    html_raw(page, "</div>\n");
    html_small(page, "The links lead to the files beside this page. %s", report_ci_note);
    if (*report->energy_model)
        html_small(page, "Energy proxy: %s", report->energy_note);
}

void html_health(struct html *page, const struct report *report)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(report->records->env.root, "isolation"), *item;
    struct grid grid;

    html_section(page, "health", "Run health");
    tables_health(report, &grid);
    html_grid(page, &grid, HTML_FACTS);
    grid_free(&grid);
    if (cJSON_IsArray(list) && cJSON_GetArraySize(list) > 0) {
        html_heading(page, 3, "How quiet the machine was");
        html_list(page);
        cJSON_ArrayForEach (item, list)
            if (cJSON_IsString(item))
                html_item(page, NULL, item->valuestring);
        html_list_end(page);
    }
}

void html_reproduce(struct html *page, const struct report *report)
{
    static const struct {
        const char *name, *path;
    } more[] = {
        {"suite SHA-256", "run.suite_sha256"},
        {"data SHA-256", "run.data_sha256"},
        {"libc", "system.libc"},
        {"distribution", "system.distribution"},
        {"clock source", "system.clocksource"},
        {"hypervisor", "cpu.hypervisor"},
        {"OpenBLAS", "libraries.openblas"},
        {"libcpuid", "libraries.libcpuid"},
        {"hyperfine", "tools.hyperfine"},
        {"gnuplot", "tools.gnuplot"},
        {"measured energy", "run.energy_measured"},
    };
    struct grid grid;
    char value[1024];

    html_section(page, "reproduce", "Reproduce");
    tables_reproduce(report, &grid);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        records_env(report->records, more[i].path, "", value, sizeof value);
        if (!*value)
            continue;
        grid_row(&grid);
        grid_cell(&grid, GRID_PLAIN, "%s", more[i].name);
        grid_cell(&grid, GRID_PLAIN, "%s", value);
    }
    html_grid(page, &grid, HTML_FACTS);
    grid_free(&grid);
    html_paragraph(page,
                   "All raw figures are in records.jsonl beside this page (one JSON object per cell, units in the "
                   "keys), facts about machine and build in env.json. packlight report makes this page again from "
                   "these two.");
}

void html_method(struct html *page, const struct report *report)
{
    html_heading(page, 3, "How the figures are made");
    html_list(page);
    html_item(page, "Size.",
              "Bytes of the packed file that ships: weights, indices, scales, biases, header and checksum, "
              "against the packed FP32 file of the same model.");
    html_item(page, "Latency.",
              "One inference, warm, floats in and floats out, in rounds interleaved with the FP32 SIMD "
              "model of the same run. Rounds in which the thread did not have the processor are dropped "
              "for both sides.");
    html_item(page, "Speed-up.", "Median of the paired ratios to our own FP32 SIMD path, never to scalar code.");
    html_item(page, "Accuracy.",
              "Top-1 on the test set, by loading the packed file. Changes are paired with FP32 on the "
              "same items.");
    html_item(page, "Intervals.", report_ci_note);
    html_item(page, "A wrong output", "has no time: its row says mismatch.");
    html_list_end(page);
    if (!*report->energy_model)
        return;
    html_heading(page, 3, "Energy proxy");
    html_paragraph(page, "%s", report->energy_note);
    html_paragraph(
        page,
        "%s model: energy = executed multiplications and additions by width, plus bytes as stored and streamed "
        "by the memory level of a declared hierarchy; the CPU view adds instructions. The constants, their "
        "sources and the hierarchy are in suites/energy/%s. Ratios are good to a factor of about three "
        "between published sets of constants; the order of bit widths is robust. Left out: leakage, frequency "
        "scaling, operating system, refresh of the memory.",
        report->energy_model, strcmp(report->energy_model, "H45") == 0 ? "h45.json" : "");
}
