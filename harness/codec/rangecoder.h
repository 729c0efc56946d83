/* Adaptive binary range coder (Martin 1979; the carry is added into what is already written).
 *
 * One function codes in both directions, so that a model is written once: when decoding, `bit` is ignored and
 * the decoded bit is returned. `decoding` is a constant at every call, and inlining removes the other half.
 *
 * A model holds two estimates of P(bit = 1) that adapt at different rates, and predicts their mean. Both begin
 * as an average over what was seen (rate 1 / (n + 1.5), close to Krichevsky-Trofimov), until they reach their
 * own rate. Rounding keeps probabilities within [69, 65467] / 65536: a decision costs at least 0.00152 bits.
 *
 *   struct rangecoder rc;
 *   rangecoder_encode(&rc, &out);
 *   rangecoder_bit(&rc, 0, &model, 1);
 *   rangecoder_finish(&rc); */
#ifndef CODEC_RANGECODER_H
#define CODEC_RANGECODER_H

#include <stddef.h>
#include <stdint.h>

#include "codec/bytes.h"

enum {
    RANGECODER_FAST = 20,  /* the quick estimate forgets over this many decisions */
    RANGECODER_SLOW = 256, /* the slow one */
    RANGECODER_RAW = 24    /* most bits at once without a model */
};

struct bit_model {
    uint16_t fast, slow; /* P(1) * 65536 */
    uint16_t seen;       /* decisions so far, up to RANGECODER_SLOW */
};

struct rangecoder {
    uint64_t low;              /* encoding: start of the interval; decoding: the code's distance from it */
    uint64_t range;            /* at least 2^32 between calls */
    struct bytes *out;         /* borrowed */
    size_t start;              /* where the code begins in out: carries stop there */
    const unsigned char *data; /* borrowed */
    size_t len, at;            /* at may pass len: zeros follow the data */
};

void rangecoder_model_init(struct bit_model *model, size_t count);
/* For reuse on other data of the same kind: what was learned stays, and is weighed as `most` decisions at most. */
void rangecoder_model_carry(struct bit_model *model, size_t count, unsigned most);
void rangecoder_encode(struct rangecoder *rc, struct bytes *out);
/* Writes the fewest bytes that identify the interval: at most 4 after the last renormalisation. */
void rangecoder_finish(struct rangecoder *rc);
/* Used by the inline functions only. */
void rangecoder_carry(struct rangecoder *rc);
void rangecoder_put32(struct rangecoder *rc);
uint32_t rangecoder_last32(const unsigned char *data, size_t len, size_t at);
extern const uint16_t rangecoder_rate[RANGECODER_SLOW + 1]; /* 65536 / (n + 1.5) */

/* The next 32 bits of the code. Whatever is not inline takes values, never the decoder's address: so that the
 * compiler can keep it in registers. */
static inline uint32_t rangecoder_next32(struct rangecoder *rc)
{
    const unsigned char *from = rc->data + rc->at;
    size_t at = rc->at;

    rc->at += 4;
    if (rc->at > rc->len)
        return rangecoder_last32(rc->data, rc->len, at);
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static inline void rangecoder_decode(struct rangecoder *rc, const unsigned char *data, size_t len)
{
    *rc = (struct rangecoder){.range = UINT64_MAX, .data = data, .len = len};
    rc->low = (uint64_t)rangecoder_next32(rc) << 32;
    rc->low |= rangecoder_next32(rc);
}

/* 1 if the decoder used the data up to their end and no more: it reads 8 bytes ahead of what renormalisation had
 * written, to which the encoder added 0 to 4 bytes. A code cut short may still pass for another, shorter one. */
static inline int rangecoder_used_all(const struct rangecoder *rc)
{
    return rc->len + 8 >= rc->at && rc->len + 4 <= rc->at;
}

static inline void rangecoder_renorm(struct rangecoder *rc, int decoding)
{
    if (rc->range >> 32)
        return;
    if (decoding) {
        rc->low = rc->low << 32 | rangecoder_next32(rc);
    } else {
        rangecoder_put32(rc);
        rc->low <<= 32;
    }
    rc->range <<= 32;
}

static inline void rangecoder_adapt(struct bit_model *model, int bit)
{
    uint32_t rate = rangecoder_rate[model->seen];
    uint32_t quick = rate > 65536 / RANGECODER_FAST ? rate : 65536 / RANGECODER_FAST;

    model->seen = (uint16_t)(model->seen + (model->seen < RANGECODER_SLOW));
    if (bit) {
        model->fast = (uint16_t)(model->fast + (((65536u - model->fast) * quick + 32767) >> 16));
        model->slow = (uint16_t)(model->slow + (((65536u - model->slow) * rate + 32767) >> 16));
    } else {
        model->fast = (uint16_t)(model->fast - ((model->fast * quick + 32767) >> 16));
        model->slow = (uint16_t)(model->slow - ((model->slow * rate + 32767) >> 16));
    }
}

static inline int rangecoder_bit(struct rangecoder *rc, int decoding, struct bit_model *model, int bit)
{
    uint64_t bound = (rc->range >> 17) * ((uint32_t)model->fast + model->slow);

    if (decoding)
        bit = rc->low < bound;
    if (bit) {
        rc->range = bound;
    } else {
        rc->range -= bound;
        if (decoding) {
            rc->low -= bound;
        } else {
            rc->low += bound;
            if (rc->low < bound)
                rangecoder_carry(rc);
        }
    }
    rangecoder_adapt(model, bit);
    rangecoder_renorm(rc, decoding);
    return bit;
}

/* `count` <= RANGECODER_RAW bits of equal chances. */
static inline uint32_t rangecoder_raw(struct rangecoder *rc, int decoding, uint32_t value, int count)
{
    uint64_t start;

    rc->range >>= count;
    if (decoding) {
        uint64_t most = ((uint64_t)1 << count) - 1, found = rc->low / rc->range;
        value = (uint32_t)(found < most ? found : most); /* damaged data may point above the interval */
        rc->low -= value * rc->range;
    } else {
        start = value * rc->range;
        rc->low += start;
        if (rc->low < start)
            rangecoder_carry(rc);
    }
    rangecoder_renorm(rc, decoding);
    return value;
}

/* A number of `bits` bits, highest first, each under the bits above it: models holds 2^bits. */
static inline uint32_t rangecoder_tree(struct rangecoder *rc, int decoding, struct bit_model *models, int bits,
                                       uint32_t value)
{
    uint32_t node = 1;

    for (int i = bits - 1; i >= 0; i--)
        node = node << 1 | (uint32_t)rangecoder_bit(rc, decoding, &models[node], (int)(value >> i & 1));
    return node - (1u << bits);
}

#endif
