/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds: which findings are told at once, which are folded, and when a digest tells those. */
#include "storage/alerts.h"

#include <stdio.h>
#include <string.h>

#include "storage/outbox.h"
#include "storage/sql.h"

static const char note_what[] = "note an alert";
static const char fold_what[] = "fold alerts";

struct kind {
    int64_t id, first, ends_at, folded, digests;
    bool changed; /* opened by a finding that had changed: it may have opened another kind before */
};
#define KIND_SELECT "SELECT id, first, ends_at, folded, digests, changed FROM kind"

static void read_kind(const struct sql *sql, struct kind *kind)
{
    *kind = (struct kind){ sql_number(sql, 0), sql_number(sql, 1), sql_number(sql, 2),
                           sql_number(sql, 3), sql_number(sql, 4), sql_number(sql, 5) != 0 };
}

/* Also when it would last longer than any that begins now. */
static bool is_over(const struct kind *kind, int64_t now, int64_t fold)
{
    return kind->ends_at <= now || kind->ends_at > now + fold;
}

static bool find_kind(struct store *store, struct store_bytes key, struct kind *kind, bool *found,
                      struct store_error *error)
{
    static const char text[] = KIND_SELECT " WHERE key = :key";
    struct sql sql = sql_open(store, text);
    int step;

    sql_bind_bytes(&sql, ":key", key);
    step = sql_step(&sql, note_what, error);
    *found = step == 1;
    if (*found) {
        read_kind(&sql, kind);
    }
    sql_close(&sql);
    return step >= 0;
}

static bool open_kind(struct store *store, struct store_bytes key, int64_t first, bool changed,
                      int64_t ends_at, struct store_error *error)
{
    static const char text[] = "INSERT INTO kind (key, first, changed, ends_at)"
                               " VALUES (:key, :first, :changed, :ends_at)";
    struct sql sql = sql_open(store, text);

    sql_bind_bytes(&sql, ":key", key);
    sql_bind_number(&sql, ":first", first);
    sql_bind_number(&sql, ":changed", changed);
    sql_bind_number(&sql, ":ends_at", ends_at);
    return sql_run(&sql, note_what, error);
}

static bool close_kind(struct store *store, int64_t id, struct store_error *error)
{
    static const char text[] = "DELETE FROM kind WHERE id = :id";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":id", id);
    return sql_run(&sql, fold_what, error);
}

/* How many findings a kind holds that no alert tells, and the highest severity among them. */
static bool count_held(struct store *store, int64_t kind, int64_t *count,
                       char severity[static SEVERITY_WORD_MAX], struct store_error *error)
{
    static const char text[] = "SELECT COUNT(*), severity, MAX(" SQL_RANK(
        "severity") ") FROM finding"
                    " WHERE kind = :kind AND alert IS NULL";
    struct sql sql = sql_open(store, text);
    int step;

    *count = 0;
    sql_bind_number(&sql, ":kind", kind);
    step = sql_step(&sql, fold_what, error);
    if (step == 1) {
        *count = sql_number(&sql, 0);
        outbox_keep_severity(severity, sql_bytes(sql.stmt, 1));
    }
    sql_close(&sql);
    return step == 1;
}

static bool first_of(struct store *store, const struct kind *kind, char hex[static OUTBOX_HEX_SIZE],
                     struct store_error *error)
{
    static const char text[] = "SELECT fingerprint FROM finding WHERE id = :first";
    struct sql sql = sql_open(store, text);
    int step;

    sql_bind_number(&sql, ":first", kind->first);
    step = sql_step(&sql, fold_what, error);
    if (step == 1) {
        outbox_hex(hex, sql_bytes(sql.stmt, 0));
    }
    sql_close(&sql);
    if (step == 0) {
        (void)store_fail_damaged(store, error, "cannot %s in %s: a finding is missing", fold_what,
                                 store_name(store));
    }
    return step == 1;
}

