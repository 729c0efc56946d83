/* Series, change points, their pictures and the export of a history. With a folder as argument: writes the pictures of
 * invented nights there, to look at. */
#define _GNU_SOURCE
#include "history_fake.h"

#include "cli.h"
#include "history/history_export.h"
#include "history/history_trend.h"
#include "history/trend_plot.h"

static void add_nights(int from, int to, const char *cpu, int refused)
{
    struct history *history = open_history(HISTORY_WRITE);

    for (int night = from; night < to; night++) {
        struct history_added added;
        char name[32];
        snprintf(name, sizeof name, "%d/anchor", night);
        night_compare(at(name), night, cpu, NIGHT_CELLS, night == refused);
        FAKE_OK(history_add(history, at(name), NULL, &added));
    }
    history_close(history);
}

static void load_trend(const char *filter, struct history_trend *out)
{
    struct history *history = open_history(HISTORY_READ);
    struct series_list list = {NULL, 0};

    FAKE_OK(series_load(history, filter, "latency", &list));
    FAKE_OK(history_trend_make(&list, out));
    history_close(history);
}

static void steps_are_found_where_they_are(void **state)
{
    (void)state;
    struct history_trend trend;

    add_nights(0, 40, "A", -1);
    load_trend("resnet8/fp32/simd/t1/b1,lenet5/ptq-s8/simd/*,lenet5/fp32/simd/t1/b1", &trend);
    assert_int_equal(trend.list.n, 3);
    for (size_t i = 0; i < trend.list.n; i++)
        assert_int_equal(trend.list.all[i].n, 40);
    assert_int_equal(trend.changes,
                     3); /* one of resnet8/fp32 (cell 2), two of lenet5/ptq-s8 (cell 5), none of lenet5/fp32 */
    for (size_t i = 0; i < trend.changes; i++) {
        const struct history_change *c = &trend.change[i];
        const struct series *s = &trend.list.all[c->series];
        int first = atoi(s->point[c->first].commit), step = strstr(s->cell, "resnet8") != NULL;
        double expected = step ? 1.06 : first < 20 ? 0.90 : 0.95 / 0.90;
        assert_true(step ? first >= 19 && first <= 21 : (first >= 9 && first <= 11) || (first >= 29 && first <= 31));
        assert_true(fabs(c->ratio / expected - 1) < 0.01);
        assert_int_equal(c->first, c->last + 1);
    }
    assert_int_equal(trend.levels, 6);
    history_trend_free(&trend);
}

static void creep_is_found(void **state)
{
    (void)state;
    struct history_trend trend;

    add_nights(0, 40, "A", -1);
    load_trend("resnet8/ptq-s8/simd/t1/b1", &trend); /* cell 7 */
    assert_int_equal(trend.list.n, 1);
    assert_true(trend.changes >= 1);
    for (size_t i = 0; i < trend.changes; i++)
        assert_true(trend.change[i].ratio > 1.0);
    assert_true(history_trend_now(&trend, 0) > 1.05);
    history_trend_free(&trend);
}

static void another_machine_begins_a_series(void **state)
{
    (void)state;
    struct series_list list = {NULL, 0};
    struct history *history;

    add_nights(0, 4, "A", -1);
    add_nights(4, 7, "A", -1);
    {
        /* The vendor is part of the key, the brand is not. */
        unsigned char *bytes;
        size_t len;
        char *vendor;
        struct history_added added;
        night_compare(at("7/anchor"), 7, "A", NIGHT_CELLS, 0);
        FAKE_OK(file_read(at("7/anchor/env.json"), 0, &bytes, &len));
        vendor = strstr((char *)bytes, "Example");
        memcpy(vendor, "Elsmore", 7);
        FAKE_OK(file_write_atomic(at("7/anchor/env.json"), bytes, len));
        free(bytes);
        history = open_history(HISTORY_WRITE);
        FAKE_OK(history_add(history, at("7/anchor"), NULL, &added));
        history_close(history);
    }
    history = open_history(HISTORY_READ);
    FAKE_OK(series_load(history, "lenet5/fp32/simd/t1/b1", "latency", &list));
    history_close(history);
    assert_int_equal(list.n, 2);
    assert_int_equal(list.all[0].n, 7);
    assert_int_equal(list.all[1].n, 1);
    assert_string_not_equal(list.all[0].key, list.all[1].key);
    assert_int_equal(list.all[0].numbers, 2);
    assert_int_equal(list.all[1].number, 2);
    series_free(&list);
}

