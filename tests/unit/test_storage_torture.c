/* SPDX-License-Identifier: Apache-2.0 */
/* Makes SQLite run out of memory at one moment after another of a scenario that
 * uses all of storage/.  Each time the scenario must either end with an error that says something,
 * with whole transactions done and no others, or come to the very same result as without failure.
 */
#include "test_storage_findings.h"

#include <sqlite3.h>

#include "storage/alerts.h"
#include "storage/bucket.h"
#include "storage/copies.h"
#include "storage/delays.h"
#include "storage/readings.h"
#include "storage/servers.h"
#include "storage/sql.h"

/* What fails next: the countdown reaches 0 at the call that does. */
static long countdown;
static bool failed;

static bool fails_now(void)
{
    if (countdown <= 0 || --countdown > 0) {
        return false;
    }
    failed = true;
    return true;
}

static sqlite3_mem_methods memory;

static void *failing_malloc(int size)
{
    return fails_now() ? NULL : memory.xMalloc(size);
}

static void *failing_realloc(void *old, int size)
{
    return fails_now() ? NULL : memory.xRealloc(old, size);
}

/* A scenario: whether it went through. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        if (!(call))                                                                               \
            return false;                                                                          \
    } while (0)

static bool page(struct scratch *s, int64_t source, int64_t watch, int number, bool alert)
{
    static const char *const severities[] = { "low", "medium", "high" };
    const uint8_t key[KIND_KEY_SIZE] = { (uint8_t)(number % 3) };
    struct stretch read = { (int64_t)100 * number, (int64_t)100 * number + 130, 5000 + number, 0 };
    struct finding finding = plain(source, number, severities[number % 3]);
    bool known, told;

    TRY(store_begin(s->store, &s->error));
    TRY(findings_add(s->store, &finding, &known, &s->error));
    TRY(!alert || alerts_note(s->store, &finding, key, 10 + number, 1000, &told, &s->error));
    TRY(coverage_add(s->store, watch, &read, 2000, &s->error));
    return store_commit(s->store, &s->error);
}

/* The attempt of an earlier page succeeded. */
static bool later(struct scratch *s, int64_t source, int64_t id)
{
    const uint8_t key[KIND_KEY_SIZE] = { 9 };
    struct finding_change success = FINDING_UNCHANGED;
    struct finding finding;
    int64_t ids[4];
    size_t count;
    bool told;

    success.severity = BYTES("high");
    TRY(store_begin(s->store, &s->error));
    TRY(findings_of_row(s->store, id, ids, 4, &count, &s->error));
    TRY(findings_change(s->store, id, &success, &s->error));
    TRY(findings_get(s->store, id, &finding, &s->error));
    TRY(alerts_note_again(s->store, &finding, key, 100, 1000, &told, &s->error));
    TRY(reading_add(s->store, source, "a dialect", 1, 1, &s->error));
    return store_commit(s->store, &s->error);
}

static bool watching(struct scratch *s, int64_t *source, int64_t *watch)
{
    const uint8_t digests[2][COVERAGE_DIGEST_SIZE] = { { 1 }, { 2 } };
    int64_t since, other;

    TRY(coverage_source(s->store, "group", source, &s->error));
    TRY(coverage_watch(s->store, *source, digests[0], &other, &s->error));
    TRY(coverage_watch(s->store, *source, digests[1], watch, &s->error));
    TRY(coverage_run(s->store, other, 0, false, &since, &s->error));
    TRY(page(s, *source, other, 0, true));
    return coverage_run(s->store, *watch, 0, true, &since, &s->error);
}

