/* SPDX-License-Identifier: Apache-2.0 */
/* Private to storage/: the tables of a state file and how older ones become today's. */
#ifndef TAILGATE_STORAGE_SCHEMA_H
#define TAILGATE_STORAGE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

/* The number of the schema this program writes; PRAGMA user_version of the file. */
int64_t schema_current(void);

/* The number a file has; false with STORE_NEWER when it is higher than ours. */
bool schema_number(struct store *store, int64_t *number, struct store_error *error);

/* Brings a file to today's schema, each step in a transaction with its number. */
bool schema_migrate(struct store *store, struct store_error *error);

#endif
