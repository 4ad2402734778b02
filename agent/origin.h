/* SPDX-License-Identifier: Apache-2.0 */
/* Where events come from: a log group, or a file. */
#ifndef TAILGATE_AGENT_ORIGIN_H
#define TAILGATE_AGENT_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config.h"

struct origin {
    bool is_file;
    char *identity;     /* ARN of the log group without ":*", or "file:" and the path */
    char *account;      /* empty for a file */
    char *region;       /* likewise */
    char *log_group;    /* its name; for a file the path */
    const char *asked;  /* as it was configured, by name or ARN: so AWS is asked for it; borrowed */
    int64_t time_zone;  /* of its rows, milliseconds east of UTC */
    enum format format; /* of its lines: the configured one, else what the log group's name says */
    int64_t source;     /* its id in the store; for the caller to fill in */
    bool retention_asked; /* whether AWS has said how long it keeps its events, or will not */
};

/* A configured log group; the account comes from its ARN, else from `account`. */
struct origin origin_of_log_group(const struct config_source *config, const char *account);
struct origin origin_of_file(const char *path, enum format format);
void origin_free(struct origin *origin);

#endif
