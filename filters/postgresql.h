/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of PostgreSQL's log with one of the two prefixes RDS allows.  User and database stand raw
 * in the prefix, so a line is trusted from its beginning to the client's address and port, and no
 * further.
 *
 * An attempt begins with the first line of its client (%r) and process that is seen, whatever it
 * says: RECORD_CONNECTION, with the text of %r without its port as the host, the port, and the pid
 * as the id, or none where it cannot be told from text of the names.  Later lines of it change what
 * was found: the outcome and why, user and database, TLS.  The server's own machine ("[local]") and
 * processes without a client make no attempts; 127.0.0.1 does.
 * A client whose names tear lines or imitate them is told once per attempt, as KIND_FRAGMENT at the
 * beginning of such a line or KIND_FORGERY at its end, with MARK_FRAGMENT and as its true client.
 * Rows behind a torn line are MARK_TAINTED; what stands between it and its end is MARK_FORGED, by a
 * change or at once. */
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
 * until the next call. */
void postgresql_read(struct postgresql *memory, const struct event *event, struct slice line,
                     struct record *record, struct reading *reading);

#endif
