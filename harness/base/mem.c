#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* No network needs a terabyte: a size above is a mistake somewhere, not a wish. */
#define MEM_LIMIT ((size_t)1 << 40)

size_t mem_round(size_t bytes)
{
    return (bytes + MEM_ALIGN - 1) / MEM_ALIGN * MEM_ALIGN;
}

enum status mem_alloc(size_t count, size_t size, void *out_pointer)
{
    void *block;
    size_t bytes;

    if (size != 0 && count > MEM_LIMIT / size)
        return status_fail(ST_NOMEM, "cannot allocate %zu elements of %zu bytes", count, size);
    bytes = count * size;
    bytes = mem_round(bytes > 0 ? bytes : 1);
    block = aligned_alloc(MEM_ALIGN, bytes);
    if (!block)
        return status_fail(ST_NOMEM, "cannot allocate %zu bytes", bytes);
    memset(block, 0, bytes);
    memcpy(out_pointer, &block, sizeof block);
    return ST_OK;
}

void mem_free(void *pointer)
{
    free(pointer);
}

enum status mem_strdup(const char *text, char **out_copy)
{
    char *copy = strdup(text);
    if (!copy)
        return status_fail(ST_NOMEM, "cannot copy a string of %zu bytes", strlen(text));
    *out_copy = copy;
    return ST_OK;
}
