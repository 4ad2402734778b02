/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox: alerts that wait, those that take the place of many, and what became of them. */
#include "storage/outbox.h"

#include <stdio.h>
#include <string.h>

#include "storage/findings_list.h"

static const char window_what[] = "make the alert of a window";
static const char summary_what[] = "make a summary of alerts";
static const char next_what[] = "look for an alert to send";
static const char state_what[] = "look at the alerts";

void outbox_hex(char out[static OUTBOX_HEX_SIZE], struct store_bytes fingerprint)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = fingerprint.len < FINGERPRINT_SIZE ? fingerprint.len : FINGERPRINT_SIZE;

    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)fingerprint.data[i];

        out[2 * i] = digits[byte >> 4];
        out[2 * i + 1] = digits[byte & 15];
    }
    out[2 * len] = '\0';
}

void outbox_keep_severity(char out[static SEVERITY_WORD_MAX], struct store_bytes severity)
{
    (void)snprintf(out, SEVERITY_WORD_MAX, "%.*s", (int)severity.len,
                   severity.data ? severity.data : "");
}

bool alert_tells_one(const struct alert *alert)
{
    return alert->form == ALERT_FIRST || alert->form == ALERT_CHANGED;
}

bool outbox_add(struct store *store, struct alert *alert, struct store_error *error)
{
    static const char text[] =
        "INSERT INTO alert (id, form, finding, severity, rank, count, created_at)"
        " VALUES (:id, :form, :finding, :severity, " SQL_RANK(":severity") ", :count, :created_at)";
    struct sql sql = sql_open(store, text);

    sql_bind_text(&sql, ":id", alert->id);
    sql_bind_number(&sql, ":form", alert->form);
    sql_bind_number(&sql, ":finding", alert->finding);
    sql_bind_words(&sql, ":severity", alert->severity);
    sql_bind_number(&sql, ":count", alert->count);
    sql_bind_number(&sql, ":created_at", alert->created_at);
    if (!sql_run(&sql, "make an alert", error)) {
        return false;
    }
    alert->row = sqlite3_last_insert_rowid(store->db);
    return true;
}

/* What a window's alert is made from. */
struct window {
    int64_t start, end;
    int64_t oldest, oldest_time; /* id and event time; 0: no finding yet */
    int64_t rank, count;
    char severity[SEVERITY_WORD_MAX];
    char hex[OUTBOX_HEX_SIZE];
};

/* Of one source: is there anything to tell, which is the oldest, how severe is the worst. */
static bool look(struct store *store, int64_t source, struct window *window,
                 struct store_error *error)
{
#define UNTOLD                                                                                     \
    " WHERE source = :source AND event_time >= :start AND event_time < :end"                       \
    " AND alert IS NULL AND kind IS NULL AND quiet = 0"
    static const char oldest[] =
        "SELECT id, event_time, fingerprint FROM finding" UNTOLD " ORDER BY event_time, id LIMIT 1";
    static const char worst[] =
        "SELECT MAX(" SQL_RANK("severity") "), severity FROM finding" UNTOLD;
    struct sql sql = sql_open(store, oldest);
    int step;

    sql_bind_number(&sql, ":source", source);
    sql_bind_number(&sql, ":start", window->start);
    sql_bind_number(&sql, ":end", window->end);
    step = sql_step(&sql, window_what, error);
    if (step == 1 && (window->oldest == 0 || sql_number(&sql, 1) < window->oldest_time)) {
        window->oldest = sql_number(&sql, 0);
        window->oldest_time = sql_number(&sql, 1);
        outbox_hex(window->hex, sql_bytes(sql.stmt, 2));
    }
    sql_close(&sql);
    if (step <= 0) {
        return step == 0;
    }

    sql = sql_open(store, worst);
    sql_bind_number(&sql, ":source", source);
    sql_bind_number(&sql, ":start", window->start);
    sql_bind_number(&sql, ":end", window->end);
    step = sql_step(&sql, window_what, error);
    if (step == 1 && (!window->severity[0] || sql_number(&sql, 0) > window->rank)) {
        window->rank = sql_number(&sql, 0);
        outbox_keep_severity(window->severity, sql_bytes(sql.stmt, 1));
    }
    sql_close(&sql);
    return step >= 0;
}

