/* Sections that the pages of all kinds of runs share. */
#ifndef REPORT_EMIT_HTML_PARTS_H
#define REPORT_EMIT_HTML_PARTS_H

#include "report/html.h"
#include "report/plots.h"
#include "report/report.h"

/* One line at the top: processor, level, commit, suite, when. */
void html_source(struct html *page, const struct report *report);
/* Pictures by model, or a word on why there are none. plots: as of plots_load; NULL: not asked for. */
void html_plots(struct html *page, const struct report *report, const struct plots *plots);
/* Rounds, warnings, isolation of the machine. */
void html_health(struct html *page, const struct report *report);
/* Command, machine, build, tools, seeds. */
void html_reproduce(struct html *page, const struct report *report);
/* How the figures are made, and the constants behind the energy proxy. Inside a section. */
void html_method(struct html *page, const struct report *report);

#endif
