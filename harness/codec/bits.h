/* Single bits and Rice codes (Rice 1979): a number g is g >> k ones, a zero, then the low k bits of g. Bits fill
 * each byte from its lowest on; the last byte is padded with zeros. */
#ifndef CODEC_BITS_H
#define CODEC_BITS_H

#include <stddef.h>
#include <stdint.h>

#include "codec/bytes.h"

enum { BITS_RICE_MAX = 24 }; /* largest k */

struct bit_writer {
    struct bytes *out; /* borrowed */
    uint64_t hold;
    int held; /* bits in hold, 0..7 between calls */
};

void bits_put(struct bit_writer *to, uint32_t value, int count); /* count 0..32 */
void bits_put_rice(struct bit_writer *to, uint32_t value, int k);
void bits_flush(struct bit_writer *to);

struct bit_reader {
    const unsigned char *data; /* borrowed */
    size_t at, end;            /* in bits */
};

/* Return 0 at the end of the data (nothing is read), else 1. */
int bits_get(struct bit_reader *from, int count, uint32_t *out);
/* Also 0 when the number is larger than max. */
int bits_get_rice(struct bit_reader *from, int k, uint32_t max, uint32_t *out);

/* Bits that n numbers take with parameter k, and the k in 0..BITS_RICE_MAX that takes fewest. */
uint64_t bits_rice_cost(const uint32_t *value, size_t n, int k);
int bits_rice_best(const uint32_t *value, size_t n);

#endif
