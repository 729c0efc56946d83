/* A finished comparison as everything else reads it. A comparison's folder holds
 *
 *   env.json         facts of the machine, the build and the command; run.kind is "comparison"
 *   pairs.jsonl      raw: every process pair of every cell and stage (schema packlight.pairs/1); absent when two run
 *                    folders were compared
 *   verdicts.jsonl   schema packlight.verdict/1: one line per struct comparison_row
 *   verdict.json     schema packlight.comparison/1: struct comparison_head
 *
 * The last two are a pure function of pairs.jsonl and env.json: the same bytes every time.
 *
 *   TRY(comparison_load("results/latest-compare", &comparison));
 *   for (size_t i = 0; i < comparison.rows; i++) ... comparison.row[i].verdict ...
 *   comparison_free(&comparison); */
#ifndef REPORT_COMPARISON_H
#define REPORT_COMPARISON_H

#include "base/hash.h"
#include "report/record.h"

#define COMPARISON_SCHEMA "packlight.comparison/1"
#define COMPARISON_ROW_SCHEMA "packlight.verdict/1"

enum { COMPARISON_TEXT = 256 };

struct comparison_row {
#define COMPARISON_FIELD(kind, key, unit, title, decimals) RECORD_MEMBER_##kind(key)
#include "report/comparison.def"
};

/* One of the two sides. */
struct comparison_side {
    char name[COMPARISON_TEXT];   /* as the user gave it: a path, a recipe */
    char label[COMPARISON_TEXT];  /* short, for titles: "ba0ad253af", "anchor", "lenet5-qat-s8.plk" */
    char commit[COMPARISON_TEXT]; /* of the build; "" when unknown */
    char code_id[HASH_HEX];       /* machine code of the build; "" when unknown */
};

/* What is said about the whole. */
struct comparison_head {
    char kind[32]; /* builds, models, recipes, runs */
    char title[COMPARISON_TEXT];
    struct comparison_side a, b;
    char verdict[32];             /* pass regressed inconclusive environment-refused incorrect */
    int exit_code;                /* design: 0 1 3 4 5 */
    char reason[COMPARISON_TEXT]; /* one sentence */
    int64_t cells_expected, cells_gated, cells_conclusive;
    int64_t regressed, improved, no_change, inconclusive, not_comparable, incorrect; /* gated rows */
    double gate_ratio, floor_ratio, mde_target;                                      /* 0.02, 0.01, 0.03 */
    double alpha_run, alpha_stage;
    double geomean_ratio, geomean_ci95[2]; /* matched gated cells; NaN when there is none */
    double shift_ratio;                    /* a shift that most cells share; NaN: none */
    int64_t rounds_kept, rounds_dropped, rounds_tied;
    int64_t blocks, blocks_stolen, blocks_busy; /* looks at /proc/stat: steal > 20 %, others waiting for a CPU */
    double steal_median;
    double mde_median, mde_p90;
    double seconds;  /* measuring took */
    int64_t attempt; /* 1: the first try of this comparison */
    int64_t seed;
};

struct comparison {
    struct comparison_head head;
    struct comparison_row *row; /* owned; gated cells in running order, then info, then sentinels */
    size_t rows;
    char *dir;       /* owned; NULL when it was never in a folder */
    struct json env; /* root NULL when there is none */
};

/* The fields of struct comparison_row, static. */
const struct record_field *comparison_fields(size_t *out_n);
/* Every field null. */
void comparison_row_init(struct comparison_row *row);
void comparison_row_free(struct comparison_row *row);
/* Appends an empty row; *out is borrowed and valid until the next call. ST_NOMEM. */
enum status comparison_add(struct comparison *comparison, struct comparison_row **out);
/* The row of this cell, metric and role, or NULL. Borrowed. */
const struct comparison_row *comparison_find(const struct comparison *comparison, const char *cell, const char *metric,
                                             const char *role);

/* Writes verdicts.jsonl and verdict.json (whole files, renamed into place). Same comparison, same bytes. ST_IO. */
enum status comparison_save(const struct comparison *comparison, const char *dir);
/* 1 if DIR holds a comparison (a verdict.json). */
int comparison_is(const char *dir);
/* Strict; ST_IO, ST_FORMAT naming file and line. */
enum status comparison_load(const char *dir, struct comparison *out);
void comparison_free(struct comparison *comparison);

#endif
