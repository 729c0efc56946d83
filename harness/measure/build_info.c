#include "measure/build_info.h"

/* BUILD_* come from build_id.h and code_id.h, which the Makefile writes and includes for this file alone. */
const struct build_info *build_info(void)
{
    static const struct build_info info = {BUILD_COMMIT, BUILD_DIRTY, BUILD_COMPILER,
                                           BUILD_FLAGS,  BUILD_MODE,  BUILD_CODE_ID};
    return &info;
}
