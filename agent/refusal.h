/* SPDX-License-Identifier: Apache-2.0 */
/* A topic that takes no alerts: since when, and what is said of it once it lasts.  It survives a
 * restart. */
#ifndef TAILGATE_AGENT_REFUSAL_H
#define TAILGATE_AGENT_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/aws/error.h"
#include "agent/config.h"
#include "storage/store.h"

/* What lasts for so long is told, and alerts go to the second topic as well. */
#define REFUSAL_TOLD_AFTER (15 * INT64_C(60000))

struct refusal {
    const struct config *config; /* the one in force; NULL: nothing is noted */
    int64_t since;               /* the first failure since an alert was taken; 0: none */
    bool kept;                   /* the store knows since when */
    bool told;                   /* by this process */
};

/* Goes on with what the store knows about the topic of the configuration, which is borrowed. */
bool refusal_begin(struct refusal *refusal, struct store *store, const struct config *config,
                   struct store_error *error);

/* What became of an attempt; `now` is the host's time.  What passes by itself is kept in the store
 * only once it was told (unread.h says why). */
bool refusal_failed(struct refusal *refusal, struct store *store, const struct aws_error *why,
                    int64_t now, struct store_error *error);
bool refusal_over(struct refusal *refusal, struct store *store, struct store_error *error);

/* Whether the topic has taken no alert for long. */
bool refusal_lasts(const struct refusal *refusal, int64_t now);

/* For status: since when a topic takes no alerts, and which (empty: no longer known). */
#define REFUSAL_TOPIC_MAX 800
bool refusal_since(struct store *store, int64_t *since, char topic[static REFUSAL_TOPIC_MAX],
                   struct store_error *error);

#endif
