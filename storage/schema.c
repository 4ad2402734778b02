/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of a state file and how older ones become today's. */
#include "storage/schema.h"

#include <stdio.h>

#include "storage/sql.h"

/* What people and logs wrote is BLOB, so that any bytes survive; words of our own are TEXT. */
static const char first[] =
    "CREATE TABLE fact ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " value TEXT NOT NULL"
    ") WITHOUT ROWID;"

    /* since and watch (the one run last) are NULL until the source is run. */
    "CREATE TABLE source ("
    " id INTEGER PRIMARY KEY,"
    " identity TEXT NOT NULL UNIQUE,"
    " since INTEGER,"
    " watch INTEGER"
    ");"

    "CREATE TABLE watch ("
    " id INTEGER PRIMARY KEY,"
    " source INTEGER NOT NULL REFERENCES source (id),"
    " digest BLOB NOT NULL,"
    " UNIQUE (source, digest)"
    ");"

    "CREATE TABLE coverage ("
    " watch INTEGER NOT NULL REFERENCES watch (id),"
    " start INTEGER NOT NULL,"
    " stop INTEGER NOT NULL,"
    " read_at INTEGER NOT NULL,"
    " reads INTEGER NOT NULL,"
    " PRIMARY KEY (watch, start),"
    " CHECK (start < stop)"
    ") WITHOUT ROWID;"

    /* AUTOINCREMENT: the number of a row that is gone must never mean another. */
    "CREATE TABLE alert ("
    " row INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id TEXT NOT NULL UNIQUE,"
    " form INTEGER NOT NULL,"
    " finding INTEGER NOT NULL,"
    " severity TEXT NOT NULL,"
    " rank INTEGER NOT NULL,"
    " count INTEGER NOT NULL,"
    " created_at INTEGER NOT NULL,"
    " due_at INTEGER NOT NULL DEFAULT 0,"
    " attempts INTEGER NOT NULL DEFAULT 0,"
    " trying INTEGER NOT NULL DEFAULT 0,"
    " error BLOB,"
    " sent_at INTEGER,"
    " message_id BLOB"
    ");"
    "CREATE INDEX alert_waiting ON alert (rank DESC, created_at, row) WHERE sent_at IS NULL;"
    "CREATE INDEX alert_finding ON alert (finding) WHERE sent_at IS NULL;"

    /* folded: since it was opened, told or not. */
    "CREATE TABLE kind ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " key BLOB NOT NULL UNIQUE,"
    " first INTEGER NOT NULL,"
    " ends_at INTEGER NOT NULL,"
    " folded INTEGER NOT NULL DEFAULT 0,"
    " digests INTEGER NOT NULL DEFAULT 0"
    ");"
    "CREATE INDEX kind_ends ON kind (ends_at);"
    "CREATE INDEX kind_first ON kind (first);"

    /* kind: the one that held or holds it; it may be gone once an alert tells the finding. */
    "CREATE TABLE finding ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " fingerprint BLOB NOT NULL UNIQUE,"
    " source INTEGER NOT NULL REFERENCES source (id),"
    " rule TEXT NOT NULL,"
    " severity TEXT NOT NULL,"
    " time INTEGER,"
    " event_time INTEGER NOT NULL,"
    " ingestion_time INTEGER,"
    " seen_at INTEGER NOT NULL,"
    " verdict TEXT,"
    " operation TEXT,"
    " outcome TEXT,"
    " code INTEGER,"
    " user BLOB,"
    " host BLOB,"
    " address BLOB,"
    " port INTEGER,"
    " database BLOB,"
    " connection_id INTEGER,"
    " server BLOB,"
    " account BLOB,"
    " region BLOB,"
    " log_group BLOB,"
    " log_stream BLOB,"
    " event_id BLOB,"
    " line INTEGER NOT NULL,"
    " marks BLOB,"
    " candidates BLOB,"
    " message BLOB,"
    " quiet INTEGER NOT NULL,"
    " kind INTEGER,"
    " alert INTEGER REFERENCES alert (row)"
    ");"
    "CREATE INDEX finding_event_time ON finding (event_time);"
    "CREATE INDEX finding_seen_at ON finding (seen_at);"
    "CREATE INDEX finding_alert ON finding (alert) WHERE alert IS NOT NULL;"
    "CREATE INDEX finding_folded ON finding (kind) WHERE alert IS NULL AND kind IS NOT NULL;"
    "CREATE INDEX finding_untold ON finding (source, event_time)"
    " WHERE alert IS NULL AND kind IS NULL;"

    "CREATE TABLE bucket ("
    " name TEXT NOT NULL PRIMARY KEY,"
    " tokens REAL NOT NULL,"
    " filled_at INTEGER NOT NULL,"
    " share REAL NOT NULL,"
    " throttled_at INTEGER NOT NULL"
    ") WITHOUT ROWID;";

/* Findings whose story goes on after they were stored.  finding_kind: what is told (findings.h), as
 * kind was taken; changed: alerts_note_again has dealt with it, or has opened the kind. */
