/* What the terminal behind a file descriptor can do: the one place that decides about colour and about redrawing.
 *
 *   const char *on = terminal_tone(STDERR_FILENO, TERMINAL_WARN), *off = *on ? TERMINAL_OFF : "";
 *   fprintf(stderr, "%swarning: %s%s\n", on, text, off);
 */
#ifndef BASE_TERMINAL_H
#define BASE_TERMINAL_H

enum terminal_kind { TERMINAL_WARN, TERMINAL_BAD, TERMINAL_GOOD };

#define TERMINAL_OFF "\x1b[0m"

/* 1 if escape codes of colour are welcome: fd is a terminal, NO_COLOR is unset or empty (https://no-color.org) and TERM
 * is not dumb. */
int terminal_colour(int fd);
/* 1 if a line can be drawn over itself: fd is a terminal and TERM is not dumb. */
int terminal_redraws(int fd);
/* Yellow, red or green where colour is welcome, else "". Static. */
const char *terminal_tone(int fd, enum terminal_kind kind);
/* COLUMNS if it is set to a number, else the terminal's width, else `otherwise`. 20 to 1000. */
int terminal_columns(int fd, int otherwise);

#endif
