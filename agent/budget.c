/* SPDX-License-Identifier: Apache-2.0 */
/* The budget, as buckets in the store. */
#include "agent/budget.h"

#include <stdio.h>

#include "agent/clock.h"
#include "storage/bucket.h"

#define NAME_MAX_BYTES 96

static struct bucket_terms terms_for(double rate, enum budget_use use)
{
    static const double reserves[] = { [BUDGET_TIP] = 0, [BUDGET_BACK] = 1, [BUDGET_BACKFILL] = 2 };

    return (struct bucket_terms){ .rate = rate,
                                  .burst = rate + reserves[BUDGET_BACKFILL] + 1,
                                  .reserve = reserves[use] };
}

static void name_bucket(const struct origin *origin, char out[static NAME_MAX_BYTES])
{
    snprintf(out, NAME_MAX_BYTES, "requests %s %s", origin->account, origin->region);
}

bool budget_take(struct store *store, const struct origin *origin, double rate, enum budget_use use,
                 bool *taken, int64_t *wait_ms, struct store_error *error)
{
    struct bucket_terms terms = terms_for(rate, use);
    char name[NAME_MAX_BYTES];

    name_bucket(origin, name);
    return bucket_take(store, name, &terms, clock_now(), taken, wait_ms, error);
}

bool budget_throttled(struct store *store, const struct origin *origin, double rate,
                      struct store_error *error)
{
    struct bucket_terms terms = terms_for(rate, BUDGET_TIP);
    char name[NAME_MAX_BYTES];

    name_bucket(origin, name);
    return bucket_throttled(store, name, &terms, clock_now(), error);
}
