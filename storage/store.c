/* SPDX-License-Identifier: Apache-2.0 */
/* The state file: opening it in its modes, transactions, facts. */
#include "storage/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/place.h"
#include "storage/schema.h"
#include "storage/sql.h"

#define WAL_RETRY_MS 20
#define STRINGIFY(x) #x
#define NUMBER(x)    STRINGIFY(x)

/* Every byte may become three; "file:" and "?immutable=1" beside. */
#define URI_MAX (3 * STORE_PATH_MAX + 32)

static const char open_what[] = "open the state file";

/* Opens a path without taking locks or touching the files beside it (sqlite.org/uri.html): right
 * for looking at a header, and for files nobody can write. */
static int open_immutable(const char *real, sqlite3 **db)
{
    static const char hex[] = "0123456789ABCDEF";
    char uri[URI_MAX];
    size_t at;

    at = (size_t)snprintf(uri, sizeof uri, "file://");
    for (const char *c = real; *c; c++) {
        if (strchr("?#%", *c)) {
            uri[at++] = '%';
            uri[at++] = hex[(unsigned char)*c >> 4];
            uri[at++] = hex[(unsigned char)*c & 15];
        } else {
            uri[at++] = *c;
        }
    }
    (void)snprintf(uri + at, sizeof uri - at, "?immutable=1");
    return sqlite3_open_v2(uri, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX,
                           NULL);
}

/* SQLite gives a handle even when opening fails, to ask what went wrong; without memory not even
 * that. */
static bool opened(struct store *store, int rc, struct store_error *error)
{
    if (!store->db) {
        return store_fail(error, STORE_FAILED, "cannot open %s: out of memory", store_name(store));
    }
    if (rc != SQLITE_OK) {
        return sql_fail(store, rc, open_what, error);
    }
    (void)sqlite3_extended_result_codes(store->db, 1);
    return true;
}

static bool application_id(struct store *store, int64_t *id, struct store_error *error)
{
    static const char text[] = "PRAGMA application_id";
    struct sql sql = sql_open(store, text);

    *id = 0;
    return sql_ask(&sql, open_what, id, error);
}

static bool not_ours(const struct store *store, const char *why, struct store_error *error)
{
    return store_fail(error, STORE_NOT_OURS,
                      "%s is not a state file of tailgate (%s); it was not touched; give another "
                      "path",
                      store_name(store), why);
}

