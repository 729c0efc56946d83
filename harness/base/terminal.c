#include "base/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int terminal_redraws(int fd)
{
    const char *term = getenv("TERM");

    return isatty(fd) && !(term && strcmp(term, "dumb") == 0);
}

int terminal_colour(int fd)
{
    const char *no = getenv("NO_COLOR");

    return terminal_redraws(fd) && !(no && *no);
}

const char *terminal_tone(int fd, enum terminal_kind kind)
{
    static const char *const codes[] = {
        [TERMINAL_WARN] = "\x1b[33m", [TERMINAL_BAD] = "\x1b[31m", [TERMINAL_GOOD] = "\x1b[32m"};

    return terminal_colour(fd) ? codes[kind] : "";
}

int terminal_columns(int fd, int otherwise)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;
    long width = columns ? strtol(columns, NULL, 10) : 0;

    if (width <= 0 && isatty(fd) && ioctl(fd, TIOCGWINSZ, &size) == 0)
        width = size.ws_col;
    if (width <= 0)
        width = otherwise;
    return width < 20 ? 20 : width > 1000 ? 1000 : (int)width;
}
