/* SPDX-License-Identifier: Apache-2.0 */
/* `tailgate backfill`: a past window of log groups, or a file, read once. */
#ifndef TAILGATE_AGENT_BACKFILL_H
#define TAILGATE_AGENT_BACKFILL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/arguments.h"
#include "agent/config.h"
#include "agent/tally.h"

#define BACKFILL_UNTIL_NOW INT64_MAX

/* What was read and found, for the summary and the exit status. */
struct backfill_result {
    int64_t events, findings, new_findings;
    bool incomplete;     /* some part could not be read; it has been said */
    struct tally *tally; /* given: NULL, or what counts the findings */
};

/* What is to be read of files. */
struct backfill_files {
    const char *path; /* a file, a folder with all that is in it, or "-" for standard input */
    enum format format;
    const struct config_source *group; /* whose events they are; its name is an ARN; NULL: unsaid */
    bool state_given;                  /* else the store is temporary */
};

/* Each returns an exit status of its own when the whole could not be done, else EXIT_YES with the
 * result filled. */
int backfill_file(const struct config *config, const struct backfill_files *asked,
                  struct backfill_result *result);
/* [since, until) in milliseconds of event time; until BACKFILL_UNTIL_NOW: the service's present. */
int backfill_window(const struct config *config, int64_t since, int64_t until, const char *alert,
                    struct backfill_result *result);

#endif
