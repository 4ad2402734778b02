/* SPDX-License-Identifier: Apache-2.0 */
/* Findings: storing each once, listing, pruning. */
#include "storage/findings.h"

#include <stdlib.h>
#include <string.h>

#include "storage/findings_list.h"
#include "storage/sql.h"

/* How a member of struct finding is kept: numbers, numbers that may be absent, words of our own
 * (TEXT), and bytes of anybody's (BLOB). */
enum kept { NUMBER, OPTIONAL, WORDS, BYTES };

/* The columns that are members, in the order of FINDING_COLUMNS from its third on. */
static const struct member {
    const char *parameter;
    enum kept kept;
    size_t offset;
} members[] = {
    { ":source", NUMBER, offsetof(struct finding, source) },
    { ":rule", WORDS, offsetof(struct finding, rule) },
    { ":severity", WORDS, offsetof(struct finding, severity) },
    { ":time", OPTIONAL, offsetof(struct finding, time) },
    { ":event_time", NUMBER, offsetof(struct finding, event_time) },
    { ":ingestion_time", OPTIONAL, offsetof(struct finding, ingestion_time) },
    { ":seen_at", NUMBER, offsetof(struct finding, seen_at) },
    { ":verdict", WORDS, offsetof(struct finding, verdict) },
    { ":operation", WORDS, offsetof(struct finding, operation) },
    { ":outcome", WORDS, offsetof(struct finding, outcome) },
    { ":code", OPTIONAL, offsetof(struct finding, code) },
    { ":user", BYTES, offsetof(struct finding, user) },
    { ":host", BYTES, offsetof(struct finding, host) },
    { ":address", BYTES, offsetof(struct finding, address) },
    { ":port", OPTIONAL, offsetof(struct finding, port) },
    { ":database", BYTES, offsetof(struct finding, database) },
    { ":connection_id", OPTIONAL, offsetof(struct finding, connection_id) },
    { ":server", BYTES, offsetof(struct finding, server) },
    { ":account", BYTES, offsetof(struct finding, account) },
    { ":region", BYTES, offsetof(struct finding, region) },
    { ":log_group", BYTES, offsetof(struct finding, log_group) },
    { ":log_stream", BYTES, offsetof(struct finding, log_stream) },
    { ":event_id", BYTES, offsetof(struct finding, event_id) },
    { ":line", NUMBER, offsetof(struct finding, line) },
    { ":marks", BYTES, offsetof(struct finding, marks) },
    { ":candidates", BYTES, offsetof(struct finding, candidates) },
    { ":message", BYTES, offsetof(struct finding, message) },
    { ":finding_kind", WORDS, offsetof(struct finding, kind) },
    { ":true_client", BYTES, offsetof(struct finding, true_client) },
    { ":tls", WORDS, offsetof(struct finding, tls) },
    { ":reason", WORDS, offsetof(struct finding, reason) },
};
#define MEMBERS       (sizeof members / sizeof members[0])
#define FIRST_MEMBER  2
#define AFTER_MEMBERS (FIRST_MEMBER + (int)MEMBERS)

static const char list_what[] = "list findings";

/* Both views of a member; the table above keeps them apart. */
static int64_t *number_in(struct finding *finding, const struct member *member)
{
    return (int64_t *)(void *)((char *)finding + member->offset);
}

static struct store_bytes *bytes_in(struct finding *finding, const struct member *member)
{
    return (struct store_bytes *)(void *)((char *)finding + member->offset);
}

static bool insert(struct store *store, struct finding *finding, bool *inserted,
                   struct store_error *error)
{
    static const char text[] =
        "INSERT INTO finding (fingerprint, source, rule, severity, time, event_time,"
        " ingestion_time, seen_at, verdict, operation, outcome, code, user, host, address, port,"
        " database, connection_id, server, account, region, log_group, log_stream, event_id, line,"
        " marks, candidates, message, finding_kind, true_client, tls, reason, quiet)"
        " VALUES (:fingerprint, :source, :rule, :severity, :time, :event_time,"
        " :ingestion_time, :seen_at, :verdict, :operation, :outcome, :code, :user, :host, :address,"
        " :port, :database, :connection_id, :server, :account, :region, :log_group, :log_stream,"
        " :event_id, :line, :marks, :candidates, :message, :finding_kind, :true_client, :tls,"
        " :reason, :quiet)"
        " ON CONFLICT (fingerprint) DO NOTHING";
    struct store_bytes fingerprint = { (const char *)finding->fingerprint, FINGERPRINT_SIZE };
    struct sql sql = sql_open(store, text);

