/* What shells may complete: read from the help texts, whose lines of options all look the same. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/resource.h"
#include "cli.h"
#include "kernels/kernels.h"
#include "report/emit.h"
#include "suite.h"

enum { OPTIONS = 64, NAME = 32, ABOUT = 96 };

struct option_text {
    char name[NAME], argument[NAME], about[ABOUT];
};

struct help {
    char *text;         /* owned */
    char operand[NAME]; /* "SUITE.json" of "usage: packlight bench [SUITE.json] [options]", or "" */
    struct option_text option[OPTIONS];
    int options;
};

/* The help goes to stdout, which is a file meanwhile. */
static enum status capture_help(const struct cli_command *command, char **out)
{
    char name[NAME], flag[] = "--help", *argv[] = {name, flag, NULL}, *text = NULL;
    int saved, exit_code = 0;
    long size;
    FILE *file = tmpfile();
    enum status st;

    snprintf(name, sizeof name, "%s", command->name);
    fflush(stdout);
    saved = dup(STDOUT_FILENO);
    if (!file || saved < 0 || dup2(fileno(file), STDOUT_FILENO) < 0) {
        if (file)
            fclose(file);
        return status_fail(ST_IO, "no temporary file for the help");
    }
    st = command->run(2, argv, &exit_code);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    if (st == ST_OK && size >= 0 && (text = calloc((size_t)size + 1, 1)) != NULL &&
        fread(text, 1, (size_t)size, file) == (size_t)size)
        *out = text;
    else {
        free(text);
        st = status_fail(ST_IO, "the help cannot be read back");
    }
    fclose(file);
    return st;
}

static int name_length(const char *at)
{
    return (int)strspn(at, "-abcdefghijklmnopqrstuvwxyz");
}

/* "DIR", "N", "GLOB", "FILE.plk", "I/N"; 0 for lower-case words: those are about the option. `all` of --columns is a
 * value in the place of a name. */
static int argument_length(const char *at)
{
    int len = (int)strcspn(at, " \n]");

    if (strncmp(at, "all ", 4) == 0)
        return 3;
    return isupper((unsigned char)*at) && (len == 1 || !islower((unsigned char)at[1])) ? len : 0;
}

/* The option at `at`, unless it is known already; returns where its words end. */
static const char *add_option(struct help *help, const char *at)
{
    struct option_text *option = &help->option[help->options];
    int len = name_length(at), argument = 0;
    const char *end = at + len;

    if (*end == ' ')
        argument = argument_length(end + 1);
    if (argument > 0)
        end += 1 + argument;
    if (len < 2 || len >= NAME || argument >= NAME || help->options == OPTIONS)
        return end;
    for (int i = 0; i < help->options; i++)
        if (strncmp(help->option[i].name, at, (size_t)len) == 0 && help->option[i].name[len] == 0)
            return end;
    snprintf(option->name, sizeof option->name, "%.*s", len, at);
    snprintf(option->argument, sizeof option->argument, "%.*s", argument, end - argument);
    option->about[0] = 0;
    help->options++;
    return end;
}

/* The words up to the first bracket, colon or semicolon. */
static void add_about(struct help *help, const char *at)
{
    size_t len = 0;

    at += strspn(at, " ");
    while (at[len] && at[len] != '\n' && strncmp(at + len, " (", 2) != 0 && strncmp(at + len, ": ", 2) != 0 &&
           at[len] != ';' && *at != '(')
        len++;
    if (help->options > 0)
        snprintf(help->option[help->options - 1].about, ABOUT, "%.*s", (int)(len < ABOUT ? len : ABOUT - 1), at);
}

/* Options that a line names besides: those of a usage line, and "; --no-cache ..." behind another. */
static void add_mentioned(struct help *help, const char *line, const char *before)
{
    const char *end = line + strcspn(line, "\n");

    for (const char *at = line; (at = strstr(at, before)) != NULL && at < end;) {
        int known = help->options;
        at = add_option(help, at + strlen(before) - 2);
        if (help->options > known && *before == ';')
            add_about(help, at);
    }
}