static const char second[] =
    "ALTER TABLE finding ADD COLUMN finding_kind TEXT;"
    "ALTER TABLE finding ADD COLUMN true_client BLOB;"
    "ALTER TABLE finding ADD COLUMN tls TEXT;"
    "ALTER TABLE finding ADD COLUMN reason TEXT;"
    "ALTER TABLE finding ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX finding_row ON finding (source, event_id, line);"
    "CREATE INDEX finding_connection ON finding (source, connection_id, event_time);"
    "ALTER TABLE kind ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;"

    "CREATE TABLE reading ("
    " source INTEGER PRIMARY KEY REFERENCES source (id),"
    " dialect TEXT,"
    " in_sql INTEGER NOT NULL DEFAULT 0,"
    " id_gaps INTEGER NOT NULL DEFAULT 0"
    ");";

/* How late events come, what the request budgets were spent on, and which database servers are
 * heard.
 *
 * delay: events of a source by how late they were first seen, in classes (delays.h).
 * bucket: tokens taken in all, in the hour that began at `hour`, and in the hour before it.
 * server: by the log stream and the name its rows give; both are text of the log.  longest is the
 * longest time between two rows in the week that began at `week`, longest_before that of the week
 * before; silent_at is when a silence was told, NULL while it is heard. */
static const char third[] = "CREATE TABLE delay ("
                            " source INTEGER NOT NULL REFERENCES source (id),"
                            " class INTEGER NOT NULL,"
                            " count INTEGER NOT NULL,"
                            " longest INTEGER NOT NULL,"
                            " PRIMARY KEY (source, class)"
                            ") WITHOUT ROWID;"

                            "ALTER TABLE bucket ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;"
                            "ALTER TABLE bucket ADD COLUMN hour INTEGER NOT NULL DEFAULT 0;"
                            "ALTER TABLE bucket ADD COLUMN in_hour INTEGER NOT NULL DEFAULT 0;"
                            "ALTER TABLE bucket ADD COLUMN hour_before INTEGER NOT NULL DEFAULT 0;"

                            "CREATE TABLE server ("
                            " source INTEGER NOT NULL REFERENCES source (id),"
                            " stream BLOB NOT NULL,"
                            " name BLOB NOT NULL,"
                            " rows INTEGER NOT NULL,"
                            " first_at INTEGER NOT NULL,"
                            " last_at INTEGER NOT NULL,"
                            " week INTEGER NOT NULL,"
                            " longest INTEGER NOT NULL,"
                            " longest_before INTEGER NOT NULL,"
                            " silent_at INTEGER,"
                            " PRIMARY KEY (source, stream, name)"
                            ") WITHOUT ROWID;";

/* When an alert's copy went to the second topic, before when the next attempt is not due, and what
 * may have come of earlier ones (outbox.h). */
static const char fourth[] = "ALTER TABLE alert ADD COLUMN copied_at INTEGER;"
                             "ALTER TABLE alert ADD COLUMN copying INTEGER NOT NULL DEFAULT 0;"
                             "ALTER TABLE alert ADD COLUMN copy_due_at INTEGER NOT NULL DEFAULT 0;";

/* The step at index n leads from schema n to n + 1.  Only ever add at the end: files with every
 * number up to the last exist somewhere. */
static const char *const steps[] = {
    first,
    second,
    third,
    fourth,
};

int64_t schema_current(void)
{
    return (int64_t)(sizeof steps / sizeof steps[0]);
}

bool schema_number(struct store *store, int64_t *number, struct store_error *error)
{
    static const char text[] = "PRAGMA user_version";
    struct sql sql = sql_open(store, text);

    *number = 0;
    if (!sql_ask(&sql, "read the version of the schema", number, error)) {
        return false;
    }
    if (*number >= 0 && *number <= schema_current()) {
        return true;
    }
    return store_fail(error, STORE_NEWER,
                      "the state file %s was written by a newer tailgate (its schema is number "
                      "%lld, this one knows up to %lld); upgrade tailgate, or give another path",
                      store_name(store), (long long)*number, (long long)schema_current());
}

/* One step, under the lock: another process may have made it meanwhile. */
static bool step(struct store *store, bool *done, struct store_error *error)
{
    char pragma[64];
    int64_t number;
    bool ok;

    if (!store_begin(store, error)) {
        return false;
    }
    ok = schema_number(store, &number, error);
    *done = ok && number == schema_current();
    if (ok && !*done) {
        (void)snprintf(pragma, sizeof pragma, "PRAGMA user_version = %lld", (long long)number + 1);
        ok = sql_exec(store, steps[number], "bring the schema up to date", error) &&
             sql_exec(store, pragma, "bring the schema up to date", error);
    }
    return sql_end(store, ok, error);
}

bool schema_migrate(struct store *store, struct store_error *error)
{
    int64_t number;
    bool done;

    if (!schema_number(store, &number, error)) {
        return false;
    }
    done = number == schema_current();
    while (!done) {
        if (!step(store, &done, error)) {
            return false;
        }
    }
    return true;
}
