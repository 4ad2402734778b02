/* SPDX-License-Identifier: Apache-2.0 */
/* Findings whose story goes on: finding those a later line speaks of, and changing them. */
#include "storage/findings.h"

#include "storage/sql.h"

static const char change_what[] = "change a finding";

static bool raise_alert(struct store *store, int64_t id, struct store_bytes severity,
                        struct store_error *error)
{
    static const char text[] = "UPDATE alert SET severity = :severity, rank = " SQL_RANK(
        ":severity") " WHERE row = (SELECT alert FROM finding WHERE id = :id)"
                     " AND sent_at IS NULL AND rank < " SQL_RANK(":severity");
    struct sql sql = sql_open(store, text);

    sql_bind_words(&sql, ":severity", severity);
    sql_bind_number(&sql, ":id", id);
    return sql_run(&sql, change_what, error);
}

bool findings_change(struct store *store, int64_t id, const struct finding_change *change,
                     struct store_error *error)
{
    static const char text[] =
        "UPDATE finding SET marks = COALESCE(:marks, marks),"
        " finding_kind = COALESCE(:finding_kind, finding_kind),"
        " severity = COALESCE(:severity, severity), outcome = COALESCE(:outcome, outcome),"
        " reason = COALESCE(:reason, reason), tls = COALESCE(:tls, tls),"
        " code = COALESCE(:code, code), user = COALESCE(:user, user),"
        " database = COALESCE(:database, database),"
        " true_client = COALESCE(:true_client, true_client) WHERE id = :id";
    struct sql sql;

    if (!sql_inside(store, change_what, error)) {
        return false;
    }
    sql = sql_open(store, text);
    sql_bind_bytes(&sql, ":marks", change->marks);
    sql_bind_words(&sql, ":finding_kind", change->kind);
    sql_bind_words(&sql, ":severity", change->severity);
    sql_bind_words(&sql, ":outcome", change->outcome);
    sql_bind_words(&sql, ":reason", change->reason);
    sql_bind_words(&sql, ":tls", change->tls);
    sql_bind_optional(&sql, ":code", change->code);
    sql_bind_bytes(&sql, ":user", change->user);
    sql_bind_bytes(&sql, ":database", change->database);
    sql_bind_bytes(&sql, ":true_client", change->true_client);
    sql_bind_number(&sql, ":id", id);
    if (!sql_run(&sql, change_what, error)) {
        return false;
    }
    if (sqlite3_changes(store->db) != 1) {
        return store_fail(error, STORE_FAILED, "cannot %s in %s: there is none with the id %lld",
                          change_what, store_name(store), (long long)id);
    }
    return !change->severity.data || raise_alert(store, id, change->severity, error);
}

bool findings_withdraw(struct store *store, int64_t id, struct store_bytes kind, bool *gone,
                       struct store_error *error)
{
    static const char text[] = "DELETE FROM finding WHERE id = :id AND finding_kind = :finding_kind"
                               " AND alert IS NULL AND kind IS NULL";
    static const char what[] = "withdraw a finding";
    struct sql sql;

    if (!sql_inside(store, what, error)) {
        return false;
    }
    sql = sql_open(store, text);
    sql_bind_number(&sql, ":id", id);
    sql_bind_words(&sql, ":finding_kind", kind);
    if (!sql_run(&sql, what, error)) {
        return false;
    }
    *gone = sqlite3_changes(store->db) == 1;
    return true;
}

bool findings_of_row(struct store *store, int64_t id, int64_t *out, size_t max, size_t *count,
                     struct store_error *error)
{
    static const char text[] =
        "SELECT id FROM finding WHERE id = :id UNION SELECT other.id FROM finding AS one"
        " JOIN finding AS other ON other.source = one.source AND other.event_id = one.event_id"
        " AND other.line = one.line AND other.message IS one.message WHERE one.id = :id ORDER BY 1";
    struct sql sql = sql_open(store, text);
    int step = 0;

    *count = 0;
    sql_bind_number(&sql, ":id", id);
    while (*count < max && (step = sql_step(&sql, "find the findings of a row", error)) == 1) {
        out[(*count)++] = sql_number(&sql, 0);
    }
    sql_close(&sql);
    return step >= 0;
}

bool findings_of_connection(struct store *store, int64_t source, struct store_bytes rule,
                            int64_t connection_id, struct store_bytes host, int64_t port,
                            int64_t since, int64_t until, int64_t *id, struct store_error *error)
{
    static const char text[] =
        "SELECT id FROM finding WHERE source = :source AND connection_id = :connection_id"
        " AND event_time BETWEEN :since AND :until AND host IS :host AND port IS :port"
        " AND rule = :rule"
        " ORDER BY event_time DESC, id DESC LIMIT 1";
    struct sql sql = sql_open(store, text);

    *id = 0;
    sql_bind_number(&sql, ":source", source);
    sql_bind_number(&sql, ":connection_id", connection_id);
    sql_bind_number(&sql, ":since", since);
    sql_bind_number(&sql, ":until", until);
    sql_bind_bytes(&sql, ":host", host);
    sql_bind_words(&sql, ":rule", rule);
    sql_bind_optional(&sql, ":port", port);
    return sql_ask(&sql, "find the finding of a connection", id, error);
}