static bool mark_held(struct store *store, int64_t kind, int64_t alert, struct store_error *error)
{
    static const char tell[] =
        "UPDATE finding SET alert = :alert WHERE kind = :kind AND alert IS NULL";
    static const char count[] = "UPDATE kind SET digests = digests + 1 WHERE id = :kind";
    struct sql sql = sql_open(store, tell);

    sql_bind_number(&sql, ":alert", alert);
    sql_bind_number(&sql, ":kind", kind);
    if (!sql_run(&sql, fold_what, error)) {
        return false;
    }
    sql = sql_open(store, count);
    sql_bind_number(&sql, ":kind", kind);
    return sql_run(&sql, fold_what, error);
}

/* One digest of what a kind holds; *made false when it holds nothing. */
static bool make_digest(struct store *store, const struct kind *kind, int64_t now, bool *made,
                        struct store_error *error)
{
    char severity[SEVERITY_WORD_MAX], hex[OUTBOX_HEX_SIZE];
    struct alert alert = { .form = ALERT_DIGEST, .finding = kind->first, .created_at = now };

    if (!count_held(store, kind->id, &alert.count, severity, error)) {
        return false;
    }
    *made = alert.count > 0;
    if (!*made) {
        return true;
    }
    if (!first_of(store, kind, hex, error)) {
        return false;
    }
    alert.severity = (struct store_bytes){ severity, strlen(severity) };
    (void)snprintf(alert.id, sizeof alert.id, "%s.%s%lld", hex, kind->changed ? "c." : "",
                   (long long)kind->digests + 1);
    return outbox_add(store, &alert, error) && mark_held(store, kind->id, alert.row, error);
}

/* Where a finding stands. */
struct standing {
    bool quiet, changed;
    int64_t kind, alert; /* FINDING_NONE: none */
    bool waits_alone;    /* its alert tells nothing else, and cannot have reached anybody yet */
    bool waits;          /* its alert cannot have reached anybody yet */
};

static bool find_standing(struct store *store, int64_t finding, struct standing *out,
                          struct store_error *error)
{
    static const char text[] =
        "SELECT f.quiet, f.changed, f.kind, f.alert, a.sent_at IS NULL AND a.trying = 0"
        " AND a.copying = 0 AND a.copied_at IS NULL, a.form"
        " FROM finding AS f LEFT JOIN alert AS a ON a.row = f.alert WHERE f.id = :finding";
    struct sql sql = sql_open(store, text);
    int step;

    *out = (struct standing){ .quiet = true };
    sql_bind_number(&sql, ":finding", finding);
    step = sql_step(&sql, note_what, error);
    if (step == 1) {
        *out = (struct standing){ .quiet = sql_number(&sql, 0) != 0,
                                  .changed = sql_number(&sql, 1) != 0,
                                  .kind = sql_optional(&sql, 2),
                                  .alert = sql_optional(&sql, 3),
                                  .waits = sql_number(&sql, 4) != 0 };
        out->waits_alone = out->waits && sql_number(&sql, 5) == ALERT_FIRST;
    }
    sql_close(&sql);
    if (step == 0) {
        return store_fail(error, STORE_FAILED, "cannot %s in %s: there is no finding %lld",
                          note_what, store_name(store), (long long)finding);
    }
    return step == 1;
}

/* Tells one finding at once, by ALERT_FIRST or ALERT_CHANGED. */
static bool tell_one(struct store *store, const struct finding *finding, enum alert_form form,
                     int64_t now, struct store_error *error)
{
    static const char text[] = "UPDATE finding SET alert = :alert WHERE id = :finding";
    struct alert alert = { .form = form,
                           .finding = finding->id,
                           .severity = finding->severity,
                           .count = 1,
                           .created_at = now };
    char hex[OUTBOX_HEX_SIZE];
    struct sql sql;

    outbox_hex(hex, (struct store_bytes){ (const char *)finding->fingerprint, FINGERPRINT_SIZE });
    (void)snprintf(alert.id, sizeof alert.id, "%s%s", hex, form == ALERT_CHANGED ? ".c" : "");
    if (!outbox_add(store, &alert, error)) {
        return false;
    }
    sql = sql_open(store, text);
    sql_bind_number(&sql, ":alert", alert.row);
    sql_bind_number(&sql, ":finding", finding->id);
    return sql_run(&sql, note_what, error);
}

