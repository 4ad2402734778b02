/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of alerts that wait, for a second topic while the first one takes none.  A copy has the id
 * of its alert, is made once, and changes nothing about the alert's own way to the first topic. */
#ifndef TAILGATE_STORAGE_COPIES_H
#define TAILGATE_STORAGE_COPIES_H

#include "storage/alerts.h"

/* The next waiting alert without a copy whose time has come, in the order of alerts_next. */
bool copies_next(struct store *store, int64_t now, struct alert *out, bool *found,
                 struct store_error *error);

/* As alerts_trying, alerts_sent and alerts_failed, for the copy of an alert that waits. */
bool copies_trying(struct store *store, int64_t row, struct store_error *error);
bool copies_sent(struct store *store, int64_t row, int64_t now, struct store_error *error);
bool copies_failed(struct store *store, int64_t row, int64_t next_attempt_at, bool maybe_sent,
                   struct store_error *error);

/* The copies went to what is the topic by now: their alerts are told. */
bool copies_settle(struct store *store, struct store_error *error);

#endif
