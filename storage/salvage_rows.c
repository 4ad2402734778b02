/* SPDX-License-Identifier: Apache-2.0 */
/* Reading around damaged pages, and mending what was torn apart. */
#include "storage/salvage_rows.h"

#include <string.h>

#include "storage/alerts.h"
#include "storage/salvage.h"

/* Rows without a number that are read at most: a damaged tree may lead round in circles. */
#define ROWS_MAX 1000000

static const char copy_what[] = "keep what can be read";
static const char order_what[] = "put in order what could be read";

/* All tables.  One whose rows have no number is read from both ends, in this order. */
static const struct table {
    const char *name, *backward;
} tables[] = {
    { "alert", NULL },
    { "finding", NULL },
    { "kind", NULL },
    { "source", NULL },
    { "watch", NULL },
    { "coverage", "watch DESC, start DESC" },
    { "fact", "name DESC" },
    { "reading", NULL },
    { "bucket", "name DESC" },
    { "delay", "source DESC, class DESC" },
    { "server", "source DESC, stream DESC, name DESC" },
};

/* One table on its way.  Columns of a row read: its number (or 0), then those of `insert`. */
struct copy {
    struct store *old, *new;
    const struct table *table;
    sqlite3_str *columns; /* those that both have, with commas between */
    int column_count;
    sqlite3_stmt *up, *down, *insert;
    bool damaged;
};

enum walk { WALK_END, WALK_DAMAGED, WALK_FAILED };

bool salvage_unreadable(struct store *old, int rc)
{
    switch (sql_meaning(old, rc)) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* a schema that makes no sense */
        return true;
    default:
        return false;
    }
}

static bool out_of_memory(const struct copy *copy, struct store_error *error)
{
    return store_fail(error, STORE_FAILED, "cannot %s of %s: out of memory", copy_what,
                      store_name(copy->old));
}

/* Prepares a text and frees it.  NULL, with *rc, when it cannot be. */
static sqlite3_stmt *prepare(sqlite3 *db, char *text, int *rc)
{
    sqlite3_stmt *stmt = NULL;

    *rc = text ? sqlite3_prepare_v2(db, text, -1, &stmt, NULL) : SQLITE_NOMEM;
    sqlite3_free(text);
    return stmt;
}

/* A failure to read the old file: WALK_DAMAGED when rows can be read around. */
static enum walk read_failed(struct copy *copy, int rc, struct store_error *error)
{
    if (salvage_unreadable(copy->old, rc)) {
        copy->damaged = true;
        return WALK_DAMAGED;
    }
    (void)sql_fail(copy->old, rc, copy_what, error);
    return WALK_FAILED;
}

/* Finds the columns that both files know; none when the old file does not know the table. */
static enum walk find_columns(struct copy *copy, struct store_error *error)
{
    static const char text[] = "SELECT name FROM pragma_table_info(%Q)";
    int rc, old_rc = SQLITE_ROW;
    sqlite3_stmt *ours = prepare(copy->new->db, sqlite3_mprintf(text, copy->table->name), &rc);

    while (ours && old_rc == SQLITE_ROW && (rc = sqlite3_step(ours)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(ours, 0);
        sqlite3_stmt *theirs =
            prepare(copy->old->db,
                    sqlite3_mprintf("SELECT COUNT(*) FROM pragma_table_info(%Q) WHERE name = %Q",
                                    copy->table->name, name),
                    &old_rc);
        old_rc = theirs ? sqlite3_step(theirs) : old_rc;
        if (old_rc == SQLITE_ROW && sqlite3_column_int(theirs, 0) > 0) {
            sqlite3_str_appendf(copy->columns, "%s\"%w\"", copy->column_count ? ", " : "", name);
            copy->column_count++;
        }
        (void)sqlite3_finalize(theirs);
    }
    (void)sqlite3_finalize(ours);
    if (old_rc != SQLITE_ROW) {
        return read_failed(copy, old_rc, error);
    }
    if (rc != SQLITE_DONE) {
        (void)sql_fail(copy->new, rc, copy_what, error);
        return WALK_FAILED;
    }
    if (copy->column_count == 0) {
        copy->damaged = true;
        return WALK_DAMAGED;
    }
    return WALK_END;
}

static char *reading_text(const struct copy *copy, bool up)
{
    const char *columns = sqlite3_str_value(copy->columns), *table = copy->table->name;

    if (copy->table->backward) {
        return up ? sqlite3_mprintf("SELECT 0, %s FROM %s", columns, table)
                  : sqlite3_mprintf("SELECT 0, %s FROM %s ORDER BY %s", columns, table,
                                    copy->table->backward);
    }
    return up ? sqlite3_mprintf("SELECT rowid, %s FROM %s WHERE rowid > ?1 ORDER BY rowid", columns,
                                table)
              : sqlite3_mprintf("SELECT rowid, %s FROM %s WHERE rowid > ?1 AND rowid <= ?2"
                                " ORDER BY rowid DESC",
                                columns, table);
}

/* Values that make no sense (a NULL where none can be) are not inserted. */
static char *inserting_text(const struct copy *copy)
{
    sqlite3_str *text = sqlite3_str_new(copy->new->db);

    sqlite3_str_appendf(text, "INSERT OR IGNORE INTO %s (%s) VALUES (", copy->table->name,
                        sqlite3_str_value(copy->columns));
    for (int i = 0; i < copy->column_count; i++) {
        sqlite3_str_appendf(text, "%s?%d", i ? ", " : "", i + 1);
    }
    sqlite3_str_appendall(text, ")");
    return sqlite3_str_finish(text);
}

static enum walk prepare_all(struct copy *copy, struct store_error *error)
{
    enum walk found;
    int rc;

