/* A model of the comparison: random weights, random input, quantized if it is to be, and what the reference kernels
 * make of it. Time does not depend on what weights were trained for; outputs are compared all the same. */
#ifndef PEER_MODEL_H
#define PEER_MODEL_H

#include "peers/peer.h"

struct peer_model_data {
    struct peer_model model; /* what libraries get; borrows from here */
    struct graph graph;      /* folded, quantized; owned */
    enum peer_type type;
    float *input;   /* (batch, C, H, W); owned */
    float *want;    /* (batch, outputs) by the reference kernels; owned */
    size_t outputs; /* of all samples */
    uint64_t macs;  /* per sample */
};

/* `graph` has its weights; it is not changed. Integers: calibrated on random images. ST_UNSUPPORTED or ST_SKIP with the
 * reason when the model cannot be quantized or run here, ST_NOMEM. Free with peer_model_free (accepts a zeroed
 * struct). */
enum status peer_model_make(const struct graph *graph, int batch, enum peer_type type, uint64_t seed,
                            struct peer_model_data *out);
void peer_model_free(struct peer_model_data *data);

/* Holds scores against the reference's. Floats: ST_MISMATCH when one differs by more than 1e-3 of the largest score.
 * Integers: ours must have the same scores (5 % apart where float operators stand between integers); others round
 * differently inside, and `note` says how far they are off: "largest difference 1.2 % of the largest score, 32 of 32
 * labels agree". */
enum status peer_model_check(const struct peer_model_data *data, const float *scores, int own, char *note, size_t size);

#endif
