/* Numbers as they stand in tables. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "report/report.h"

enum { ROOM = 32 };

static const char *none(char *buffer)
{
    snprintf(buffer, ROOM, "–");
    return buffer;
}

const char *format_fixed(double value, int decimals, char *buffer)
{
    if (!isfinite(value) || fabs(value) > 1e15)
        return none(buffer);
    snprintf(buffer, ROOM, "%.*f", decimals, value);
    return buffer;
}

const char *format_sig(double value, int digits, char *buffer)
{
    int exponent, decimals;

    if (!isfinite(value) || fabs(value) > 1e15)
        return none(buffer);
    if (value == 0.0)
        return format_fixed(value, 0, buffer);
    /* The exponent after rounding: 9.996 to three digits is 10.0, not 10.00. */
    snprintf(buffer, ROOM, "%.*e", digits - 1, value);
    if (sscanf(buffer, "%*[^e]e%d", &exponent) != 1)
        exponent = 0;
    decimals = digits - 1 - exponent;
    if (decimals < 0) {
        double step = pow(10.0, -decimals);
        value = nearbyint(value / step) * step;
        decimals = 0;
    }
    return format_fixed(value, decimals > 9 ? 9 : decimals, buffer);
}

const char *format_signed(double value, int decimals, char *buffer)
{
    double scale = pow(10.0, decimals);

    if (!isfinite(value) || fabs(value) > 1e12)
        return none(buffer);
    if (nearbyint(value * scale) == 0.0) /* neither -0.00 nor +0.00 */
        return format_fixed(0.0, decimals, buffer);
    snprintf(buffer, ROOM, "%+.*f", decimals, value);
    return buffer;
}

const char *format_count(int64_t value, char *buffer)
{
    if (value == RECORD_NONE)
        return none(buffer);
    snprintf(buffer, ROOM, "%" PRId64, value);
    return buffer;
}

const char *format_p(double value, char *buffer)
{
    if (!isfinite(value))
        return none(buffer);
    if (value < 0.001) {
        snprintf(buffer, ROOM, "<0.001");
        return buffer;
    }
    return format_fixed(value, 3, buffer);
}

const char *format_range(const double pair[2], int digits, char *buffer)
{
    char a[ROOM], b[ROOM];

    if (!isfinite(pair[0]) || !isfinite(pair[1]))
        return none(buffer);
    format_sig(pair[0], digits, a);
    format_sig(pair[1], digits, b);
    snprintf(buffer, ROOM, "%.14s–%.14s", a, b);
    return buffer;
}
