/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of PostgreSQL's log with one of the two prefixes RDS allows.  User and database stand raw
 * in the prefix, so a line is trusted from its beginning to the client's address and port, and no
 * further. */
#ifndef TAILGATE_FILTERS_POSTGRESQL_H
#define TAILGATE_FILTERS_POSTGRESQL_H

#include <stdbool.h>

#include "filters/event.h"
#include "filters/reading.h"
#include "filters/record.h"
#include "filters/slice.h"

/* Attempts that are remembered so that later lines can be joined to them. */
#define POSTGRESQL_ATTEMPTS_MAX 4096
/* How long after its last line an attempt is remembered, by the log's own time. */
#define POSTGRESQL_ATTEMPT_MS (10 * INT64_C(60000))

/* What is remembered of one source. */
struct postgresql;
struct postgresql *postgresql_new(void); /* NULL when out of memory */
void postgresql_free(struct postgresql *memory);
/* The next line does not follow the last one (judge_window). */
void postgresql_window(struct postgresql *memory, bool goes_on);

/* Reads one line of an event, without its LF.  Time linear in the line's length, no allocation;
 * every byte sequence is acceptable input.  Slices point into the line or the memory and are valid
 * until the next call.  `line_number`: within the event, from 1. */
void postgresql_read(struct postgresql *memory, const struct event *event, struct slice line,
                     uint32_t line_number, struct record *record, struct reading *reading);

#endif
