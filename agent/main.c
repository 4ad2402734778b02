/* SPDX-License-Identifier: Apache-2.0 */
/* tailgate: watches who connects to Amazon RDS. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/command.h"
#include "agent/keys.h"
#include "agent/log.h"

#define LARGE_BUFFER (128 * 1024)

const struct command *const commands[] = { &run_command,
                                           &backfill_command,
                                           &match_command,
                                           &explain_command,
                                           &findings_command,
                                           &status_command,
                                           NULL };

static const char *command_name_at(const void *list, size_t index)
{
    const struct command *const *table = list;

    return table[index]->name;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; commands[i]; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

/* Stays within 100 columns by breaking before a word that would pass them. */
static void print_wrapped(const char *text, int indent, int column)
{
    while (*text) {
        int len = (int)strcspn(text, " ");
        if (column + len > 96) {
            printf("\n%*s", indent, "");
            column = indent;
        }
        printf("%.*s%s", len, text, text[len] ? " " : "");
        column += len + 1;
        text += len + (text[len] == ' ');
    }
    putchar('\n');
}

static void print_option(const char *name, const char *argument, const char *help)
{
    int column = printf("  --%s%s%s", name, argument ? " " : "", argument ? argument : "");

    if (column > 28) {
        putchar('\n');
        column = 0;
    }
    printf("%*s", 30 - column, "");
    print_wrapped(help, 30, 30);
}

static void print_help(void)
{
    puts("tailgate watches who connects to Amazon RDS, and alerts when it is from "
         "outside.\n\nUsage:");
    for (size_t i = 0; commands[i]; i++) {
        int column = printf("  tailgate %s %s", commands[i]->name, commands[i]->operands);
        printf("%*s%s\n", column < 38 ? 38 - column : 2, "", commands[i]->summary);
    }
    puts("  tailgate help [COMMAND] | --version\n\n"
         "First steps:\n"
         "  tailgate run --log-group /aws/rds/instance/NAME/audit --network 172.31.0.0/16\n"
         "  tailgate help run");
}

static void print_command_help(const struct command *command)
{
    printf("tailgate %s %s\n  %s\n\n%s", command->name, command->operands, command->summary,
           command->details);
    if (command->options->name) {
        puts("\nOptions:");
    }
    for (const struct option_spec *option = command->options; option->name; option++) {
        print_option(option->name, option->argument, option->help);
    }
    if (!command->common) {
        return;
    }
    puts("\nCommon options, each also an environment variable TAILGATE_<NAME> and a key of the "
         "configuration file:");
    print_option("config", "FILE", "the configuration file (YAML)");
    for (size_t i = 0; i < keys_count; i++) {
        if (keys[i].option) {
            print_option(keys[i].option, keys[i].argument, keys[i].help);
        }
    }
}

int command_refuse(struct problems *problems)
{
    problems_log(problems);
    problems_free(problems);
    return EXIT_USAGE;
}

struct store *command_open_store(const char *path)
{
    struct store_error error;
    struct store *store = store_open(path, STORE_READ, &error);

    if (!store) {
        log_error("%s", error.text);
    }
    return store;
}

static int unknown_command(const char *name)
{
    size_t count = 0;

    while (commands[count]) {
        count++;
    }
    const char *nearest = problems_nearest(name, command_name_at, commands, count);
    if (nearest) {
        log_error("there is no command \"%s\"; did you mean %s?", name, nearest);
    } else {
        log_error("there is no command \"%s\"; see: tailgate help", name);
    }
    return EXIT_USAGE;
}

static int help(int argc, char **argv)
{
    const struct command *command = argc > 0 ? find_command(argv[0]) : NULL;

    if (argc > 0 && !command) {
        return unknown_command(argv[0]);
    }
    if (command) {
        print_command_help(command);
    } else {
        print_help();
    }
    return EXIT_YES;
}

static int run_command_line(const struct command *command, int argc, char **argv)
{
    struct arguments arguments = { 0 };
    struct problems problems = { 0 };
    int status;

    if (!arguments_read(&arguments, argc - 1, argv + 1, command->options, command->common,
                        &problems)) {
        status = command_refuse(&problems);
    } else if (arguments_flag(&arguments, "help")) {
        print_command_help(command);
        status = EXIT_YES;
    } else if (arguments.operand_count < command->min_operands ||
               arguments.operand_count > command->max_operands) {
        log_error("usage: tailgate %s %s", command->name, command->operands);
        status = EXIT_USAGE;
    } else {
        status = command->run(&arguments);
    }
    arguments_free(&arguments);
    return status;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    const struct command *command;
    int status;

#ifdef M_MMAP_THRESHOLD
    /* The buffers of pages come and go; unless told, glibc soon keeps them among what stays. */
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BUFFER);
#endif
    log_setup(LOG_INFO, false);
    (void)signal(SIGPIPE, SIG_IGN); /* a write that fails says so by itself */
    if (!clock_setup()) {
        log_error("TAILGATE_TEST_CLOCK is not REAL_BASE,VIRTUAL_BASE,SPEED in milliseconds");
        return EXIT_USAGE;
    }
    if (strcmp(name, "--version") == 0) {
        puts("tailgate " PACKAGE_VERSION);
        status = EXIT_YES;
    } else if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 ||
               strcmp(name, "-h") == 0) {
        status = help(argc - 2, argv + 2);
    } else if ((command = find_command(name))) {
        status = run_command_line(command, argc - 1, argv + 1);
    } else {
        status = unknown_command(name);
    }
    /* A full disk or a closed pipe must not look like an empty result. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_YES) {
        log_error("standard output could not be written whole");
        status = EXIT_INCOMPLETE;
    }
    return status;
}
