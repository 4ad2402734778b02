/* SPDX-License-Identifier: Apache-2.0 */
/* The words of a command line, sorted into options and operands. */
#ifndef TAILGATE_AGENT_ARGUMENTS_H
#define TAILGATE_AGENT_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/problems.h"

struct option_spec {
    const char *name;     /* without "--" */
    const char *argument; /* what its value is called in help; NULL: it takes none */
    const char *help;
};

struct given_option {
    const char *name;  /* of the spec */
    const char *value; /* NULL for a flag; borrowed from argv */
};

struct arguments {
    struct given_option *options;
    size_t option_count, option_capacity;
    const char **operands; /* words borrowed from argv */
    size_t operand_count;
};

/* Sorts argv[0..argc) by the options a command knows: `specs`, ended by a NULL name, and the common
 * ones when `common`.  False after adding to `problems`. */
bool arguments_read(struct arguments *arguments, int argc, char **argv,
                    const struct option_spec *specs, bool common, struct problems *problems);
void arguments_free(struct arguments *arguments);

/* The last value given for an option, NULL when it was not given; for a flag, whether it was. */
const char *arguments_value(const struct arguments *arguments, const char *name);
bool arguments_flag(const struct arguments *arguments, const char *name);

/* Options read from numbers and times; *out stays as it is when the option is not given.  False
 * after adding to `problems`. */
bool arguments_time(const struct arguments *arguments, const char *name, int64_t *out,
                    struct problems *problems);
bool arguments_number(const struct arguments *arguments, const char *name, int64_t max,
                      int64_t *out, struct problems *problems);

#endif
