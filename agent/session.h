/* SPDX-License-Identifier: Apache-2.0 */
/* What `run` and `backfill` both do before they read: make the AWS client, learn the account and
 * the service's clock. */
#ifndef TAILGATE_AGENT_SESSION_H
#define TAILGATE_AGENT_SESSION_H

#include <stdbool.h>

#include "agent/aws/aws.h"
#include "agent/aws/sts.h"
#include "agent/config.h"
#include "storage/lock.h"
#include "storage/store.h"

#define SESSION_FACT_ALIVE   "alive_at" /* when `run` last went round its loop, host's clock */
#define SESSION_FACT_ACCOUNT "account"

#define SESSION_STOPPED (-1) /* asked to stop before it began */

struct session_start {
    const struct config *config;
    struct store *store;
    struct aws *aws;
    int signals; /* a descriptor that is readable when it is time to stop */
};

/* The AWS client of a configuration; NULL after logging why. */
struct aws *session_aws(const struct config *config);

/* Whether a log group is given by name, so that its account must be learned. */
bool session_needs_account(const struct config *config);

/* Talks to AWS for the first time: learns the account if it is needed (from the store, else from
 * STS), and the service's clock from whatever answers.  What passes by itself is tried again for as
 * long as it takes.  Returns EXIT_YES, EXIT_USAGE, EXIT_REFUSED, EXIT_STORE or SESSION_STOPPED,
 * having logged why. */
int session_begin(const struct session_start *start, char account[static ACCOUNT_MAX]);

/* Takes the place of the one `run` on a state file. */
bool session_lock_run(struct lock_file *lock, const char *state, struct store_error *error);

#endif
