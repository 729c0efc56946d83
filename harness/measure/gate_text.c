#include "measure/gate_text.h"

#include <math.h>
#include <stdio.h>

const char *gate_text_why_word(enum gate_why why)
{
    static const char *const words[GATE_WHYS] = {[GATE_WHY_CONFIRMED] = "confirmed",
                                                 [GATE_WHY_ALIKE] = "alike",
                                                 [GATE_WHY_SMALL] = "small",
                                                 [GATE_WHY_CONTROL] = "control",
                                                 [GATE_WHY_CONTROL_MOVED] = "control-moved",
                                                 [GATE_WHY_FEW_PAIRS] = "few-pairs",
                                                 [GATE_WHY_DISTURBED] = "disturbed",
                                                 [GATE_WHY_TIED] = "tied",
                                                 [GATE_WHY_MDE] = "mde",
                                                 [GATE_WHY_UNCONFIRMED] = "unconfirmed",
                                                 [GATE_WHY_FLOOR] = "floor",
                                                 [GATE_WHY_MANY] = "many",
                                                 [GATE_WHY_WIDE] = "wide",
                                                 [GATE_WHY_NOT_COMPARABLE] = "not-comparable",
                                                 [GATE_WHY_WRONG_OUTPUT] = "wrong-output"};
    return (unsigned)why < GATE_WHYS ? words[why] : "unknown";
}

/* "3.1 % slower", "2.0 % faster": the size of a ratio in the direction that it has. */
static const char *say_change(double ratio, char *text, size_t room)
{
    int slower = ratio >= 1;
    snprintf(text, room, "%.1f %% %s", 100 * ((slower ? ratio : 1 / ratio) - 1), slower ? "slower" : "faster");
    return text;
}

/* "1.3 to 2.9 % slower", or "0.4 % faster to 1.1 % slower". */
static const char *say_interval(double lo, double hi, char *text, size_t room)
{
    char low[32], high[32];
    say_change(lo, low, sizeof low);
    say_change(hi, high, sizeof high);
    if (lo >= 1)
        snprintf(text, room, "%.1f to %s", 100 * (lo - 1), high);
    else if (hi < 1)
        snprintf(text, room, "%.1f to %s", 100 * (1 / hi - 1), low);
    else
        snprintf(text, room, "%s to %s", low, high);
    return text;
}

const char *gate_text_why(const struct gate_options *options, const struct gate_result *r, char *text)
{
    char change[32], interval[72];
    double target = 100 * options->mde_target_ratio;
    int fewest = r->stage2 && r->pairs_stage2 < r->pairs_stage1 ? r->pairs_stage2 : r->pairs_stage1;

    say_change(r->ratio, change, sizeof change);
    say_interval(r->lo, r->hi, interval, sizeof interval);
    switch (r->why) {
    case GATE_WHY_CONFIRMED:
        snprintf(text, GATE_TEXT_MAX, "%s (%s), confirmed by a second stage", change, interval);
        break;
    case GATE_WHY_ALIKE:
        snprintf(text, GATE_TEXT_MAX, "no change of %.3g %% or more: %s (MDE %.1f %%)", target, interval,
                 100 * r->mde_gate);
        break;
    case GATE_WHY_SMALL:
        snprintf(text, GATE_TEXT_MAX, "%s (%s): less than the gate of %.3g %%", change, interval,
                 100 * options->gate_ratio);
        break;
    case GATE_WHY_CONTROL:
        snprintf(text, GATE_TEXT_MAX, "identical code: a control");
        break;
    case GATE_WHY_CONTROL_MOVED:
        snprintf(text, GATE_TEXT_MAX, "identical code, and yet %s: layout or the machine", change);
        break;
    case GATE_WHY_FEW_PAIRS:
        snprintf(text, GATE_TEXT_MAX, "%d usable pairs in a stage, at least %d needed", fewest, options->min_pairs);
        break;
    case GATE_WHY_DISTURBED:
        snprintf(text, GATE_TEXT_MAX, "%.0f %% of the rounds were disturbed, at most %.0f %% may be",
                 100 * r->dropped_share, 100 * options->dropped_max);
        break;
    case GATE_WHY_TIED:
        snprintf(text, GATE_TEXT_MAX, "%.0f %% of the rounds are tied: the clock is too coarse", 100 * r->tied_share);
        break;
    case GATE_WHY_MDE:
        snprintf(text, GATE_TEXT_MAX, "MDE %.1f %% is above %.3g %%", 100 * r->mde_gate, target);
        break;
    case GATE_WHY_UNCONFIRMED:
        snprintf(text, GATE_TEXT_MAX,
                 r->stage2 ? "%s in all, but the second stage does not confirm it"
                           : "%s, not confirmed: no second stage was run",
                 change);
        break;
    case GATE_WHY_FLOOR:
        snprintf(text, GATE_TEXT_MAX, "%s (%s): a layout floor of %.1f %% could explain it", change, interval,
                 100 * r->floor_ratio);
        break;
    case GATE_WHY_MANY:
        snprintf(text, GATE_TEXT_MAX, "%s (%s), confirmed alone, but not among so many cells", change, interval);
        break;
    case GATE_WHY_WIDE:
        snprintf(text, GATE_TEXT_MAX, "%s (%s): neither proven nor excluded", change, interval);
        break;
    case GATE_WHY_NOT_COMPARABLE:
        snprintf(text, GATE_TEXT_MAX, "the two sides cannot be compared");
        break;
    case GATE_WHY_WRONG_OUTPUT:
        snprintf(text, GATE_TEXT_MAX, "an output is wrong");
        break;
    case GATE_WHYS:
    default:
        snprintf(text, GATE_TEXT_MAX, "unknown");
    }
    return text;
}
