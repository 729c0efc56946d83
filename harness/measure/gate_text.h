/* What a verdict rests on, in one plain sentence for tables and messages: "MDE 7.4 % is above 3 %".
 *
 *   char text[GATE_TEXT_MAX];
 *   puts(gate_text_why(&options, &result, text)); */
#ifndef MEASURE_GATE_TEXT_H
#define MEASURE_GATE_TEXT_H

#include "measure/gate.h"

#define GATE_TEXT_MAX 192

/* Writes into text (GATE_TEXT_MAX) and returns it. No final period. */
const char *gate_text_why(const struct gate_options *options, const struct gate_result *result, char *text);

/* Stable word of a reason for records: "confirmed", "alike", "small", "control", "control-moved", "few-pairs",
 * "disturbed", "tied", "mde", "unconfirmed", "floor", "many", "wide", "not-comparable", "wrong-output"; static. */
const char *gate_text_why_word(enum gate_why why);

#endif