static bool tell(struct store *store, int64_t source, int64_t alert, struct window *window,
                 struct store_error *error)
{
    static const char text[] = "UPDATE finding SET alert = :alert" UNTOLD;
#undef UNTOLD
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":alert", alert);
    sql_bind_number(&sql, ":source", source);
    sql_bind_number(&sql, ":start", window->start);
    sql_bind_number(&sql, ":end", window->end);
    if (!sql_run(&sql, window_what, error)) {
        return false;
    }
    window->count += sqlite3_changes(store->db);
    return true;
}

/* The id holds the number of findings, which is known once they are marked. */
static bool complete(struct store *store, struct alert *alert, const struct window *window,
                     struct store_error *error)
{
    static const char text[] = "UPDATE alert SET id = :id, count = :count WHERE row = :row";
    struct sql sql = sql_open(store, text);

    (void)snprintf(alert->id, sizeof alert->id, "w.%s.%lld", window->hex, (long long)window->count);
    sql_bind_text(&sql, ":id", alert->id);
    sql_bind_number(&sql, ":count", window->count);
    sql_bind_number(&sql, ":row", alert->row);
    return sql_run(&sql, window_what, error);
}

static bool make_window(struct store *store, const int64_t *sources, size_t source_count,
                        struct window *window, int64_t now, bool *made, struct store_error *error)
{
    struct alert alert = { .form = ALERT_WINDOW, .created_at = now };

    for (size_t i = 0; i < source_count; i++) {
        if (!look(store, sources[i], window, error)) {
            return false;
        }
    }
    *made = window->oldest != 0;
    if (!*made) {
        return true;
    }
    alert.finding = window->oldest;
    alert.severity = (struct store_bytes){ window->severity, strlen(window->severity) };
    (void)snprintf(alert.id, sizeof alert.id, "w.%s", window->hex);
    if (!outbox_add(store, &alert, error)) {
        return false;
    }
    for (size_t i = 0; i < source_count; i++) {
        if (!tell(store, sources[i], alert.row, window, error)) {
            return false;
        }
    }
    return complete(store, &alert, window, error);
}

bool alerts_window(struct store *store, const int64_t *sources, size_t source_count, int64_t start,
                   int64_t end, int64_t now, bool *made, struct store_error *error)
{
    struct window window = { .start = start, .end = end };

    *made = false;
    return store_begin(store, error) &&
           sql_end(store, make_window(store, sources, source_count, &window, now, made, error),
                   error);
}

#define DUE " sent_at IS NULL AND " OUTBOX_DUE("due_at")

/* The alerts a summary may take the place of, up to the row :last: those that have a copy, or those
 * that have none. */
#define REPLACEABLE                                                                                \
    DUE " AND trying = 0 AND copying = 0 AND (copied_at IS NOT NULL) = :copied"                    \
        " AND (:keep IS NULL OR rank < " SQL_RANK(":keep") ") AND row <= :last"

struct storm {
    const char *keep;
    int64_t now;
    bool copied;
    int64_t alerts, findings, last;
    char severity[SEVERITY_WORD_MAX];
};

static void bind_storm(struct sql *sql, const struct storm *storm, int64_t last)
{
    sql_bind_text(sql, ":keep", storm->keep);
    sql_bind_number(sql, ":now", storm->now);
    sql_bind_number(sql, ":copied", storm->copied);
    sql_bind_number(sql, ":last", last);
}

static bool survey(struct store *store, struct storm *storm, struct store_error *error)
{
    static const char extent[] =
        "SELECT COUNT(*), COALESCE(SUM(count), 0), COALESCE(MAX(row), 0) FROM alert"
        " WHERE" REPLACEABLE;
    static const char worst[] =
        "SELECT severity FROM alert WHERE" REPLACEABLE " ORDER BY rank DESC, row LIMIT 1";
    struct sql sql = sql_open(store, extent);
    int step;

    bind_storm(&sql, storm, INT64_MAX);
    step = sql_step(&sql, summary_what, error);
    if (step == 1) {
        storm->alerts = sql_number(&sql, 0);
        storm->findings = sql_number(&sql, 1);
        storm->last = sql_number(&sql, 2);
    }
    sql_close(&sql);
    if (step <= 0) {
        return false;
    }

    sql = sql_open(store, worst);
    bind_storm(&sql, storm, INT64_MAX);
    step = sql_step(&sql, summary_what, error);
    if (step == 1) {
        outbox_keep_severity(storm->severity, sql_bytes(sql.stmt, 0));
    }
    sql_close(&sql);
    return step >= 0;
}

