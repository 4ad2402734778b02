/* SPDX-License-Identifier: Apache-2.0 */
/* Statements over the store's database, and what SQLite's result codes mean to people. */
#include "storage/sql.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SHOWN_MAX 200
#define DAMAGED_ADVICE                                                                             \
    "it is damaged; `tailgate run` moves it aside when it starts, and keeps what can be read of "  \
    "it"

/* What a primary result code (sqlite.org/rescode.html) means here, and what to do about it. */
static const struct code {
    int code;
    enum store_status status;
    const char *advice;
} codes[] = {
    { SQLITE_BUSY, STORE_BUSY,
      "another process has been writing to it for too long; try again, or see what it is doing" },
    { SQLITE_LOCKED, STORE_BUSY, "another process is using it; try again" },
    { SQLITE_READONLY, STORE_DENIED,
      "this user must be able to write the file and its directory, on a writable file system" },
    { SQLITE_PERM, STORE_DENIED, "this user must be able to read and write it" },
    { SQLITE_AUTH, STORE_DENIED, "this user must be able to read and write it" },
    { SQLITE_CANTOPEN, STORE_DENIED,
      "this user must be able to read and write it and the files beside it" },
    { SQLITE_FULL, STORE_FULL, "free some space on its file system, or raise the quota" },
    { SQLITE_PROTOCOL, STORE_BUSY,
      "its locks are not what they should be; it has to be opened anew" },
    { SQLITE_CORRUPT, STORE_CORRUPT, DAMAGED_ADVICE },
    { SQLITE_NOTADB, STORE_CORRUPT, DAMAGED_ADVICE },
    { SQLITE_IOERR, STORE_FAILED, "look at the disk and at the system's log" },
    { SQLITE_NOMEM, STORE_FAILED, "there is not enough memory" },
};

bool store_fail(struct store_error *error, enum store_status status, const char *format, ...)
{
    va_list args;

    error->status = status;
    va_start(args, format);
    (void)vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return false;
}

static void note_damage(struct store *store, const char *text)
{
    if (!*store->damage) {
        (void)snprintf(store->damage, sizeof store->damage, "%s", text);
    }
}

bool store_fail_damaged(struct store *store, struct store_error *error, const char *format, ...)
{
    va_list args;

    error->status = STORE_CORRUPT;
    va_start(args, format);
    (void)vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    note_damage(store, error->text);
    return false;
}

const char *store_name(const struct store *store)
{
    size_t len;

    if (!store->path) {
        return "the temporary store";
    }
    len = strlen(store->path);
    return len > NAME_SHOWN_MAX ? store->path + len - NAME_SHOWN_MAX : store->path;
}

/* The errno behind an I/O error, or 0.  SQLite forgets to note it when a commit fails; then the
 * files still know it. */
static int system_error(const struct store *store)
{
    sqlite3_file *file = NULL;
    int system = sqlite3_system_errno(store->db);

    if (system == 0 &&
        sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, (void *)&file) ==
            SQLITE_OK &&
        file && file->pMethods) {
        (void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &system);
    }
    if (system == 0) {
        (void)sqlite3_file_control(store->db, "main", SQLITE_FCNTL_LAST_ERRNO, &system);
    }
    return system;
}

int sql_meaning(struct store *store, int rc)
{
    int primary = rc & 0xff, system;

    if (primary != SQLITE_IOERR && primary != SQLITE_CORRUPT) {
        return primary;
    }
    system = system_error(store);
    if (system == EIO || system == ENXIO) {
        return SQLITE_IOERR;
    }
    return primary == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT || system == EFBIG)
               ? SQLITE_FULL
               : primary;
}

bool sql_fail(struct store *store, int rc, const char *what, struct store_error *error)
{
    int primary = sql_meaning(store, rc);
    bool io = primary == SQLITE_IOERR || primary == SQLITE_FULL || primary == SQLITE_CANTOPEN;
    int system = io ? system_error(store) : 0;
    const struct code *found = NULL;
    /* errmsg says more than errstr, but only of the call that failed last. */
    const char *why = (sqlite3_errcode(store->db) & 0xff) == primary ? sqlite3_errmsg(store->db)
                                                                     : sqlite3_errstr(primary);

    for (size_t i = 0; i < sizeof codes / sizeof codes[0] && !found; i++) {
        if (codes[i].code == primary) {
            found = &codes[i];
        }
    }
    (void)store_fail(error, found ? found->status : STORE_FAILED, "cannot %s in %s: %s%s%s%s%s%s",
                     what, store_name(store), why, system ? " (" : "",
                     system ? strerror(system) : "", system ? ")" : "", found ? "; " : "",
                     found ? found->advice : "");
    store->locked_out = store->locked_out || primary == SQLITE_PROTOCOL;
    if (error->status == STORE_CORRUPT) {
        note_damage(store, error->text);
    }
    return false;
}

void sql_finish(struct store *store)
{
    while (store->statements) {
        struct statement *statement = store->statements;

        store->statements = statement->next;
        (void)sqlite3_finalize(statement->stmt);
        free(statement);
    }
    /* A listing the caller forgot keeps it open until it is freed. */
    (void)sqlite3_close_v2(store->db);
    store->db = NULL;
}

