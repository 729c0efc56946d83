#include "codec/bits.h"

void bits_put(struct bit_writer *to, uint32_t value, int count)
{
    if (count < 32)
        value &= (1u << count) - 1;
    to->hold |= (uint64_t)value << to->held;
    to->held += count;
    for (; to->held >= 8; to->held -= 8) {
        bytes_u8(to->out, (unsigned)(to->hold & 255));
        to->hold >>= 8;
    }
}

void bits_put_rice(struct bit_writer *to, uint32_t value, int k)
{
    uint32_t ones = value >> k;

    for (; ones >= 31; ones -= 31)
        bits_put(to, 0x7fffffffu, 31);
    bits_put(to, (1u << ones) - 1, (int)ones + 1);
    bits_put(to, value, k);
}

void bits_flush(struct bit_writer *to)
{
    if (to->held > 0)
        bits_put(to, 0, 8 - to->held);
}

int bits_get(struct bit_reader *from, int count, uint32_t *out)
{
    uint32_t value = 0;

    if ((size_t)count > from->end - from->at)
        return 0;
    for (int i = 0; i < count;) {
        int offset = (int)(from->at & 7);
        int take = 8 - offset < count - i ? 8 - offset : count - i;
        uint32_t part = ((uint32_t)from->data[from->at >> 3] >> offset) & ((1u << take) - 1);
        value |= part << i;
        i += take;
        from->at += (size_t)take;
    }
    *out = value;
    return 1;
}

int bits_get_rice(struct bit_reader *from, int k, uint32_t max, uint32_t *out)
{
    struct bit_reader next = *from;
    uint32_t ones = 0, bit, low;

    for (;;) {
        if (!bits_get(&next, 1, &bit))
            return 0;
        if (!bit)
            break;
        if (++ones > max >> k)
            return 0;
    }
    if (!bits_get(&next, k, &low))
        return 0;
    low |= ones << k;
    if (low > max)
        return 0;
    *from = next;
    *out = low;
    return 1;
}

uint64_t bits_rice_cost(const uint32_t *value, size_t n, int k)
{
    uint64_t bits = (uint64_t)n * (uint64_t)(k + 1);

    for (size_t i = 0; i < n; i++)
        bits += value[i] >> k;
    return bits;
}

int bits_rice_best(const uint32_t *value, size_t n)
{
    uint64_t least = bits_rice_cost(value, n, 0);
    int best = 0;

    for (int k = 1; k <= BITS_RICE_MAX; k++) {
        uint64_t bits = bits_rice_cost(value, n, k);
        if (bits < least) {
            least = bits;
            best = k;
        }
    }
    return best;
}
