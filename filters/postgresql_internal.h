/* SPDX-License-Identifier: Apache-2.0 */
/* What is remembered of a source, for postgresql.c and postgresql_torn.c only. */
#ifndef TAILGATE_FILTERS_POSTGRESQL_INTERNAL_H
#define TAILGATE_FILTERS_POSTGRESQL_INTERNAL_H

#include "filters/postgresql.h"
#include "filters/postgresql_line.h"
#include "filters/postgresql_message.h"
#include "filters/postgresql_rows.h"

#define POSTGRESQL_STREAMS_MAX 16

struct postgresql_stream {
    uint64_t number;
    uint64_t turn; /* when it was read last */
    bool used;
    struct postgresql_rows rows;
    int64_t told_pid; /* of the last end of a torn line that belongs to nothing known */
};

struct postgresql {
    struct postgresql_attempts *attempts;
    struct postgresql_clock clock;
    struct postgresql_stream streams[POSTGRESQL_STREAMS_MAX];
    struct postgresql_stream *stream; /* of the last line */
    uint64_t turns;
    int64_t now;         /* by the last valid time in the log */
    unsigned names_left; /* attempts until addresses are believed again */
    struct postgresql_split splits[POSTGRESQL_SPLITS_MAX];
};

/* A line while it is read. */
struct postgresql_work {
    struct postgresql *memory;
    struct postgresql_attempts *attempts; /* of the memory */
    struct postgresql_stream *stream;
    struct slice line;
    struct postgresql_head head;
    uint64_t remote; /* hash of its %r; 0: no client */
    struct postgresql_split *splits;
    size_t split_count;
    struct record *record;
    struct reading *reading;
};

/* Puts a client into the record; `kind`: whether that makes the line an attempt. */
void postgresql_put_client(struct postgresql_work *work, enum record_kind kind, struct slice host,
                           int64_t pid);

/* Takes over what a line says of an attempt, and tells it if it is news, with the names (data NULL
 * if they do not stand on the line) and marks to be added. */
void postgresql_torn_apply(struct postgresql_work *work, struct postgresql_attempt *attempt,
                           const struct postgresql_said *said, struct slice names, unsigned marks);
/* If one of the line's splits ends a line that another client's names have torn, that client: what
 * stands between is forged, and what the end says is taken over.  The line itself is no row yet. */
struct postgresql_attempt *postgresql_torn_close(struct postgresql_work *work);
/* Tells that a client tears or forges rows, once for each of its attempts. */
void postgresql_torn_tell(struct postgresql_work *work, struct postgresql_attempt *client,
                          enum finding_kind kind);

/* Lines that are no client's own: one without a client, one that begins with a TAB, and one with
 * neither time nor TAB. */
void postgresql_torn_background(struct postgresql_work *work);
void postgresql_torn_continuation(struct postgresql_work *work);
void postgresql_torn_rest(struct postgresql_work *work);

#endif
