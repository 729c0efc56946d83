/* Deterministic random numbers: xoshiro256** (Blackman and Vigna, 2018), seeded through splitmix64.
 * Same seed and stream, same sequence, on every machine. Not for secrets. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state[4];
};

/* Streams of one seed are independent: one per purpose (shuffle, augmentation, init ...). */
void rng_seed(struct rng *rng, uint64_t seed, uint64_t stream);
uint64_t rng_u64(struct rng *rng);
/* Uniform in [0, bound); bound 0 gives 0. */
uint32_t rng_below(struct rng *rng, uint32_t bound);
/* Uniform in [0, 1), 24 bits. */
float rng_f32(struct rng *rng);
/* Standard normal (Box-Muller). */
float rng_normal(struct rng *rng);
/* Fisher-Yates over n 32-bit items. */
void rng_shuffle_u32(struct rng *rng, uint32_t *items, uint32_t n);

#endif
