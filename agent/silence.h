/* SPDX-License-Identifier: Apache-2.0 */
/* Listening for database servers that fall silent.
 *
 * Nothing says that a server's audit log was turned off, or that its export ended: rows just do not
 * come.  So each server of a source, which is one log stream and one name that rows give, is heard
 * row by row.  How long it usually pauses is learned from the rows of this week and the last, and a
 * pause that is far longer is told, once; so is the next row after it.
 *
 * Only what is read as it happens teaches: the windows of what is new.  And only time that was read
 * without a hole counts as silent, by the service's clock, so that nothing is said while it is
 * tailgate that does not see.
 *
 * A row is taken for what it says of its server, though whoever can write a row into a stream can
 * keep any server of that stream from seeming silent.  RDS gives each instance streams of its own,
 * and a row in another server's stream is of no use for that. */
#ifndef TAILGATE_AGENT_SILENCE_H
#define TAILGATE_AGENT_SILENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/origin.h"
#include "filters/slice.h"
#include "storage/servers.h"
#include "storage/store.h"

/* What one source is listened to with.  Zeroed at first. */
struct silence {
    /* For the caller to set before each page. */
    bool newest;      /* the page is of the window of what is new */
    int64_t unbroken; /* since when, up to the end of that window, all has been read */
    int64_t late;     /* how late rows come, milliseconds */
    /* While a page is read. */
    struct server *servers;
    size_t count, last;
    bool changed[SERVERS_MAX];
    int64_t back[SERVERS_MAX];    /* of one that is heard again: since when it was silent */
    int64_t back_at[SERVERS_MAX]; /* and until when; 0: of the others */
    bool no_room, said;           /* for a server; which is said once */
};

/* A row, as far as it matters here. */
struct silence_row {
    const char *stream;
    size_t stream_len;
    struct slice server;             /* judge_heard */
    int64_t time, ingested, read_at; /* the earliest counts, as times of rows can be forged;
                                      * ingested: INT64_MIN when not known */
};

/* Begins a page, within the caller's transaction. */
bool silence_begin(struct silence *silence, struct store *store, const struct origin *origin,
                   struct store_error *error);
void silence_hear(struct silence *silence, const struct silence_row *row);
#define SILENCE_NOT_READ INT64_MIN
/* Ends a page: stores what was heard, and tells whose silence has ended.  `read_to`: the end of the
 * window of what is new, if this was its last page, and then whose silence has begun is told, too;
 * else SILENCE_NOT_READ. */
bool silence_end(struct silence *silence, struct store *store, const struct origin *origin,
                 int64_t read_to, struct store_error *error);
/* Drops what a page has begun. */
void silence_drop(struct silence *silence);

/* How a server is heard. */
enum silence_state {
    SILENCE_HEARD,
    SILENCE_SILENT,    /* and it was told */
    SILENCE_LEARNING,  /* too few rows, or over too short a time, to know how it usually is */
    SILENCE_IRREGULAR, /* it pauses so long at times that no pause says anything */
};
enum silence_state silence_state(const struct server *server);
const char *silence_state_name(enum silence_state state); /* as in JSON */

/* The longest pause that is usual, and after what pause beside lateness a silence is told. */
int64_t silence_usual(const struct server *server);
int64_t silence_limit(const struct server *server);

/* The part of a stream's name that stays when the log is rotated: its length.
 * Identifiers of DB instances are letters, digits and hyphens (Amazon RDS API reference,
 * CreateDBInstance), so what follows a '.' is not one's: "NAME.audit.log.SLOT.DATE.N.M", as Aurora
 * MySQL's own upload names the streams of one instance, and "NAME.N" stand for NAME.  Any other
 * name is a name as a whole. */
size_t silence_stream(const char *stream, size_t len);

#endif
