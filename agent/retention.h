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

#define RETENTION_LEAST_MS (24 * 60 * INT64_C(60000)) /* the shortest that there is */

struct retention {
    struct aws *aws;
    struct store *store;
    const char *account;         /* ours: others cannot be asked */
    int64_t at;                  /* ticks before which nothing is due */
    size_t next;                 /* of the sources, the one to ask about */
    struct origin *asking;       /* the one that is asked about; NULL: none */
    bool missing;                /* this round is about those only of which nothing is known yet */
    bool said;                   /* that AWS does not allow it */
    unsigned rounds;             /* of that kind */
    size_t sent, failed, denied; /* in this round */
};

/* After a start or a reload: asks about every source anew, and forgets a call under way. */
void retention_begin(struct retention *retention);

/* Asks about the next of the sources that `origin` gives by their number, if it is time: all of
 * them once an hour, one after the other, and those that failed again soon.  Returns the ticks at
 * which to call again; INT64_MAX: once the answer has come.  What is known of a source as well as
 * it will be has `retention_asked`, after half an hour of failures in any case. */
int64_t retention_step(struct retention *retention, size_t count,
                       struct origin *(*origin)(void *, size_t), void *sources);

/* What became of it; the retention is the answer's owner.  What has become shorter is told by a
 * notice. */
void retention_answer(struct retention *retention, const struct aws_answer *answer);

struct retention_kept {
    int64_t horizon; /* what is older may be deleted, and an answer without it says nothing */
    int64_t settled; /* the age at which time is read for the last time */
};

/* What is known of a source's log group.  The horizon never goes back: that events are kept for
 * longer again brings none of them back. */
bool retention_get(struct store *store, int64_t source, int64_t now, struct retention_kept *out,
                   struct store_error *error);

#endif
