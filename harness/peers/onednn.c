#include "peers/onednn.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Data pointers become function pointers through their bytes: ISO C knows no cast between them, POSIX guarantees it. */
static int load_call(void *library, const char *name, void *out_pointer)
{
    void *found = dlsym(library, name);
    memcpy(out_pointer, &found, sizeof found);
    return found != NULL;
}

enum status onednn_load(struct onednn **out)
{
    struct onednn *d = calloc(1, sizeof *d);
    char name[32];

    if (!d)
        return status_fail(ST_NOMEM, "no memory for oneDNN");
    /* Read by its thread library when that is loaded; one thread is all we ask for. */
    setenv("OMP_NUM_THREADS", "1", 1);
    snprintf(name, sizeof name, "libdnnl.so.%d", DNNL_VERSION_MAJOR);
    d->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!d->library) {
        free(d);
        return status_fail(ST_SKIP, "oneDNN cannot be loaded: %.200s", dlerror());
    }
#define X(call)                                                                                                        \
    if (!load_call(d->library, #call, &d->call)) {                                                                     \
        onednn_unload(d);                                                                                              \
        return status_fail(ST_SKIP, "%s has no %s", name, #call);                                                      \
    }
    ONEDNN_CALLS(X)
#undef X
    *out = d;
    return ST_OK;
}

/* The library stays loaded: its threads' clean-up code must not vanish under them. */
void onednn_unload(struct onednn *d)
{
    if (!d)
        return;
    if (d->stream)
        d->dnnl_stream_destroy(d->stream);
    if (d->engine)
        d->dnnl_engine_destroy(d->engine);
    free(d);
}

enum status onednn_try(dnnl_status_t status, const char *what)
{
    static const char *const words[] = {"success",       "out of memory", "invalid arguments", "not implemented here",
                                        "iterator ends", "runtime error", "not required"};
    if (status == dnnl_success)
        return ST_OK;
    return status_fail(status == dnnl_out_of_memory ? ST_NOMEM : ST_SKIP, "oneDNN: %s: %s", what,
                       (size_t)status < sizeof words / sizeof *words ? words[status] : "unknown status");
}

enum status onednn_chain_new(struct onednn *d, struct onednn_chain **out)
{
    struct onednn_chain *chain = calloc(1, sizeof *chain);
    if (!chain)
        return status_fail(ST_NOMEM, "no memory for oneDNN's primitives");
    chain->d = d;
    *out = chain;
    return ST_OK;
}

void onednn_chain_free(struct onednn_chain *chain)
{
    if (!chain)
        return;
    for (int i = 0; i < chain->steps; i++)
        chain->d->dnnl_primitive_destroy(chain->step[i].primitive);
    for (int i = 0; i < chain->memories; i++)
        chain->d->dnnl_memory_destroy(chain->memory[i]);
    free(chain);
}

void onednn_chain_run(void *context)
{
    struct onednn_chain *chain = context;
    const struct onednn *d = chain->d;

    for (int i = 0; i < chain->steps; i++) {
        dnnl_status_t status =
            d->dnnl_primitive_execute(chain->step[i].primitive, d->stream, chain->step[i].args, chain->step[i].arg);
        chain->status = status == dnnl_success ? chain->status : status;
    }
    d->dnnl_stream_wait(d->stream);
}

dnnl_memory_desc_t onednn_desc(const struct onednn *d, int ndims, const int *dims, dnnl_data_type_t type,
                               dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t desc;
    dnnl_dims_t wide = {0};

    memset(&desc, 0, sizeof desc);
    for (int i = 0; i < ndims; i++)
        wide[i] = dims[i];
    (void)d->dnnl_memory_desc_init_by_tag(&desc, ndims, wide, type, tag);
    return desc;
}

enum status onednn_tensor(struct onednn_chain *chain, const dnnl_memory_desc_t *desc, const void *data,
                          dnnl_memory_t *out)
{
    dnnl_memory_t memory;

    if (chain->memories == ONEDNN_MEMORIES)
        return status_fail(ST_SKIP, "oneDNN: more than %d tensors", ONEDNN_MEMORIES);
    TRY(onednn_try(chain->d->dnnl_memory_create(&memory, desc, chain->d->engine,
                                                data ? (void *)(uintptr_t)data : DNNL_MEMORY_ALLOCATE),
                   "a tensor"));
    *out = chain->memory[chain->memories++] = memory;
    return ST_OK;
}

static enum status make_reorder(struct onednn_chain *chain, dnnl_memory_t from, const dnnl_memory_desc_t *to,
                                const_dnnl_primitive_attr_t attr, dnnl_primitive_t *out)
{
    const struct onednn *d = chain->d;
    const dnnl_memory_desc_t *have = NULL;
    dnnl_primitive_desc_t pd;
    dnnl_status_t status;

    TRY(onednn_try(d->dnnl_memory_get_memory_desc(from, &have), "a tensor's layout"));
    TRY(onednn_try(d->dnnl_reorder_primitive_desc_create(&pd, have, d->engine, to, d->engine, attr), "reorder"));
    status = d->dnnl_primitive_create(out, pd);
    d->dnnl_primitive_desc_destroy(pd);
    return onednn_try(status, "reorder");
}

static enum status append(struct onednn_chain *chain, dnnl_primitive_t primitive, const dnnl_exec_arg_t *arg, int args)
{
    if (chain->steps == ONEDNN_STEPS || args > ONEDNN_ARGS) {
        chain->d->dnnl_primitive_destroy(primitive);
        return status_fail(ST_SKIP, "oneDNN: more than %d primitives", ONEDNN_STEPS);
    }
    chain->step[chain->steps].primitive = primitive;
    memcpy(chain->step[chain->steps].arg, arg, (size_t)args * sizeof *arg);
    chain->step[chain->steps++].args = args;
    return ST_OK;
}

enum status onednn_copy(struct onednn_chain *chain, dnnl_memory_t from, dnnl_memory_t to,
                        const_dnnl_primitive_attr_t attr, int now)
{
    const struct onednn *d = chain->d;
    const dnnl_exec_arg_t arg[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    const dnnl_memory_desc_t *want = NULL;
    dnnl_primitive_t primitive;
    dnnl_status_t status;

    TRY(onednn_try(d->dnnl_memory_get_memory_desc(to, &want), "a tensor's layout"));
    TRY(make_reorder(chain, from, want, attr, &primitive));
    if (!now)
        return append(chain, primitive, arg, 2);
    status = d->dnnl_primitive_execute(primitive, d->stream, 2, arg);
    d->dnnl_stream_wait(d->stream);
    d->dnnl_primitive_destroy(primitive);
    return onednn_try(status, "reorder");
}

enum status onednn_reorder(struct onednn_chain *chain, dnnl_memory_t from, const dnnl_memory_desc_t *to, int now,
                           dnnl_memory_t *out)
{
    const dnnl_memory_desc_t *have = NULL;
    dnnl_memory_t fresh;

    TRY(onednn_try(chain->d->dnnl_memory_get_memory_desc(from, &have), "a tensor's layout"));
    if (chain->d->dnnl_memory_desc_equal(have, to)) {
        *out = from;
        return ST_OK;
    }
    TRY(onednn_tensor(chain, to, NULL, &fresh));
    TRY(onednn_copy(chain, from, fresh, NULL, now));
    *out = fresh;
    return ST_OK;
}

enum status onednn_append(struct onednn_chain *chain, dnnl_primitive_desc_t pd, const dnnl_exec_arg_t *arg, int args)
{
    dnnl_primitive_t primitive;
    dnnl_status_t status = chain->d->dnnl_primitive_create(&primitive, pd);

    chain->d->dnnl_primitive_desc_destroy(pd);
    TRY(onednn_try(status, "a primitive"));
    return append(chain, primitive, arg, args);
}
