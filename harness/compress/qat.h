/* Quantization-aware training: the trainer's fake quantization (Jacob et al. 2018, section 3; LSQ: Esser et al. 2020)
 * on a float graph, masks kept. The result is a simulated graph (train/forward.h). */
#ifndef COMPRESS_QAT_H
#define COMPRESS_QAT_H

#include "graph/graph.h"
#include "io/dataset.h"
#include "train/train.h"

/* Trains in place with options->qat forced to 1, then ptq_fit_bias. Errors as train_graph. */
enum status qat_train(struct graph *graph, const struct dataset *train, const struct dataset *valid,
                      const struct train_options *options, struct train_result *out);

#endif
