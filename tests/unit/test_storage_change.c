/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of findings that change after they were stored, and of what that does to alerts. */
#include "test_storage_alerts.h"

static const uint8_t key_c[KIND_KEY_SIZE] = { 'c' };

static void same_text(struct store_bytes bytes, const char *text)
{
    assert_int_equal(bytes.data == NULL, text == NULL);
    if (text) {
        assert_int_equal(bytes.len, strlen(text));
        assert_memory_equal(bytes.data, text, bytes.len);
    }
}

static void change(struct scratch *s, int64_t id, struct finding_change change)
{
    ok(s, store_begin(s->store, &s->error));
    ok(s, findings_change(s->store, id, &change, &s->error));
    ok(s, store_commit(s->store, &s->error));
}

/* The attempt succeeded, as a later page says: changes the finding and notes it again; gives
 * whether that made an alert. */
static bool succeed(struct scratch *s, int64_t id, const uint8_t key[static KIND_KEY_SIZE],
                    int64_t now)
{
    struct finding_change success = FINDING_UNCHANGED;
    struct finding finding;
    bool told;

    success.severity = BYTES("high");
    success.outcome = BYTES("success");
    ok(s, store_begin(s->store, &s->error));
    ok(s, findings_change(s->store, id, &success, &s->error));
    ok(s, findings_get(s->store, id, &finding, &s->error));
    ok(s, alerts_note_again(s->store, &finding, key, now, FOLD, &told, &s->error));
    ok(s, store_commit(s->store, &s->error));
    return told;
}

static void every_member_alone(void **state)
{
    struct scratch *s = *state;
    struct finding finding = plain(source_id(s, "group"), 1, "low"), out;
    struct finding_change one = FINDING_UNCHANGED;
    bool known;

    finding.marks = BYTES("late");
    finding.outcome = BYTES("unknown");
    finding.user = BYTES("");
    ok(s, store_begin(s->store, &s->error));
    ok(s, findings_add(s->store, &finding, &known, &s->error));
    ok(s, store_commit(s->store, &s->error));

    /* Nothing at all. */
    change(s, finding.id, one);
    ok(s, findings_get(s->store, finding.id, &out, &s->error));
    same_text(out.marks, "late");
    same_text(out.kind, NULL);
    same_text(out.severity, "low");
    same_text(out.outcome, "unknown");
    same_text(out.reason, NULL);
    same_text(out.tls, NULL);
    assert_true(out.code == FINDING_NONE);
    same_text(out.user, "");
    same_text(out.database, NULL);
    same_text(out.true_client, NULL);

    /* One after the other; what was there before stays. */
#define ONE(member, value)                                                                         \
    do {                                                                                           \
        one = FINDING_UNCHANGED;                                                                   \
        one.member = value;                                                                        \
        change(s, finding.id, one);                                                                \
    } while (0)
    ONE(marks, BYTES("late forged"));
    ONE(kind, BYTES("connection"));
    ONE(severity, BYTES("high"));
    ONE(outcome, BYTES("failure"));
    ONE(reason, BYTES("wrong password"));
    ONE(tls, BYTES("no"));
    ONE(code, 0);
    ONE(user, BYTES("a"));
    ONE(database, BYTES(""));
    ONE(true_client, BYTES("203.0.113.9"));
#undef ONE
    ok(s, findings_get(s->store, finding.id, &out, &s->error));
    same_text(out.marks, "late forged");
    same_text(out.kind, "connection");
    same_text(out.severity, "high");
    same_text(out.outcome, "failure");
    same_text(out.reason, "wrong password");
    same_text(out.tls, "no");
    assert_int_equal(out.code, 0);
    same_text(out.user, "a");
    same_text(out.database, "");
    same_text(out.true_client, "203.0.113.9");
    same_text(out.message, "a row");
}

static void refusals(void **state)
{
    struct scratch *s = *state;
    struct finding finding = stored(s, 1, "low");
    struct finding_change none = FINDING_UNCHANGED;
    bool told;

    refused(s, findings_change(s->store, finding.id, &none, &s->error), STORE_FAILED);
    refused(s, alerts_note_again(s->store, &finding, key_a, 0, FOLD, &told, &s->error),
            STORE_FAILED);
    ok(s, store_begin(s->store, &s->error));
    refused(s, findings_change(s->store, 99, &none, &s->error), STORE_FAILED);
    finding.id = 99;
    refused(s, alerts_note_again(s->store, &finding, key_a, 0, FOLD, &told, &s->error),
            STORE_FAILED);
    ok(s, store_commit(s->store, &s->error));
}

