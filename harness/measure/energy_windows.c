#include "measure/energy_windows.h"

#include <stddef.h>

#include "measure/stats.h"

struct energy_windows_options energy_windows_defaults(void)
{
    return (struct energy_windows_options){10, 10, 5, NULL};
}

static enum status check_stop(const struct energy_windows_options *options)
{
    if (options->stop && *options->stop)
        return status_fail(ST_INTERRUPTED, "interrupted while measuring energy");
    return ST_OK;
}

static enum status idle_power(const struct energy_windows_options *options, const struct energy_meter *meter,
                              double *out_w)
{
    double start_s, joules = 0, seconds;

    TRY(meter->begin(meter->context));
    start_s = meter->now_s(meter->context);
    do { /* in pieces, so that an interrupt is heard */
        TRY(check_stop(options));
        meter->wait(meter->context, options->window_s < 0.1 ? options->window_s : 0.1);
        seconds = meter->now_s(meter->context) - start_s;
    } while (seconds < options->window_s);
    TRY(meter->end(meter->context, &joules));
    *out_w = joules / seconds;
    return ST_OK;
}

/* Between two looks at the clock as many calls as take about a millisecond. */
static enum status one_window(const struct energy_windows_options *options, const struct energy_meter *meter,
                              void (*call)(void *), void *subject, double *out_joules, double *out_s,
                              uint64_t *out_calls)
{
    double start_s, last_s, now_s;
    uint64_t calls = 0, chunk = 1;

    TRY(meter->begin(meter->context));
    start_s = last_s = meter->now_s(meter->context);
    do {
        TRY(check_stop(options));
        for (uint64_t i = 0; i < chunk; i++)
            call(subject);
        calls += chunk;
        now_s = meter->now_s(meter->context);
        if (now_s - last_s < 1e-3 && chunk < 1 << 20)
            chunk *= 2;
        last_s = now_s;
    } while (now_s - start_s < options->window_s || calls < options->calls);
    TRY(meter->end(meter->context, out_joules));
    *out_s = now_s - start_s;
    *out_calls = calls;
    return ST_OK;
}

enum status energy_windows(const struct energy_windows_options *options, const struct energy_meter *meter,
                           void (*call)(void *), void *subject, struct energy_windows_result *out)
{
    struct energy_windows_result result = {.windows = options->windows};
    double gross_j[ENERGY_WINDOWS_MAX], net_j[ENERGY_WINDOWS_MAX];

    if (options->windows < 1 || options->windows > ENERGY_WINDOWS_MAX || !(options->window_s > 0))
        return status_fail(ST_BADARG, "energy: %d windows of %g s, expected 1 to %d of a positive length",
                           options->windows, options->window_s, ENERGY_WINDOWS_MAX);
    TRY(idle_power(options, meter, &result.idle_w));
    for (int i = 0; i < options->windows; i++) {
        double joules = 0, seconds = 0;
        uint64_t calls = 0;
        TRY(one_window(options, meter, call, subject, &joules, &seconds, &calls));
        gross_j[i] = joules / (double)calls;
        net_j[i] = (joules - result.idle_w * seconds) / (double)calls;
        result.calls += calls;
    }
    stats_sort(gross_j, options->windows);
    stats_sort(net_j, options->windows);
    result.gross_j = stats_median(gross_j, options->windows);
    result.gross_lo_j = gross_j[0];
    result.gross_hi_j = gross_j[options->windows - 1];
    result.net_j = stats_median(net_j, options->windows);
    *out = result;
    return ST_OK;
}
