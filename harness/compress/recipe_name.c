/* The grammar of recipe names. */
#include "compress/recipe_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char grammar[] = "expected fp32, or parts joined by '+': prune-c<percent>, prune-u<percent>, then at most "
                              "one of ptq-dyn-s8, ptq-s8, qat-s8";

/* "prune-u90" → 'u', 90. 1..99 without leading zeros, so that one variant has one name. */
static int parse_prune(const char *part, size_t len, struct recipe_part *out)
{
    const char *digits = part + 7;
    size_t count = len > 7 ? len - 7 : 0;

    if (len < 8 || (memcmp(part, "prune-u", 7) != 0 && memcmp(part, "prune-c", 7) != 0))
        return 0;
    if (count > 2 || digits[0] < '1' || digits[0] > '9' || (count == 2 && (digits[1] < '0' || digits[1] > '9')))
        return 0;
    out->kind = part[6] == 'u' ? RECIPE_PART_UNSTRUCTURED : RECIPE_PART_CHANNELS;
    out->percent = digits[0] - '0';
    if (count == 2)
        out->percent = 10 * out->percent + digits[1] - '0';
    return 1;
}

static int parse_part(const char *part, size_t len, struct recipe_part *out)
{
    static const struct {
        const char *name;
        enum recipe_part_kind kind;
    } fixed[] = {{"fp32", RECIPE_PART_FP32},
                 {"ptq-dyn-s8", RECIPE_PART_PTQ_DYNAMIC},
                 {"ptq-s8", RECIPE_PART_PTQ_STATIC},
                 {"qat-s8", RECIPE_PART_QAT}};

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (strlen(fixed[i].name) == len && memcmp(fixed[i].name, part, len) == 0) {
            out->kind = fixed[i].kind;
            out->percent = 0;
            return 1;
        }
    return parse_prune(part, len, out);
}

static int is_quantization(enum recipe_part_kind kind)
{
    return kind == RECIPE_PART_PTQ_DYNAMIC || kind == RECIPE_PART_PTQ_STATIC || kind == RECIPE_PART_QAT;
}

enum status recipe_name_parse(const char *name, struct recipe_part *out_part, int *out_parts)
{
    struct recipe_part part[RECIPE_MAX_PARTS];
    int parts = 0;

    if (strlen(name) >= RECIPE_NAME)
        return status_fail(ST_BADARG, "recipe name '%.20s...': longer than %d characters", name, RECIPE_NAME - 1);
    for (const char *at = name;; at++) {
        size_t len = strcspn(at, "+");
        if (parts == RECIPE_MAX_PARTS)
            return status_fail(ST_BADARG, "recipe name '%s': more than %d parts", name, RECIPE_MAX_PARTS);
        if (!parse_part(at, len, &part[parts]))
            return status_fail(ST_BADARG, "recipe name '%s': unknown part '%.*s'; %s", name, (int)len, at, grammar);
        if (parts > 0 && (part[parts].kind == RECIPE_PART_FP32 || part[0].kind == RECIPE_PART_FP32))
            return status_fail(ST_BADARG, "recipe name '%s': fp32 stands alone; %s", name, grammar);
        if (parts > 0 && is_quantization(part[parts - 1].kind))
            return status_fail(ST_BADARG, "recipe name '%s': nothing follows a quantization; %s", name, grammar);
        parts++;
        at += len;
        if (!*at)
            break;
    }
    memcpy(out_part, part, (size_t)parts * sizeof *part);
    *out_parts = parts;
    return ST_OK;
}

enum status recipe_name_check(const char *name)
{
    struct recipe_part part[RECIPE_MAX_PARTS];
    int parts;

    return recipe_name_parse(name, part, &parts);
}

const char *recipe_family(const char *name)
{
    struct recipe_part part[RECIPE_MAX_PARTS];
    int parts;

    if (recipe_name_parse(name, part, &parts) != ST_OK)
        return NULL;
    if (part[0].kind == RECIPE_PART_FP32)
        return "fp32";
    if (!is_quantization(part[parts - 1].kind))
        return "pruned";
    if (parts > 1)
        return "combined";
    return part[0].kind == RECIPE_PART_QAT ? "qat" : "ptq";
}

void recipe_part_name(const struct recipe_part *part, char *out, size_t size)
{
    switch (part->kind) {
    case RECIPE_PART_FP32:
        snprintf(out, size, "fp32");
        break;
    case RECIPE_PART_UNSTRUCTURED:
        snprintf(out, size, "prune-u%d", part->percent);
        break;
    case RECIPE_PART_CHANNELS:
        snprintf(out, size, "prune-c%d", part->percent);
        break;
    case RECIPE_PART_PTQ_DYNAMIC:
        snprintf(out, size, "ptq-dyn-s8");
        break;
    case RECIPE_PART_PTQ_STATIC:
        snprintf(out, size, "ptq-s8");
        break;
    case RECIPE_PART_QAT:
        snprintf(out, size, "qat-s8");
        break;
    }
}
