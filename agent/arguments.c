/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting of a command line.  Not by getopt_long, which takes abbreviations, and of several that
 * fit the first. */
#include "agent/arguments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/keys.h"
#include "agent/memory.h"
#include "agent/times.h"

#define OPTIONS_MAX (KEYS_MAX + 16) /* the common ones, and those of one command */

/* Options a command knows. */
struct known {
    struct option_spec options[OPTIONS_MAX];
    size_t count;
};

static void list_options(struct known *known, const struct option_spec *specs, bool common)
{
    known->count = 0;
    for (; specs->name; specs++) {
        known->options[known->count++] = *specs;
    }
    known->options[known->count++] = (struct option_spec){ .name = "help" };
    if (!common) {
        return;
    }
    known->options[known->count++] = (struct option_spec){ .name = "config", .argument = "FILE" };
    for (size_t i = 0; i < keys_count; i++) {
        if (keys[i].option) {
            known->options[known->count++] =
                (struct option_spec){ .name = keys[i].option, .argument = keys[i].argument };
        }
    }
}

static const char *option_name_at(const void *list, size_t index)
{
    return ((const struct known *)list)->options[index].name;
}

/* The option a word names, whole: an abbreviation would change its meaning with the next version.
 */
static const struct option_spec *find_option(const struct known *known, const char *word)
{
    size_t len = strcspn(word, "=");

    for (size_t i = 0; i < known->count; i++) {
        const char *name = known->options[i].name;
        if (strlen(name) == len && memcmp(name, word, len) == 0) {
            return &known->options[i];
        }
    }
    return NULL;
}

static void complain_unknown(const char *word, const struct known *known, struct problems *problems)
{
    struct place place = { word, 0, 0 };
    const char *nearest = NULL;

    if (strncmp(word, "--", 2) != 0) {
        problems_add(
            problems, place,
            "options begin with \"--\"; what is none and begins with '-' goes after \"--\"");
        return;
    }
    nearest = problems_nearest(word + 2, option_name_at, known, known->count);
    if (nearest) {
        problems_add(problems, place, "there is no such option; did you mean --%s?", nearest);
    } else {
        problems_add(problems, place, "there is no such option");
    }
}

/* Reads the option at argv[*at], and its value, which may be the next word. */
static void read_option(struct arguments *arguments, const struct known *known, int argc,
                        char **argv, int *at, struct problems *problems)
{
    const char *word = argv[*at], *equals = strchr(word, '=');
    const struct option_spec *option =
        strncmp(word, "--", 2) == 0 ? find_option(known, word + 2) : NULL;
    const char *value = equals ? equals + 1 : NULL;

    if (!option) {
        complain_unknown(word, known, problems);
        return;
    }
    if (option->argument && !value && *at + 1 < argc) {
        value = argv[++*at];
    }
    if (option->argument && !value) {
        problems_add(problems, (struct place){ word, 0, 0 }, "needs a value");
    } else if (!option->argument && value) {
        problems_add(problems, (struct place){ word, 0, 0 }, "takes no value");
    } else {
        arguments->options = xgrow(arguments->options, &arguments->option_capacity,
                                   arguments->option_count + 1, sizeof *arguments->options);
        arguments->options[arguments->option_count++] =
            (struct given_option){ option->name, value };
    }
}

bool arguments_read(struct arguments *arguments, int argc, char **argv,
                    const struct option_spec *specs, bool common, struct problems *problems)
{
    struct known known;
    size_t before = problems->count, capacity = 0;
    bool options_over = false;

    list_options(&known, specs, common);
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (!options_over && strcmp(word, "--") == 0) {
            options_over = true;
        } else if (!options_over && word[0] == '-' && word[1] != '\0') {
            read_option(arguments, &known, argc, argv, &i, problems);
        } else {
            arguments->operands = xgrow(arguments->operands, &capacity,
                                        arguments->operand_count + 1, sizeof *arguments->operands);
            arguments->operands[arguments->operand_count++] = word;
        }
    }
    return problems->count == before;
}

void arguments_free(struct arguments *arguments)
{
    free(arguments->options);
    free(arguments->operands);
    *arguments = (struct arguments){ 0 };
}

static const struct given_option *find(const struct arguments *arguments, const char *name)
{
    for (size_t i = arguments->option_count; i-- > 0;) {
        if (strcmp(arguments->options[i].name, name) == 0) {
            return &arguments->options[i];
        }
    }
    return NULL;
}

const char *arguments_value(const struct arguments *arguments, const char *name)
{
    const struct given_option *option = find(arguments, name);

    return option ? option->value : NULL;
}

bool arguments_flag(const struct arguments *arguments, const char *name)
{
    return find(arguments, name) != NULL;
}

bool arguments_time(const struct arguments *arguments, const char *name, int64_t *out,
                    struct problems *problems)
{
    const char *text = arguments_value(arguments, name);

    if (!text || time_parse(text, clock_now(), out)) {
        return true;
    }
    problems_add(problems, (struct place){ name, 0, 0 },
                 "\"%s\" is no time: write 2026-11-22T14:00:00Z, a date, seconds or milliseconds "
                 "since 1970, "
                 "or 2h or 7d for so long ago",
                 text);
    return false;
}

bool arguments_number(const struct arguments *arguments, const char *name, int64_t max,
                      int64_t *out, struct problems *problems)
{
    const char *text = arguments_value(arguments, name);
    char *end;

    if (!text) {
        return true;
    }
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || errno || number < 1 || number > max) {
        problems_add(problems, (struct place){ name, 0, 0 },
                     "\"%s\" is not a number from 1 to %lld", text, (long long)max);
        return false;
    }
    *out = number;
    return true;
}
