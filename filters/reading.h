/* SPDX-License-Identifier: Apache-2.0 */
/* What a line means in the light of the lines before it: what the readers that remember give beside
 * the record itself. */
#ifndef TAILGATE_FILTERS_READING_H
#define TAILGATE_FILTERS_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/record.h"
#include "filters/slice.h"

/* Marks: how sure a reading is.  A set of bits; mark_name gives the word of one bit, NULL for a bit
 * that has none. */
enum mark {
    MARK_DERIVED = 1 << 0,   /* the address was decoded from a host name of the VPC resolver */
    MARK_AMBIGUOUS = 1 << 1, /* the line reads as more than one connection */
    MARK_TAINTED = 1 << 2,   /* the line before it on the stream was not terminated */
    MARK_REPEATED = 1 << 3,  /* the same row stands elsewhere under another event id */
    MARK_FRAGMENT = 1 << 4,  /* the line ends before its record does */
    MARK_UNDECIDED = 1 << 5, /* a pattern or the parser ran into a limit */
    MARK_LATE = 1 << 6,      /* seen only by a re-read */
    MARK_REUSED_ID = 1 << 7, /* its connection id was used before, or does not follow */
    MARK_SERVER_MISMATCH = 1 << 8, /* it names another server than the rows around it */
    MARK_TIME_MISMATCH = 1 << 9,   /* its time is not that of the rows around it */
    MARK_FORGED = 1 << 10,         /* the log proves that another client wrote this row */
};
#define MARKS_COUNT 11
/* Of a row that is torn or forged, or that reads in more than one way.  The others are hints: after
 * a restart or a failover true rows have them as well, and services deliver twice. */
#define MARKS_SUSPECT (MARK_AMBIGUOUS | MARK_TAINTED | MARK_FRAGMENT | MARK_UNDECIDED | MARK_FORGED)
const char *mark_name(unsigned index);

/* What is told. */
enum finding_kind {
    KIND_CONNECTION,   /* an attempt */
    KIND_PATTERN,      /* a line or event that a text rule matched */
    KIND_FRAGMENT,     /* a row whose rest is not there: somebody may have torn it */
    KIND_FORGERY,      /* rows proved to be written by a client through a name */
    KIND_HOSTILE_NAME, /* a name made by a statement that can forge or hide rows later */
};
#define KINDS_COUNT 5
const char *finding_kind_name(unsigned index); /* "connection"...; NULL past the last */

/* What a later line says of a finding made of an earlier one. */
struct change {
    int64_t finding;          /* the caller's number of it (judge_stored) */
    bool withdrawn;           /* it is of KIND_FRAGMENT, and the rest of its row has come */
    unsigned marks;           /* to be added */
    struct slice true_client; /* the client that wrote the row, as the log proves; empty: none */
    /* What became of an attempt, if outcome is not OUTCOME_UNKNOWN. */
    enum outcome outcome;
    const struct login_failure *failure;
    /* New values; data NULL: as before. */
    struct slice user, database, tls;
    enum record_encryption encryption; /* ENCRYPTION_UNKNOWN: as before */
};
#define READING_CHANGES_MAX 8

struct reading {
    unsigned marks;
    /* KIND_CONNECTION, or what the line is to be told as on its own, whatever its verdict. */
    enum finding_kind kind;
    struct slice true_client; /* of KIND_FORGERY, and of rows known to be forged */
    size_t change_count;
    struct change changes[READING_CHANGES_MAX];
    int64_t *slot; /* where the number of a finding made of this line is to be kept, or NULL */
    bool attempt_continues; /* the line is of an attempt that may have been told before this reader
                             * began to remember: look for one of the same client and id first */
};

/* A plain line; the changes need no clearing. */
static inline void reading_clear(struct reading *reading)
{
    reading->marks = 0;
    reading->kind = KIND_CONNECTION;
    reading->true_client = (struct slice){ NULL, 0 };
    reading->change_count = 0;
    reading->slot = NULL;
    reading->attempt_continues = false;
}

#endif
