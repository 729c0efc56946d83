/* SHA-256 (FIPS 180-4) over bytes, by libmd, as lower-case hexadecimal text. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <sha2.h>
#include <stddef.h>

#define HASH_HEX 65 /* 64 digits and the NUL */

struct hash {
    SHA2_CTX context;
};

void hash_begin(struct hash *hash);
void hash_add(struct hash *hash, const void *data, size_t len);
/* Adds the text and its terminating NUL, so that "ab","c" and "a","bc" differ. */
void hash_add_text(struct hash *hash, const char *text);
void hash_end(struct hash *hash, char out_hex[HASH_HEX]);
/* All three in one. */
void hash_bytes(const void *data, size_t len, char out_hex[HASH_HEX]);

#endif