    sql_bind_bytes(&sql, ":fingerprint", fingerprint);
    for (size_t i = 0; i < MEMBERS; i++) {
        const struct member *member = &members[i];

        switch (member->kept) {
        case NUMBER:
            sql_bind_number(&sql, member->parameter, *number_in(finding, member));
            break;
        case OPTIONAL:
            sql_bind_optional(&sql, member->parameter, *number_in(finding, member));
            break;
        case WORDS:
            sql_bind_words(&sql, member->parameter, *bytes_in(finding, member));
            break;
        case BYTES:
            sql_bind_bytes(&sql, member->parameter, *bytes_in(finding, member));
            break;
        }
    }
    sql_bind_number(&sql, ":quiet", finding->quiet);
    if (!sql_run(&sql, "store a finding", error)) {
        return false;
    }
    *inserted = sqlite3_changes(store->db) == 1;
    return true;
}

bool findings_add(struct store *store, struct finding *finding, bool *known,
                  struct store_error *error)
{
    static const char text[] = "SELECT id FROM finding WHERE fingerprint = :fingerprint";
    struct store_bytes fingerprint = { (const char *)finding->fingerprint, FINGERPRINT_SIZE };
    struct sql sql;
    bool inserted;

    if (!sql_inside(store, "store a finding", error) || !insert(store, finding, &inserted, error)) {
        return false;
    }
    *known = !inserted;
    if (inserted) {
        finding->id = sqlite3_last_insert_rowid(store->db);
        return true;
    }
    sql = sql_open(store, text);
    sql_bind_bytes(&sql, ":fingerprint", fingerprint);
    return sql_ask(&sql, "find a finding", &finding->id, error);
}

/* Reads a row of FINDING_SELECT; false when memory for it is lacking. */
static bool read_row(sqlite3_stmt *stmt, struct finding *out)
{
    struct sql sql = { .stmt = stmt };
    struct store_bytes fingerprint = sql_bytes(stmt, 1);
    bool ok = true;

    *out = (struct finding){ .id = sql_number(&sql, 0) };
    if (fingerprint.data && fingerprint.len == FINGERPRINT_SIZE) {
        memcpy(out->fingerprint, fingerprint.data, FINGERPRINT_SIZE);
    }
    for (size_t i = 0; i < MEMBERS; i++) {
        int column = FIRST_MEMBER + (int)i;

        if (members[i].kept == NUMBER || members[i].kept == OPTIONAL) {
            *number_in(out, &members[i]) = sql_optional(&sql, column);
        } else {
            *bytes_in(out, &members[i]) = sql_bytes(stmt, column);
            ok = ok && (bytes_in(out, &members[i])->data || bytes_in(out, &members[i])->len == 0);
        }
    }
    out->quiet = sql_number(&sql, AFTER_MEMBERS) != 0;
    out->alert_id = sql_bytes(stmt, AFTER_MEMBERS + 1);
    out->alert_sent_at = sql_optional(&sql, AFTER_MEMBERS + 2);
    return ok;
}

/* Moves the bytes of a finding into memory of the store, so that no statement has to stay open. */
static bool hold(struct store *store, struct finding *finding)
{
    struct store_bytes *slices[MEMBERS + 1] = { &finding->alert_id };
    size_t count = 1, total = 1;
    char *at;

    for (size_t i = 0; i < MEMBERS; i++) {
        if (members[i].kept == WORDS || members[i].kept == BYTES) {
            slices[count++] = bytes_in(finding, &members[i]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        total += slices[i]->len;
    }
    free(store->held);
    at = store->held = malloc(total);
    if (!at) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!slices[i]->data) {
            continue;
        }
        memcpy(at, slices[i]->data, slices[i]->len);
        slices[i]->data = at;
        at += slices[i]->len;
    }
    return true;
}

bool findings_get(struct store *store, int64_t id, struct finding *out, struct store_error *error)
{
    static const char text[] = FINDING_SELECT " WHERE f.id = :id";
    static const char what[] = "read a finding";
    struct sql sql = sql_open(store, text);
    bool ok = false;
    int step;

    sql_bind_number(&sql, ":id", id);
    step = sql_step(&sql, what, error);
    if (step == 1) {
        ok = read_row(sql.stmt, out) && hold(store, out);
        if (!ok) {
            (void)store_fail(error, STORE_FAILED, "cannot %s: out of memory", what);
        }
    } else if (step == 0) {
        (void)store_fail(error, STORE_FAILED, "cannot %s in %s: there is none with the id %lld",
                         what, store_name(store), (long long)id);
    }
    sql_close(&sql);
    return ok;
}

struct findings_list {
    struct sql sql; /* with a statement of its own */
    char *rule, *min_severity;
};

struct findings_list *findings_list_new(struct store *store, const char *text,
                                        struct store_error *error)
{
    struct findings_list *list = calloc(1, sizeof *list);

    if (!list) {
        (void)store_fail(error, STORE_FAILED, "cannot %s: out of memory", list_what);
        return NULL;
    }
    list->sql.store = store;
    list->sql.rc = sqlite3_prepare_v2(store->db, text, -1, &list->sql.stmt, NULL);
    return list;
}