static bool is_round(int64_t count)
{
    if (count < 10) {
        return false;
    }
    while (count % 10 == 0) {
        count /= 10;
    }
    return count == 1;
}

static bool fold_into(struct store *store, struct kind *kind, int64_t finding, int64_t now,
                      struct store_error *error)
{
    static const char hold[] = "UPDATE finding SET kind = :kind WHERE id = :finding";
    static const char count[] = "UPDATE kind SET folded = folded + 1 WHERE id = :kind";
    struct sql sql = sql_open(store, hold);
    bool made;

    sql_bind_number(&sql, ":kind", kind->id);
    sql_bind_number(&sql, ":finding", finding);
    if (!sql_run(&sql, note_what, error)) {
        return false;
    }
    sql = sql_open(store, count);
    sql_bind_number(&sql, ":kind", kind->id);
    if (!sql_run(&sql, note_what, error)) {
        return false;
    }
    kind->folded++;
    return !is_round(kind->folded) || make_digest(store, kind, now, &made, error);
}

/* The kind of a key, if it is open; closes it if its time is over with nothing folded, as
 * alerts_fold has not come by yet. */
static bool find_open(struct store *store, struct store_bytes key, int64_t now, int64_t fold,
                      struct kind *kind, bool *found, struct store_error *error)
{
    char severity[SEVERITY_WORD_MAX];
    int64_t held = 0;

    if (!find_kind(store, key, kind, found, error)) {
        return false;
    }
    if (!*found || !is_over(kind, now, fold)) {
        return true;
    }
    if (!count_held(store, kind->id, &held, severity, error)) {
        return false;
    }
    *found = held > 0;
    return *found || close_kind(store, kind->id, error);
}

bool alerts_note(struct store *store, const struct finding *finding,
                 const uint8_t key[static KIND_KEY_SIZE], int64_t now, int64_t fold, bool *told,
                 struct store_error *error)
{
    const struct store_bytes bytes = { (const char *)key, KIND_KEY_SIZE };
    struct standing standing;
    struct kind kind;
    bool found;

    *told = false;
    if (!sql_inside(store, note_what, error) ||
        !find_standing(store, finding->id, &standing, error)) {
        return false;
    }
    if (standing.quiet || standing.kind != FINDING_NONE || standing.alert != FINDING_NONE) {
        return true;
    }
    if (!find_open(store, bytes, now, fold, &kind, &found, error)) {
        return false;
    }
    if (found) {
        return fold_into(store, &kind, finding->id, now, error);
    }
    *told = true;
    return open_kind(store, bytes, finding->id, false, now + fold, error) &&
           tell_one(store, finding, ALERT_FIRST, now, error);
}

/* Takes a finding out of the kind that holds it, so that it can be noted as a new one. */
static bool leave_kind(struct store *store, int64_t finding, struct store_error *error)
{
    static const char text[] = "UPDATE finding SET kind = NULL WHERE id = :finding";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":finding", finding);
    return sql_run(&sql, note_what, error);
}

/* An alert that is being sent tells one finding less, if it ever has to be sent again. */
static bool leave_alert(struct store *store, int64_t row, struct store_error *error)
{
    static const char text[] =
        "UPDATE alert SET count = count - 1 WHERE row = :row AND sent_at IS NULL";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":row", row);
    return sql_run(&sql, note_what, error);
}

static bool set_changed(struct store *store, int64_t finding, struct store_error *error)
{
    static const char text[] = "UPDATE finding SET changed = 1 WHERE id = :finding";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":finding", finding);
    return sql_run(&sql, note_what, error);
}

