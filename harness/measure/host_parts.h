/* The parts of host_facts; not for others. Each returns an object, owned; NULL when memory ran out. */
#ifndef MEASURE_HOST_PARTS_H
#define MEASURE_HOST_PARTS_H

#include <cjson/cJSON.h>

cJSON *host_cpu(void);       /* libcpuid's facts; nulls where the processor cannot be identified */
cJSON *host_system(void);    /* kernel, libc, settings of the operating system */
cJSON *host_load(void);      /* watches /proc/stat for 200 ms */
cJSON *host_libraries(void); /* versions that are linked */
cJSON *host_tools(void);     /* versions of the programs that are called */

/* Adds the text, or null for NULL and "". 1 on success. */
int host_add_text(cJSON *object, const char *key, const char *text);

#endif