/* The alert of a finding that is waiting becomes more severe with it, and never less. */
static void severity_of_a_waiting_alert(void **state)
{
    struct scratch *s = *state;
    struct finding_change severity = FINDING_UNCHANGED;

    assert_true(note(s, 1, "medium", key_a, 0));
    assert_false(note(s, 2, "low", key_a, 0));
    assert_true(note(s, 3, "high", key_b, 0));
    assert_false(note(s, 4, "low", key_b, 0));
    severity.severity = BYTES("critical");
    change(s, 1, severity);
    severity.severity = BYTES("low");
    change(s, 3, severity);
    /* Rank and word: it is now the first in the queue. */
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "critical", 1, "1 ");
    expect_alert(s, ALERT_FIRST, id_of("", 3, ""), "high", 1, "3 ");
    /* What is held counts when the digest is made, and what a digest holds raises it. */
    severity.severity = BYTES("medium");
    change(s, 2, severity);
    assert_int_equal(fold(s, FOLD), 2 * FOLD);
    severity.severity = BYTES("high");
    change(s, 4, severity);
    /* One that was sent stays as it went. */
    change(s, 1, severity);
    expect_alert(s, ALERT_DIGEST, id_of("", 3, ".1"), "high", 1, "4 ");
    expect_alert(s, ALERT_DIGEST, id_of("", 1, ".1"), "medium", 1, "2 ");
    expect_none(s);
}

/* Only what nobody was told, or will be, and only of the kind that is asked for. */
static void withdrawing(void **state)
{
    struct scratch *s = *state;
    struct finding_change fragment = FINDING_UNCHANGED;
    bool gone;

    assert_true(note(s, 1, "low", key_a, 0));
    assert_false(note(s, 2, "low", key_a, 0));
    (void)stored(s, 3, "low");
    (void)stored(s, 4, "low");
    fragment.kind = BYTES("fragment");
    for (int64_t id = 1; id < 4; id++) {
        change(s, id, fragment);
    }
    ok(s, store_begin(s->store, &s->error));
    for (int64_t id = 1; id < 6; id++) {
        ok(s, findings_withdraw(s->store, id, fragment.kind, &gone, &s->error));
        assert_int_equal(gone, id == 3);
    }
    ok(s, store_commit(s->store, &s->error));
    refused(s, findings_withdraw(s->store, 4, fragment.kind, &gone, &s->error), STORE_FAILED);
}

static void expect_row(struct scratch *s, int64_t id, const char *expected)
{
    int64_t ids[8];
    size_t count, len = 0;
    char text[100] = "";

    ok(s, findings_of_row(s->store, id, ids, 8, &count, &s->error));
    for (size_t i = 0; i < count; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%lld ", (long long)ids[i]);
    }
    assert_string_equal(text, expected);
}

static void findings_of_one_row(void **state)
{
    static const struct {
        const char *source, *event;
        int64_t line;
    } rows[] = {
        { "group", "e1", 1 }, { "group", "e1", 2 }, { "group", "e2", 1 }, { "other", "e1", 1 },
        { "group", "e1", 1 }, { "group", "e1", 1 }, { "group", NULL, 1 }, { "group", NULL, 1 },
    };
    struct scratch *s = *state;
    int64_t ids[2] = { 0, -7 };
    size_t count;
    bool known;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct finding finding = plain(source_id(s, rows[i].source), (int)i, "low");

        if (rows[i].event) {
            finding.event_id = words(rows[i].event);
        }
        finding.line = rows[i].line;
        ok(s, store_begin(s->store, &s->error));
        ok(s, findings_add(s->store, &finding, &known, &s->error));
        ok(s, store_commit(s->store, &s->error));
    }
    expect_row(s, 1, "1 5 6 ");
    expect_row(s, 5, "1 5 6 ");
    expect_row(s, 2, "2 ");
    expect_row(s, 3, "3 ");
    expect_row(s, 4, "4 ");
    expect_row(s, 7, "7 ");
    expect_row(s, 99, "");
    ok(s, findings_of_row(s->store, 6, ids, 1, &count, &s->error));
    assert_int_equal(count, 1);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ids[1], -7);
}

