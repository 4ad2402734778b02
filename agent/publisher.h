/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing of alerts from the outbox: to an SNS topic, one at a time, or to standard output. */
#ifndef TAILGATE_AGENT_PUBLISHER_H
#define TAILGATE_AGENT_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/aws/aws.h"
#include "agent/config.h"
#include "storage/store.h"

struct publisher {
    struct store *store;
    struct aws *aws;             /* NULL: without a topic */
    const struct config *config; /* the one in force; changed by a reload */
    int64_t flying;              /* row of the alert being sent; 0: none */
    int64_t attempts;
    int64_t next_at; /* ticks before which nothing is due */
    unsigned mended; /* attempts in a row that failed for credentials or the clock */
    bool complained; /* the present trouble has been logged */
};

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
