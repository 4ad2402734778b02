/* SPDX-License-Identifier: Apache-2.0 */
/* The heartbeat: a metric in CloudWatch, once a minute for as long as logs are read.  An alarm on
 * it that takes missing data for breaching tells when nobody watches any more. */
#ifndef TAILGATE_AGENT_HEARTBEAT_H
#define TAILGATE_AGENT_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/aws/aws.h"
#include "agent/config.h"

/* What an alarm has to name. */
#define HEARTBEAT_NAMESPACE "tailgate"
#define HEARTBEAT_METRIC    "Heartbeat"
#define HEARTBEAT_DIMENSION "Agent" /* its value is the configuration's `heartbeat` */

struct heartbeat {
    struct aws *aws;
    const struct config *config; /* the one in force */
    int64_t at;                  /* ticks before which the next one is not due */
    unsigned failures;           /* in a row */
    bool flying;
};

/* After a start or a reload: whatever AWS refused before is tried again. */
void heartbeat_begin(struct heartbeat *heartbeat, const struct config *config);

/* Sends one if it is due and `gets_on`: at least one log group was read lately.  Never more than
 * one is under way, and nothing waits for it.  Returns the ticks at which to call again;
 * INT64_MAX: once something has changed. */
int64_t heartbeat_step(struct heartbeat *heartbeat, bool gets_on);

/* What became of it; the heartbeat is the answer's owner. */
void heartbeat_answer(struct heartbeat *heartbeat, const struct aws_answer *answer);

#endif
