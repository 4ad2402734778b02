/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of reading a configuration share: config.c (order and checks) and config_file.c
 * (shapes of the file). */
#ifndef TAILGATE_AGENT_CONFIG_LOAD_H
#define TAILGATE_AGENT_CONFIG_LOAD_H

#include "agent/config.h"
#include "agent/keys.h"

/* Where a value was said; what is said at a higher level replaces the lists of a lower one. */
enum config_level { LEVEL_FILE, LEVEL_ENVIRONMENT, LEVEL_COMMAND_LINE };

struct config_loading {
    struct config *config;
    struct problems *problems;
    enum config_level source_level;
    enum config_level network_levels[NETWORKS_MAX]; /* beside config->network_list */
};

/* Reads the file into the configuration; what is wrong goes to the problems.  False when it is no
 * YAML that can be read. */
bool config_file_read(struct config_loading *loading, const char *path);

/* Adds a block to a network, or a source, as said at a level. */
void config_add_block(struct config_loading *loading, const char *network, const char *text,
                      enum config_level level, struct place place);
struct config_source *config_add_source(struct config_loading *loading, enum config_level level,
                                        struct place place);

/* Fills in the defaults of a section's keys. */
void config_defaults(enum key_section section, void *object);

#endif
