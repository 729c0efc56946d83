/* The forms of a comparison. With a folder as argument: writes invented comparisons there, to look at. */
#include <sys/stat.h>
#include <unistd.h>

#include "comparison_fake.h"

#include "report/comparison_emit.h"

static int show(const char *folder)
{
    static const struct {
        const char *name;
        int n;
        enum fake_mood mood;
    } kinds[] = {{"empty", 0, FAKE_MIXED},  {"one", 1, FAKE_MIXED},    {"eight", 8, FAKE_MIXED},
                 {"sixty", 60, FAKE_MIXED}, {"many", 200, FAKE_MIXED}, {"calm", 60, FAKE_CALM},
                 {"bad", 200, FAKE_BAD},    {"holes", 60, FAKE_HOLES}};

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct comparison comparison;
        char path[512], env[600];
        snprintf(path, sizeof path, "%s/%s", folder, kinds[i].name);
        FAKE_OK(file_make_dirs(path));
        fake_comparison(&comparison, kinds[i].n, kinds[i].mood);
        FAKE_OK(comparison_save(&comparison, path));
        FAKE_OK(file_join(env, sizeof env, path, "pairs.jsonl"));
        fake_pairs(&comparison, env);
        comparison_free(&comparison);
        FAKE_OK(file_join(env, sizeof env, path, "env.json"));
        FAKE_OK(file_write_atomic(env, fake_env, strlen(fake_env)));
    }
    return 0;
}

int main(int argc, char **argv)
{
    return argc > 1 ? show(argv[1]) : 0;
}