/* Names the summary after the alert that has waited longest. */
static bool name_summary(struct store *store, const struct storm *storm, struct alert *summary,
                         struct store_error *error)
{
    static const char text[] =
        "SELECT finding, (SELECT fingerprint FROM finding WHERE id = finding) FROM alert"
        " WHERE" REPLACEABLE " ORDER BY created_at, row LIMIT 1";
    struct sql sql = sql_open(store, text);
    char hex[OUTBOX_HEX_SIZE] = "";
    int step;

    bind_storm(&sql, storm, storm->last);
    step = sql_step(&sql, summary_what, error);
    if (step == 1) {
        summary->finding = sql_number(&sql, 0);
        outbox_hex(hex, sql_bytes(sql.stmt, 1));
    }
    sql_close(&sql);
    (void)snprintf(summary->id, sizeof summary->id, "%s.s%lld", hex, (long long)storm->last);
    return step == 1;
}

static bool replace(struct store *store, const struct storm *storm, int64_t summary,
                    struct store_error *error)
{
    static const char move[] =
        "UPDATE finding SET alert = :summary WHERE alert IN (SELECT row FROM alert"
        " WHERE" REPLACEABLE ")";
    static const char drop[] = "DELETE FROM alert WHERE" REPLACEABLE;
    struct sql sql = sql_open(store, move);

    sql_bind_number(&sql, ":summary", summary);
    bind_storm(&sql, storm, storm->last);
    if (!sql_run(&sql, summary_what, error)) {
        return false;
    }
    sql = sql_open(store, drop);
    bind_storm(&sql, storm, storm->last);
    return sql_run(&sql, summary_what, error);
}

/* The copies told what this one tells. */
static bool mark_copied(struct store *store, const struct storm *storm, int64_t summary,
                        struct store_error *error)
{
    static const char text[] = "UPDATE alert SET copied_at = :now WHERE row = :row";
    struct sql sql;

    if (!storm->copied) {
        return true;
    }
    sql = sql_open(store, text);
    sql_bind_number(&sql, ":now", storm->now);
    return outbox_change_one(&sql, summary, summary_what, error);
}

static bool make_summary(struct store *store, struct storm *storm, int64_t waiting_max, bool *made,
                         struct store_error *error)
{
    struct alert summary = { .form = ALERT_SUMMARY, .created_at = storm->now };

    if (!survey(store, storm, error)) {
        return false;
    }
    if (storm->alerts <= waiting_max) {
        return true;
    }
    *made = true;
    summary.count = storm->findings;
    summary.severity = (struct store_bytes){ storm->severity, strlen(storm->severity) };
    return name_summary(store, storm, &summary, error) && outbox_add(store, &summary, error) &&
           replace(store, storm, summary.row, error) &&
           mark_copied(store, storm, summary.row, error);
}

bool alerts_summarise(struct store *store, int64_t waiting_max, const char *keep, int64_t now,
                      bool *made, struct store_error *error)
{
    *made = false;
    for (int copied = 0; copied <= 1; copied++) {
        struct storm storm = { .keep = keep, .now = now, .copied = copied };

        if (!survey(store, &storm, error)) {
            return false;
        }
        if (storm.alerts <= waiting_max) {
            continue;
        }
        if (!store_begin(store, error) ||
            !sql_end(store, make_summary(store, &storm, waiting_max, made, error), error)) {
            return false;
        }
    }
    return true;
}

bool outbox_take(struct sql *sql, struct alert *out, bool *found, struct store_error *error)
{
    struct store *store = sql->store;
    struct store_bytes id;
    int step = sql_step(sql, next_what, error);

    *found = step == 1;
    if (*found) {
        *out = (struct alert){ .row = sql_number(sql, 0),
                               .form = (enum alert_form)sql_number(sql, 1),
                               .finding = sql_number(sql, 3),
                               .count = sql_number(sql, 5),
                               .created_at = sql_number(sql, 6),
                               .attempts = sql_number(sql, 7) };
        id = sql_bytes(sql->stmt, 2);
        (void)snprintf(out->id, sizeof out->id, "%.*s", (int)id.len, id.data);
        outbox_keep_severity(store->severity, sql_bytes(sql->stmt, 4));
        out->severity = (struct store_bytes){ store->severity, strlen(store->severity) };
    }
    sql_close(sql);
    return step >= 0;
}

bool alerts_next(struct store *store, int64_t now, struct alert *out, bool *found,
                 struct store_error *error)
{
    static const char text[] =
        "SELECT " OUTBOX_ALERT " FROM alert WHERE" DUE OUTBOX_ORDER " LIMIT 1";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":now", now);
    return outbox_take(&sql, out, found, error);
}

