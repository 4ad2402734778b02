/* SPDX-License-Identifier: Apache-2.0 */
/* Audit records of the MySQL family: one physical line of server_audit (MariaDB, RDS MySQL, Aurora
 * MySQL).  The plugin writes user, host and database names raw, so a line is read by what an
 * attacker cannot keep out of it: the bytes ",HOST,ID,0,OPERATION," of the connection itself. */
#ifndef TAILGATE_FILTERS_MYSQL_H
#define TAILGATE_FILTERS_MYSQL_H

#include "filters/record.h"
#include "filters/slice.h"

/* Bytes a name can take in a row: an account of 128 characters, a database of 64. */
#define MYSQL_USER_MAX     384
#define MYSQL_DATABASE_MAX 256
/* And the longest name of a host. */
#define MYSQL_SERVER_MAX 255

/* Words for people; compared by their address. */
extern const char mysql_dialect_plain[], mysql_dialect_rds[], mysql_dialect_aurora[],
    mysql_dialect_mariadb_12[];

/* Reads one line without its LF (a CR is kept: it can be part of a name).  Time linear in its
 * length, no allocation; every byte sequence is acceptable input.  Slices in *out point into the
 * line; entries of candidates from count on are not set.
 *
 * A line that is one complete QUERY in form (`quoted`) is no connection yet: which of its
 * candidates may be one is for mysql_history.h to say, who knows what ids are in use.  Kept are
 * those that could be, with names no longer than names can be on both sides; the others are only
 * counted in in_sql.
 *
 * The dialect is set where a column says it; mysql_dialect_plain never, as a row without such a
 * column may also be another's. */
void mysql_read(struct slice line, struct record *out);

/* Whether a line is a whole QUERY at a glance, and holds no candidate: its text. */
bool mysql_is_statement(struct slice line, struct slice *statement);

/* Most lines are statements of which nothing more matters: of one without a candidate that is whole
 * at a glance, mysql_read sets `statement` only.  This reads its time and server as well. */
void mysql_read_head(struct slice line, struct record *record);

/* The server that a line names behind its time; false when it has no time, or what stands there is
 * no host's name (letters, digits, '-', '.' and '_').  Bounded, whatever the length of the line. */
bool mysql_server(struct slice line, struct slice *server);

#endif
