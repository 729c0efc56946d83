#include "report/choose.h"

#include <math.h>

double choose_gain(const struct report_row *row, enum choose_by by)
{
    if (!report_ok(row->main))
        return NAN;
    switch (by) {
    case CHOOSE_SMALLEST:
        return row->main->size_ratio;
    case CHOOSE_FASTEST:
        return row->main->speedup_vs_fp32_simd;
    case CHOOSE_CHEAPEST:
        break;
    }
    return row->main->energy_proxy_ratio;
}

double choose_loss_pp(const struct report_row *row)
{
    if (!report_ok(row->main))
        return NAN;
    if (row->verdict.kind == VERDICT_BASELINE)
        return 0.0;
    return -row->main->accuracy_delta_pp;
}

const struct report_row *choose_best(const struct report_model *model, double limit_pp, enum choose_by by)
{
    const struct report_row *best = NULL;
    double most = 0.0;

    for (size_t i = 0; i < model->rows; i++) {
        double gain = choose_gain(&model->row[i], by);
        /* 1e-9: the difference of two fractions times 100 is not exact. */
        if (!(gain > most) || !(choose_loss_pp(&model->row[i]) <= limit_pp + 1e-9))
            continue;
        best = &model->row[i];
        most = gain;
    }
    return best;
}

static double or_least(double value)
{
    return isnan(value) ? -INFINITY : value;
}

/* 1 if a is as good as b in everything and better in something. */
static int beats(const struct report_row *a, const struct report_row *b)
{
    int better = choose_loss_pp(a) < choose_loss_pp(b);

    if (!(choose_loss_pp(a) <= choose_loss_pp(b)))
        return 0;
    for (int by = CHOOSE_SMALLEST; by <= CHOOSE_CHEAPEST; by++) {
        double mine = or_least(choose_gain(a, (enum choose_by)by)), its = or_least(choose_gain(b, (enum choose_by)by));
        if (mine < its)
            return 0;
        better |= mine > its;
    }
    return better;
}

int choose_is_optimal(const struct report_model *model, const struct report_row *row)
{
    if (!isfinite(choose_loss_pp(row)))
        return 0;
    for (size_t i = 0; i < model->rows; i++)
        if (&model->row[i] != row && beats(&model->row[i], row))
            return 0;
    return 1;
}
