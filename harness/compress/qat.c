#include "compress/qat.h"

#include "compress/ptq.h"

enum status qat_train(struct graph *graph, const struct dataset *train, const struct dataset *valid,
                      const struct train_options *options, struct train_result *out)
{
    struct train_options qat = *options;

    qat.qat = 1;
    TRY(train_graph(graph, train, valid, &qat, out));
    (void)ptq_fit_bias(graph);
    return ST_OK;
}
