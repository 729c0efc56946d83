/* Plots: names that do not overlap, data equal to the tables, no command out of data, the same bytes twice, and what
 * happens without gnuplot. With a folder as argument: writes the pictures of an invented run there, to look at. */
#include "report_fake.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli.h"
#include "report/plot_label.h"
#include "report/plots.h"
#include "report/tables.h"
#include "script_block.h"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/packlight-test-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static void drop_all(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        char inner[1024];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (unlink(inner) != 0)
            drop_all(inner);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

static int drop_dir(void **state)
{
    (void)state;
    drop_all(dir);
    return 0;
}

static struct records records;
static struct report report;
static struct plots plots;

static void open_plots(void)
{
    FAKE_OK(records_load(dir, &records));
    FAKE_OK(report_make(&records, NULL, &report));
    FAKE_OK(plots_make(&report, &plots));
}

static void close_plots(void)
{
    plots_free(&plots);
    report_free(&report);
    records_free(&records);
}

static const struct plot *find_plot(const char *slug)
{
    for (size_t i = 0; i < plots.n; i++)
        if (strcmp(plots.plot[i].slug, slug) == 0)
            return &plots.plot[i];
    fail_msg("no plot %s", slug);
    return NULL;
}

/* ------------------------------------------------------------------------------------------ names */

static int boxes_overlap(const struct plot_label *a, const struct plot_label *b)
{
    return a->left < b->left + b->width && b->left < a->left + a->width && a->bottom < b->bottom + b->height &&
           b->bottom < a->bottom + a->height;
}

static void place_and_check(struct plot_label *label, int n)
{
    const struct plot_box area = {0, 0, 900, 500};

    assert_int_equal(plot_label_place(label, n, NULL, 0, &area), 0);
    for (int i = 0; i < n; i++) {
        assert_true(label[i].left >= 0 && label[i].left + label[i].width <= 900);
        assert_true(label[i].bottom >= 0 && label[i].bottom + label[i].height <= 500);
        for (int j = 0; j < i; j++)
            assert_false(boxes_overlap(&label[i], &label[j]));
    }
}

static void test_labels(void **state)
{
    struct plot_label label[24];
    (void)state;

    /* One alone stands to the right of its point, without a line. */
    label[0] = (struct plot_label){.x = 300, .y = 200, .radius = 5, .width = 80, .height = 14};
    place_and_check(label, 1);
    assert_true(label[0].left > 305 && label[0].left < 315);
    assert_int_equal(label[0].leader, 0);
    /* Twenty-four with nearly the same height, in a narrow band. */
    for (int i = 0; i < 24; i++)
        label[i] =
            (struct plot_label){.x = 200 + 20 * i, .y = 250 + (i * 7) % 13, .radius = 5, .width = 150, .height = 14};
    place_and_check(label, 24);
    /* A heap on one spot, in a corner. */
    for (int i = 0; i < 12; i++)
        label[i] = (struct plot_label){.x = 895, .y = 4, .radius = 4, .width = 120, .height = 14};
    place_and_check(label, 12);
    assert_true(plot_text_width("prune-u90+qat-s8", 12.0) > 95.0);
    assert_true(plot_text_width("é", 10.0) == plot_text_width("e", 10.0));
}

/* ------------------------------------------------------------------------------------------ data blocks */

static size_t row_of(const struct grid *grid, const char *config)
{
    for (size_t r = 0; r < grid->rows; r++)
        if (strcmp(grid_at(grid, r, 0), config) == 0)
            return r;
    fail_msg("no row %s", config);
    return 0;
}

static void same_text(const struct grid *grid, const char *config, const char *title, const char *text)
{
    const char *cell = grid_at(grid, row_of(grid, config), grid_find(grid, title));

    if (strcmp(cell, text) != 0)
        fail_msg("%s, %s: '%s' in the table, '%s' in the plot", config, title, cell, text);
}

static void check_pareto(const struct report_model *model, const struct grid *grid, const char *kind, const char *title,
                         int digits)
{
    char slug[64], config[64], value[64], formatted[32];
    const char *script;
    int row;

    snprintf(slug, sizeof slug, "%s-%s", kind, model->name);
    script = find_plot(slug)->script;
    for (row = 0; *block_at(script, "$points", row, "name", config, sizeof config); row++) {
        block_at(script, "$points", row, "x", value, sizeof value);
        same_text(grid, config, title, format_sig(strtod(value, NULL), digits, formatted));
        block_at(script, "$points", row, "y", value, sizeof value);
        same_text(grid, config, "accuracy", format_fixed(strtod(value, NULL), 2, formatted));
    }
    assert_int_equal(row, model->rows);
}

