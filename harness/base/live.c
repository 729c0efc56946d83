#include "base/live.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/progress.h"
#include "base/terminal.h"

void live_begin(struct live *live)
{
    memset(live, 0, sizeof *live);
    live->active = terminal_redraws(STDERR_FILENO) && !progress_silent();
}

void live_head(struct live *live, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(live->head, sizeof live->head, format, args);
    va_end(args);
}

void live_show(struct live *live, const char *format, ...)
{
    char text[512], line[sizeof text + sizeof live->head];
    va_list args;

    if (!live || !live->active)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(line, sizeof line, "%s%s", live->head, text);
    /* One column less than there are: a full line would move the cursor on. \x1b[K erases what is left of the old. */
    fprintf(stderr, "\r%.*s\x1b[K", terminal_columns(STDERR_FILENO, 80) - 1, line);
    fflush(stderr);
    live->drawn = 1;
}

void live_clear(struct live *live)
{
    if (!live || !live->drawn)
        return;
    fputs("\r\x1b[K", stderr);
    fflush(stderr);
    live->drawn = 0;
}

/* On a terminal the words go to the next line as a whole, under the first. */
static void print_wrapped(const char *text, int columns)
{
    int used = 0;

    while (*text) {
        int len = (int)strcspn(text, " ");
        if (used > 0 && columns > 0 && used + 1 + len >= columns) {
            fputs("\n  ", stderr);
            used = 2;
        } else if (used > 0) {
            fputc(' ', stderr);
            used++;
        }
        fprintf(stderr, "%.*s", len, text);
        used += len;
        text += len + (text[len] == ' ');
    }
    fputc('\n', stderr);
}

void live_warning(struct live *live, const char *before, const char *text)
{
    const char *on = terminal_tone(STDERR_FILENO, TERMINAL_WARN);
    char line[2048];

    live_clear(live);
    snprintf(line, sizeof line, "%s%s%s", before, *before ? " " : "", text);
    fputs(on, stderr);
    print_wrapped(line, terminal_redraws(STDERR_FILENO) ? terminal_columns(STDERR_FILENO, 80) : 0);
    fputs(*on ? TERMINAL_OFF : "", stderr);
    fflush(stderr);
}

int live_columns(const struct live *live)
{
    return live && live->active ? terminal_columns(STDERR_FILENO, 80) : 0;
}