    copy->columns = sqlite3_str_new(copy->new->db);
    found = find_columns(copy, error);
    if (found != WALK_END) {
        return found;
    }
    if (sqlite3_str_errcode(copy->columns) != SQLITE_OK) {
        (void)out_of_memory(copy, error);
        return WALK_FAILED;
    }
    copy->insert = prepare(copy->new->db, inserting_text(copy), &rc);
    if (!copy->insert) {
        (void)sql_fail(copy->new, rc, copy_what, error);
        return WALK_FAILED;
    }
    copy->up = prepare(copy->old->db, reading_text(copy, true), &rc);
    copy->down = copy->up ? prepare(copy->old->db, reading_text(copy, false), &rc) : NULL;
    return copy->down ? WALK_END : read_failed(copy, rc, error);
}

/* Puts the row a statement stands at into the new file. */
static bool keep_row(struct copy *copy, sqlite3_stmt *row, struct store_error *error)
{
    int rc = SQLITE_OK;

    for (int i = 1; i <= copy->column_count && rc == SQLITE_OK; i++) {
        rc = sqlite3_bind_value(copy->insert, i, sqlite3_column_value(row, i));
    }
    if (rc == SQLITE_OK) {
        (void)sqlite3_step(copy->insert);
        rc = sqlite3_reset(copy->insert);
        /* Also without a rule to ignore it by: rows that belong nowhere. */
        rc = (rc & 0xff) == SQLITE_CONSTRAINT || (rc & 0xff) == SQLITE_MISMATCH ? SQLITE_OK : rc;
    }
    return rc == SQLITE_OK || sql_fail(copy->new, rc, copy_what, error);
}

/* Keeps the rows of a statement until its end, or until one cannot be read.  *last: the number of
 * the last one kept.  Numbers that do not go on in their order are no rows: a damaged tree may lead
 * round in circles. */
static enum walk walk(struct copy *copy, sqlite3_stmt *stmt, bool up, int64_t *last,
                      struct store_error *error)
{
    bool numbered = !copy->table->backward;
    enum walk end = WALK_END;
    int64_t rows = 0;
    int rc;

    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        int64_t number = sqlite3_column_int64(stmt, 0);

        if ((numbered && (up ? number <= *last : number >= *last)) ||
            (!numbered && rows == ROWS_MAX)) {
            copy->damaged = true;
            end = WALK_DAMAGED;
            break;
        }
        if (!keep_row(copy, stmt, error)) {
            end = WALK_FAILED;
            break;
        }
        *last = number;
        rows++;
    }
    (void)sqlite3_reset(stmt);
    if (end == WALK_END && rc != SQLITE_DONE) {
        end = read_failed(copy, rc, error);
    }
    return end;
}

/* The first number behind a damaged place from which on rows can be read again, found with steps
 * that grow.  WALK_DAMAGED: there is none. */
static enum walk find_readable(struct copy *copy, int64_t last, int64_t *out,
                               struct store_error *error)
{
    for (int64_t gap = 1; gap < INT64_MAX / 4 && last < INT64_MAX / 4; gap *= 2) {
        int rc;

        (void)sqlite3_bind_int64(copy->up, 1, last + gap);
        rc = sqlite3_step(copy->up);
        (void)sqlite3_reset(copy->up);
        if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
            *out = last + gap;
            return WALK_END;
        }
        if (read_failed(copy, rc, error) == WALK_FAILED) {
            return WALK_FAILED;
        }
    }
    return WALK_DAMAGED;
}