static void check_ratios(const struct report_model *model, const struct grid *grid)
{
    char slug[64], config[64], value[64], text[64], formatted[32];
    const char *script;
    int row;

    snprintf(slug, sizeof slug, "ratios-%s", model->name);
    script = find_plot(slug)->script;
    for (row = 0; *block_at(script, "$rows", row, "name", config, sizeof config); row++) {
        block_at(script, "$rows", row, "size", value, sizeof value);
        same_text(grid, config, "size ratio", format_sig(strtod(value, NULL), 3, formatted));
        same_text(grid, config, "size ratio", block_at(script, "$rows", row, "size_text", text, sizeof text));
        block_at(script, "$rows", row, "speed", value, sizeof value);
        same_text(grid, config, "speed-up vs FP32 SIMD", format_sig(strtod(value, NULL), 3, formatted));
        same_text(grid, config, "speed-up vs FP32 SIMD",
                  block_at(script, "$rows", row, "speed_text", text, sizeof text));
        block_at(script, "$rows", row, "energy", value, sizeof value);
        same_text(grid, config, "Energy proxy vs FP32 (H45 model, ×)", format_sig(strtod(value, NULL), 2, formatted));
        block_at(script, "$rows", row, "delta", value, sizeof value);
        if (row > 0)
            same_text(grid, config, "Δ", format_signed(strtod(value, NULL), 2, formatted));
        same_text(grid, config, "Δ", block_at(script, "$rows", row, "delta_text", text, sizeof text));
    }
    assert_int_equal(row, model->rows);
}

static void test_plots_equal_tables(void **state)
{
    (void)state;

    fake_run(dir, 1);
    open_plots();
    assert_int_equal(plots.n, 12);
    for (size_t m = 0; m < report.models; m++) {
        struct grid grid;
        char slug[64], value[64];
        tables_headline(&report, &report.model[m], &grid);
        check_pareto(&report.model[m], &grid, "pareto-latency", "latency SIMD", 3);
        check_pareto(&report.model[m], &grid, "pareto-size", "file size", 4);
        check_ratios(&report.model[m], &grid);
        grid_free(&grid);
        snprintf(slug, sizeof slug, "speedup-%s", report.model[m].name);
        assert_string_equal(block_at(find_plot(slug)->script, "$cells", 1, "text", value, sizeof value),
                            "1.00"); /* fp32, simd, batch 1 */
    }
    close_plots();
}

/* The front by hand: nothing else is both faster and more accurate. */
static void test_front(void **state)
{
    char config[64], value[64];
    const char *script;
    (void)state;

    fake_run(dir, 0);
    open_plots();
    script = find_plot("pareto-size-lenet5")->script;
    for (int row = 0; *block_at(script, "$points", row, "name", config, sizeof config); row++) {
        int front = strcmp(config, "prune-c50+prune-u80+qat-s8") == 0 || strcmp(config, "prune-u90+qat-s8") == 0 ||
                    strcmp(config, "qat-s8") == 0;
        assert_string_equal(block_at(script, "$points", row, "front", value, sizeof value), front ? "1" : "0");
    }
    close_plots();
}

/* Writes the run again with the parts of the energy proxy, other constants' ratios and measured energy. */
static void add_energy(const char *path, int measured)
{
    static const char *const part[] = {"arithmetic", "on-chip memory", "off-chip memory", "instructions (CPU view)"};
    static const double share[] = {0.55, 0.3, 0.15, 2.6};
    struct records run;
    char file[600];

    FAKE_OK(records_load(path, &run));
    snprintf(file, sizeof file, "%s/records.jsonl", path);
    unlink(file);
    for (size_t i = 0; i < run.n; i++) {
        struct record *r = &run.all[i];
        FAKE_OK(record_energy_alloc(r, 4));
        for (int p = 0; p < 4; p++) {
            FAKE_OK(record_set(&r->energy[p].part, part[p]));
            r->energy[p].nj = share[p] * (p < 3 ? r->energy_proxy_nj : 1800.0 / sqrt(r->energy_proxy_ratio));
        }
        r->energy_spread[0] = r->energy_proxy_ratio * (strcmp(r->family, "fp32") == 0 ? 1.0 : 0.8);
        r->energy_spread[1] = r->energy_proxy_ratio * (strcmp(r->family, "fp32") == 0 ? 1.0 : 1.5);
        if (measured)
            r->energy_measured_uj = 0.002 * r->latency_ns_median;
        fake_append(path, r);
    }
    records_free(&run);
}