static void a_refused_night_shows_and_does_not_count(void **state)
{
    (void)state;
    struct history_trend trend;
    const struct series *s;

    add_nights(0, 12, "A", 6);
    load_trend("lenet5/fp32/simd/t1/b1", &trend);
    s = &trend.list.all[0];
    assert_int_equal(s->n, 12);
    assert_false(s->point[6].trusted);
    assert_true(s->point[6].ratio > 1.1);
    assert_int_equal(trend.changes, 0);
    assert_true(fabs(history_trend_now(&trend, 0) - 1.0) < 0.01);
    history_trend_free(&trend);
}

static void no_series_is_no_trend(void **state)
{
    (void)state;
    struct history_trend trend;
    struct plots plots;

    make_run("run", 1, 2);
    add("run", NULL);
    load_trend(NULL, &trend);
    assert_int_equal(trend.list.n, 0);
    FAKE_OK(trend_plots_make(&trend, &plots));
    assert_int_equal(plots.n, 0);
    plots_free(&plots);
    history_trend_free(&trend);
    add_nights(0, 1, "A", 0); /* one night, and it was refused: no level at all */
    load_trend("lenet5/fp32/simd/t1/b1", &trend);
    assert_int_equal(trend.list.n, 1);
    assert_int_equal(trend.levels, 0);
    assert_true(isnan(history_trend_now(&trend, 0)));
    FAKE_OK(trend_plots_make(&trend, &plots));
    plots_free(&plots);
    history_trend_free(&trend);
}

static void pictures_are_the_same_bytes_and_hold_the_ratios(void **state)
{
    (void)state;
    struct history_trend trend;
    struct plots a, b;
    char digits[32];

    add_nights(0, 8, "`touch /tmp/packlight-owned` $x @y 'z'", -1);
    load_trend(NULL, &trend);
    FAKE_OK(trend_plots_make(&trend, &a));
    FAKE_OK(trend_plots_make(&trend, &b));
    assert_true(a.n >= 5); /* one per model */
    for (size_t i = 0; i < a.n; i++) {
        assert_int_equal(a.plot[i].len, b.plot[i].len);
        assert_memory_equal(a.plot[i].script, b.plot[i].script, a.plot[i].len);
        assert_null(strstr(a.plot[i].script, "`touch"));
    }
    assert_non_null(strstr(a.plot[0].script, text_number(trend.list.all[0].point[3].ratio, digits)));
    plots_free(&a);
    plots_free(&b);
    history_trend_free(&trend);
}

static void the_export_has_a_line_per_figure(void **state)
{
    (void)state;
    struct history *history;
    char *bytes = NULL;
    size_t len = 0, lines = 0;
    FILE *out;

    make_run("run", 1, 5);
    night_compare(at("anchor"), 1, "A", 10, 0);
    add("run", NULL);
    add("anchor", NULL);
    for (int format = HISTORY_JSONL; format <= HISTORY_CSV; format++) {
        history = open_history(HISTORY_READ);
        out = open_memstream(&bytes, &len);
        assert_non_null(out);
        FAKE_OK(history_export(history, (enum history_format)format, out));
        fclose(out);
        lines = 0;
        for (size_t i = 0; i < len; i++)
            lines += bytes[i] == '\n';
        assert_int_equal(lines,
                         count("SELECT (SELECT count(*) FROM value) + (SELECT count(*) FROM verdict WHERE role IN "
                               "('gated', 'info'))") +
                             (format == HISTORY_CSV));
        if (format == HISTORY_JSONL) {
            struct json first;
            FAKE_OK(json_parse("export", bytes, (size_t)(strchr(bytes, '\n') - bytes), &first));
            assert_string_equal(cJSON_GetObjectItem(first.root, "schema")->valuestring, HISTORY_SCHEMA);
            json_free(&first);
        }
        free(bytes);
        history_close(history);
    }
}

static int draw(const char *folder)
{
    char command[] = "history", trend[] = "trend", db[] = "--db", out[] = "-o", place[256], file[256];
    char *argv[] = {command, trend, db, file, out, place, NULL};
    int code = 0;
    void *none = NULL;

    if (make_dir(&none) != 0)
        return 1;
    add_nights(0, 45, "Example CPU 3000", 27);
    snprintf(place, sizeof place, "%s", folder);
    snprintf(file, sizeof file, "%s", base);
    if (cli_history(6, argv, &code) != ST_OK)
        fprintf(stderr, "%s\n", status_message());
    drop_dir(&none);
    return code;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, drop_dir)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(steps_are_found_where_they_are),
        TEST(creep_is_found),
        TEST(another_machine_begins_a_series),
        TEST(a_refused_night_shows_and_does_not_count),
        TEST(no_series_is_no_trend),
        TEST(pictures_are_the_same_bytes_and_hold_the_ratios),
        TEST(the_export_has_a_line_per_figure),
    };

    if (argc > 1)
        return draw(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
