/* SPDX-License-Identifier: Apache-2.0 */
/* Private to storage/: putting alerts into the outbox. */
#ifndef TAILGATE_STORAGE_OUTBOX_H
#define TAILGATE_STORAGE_OUTBOX_H

#include "storage/alerts.h"
#include "storage/sql.h"

#define OUTBOX_HEX_SIZE (2 * FINGERPRINT_SIZE + 1)

/* Writes a fingerprint in hex. */
void outbox_hex(char out[static OUTBOX_HEX_SIZE], struct store_bytes fingerprint);

/* Makes the row of a new alert (id, form, finding, severity, count, created_at are looked at) and
 * fills alert->row.  Within a transaction. */
bool outbox_add(struct store *store, struct alert *alert, struct store_error *error);

/* Copies the word of a severity that a statement is about to lose. */
void outbox_keep_severity(char out[static SEVERITY_WORD_MAX], struct store_bytes severity);

#endif
