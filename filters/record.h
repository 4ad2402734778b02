/* SPDX-License-Identifier: Apache-2.0 */
/* Audit records of the MySQL family: one physical line of server_audit (MariaDB, RDS MySQL, Aurora
 * MySQL). The plugin writes user, host and database names raw, so a line is read by what an
 * attacker cannot keep out of it: the bytes ",HOST,ID,0,OPERATION," of the connection itself. */
#ifndef TAILGATE_FILTERS_RECORD_H
#define TAILGATE_FILTERS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/slice.h"

/* Raised whenever the same line may be read differently: coverage read by another version does not
 * count as read. */
#define RECORD_PARSER_VERSION 2

/* More candidates than a true line can hold: names are cut at 384 and 64 bytes, and a candidate
 * takes 15. */
#define RECORD_CANDIDATES_MAX 64

enum operation {
    OPERATION_NONE,
    OPERATION_CONNECT,
    OPERATION_FAILED_CONNECT,
    OPERATION_CHANGEUSER,
    OPERATION_DISCONNECT,
};
const char *operation_name(enum operation operation); /* "CONNECT"..., "" for none */

/* One place in the line that reads as a connection. */
struct candidate {
    struct slice host;
    int64_t connection_id; /* clamped to the type, never wrapped */
    enum operation operation;
    bool counts; /* false for the end of a session, which starts nothing and is told by no rule */
};

enum record_kind {
    RECORD_OTHER,      /* nothing about a connection: a QUERY, a TABLE row, a fragment */
    RECORD_CONNECTION, /* at least one candidate that counts, or too many to know */
};

enum record_time {
    RECORD_TIME_NONE,    /* the line does not begin with a time: it is torn */
    RECORD_TIME_SECONDS, /* "20261122 14:08:14", the server's local time */
    RECORD_TIME_MICROS,  /* 16 digits, microseconds since 1970 UTC (Aurora) */
};

struct record {
    enum record_kind kind;
    enum record_time time_form;
    struct slice time;
    struct slice server;
    struct slice user;     /* of the rightmost candidate: all between the server and its host */
    struct slice database; /* of the rightmost candidate; when torn, what there is of it.  Neither
                            * holds SQL when disguised */
    bool has_code;
    int32_t code; /* the server's error number, 0 for success; the line has one, at its end */
    struct slice connection_type; /* 11th field of RDS MySQL, such as "SSL"; empty when absent */
    bool torn;                    /* the tail after the operation is not a whole one */
    bool too_many;                /* there were more than RECORD_CANDIDATES_MAX */
    size_t in_sql;  /* candidates inside the quoted text of a QUERY, not counted as connections */
    bool disguised; /* a QUERY in form, but an id inside it may be that of a late connection */
    size_t count;
    struct candidate candidates[RECORD_CANDIDATES_MAX]; /* rightmost first; slices of the line */
};

/* What is remembered of a source's rows between lines: connection ids that were seen, the last one
 * first.  Ids rise by one, so that of a new connection is close to one of these.  There are
 * several, because a log group can hold several servers, a restart begins again at one, windows of
 * different times are read in turns, and forged rows make ids of their own: those only add to what
 * is taken for possible, and cannot push out a true one, since with every forged row comes a true
 * one. Start with AUDIT_MEMORY_NEW. */
#define AUDIT_IDS_MAX  16
#define AUDIT_ID_STEP  100  /* an id so close to a remembered one takes its place */
#define AUDIT_ID_CLOSE 1000 /* an id in SQL so close to a remembered one may be a connection's */

struct audit_memory {
    size_t count;
    int64_t ids[AUDIT_IDS_MAX];
};
#define AUDIT_MEMORY_NEW ((struct audit_memory){ 0 })

/* Reads one line without its LF (a CR is kept: it can be part of a name).  Time linear in its
 * length, no allocation; every byte sequence is acceptable input.  Slices in *out point into the
 * line; entries of candidates from count on are not set. */
void record_read(struct slice line, struct audit_memory *memory, struct record *out);

/* Milliseconds since 1970 of a record's time, taking seconds as UTC shifted by zone_offset_ms east;
 * false if it is no valid time. */
bool record_time_ms(const struct record *record, int64_t zone_offset_ms, int64_t *out);

#endif