/* Prepares a text, or finds it prepared. */
static int find_statement(struct store *store, const char *text, sqlite3_stmt **out)
{
    struct statement *statement;
    int rc;

    for (statement = store->statements; statement; statement = statement->next) {
        if (statement->text == text) {
            *out = statement->stmt;
            return SQLITE_OK;
        }
    }
    statement = calloc(1, sizeof *statement);
    if (!statement) {
        return SQLITE_NOMEM;
    }
    rc = sqlite3_prepare_v3(store->db, text, -1, SQLITE_PREPARE_PERSISTENT, &statement->stmt, NULL);
    if (rc != SQLITE_OK) {
        free(statement);
        return rc;
    }
    statement->text = text;
    statement->next = store->statements;
    store->statements = statement;
    *out = statement->stmt;
    return SQLITE_OK;
}

struct sql sql_open(struct store *store, const char *text)
{
    struct sql sql = { .store = store };

    /* SQLite would try for ten seconds each time. */
    sql.rc = store->locked_out ? SQLITE_PROTOCOL : find_statement(store, text, &sql.stmt);
    return sql;
}

/* The index of a parameter; 0, with the failure remembered, when there is none. */
static int parameter(struct sql *sql, const char *name)
{
    int index;

    if (sql->rc != SQLITE_OK) {
        return 0;
    }
    index = sqlite3_bind_parameter_index(sql->stmt, name);
    if (index == 0) {
        sql->rc = SQLITE_RANGE;
    }
    return index;
}

void sql_bind_number(struct sql *sql, const char *name, int64_t value)
{
    int index = parameter(sql, name);

    if (index) {
        sql->rc = sqlite3_bind_int64(sql->stmt, index, value);
    }
}

void sql_bind_optional(struct sql *sql, const char *name, int64_t value)
{
    if (value != INT64_MIN) {
        sql_bind_number(sql, name, value);
    } else {
        (void)parameter(sql, name); /* stays NULL, as sql_close left it */
    }
}

void sql_bind_real(struct sql *sql, const char *name, double value)
{
    int index = parameter(sql, name);

    if (index) {
        sql->rc = sqlite3_bind_double(sql->stmt, index, value);
    }
}

void sql_bind_words(struct sql *sql, const char *name, struct store_bytes value)
{
    int index = parameter(sql, name);

    if (index == 0 || !value.data) {
        return;
    }
    sql->rc = value.len > STORE_BYTES_MAX
                  ? SQLITE_TOOBIG
                  : sqlite3_bind_text(sql->stmt, index, value.data, (int)value.len, SQLITE_STATIC);
}

void sql_bind_text(struct sql *sql, const char *name, const char *value)
{
    sql_bind_words(sql, name, (struct store_bytes){ value, value ? strlen(value) : 0 });
}

void sql_bind_bytes(struct sql *sql, const char *name, struct store_bytes value)
{
    int index = parameter(sql, name);

    if (index == 0 || !value.data) {
        return;
    }
    sql->rc = value.len > STORE_BYTES_MAX
                  ? SQLITE_TOOBIG
                  : sqlite3_bind_blob(sql->stmt, index, value.data, (int)value.len, SQLITE_STATIC);
}

int sql_step(struct sql *sql, const char *what, struct store_error *error)
{
    if (sql->rc == SQLITE_OK) {
        int rc = sqlite3_step(sql->stmt);

        if (rc == SQLITE_ROW) {
            return 1;
        }
        if (rc == SQLITE_DONE) {
            return 0;
        }
        sql->rc = rc;
    }
    (void)sql_fail(sql->store, sql->rc, what, error);
    return -1;
}

void sql_close(struct sql *sql)
{
    if (!sql->stmt) {
        return;
    }
    /* Both repeat or ignore what the last step has reported. */
    (void)sqlite3_reset(sql->stmt);
    (void)sqlite3_clear_bindings(sql->stmt);
}

bool sql_run(struct sql *sql, const char *what, struct store_error *error)
{
    int step;

    do {
        step = sql_step(sql, what, error);
    } while (step == 1);
    sql_close(sql);
    return step == 0;
}

bool sql_ask(struct sql *sql, const char *what, int64_t *out, struct store_error *error)
{
    int step = sql_step(sql, what, error);

    if (step == 1) {
        *out = sql_number(sql, 0);
    }
    sql_close(sql);
    return step >= 0;
}

int64_t sql_number(const struct sql *sql, int column)
{
    return sqlite3_column_int64(sql->stmt, column);
}

int64_t sql_optional(const struct sql *sql, int column)
{
    if (sqlite3_column_type(sql->stmt, column) == SQLITE_NULL) {
        return INT64_MIN;
    }
    return sqlite3_column_int64(sql->stmt, column);
}

struct store_bytes sql_bytes(sqlite3_stmt *stmt, int column)
{
    struct store_bytes bytes = { NULL, 0 };

    if (sqlite3_column_type(stmt, column) == SQLITE_NULL) {
        return bytes;
    }
    bytes.data = sqlite3_column_blob(stmt, column);
    bytes.len = (size_t)sqlite3_column_bytes(stmt, column);
    /* SQLite has no pointer for an empty blob; here NULL would mean that there is none. */
    if (bytes.len == 0) {
        bytes.data = "";
    }
    return bytes;
}

bool sql_exec(struct store *store, const char *text, const char *what, struct store_error *error)
{
    int rc = sqlite3_exec(store->db, text, NULL, NULL, NULL);

    return rc == SQLITE_OK || sql_fail(store, rc, what, error);
}

bool sql_inside(const struct store *store, const char *what, struct store_error *error)
{
    if (!sqlite3_get_autocommit(store->db)) {
        return true;
    }
    return store_fail(error, STORE_FAILED, "cannot %s in %s: no transaction is open", what,
                      store_name(store));
}

bool sql_end(struct store *store, bool ok, struct store_error *error)
{
    if (ok) {
        return store_commit(store, error);
    }
    store_rollback(store);
    return false;
}
