/* SPDX-License-Identifier: Apache-2.0 */
/* The way of copies. */
#include "storage/copies.h"

#include "storage/outbox.h"

bool copies_next(struct store *store, int64_t now, struct alert *out, bool *found,
                 struct store_error *error)
{
    static const char text[] =
        "SELECT " OUTBOX_ALERT " FROM alert WHERE sent_at IS NULL AND copied_at IS NULL"
        " AND " OUTBOX_DUE("copy_due_at") OUTBOX_ORDER " LIMIT 1";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":now", now);
    return outbox_take(&sql, out, found, error);
}

/* Runs a statement about the copy of one alert. */
static bool change(struct sql *sql, int64_t row, struct store_error *error)
{
    return outbox_change_one(sql, row, "note what became of an alert's copy", error);
}

bool copies_trying(struct store *store, int64_t row, struct store_error *error)
{
    static const char text[] =
        "UPDATE alert SET " OUTBOX_TRY("copying") " WHERE row = :row AND sent_at IS NULL";
    struct sql sql = sql_open(store, text);

    return change(&sql, row, error);
}

bool copies_sent(struct store *store, int64_t row, int64_t now, struct store_error *error)
{
    static const char text[] = "UPDATE alert SET copied_at = :now, copying = 0"
                               " WHERE row = :row AND sent_at IS NULL";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":now", now);
    return change(&sql, row, error);
}

bool copies_failed(struct store *store, int64_t row, int64_t next_attempt_at, bool maybe_sent,
                   struct store_error *error)
{
    static const char text[] = "UPDATE alert SET copy_due_at = :due_at, " OUTBOX_FAIL(
        "copying") " WHERE row = :row AND sent_at IS NULL";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":due_at", next_attempt_at);
    sql_bind_number(&sql, ":maybe_sent", maybe_sent);
    return change(&sql, row, error);
}

bool copies_settle(struct store *store, struct store_error *error)
{
    static const char text[] = "UPDATE alert SET sent_at = copied_at, copying = 0, trying = 0"
                               " WHERE sent_at IS NULL AND copied_at IS NOT NULL";
    struct sql sql = sql_open(store, text);

    return sql_run(&sql, "take alerts that were copied for told", error);
}
