/* Pieces of LaTeX: texts, and grids as tables with booktabs and siunitx. */
#ifndef REPORT_TEX_H
#define REPORT_TEX_H

#include "report/grid.h"
#include "report/text.h"

/* Text for LaTeX's text mode, safe whatever it holds: special characters become commands, letters of Latin-1 stay (the
 * document is UTF-8), a few signs that tables use (– × µ Δ ≥ → …) become commands, any other character
 * "[U+4E2D]", control characters and bad UTF-8 '?'. NULL adds nothing. */
void text_add_tex(struct text *out, const char *string);

/* A label or file name out of a text: letters, digits and '-'. */
void text_add_tex_label(struct text *out, const char *string);

/* The tabular of these columns (indices into the grid, n of them): numbers in S columns, everything else in l or r. */
void tex_tabular(const struct grid *grid, const int *column, int n, struct text *out);

#endif