/* Shares in the picture are the records' parts over FP32's; the front's costs are one over the table's ratios. */
static void test_energy_plots(void **state)
{
    char config[64], value[64], formatted[32];
    struct grid grid;
    int row;
    (void)state;

    fake_run(dir, 0);
    open_plots();
    for (size_t i = 0; i < plots.n; i++) /* without parts and counters there is nothing to draw */
        assert_true(strncmp(plots.plot[i].slug, "energy-", 7) != 0 && strncmp(plots.plot[i].slug, "meter-", 6) != 0);
    close_plots();
    add_energy(dir, 1);
    open_plots();
    for (size_t m = 0; m < report.models; m++) {
        const struct report_model *model = &report.model[m];
        const struct record *base = model->row[0].main;
        char slug[64];
        const char *script;
        snprintf(slug, sizeof slug, "energy-%s", model->name);
        script = find_plot(slug)->script;
        for (row = 0; *block_at(script, "$rows", row, "name", config, sizeof config); row++) {
            const struct record *r = model->row[row].main;
            double own = r->energy[0].nj + r->energy[1].nj + r->energy[2].nj;
            double all = base->energy[0].nj + base->energy[1].nj + base->energy[2].nj;
            assert_string_equal(config, r->config);
            block_at(script, "$rows", row, "share", value, sizeof value);
            assert_true(fabs(strtod(value, NULL) - 100.0 * own / all) < 1e-9);
            block_at(script, "$pieces", 7 * row + 6, "to", value, sizeof value); /* the end of the last part */
            own += r->energy[3].nj;
            all += base->energy[3].nj;
            assert_true(fabs(strtod(value, NULL) - 100.0 * own / all) < 1e-9);
        }
        assert_int_equal(row, model->rows);
        snprintf(slug, sizeof slug, "pareto-energy-%s", model->name);
        script = find_plot(slug)->script;
        tables_headline(&report, model, &grid);
        for (row = 0; *block_at(script, "$points", row, "name", config, sizeof config); row++) {
            block_at(script, "$points", row, "x", value, sizeof value);
            same_text(&grid, config, "Energy proxy vs FP32 (H45 model, ×)",
                      format_sig(1.0 / strtod(value, NULL), 2, formatted));
        }
        assert_int_equal(row, model->rows);
        grid_free(&grid);
        assert_non_null(strstr(script, "(H45 model"));
        snprintf(slug, sizeof slug, "meter-%s", model->name);
        script = find_plot(slug)->script;
        block_at(script, "$points", 1, "measured", value, sizeof value);
        assert_true(strtod(value, NULL) == model->row[1].main->energy_measured_uj);
        assert_non_null(strstr(script, "(H45 model"));
    }
    close_plots();
}

/* ------------------------------------------------------------------------------------------ gnuplot */

static int have_gnuplot(void)
{
    char path[4096];

    snprintf(path, sizeof path, "%s", getenv("PATH") ? getenv("PATH") : "");
    for (char *part = strtok(path, ":"); part; part = strtok(NULL, ":")) {
        char program[4200];
        snprintf(program, sizeof program, "%s/gnuplot", part);
        if (access(program, X_OK) == 0)
            return 1;
    }
    return 0;
}

static char *read_plot(const char *folder, const char *slug, const char *form)
{
    char path[256];
    unsigned char *bytes;
    size_t len;

    snprintf(path, sizeof path, "%s/%s.%s", folder, slug, form);
    FAKE_OK(file_read(path, 0, &bytes, &len));
    assert_true(len > 1000);
    return (char *)bytes;
}

