/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing of alerts from the outbox: to an SNS topic, or to standard output.
 *
 * One at a time, and so without PublishBatch: the breaker lets about one a second go, and alone
 * each has an answer of its own that says whether to try it again.
 *
 * While the topic has taken no alert for long (refusal.h), each one that waits goes to the second
 * topic as well, once, until the first works again. */
#ifndef TAILGATE_AGENT_PUBLISHER_H
#define TAILGATE_AGENT_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/aws/aws.h"
#include "agent/config.h"
#include "agent/refusal.h"
#include "storage/store.h"

struct publisher {
    struct store *store;
    struct aws *aws;             /* NULL: without a topic */
    const struct config *config; /* the one in force */
    struct refusal refusal;      /* of the topic; nothing is noted before publisher_use */
    int64_t flying;              /* row of the alert being sent; 0: none */
    bool copying;                /* it goes to the second topic */
    bool copy_turn;              /* whether the second topic is served first, next */
    int64_t attempts;
    unsigned copy_failures; /* in a row */
    bool moved;             /* the topics changed: what is still under way says nothing of them */
    int64_t next_at;        /* ticks before which nothing is due */
    unsigned mended;        /* attempts in a row that failed for credentials or the clock */
    bool complained;        /* the present trouble has been logged */
};

/* A start, or a reload: publishes by this configuration from now on.  The one before must still be
 * there. */
bool publisher_use(struct publisher *publisher, const struct config *config,
                   struct store_error *error);

/* Whether alerts reach anybody, as far as is known. */
bool publisher_tells(const struct publisher *publisher);

/* Has the next step look at the outbox, though it was empty just now. */
void publisher_look(struct publisher *publisher);

/* Publishes what is due and allowed now.  Returns the ticks at which to call again at the latest.
 */
int64_t publisher_step(struct publisher *publisher);
/* Takes the answer to what was sent; the publisher is the answer's owner. */
void publisher_answer(struct publisher *publisher, const struct aws_answer *answer);

/* Whether anything can still go out without waiting for a retry: for a last round before leaving.
 */
bool publisher_busy(const struct publisher *publisher);

#endif