/* "usage: packlight bench [SUITE.json] ...": what stands behind the command, unless that is an option. */
static void read_operand(struct help *help)
{
    const char *at = strstr(help->text, "packlight ");

    at = at ? strchr(at + strlen("packlight "), ' ') : NULL;
    if (!at)
        return;
    at += 1 + (at[1] == '[');
    snprintf(help->operand, sizeof help->operand, "%.*s", argument_length(at), at);
    help->operand[strcspn(help->operand, "|]")] = 0;
}

static enum status read_help(const struct cli_command *command, struct help *help)
{
    memset(help, 0, sizeof *help);
    TRY(capture_help(command, &help->text));
    read_operand(help);
    for (const char *line = help->text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, "  -", 3) == 0) {
            int before = help->options;
            const char *end = add_option(help, line + 2);
            if (help->options > before)
                add_about(help, end);
            add_mentioned(help, end, "; --");
        }
    }
    for (const char *line = help->text; *line && *line != '\n'; line += strcspn(line, "\n"), line += *line == '\n') {
        add_mentioned(help, line, "--");
        add_mentioned(help, line, " -o");
    }
    add_option(help, "--help");
    add_about(help, "what all this means");
    return ST_OK;
}

/* ------------------------------------------------------------------ values */

static void print_levels(void)
{
    puts("ref");
    for (int bit = 0; bit < 32; bit++)
        if (kn_cpu_isa() & (uint32_t)1 << bit)
            puts(kn_isa_name((uint32_t)1 << bit));
    puts("native");
}

/* Of the suite among the words, or the default one; nothing when it cannot be read. */
static void print_names(int words, char **word, int models)
{
    char path[4096] = "";
    struct suite suite;

    for (int i = 0; i < words; i++) {
        size_t len = strlen(word[i]);
        if (len > 5 && strcmp(word[i] + len - 5, ".json") == 0)
            snprintf(path, sizeof path, "%s", word[i]);
    }
    if (!*path && resource_find("suites/quick.json", path, sizeof path) != ST_OK)
        return;
    if (suite_load(path, &suite) != ST_OK)
        return;
    for (int i = 0; i < (models ? suite.models : suite.n_recipes); i++)
        puts(models ? suite.model[i].graph.name : suite.recipe_name[i]);
    suite_free(&suite);
}

static void print_kind(const char *argument)
{
    const char *dot = strrchr(argument, '.');

    if (dot)
        printf("<%s>\n", dot);
    else if (strcmp(argument, "DIR") == 0)
        puts("<dir>");
    else if (strcmp(argument, "FILE") == 0)
        puts("<file>");
}

static void print_values(const struct help *help, const char *last, int words, char **word)
{
    const struct option_text *option = NULL;

    for (int i = 0; i < help->options; i++)
        if (strcmp(help->option[i].name, last) == 0 && help->option[i].argument[0])
            option = &help->option[i];
    if (!option) {
        print_kind(help->operand);
    } else if (strcmp(last, "--isa") == 0) {
        print_levels();
    } else if (strcmp(last, "--format") == 0) {
        for (int i = 0; emit_at(i); i++)
            puts(emit_at(i)->name);
        puts("all");
    } else if (strcmp(last, "--columns") == 0) {
        puts("all\nvarying");
    } else if (strcmp(last, "--model") == 0 || strcmp(last, "--recipe") == 0) {
        print_names(words, word, last[2] == 'm');
    } else if (strcmp(last, "--suite") == 0) {
        puts("<.json>");
    } else {
        print_kind(option->argument);
    }
}

enum status cli_complete(const struct cli_command *commands, int argc, char **argv)
{
    const struct cli_command *command = NULL;
    struct help help;
    enum status st;

    if (argc == 0) {
        for (const struct cli_command *c = commands; c->summary; c++)
            printf("%s\t%s\n", c->name, c->summary);
        return ST_OK;
    }
    for (const struct cli_command *c = commands; c->name; c++)
        if (strcmp(c->name, argv[0]) == 0)
            command = c;
    if (!command)
        return ST_OK;
    st = read_help(command, &help);
    if (st == ST_OK && argc == 1)
        for (int i = 0; i < help.options; i++)
            printf("%s\t%s\t%s\n", help.option[i].name, help.option[i].argument, help.option[i].about);
    else if (st == ST_OK)
        print_values(&help, argv[argc - 1], argc - 1, argv + 1);
    free(help.text);
    return st;
}
