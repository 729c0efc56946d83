/* The report of a comparison with other libraries, in the two forms that people read. Chosen by emit_terminal and
 * emit_md when peer_table_is. */
#ifndef REPORT_EMIT_PEERS_H
#define REPORT_EMIT_PEERS_H

#include "report/emit.h"

void emit_peers_terminal(const struct report *report, const struct emit_options *options, struct text *out);
void emit_peers_html(const struct report *report, const struct emit_options *options, struct text *out);
void emit_peers_md(const struct report *report, const struct emit_options *options, struct text *out);

#endif
