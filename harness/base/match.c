#include "base/match.h"

#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

int match_any(const char *patterns, const char *text)
{
    char pattern[256];

    if (!patterns || !*patterns)
        return 1;
    while (*patterns) {
        size_t len = strcspn(patterns, ",");
        if (len > 0 && len < sizeof pattern) {
            memcpy(pattern, patterns, len);
            pattern[len] = 0;
            if (fnmatch(pattern, text, 0) == 0)
                return 1;
        }
        patterns += len + (patterns[len] == ',');
    }
    return 0;
}
