/* Spelling of numbers. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

/* Fewest digits that read back as the same double, for a finite value; without an exponent from 1e-5 to 1e14. buffer:
 * at least 32 bytes. Returns buffer. */
const char *number_text(double value, char *buffer);

#endif
