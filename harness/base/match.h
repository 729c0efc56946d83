/* Names against shell patterns, as --filter and suites have them. */
#ifndef BASE_MATCH_H
#define BASE_MATCH_H

/* 1 if `text` matches one of the comma-separated patterns ('*' crosses slashes), or `patterns` is NULL or "". */
int match_any(const char *patterns, const char *text);

#endif