struct findings_list *alerts_findings(struct store *store, const struct alert *alert, int64_t limit,
                                      struct store_error *error)
{
    static const char text[] = FINDING_SELECT
        " WHERE f.id IN (SELECT id FROM finding WHERE alert = :alert ORDER BY " SQL_RANK(
            "severity") " DESC, event_time, id LIMIT :limit) ORDER BY f.event_time, f.id";
    struct findings_list *list = findings_list_new(store, text, error);

    if (!list) {
        return NULL;
    }
    sql_bind_number(findings_list_sql(list), ":alert", alert->row);
    sql_bind_number(findings_list_sql(list), ":limit", limit);
    return list;
}

bool outbox_change_one(struct sql *sql, int64_t row, const char *what, struct store_error *error)
{
    struct store *store = sql->store;

    sql_bind_number(sql, ":row", row);
    if (!sql_run(sql, what, error)) {
        return false;
    }
    return sqlite3_changes(store->db) == 1 ||
           store_fail(error, STORE_FAILED, "cannot %s in %s: no alert waits in row %lld", what,
                      store_name(store), (long long)row);
}

bool alerts_trying(struct store *store, int64_t row, struct store_error *error)
{
    static const char text[] =
        "UPDATE alert SET " OUTBOX_TRY("trying") " WHERE row = :row AND sent_at IS NULL";
    struct sql sql = sql_open(store, text);

    return outbox_change_one(&sql, row, "note that an alert is being sent", error);
}

bool alerts_sent(struct store *store, int64_t row, int64_t now, const char *message_id,
                 struct store_error *error)
{
    static const char text[] =
        "UPDATE alert SET sent_at = :now, message_id = :message_id, trying = 0, error = NULL"
        " WHERE row = :row AND sent_at IS NULL";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":now", now);
    sql_bind_text(&sql, ":message_id", message_id);
    return outbox_change_one(&sql, row, "note that an alert was sent", error);
}

bool alerts_failed(struct store *store, int64_t row, int64_t next_attempt_at, bool maybe_sent,
                   const char *why, struct store_error *error)
{
    static const char text[] =
        "UPDATE alert SET attempts = attempts + 1, due_at = :due_at,"
        " " OUTBOX_FAIL("trying") ","
                                  " error = :error WHERE row = :row AND sent_at IS NULL";
    struct store_bytes bytes = { why, strnlen(why, ALERT_ERROR_MAX - 1) };
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":due_at", next_attempt_at);
    sql_bind_number(&sql, ":maybe_sent", maybe_sent);
    sql_bind_bytes(&sql, ":error", bytes);
    return outbox_change_one(&sql, row, "note that an alert was not sent", error);
}

bool alerts_state(struct store *store, struct alerts_state *out, struct store_error *error)
{
    static const char counts[] = "SELECT COUNT(*) - COUNT(sent_at), COUNT(sent_at),"
                                 " MIN(CASE WHEN sent_at IS NULL THEN created_at END) FROM alert";
    static const char failure[] =
        "SELECT error FROM alert WHERE sent_at IS NULL AND error IS NOT NULL"
        " ORDER BY due_at DESC LIMIT 1";
    struct sql sql = sql_open(store, counts);
    struct store_bytes why;
    int step;

    *out = (struct alerts_state){ .oldest_waiting = FINDING_NONE };
    step = sql_step(&sql, state_what, error);
    if (step == 1) {
        out->waiting = sql_number(&sql, 0);
        out->sent = sql_number(&sql, 1);
        out->oldest_waiting = sql_optional(&sql, 2);
    }
    sql_close(&sql);
    if (step < 0) {
        return false;
    }
    sql = sql_open(store, failure);
    step = sql_step(&sql, state_what, error);
    if (step == 1) {
        why = sql_bytes(sql.stmt, 0);
        (void)snprintf(out->last_error, sizeof out->last_error, "%.*s", (int)why.len, why.data);
    }
    sql_close(&sql);
    return step >= 0;
}

bool alerts_next_due(struct store *store, int64_t *at, struct store_error *error)
{
    static const char text[] =
        "SELECT due_at FROM alert WHERE sent_at IS NULL ORDER BY due_at LIMIT 1";
    struct sql sql = sql_open(store, text);

    *at = INT64_MAX;
    return sql_ask(&sql, state_what, at, error);
}