static bool publish(struct scratch *s)
{
    struct alert alert;
    struct alerts_state state;
    struct finding finding;
    struct findings_list *list;
    int64_t due;
    bool found;
    int step;

    TRY(alerts_next(s->store, 5000, &alert, &found, &s->error));
    TRY(alerts_trying(s->store, alert.row, &s->error));
    TRY(alerts_failed(s->store, alert.row, 6000, false, "refused", &s->error));
    TRY(copies_next(s->store, 5000, &alert, &found, &s->error));
    TRY(copies_trying(s->store, alert.row, &s->error));
    TRY(copies_failed(s->store, alert.row, 4000, true, &s->error));
    TRY(copies_sent(s->store, alert.row, 5000, &s->error));
    TRY(alerts_next(s->store, 5000, &alert, &found, &s->error));
    TRY(findings_get(s->store, alert.finding, &finding, &s->error));
    list = alerts_findings(s->store, &alert, 10, &s->error);
    TRY(list);
    while ((step = findings_next(list, &finding, &s->error)) == 1) {
        ;
    }
    findings_list_free(list);
    TRY(step == 0);
    TRY(alerts_sent(s->store, alert.row, 5001, "message", &s->error));
    TRY(alerts_state(s->store, &state, &s->error));
    return alerts_next_due(s->store, &due, &s->error);
}

static bool late_event(struct scratch *s, int64_t source)
{
    struct delays delays = { .longest = 0 };

    delays_count(&delays, 5000);
    TRY(store_begin(s->store, &s->error));
    TRY(delays_add(s->store, source, &delays, &s->error));
    TRY(store_commit(s->store, &s->error));
    return delays_get(s->store, source, &delays, &s->error);
}

static bool heard(struct scratch *s, int64_t source)
{
    static char stream[] = "stream", names[2][6] = { "srv-1", "srv-2" };
    struct server server = { .stream = stream, .silent_at = SERVER_HEARD }, *list;
    size_t count;

    TRY(store_begin(s->store, &s->error));
    for (int i = 0; i < 2; i++) {
        server.name = names[i];
        server.last_at = 1000 * i;
        TRY(servers_save(s->store, source, &server, &s->error));
    }
    TRY(servers_forget(s->store, source, &server, &s->error));
    TRY(store_commit(s->store, &s->error));
    TRY(servers_list(s->store, source, &list, &count, &s->error));
    servers_free(list, count);
    return true;
}

static bool scenario(struct scratch *s)
{
    const struct bucket_terms terms = { 2, 5, 0 };
    struct stretch *stretches = NULL;
    struct source_reading reading;
    int64_t source, watch, next, deleted, wait, open;
    size_t count;
    struct bucket_use use;
    bool made, taken;

    s->store = store_open(s->path, STORE_WRITE, &s->error);
    TRY(s->store);
    TRY(store_fact_set(s->store, "account", "123456789012", &s->error));
    TRY(watching(s, &source, &watch));
    for (int i = 1; i < 16; i++) {
        TRY(page(s, source, watch, i, i < 14));
    }
    TRY(later(s, source, 1));
    TRY(later(s, source, 8));
    TRY(reading_get(s->store, source, &reading, &s->error));
    TRY(findings_of_connection(s->store, source, BYTES("outside"), 1, BYTES("h"), 1, 0, 9, &next,
                               &s->error));
    TRY(alerts_fold(s->store, 2000, 1000, &next, &s->error));
    TRY(alerts_fold(s->store, 9000, 1000, &next, &s->error));
    TRY(kinds_open(s->store, &open, &s->error));
    TRY(alerts_window(s->store, &source, 1, 0, INT64_MAX, 3000, &made, &s->error));
    TRY(publish(s));
    TRY(later(s, source, 15));
    TRY(alerts_summarise(s->store, 1, "critical", 7000, &made, &s->error));
    TRY(findings_prune(s->store, 100000, 1, &deleted, &s->error));
    TRY(bucket_take(s->store, "b", &terms, 1000, &taken, &wait, &s->error));
    TRY(bucket_throttled(s->store, "b", &terms, 1000, &s->error));
    TRY(buckets_list(s->store, "b", 1000, &use, 1, &count, &s->error));
    TRY(late_event(s, source));
    TRY(heard(s, source));
    TRY(coverage_since(s->store, source, &next, &s->error));
    TRY(coverage_list(s->store, watch, 0, 10000, &stretches, &count, &s->error));
    free(stretches);
    return true;
}

