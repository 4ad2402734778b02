/* SPDX-License-Identifier: Apache-2.0 */
/* How long log groups keep their events: what is older can no longer be read, and somebody who
 * shortens it may do so to hide something. */
#ifndef TAILGATE_AGENT_RETENTION_H
#define TAILGATE_AGENT_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/aws/aws.h"
#include "agent/origin.h"
#include "storage/store.h"

#define RETENTION_UNKNOWN  (-1)                       /* or for ever */
#define RETENTION_LEAST_MS (24 * 60 * INT64_C(60000)) /* the shortest that there is */

struct retention {
    struct aws *aws;
    struct store *store;
    const char *account;         /* ours: others cannot be asked */
    bool asked;                  /* whether AWS has said all that it will, since it began */
    int64_t at;                  /* ticks before which nothing is due */
    size_t next;                 /* of the sources, the one to ask about */
    const struct origin *asking; /* the one that is asked about; NULL: none */
    int64_t failures;            /* in a row */
};

/* After a start or a reload: asks about every source anew, and forgets a call under way. */
void retention_begin(struct retention *retention);

/* Asks about the next of the sources that `origin` gives by their number, if it is time: all of
 * them once an hour, one after the other, and again soon where that fails.  Returns the ticks at
 * which to call again; INT64_MAX: once the answer has come. */
int64_t retention_step(struct retention *retention, size_t count,
                       const struct origin *(*origin)(const void *, size_t), const void *sources);

/* What became of it; the retention is the answer's owner.  What has become shorter is told by a
 * notice. */
void retention_answer(struct retention *retention, const struct aws_answer *answer);

/* For how long a source's log group keeps events, milliseconds, or RETENTION_UNKNOWN. */
bool retention_get(struct store *store, int64_t source, int64_t *ms, struct store_error *error);

#endif
