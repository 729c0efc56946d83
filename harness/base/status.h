/* Result codes and the one message that travels with a failure.
 *
 * Every fallible function returns enum status and writes its results through
 * out-parameters only on ST_OK. Whoever detects a failure describes it with
 * status_fail(); callers forward the code with TRY() and only main prints it.
 * The message is kept per thread, like errno.
 *
 *   TRY(file_read(path, 0, &bytes, &len));
 *   if (len < 16) return status_fail(ST_FORMAT, "%s: %zu bytes, expected a 16-byte header", path, len);
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

enum status {
    ST_OK = 0,
    ST_SKIP,   /* does not apply here; the message says why */
    ST_BADARG, /* the caller's or the user's words are wrong */
    ST_NOMEM,
    ST_IO,          /* the operating system refused */
    ST_FORMAT,      /* a file's content is not what it must be */
    ST_UNSUPPORTED, /* well formed, but nothing here can do it */
    ST_MISMATCH,    /* ran and was wrong */
    ST_INTERRUPTED  /* stopped by a signal; what was finished is kept */
};

#define TRY(expr)                                                                                                      \
    do {                                                                                                               \
        enum status try_status_ = (expr);                                                                              \
        if (try_status_ != ST_OK)                                                                                      \
            return try_status_;                                                                                        \
    } while (0)

/* For functions with an `out:` label and a variable `st`. */
#define TRY_OUT(expr)                                                                                                  \
    do {                                                                                                               \
        st = (expr);                                                                                                   \
        if (st != ST_OK)                                                                                               \
            goto out;                                                                                                  \
    } while (0)

/* Stores the formatted message (at most 1023 bytes) for this thread and returns `code`. */
enum status status_fail(enum status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " before the stored message; returns `code`. */
enum status status_prefix(enum status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The message of this thread's last failure; never NULL, borrowed, overwritten by the next failure. */
const char *status_message(void);

/* "ok", "skip", "bad argument", ...; static. */
const char *status_name(enum status code);

#endif