/* All that the tables hold. */
static void dump(const char *path, char *out, size_t size)
{
    static const char text[] =
        "SELECT group_concat(name || value) FROM fact"
        " UNION ALL SELECT group_concat(id || ' ' || since || ' ' || watch) FROM source"
        " UNION ALL SELECT group_concat(watch || ' ' || start || ' ' || stop || ' ' || read_at"
        " || ' ' || reads) FROM coverage"
        " UNION ALL SELECT group_concat(id || ' ' || COALESCE(kind, '-') || ' ' ||"
        " COALESCE(alert, '-') || severity || changed) FROM finding"
        " UNION ALL SELECT group_concat(dialect || in_sql || ' ' || id_gaps) FROM reading"
        " UNION ALL SELECT group_concat(stream || name || last_at) FROM server"
        " UNION ALL SELECT group_concat(id || form || finding || severity || rank || count"
        " || due_at || attempts || trying || copying || COALESCE(copied_at, '-') || "
        "COALESCE(error, '-') || COALESCE(sent_at, '-')"
        " || COALESCE(message_id, '-')) FROM alert"
        " UNION ALL SELECT group_concat(id || first || ends_at || folded || digests) FROM kind"
        " UNION ALL SELECT group_concat(name || tokens || share || throttled_at) FROM bucket"
        " UNION ALL SELECT integrity_check FROM pragma_integrity_check"
        " UNION ALL SELECT COUNT(*) FROM pragma_foreign_key_check";
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    size_t len = 0;

    out[0] = '\0';
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *row = (const char *)sqlite3_column_text(stmt, 0);

        len += (size_t)snprintf(out + len, size - len, "%s\n", row ? row : "");
        assert_true(len < size);
    }
    (void)sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* What must hold however far a scenario got: findings and the coverage of their pages came
 * together, and every finding that was noted is told by an alert that exists or held by a kind that
 * does. */
static void whole(const char *path)
{
    static const char text[] =
        "SELECT (SELECT COUNT(*) FROM finding AS f WHERE NOT EXISTS (SELECT 1 FROM coverage AS c"
        " WHERE c.start <= 100 * (f.event_time - 1000) AND c.stop >= 100 * (f.event_time - 1000)"
        " + 130)) + (SELECT COUNT(*) FROM finding AS f WHERE f.event_time < 1014"
        " AND f.alert IS NULL AND NOT EXISTS (SELECT 1 FROM kind AS k WHERE k.id = f.kind))"
        " + (SELECT COUNT(*) FROM alert AS a WHERE a.count <>"
        " (SELECT COUNT(*) FROM finding AS f WHERE f.alert = a.row) AND a.sent_at IS NULL)";
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) == SQLITE_OK) {
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int(stmt, 0), 0);
    }
    (void)sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void forget(struct scratch *s)
{
    static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
    char path[300];

    store_close(s->store);
    s->store = NULL;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)snprintf(path, sizeof path, "%s%s", s->path, suffixes[i]);
        (void)unlink(path);
    }
}

static void every_failure_is_told(void **state)
{
    enum { STRIDE = 41 };
    static char expected[20000], got[20000];
    struct scratch *s = *state;
    long errors = 0, benign = 0;

    ok(s, scenario(s));
    store_close(s->store);
    s->store = NULL;
    dump(s->path, expected, sizeof expected);
    whole(s->path);
    forget(s);

    failed = true;
    for (long at = 1; failed; at += STRIDE) {
        bool done;

        failed = false;
        countdown = at;
        s->error.status = STORE_OK;
        s->error.text[0] = '\0';
        done = scenario(s);
        countdown = 0;
        if (!done) {
            assert_true(failed);
            assert_int_not_equal(s->error.status, STORE_OK);
            assert_true(strlen(s->error.text) > 20);
            errors++;
        }
        store_close(s->store);
        s->store = NULL;
        if (done) {
            dump(s->path, got, sizeof got);
            assert_string_equal(got, expected);
            benign++;
        }
        if (access(s->path, F_OK) == 0) {
            whole(s->path);
        }
        forget(s);
    }
    assert_true(errors > 50);
    assert_true(benign > 0);
}

int main(void)
{
    sqlite3_mem_methods failing;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_failure_is_told, scratch_setup, scratch_teardown),
    };

    /* Without the pool for small pieces, every piece may fail. */
    (void)sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
    (void)sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory);
    failing = memory;
    failing.xMalloc = failing_malloc;
    failing.xRealloc = failing_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK) {
        return 1;
    }
    return cmocka_run_group_tests_name("torture", tests, NULL, NULL);
}
