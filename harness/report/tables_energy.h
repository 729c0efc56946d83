/* The tables of energy. Modelled and measured figures never share one. */
#ifndef REPORT_TABLES_ENERGY_H
#define REPORT_TABLES_ENERGY_H

#include <math.h>
#include <stdio.h>

#include "report/grid.h"
#include "report/report.h"

/* The proxy under every table of constants, and the rows whose order hangs on the table. */
void tables_energy_models(const struct report *report, const struct report_model *model, struct grid *out);
/* Package energy, apportioned energy and external meters. */
void tables_energy_measured(const struct report *report, const struct report_model *model, struct grid *out);
/* Rank correlation of the proxy with what was measured: the proxy's report card. */
void tables_energy_card(const struct report *report, const struct report_model *model, struct grid *out);

#endif
