/* Results as lines of JSON, schema "packlight.pairs/1", which duet.h declares. Columns and not records: what belongs
 * together compresses well. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "measure/duet_inside.h"

static void put_text(FILE *file, const char *text)
{
    cJSON *item = cJSON_CreateString(text);
    char *printed = item ? cJSON_PrintUnformatted(item) : NULL;

    /* An unfinished line is never handed over: a JSON reader would refuse it. */
    fputs(printed ? printed : "", file);
    cJSON_free(printed);
    cJSON_Delete(item);
}

static void put_number(FILE *file, double value)
{
    char buffer[32];
    fputs(isfinite(value) ? number_text(value, buffer) : "null", file);
}

static void put_both(FILE *file, const char *key, double a, double b)
{
    fprintf(file, ",\"%s\":[", key);
    put_number(file, a);
    fputc(',', file);
    put_number(file, b);
    fputc(']', file);
}

static void put_cuts(FILE *file, const struct duet_result *result)
{
    fputs(",\"cut\":[", file);
    for (int arm = 0; arm < DUET_ARMS; arm++) {
        fputs(arm ? ",[" : "[", file);
        for (int s = 0; result->slices > 0 && s <= result->slices; s++)
            fprintf(file, "%s%" PRIu32, s ? "," : "", result->cut[arm][s]);
        fputc(']', file);
    }
    fputc(']', file);
}

static void put_plan(FILE *file, const struct duet_result *result)
{
    const struct host_watch_summary *host = &result->host;

    fputs(",\"arms\":[", file);
    put_text(file, result->name[DUET_A]);
    fputc(',', file);
    put_text(file, result->name[DUET_B]);
    fprintf(file, "],\"facts\":[%s,%s]", result->facts[DUET_A], result->facts[DUET_B]);
    fprintf(file, ",\"output_hash\":[\"%s\",\"%s\"]", result->output_hash[DUET_A], result->output_hash[DUET_B]);
    put_both(file, "threads", result->threads[DUET_A], result->threads[DUET_B]);
    put_both(file, "inflate_ratio", result->inflate_ratio[DUET_A], result->inflate_ratio[DUET_B]);
    fprintf(file, ",\"rounds\":%d,\"best_of\":%d,\"calls\":%" PRIu64 ",\"slices\":%d", result->rounds, result->best_of,
            result->calls, result->slices);
    put_cuts(file, result);
    fputs(",\"contamination_ratio\":", file);
    put_number(file, result->contamination_ratio);
    fprintf(file, ",\"cpu\":%d,\"elapsed_s\":", result->cpu);
    put_number(file, result->elapsed_s);
    fprintf(file,
            ",\"host\":{\"blocks\":%d,\"blocks_stolen\":%d,\"blocks_busy\":%d,\"steal_ratio_median\":", host->blocks,
            host->blocks_stolen, host->blocks_busy);
    put_number(file, host->steal_ratio_median);
    fputs(",\"runnable_median\":", file);
    put_number(file, host->runnable_median);
    fputc('}', file);
}

enum column { COLUMN_WALL, COLUMN_CPU, COLUMN_SWITCHES, COLUMN_FAULTS, COLUMNS };
static const char *const column_key[COLUMNS] = {"wall_ns", "cpu_ns", "switches", "faults"};

static uint64_t column_get(const struct batch *batch, enum column column)
{
    switch (column) {
    case COLUMN_WALL:
        return batch->wall_ns;
    case COLUMN_CPU:
        return batch->cpu_ns;
    case COLUMN_SWITCHES:
        return batch->switches;
    default:
        return batch->faults;
    }
}

static void put_column(FILE *file, const struct duet_result *result, int p, enum column column)
{
    int width = duet_result_width(result);

    fprintf(file, ",\"%s\":[", column_key[column]);
    for (int arm = 0; arm < DUET_ARMS; arm++) {
        fputs(arm ? ",[" : "[", file);
        for (int r = 0; r < result->rounds; r++)
            for (int i = 0; i < width; i++)
                fprintf(file, "%s%" PRIu64, r || i ? "," : "", column_get(&duet_batches(result, p, r, arm)[i], column));
        fputc(']', file);
    }
    fputc(']', file);
}

static void put_pair(FILE *file, const struct duet_result *result, int p)
{
    const struct duet_pair *pair = &result->pair[p];
    const struct duet_side *a = &pair->side[DUET_A], *b = &pair->side[DUET_B];

    fprintf(file, "%s{\"program\":[%d,%d]", p ? "," : "", a->program, b->program);
    put_both(file, "load_ns", a->load_ns, b->load_ns);
    put_both(file, "plan_ns", a->plan_ns, b->plan_ns);
    put_both(file, "first_ns", a->first_ns, b->first_ns);
    put_both(file, "warmup_s", a->warmup_s, b->warmup_s);
    put_both(file, "clock_ns", a->clock_ns, b->clock_ns);
    fprintf(file, ",\"steady\":[%d,%d],\"b_first\":[", a->steady != 0, b->steady != 0);
    for (int r = 0; r < result->rounds; r++)
        fprintf(file, "%s%d", r ? "," : "", pair->round[r].b_first);
    fputs("],\"start_s\":[", file);
    for (int r = 0; r < result->rounds; r++) {
        fputs(r ? "," : "", file);
        put_number(file, pair->round[r].start_s);
    }
    fputc(']', file);
    for (int column = 0; column < COLUMNS; column++)
        put_column(file, result, p, (enum column)column);
    fputc('}', file);
}

enum status duet_raw_write(const struct duet_result *result, const struct duet_label *label, char **out_line,
                           size_t *out_len)
{
    char *line = NULL;
    size_t len = 0;
    FILE *file = open_memstream(&line, &len);
    int bad;

    if (!file)
        return status_fail(ST_NOMEM, "no memory for the raw times of %s", label->cell);
    fputs("{\"schema\":\"packlight.pairs/1\",\"cell\":", file);
    put_text(file, label->cell);
    fputs(",\"role\":", file);
    put_text(file, label->role);
    /* A number would lose digits of 64 bits in most readers. */
    fprintf(file, ",\"stage\":%d,\"seed\":\"%" PRIu64 "\"", label->stage, result->seed);
    put_plan(file, result);
    fputs(",\"pairs\":[", file);
    for (int p = 0; p < result->pairs; p++)
        put_pair(file, result, p);
    fputs("]}\n", file);
    bad = ferror(file);
    if (fclose(file) != 0 || bad) {
        free(line);
        return status_fail(ST_NOMEM, "no memory for the raw times of %s", label->cell);
    }
    *out_line = line;
    *out_len = len;
    return ST_OK;
}
