#include "base/progress.h"

#include "base/terminal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The user's choice for the whole process, set once from the command line. */
static int silenced;

double progress_now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const char *progress_duration(double seconds, char *buffer, unsigned long size)
{
    long s = seconds > 0 ? (long)(seconds + 0.5) : 0;
    if (s < 60)
        snprintf(buffer, size, "%ld s", s);
    else if (s < 3600)
        snprintf(buffer, size, "%ld m %02ld s", s / 60, s % 60);
    else
        snprintf(buffer, size, "%ld h %02ld m", s / 3600, s / 60 % 60);
    return buffer;
}

void progress_silence(int silent)
{
    silenced = silent;
}

int progress_silent(void)
{
    return silenced;
}

void progress_begin(struct progress *bar, const char *label, double total)
{
    memset(bar, 0, sizeof *bar);
    snprintf(bar->label, sizeof bar->label, "%s", label);
    bar->total = total > 0 ? total : 1;
    bar->start_s = progress_now_s();
    bar->drawn_s = bar->start_s - 10;
    bar->terminal = terminal_redraws(STDERR_FILENO);
    bar->quiet = silenced;
    bar->columns = terminal_columns(STDERR_FILENO, 80);
}

void progress_step(struct progress *bar, double done, const char *detail)
{
    char left[32], line[512], gauge[24] = "";
    double now = progress_now_s();
    double share = done / bar->total;
    int length = bar->columns >= 110 ? 20 : bar->columns >= 70 ? 10 : 0; /* words before pictures */

    if (bar->quiet || now - bar->drawn_s < (bar->terminal ? 0.2 : 15.0))
        return;
    bar->drawn_s = now;
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    if (length > 0) {
        memset(gauge, '-', sizeof gauge);
        memcpy(gauge, " [", 2);
        memset(gauge + 2, '#', (size_t)(share * length));
        memcpy(gauge + 2 + length, "]", 2);
    }
    if (share > 0)
        progress_duration((now - bar->start_s) * (1 - share) / share, left, sizeof left);
    else
        snprintf(left, sizeof left, "?");
    snprintf(line, sizeof line, "%s%s %3.0f %%  %s left  %s", bar->label, gauge, 100 * share, left,
             detail ? detail : "");
    if (bar->terminal)
        fprintf(stderr, "\r%-*.*s", bar->columns - 1, bar->columns - 1, line);
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
}

void progress_end(struct progress *bar, const char *closing)
{
    char line[512];

    if (bar->quiet)
        return;
    snprintf(line, sizeof line, "%s: %s", bar->label, closing ? closing : "done");
    if (bar->terminal)
        fprintf(stderr, "\r%-*.*s\n", bar->columns - 1, bar->columns - 1, line);
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
}
