/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of one line of a log, whatever server wrote it.  The readers of the formats fill it
 * in (mysql.h, postgresql.h, sqlserver.h, oracle.h); rules are judged on it. */
#ifndef TAILGATE_FILTERS_RECORD_H
#define TAILGATE_FILTERS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/failure.h"
#include "filters/slice.h"

/* Raised whenever the same line may be read differently: coverage read by another version does not
 * count as read. */
#define RECORD_PARSER_VERSION 3

/* More candidates than a true line can hold: names are cut at 384 and 64 bytes, and a candidate
 * takes 15. */
#define RECORD_CANDIDATES_MAX 64

enum operation {
    OPERATION_NONE,
    OPERATION_CONNECT, /* also any attempt where the server does not say more */
    OPERATION_FAILED_CONNECT,
    OPERATION_CHANGEUSER,
    OPERATION_DISCONNECT,
};
const char *operation_name(enum operation operation); /* "CONNECT"..., "" for none */

/* One place in the line that reads as a connection. */
struct candidate {
    struct slice host;
    int64_t
        connection_id; /* clamped to the type, never wrapped; RECORD_NO_ID where there is none */
    enum operation operation;
    bool counts; /* false for the end of a session, which starts nothing and is told by no rule */
};
#define RECORD_NO_ID INT64_MIN

enum record_kind {
    RECORD_OTHER,      /* nothing about a connection: a QUERY, a TABLE row, a fragment */
    RECORD_CONNECTION, /* at least one candidate that counts, or too many to know */
};

enum record_time {
    RECORD_TIME_NONE,    /* the line does not begin with a time: it is torn */
    RECORD_TIME_SECONDS, /* "20261122 14:08:14", the server's local time */
    RECORD_TIME_MICROS,  /* 16 digits, microseconds since 1970 UTC (Aurora) */
    RECORD_TIME_DATED,   /* read by the reader of the format into record.time_ms, as UTC */
};

enum record_encryption {
    ENCRYPTION_UNKNOWN, /* the line does not say */
    ENCRYPTION_NONE,
    ENCRYPTION_TLS,
    ENCRYPTION_LOCAL, /* a socket of the server's own machine */
};

struct record {
    enum record_kind kind;
    enum record_time time_form;
    struct slice time;
    int64_t time_ms; /* of RECORD_TIME_DATED */
    struct slice server;
    struct slice user;     /* of the rightmost candidate: all between the server and its host */
    struct slice database; /* of the rightmost candidate; when torn, what there is of it.  Neither
                            * holds SQL when disguised */
    bool has_code;
    int32_t code; /* the server's error number, 0 for success; the line has one, at its end */
    struct slice connection_type; /* 11th field of RDS MySQL, such as "SSL"; empty when absent */
    enum record_encryption encryption;
    struct slice tls; /* the version, such as "TLSv1.3", where the line says it */
    /* What the line says became of the attempt, for formats whose lines say so in words; for the
     * MySQL family it follows from operation and code. */
    enum outcome outcome;
    const struct login_failure *failure; /* why it failed, or NULL when nothing is known about it */
    const char *dialect; /* what only one product or version writes so, in static words; or NULL */
    bool torn;           /* the tail after the operation is not a whole one */
    bool unterminated;   /* the line does not end as any record does: its rest stands elsewhere */
    bool too_many;       /* there were more than RECORD_CANDIDATES_MAX */
    bool quoted;         /* one complete QUERY in form: what candidates it has may be SQL */
    bool disguised;      /* quoted, but an id inside it may be that of a late connection */
    bool guessed;        /* disguised for no other reason than that no id is known yet */
    bool names_only; /* the host is what a client's reverse zone says, even if it is an address */
    int32_t port;    /* the client's, where it stands apart from the host; -1 when none does */
    struct slice
        statement; /* text of a QUERY, with its escapes; only of those mysql_read passes over */
    size_t in_sql; /* candidates inside the quoted text of a QUERY, not counted as connections */
    size_t count;
    struct candidate candidates[RECORD_CANDIDATES_MAX]; /* rightmost first; slices of the line */
};

/* Nothing read yet. */
void record_clear(struct record *record);

/* Milliseconds since 1970 of a record's time, taking local times as UTC shifted by zone_offset_ms
 * east; false if it is no valid time. */
bool record_time_ms(const struct record *record, int64_t zone_offset_ms, int64_t *out);

/* Milliseconds since 1970 of a date and time of day, both as UTC; false if there is no such. */
bool record_date_ms(int year, int month, int day, int hour, int minute, int second, int64_t *out);

#endif
