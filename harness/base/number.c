#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>

const char *number_text(double value, char *buffer)
{
    int digits, exponent = 0;

    for (digits = 1; digits <= 17; digits++) {
        snprintf(buffer, 32, "%.*e", digits - 1, value);
        if (strtod(buffer, NULL) == value)
            break;
    }
    if (sscanf(buffer, "%*[^e]e%d", &exponent) != 1 || exponent < -5 || exponent > 14) {
        snprintf(buffer, 32, "%.*g", digits, value);
        return buffer;
    }
    /* Without an exponent where people would not write one: 10, not 1e+01. */
    snprintf(buffer, 32, "%.*f", digits - 1 - exponent > 0 ? digits - 1 - exponent : 0, value);
    return buffer;
}