static int64_t of_connection(struct scratch *s, const char *source, int64_t connection,
                             const char *host, int64_t port, int64_t since, int64_t until)
{
    int64_t id = -7;

    ok(s, findings_of_connection(s->store, source_id(s, source), words("outside"), connection,
                                 words(host), port, since, until, &id, &s->error));
    return id;
}

static void finding_of_a_connection(void **state)
{
    static const struct {
        int64_t connection, event_time;
        const char *host;
        int64_t port;
    } rows[] = {
        { 7, 100, "203.0.113.9", 5000 }, { 7, 200, "203.0.113.9", 5000 },
        { 7, 200, "203.0.113.9", 5000 }, { 7, 300, "203.0.113.9", FINDING_NONE },
        { 7, 300, "203.0.113.8", 5000 }, { 8, 300, "203.0.113.9", 5000 },
        { 7, 150, "203.0.113.9", 5000 },
    };
    struct scratch *s = *state;
    bool known;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct finding finding = plain(source_id(s, "group"), (int)i, "low");

        finding.connection_id = rows[i].connection;
        finding.event_time = rows[i].event_time;
        finding.host = words(rows[i].host);
        finding.port = rows[i].port;
        ok(s, store_begin(s->store, &s->error));
        ok(s, findings_add(s->store, &finding, &known, &s->error));
        ok(s, store_commit(s->store, &s->error));
    }
    assert_int_equal(of_connection(s, "group", 7, "203.0.113.9", 5000, 0, 1000), 3);
    assert_int_equal(of_connection(s, "group", 7, "203.0.113.9", 5000, 0, 199), 7);
    assert_int_equal(of_connection(s, "group", 7, "203.0.113.9", 5000, 0, 100), 1);
    assert_int_equal(of_connection(s, "group", 7, "203.0.113.9", 5000, 200, 200), 3);
    assert_int_equal(of_connection(s, "group", 7, "203.0.113.9", 5000, 201, 1000), 0);
    assert_int_equal(of_connection(s, "group", 7, "203.0.113.9", FINDING_NONE, 0, 1000), 4);
    assert_int_equal(of_connection(s, "group", 7, "203.0.113.8", 5000, 0, 1000), 5);
    assert_int_equal(of_connection(s, "group", 8, "203.0.113.9", 5000, 0, 1000), 6);
    assert_int_equal(of_connection(s, "group", 9, "203.0.113.9", 5000, 0, 1000), 0);
    assert_int_equal(of_connection(s, "other", 7, "203.0.113.9", 5000, 0, 1000), 0);
}

/* Folded as an attempt, known to have succeeded before the digest was due: it leaves. */
static void held_leaves(void **state)
{
    struct scratch *s = *state;

    assert_true(note(s, 1, "medium", key_a, 0));
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "medium", 1, "1 ");
    assert_false(note(s, 2, "medium", key_a, 1));
    assert_false(note(s, 3, "medium", key_a, 2));
    assert_false(note(s, 4, "medium", key_a, 3));
    assert_true(succeed(s, 2, key_b, 4));
    assert_false(succeed(s, 3, key_b, 5)); /* folded into the new kind */
    assert_int_equal(kinds(s), 2);
    expect_alert(s, ALERT_FIRST, id_of("", 2, ""), "high", 1, "2 ");
    expect_none(s);
    assert_int_equal(fold(s, FOLD), 4 + FOLD);
    expect_alert(s, ALERT_DIGEST, id_of("", 1, ".1"), "medium", 1, "4 ");
    expect_none(s);
    assert_int_equal(fold(s, 4 + FOLD), 2 * FOLD);
    expect_alert(s, ALERT_DIGEST, id_of("", 2, ".1"), "high", 1, "3 ");
    expect_none(s);
}

/* The kind they left has nothing left to tell; what was folded counts all the same. */
static void kind_left_empty(void **state)
{
    struct scratch *s = *state;

    assert_true(note(s, 0, "low", key_a, 0));
    expect_alert(s, ALERT_FIRST, id_of("", 0, ""), "low", 1, "0 ");
    for (int i = 1; i < 10; i++) {
        assert_false(note(s, i, "low", key_a, 1));
    }
    assert_true(succeed(s, 2, key_b, 2)); /* number 1 */
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "high", 1, "1 ");
    assert_false(note(s, 10, "low", key_a, 3)); /* the tenth */
    expect_alert(s, ALERT_DIGEST, id_of("", 0, ".1"), "low", 9, "2 3 4 5 6 7 8 9 10 ");
    assert_false(note(s, 11, "low", key_a, 4));
    assert_false(succeed(s, 12, key_b, 5));
    assert_int_equal(fold(s, FOLD), 2 + FOLD);
    assert_int_equal(kinds(s), 1);
    expect_none(s);
    assert_int_equal(fold(s, 2 + FOLD), 2 + 2 * FOLD);
    expect_alert(s, ALERT_DIGEST, id_of("", 1, ".1"), "high", 1, "11 ");
}

