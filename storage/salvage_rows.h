/* SPDX-License-Identifier: Apache-2.0 */
/* Private to storage/: the rows of a damaged database, as far as they can be read, and how they are
 * put in order in a new one. */
#ifndef TAILGATE_STORAGE_SALVAGE_ROWS_H
#define TAILGATE_STORAGE_SALVAGE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/sql.h"

struct salvage_count {
    int64_t findings, waiting, sources;
};

/* Whether a result code says that rows cannot be read because of what is in the file, not because
 * of the disk or of memory. */
bool salvage_unreadable(struct store *old, int rc);

/* Copies the rows of all tables, reading around what cannot be read, which sets *damaged; columns
 * that an older schema has not got get their defaults.  Within a transaction of the new store,
 * whose foreign keys are off. */
bool salvage_copy(struct store *old, struct store *new, bool *damaged, struct store_error *error);

/* Mends what rows say of others that are not there, and cuts the coverage back by `deepest`
 * milliseconds; in the same transaction. */
bool salvage_order(struct store *store, int64_t deepest, struct salvage_count *count,
                   struct store_error *error);

#endif
