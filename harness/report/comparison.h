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
 *   comparison_init(&comparison);
 *   comparison.head.exit_code = ...                            // and the rest of the head
 *   TRY_OUT(comparison_add(&comparison, &row));                // then record_set(&row->cell, ...) and so on
 *   TRY_OUT(comparison_save(&comparison, dir));
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

enum { COMPARISON_TEXT = 256, COMPARISON_MAX_ROWS = 20000 };

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
    size_t rows, room;          /* room: rows that fit before the array grows */
    char *dir;                  /* owned; NULL when it was never in a folder */
    struct json env;            /* root NULL when there is none */
};

/* No rows; figures of the head not finite where they may be missing, counts 0. */
void comparison_init(struct comparison *comparison);
/* The fields of struct comparison_row, static. */
const struct record_field *comparison_fields(size_t *out_n);
/* Every field null. */
void comparison_row_init(struct comparison_row *row);
void comparison_row_free(struct comparison_row *row);
/* Appends an empty row; *out is borrowed and valid until the next call. ST_BADARG above COMPARISON_MAX_ROWS, ST_NOMEM.
 */
enum status comparison_add(struct comparison *comparison, struct comparison_row **out);
/* The row of this cell, metric and role, or NULL. Borrowed. */
const struct comparison_row *comparison_find(const struct comparison *comparison, const char *cell, const char *metric,
                                             const char *role);

/* ST_BADARG, with the reason, unless the comparison says something that can be read back: a known kind, a verdict with
 * its exit code, counts from 0 to 2^53; rows with cell, metric, a known role and a verdict of that role, intervals the
 * right way round, p-values from 0 to 1, none twice. */
enum status comparison_check(const struct comparison *comparison);
/* The exit code of a verdict of the whole ("pass" 0, "regressed" 1, "inconclusive" 3, "environment-refused" 4,
 * "incorrect" 5), -1 for another word. */
int comparison_exit_code(const char *verdict);

/* Writes verdicts.jsonl and verdict.json (whole files, renamed into place). Same comparison, same bytes. ST_BADARG as
 * comparison_check, ST_IO. */
enum status comparison_save(const struct comparison *comparison, const char *dir);
/* 1 if DIR holds a comparison (a verdict.json). */
int comparison_is(const char *dir);
/* Strict: types, ranges and what comparison_check asks; verdict.json tells how many rows there are, and so many must
 * be there. Keys of a newer writer are ignored, missing ones are null. ST_IO; ST_FORMAT naming file, line and key. */
enum status comparison_load(const char *dir, struct comparison *out);
/* Accepts NULL; the comparison is then as after comparison_init. */
void comparison_free(struct comparison *comparison);

#endif
