/* Lists on the command line: numbers, ranges, words, ISA levels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/list.h"
#include "cli_common.h"
#include "kernels/kernels.h"

enum { ROOM = 64 };

static void gives(const char *text, int n, const uint64_t *want)
{
    uint64_t got[ROOM];
    int count = -1;

    if (list_numbers("--x", text, 0, UINT64_MAX, got, ROOM, &count) != ST_OK)
        fail_msg("'%s': %s", text, status_message());
    assert_int_equal(count, n);
    for (int i = 0; i < n; i++)
        assert_true(got[i] == want[i]);
}

static void numbers_and_ranges(void **state)
{
    (void)state;
    gives("7", 1, (uint64_t[]){7});
    gives("0", 1, (uint64_t[]){0});
    gives("1-4", 4, (uint64_t[]){1, 2, 3, 4});
    gives("3-3", 1, (uint64_t[]){3});
    gives("1,8-32:8", 5, (uint64_t[]){1, 8, 16, 24, 32});
    gives("1-10:4", 3, (uint64_t[]){1, 5, 9}); /* ends before HI where a step would pass it */
    gives("1-10:100", 1, (uint64_t[]){1});
    gives("9,1-2", 3, (uint64_t[]){9, 1, 2}); /* the order is the user's */
    gives("007", 1, (uint64_t[]){7});
    /* The ends of the type: no step may wrap around. */
    gives("18446744073709551614-18446744073709551615", 2, (uint64_t[]){UINT64_MAX - 1, UINT64_MAX});
    gives("1-18446744073709551615:9223372036854775808", 2, (uint64_t[]){1, 9223372036854775809U});
}

static void mistakes_have_one_clear_error(void **state)
{
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"", "in place of a number"},
        {",", "in place of a number"},
        {"1,", "in place of a number"},
        {",1", "',1' in place of a number"},
        {"1,,2", "in place of a number"},
        {"x", "'x' in place of a number"},
        {"-2", "'-2' in place of a number"},
        {"+2", "in place of a number"},
        {" 2", "in place of a number"},
        {"2 ", "' ' is not expected"},
        {"2x", "'x' is not expected"},
        {"1.5", "'.5' is not expected"},
        {"1-", "in place of a number"},
        {"1--3", "'-3' in place of a number"},
        {"1-3-5", "'-5' is not expected"},
        {"1:2", "':2' is not expected"},
        {"1-3:", "in place of a number"},
        {"1-3:0", "a step of 0 never ends"},
        {"1-3:-1", "'-1' in place of a number"},
        {"3-1", "the range 3-1 goes downwards"},
        {"1,1", "1 is given twice"},
        {"1-3,2", "2 is given twice"},
        {"2,1-3", "2 is given twice"},
        {"0", "0 is not from 1 to 4096"},
        {"0-3", "0 is not from 1 to 4096"},
        {"4097", "4097 is not from 1 to 4096"},
        {"1-4294967296", "4294967296 is not from 1 to 4096"},
        {"1-4096", "more than 64 values"},
        {"1-65", "more than 64 values"},
        {"18446744073709551616", "is too large"},
        {"1-99999999999999999999999999999999999999999999999999999999", "is too large"},
        {"1-4096:99999999999999999999999", "is too large"},
    };
    uint64_t out[ROOM];
    int count = 5;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        enum status st = list_numbers("--batch", wrong[i].text, 1, 4096, out, ROOM, &count);
        if (st != ST_BADARG || !strstr(status_message(), wrong[i].says))
            fail_msg("'%s': status %d, '%s', expected '%s'", wrong[i].text, (int)st, status_message(), wrong[i].says);
        assert_non_null(strstr(status_message(), "--batch"));
        assert_int_equal(count, 5); /* written on success only */
    }
}

static void words_between_commas(void **state)
{
    char word[LIST_WORD];
    const char *at = "a,,bcd,";
    static const char *const want[] = {"a", "", "bcd", ""};
    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_true(list_word(&at, word));
        assert_string_equal(word, want[i]);
    }
    assert_false(list_word(&at, word));
    at = "";
    assert_true(list_word(&at, word));
    assert_string_equal(word, "");
    assert_false(list_word(&at, word));
    at = "a-word-that-is-longer-than-any-level-could-ever-be,x";
    assert_true(list_word(&at, word));
    assert_string_equal(word, "");
    assert_true(list_word(&at, word));
    assert_string_equal(word, "x");
}

static void no_levels(const char *text, enum status want, const char *says)
{
    struct plan_level level[PLAN_LEVELS];
    uint32_t best;
    int n;
    enum status st = cli_isa_levels(text, level, &n, &best);

    if (st != want || !strstr(status_message(), says))
        fail_msg("'%s': status %d, '%s', expected '%s'", text, (int)st, status_message(), says);
}

static void levels_go_up_and_merge(void **state)
{
    struct plan_level level[PLAN_LEVELS];
    uint32_t best, have = kn_cpu_isa();
    int n;
    (void)state;
    unsetenv("PACKLIGHT_ISA");
    assert_int_equal(cli_isa_levels("native", level, &n, &best), ST_OK);
    assert_int_equal(n, 1);
    assert_int_equal(best, have);
    assert_int_equal(cli_isa_levels("ref", level, &n, &best), ST_OK);
    assert_int_equal(best, 0);
    setenv("PACKLIGHT_ISA", "ref", 1);
    assert_int_equal(cli_isa_levels(NULL, level, &n, &best), ST_OK);
    assert_int_equal(best, 0);
    unsetenv("PACKLIGHT_ISA");
    no_levels("", ST_OK, "");
    no_levels(",", ST_BADARG, "''");
    no_levels("avx2,", ST_BADARG, "''");
    no_levels("avx2,mmx", ST_BADARG, "'mmx'");
    no_levels("avx2,avx2", ST_BADARG, "'avx2' is given twice");
    no_levels("ref,avx2", ST_BADARG, "ref goes alone");
#if defined(__x86_64__)
    no_levels("neon,neondot", ST_UNSUPPORTED, "this CPU has");
    if (!(have & KN_ISA_AVX2))
        skip();
    assert_int_equal(cli_isa_levels("neon,native,avx2,sse41", level, &n, &best), ST_OK);
    assert_string_equal(level[0].name, "sse41");
    assert_string_equal(level[1].name, "avx2");
    assert_string_equal(level[n - 1].name, "neon");
    assert_true(level[n - 1].absent && !level[0].absent);
    assert_int_equal(best, have);
    assert_int_equal(n, strcmp(kn_isa_name(have), "avx2") == 0 ? 3 : 4);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_ranges),
        cmocka_unit_test(mistakes_have_one_clear_error),
        cmocka_unit_test(words_between_commas),
        cmocka_unit_test(levels_go_up_and_merge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