struct sql *findings_list_sql(struct findings_list *list)
{
    return &list->sql;
}

/* Text is bound while the statement lives, so the listing keeps its own. */
static bool keep_words(struct findings_list *list, const struct findings_query *query)
{
    if (query->rule) {
        list->rule = strdup(query->rule);
    }
    if (query->min_severity) {
        list->min_severity = strdup(query->min_severity);
    }
    return (list->rule || !query->rule) && (list->min_severity || !query->min_severity);
}

struct findings_list *findings_list(struct store *store, const struct findings_query *query,
                                    struct store_error *error)
{
#define WANTED                                                                                     \
    " WHERE f.event_time >= :since AND f.event_time < :until"                                      \
    " AND (:rule IS NULL OR f.rule = :rule)"                                                       \
    " AND (:severity IS NULL OR " SQL_RANK("f.severity") " >= " SQL_RANK(":severity") ")"
    static const char all[] = FINDING_SELECT WANTED " ORDER BY f.event_time, f.id";
    static const char newest[] = FINDING_SELECT
        " WHERE f.id IN (SELECT f.id FROM finding AS f" WANTED
        " ORDER BY f.event_time DESC, f.id DESC LIMIT :limit) ORDER BY f.event_time, f.id";
#undef WANTED
    struct findings_list *list = findings_list_new(store, query->limit > 0 ? newest : all, error);
    struct sql *sql;

    if (!list) {
        return NULL;
    }
    if (!keep_words(list, query)) {
        (void)store_fail(error, STORE_FAILED, "cannot %s: out of memory", list_what);
        findings_list_free(list);
        return NULL;
    }
    sql = &list->sql;
    sql_bind_number(sql, ":since", query->since);
    sql_bind_number(sql, ":until", query->until ? query->until : INT64_MAX);
    sql_bind_text(sql, ":rule", list->rule);
    sql_bind_text(sql, ":severity", list->min_severity);
    if (query->limit > 0) {
        sql_bind_number(sql, ":limit", query->limit);
    }
    return list;
}

int findings_next(struct findings_list *list, struct finding *out, struct store_error *error)
{
    int step = sql_step(&list->sql, list_what, error);

    if (step == 1 && !read_row(list->sql.stmt, out)) {
        (void)store_fail(error, STORE_FAILED, "cannot %s: out of memory", list_what);
        return -1;
    }
    return step;
}

void findings_list_free(struct findings_list *list)
{
    if (!list) {
        return;
    }
    (void)sqlite3_finalize(list->sql.stmt);
    free(list->rule);
    free(list->min_severity);
    free(list);
}

bool findings_count(struct store *store, int64_t *out, struct store_error *error)
{
    static const char text[] = "SELECT COUNT(*) FROM finding";
    struct sql sql = sql_open(store, text);

    return sql_ask(&sql, "count findings", out, error);
}

static bool prune(struct store *store, int64_t before, int64_t max, int64_t *deleted,
                  struct store_error *error)
{
    /* What an open kind will tell, or was opened by, and what a waiting alert tells or names. */
    static const char findings[] =
        "DELETE FROM finding WHERE id IN (SELECT f.id FROM finding AS f"
        " LEFT JOIN alert AS a ON a.row = f.alert"
        " WHERE f.seen_at < :before"
        " AND (a.sent_at IS NOT NULL OR (f.alert IS NULL AND f.kind IS NULL))"
        " AND NOT EXISTS (SELECT 1 FROM kind AS k WHERE k.first = f.id)"
        " AND NOT EXISTS (SELECT 1 FROM alert AS w WHERE w.finding = f.id AND w.sent_at IS NULL)"
        " ORDER BY f.seen_at LIMIT :max)";
    static const char alerts[] =
        "DELETE FROM alert WHERE row IN (SELECT a.row FROM alert AS a WHERE a.sent_at < :before"
        " AND NOT EXISTS (SELECT 1 FROM finding AS f WHERE f.alert = a.row) LIMIT :max)";
    static const char what[] = "delete old findings";
    struct sql sql = sql_open(store, findings);

    sql_bind_number(&sql, ":before", before);
    sql_bind_number(&sql, ":max", max);
    if (!sql_run(&sql, what, error)) {
        return false;
    }
    *deleted = sqlite3_changes(store->db);
    sql = sql_open(store, alerts);
    sql_bind_number(&sql, ":before", before);
    sql_bind_number(&sql, ":max", max);
    return sql_run(&sql, what, error);
}

bool findings_prune(struct store *store, int64_t before, int64_t max, int64_t *deleted,
                    struct store_error *error)
{
    *deleted = 0;
    return store_begin(store, error) &&
           sql_end(store, prune(store, before, max, deleted, error), error);
}
