/* How this binary was built; the Makefile writes it into build_id.h and code_id.h. */
#ifndef MEASURE_BUILD_INFO_H
#define MEASURE_BUILD_INFO_H

struct build_info {
    const char *commit;   /* full hash, or "unknown" outside a git checkout */
    int dirty;            /* tracked files differed from the commit */
    const char *compiler; /* first line of $(CC) --version */
    const char *flags;    /* without paths and defines */
    const char *mode;     /* "release", "sanitize" */
    const char *code_id;  /* SHA-256 over the machine code that a timed inference can execute and over the flags: equal
                           * for two builds whose times cannot differ but by layout (scripts/code_id.sh) */
};

/* Static. */
const struct build_info *build_info(void);

#endif
