/* SPDX-License-Identifier: Apache-2.0 */
/* Log groups that cannot be read for long: since when, and the notices that tell people so, and
 * when it is over.  Both survive a restart. */
#ifndef TAILGATE_AGENT_UNREAD_H
#define TAILGATE_AGENT_UNREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/aws/error.h"
#include "agent/origin.h"
#include "storage/store.h"

/* What lasts for so long is told; what passes in less is weather. */
#define UNREAD_TOLD_AFTER (15 * INT64_C(60000))
/* How often unread_tell is to be called, in ticks at most. */
#define UNREAD_LOOK_MS 15000
/* More log groups than these that fall silent, or come back, at about the same time are told in one
 * notice. */
#define UNREAD_FEW 3

/* One log group, of which the newest is looked at. */
struct unread {
    const struct origin *origin;
    int64_t since;   /* the service's time of the first failure since it was read; 0: none */
    char *why;       /* the last failure in this process, or NULL */
    bool kept;       /* the store knows since when */
    bool told;       /* a notice has told it, and that it is over has not been told */
    int64_t over_at; /* ticks at which it could be read again, once told; 0: not yet */
};

/* What the store knows of a source that is about to be read; the origin is borrowed. */
bool unread_begin(struct unread *unread, struct store *store, const struct origin *origin,
                  struct store_error *error);
void unread_end(struct unread *unread);

/* What became of an attempt to read; `now` is the service's time.  What passes by itself is kept in
 * the store only once it was told: a network that goes down with the machine would otherwise make
 * the time in which the machine was off look like trouble. */
bool unread_failed(struct unread *unread, struct store *store, const struct aws_error *why,
                   int64_t now, struct store_error *error);
bool unread_was_read(struct unread *unread, struct store *store, struct store_error *error);

/* Makes the notices that are due, each in a transaction of its own. */
bool unread_tell(struct unread *const *list, size_t count, struct store *store, int64_t now,
                 struct store_error *error);

/* For status: since when a source cannot be read, 0: it can, or not for long. */
bool unread_since(struct store *store, int64_t source, int64_t *since, struct store_error *error);

/* A source is not watched any more. */
bool unread_forget(struct store *store, int64_t source, struct store_error *error);

#endif
