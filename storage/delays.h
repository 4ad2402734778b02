/* SPDX-License-Identifier: Apache-2.0 */
/* How late the late events of a source were: events that were not there when their time was read
 * first.  The delay of one is the time from its timestamp until it was first seen.  They are
 * counted in classes, each twice as long as the one before. */
#ifndef TAILGATE_STORAGE_DELAYS_H
#define TAILGATE_STORAGE_DELAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

#define DELAY_CLASSES   18
#define DELAYS_KEPT_MAX 10000
#define DELAY_LEAST_MS                                                                             \
    1000 /* class 0: up to this; class n: up to 2^n times this; the last: more                     \
          */

struct delays {
    int64_t count[DELAY_CLASSES];
    int64_t longest; /* milliseconds; of all */
};

/* Counts one event.  A delay below 0 counts as 0. */
void delays_count(struct delays *delays, int64_t delay);

/* Adds to what is known of a source, within the caller's transaction.  When it comes to more than
 * DELAYS_KEPT_MAX events all counts are halved, so that what was long ago counts for less and less.
 */
bool delays_add(struct store *store, int64_t source, const struct delays *delays,
                struct store_error *error);
bool delays_get(struct store *store, int64_t source, struct delays *out, struct store_error *error);

/* How many events were counted. */
int64_t delays_total(const struct delays *delays);

/* The delay, in milliseconds, that a share of the events (from 0 to 1) did not exceed, rounded up
 * to the end of its class; 0 when there are none. */
int64_t delays_quantile(const struct delays *delays, double share);

#endif