bool alerts_note_again(struct store *store, const struct finding *finding,
                       const uint8_t key[static KIND_KEY_SIZE], int64_t now, int64_t fold,
                       bool *told, struct store_error *error)
{
    const struct store_bytes bytes = { (const char *)key, KIND_KEY_SIZE };
    struct standing standing;
    struct kind kind;
    bool open;

    *told = false;
    if (!sql_inside(store, note_what, error) ||
        !find_standing(store, finding->id, &standing, error)) {
        return false;
    }
    if (standing.quiet || standing.changed) {
        return true;
    }
    if (!find_open(store, bytes, now, fold, &kind, &open, error)) {
        return false;
    }
    if (standing.alert == FINDING_NONE) {
        /* Its digest will tell it, if that is where it belongs. */
        return (open && kind.id == standing.kind) ||
               (leave_kind(store, finding->id, error) && set_changed(store, finding->id, error) &&
                alerts_note(store, finding, key, now, fold, told, error));
    }
    if (!set_changed(store, finding->id, error)) {
        return false;
    }
    if (open || (standing.waits && !standing.waits_alone)) {
        return true;
    }
    if (!open_kind(store, bytes, finding->id, true, now + fold, error)) {
        return false;
    }
    if (standing.waits_alone) {
        return true;
    }
    *told = true;
    return leave_alert(store, standing.alert, error) &&
           tell_one(store, finding, ALERT_CHANGED, now, error);
}

bool kinds_open(struct store *store, int64_t *count, struct store_error *error)
{
    static const char text[] = "SELECT COUNT(*) FROM kind";
    struct sql sql = sql_open(store, text);

    return sql_ask(&sql, "count open kinds", count, error);
}

/* A kind whose time is over, if there is one. */
static bool next_over(struct store *store, int64_t now, int64_t fold, struct kind *kind,
                      bool *found, struct store_error *error)
{
    static const char text[] = KIND_SELECT " WHERE ends_at <= :now OR ends_at > :latest LIMIT 1";
    struct sql sql = sql_open(store, text);
    int step;

    sql_bind_number(&sql, ":now", now);
    sql_bind_number(&sql, ":latest", now + fold);
    step = sql_step(&sql, fold_what, error);
    *found = step == 1;
    if (*found) {
        read_kind(&sql, kind);
    }
    sql_close(&sql);
    return step >= 0;
}

static bool keep_open(struct store *store, int64_t id, int64_t ends_at, struct store_error *error)
{
    static const char text[] = "UPDATE kind SET ends_at = :ends_at WHERE id = :id";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":ends_at", ends_at);
    sql_bind_number(&sql, ":id", id);
    return sql_run(&sql, fold_what, error);
}

static bool fold_all(struct store *store, int64_t now, int64_t fold, struct store_error *error)
{
    struct kind kind;
    bool found, made;

    for (;;) {
        if (!next_over(store, now, fold, &kind, &found, error)) {
            return false;
        }
        if (!found) {
            return true;
        }
        if (!make_digest(store, &kind, now, &made, error)) {
            return false;
        }
        if (made ? !keep_open(store, kind.id, now + fold, error)
                 : !close_kind(store, kind.id, error)) {
            return false;
        }
    }
}

bool alerts_fold(struct store *store, int64_t now, int64_t fold, int64_t *next,
                 struct store_error *error)
{
    static const char text[] = "SELECT ends_at FROM kind ORDER BY ends_at LIMIT 1";
    struct kind kind;
    struct sql sql;
    bool found;

    /* A kind kept open must end later than now, or the folding would not. */
    fold = fold > 0 ? fold : 1;
    if (!next_over(store, now, fold, &kind, &found, error)) {
        return false;
    }
    if (found &&
        !(store_begin(store, error) && sql_end(store, fold_all(store, now, fold, error), error))) {
        return false;
    }
    *next = INT64_MAX;
    sql = sql_open(store, text);
    return sql_ask(&sql, fold_what, next, error);
}
