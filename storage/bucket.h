/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets that outlive the process and are shared by all that use the state file: the request
 * budget of an account and region, and the breaker that keeps alerts readable. */
#ifndef TAILGATE_STORAGE_BUCKET_H
#define TAILGATE_STORAGE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

#define BUCKET_WAIT_MAX_MS 3600000 /* the longest wait ever advised */

/* Those who share a bucket should agree on burst; each may have a rate and a reserve of its own,
 * and the time since anybody last asked fills it at the rate of who asks. */
struct bucket_terms {
    double rate;    /* tokens per second it fills with, at most */
    double burst;   /* tokens it holds, at most, and at least 1; a new one is full */
    double reserve; /* tokens that must remain after taking: kept for those more urgent */
};

/* Takes one token if there is one above the reserve; else *wait_ms says when to ask again.  A clock
 * that went back fills nothing until it has caught up, or at once from now on if it went back by
 * more than ten seconds.  A transaction of its own, not synced to disk on each call. */
bool bucket_take(struct store *store, const char *name, const struct bucket_terms *terms,
                 int64_t now, bool *taken, int64_t *wait_ms, struct store_error *error);

/* The other side said "too fast": the bucket is emptied and its rate halved (not below a
 * sixteenth), once for all that is said within a second; it grows back by a tenth of the full rate
 * every ten seconds. */
bool bucket_throttled(struct store *store, const char *name, const struct bucket_terms *terms,
                      int64_t now, struct store_error *error);

/* The rate in force, for status. */
bool bucket_rate(struct store *store, const char *name, const struct bucket_terms *terms,
                 int64_t now, double *out, struct store_error *error);

#endif
