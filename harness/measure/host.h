/* Facts about this machine, this build and the libraries, for env.json; and what is wrong with them for measuring.
 *
 *   cJSON *facts, *warnings;
 *   TRY(host_facts(&facts));                         // takes ~0.3 s: it watches /proc/stat for a while
 *   TRY(host_warnings(facts, &warnings));            // array of sentences
 *   TRY(host_key(facts, "avx2", "simd", 1, key));    // absolute times are comparable within one key only */
#ifndef MEASURE_HOST_H
#define MEASURE_HOST_H

#include "base/hash.h"
#include "base/json.h"
#include "base/status.h"

/* Version of what is measured and how; part of the key. */
#define HOST_SCHEMA "packlight.env/1"

/* An object {schema, cpu, system, build, libraries, tools, memory_bytes, load, clock, isolation}; a fact that cannot be
 * had is null. Owned (cJSON_Delete). ST_NOMEM. */
enum status host_facts(cJSON **out_facts);

/* Comparability key: SHA-256 of vendor, family, model, stepping, hypervisor, logical CPUs, memory in GiB, kernel
 * major.minor, libc, compiler, flags and schema out of the facts, and of the ISA level, kernel variant and thread
 * count that the caller used. Clock rates, cache sizes, host name, load and commit are not in it: they differ between
 * runs on one machine. */
enum status host_key(const cJSON *facts, const char *isa, const char *kernel, int threads, char out_hex[HASH_HEX]);

/* Sentences about what would spoil figures; empty when all is well. A pure function of the facts. Owned. ST_NOMEM. */
enum status host_warnings(const cJSON *facts, cJSON **out_warnings);

/* The same in one line, each sentence up to its first colon, bracket or full stop: "2 warnings: this is a sanitize
 * build; the machine runs on its battery; figures may be spoiled". "" when there are none. Returns the buffer. */
const char *host_warnings_line(const cJSON *warnings, char *buffer, size_t size);

#endif