/* Reads upwards; where a row cannot be read, goes on behind it and comes back down to it. */
static enum walk read_numbered(struct copy *copy, struct store_error *error)
{
    int64_t last = 0;

    for (int jumps = 0; jumps < SALVAGE_JUMPS_MAX; jumps++) {
        int64_t from = 0, down;
        enum walk end;

        (void)sqlite3_bind_int64(copy->up, 1, last);
        end = walk(copy, copy->up, true, &last, error);
        if (end == WALK_DAMAGED) {
            end = find_readable(copy, last, &from, error);
            if (end == WALK_DAMAGED) {
                from = INT64_MAX;
            }
        } else {
            return end;
        }
        if (end == WALK_FAILED) {
            return end;
        }
        (void)sqlite3_bind_int64(copy->down, 1, last);
        (void)sqlite3_bind_int64(copy->down, 2, from);
        down = INT64_MAX;
        if (walk(copy, copy->down, false, &down, error) == WALK_FAILED) {
            return WALK_FAILED;
        }
        if (from == INT64_MAX) {
            return WALK_DAMAGED;
        }
        last = from;
    }
    return WALK_DAMAGED;
}

static enum walk read_both_ways(struct copy *copy, struct store_error *error)
{
    int64_t last = 0;
    enum walk end = walk(copy, copy->up, true, &last, error);

    return end == WALK_DAMAGED ? walk(copy, copy->down, false, &last, error) : end;
}

static bool copy_table(struct copy *copy, struct store_error *error)
{
    enum walk end = prepare_all(copy, error);

    if (end == WALK_END) {
        end = copy->table->backward ? read_both_ways(copy, error) : read_numbered(copy, error);
    }
    (void)sqlite3_finalize(copy->up);
    (void)sqlite3_finalize(copy->down);
    (void)sqlite3_finalize(copy->insert);
    sqlite3_free(sqlite3_str_finish(copy->columns));
    return end != WALK_FAILED;
}

bool salvage_copy(struct store *old, struct store *new, bool *damaged, struct store_error *error)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct copy copy = { .old = old, .new = new, .table = &tables[i] };

        if (!copy_table(&copy, error)) {
            return false;
        }
        *damaged = *damaged || copy.damaged;
    }
    return true;
}

/* What rows say of others must be true again, and what other code counts on must hold. */
static const char mend[] =
    "DELETE FROM finding WHERE typeof(fingerprint) <> 'blob' OR length(fingerprint) <> 32;"
    "DELETE FROM alert WHERE typeof(form) <> 'integer' OR form NOT BETWEEN 0 AND 4;"
    "DELETE FROM coverage WHERE typeof(start) <> 'integer' OR typeof(stop) <> 'integer'"
    " OR typeof(read_at) <> 'integer' OR typeof(reads) <> 'integer';"

    /* A finding keeps its place even if nobody knows any more which source it was of. */
    "INSERT OR IGNORE INTO source (id, identity)"
    " SELECT DISTINCT source, 'lost:' || source FROM finding"
    " WHERE source NOT IN (SELECT id FROM source);"
    "DELETE FROM watch WHERE source NOT IN (SELECT id FROM source);"
    "DELETE FROM coverage WHERE watch NOT IN (SELECT id FROM watch);"
    "DELETE FROM reading WHERE source NOT IN (SELECT id FROM source);"
    "DELETE FROM delay WHERE source NOT IN (SELECT id FROM source);"
    "DELETE FROM server WHERE source NOT IN (SELECT id FROM source);"
    "UPDATE source SET watch = NULL WHERE watch NOT IN (SELECT id FROM watch);"

    /* An alert that lost the finding it is named after tells another one of its own; without any it
     * could not be told, and would stand in the way of the others. */
    "UPDATE alert SET finding = (SELECT MIN(f.id) FROM finding AS f WHERE f.alert = alert.row)"
    " WHERE finding NOT IN (SELECT id FROM finding)"
    " AND EXISTS (SELECT 1 FROM finding AS f WHERE f.alert = alert.row);"
    "DELETE FROM alert WHERE finding NOT IN (SELECT id FROM finding);"
    /* A kind whose first finding nobody tells would keep others from being told at once. */
    "DELETE FROM kind WHERE first NOT IN"
    " (SELECT id FROM finding WHERE alert IN (SELECT row FROM alert));"

    /* Nobody knows any more whether these were told. */
    "CREATE TEMP TABLE orphan AS SELECT id FROM finding WHERE CASE WHEN alert NOTNULL"
    " THEN alert NOT IN (SELECT row FROM alert)"
    " ELSE kind NOTNULL AND kind NOT IN (SELECT id FROM kind) END;"
    "UPDATE finding SET alert = NULL, kind = NULL WHERE id IN (SELECT id FROM temp.orphan);"

    /* Digests, summaries and windows say how many findings they tell. */
    "UPDATE alert SET count = (SELECT COUNT(*) FROM finding AS f WHERE f.alert = alert.row)"
    " WHERE sent_at IS NULL AND form BETWEEN 1 AND 3;"
    "DELETE FROM alert WHERE sent_at IS NULL AND form BETWEEN 1 AND 3 AND count = 0;"

    /* The number of a row that is lost must never mean another. */
    "UPDATE sqlite_sequence SET seq = seq + 1000000;";

