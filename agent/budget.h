/* SPDX-License-Identifier: Apache-2.0 */
/* The budget of requests to CloudWatch Logs, one for each account and region, shared through the
 * store by all sources and by a backfill beside `run`.  Tips come before re-reads, re-reads before
 * a backfill: the less urgent must leave tokens behind. */
#ifndef TAILGATE_AGENT_BUDGET_H
#define TAILGATE_AGENT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/detect.h"

enum budget_use { BUDGET_TIP, BUDGET_BACK, BUDGET_BACKFILL, BUDGET_USES };

#define BUDGET_NAME_MAX 96
/* How the names of the buckets begin (storage/bucket.h); account and region follow. */
#define BUDGET_NAMES "requests "

/* The budgets as one process uses them.  Those who were refused and wait are many; that the store
 * is not asked for each of them in vain, the last refusals are remembered. */
struct budget {
    struct store *store;
    double rate; /* requests a second */
    struct budget_pause {
        char name[BUDGET_NAME_MAX];
        int64_t until[BUDGET_USES]; /* ticks */
    } pauses[16];
    size_t pause_count;
};

/* Whether a request may go out now; else *wait_ms says when to ask again. */
bool budget_take(struct budget *budget, const struct origin *origin, enum budget_use use,
                 bool *taken, int64_t *wait_ms, struct store_error *error);
/* The service throttled a request. */
bool budget_throttled(struct budget *budget, const struct origin *origin,
                      struct store_error *error);

#endif
