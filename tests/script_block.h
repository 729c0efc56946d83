/* Reading data blocks back out of gnuplot scripts. */
#ifndef TESTS_SCRIPT_BLOCK_H
#define TESTS_SCRIPT_BLOCK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Field `column` of line `row` of a data block, by the header's name, without quotes; "" past the end. */
static const char *block_at(const char *script, const char *block, int row, const char *column, char *out, size_t size)
{
    char start[64];
    const char *at;
    int wanted = -1, index = 0;

    snprintf(start, sizeof start, "%s << END_OF_DATA\n", block);
    at = strstr(script, start);
    *out = 0;
    if (!at)
        return out;
    at += strlen(start);
    for (const char *head = at; *head != '\n'; index++) {
        size_t len = strcspn(head, ",\n");
        if (strlen(column) == len && strncmp(head, column, len) == 0)
            wanted = index;
        head += len + (head[len] == ',');
    }
    if (wanted < 0)
        fail_msg("%s has no column %s", block, column);
    for (int line = 0; line <= row; line++)
        at = strchr(at, '\n') + 1;
    if (strncmp(at, "END_OF_DATA", 11) == 0)
        return out;
    for (index = 0; index < wanted; index++) {
        if (*at == '"')
            at = strchr(at + 1, '"') + 1;
        at += strcspn(at, ",\n") + 1;
    }
    if (*at == '"')
        snprintf(out, size, "%.*s", (int)strcspn(at + 1, "\""), at + 1);
    else
        snprintf(out, size, "%.*s", (int)strcspn(at, ",\n"), at);
    return out;
}

#endif
