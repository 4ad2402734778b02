/* SPDX-License-Identifier: Apache-2.0 */
/* The last lines of one stream of PostgreSQL's log, and whether one of them is torn: its prefix
 * does not end on it, so that what follows may be its client's text. */
#ifndef TAILGATE_FILTERS_POSTGRESQL_ROWS_H
#define TAILGATE_FILTERS_POSTGRESQL_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/postgresql_attempts.h"
#include "filters/reading.h"

#define POSTGRESQL_ROWS_MAX 16 /* lines that are looked back at; a power of two */
/* The end of a torn line is awaited for so many lines; for fewer when it cannot be told from what a
 * client makes look like one. */
#define POSTGRESQL_OPEN_LINES 64
#define POSTGRESQL_OPEN_FEW   8

/* A line that began with a time, and its client. */
struct postgresql_row {
    int64_t time_ms;
    uint64_t remote; /* hash of %r; 0: no client */
    struct postgresql_attempt *attempt;
    uint64_t turn; /* of the attempt: its place may be another's by now */
    bool began;    /* the attempt began with this line */
};

/* All zero: nothing seen yet. */
struct postgresql_rows {
    uint64_t count; /* of all rows seen; they are numbered from 0 */
    struct postgresql_row items[POSTGRESQL_ROWS_MAX];
    unsigned open;        /* so many lines more are tainted */
    uint64_t open_at;     /* number of the torn row */
    uint64_t open_remote; /* its client; 0: it is not known which row is torn */
};

void postgresql_rows_add(struct postgresql_rows *rows, int64_t time_ms, uint64_t remote,
                         struct postgresql_attempt *attempt, bool began);
/* The row added last of this client, or the torn one; *after: the number of the next. */
bool postgresql_rows_of(const struct postgresql_rows *rows, uint64_t remote, uint64_t *after);
/* The row of this client and time that began an attempt not yet known to be forged, or NULL. */
const struct postgresql_row *postgresql_rows_first(const struct postgresql_rows *rows,
                                                   uint64_t remote, int64_t time_ms);
/* How many rows, right up to the last, each began an attempt not yet known to be forged. */
size_t postgresql_rows_run(const struct postgresql_rows *rows);
/* Whether all rows from this number on began attempts, true or forged. */
bool postgresql_rows_began_from(const struct postgresql_rows *rows, uint64_t from);

/* The row added last, of a client, is torn. */
void postgresql_rows_open(struct postgresql_rows *rows);
/* Whether a line of this client may be another's text. */
bool postgresql_rows_tainted(const struct postgresql_rows *rows, uint64_t remote);
/* The attempt of the torn line's client, or NULL. */
struct postgresql_attempt *postgresql_rows_torn(const struct postgresql_rows *rows);

/* The change of a finding, beside those the reading has; NULL when there is no room. */
struct change *postgresql_rows_change(struct reading *reading, int64_t finding);
/* Marks the attempt that a row began, and what was found of it; not if it is the client's own.
 * `client`: who wrote the row, NULL if it is not known. */
void postgresql_rows_mark(const struct postgresql_row *row, unsigned marks,
                          const struct postgresql_attempt *client, struct reading *reading);
/* The same for all rows from this number on. */
void postgresql_rows_mark_from(const struct postgresql_rows *rows, uint64_t from, unsigned marks,
                               const struct postgresql_attempt *client, struct reading *reading);

#endif
