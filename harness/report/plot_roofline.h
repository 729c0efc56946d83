/* The roofline of a comparison with other libraries. */
#ifndef REPORT_PLOT_ROOFLINE_H
#define REPORT_PLOT_ROOFLINE_H

#include "report/plots.h"

/* All operators of one config ("fp32", "int8") under the limits of one kind ("f32", "int8"). Leaves *out empty when
 * there are none. */
void plot_roofline(const struct report *report, const char *config, const char *kind, const struct plot *plot,
                   struct text *out);

#endif
