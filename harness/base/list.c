#include "base/list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Where the numbers go, and what is said about mistakes. */
struct reader {
    const char *option, *text;
    uint64_t lo, hi, *out;
    int room, count;
};

/* Digits only: strtoull would take signs and blanks, too. */
static enum status read_number(const struct reader *r, const char **at, uint64_t *out)
{
    const char *from = *at;
    int len = (int)strspn(from, "0123456789");
    unsigned long long value;

    if (len == 0)
        return status_fail(ST_BADARG,
                           "%s %s: expected numbers and ranges such as 1,4 or 1-4 or 8-32:8, found '%.20s' in place of "
                           "a number",
                           r->option, r->text, from);
    errno = 0;
    value = strtoull(from, NULL, 10);
    if (errno)
        return status_fail(ST_BADARG, "%s %s: '%.*s' is too large", r->option, r->text, len > 40 ? 40 : len, from);
    *at = from + len;
    *out = value;
    return ST_OK;
}

static enum status add(struct reader *r, uint64_t value)
{
    if (value < r->lo || value > r->hi)
        return status_fail(ST_BADARG, "%s %s: %" PRIu64 " is not from %" PRIu64 " to %" PRIu64, r->option, r->text,
                           value, r->lo, r->hi);
    for (int i = 0; i < r->count; i++)
        if (r->out[i] == value)
            return status_fail(ST_BADARG, "%s %s: %" PRIu64 " is given twice", r->option, r->text, value);
    if (r->count == r->room)
        return status_fail(ST_BADARG, "%s %s: more than %d values", r->option, r->text, r->room);
    r->out[r->count++] = value;
    return ST_OK;
}

static enum status read_item(struct reader *r, const char **at)
{
    uint64_t first, last, step = 1;

    TRY(read_number(r, at, &first));
    last = first;
    if (**at == '-') {
        ++*at;
        TRY(read_number(r, at, &last));
        if (last < first)
            return status_fail(ST_BADARG, "%s %s: the range %" PRIu64 "-%" PRIu64 " goes downwards", r->option, r->text,
                               first, last);
        if (**at == ':') {
            ++*at;
            TRY(read_number(r, at, &step));
            if (step == 0)
                return status_fail(ST_BADARG, "%s %s: a step of 0 never ends", r->option, r->text);
        }
    }
    /* The end first, so that a huge range says what is wrong with it and not with its 65th number. */
    if (last > r->hi)
        return status_fail(ST_BADARG, "%s %s: %" PRIu64 " is not from %" PRIu64 " to %" PRIu64, r->option, r->text,
                           last, r->lo, r->hi);
    for (uint64_t value = first;; value += step) {
        TRY(add(r, value));
        if (last - value < step)
            return ST_OK;
    }
}

enum status list_numbers(const char *option, const char *text, uint64_t lo, uint64_t hi, uint64_t *out, int room,
                         int *out_count)
{
    struct reader reader = {option, text, lo, hi, out, room, 0};
    const char *at = text;

    for (;;) {
        TRY(read_item(&reader, &at));
        if (*at == 0) {
            *out_count = reader.count;
            return ST_OK;
        }
        if (*at != ',')
            return status_fail(ST_BADARG, "%s %s: '%.20s' is not expected behind a number", option, text, at);
        at++;
    }
}

int list_word(const char **at, char out_word[LIST_WORD])
{
    size_t len;

    if (!*at)
        return 0;
    len = strcspn(*at, ",");
    out_word[0] = 0;
    if (len < LIST_WORD) {
        memcpy(out_word, *at, len);
        out_word[len] = 0;
    }
    *at = (*at)[len] == ',' ? *at + len + 1 : NULL;
    return 1;
}
