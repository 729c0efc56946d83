/* Aligned memory. Everything that kernels touch comes from here: 64-byte aligned, zeroed.
 * Allocation sizes are checked for overflow; nothing aborts. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "base/status.h"

#define MEM_ALIGN 64

/* Zeroed, 64-byte aligned block of count * size bytes (at least one cache line); owned by the caller,
 * freed by mem_free. ST_NOMEM above 2^40 bytes or on exhaustion. */
enum status mem_alloc(size_t count, size_t size, void *out_pointer);

/* Accepts NULL. */
void mem_free(void *pointer);

/* Rounds up to a multiple of MEM_ALIGN. */
size_t mem_round(size_t bytes);

/* Copy of a string (plain malloc; free with free). ST_NOMEM. */
enum status mem_strdup(const char *text, char **out_copy);

#endif
