/* SPDX-License-Identifier: Apache-2.0 */
/* What of a row may be kept: the text of an SQL statement holds other people's data and passwords.
 */
#ifndef TAILGATE_FILTERS_REDACT_H
#define TAILGATE_FILTERS_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "filters/record.h"
#include "filters/slice.h"

/* Whether a row may hold the text of a statement.  One that `record` reads as a whole connection
 * does not: its bytes are names, and evidence. */
bool redact_holds_sql(struct slice line, const struct record *record);

/* The part of a name before the statement that was taken for a part of it. */
struct slice redact_name(struct slice name);

/* Copies a line or a message of several lines, with the quoted text of each QUERY row replaced by
 * its number of bytes, as in ",QUERY,prod,'<57 bytes>',0", unless it is a whole connection.  So are
 * the statements that PostgreSQL and pgAudit log.  What does not fit into out_size is cut, and the
 * cut is said at the end.  Returns the bytes written; nothing is terminated. */
size_t redact_message(struct slice text, const struct record *record, char *out, size_t out_size);

#endif
