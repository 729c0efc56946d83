/* Arrays of recipes: "from", order of steps, agreement of names and steps. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compress/recipe.h"
#include "compress/recipe_name.h"
#include "compress/recipe_step.h"

enum { PATH_BYTES = 192 };

static enum status item_path(const struct json *doc, const char *path, int index, char *out)
{
    if (snprintf(out, PATH_BYTES, "%s[%d]", path, index) >= PATH_BYTES)
        return json_error(doc, path, "", "the path is too long");
    return ST_OK;
}

/* Index of the recipe `name`; -1 if there is none. */
static int find(const cJSON *recipes, const char *name)
{
    const cJSON *recipe;
    int index = 0;

    cJSON_ArrayForEach (recipe, recipes) {
        const cJSON *other = cJSON_GetObjectItemCaseSensitive(recipe, "name");
        if (cJSON_IsString(other) && strcmp(other->valuestring, name) == 0)
            return index;
        index++;
    }
    return -1;
}

/* Appends a step unless it breaks the order of recipe.h. */
static enum status append(const struct json *doc, const char *path, const struct recipe_step *step, struct recipe *io)
{
    const struct recipe_step *last = io->steps > 0 ? &io->step[io->steps - 1] : NULL;

    if (io->steps == RECIPE_MAX_STEPS)
        return json_error(doc, path, "step", "more than %d steps, those of \"from\" included", RECIPE_MAX_STEPS);
    if (last && last->op == RECIPE_PACK)
        return json_error(doc, path, "step", "%s after pack, which must be last", recipe_op_name(step->op));
    if (last && (last->op == RECIPE_PTQ || last->op == RECIPE_QAT) && step->op != RECIPE_PACK)
        return json_error(doc, path, "step", "%s after %s: only pack may follow a quantization",
                          recipe_op_name(step->op), recipe_op_name(last->op));
    if (last && (step->op == RECIPE_TRAIN || step->op == RECIPE_INIT))
        return json_error(doc, path, "step", "%s starts from random weights and must be first; use finetune",
                          recipe_op_name(step->op));
    for (int i = 0; step->op == RECIPE_PRUNE && step->kind == RECIPE_CHANNELS && i < io->steps; i++)
        if (io->step[i].op == RECIPE_PRUNE && io->step[i].kind != RECIPE_CHANNELS)
            return json_error(doc, path, "kind",
                              "channels go before single weights and blocks: removing them afterwards would "
                              "change the sparsity");
    if (step->op == RECIPE_FINETUNE && step->train.distill_weight > 0) {
        int compressed = 0;
        for (int i = 0; i < io->steps; i++)
            compressed |= io->step[i].op == RECIPE_PRUNE;
        if (!compressed)
            return json_error(doc, path, "distill_weight",
                              "there is no teacher before the first prune step; the teacher is the model before it");
    }
    io->step[io->steps++] = *step;
    return ST_OK;
}

static enum status append_steps(const struct json *doc, const cJSON *recipe, const char *path, const char *model,
                                int with_pack, struct recipe *io)
{
    const cJSON *steps = NULL, *item;
    char steps_path[PATH_BYTES + 8], step_path[PATH_BYTES];
    int index = 0;

    TRY(json_array(doc, recipe, path, "steps", &steps));
    if (cJSON_GetArraySize(steps) == 0)
        return json_error(doc, path, "steps", "empty; a recipe ends with a pack step");
    snprintf(steps_path, sizeof steps_path, "%s.steps", path);
    cJSON_ArrayForEach (item, steps) {
        struct recipe_step step;
        TRY(item_path(doc, steps_path, index++, step_path));
        TRY(recipe_step_parse(doc, item, step_path, model, &step));
        if (step.op == RECIPE_PACK && !with_pack && !item->next)
            break;
        TRY(append(doc, step_path, &step, io));
    }
    return ST_OK;
}