static void test_deterministic(void **state)
{
    char folder[2][128];
    (void)state;

    if (!have_gnuplot())
        skip();
    fake_run(dir, 0);
    for (int i = 0; i < 2; i++) {
        open_plots();
        snprintf(folder[i], sizeof folder[i], "%s/plots%d", dir, i);
        FAKE_OK(plots_write(&plots, folder[i]));
        FAKE_OK(plots_render(&plots, folder[i]));
        close_plots();
    }
    open_plots();
    for (size_t p = 0; p < plots.n; p++) {
        char *a = read_plot(folder[0], plots.plot[p].slug, "svg"), *b = read_plot(folder[1], plots.plot[p].slug, "svg");
        assert_string_equal(a, b);
        assert_non_null(strstr(a, "</svg>"));
        assert_non_null(strstr(a, "0123456789ab"));
        free(a);
        free(b);
        free(read_plot(folder[0], plots.plot[p].slug, "png"));
    }
    close_plots();
}

/* Names full of what shells and gnuplot act upon stay texts. */
static void test_no_commands(void **state)
{
    static const char *const names[] = {"`touch owned`",
                                        "'; system 'touch owned' #",
                                        "\nEND_OF_DATA\nsystem 'touch owned'\n",
                                        "\"; !touch owned",
                                        "@SVG $(touch owned) \\",
                                        "{/Bold x}^2 %d %s ~a",
                                        "\xff\xfe",
                                        ""};
    char folder[128], path[256];
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct record r;
        fake_record(&fake_models[0], &fake_few[i], 1, 1, &r);
        FAKE_OK(record_set(&r.model, names[1]));
        FAKE_OK(record_set(&r.config, names[i]));
        for (size_t k = 0; k < r.kernels_n; k++)
            FAKE_OK(record_setf(&r.kernels[k].name, "%s%zu", names[i], k));
        fake_append(dir, &r);
        record_free(&r);
    }
    snprintf(path, sizeof path, "%s/env.json", dir);
    FAKE_OK(file_write_atomic(path, "{\"cpu\":{\"brand\":\"`touch owned`'\\\"; system 'touch owned'\"}}", 58));
    open_plots();
    snprintf(folder, sizeof folder, "%s/plots", dir);
    FAKE_OK(plots_write(&plots, folder));
    for (size_t p = 0; p < plots.n; p++)
        assert_null(strpbrk(plots.plot[p].slug, "`'\"/ \n;$"));
    if (have_gnuplot())
        FAKE_OK(plots_render(&plots, folder));
    snprintf(path, sizeof path, "%s/owned", folder);
    assert_int_not_equal(access(path, F_OK), 0);
    close_plots();
}

/* Figures at the edges: nothing to plot, one point, absurd values. None may stop the report or gnuplot. */
static void test_odd_figures(void **state)
{
    static const double odd[][3] = {
        {NAN, NAN, NAN}, {1e308, 1e308, 1e308}, {1e-300, 1e-300, -1e308}, {0.0, 0.0, 0.0}, {-5.0, -5.0, 5.0}};
    char folder[128];
    (void)state;

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct record r;
        fake_record(&fake_models[0], &fake_few[i], 1, 1, &r);
        FAKE_OK(record_setf(&r.model, "odd%zu", i));
        r.latency_ns_median = odd[i][0];
        r.size_ratio = r.speedup_vs_fp32_simd = r.energy_proxy_ratio = odd[i][1];
        r.accuracy_delta_pp = odd[i][2];
        r.kernels[0].ns = odd[i][0];
        if (i == 1)
            r.accuracy_top1 = 7.0;
        fake_append(dir, &r);
        record_free(&r);
    }
    open_plots();
    snprintf(folder, sizeof folder, "%s/plots", dir);
    FAKE_OK(plots_write(&plots, folder));
    if (have_gnuplot())
        FAKE_OK(plots_render(&plots, folder));
    close_plots();
}

/* A recipe that lost everything does not squeeze the others: it stands on the edge, its value in its name. */
static void test_off_scale(void **state)
{
    struct record r;
    const char *script;
    char value[64];
    (void)state;

    fake_run(dir, 0);
    fake_record(&fake_models[0], &fake_more[0], 1, 1, &r);
    r.accuracy_top1 = 0.1;
    r.accuracy_ci95[0] = 0.09;
    r.accuracy_ci95[1] = 0.11;
    fake_append(dir, &r);
    record_free(&r);
    open_plots();
    script = find_plot("pareto-latency-lenet-300-100")->script;
    assert_non_null(strstr(script, "\"prune-u50 (10.0 %)\""));
    assert_true(strtod(strstr(script, "YMIN = ") + 7, NULL) > 80.0);
    for (int row = 0; *block_at(script, "$points", row, "name", value, sizeof value); row++)
        if (strcmp(value, "prune-u50") == 0)
            assert_string_equal(block_at(script, "$points", row, "y", value, sizeof value), "10"); /* the true value */
    close_plots();
}

