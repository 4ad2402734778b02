/* SPDX-License-Identifier: Apache-2.0 */
/* One physical line of PostgreSQL's log, without any memory of others: its beginning, which can be
 * trusted, and every place where the names of user and database may end.
 * PostgreSQL documentation, "Error Reporting and Logging", log_line_prefix; the two values that RDS
 * allows are "%t:%r:%u@%d:[%p]:" and "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a" (RDS User Guide,
 * "Parameters that affect logging behavior"). */
#ifndef TAILGATE_FILTERS_POSTGRESQL_LINE_H
#define TAILGATE_FILTERS_POSTGRESQL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/slice.h"

#define POSTGRESQL_DATE_LEN   19    /* "2026-11-22 14:08:14" */
#define POSTGRESQL_REMOTE_MAX 1040  /* bytes of %r: a name of NI_MAXHOST and a port */
#define POSTGRESQL_NAMES_MAX  20480 /* of "%u@%d": 127, but 17.0 to 17.2 do not cut names */
#define POSTGRESQL_SPLITS_MAX 16    /* places kept where the names may end; 127 bytes hold 14 */
#define POSTGRESQL_PID_DIGITS 10

/* The second that was read last: most lines are of the same one. */
struct postgresql_clock {
    char text[POSTGRESQL_DATE_LEN];
    bool valid;
    int64_t ms;
};

enum postgresql_remote {
    POSTGRESQL_REMOTE_NONE, /* a process that serves no client, or one not yet known */
    POSTGRESQL_REMOTE_LOCAL,
    POSTGRESQL_REMOTE_CLIENT,
};

/* The beginning of a line, up to the end of %r: nothing in it is a client's choice, except that
 * with log_hostname the host is what the client's reverse zone says. */
struct postgresql_head {
    struct slice time;
    bool dated;      /* it is a valid time */
    int64_t time_ms; /* since 1970, as if it were UTC */
    enum postgresql_remote kind;
    struct slice remote, host; /* %r with and without its port */
    int32_t port;              /* -1: none */
    size_t names;              /* where in the line the names begin */
};

/* False if the line does not begin so: it continues another, or is the rest of a torn one. */
bool postgresql_head_read(struct slice line, struct postgresql_clock *clock,
                          struct postgresql_head *out);

enum postgresql_severity {
    POSTGRESQL_LOG,
    POSTGRESQL_FATAL,
    POSTGRESQL_ERROR,
    POSTGRESQL_STATEMENT,
    POSTGRESQL_OTHER, /* or in another language */
};

/* One place where the names may end: "names:[pid]:SEVERITY:  message". */
struct postgresql_split {
    size_t at; /* of the colon before [pid] in the line */
    int64_t pid;
    enum postgresql_severity severity;
    bool early; /* no application name is printed, as is so until the login is over */
    bool
        doubtful; /* but behind the severity there is another, up to which all may be such a name */
    struct slice message;
};

/* Reads the line as if its names ended at `at`. */
bool postgresql_split_read(struct slice line, size_t at, struct postgresql_split *out);
/* All such places from `from` on, the first POSTGRESQL_SPLITS_MAX of them; their number. */
size_t postgresql_split_all(struct slice line, size_t from, struct postgresql_split *out);

/* The names before a split, apart; both empty where the server prints "[unknown]".  *unnamed: it
 * does so for both. */
void postgresql_names(struct slice names, struct slice *user, struct slice *database,
                      bool *unnamed);

#endif