/* Held where it belongs anyway. */
static void same_kind(void **state)
{
    struct scratch *s = *state;

    assert_true(note(s, 1, "low", key_a, 0));
    assert_false(note(s, 2, "low", key_a, 0));
    assert_false(succeed(s, 2, key_a, 1));
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "low", 1, "1 ");
    expect_none(s);
    /* That was nothing, so it may still change. */
    assert_true(succeed(s, 2, key_b, 2));
    expect_alert(s, ALERT_FIRST, id_of("", 2, ""), "high", 1, "2 ");
    expect_none(s);
}

/* Its own alert waits, so that one tells the success, and is the first of that kind: the two kinds
 * have digests of their own. */
static void own_alert_waits(void **state)
{
    struct scratch *s = *state;

    assert_true(note(s, 1, "medium", key_a, 0));
    assert_false(succeed(s, 1, key_b, 1));
    assert_int_equal(kinds(s), 2);
    assert_false(note(s, 2, "high", key_b, 2));
    assert_false(note(s, 3, "low", key_a, 2));
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "high", 1, "1 ");
    expect_none(s);
    (void)fold(s, 1 + FOLD);
    expect_alert(s, ALERT_DIGEST, id_of("", 1, ".c.1"), "high", 1, "2 ");
    expect_alert(s, ALERT_DIGEST, id_of("", 1, ".1"), "low", 1, "3 ");
    expect_none(s);
    /* When all is over and sent, the same change is not told again. */
    (void)fold(s, 9 * FOLD);
    assert_int_equal(kinds(s), 0);
    assert_false(succeed(s, 1, key_b, 10 * FOLD));
    assert_int_equal(kinds(s), 0);
    expect_none(s);
}

/* A digest, or the alert of a window, that waits will list it as it is now. */
static void digest_waits(void **state)
{
    struct scratch *s = *state;
    int64_t source = source_id(s, "group");
    bool made;

    assert_true(note(s, 1, "low", key_a, 0));
    assert_false(note(s, 2, "low", key_a, 0));
    (void)fold(s, FOLD);
    (void)stored(s, 3, "low");
    ok(s, alerts_window(s->store, &source, 1, 1003, 1004, 5, &made, &s->error));
    assert_true(made);
    assert_false(succeed(s, 2, key_b, FOLD));
    assert_false(succeed(s, 3, key_c, FOLD));
    assert_int_equal(kinds(s), 1);
    expect_alert(s, ALERT_WINDOW, id_of("w.", 3, ".1"), "high", 1, "3 ");
    expect_alert(s, ALERT_DIGEST, id_of("", 1, ".1"), "high", 1, "2 ");
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "low", 1, "1 ");
    expect_none(s);
}

static void told_before(void **state)
{
    struct scratch *s = *state;
    struct alerts_state alerts;
    struct finding finding;
    int64_t deleted;

    assert_true(note(s, 1, "medium", key_a, 0));
    assert_true(note(s, 2, "medium", key_b, 0));
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "medium", 1, "1 ");
    expect_alert(s, ALERT_FIRST, id_of("", 2, ""), "medium", 1, "2 ");
    assert_true(succeed(s, 1, key_c, 1));
    assert_false(succeed(s, 2, key_c, 2)); /* of a kind that was just told */
    assert_int_equal(kinds(s), 3);
    /* While it waits, what it tells is kept, and so is the first of an open kind. */
    ok(s, findings_prune(s->store, 100000, 100, &deleted, &s->error));
    assert_int_equal(deleted, 0);
    (void)fold(s, FOLD);
    ok(s, findings_prune(s->store, 100000, 100, &deleted, &s->error));
    assert_int_equal(deleted, 1);
    expect_alert(s, ALERT_CHANGED, id_of("", 1, ".c"), "high", 1, "1 ");
    expect_none(s);
    ok(s, findings_get(s->store, 1, &finding, &s->error));
    same_text(finding.outcome, "success");

    /* Once only, even when nothing is open any more. */
    assert_false(succeed(s, 1, key_c, 1));
    (void)fold(s, 10 * FOLD);
    assert_int_equal(kinds(s), 0);
    assert_false(succeed(s, 1, key_c, 10 * FOLD));
    assert_int_equal(kinds(s), 0);
    expect_none(s);

    /* Then everything may go. */
    ok(s, findings_prune(s->store, 100000, 100, &deleted, &s->error));
    assert_int_equal(deleted, 1);
    ok(s, alerts_state(s->store, &alerts, &s->error));
    assert_int_equal(alerts.sent + alerts.waiting, 0);
}