/* ------------------------------------------------------------------------------------------ the command */

/* Runs the command with its output in a file; returns its status. */
static enum status run_command(char **argv, char *printed, size_t size)
{
    char path[128];
    int argc = 0, exit_code = -1, saved, file;
    enum status st;
    unsigned char *bytes = NULL;
    size_t len;

    while (argv[argc])
        argc++;
    snprintf(path, sizeof path, "%s/printed", dir);
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    fflush(stdout);
    saved = dup(STDOUT_FILENO);
    dup2(file, STDOUT_FILENO);
    close(file);
    st = cli_report(argc, argv, &exit_code);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    FAKE_OK(file_read(path, 0, &bytes, &len));
    snprintf(printed, size, "%s", (const char *)bytes);
    free(bytes);
    if (st == ST_OK)
        assert_int_equal(exit_code == -1 ? 0 : exit_code, 0);
    return st;
}

static int exists(const char *name)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void test_command_without_gnuplot(void **state)
{
    char word[] = "report", printed[64], saved[4096], empty[] = "/nonexistent";
    char *argv[] = {word, dir, NULL};
    (void)state;

    fake_run(dir, 0);
    snprintf(saved, sizeof saved, "%s", getenv("PATH") ? getenv("PATH") : "");
    setenv("PATH", empty, 1);
    FAKE_OK(run_command(argv, printed, sizeof printed));
    setenv("PATH", saved, 1);
    assert_non_null(strstr(printed, "2 models"));
    assert_true(exists("report.md") && exists("report.csv") && exists("report.json"));
    assert_true(exists("report.html") && exists("report.tex") && exists("report.jsonl"));
    assert_true(exists("plots/ratios-lenet5.gp"));
    assert_false(exists("plots/ratios-lenet5.svg"));
}

static void test_command(void **state)
{
    char word[] = "report", printed[64], out[96], no_plots[] = "--no-plots", o[] = "-o", format[] = "--format",
         csv[] = "csv", bad[] = "pdf", none[] = "/nonexistent";
    char *to_csv[] = {word, dir, format, csv, NULL}, *elsewhere[] = {word, no_plots, o, out, dir, NULL},
         *unknown[] = {word, format, bad, NULL}, *missing[] = {word, none, NULL}, *option[] = {word, bad, dir, NULL};
    (void)state;

    fake_run(dir, 0);
    snprintf(out, sizeof out, "%s/a/b", dir);
    FAKE_OK(run_command(to_csv, printed, sizeof printed));
    assert_int_equal(strncmp(printed, "run,cell,metric,unit,value,lo,hi,n,verdict,kind\r\n", 49), 0);
    assert_false(exists("report.csv")); /* only printed */
    FAKE_OK(run_command(elsewhere, printed, sizeof printed));
    assert_true(exists("a/b/report.md") && !exists("report.md") && !exists("a/b/plots"));
    assert_int_equal(run_command(unknown, printed, sizeof printed), ST_BADARG);
    assert_int_equal(run_command(missing, printed, sizeof printed), ST_IO);
    assert_int_equal(run_command(option, printed, sizeof printed), ST_BADARG);
}

static int show(const char *folder)
{
    for (int many = 0; many < 2; many++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, many ? "many" : "few");
        snprintf(dir, sizeof dir, "%.60s", path);
        FAKE_OK(file_make_dirs(path));
        fake_run(path, many);
        add_energy(path, 1);
        open_plots();
        snprintf(path, sizeof path, "%s/%s/plots", folder, many ? "many" : "few");
        FAKE_OK(plots_write(&plots, path));
        FAKE_OK(plots_render(&plots, path));
        close_plots();
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels),
        cmocka_unit_test_setup_teardown(test_plots_equal_tables, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_front, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_energy_plots, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_off_scale, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_deterministic, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_no_commands, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_odd_figures, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_command_without_gnuplot, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(test_command, make_dir, drop_dir),
    };
    return argc > 1 ? show(argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
}