/* The chain of "from", this recipe first: chain[0] = index, chain[1] = what it is made from, ... */
static enum status resolve(const struct json *doc, const cJSON *recipes, const char *path, int index, int *chain,
                           int *out_length)
{
    static const char *const keys[] = {"name", "comment", "from", "steps", NULL};
    int length = 0;

    for (;;) {
        const cJSON *recipe = cJSON_GetArrayItem(recipes, index);
        const char *from = NULL;
        char here[PATH_BYTES];
        TRY(item_path(doc, path, index, here));
        TRY(json_keys(doc, recipe, here, keys));
        TRY(json_opt_text(doc, recipe, here, "from", &from));
        chain[length++] = index;
        if (!from)
            break;
        index = find(recipes, from);
        if (index < 0)
            return json_error(doc, here, "from", "there is no recipe '%.64s' in this file", from);
        for (int i = 0; i < length; i++)
            if (chain[i] == index)
                return json_error(doc, here, "from", "'%.64s' is made from this recipe: the chain is circular", from);
        if (length == RECIPE_MAX_STEPS)
            return json_error(doc, here, "from", "a chain of more than %d recipes", RECIPE_MAX_STEPS);
    }
    *out_length = length;
    return ST_OK;
}

/* The part of the name that a step is; 0 for steps that names do not tell. */
static int step_part(const struct recipe_step *step, struct recipe_part *out)
{
    double percent = 100 * step->sparsity;

    memset(out, 0, sizeof *out);
    switch (step->op) {
    case RECIPE_PRUNE:
        out->kind = (enum recipe_part_kind)(RECIPE_PART_UNSTRUCTURED + (int)step->kind); /* in the same order */
        out->rows = step->block_rows;
        out->cols = step->block_cols;
        out->percent = (int)lrint(percent);
        if (fabs(percent - out->percent) > 1e-6)
            out->percent = 0; /* no name says 12.5 % */
        return 1;
    case RECIPE_PTQ:
        out->kind = step->dynamic            ? RECIPE_PART_PTQ_DYNAMIC
                    : step->weight_bits == 4 ? RECIPE_PART_PTQ_W4
                                             : RECIPE_PART_PTQ_STATIC;
        return 1;
    case RECIPE_QAT:
        out->kind = step->weight_bits == 4 ? RECIPE_PART_QAT_W4 : RECIPE_PART_QAT;
        return 1;
    case RECIPE_INIT:
    case RECIPE_TRAIN:
    case RECIPE_FINETUNE:
    case RECIPE_PACK:
        break;
    }
    return 0;
}

/* The name that the steps would have: what an error suggests. */
static void name_of_steps(const struct recipe *recipe, char *out, size_t size)
{
    size_t used = 0;

    snprintf(out, size, "fp32");
    for (int i = 0; i < recipe->steps; i++) {
        struct recipe_part part;
        char text[24];
        if (!step_part(&recipe->step[i], &part))
            continue;
        recipe_part_name(&part, text, sizeof text);
        if (used + strlen(text) + 2 > size)
            return;
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "+" : "", text);
    }
}

static enum status check_name(const struct json *doc, const char *path, const struct recipe *recipe)
{
    struct recipe_part want[RECIPE_MAX_PARTS], have;
    char suggestion[RECIPE_NAME];
    int parts = 0, at = 0, agree = 1;

    if (recipe_name_parse(recipe->name, want, &parts) != ST_OK)
        return json_error(doc, path, "name", "%s", status_message());
    if (want[0].kind == RECIPE_PART_FP32)
        parts = 0;
    for (int i = 0; i < recipe->steps && agree; i++) {
        if (recipe->step[i].op == RECIPE_PRUNE && step_part(&recipe->step[i], &have) && have.percent == 0)
            return json_error(doc, path, "name", "no name tells a sparsity of %g: use whole percents",
                              recipe->step[i].sparsity);
        if (!step_part(&recipe->step[i], &have))
            continue;
        agree = at < parts && want[at].kind == have.kind && want[at].percent == have.percent &&
                want[at].rows == have.rows && want[at].cols == have.cols;
        at++;
    }
    if (agree && at == parts)
        return ST_OK;
    name_of_steps(recipe, suggestion, sizeof suggestion);
    return json_error(doc, path, "name", "'%s' disagrees with the steps, which make '%s'", recipe->name, suggestion);
}

