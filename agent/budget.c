/* SPDX-License-Identifier: Apache-2.0 */
/* The budget, as buckets in the store. */
#include "agent/budget.h"

#include <stdio.h>
#include <string.h>

#include "agent/clock.h"
#include "storage/bucket.h"

static struct bucket_terms terms_for(double rate, enum budget_use use)
{
    static const double reserves[] = { [BUDGET_TIP] = 0, [BUDGET_BACK] = 1, [BUDGET_BACKFILL] = 2 };

    return (struct bucket_terms){ .rate = rate,
                                  .burst = rate + reserves[BUDGET_BACKFILL] + 1,
                                  .reserve = reserves[use] };
}

static void name_bucket(const struct origin *origin, char out[static BUDGET_NAME_MAX])
{
    snprintf(out, BUDGET_NAME_MAX, BUDGET_NAMES "%s %s", origin->account, origin->region);
}

/* What is remembered of a bucket; NULL when there are too many, and it is asked each time. */
static struct budget_pause *pause_of(struct budget *budget, const char *name)
{
    for (size_t i = 0; i < budget->pause_count; i++) {
        if (strcmp(budget->pauses[i].name, name) == 0) {
            return &budget->pauses[i];
        }
    }
    if (budget->pause_count == sizeof budget->pauses / sizeof *budget->pauses) {
        return NULL;
    }
    struct budget_pause *pause = &budget->pauses[budget->pause_count++];
    *pause = (struct budget_pause){ .until = { 0 } };
    snprintf(pause->name, sizeof pause->name, "%s", name);
    return pause;
}

bool budget_take(struct budget *budget, const struct origin *origin, enum budget_use use,
                 bool *taken, int64_t *wait_ms, struct store_error *error)
{
    struct bucket_terms terms = terms_for(budget->rate, use);
    char name[BUDGET_NAME_MAX];

    name_bucket(origin, name);
    struct budget_pause *pause = pause_of(budget, name);
    *taken = false;
    if (pause && clock_ticks() < pause->until[use]) {
        *wait_ms = pause->until[use] - clock_ticks();
        return true;
    }
    if (!bucket_take(budget->store, name, &terms, clock_now(), taken, wait_ms, error)) {
        return false;
    }
    if (pause && !*taken) {
        pause->until[use] = clock_ticks() + *wait_ms;
    }
    return true;
}

bool budget_throttled(struct budget *budget, const struct origin *origin, struct store_error *error)
{
    struct bucket_terms terms = terms_for(budget->rate, BUDGET_TIP);
    char name[BUDGET_NAME_MAX];

    name_bucket(origin, name);
    return bucket_throttled(budget->store, name, &terms, clock_now(), error);
}
