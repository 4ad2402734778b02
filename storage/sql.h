/* SPDX-License-Identifier: Apache-2.0 */
/* Private to storage/: statements over the store's database.
 *
 * A statement is prepared once per store and found again by the address of its text, which must
 * therefore be static.  Binding remembers the first failure, and the step that follows reports it,
 * so that a query reads as: open, bind, bind, step, close. */
#ifndef TAILGATE_STORAGE_SQL_H
#define TAILGATE_STORAGE_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/store.h"

/* A severity as a number, in SQL: its word in, its place in the order out. */
#define SQL_RANK(word)                                                                             \
    "(CASE " word " WHEN 'critical' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2"                \
    " WHEN 'low' THEN 1 ELSE 0 END)"

#define SEVERITY_WORD_MAX 32

struct statement {
    const char *text;
    sqlite3_stmt *stmt;
    struct statement *next;
};

struct store {
    sqlite3 *db;
    char *path; /* as given, for messages; NULL for a temporary store */
    enum store_mode mode;
    char damage[STORE_ERROR_MAX]; /* the first error that said that it is damaged, or empty */
    bool locked_out;
    struct statement *statements;
    char *held;                       /* the bytes findings_get gave away */
    char severity[SEVERITY_WORD_MAX]; /* the word alerts_next gave away */
};

/* A cached statement while it is in use. */
struct sql {
    struct store *store;
    sqlite3_stmt *stmt;
    int rc;
};

/* Fills an error.  For what SQLite refused, sql_fail chooses status and advice by the result code;
 * `what` completes "cannot ...".  Both return false. */
bool store_fail(struct store_error *error, enum store_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool sql_fail(struct store *store, int rc, const char *what, struct store_error *error);

/* Gives the statements back and closes the database; a listing the caller forgot keeps it open
 * until it is freed. */
void sql_finish(struct store *store);

/* The primary result code (sqlite.org/rescode.html) that a code of the last call means.  A write
 * beyond a quota or a file size limit is an I/O error to SQLite, but a full disk to people; and
 * what the disk does not give when it is read, SQLite calls a damaged file. */
int sql_meaning(struct store *store, int rc);

/* As store_fail with STORE_CORRUPT, and the store remembers it. */
bool store_fail_damaged(struct store *store, struct store_error *error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The path of a store for messages: its end, if it is very long. */
const char *store_name(const struct store *store);

struct sql sql_open(struct store *store, const char *text);
void sql_bind_number(struct sql *sql, const char *name, int64_t value);
void sql_bind_optional(struct sql *sql, const char *name, int64_t value); /* INT64_MIN: NULL */
void sql_bind_real(struct sql *sql, const char *name, double value);
void sql_bind_text(struct sql *sql, const char *name, const char *value);         /* NULL: NULL */
void sql_bind_words(struct sql *sql, const char *name, struct store_bytes value); /* as TEXT */
void sql_bind_bytes(struct sql *sql, const char *name, struct store_bytes value); /* as BLOB */

/* 1: a row; 0: no more; -1: failed.  What is bound is borrowed until sql_close. */
int sql_step(struct sql *sql, const char *what, struct store_error *error);
void sql_close(struct sql *sql);
/* Steps to the end and closes. */
bool sql_run(struct sql *sql, const char *what, struct store_error *error);
/* One row, one number, and closes; no row leaves *out as it is. */
bool sql_ask(struct sql *sql, const char *what, int64_t *out, struct store_error *error);

int64_t sql_number(const struct sql *sql, int column);
int64_t sql_optional(const struct sql *sql, int column);
struct store_bytes sql_bytes(sqlite3_stmt *stmt, int column);

/* Runs texts that are not worth keeping, such as pragmas. */
bool sql_exec(struct store *store, const char *text, const char *what, struct store_error *error);

/* False with an error unless a transaction is open. */
bool sql_inside(const struct store *store, const char *what, struct store_error *error);
/* Ends a function that is a transaction of its own: commits if ok, else rolls back. */
bool sql_end(struct store *store, bool ok, struct store_error *error);

#endif