enum status recipe_parse(const struct json *doc, const cJSON *recipes, const char *path, int index, const char *model,
                         struct recipe *out)
{
    struct recipe recipe = {0};
    const char *name = NULL;
    char here[PATH_BYTES];
    int chain[RECIPE_MAX_STEPS + 1], length = 0;

    if (index < 0 || index >= cJSON_GetArraySize(recipes))
        return status_fail(ST_BADARG, "%s: recipe %d does not exist", doc->file, index);
    TRY(item_path(doc, path, index, here));
    TRY(resolve(doc, recipes, path, index, chain, &length));
    TRY(json_text(doc, cJSON_GetArrayItem(recipes, index), here, "name", &name));
    if (strlen(name) >= RECIPE_NAME)
        return json_error(doc, here, "name", "longer than %d characters", RECIPE_NAME - 1);
    snprintf(recipe.name, sizeof recipe.name, "%s", name);
    for (int i = length - 1; i >= 0; i--) {
        char from[PATH_BYTES];
        TRY(item_path(doc, path, chain[i], from));
        TRY(append_steps(doc, cJSON_GetArrayItem(recipes, chain[i]), from, model, i == 0, &recipe));
    }
    if (recipe.steps == 0 || recipe.step[recipe.steps - 1].op != RECIPE_PACK)
        return json_error(doc, here, "steps", "the last step must be pack");
    TRY(check_name(doc, here, &recipe));
    *out = recipe;
    return ST_OK;
}

/* Overrides must be for models that the suite has: a misspelt name would silently change nothing. */
static enum status check_models(const struct json *doc, const cJSON *recipe, const char *path,
                                const char *const *models)
{
    const cJSON *step, *over;
    int index = 0;

    cJSON_ArrayForEach (step, cJSON_GetObjectItemCaseSensitive(recipe, "steps")) {
        cJSON_ArrayForEach (over, cJSON_GetObjectItemCaseSensitive(step, "models")) {
            char key[GRAPH_NAME + 48];
            int known = 0;
            for (int i = 0; models[i]; i++)
                known |= strcmp(models[i], over->string) == 0;
            snprintf(key, sizeof key, "steps[%d].models.%.*s", index, GRAPH_NAME, over->string);
            if (!known)
                return json_error(doc, path, key, "there is no model of this name in the suite");
        }
        index++;
    }
    return ST_OK;
}

/* With each override in turn, as recipe_parse for that model would meet it. */
static enum status check_overrides(const struct json *doc, const cJSON *recipes, const char *path, int index)
{
    const cJSON *step, *over;
    struct recipe recipe;

    cJSON_ArrayForEach (step, cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(recipes, index), "steps")) {
        cJSON_ArrayForEach (over, cJSON_GetObjectItemCaseSensitive(step, "models"))
            TRY(recipe_parse(doc, recipes, path, index, over->string, &recipe));
    }
    return ST_OK;
}

enum status recipe_check(const struct json *doc, const cJSON *recipes, const char *path, const char *const *models)
{
    struct recipe recipe;
    int count = cJSON_GetArraySize(recipes);

    if (!cJSON_IsArray(recipes))
        return json_error(doc, path, "", "expected an array of recipes");
    if (count < 1 || count > RECIPE_MAX)
        return json_error(doc, path, "", "%d recipes, expected 1 to %d", count, RECIPE_MAX);
    for (int i = 0; i < count; i++) {
        const cJSON *item = cJSON_GetArrayItem(recipes, i);
        char here[PATH_BYTES];
        TRY(item_path(doc, path, i, here));
        TRY(recipe_parse(doc, recipes, path, i, NULL, &recipe));
        if (find(recipes, recipe.name) != i)
            return json_error(doc, here, "name", "'%s' is given twice", recipe.name);
        if (models)
            TRY(check_models(doc, item, here, models));
        TRY(check_overrides(doc, recipes, path, i));
        for (int m = 0; models && models[m]; m++)
            TRY(recipe_parse(doc, recipes, path, i, models[m], &recipe));
    }
    return ST_OK;
}
