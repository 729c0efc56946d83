#include "bench_line.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ID_LEAST = 24, ID_MOST = 160, REASON_LEAST = 30 };

/* Exactly `width` columns: padded, or with ".." in place of its middle. Ids are ASCII. */
static void fit_id(const char *id, int width, char *out)
{
    int len = (int)strlen(id), head, tail;

    if (len <= width) {
        snprintf(out, ID_MOST + 1, "%-*s", width, id);
        return;
    }
    head = (width - 2) / 2;
    tail = width - 2 - head;
    snprintf(out, ID_MOST + 1, "%.*s..%s", head, id, id + len - tail);
}

static void figures_of(const struct record *record, int accuracy, int bytes, char *out, size_t size)
{
    size_t used;

    if (strcmp(record->status, "ok") != 0) {
        snprintf(out, size, "%s: %.120s", record->status, record->reason ? record->reason : "");
        return;
    }
    used = (size_t)snprintf(out, size, "%10.2f us  %6.2fx", record->latency_ns_median / 1000,
                            record->speedup_vs_fp32_simd);
    if (accuracy && isnan(record->accuracy_top1))
        used += (size_t)snprintf(out + used, size - used, "  no data ");
    else if (accuracy)
        used += (size_t)snprintf(out + used, size - used, "  %6.2f %%", 100 * record->accuracy_top1);
    if (bytes)
        snprintf(out + used, size - used, "  %8lld B", (long long)record->size_file_bytes);
}

const char *bench_line(const struct record *record, size_t done, size_t all, const char *left, int id_width,
                       int columns, char *buffer, size_t size)
{
    char head[64], figures[192], id[ID_MOST + 1];
    int width = id_width > ID_MOST ? ID_MOST : id_width;

    if ((int)strlen(record->cell) > width && columns == 0)
        width = ID_MOST;
    for (int less = 0; less <= 3; less++) {
        int free_columns, wanted;
        int digits = snprintf(NULL, 0, "%zu", all);
        if (less < 2)
            snprintf(head, sizeof head, "[%*zu/%zu, %8.20s left] ", digits, done, all, left);
        else
            snprintf(head, sizeof head, "[%*zu/%zu] ", digits, done, all);
        figures_of(record, less < 3, less < 1, figures, sizeof figures);
        wanted = (int)strlen(figures);
        if (strcmp(record->status, "ok") != 0 && wanted > REASON_LEAST)
            wanted = REASON_LEAST; /* rather half a reason than half a name */
        free_columns = columns - 1 - (int)strlen(head) - 1 - wanted;
        if (columns == 0 || free_columns >= width)
            break;
        if (less == 3)
            width = free_columns > ID_LEAST ? free_columns : ID_LEAST;
    }
    fit_id(record->cell, width, id);
    snprintf(buffer, size, "%s%s %s", head, id, figures);
    /* A reason may be long, and the least is more than the narrowest terminals have. */
    if (columns > 0 && (int)strlen(buffer) > columns - 1)
        buffer[columns - 1] = 0;
    return buffer;
}