/* Both kinds of one finding have something folded, and their digests are told apart. */
static void digests_of_both_kinds(void **state)
{
    struct scratch *s = *state;

    assert_true(note(s, 1, "low", key_a, 0));
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "low", 1, "1 ");
    assert_true(succeed(s, 1, key_b, 1));
    expect_alert(s, ALERT_CHANGED, id_of("", 1, ".c"), "high", 1, "1 ");
    for (int round = 1; round < 3; round++) {
        char low[16], high[16], told[2][16];

        assert_false(note(s, 10 * round, "low", key_a, (round - 1) * FOLD + 5));
        assert_false(note(s, 10 * round + 1, "high", key_b, (round - 1) * FOLD + 5));
        (void)fold(s, round * FOLD + round);
        (void)snprintf(low, sizeof low, ".%d", round);
        (void)snprintf(high, sizeof high, ".c.%d", round);
        (void)snprintf(told[0], sizeof told[0], "%d ", 10 * round);
        (void)snprintf(told[1], sizeof told[1], "%d ", 10 * round + 1);
        expect_alert(s, ALERT_DIGEST, id_of("", 1, high), "high", 1, told[1]);
        expect_alert(s, ALERT_DIGEST, id_of("", 1, low), "low", 1, told[0]);
        expect_none(s);
    }
}

/* Its new kind's time is over: with something folded it is still open, else it is opened anew. */
static void new_kind_is_over(void **state)
{
    struct scratch *s = *state;

    assert_true(note(s, 1, "low", key_a, 0));
    assert_true(note(s, 2, "low", key_b, 0));
    assert_true(note(s, 3, "low", key_c, 0));
    assert_false(note(s, 4, "low", key_c, 0));
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "low", 1, "1 ");
    expect_alert(s, ALERT_FIRST, id_of("", 2, ""), "low", 1, "2 ");
    expect_alert(s, ALERT_FIRST, id_of("", 3, ""), "low", 1, "3 ");
    assert_true(succeed(s, 1, key_b, 2 * FOLD));
    expect_alert(s, ALERT_CHANGED, id_of("", 1, ".c"), "high", 1, "1 ");
    assert_false(succeed(s, 2, key_c, 2 * FOLD));
    expect_none(s);
}

/* Being sent, its text was made before the change was known. */
static void alert_in_flight(void **state)
{
    struct scratch *s = *state;
    struct alert alert;
    bool found;

    assert_true(note(s, 1, "medium", key_a, 0));
    ok(s, alerts_next(s->store, 1, &alert, &found, &s->error));
    ok(s, alerts_trying(s->store, alert.row, &s->error));
    assert_true(succeed(s, 1, key_b, 1));
    ok(s, alerts_failed(s->store, alert.row, 2, true, "no answer", &s->error));
    /* Sent again after all: as severe as the finding, with the id it had. */
    ok(s, alerts_next(s->store, 2, &alert, &found, &s->error));
    assert_true(found);
    assert_string_equal(alert.id, id_of("", 1, ""));
    ok(s, alerts_sent(s->store, alert.row, 3, NULL, &s->error));
    expect_alert(s, ALERT_CHANGED, id_of("", 1, ".c"), "high", 1, "1 ");
    expect_none(s);
}

