/* A run's folder: its name, its env.json and its growing records.jsonl, written so that a kill at any instant loses at
 * most the record in flight. What the kinds of runs share. */
#ifndef RUNDIR_H
#define RUNDIR_H

#include <limits.h>

#include "base/json.h"
#include "report/record.h"

/* out_dir if given; with resume and none, where `link` ("results/latest") points; otherwise a new
 * results/<date>-<host>-<commit>. ST_BADARG. */
enum status rundir_name(const char *out_dir, int resume, const char *link, char out_path[PATH_MAX]);

/* Facts of the machine and the build, warnings about them (also on stderr, yellow on a terminal) and `run`, which gets
 * the command line and the time of day. Takes over `run`. ST_NOMEM, ST_IO. */
enum status rundir_write_env(const char *path, int argc, char **argv, cJSON *run);

/* --resume: ST_BADARG unless the run in env.json at `path` has the same texts as `now` under these keys
 * (NULL-terminated), or none like it. */
enum status rundir_check_same(const char *path, const char *dir, const cJSON *now, const char *const *keys);

/* Adds one line to dir/records.jsonl and syncs it. */
enum status rundir_append(const char *dir, const struct record *record);

/* Warnings about the machine as it is now, on stderr: for a run that goes on. */
void rundir_warn_now(void);
/* The warnings of dir/env.json again in one line on stderr, behind a run's last figures; nothing when there are none.
 */
void rundir_repeat_warnings(const char *dir);

/* The message of an interrupted run: the user's own command line with what makes it go on. Returns ST_INTERRUPTED. */
enum status rundir_interrupted(int argc, char **argv, const char *dir);

#endif