/* Whether a file in which SQLite cannot find its way has our mark all the same. */
static bool has_mark(const char *real)
{
    static const char magic[16] = "SQLite format 3";
    unsigned char header[72] = { 0 };
    uint32_t id;
    int fd = open(real, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? pread(fd, header, sizeof header, 0) : -1;

    if (fd >= 0) {
        (void)close(fd);
    }
    id = (uint32_t)header[68] << 24 | (uint32_t)header[69] << 16 | (uint32_t)header[70] << 8 |
         (uint32_t)header[71];
    return got == (ssize_t)sizeof header && memcmp(header, magic, sizeof magic) == 0 &&
           id == STORE_APPLICATION_ID;
}

/* Whose file it is, before anything that might change it: even a reader of a database in WAL mode
 * writes beside it, and recovers what another program left.  No locks are taken here, so a file
 * that another process is writing may look damaged; if it is ours, opening it properly will tell.
 */
static bool probe(struct store *store, const char *real, struct store_error *error)
{
    int64_t id, number;
    bool ok =
        opened(store, open_immutable(real, &store->db), error) && application_id(store, &id, error);

    if (ok && id != STORE_APPLICATION_ID) {
        ok = not_ours(store, "it is a database of another program", error);
    } else if (ok) {
        ok = schema_number(store, &number, error);
    } else if (error->status == STORE_CORRUPT) {
        ok = has_mark(real) ||
             not_ours(store, "it is no database, or a damaged one of another program", error);
        *store->damage = '\0';
    }
    sql_finish(store);
    return ok;
}

/* Makes an empty file ours, before it is switched to WAL, so that the mark is in the file itself
 * and not in a log beside it.  Another process may be doing the same, or may have died doing it:
 * then SQLite has just taken back the mark that was seen there. */
static bool claim(struct store *store, struct store_error *error)
{
    static const char objects[] = "SELECT COUNT(*) FROM sqlite_master";
    struct sql sql;
    int64_t id, count = 0;
    bool ok;

    if (!application_id(store, &id, error)) {
        return false;
    }
    if (id == STORE_APPLICATION_ID) {
        return true;
    }
    if (!store_begin(store, error)) {
        return false;
    }
    ok = application_id(store, &id, error);
    if (ok && id != STORE_APPLICATION_ID) {
        sql = sql_open(store, objects);
        ok = sql_ask(&sql, open_what, &count, error);
        if (ok && (id != 0 || count != 0)) {
            ok = not_ours(store, "another program is writing to it", error);
        }
        ok = ok && sql_exec(store, "PRAGMA application_id = " NUMBER(STORE_APPLICATION_ID),
                            "mark the state file", error);
    }
    return sql_end(store, ok, error);
}

/* SQLite does not always wait where two processes switch a new file at once, so we do. */
static bool switch_to_wal(struct store *store, struct store_error *error)
{
    static const char text[] = "PRAGMA journal_mode = WAL";
    static const char what[] = "switch to a write-ahead log";

    for (int waited = 0;; waited += WAL_RETRY_MS) {
        struct sql sql = sql_open(store, text);
        int step = sql_step(&sql, what, error);
        struct store_bytes mode = { "", 0 };
        bool wal;

        if (step == 1) {
            mode = sql_bytes(sql.stmt, 0);
        }
        wal = mode.len == 3 && memcmp(mode.data, "wal", 3) == 0;
        sql_close(&sql);
        if (wal) {
            return true;
        }
        if (step >= 0) {
            return store_fail(error, STORE_FAILED,
                              "cannot %s in %s: its file system does not support one; put it on a "
                              "local disk",
                              what, store_name(store));
        }
        if (error->status != STORE_BUSY || waited >= STORE_BUSY_TIMEOUT_MS) {
            return false;
        }
        (void)sqlite3_sleep(WAL_RETRY_MS);
    }
}

static bool configure(struct store *store, struct store_error *error)
{
    int rc = sqlite3_busy_timeout(store->db, STORE_BUSY_TIMEOUT_MS);

    if (rc != SQLITE_OK) {
        return sql_fail(store, rc, open_what, error);
    }
    /* trusted_schema came with 3.31; an unknown pragma does nothing.  The limit gives the space of
     * a write-ahead log that once grew large back to the disk.  A cache of half the usual size
     * does: what is asked for is mostly the latest. */
    return sql_exec(store,
                    "PRAGMA foreign_keys = ON;"
                    "PRAGMA trusted_schema = OFF;"
                    "PRAGMA cell_size_check = ON;"
                    "PRAGMA synchronous = FULL;"
                    "PRAGMA cache_size = -1024;"
                    "PRAGMA journal_size_limit = 16777216;",
                    open_what, error);
}

static bool open_write(struct store *store, const char *path, struct store_error *error)
{
    struct place place;
    bool ok = place_find(path, true, &place, error) &&
              (place.empty || probe(store, place.real, error)) &&
              opened(store,
                     sqlite3_open_v2(place.real, &store->db,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL),
                     error);

    /* SQLite falls back to reading when it may not write. */
    if (ok && sqlite3_db_readonly(store->db, "main") == 1) {
        ok = store_fail(error, STORE_DENIED,
                        "cannot write the state file %s; this user must be able to write it and "
                        "its directory",
                        store_name(store));
    }
    ok = ok && configure(store, error) && claim(store, error) && switch_to_wal(store, error) &&
         schema_migrate(store, error);
    free(place.real);
    return ok;
}

/* Whether a write-ahead log lies beside a file: then it is in use, or was left by a crash. */
static bool has_log(const char *real)
{
    char path[STORE_PATH_MAX + 8];
    struct stat st;

    (void)snprintf(path, sizeof path, "%s-wal", real);
    return stat(path, &st) == 0 || errno != ENOENT;
}

static bool read_number(struct store *store, int rc, int64_t *number, struct store_error *error)
{
    return opened(store, rc, error) && configure(store, error) &&
           schema_number(store, number, error);
}

static bool open_read(struct store *store, const char *path, struct store_error *error)
{
    struct place place;
    int64_t number = 0;
    bool ok = place_find(path, false, &place, error);

    if (ok && place.empty) {
        ok = store_fail(error, STORE_ABSENT, "the state file %s is empty: nothing was stored yet",
                        path);
    }
    ok = ok && probe(store, place.real, error);
    if (ok) {
        ok = read_number(store,
                         sqlite3_open_v2(place.real, &store->db,
                                         SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL),
                         &number, error);
        /* A database in WAL mode cannot be read where the files beside it can be neither found nor
         * made, unless it is known that nobody writes. */
        if (!ok && error->status == STORE_DENIED && !place_writable(place.real) &&
            !has_log(place.real)) {
            sql_finish(store);
            ok = read_number(store, open_immutable(place.real, &store->db), &number, error);
        }
    }
    if (ok && number != schema_current()) {
        ok = store_fail(error, STORE_FAILED,
                        "the state file %s was written by an older tailgate (its schema is number "
                        "%lld, this one reads %lld); start `tailgate run` or `backfill` once to "
                        "bring it up to date",
                        store_name(store), (long long)number, (long long)schema_current());
    }
    free(place.real);
    return ok;
}

/* An empty name is a database in a temporary file, gone when it is closed. */
static bool open_temporary(struct store *store, struct store_error *error)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

    return opened(store, sqlite3_open_v2("", &store->db, flags, NULL), error) &&
           configure(store, error) &&
           sql_exec(store, "PRAGMA journal_mode = MEMORY", open_what, error) &&
           schema_migrate(store, error);
}

