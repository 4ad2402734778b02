/* SPDX-License-Identifier: Apache-2.0 */
/* Private to storage/: putting alerts into the outbox. */
#ifndef TAILGATE_STORAGE_OUTBOX_H
#define TAILGATE_STORAGE_OUTBOX_H

#include "storage/alerts.h"
#include "storage/sql.h"

#define OUTBOX_HEX_SIZE (2 * FINGERPRINT_SIZE + 1)

/* What a statement selects for outbox_take, and in which order. */
#define OUTBOX_ALERT "row, form, id, finding, severity, count, created_at, attempts"
#define OUTBOX_ORDER " ORDER BY rank DESC, created_at, row"
/* What may go out at :now.  A time further ahead than any wait was set by a clock that has gone
 * back since. */
#define OUTBOX_DUE(column) "(" column " <= :now OR " column " > :now + 3600000)"
/* trying, and copying of the copy: 0, it cannot have reached anybody; 1, the attempt that is under
 * way may have, or one that a crash ended; 2, an earlier one may have, whatever becomes of this. */
#define OUTBOX_TRY(column)  column " = MIN(" column " + 1, 2)"
#define OUTBOX_FAIL(column) column " = CASE WHEN :maybe_sent OR " column " = 2 THEN 2 ELSE 0 END"

/* Steps a statement to at most one alert, and closes it. */
bool outbox_take(struct sql *sql, struct alert *out, bool *found, struct store_error *error);

/* Runs a statement that must change exactly one alert, the one in :row. */
bool outbox_change_one(struct sql *sql, int64_t row, const char *what, struct store_error *error);

/* Writes a fingerprint in hex. */
void outbox_hex(char out[static OUTBOX_HEX_SIZE], struct store_bytes fingerprint);

/* Makes the row of a new alert (id, form, finding, severity, count, created_at are looked at) and
 * fills alert->row.  Within a transaction. */
bool outbox_add(struct store *store, struct alert *alert, struct store_error *error);

/* Copies the word of a severity that a statement is about to lose. */
void outbox_keep_severity(char out[static SEVERITY_WORD_MAX], struct store_bytes severity);

#endif
