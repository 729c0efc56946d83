#include "base/hash.h"

#include <stdint.h>
#include <string.h>

void hash_begin(struct hash *hash)
{
    SHA256Init(&hash->context);
}

void hash_add(struct hash *hash, const void *data, size_t len)
{
    SHA256Update(&hash->context, data, len);
}

void hash_add_text(struct hash *hash, const char *text)
{
    hash_add(hash, text, strlen(text) + 1);
}

void hash_end(struct hash *hash, char out_hex[HASH_HEX])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256Final(digest, &hash->context);
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        out_hex[2 * i] = digits[digest[i] >> 4];
        out_hex[2 * i + 1] = digits[digest[i] & 15];
    }
    out_hex[64] = 0;
}

void hash_bytes(const void *data, size_t len, char out_hex[HASH_HEX])
{
    struct hash hash;
    hash_begin(&hash);
    hash_add(&hash, data, len);
    hash_end(&hash, out_hex);
}
