/* The grammar of recipe names. */
#include "compress/recipe_name.h"

#include <stdio.h>
#include <string.h>

#include "compress/prune.h"

static const char grammar[] = "expected fp32, or parts joined by '+': prune-c<percent>, prune-u<percent>, "
                              "prune-b<outputs>x<inputs>-<percent>, then at most one of ptq-dyn-s8, ptq-s8, ptq-w4a8, "
                              "qat-s8, qat-w4a8";

/* A number of one or two digits from 1 to `most` without leading zeros, so that one variant has one name. Returns the
 * digits read, 0 for none. */
static int parse_number(const char *at, const char *end, int most, int *out)
{
    int digits = 0, number = 0;

    while (at + digits < end && digits < 3 && at[digits] >= '0' && at[digits] <= '9')
        number = 10 * number + at[digits++] - '0';
    if (digits == 0 || at[0] == '0' || number > most)
        return 0;
    *out = number;
    return digits;
}

/* "8x1-" → 8, 1; returns the characters read, 0 if it is none. */
static int parse_block(const char *at, const char *end, struct recipe_part *out)
{
    int first = parse_number(at, end, PRUNE_MAX_BLOCK, &out->rows), second;

    if (!first || at + first >= end || at[first] != 'x')
        return 0;
    second = parse_number(at + first + 1, end, PRUNE_MAX_BLOCK, &out->cols);
    if (!second || at + first + 1 + second >= end || at[first + 1 + second] != '-')
        return 0;
    return first + second + 2;
}

/* "prune-u90", "prune-c50", "prune-b8x1-80". */
static int parse_prune(const char *part, size_t len, struct recipe_part *out)
{
    static const char kinds[] = "ucb";
    const char *end = part + len, *at = part + 7, *kind;
    struct recipe_part parsed = {0};

    if (len < 8 || memcmp(part, "prune-", 6) != 0)
        return 0;
    kind = strchr(kinds, part[6]);
    if (!kind || !*kind)
        return 0;
    parsed.kind = (enum recipe_part_kind)(RECIPE_PART_UNSTRUCTURED + (int)(kind - kinds));
    if (parsed.kind == RECIPE_PART_BLOCKS) {
        int used = parse_block(at, end, &parsed);
        if (!used)
            return 0;
        at += used;
    }
    if (parse_number(at, end, 99, &parsed.percent) != end - at || at == end)
        return 0;
    *out = parsed;
    return 1;
}

static int parse_part(const char *part, size_t len, struct recipe_part *out)
{
    static const struct {
        const char *name;
        enum recipe_part_kind kind;
    } fixed[] = {{"fp32", RECIPE_PART_FP32},         {"ptq-dyn-s8", RECIPE_PART_PTQ_DYNAMIC},
                 {"ptq-s8", RECIPE_PART_PTQ_STATIC}, {"ptq-w4a8", RECIPE_PART_PTQ_W4},
                 {"qat-s8", RECIPE_PART_QAT},        {"qat-w4a8", RECIPE_PART_QAT_W4}};

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (strlen(fixed[i].name) == len && memcmp(fixed[i].name, part, len) == 0) {
            *out = (struct recipe_part){.kind = fixed[i].kind};
            return 1;
        }
    return parse_prune(part, len, out);
}

static int is_qat(enum recipe_part_kind kind)
{
    return kind == RECIPE_PART_QAT || kind == RECIPE_PART_QAT_W4;
}

static int is_quantization(enum recipe_part_kind kind)
{
    return kind == RECIPE_PART_PTQ_DYNAMIC || kind == RECIPE_PART_PTQ_STATIC || kind == RECIPE_PART_PTQ_W4 ||
           is_qat(kind);
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
    return is_qat(part[0].kind) ? "qat" : "ptq";
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
    case RECIPE_PART_BLOCKS:
        snprintf(out, size, "prune-b%dx%d-%d", part->rows, part->cols, part->percent);
        break;
    case RECIPE_PART_PTQ_DYNAMIC:
        snprintf(out, size, "ptq-dyn-s8");
        break;
    case RECIPE_PART_PTQ_STATIC:
        snprintf(out, size, "ptq-s8");
        break;
    case RECIPE_PART_PTQ_W4:
        snprintf(out, size, "ptq-w4a8");
        break;
    case RECIPE_PART_QAT_W4:
        snprintf(out, size, "qat-w4a8");
        break;
    case RECIPE_PART_QAT:
        snprintf(out, size, "qat-s8");
        break;
    }
}
