/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets that outlive the process and are shared by all that use the state file: the request
 * budget of an account and region, and the breaker that keeps alerts readable. */
#ifndef TAILGATE_STORAGE_BUCKET_H
#define TAILGATE_STORAGE_BUCKET_H

#include <stdbool.h>
#include <stddef.h>
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

#define BUCKET_NAME_MAX 128 /* bytes of a name that are given back, with the NUL */
#define BUCKETS_MAX     64  /* buckets one call lists */

/* What became of a bucket, for status. */
struct bucket_use {
    char name[BUCKET_NAME_MAX];
    double share;        /* of its full rate that is in force now, from 0 to 1 */
    int64_t taken;       /* tokens in all */
    int64_t in_hour;     /* in the hour, by the clock, that is not over */
    int64_t hour_before; /* in the hour before that one */
};

/* The buckets whose names begin so, by name: at most `max` of them; returns false when the store
 * fails. */
bool buckets_list(struct store *store, const char *beginning, int64_t now, struct bucket_use *out,
                  size_t max, size_t *count, struct store_error *error);

#endif
