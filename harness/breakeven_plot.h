/* The pictures of packlight kernels --break-even: speed over dense against sparsity, a panel per layer shape, a picture
 * per type of weights. */
#ifndef BREAKEVEN_PLOT_H
#define BREAKEVEN_PLOT_H

#include "base/status.h"
#include "kncheck/knbreakeven.h"

/* Writes break-even-<f32|int8>-<isa>.gp into dir and has gnuplot draw .svg and .png; without gnuplot a line on stderr
 * says that only scripts were written. ST_IO, ST_NOMEM. */
enum status breakeven_plot(const struct knbreakeven_curve *curve, int n, const char *isa, int rounds, const char *dir);

#endif