_Static_assert(ALERT_FIRST == 0 && ALERT_DIGEST == 1 && ALERT_WINDOW == 3 && ALERT_CHANGED == 4,
               "the forms of alerts are named in the text above");

/* Tells again what may not have been told, as the first of its kind and under the id it had then:
 * what was seen within the deepest age before the last of all.  Older ones were told long ago. */
static bool tell_again(struct store *store, int64_t deepest, struct store_error *error)
{
    static const char tell[] =
        "INSERT OR IGNORE INTO alert (id, form, finding, severity, rank, count, created_at)"
        " SELECT lower(hex(fingerprint)), 0, id, severity, " SQL_RANK(
            "severity") ", 1, seen_at FROM finding"
                        " WHERE id IN (SELECT id FROM temp.orphan) AND quiet = 0"
                        " AND seen_at >= (SELECT MAX(seen_at) FROM finding) - :deepest";
    static const char mark[] =
        "UPDATE finding SET alert ="
        " (SELECT row FROM alert AS a WHERE a.id = lower(hex(finding.fingerprint)))"
        " WHERE id IN (SELECT id FROM temp.orphan)";
    struct sql sql = sql_open(store, tell);

    sql_bind_number(&sql, ":deepest", deepest);
    return sql_run(&sql, order_what, error) && sql_exec(store, mark, order_what, error);
}

/* Asks for the end of each watch once: it moves while the stretches are cut. */
static bool cut_coverage(struct store *store, int64_t deepest, struct store_error *error)
{
    static const char ends[] = "CREATE TEMP TABLE ending AS"
                               " SELECT watch, MAX(stop) AS stop FROM coverage GROUP BY watch";
    static const char *const cuts[] = {
        "DELETE FROM coverage WHERE start >= -:deepest"
        " + (SELECT e.stop FROM temp.ending AS e WHERE e.watch = coverage.watch)",
        "UPDATE coverage SET stop = -:deepest"
        " + (SELECT e.stop FROM temp.ending AS e WHERE e.watch = coverage.watch)"
        " WHERE stop > -:deepest"
        " + (SELECT e.stop FROM temp.ending AS e WHERE e.watch = coverage.watch)",
    };
    bool ok = sql_exec(store, ends, order_what, error);

    for (size_t i = 0; ok && i < sizeof cuts / sizeof cuts[0]; i++) {
        struct sql sql = sql_open(store, cuts[i]);

        sql_bind_number(&sql, ":deepest", deepest);
        ok = sql_run(&sql, order_what, error);
    }
    return ok;
}

static bool count_kept(struct store *store, struct salvage_count *count, struct store_error *error)
{
    static const char text[] =
        "SELECT (SELECT COUNT(*) FROM finding), (SELECT COUNT(*) FROM source),"
        " (SELECT COUNT(*) FROM alert WHERE sent_at IS NULL)";
    struct sql sql = sql_open(store, text);
    int step = sql_step(&sql, order_what, error);

    if (step == 1) {
        *count = (struct salvage_count){ .findings = sql_number(&sql, 0),
                                         .sources = sql_number(&sql, 1),
                                         .waiting = sql_number(&sql, 2) };
    }
    sql_close(&sql);
    return step == 1;
}

bool salvage_order(struct store *store, int64_t deepest, struct salvage_count *count,
                   struct store_error *error)
{
    return sql_exec(store, mend, order_what, error) && tell_again(store, deepest, error) &&
           cut_coverage(store, deepest, error) && count_kept(store, count, error);
}
