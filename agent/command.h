/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: one table is the dispatcher, the help and the list of options. */
#ifndef TAILGATE_AGENT_COMMAND_H
#define TAILGATE_AGENT_COMMAND_H

#include "agent/arguments.h"
#include "storage/store.h"

/* What a command's exit status says; the manual promises these. */
enum exit_status {
    EXIT_YES = 0,
    EXIT_NO = 1,         /* findings there were, a probe's "no", nothing matched */
    EXIT_USAGE = 2,      /* the command line or the configuration */
    EXIT_REFUSED = 3,    /* AWS refused */
    EXIT_INCOMPLETE = 4, /* some part of a window could not be read */
    EXIT_STORE = 5,      /* the state file */
};

struct command {
    const char *name;
    const char *operands; /* for the synopsis */
    const char *summary;  /* one line */
    const char *details;  /* for its own help */
    size_t min_operands, max_operands;
    const struct option_spec *options; /* its own, ended by a NULL name */
    bool common;                       /* takes the common options too */
    int (*run)(const struct arguments *arguments);
};

extern const struct command *const commands[]; /* ended by NULL */

extern const struct command run_command, backfill_command, match_command, explain_command,
    findings_command, status_command;

/* Logs what is wrong with a command line or configuration; returns EXIT_USAGE. */
int command_refuse(struct problems *problems);

/* Opens the store of a configuration for reading only; NULL after logging why. */
struct store *command_open_store(const char *path);

#endif
