/* SPDX-License-Identifier: Apache-2.0 */
/* What `run` and `backfill` both do before they read: make the AWS client, learn the account and
 * the service's clock. */
#ifndef TAILGATE_AGENT_SESSION_H
#define TAILGATE_AGENT_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/aws/aws.h"
#include "agent/aws/sts.h"
#include "agent/config.h"
#include "agent/signals.h"
#include "storage/lock.h"
#include "storage/store.h"

#define SESSION_FACT_ALIVE   "alive_at" /* when `run` last got on, host's clock, milliseconds */
#define SESSION_FACT_ACCOUNT "account"
#define SESSION_FACT_PACE    "pace"  /* milliseconds from poll to poll, and requests a second */
#define SESSION_FACT_CLOCK   "clock" /* the service's minus the host's if that is wrong */
#define PACE_TEXT_MAX        64
#define SESSION_ALIVE_EVERY  15000 /* milliseconds */

#define SESSION_STOPPED (-1) /* asked to stop before it began */

struct session_start {
    const struct config *config;
    struct store *store;
    struct aws *aws;
    int signals;            /* of signals_open */
    struct signals pending; /* what came meanwhile */
    bool say_alive;         /* whether to say that `run` is alive while AWS cannot be reached */
    int64_t alive_at;       /* ticks at which to say so next */
};

/* The AWS client of a configuration; NULL after logging why. */
struct aws *session_aws(const struct config *config);

/* Whether a log group is given by name, so that its account must be learned. */
bool session_needs_account(const struct config *config);

/* Talks to AWS for the first time: learns the account if it is needed (from the store, else from
 * STS), and the service's clock from whatever answers.  What passes by itself is tried again for as
 * long as it takes.  Returns EXIT_YES, EXIT_USAGE, EXIT_REFUSED, EXIT_STORE or SESSION_STOPPED,
 * having logged why. */
int session_begin(struct session_start *start, char account[static ACCOUNT_MAX]);

/* The service's time, milliseconds; while AWS has not said it the host's, which is logged once. */
int64_t session_service_time(const struct aws *aws);

/* Says in the log when this host's clock is found wrong and when it is right again, and keeps by
 * how much for status. */
bool session_note_clock(const struct aws *aws, struct store *store, struct store_error *error);

/* Says that `run` gets on, if it is time to; *at is when it is next (ticks). */
bool session_say_alive(struct store *store, int64_t *at, struct store_error *error);

/* Takes the place of the one `run` on a state file. */
bool session_lock_run(struct lock_file *lock, const char *state, struct store_error *error);

#endif
