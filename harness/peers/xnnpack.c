#include "peers/xnnpack.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static int load_call(void *library, const char *name, void *out_pointer)
{
    void *found = dlsym(library, name);
    memcpy(out_pointer, &found, sizeof found);
    return found != NULL;
}

enum status xnnpack_load(struct xnnpack **out)
{
    static const char name[] = "libXNNPACK.so.0";
    struct xnnpack *x = calloc(1, sizeof *x);
    enum status st;

    if (!x)
        return status_fail(ST_NOMEM, "no memory for XNNPACK");
    x->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!x->library) {
        st = status_fail(ST_SKIP, "XNNPACK cannot be loaded: %.200s", dlerror());
        goto out;
    }
#define X(call)                                                                                                        \
    if (!load_call(x->library, #call, &x->call)) {                                                                     \
        st = status_fail(ST_SKIP, "%s has no %s", name, #call);                                                        \
        goto out;                                                                                                      \
    }
    XNNPACK_CALLS(X)
#undef X
    TRY_OUT(xnnpack_try(x->xnn_initialize(NULL), "initialization"));
    *out = x;
    return ST_OK;
out:
    free(x);
    return st;
}

enum status xnnpack_try(enum xnn_status status, const char *what)
{
    static const char *const words[] = {"success",       "not initialized",       "invalid parameter",
                                        "invalid state", "unsupported parameter", "unsupported hardware",
                                        "out of memory"};
    if (status == xnn_status_success)
        return ST_OK;
    return status_fail(status == xnn_status_out_of_memory ? ST_NOMEM : ST_SKIP, "XNNPACK: %s: %s", what,
                       (size_t)status < sizeof words / sizeof *words ? words[status] : "unknown status");
}