struct store *store_open(const char *path, enum store_mode mode, struct store_error *error)
{
    struct store *store = calloc(1, sizeof *store);
    bool ok;

    error->status = STORE_OK;
    error->text[0] = '\0';
    if (store && mode != STORE_TEMPORARY && path) {
        store->path = strdup(path);
    }
    if (!store || (mode != STORE_TEMPORARY && path && !store->path)) {
        free(store);
        (void)store_fail(error, STORE_FAILED, "cannot open the store: out of memory");
        return NULL;
    }
    store->mode = mode;
    if (mode == STORE_TEMPORARY) {
        ok = open_temporary(store, error);
    } else if (mode == STORE_READ) {
        ok = open_read(store, path, error);
    } else {
        ok = open_write(store, path, error);
    }
    if (ok) {
        return store;
    }
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (!store) {
        return;
    }
    if (store->db) {
        store_rollback(store);
    }
    sql_finish(store);
    free(store->held);
    free(store->path);
    free(store);
}

const char *store_damage(const struct store *store)
{
    return *store->damage ? store->damage : NULL;
}

bool store_locked_out(const struct store *store)
{
    return store->locked_out;
}

bool store_begin(struct store *store, struct store_error *error)
{
    static const char text[] = "BEGIN IMMEDIATE";
    struct sql sql;

    if (store->mode == STORE_READ) {
        return store_fail(error, STORE_DENIED, "cannot write to %s: it was opened for reading",
                          store_name(store));
    }
    if (!sqlite3_get_autocommit(store->db)) {
        return store_fail(error, STORE_FAILED,
                          "cannot begin a transaction in %s: another one is open",
                          store_name(store));
    }
    sql = sql_open(store, text);
    return sql_run(&sql, "begin a transaction", error);
}

bool store_commit(struct store *store, struct store_error *error)
{
    static const char text[] = "COMMIT";
    struct sql sql = sql_open(store, text);
    bool ok = sql_inside(store, "commit", error) && sql_run(&sql, "commit", error);

    if (!ok) {
        store_rollback(store);
    }
    return ok;
}

void store_rollback(struct store *store)
{
    static const char text[] = "ROLLBACK";
    struct store_error ignored;
    struct sql sql;

    /* SQLite rolls back by itself when the disk is full or fails. */
    if (sqlite3_get_autocommit(store->db)) {
        return;
    }
    sql = sql_open(store, text);
    (void)sql_run(&sql, "roll back", &ignored);
}

bool store_fact_get(struct store *store, const char *name, char *out, size_t out_size,
                    struct store_error *error)
{
    static const char text[] = "SELECT value FROM fact WHERE name = :name";
    static const char what[] = "read a fact";
    struct sql sql = sql_open(store, text);
    struct store_bytes value = { "", 0 };
    bool ok;
    int step;

    sql_bind_text(&sql, ":name", name);
    step = sql_step(&sql, what, error);
    if (step == 1) {
        value = sql_bytes(sql.stmt, 0);
    }
    ok = step >= 0;
    if (ok && value.len >= out_size) {
        ok = store_fail(error, STORE_FAILED, "cannot %s in %s: \"%s\" has %zu bytes", what,
                        store_name(store), name, value.len);
        value.len = 0;
    }
    if (ok) {
        memcpy(out, value.data, value.len);
    }
    if (out_size > 0) {
        out[ok ? value.len : 0] = '\0';
    }
    sql_close(&sql);
    return ok;
}

bool store_fact_set(struct store *store, const char *name, const char *value,
                    struct store_error *error)
{
    static const char text[] = "INSERT INTO fact (name, value) VALUES (:name, :value)"
                               " ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    struct sql sql = sql_open(store, text);

    if (strlen(value) > STORE_FACT_MAX) {
        sql_close(&sql);
        return store_fail(error, STORE_FAILED, "cannot store the fact \"%s\" in %s: too long", name,
                          store_name(store));
    }
    sql_bind_text(&sql, ":name", name);
    sql_bind_text(&sql, ":value", value);
    return sql_run(&sql, "store a fact", error);
}
