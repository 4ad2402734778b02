/* SPDX-License-Identifier: Apache-2.0 */
/* What reading a source has shown of its log as a whole, beside findings: which server writes it,
 * and counts of what was seen and not told, or not seen at all. */
#ifndef TAILGATE_STORAGE_READINGS_H
#define TAILGATE_STORAGE_READINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

#define READING_DIALECT_MAX 128 /* bytes of a dialect that are given back, with the NUL */

struct source_reading {
    char dialect[READING_DIALECT_MAX]; /* words for people; empty while nothing is known */
    int64_t in_sql;  /* what reads as a connection, but stands in the text of a statement */
    int64_t id_gaps; /* connection ids no row was seen of */
};

/* Adds to the counts of a source, one of coverage_source, within the caller's transaction.  The
 * dialect takes the place of the one known so far; NULL: as before. */
bool reading_add(struct store *store, int64_t source, const char *dialect, int64_t in_sql,
                 int64_t id_gaps, struct store_error *error);

/* What was added so far; nothing for a source that nothing was added to. */
bool reading_get(struct store *store, int64_t source, struct source_reading *out,
                 struct store_error *error);

#endif
