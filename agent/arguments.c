/* SPDX-License-Identifier: Apache-2.0 */
/* Sorting of a command line by getopt_long, with tables for options and our own words for mistakes.
 */
#include "agent/arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/keys.h"
#include "agent/memory.h"
#include "agent/times.h"

#define OPTIONS_MAX (KEYS_MAX + 16) /* the common ones, and those of one command */

/* The options of a command, as getopt_long wants them; the first entries beside it are our specs.
 */
static size_t list_options(struct option list[static OPTIONS_MAX], const struct option_spec *specs,
                           bool common)
{
    size_t count = 0;

    for (; specs && specs->name; specs++) {
        list[count++] = (struct option){ .name = specs->name, .has_arg = specs->argument != NULL };
    }
    if (common) {
        list[count++] = (struct option){ .name = "config", .has_arg = required_argument };
        for (size_t i = 0; i < keys_count; i++) {
            if (keys[i].option) {
                list[count++] =
                    (struct option){ .name = keys[i].option, .has_arg = keys[i].argument != NULL };
            }
        }
    }
    list[count++] = (struct option){ .name = "help" };
    list[count] = (struct option){ 0 };
    return count;
}

static const char *option_name_at(const void *list, size_t index)
{
    return ((const struct option *)list)[index].name;
}

static void complain_unknown(const char *word, const struct option *list, size_t count,
                             struct problems *problems)
{
    char *name = xstrndup(word, strcspn(word, "="));
    struct place place = { name, 0, 0 };
    const char *nearest = strncmp(name, "--", 2) == 0
                              ? problems_nearest(name + 2, option_name_at, list, count)
                              : NULL;

    /* The name outlives this call because the problem borrows it: it is argv's own text, but for a
     * value. */
    place.origin = word;
    if (nearest) {
        problems_add(problems, place, "there is no such option; did you mean --%s?", nearest);
    } else {
        problems_add(problems, place, "there is no such option");
    }
    free(name);
}

bool arguments_read(struct arguments *arguments, int argc, char **argv,
                    const struct option_spec *specs, bool common, struct problems *problems)
{
    struct option list[OPTIONS_MAX];
    size_t count = list_options(list, specs, common);
    size_t before = problems->count;
    int index = 0;

    opterr = 0;
    optind = 0; /* glibc and musl: start anew */
    for (int c; (c = getopt_long(argc, argv, ":", list, &index)) != -1;) {
        const char *word = argv[optind - 1];
        if (c == ':') {
            problems_add(problems, (struct place){ word, 0, 0 }, "needs a value");
        } else if (c == '?') {
            complain_unknown(word, list, count, problems);
        } else {
            arguments->options = xgrow(arguments->options, &arguments->option_capacity,
                                       arguments->option_count + 1, sizeof *arguments->options);
            arguments->options[arguments->option_count++] =
                (struct given_option){ list[index].name, optarg };
        }
    }
    arguments->operands = argv + optind;
    arguments->operand_count = (size_t)(argc - optind);
    return problems->count == before;
}

void arguments_free(struct arguments *arguments)
{
    free(arguments->options);
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
