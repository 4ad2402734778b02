/* SPDX-License-Identifier: Apache-2.0 */
/* The budget of requests to CloudWatch Logs, one for each account and region, shared through the
 * store by all sources and by a backfill beside `run`.  Tips come before re-reads, re-reads before
 * a backfill: the less urgent must leave tokens behind. */
#ifndef TAILGATE_AGENT_BUDGET_H
#define TAILGATE_AGENT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/detect.h"

enum budget_use { BUDGET_TIP, BUDGET_BACK, BUDGET_BACKFILL };

/* Whether a request may go out now; else *wait_ms says when to ask again. */
bool budget_take(struct store *store, const struct origin *origin, double rate, enum budget_use use,
                 bool *taken, int64_t *wait_ms, struct store_error *error);
/* The service throttled a request. */
bool budget_throttled(struct store *store, const struct origin *origin, double rate,
                      struct store_error *error);

#endif
