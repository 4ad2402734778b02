/* SPDX-License-Identifier: Apache-2.0 */
/* The table of configuration keys: the file's reader, the environment, the common options and their
 * help all come from it. */
#ifndef TAILGATE_AGENT_KEYS_H
#define TAILGATE_AGENT_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/config.h"

enum key_section { KEYS_TOP, KEYS_ALERTS, KEYS_SOURCE, KEYS_RULE, KEYS_EXCEPT };

struct key;
/* Reads a value's text into a field.  On failure writes what would be right into `why`. */
typedef bool key_reader(const struct key *key, const char *text, void *field, char *why,
                        size_t why_size);

struct key {
    enum key_section section;
    const char *name;
    key_reader *read;           /* NULL: not a scalar, config_file.c knows its shape */
    size_t offset;              /* of the field in the section's struct */
    double min, max;            /* in the field's unit */
    const char *const *choices; /* words, in the order of the enum, ended by NULL */
    const char *fallback;       /* the default, as one would write it */
    const char *option;         /* of the command line (and TAILGATE_<OPTION>), or NULL */
    const char *argument;       /* what its value is called */
    bool reload;                /* whether SIGHUP may change it */
    const char *help;
};

#define KEYS_MAX 64
extern const struct key keys[];
extern const size_t keys_count;

/* The key of that name in a section, or NULL. */
const struct key *keys_find(enum key_section section, const char *name);
/* The nearest name in a section, or NULL. */
const char *keys_nearest(enum key_section section, const char *name);
/* Whether the key's field is a text (char *). */
bool keys_is_text(const struct key *key);
/* Reads a value into the key's field of `object`; adds to `problems` when it cannot be. */
bool keys_set(const struct key *key, const char *text, void *object, struct place place,
              struct problems *problems);

#endif