/* A change that waits in a storm is told by the summary, with what it tells. */
static void summary_of_changes(void **state)
{
    struct scratch *s = *state;
    bool made;

    for (int i = 1; i < 4; i++) {
        uint8_t key[KIND_KEY_SIZE] = { 1, (uint8_t)i };

        assert_true(note(s, i, "low", key, 0));
        expect_alert(s, ALERT_FIRST, id_of("", i, ""), "low", 1,
                     i == 1 ? "1 " : (i == 2 ? "2 " : "3 "));
    }
    for (int i = 1; i < 4; i++) {
        uint8_t key[KIND_KEY_SIZE] = { 2, (uint8_t)i };

        assert_true(succeed(s, i, key, 1));
    }
    ok(s, alerts_summarise(s->store, 1, NULL, 2, &made, &s->error));
    assert_true(made);
    expect_alert(s, ALERT_SUMMARY, id_of("", 1, ".s6"), "high", 3, "1 2 3 ");
    expect_none(s);
    (void)fold(s, 9 * FOLD);
    assert_false(succeed(s, 1, key_a, 10 * FOLD));
    expect_none(s);
}

static void quiet_and_not_noted(void **state)
{
    struct scratch *s = *state;
    struct finding quiet = plain(source_id(s, "group"), 1, "low");
    struct finding untold = stored(s, 2, "low");
    bool known;

    quiet.quiet = true;
    ok(s, store_begin(s->store, &s->error));
    ok(s, findings_add(s->store, &quiet, &known, &s->error));
    ok(s, store_commit(s->store, &s->error));
    assert_false(succeed(s, quiet.id, key_a, 0));
    assert_int_equal(kinds(s), 0);
    assert_true(succeed(s, untold.id, key_a, 0));
    expect_alert(s, ALERT_FIRST, id_of("", 2, ""), "high", 1, "2 ");
    expect_none(s);
}

static void rolled_back_is_undone(void **state)
{
    struct scratch *s = *state;
    struct finding finding;
    bool told;

    assert_true(note(s, 1, "low", key_a, 0));
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "low", 1, "1 ");
    ok(s, findings_get(s->store, 1, &finding, &s->error));
    ok(s, store_begin(s->store, &s->error));
    ok(s, alerts_note_again(s->store, &finding, key_b, 0, FOLD, &told, &s->error));
    assert_true(told);
    store_rollback(s->store);
    expect_none(s);
    assert_int_equal(kinds(s), 1);
    assert_true(succeed(s, 1, key_b, 0));
}

/* Where an alert tells more than its text lists, the gravest are listed. */
static void gravest_are_listed(void **state)
{
    struct scratch *s = *state;
    int64_t source = source_id(s, "group");
    struct findings_list *list;
    struct alert alert;
    struct finding out;
    bool made, found;

    for (int i = 1; i < 6; i++) {
        (void)stored(s, i, i == 4 ? "high" : "low");
    }
    ok(s, alerts_window(s->store, &source, 1, 0, INT64_MAX, 9, &made, &s->error));
    ok(s, alerts_next(s->store, 9, &alert, &found, &s->error));
    assert_true(made && found);
    list = alerts_findings(s->store, &alert, 2, &s->error);
    ok(s, list != NULL);
    assert_int_equal(findings_next(list, &out, &s->error), 1);
    assert_int_equal(out.event_time, 1001);
    assert_int_equal(findings_next(list, &out, &s->error), 1);
    assert_int_equal(out.event_time, 1004);
    assert_int_equal(findings_next(list, &out, &s->error), 0);
    findings_list_free(list);
}

int main(void)
{
#define CHANGE_TEST(test) cmocka_unit_test_setup_teardown(test, open_store, scratch_teardown)
    const struct CMUnitTest tests[] = {
        CHANGE_TEST(every_member_alone),
        CHANGE_TEST(refusals),
        CHANGE_TEST(severity_of_a_waiting_alert),
        CHANGE_TEST(withdrawing),
        CHANGE_TEST(findings_of_one_row),
        CHANGE_TEST(finding_of_a_connection),
        CHANGE_TEST(held_leaves),
        CHANGE_TEST(kind_left_empty),
        CHANGE_TEST(same_kind),
        CHANGE_TEST(own_alert_waits),
        CHANGE_TEST(digest_waits),
        CHANGE_TEST(told_before),
        CHANGE_TEST(digests_of_both_kinds),
        CHANGE_TEST(new_kind_is_over),
        CHANGE_TEST(alert_in_flight),
        CHANGE_TEST(summary_of_changes),
        CHANGE_TEST(quiet_and_not_noted),
        CHANGE_TEST(rolled_back_is_undone),
        CHANGE_TEST(gravest_are_listed),
    };
#undef CHANGE_TEST

    return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
