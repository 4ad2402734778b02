/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of kinds, digests, summaries and the outbox. */
#include "test_storage_alerts.h"

#include <signal.h>

static void first_at_once_then_a_digest(void **state)
{
    struct scratch *s = *state;
    struct finding finding;
    int64_t next;

    assert_true(fold(s, 0) == INT64_MAX);
    assert_true(note(s, 1, "medium", key_a, 100));
    assert_false(note(s, 2, "low", key_a, 200));
    assert_false(note(s, 3, "high", key_a, 300));
    assert_true(note(s, 4, "medium", key_b, 400));
    assert_int_equal(kinds(s), 2);
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "medium", 1, "1 ");
    expect_alert(s, ALERT_FIRST, id_of("", 4, ""), "medium", 1, "4 ");
    expect_none(s);
    ok(s, findings_get(s->store, 1, &finding, &s->error));
    assert_int_equal(finding.alert_sent_at, 77);

    assert_int_equal(fold(s, 1099), 1100);
    expect_none(s);
    /* Time over: one kind has something to tell and stays, the other had nothing and goes. */
    next = fold(s, 1400);
    assert_int_equal(next, 2400);
    assert_int_equal(kinds(s), 1);
    expect_alert(s, ALERT_DIGEST, id_of("", 1, ".1"), "high", 2, "2 3 ");
    expect_none(s);
    /* It stayed open, so the next is folded, and told by the next digest. */
    assert_false(note(s, 5, "low", key_a, 1500));
    assert_int_equal(fold(s, 2400), 3400);
    expect_alert(s, ALERT_DIGEST, id_of("", 1, ".2"), "low", 1, "5 ");
    assert_true(fold(s, 3400) == INT64_MAX);
    assert_int_equal(kinds(s), 0);
    assert_true(note(s, 6, "low", key_a, 3500));
    expect_alert(s, ALERT_FIRST, id_of("", 6, ""), "low", 1, "6 ");
}

static void round_numbers_make_a_digest(void **state)
{
    struct scratch *s = *state;

    assert_true(note(s, 0, "low", key_a, 0));
    expect_alert(s, ALERT_FIRST, id_of("", 0, ""), "low", 1, "0 ");
    for (int i = 1; i < 10; i++) {
        assert_false(note(s, i, "low", key_a, 1));
    }
    expect_none(s);
    assert_false(note(s, 10, "low", key_a, 1));
    expect_alert(s, ALERT_DIGEST, id_of("", 0, ".1"), "low", 10, "1 2 3 4 5 6 7 8 9 10 ");
    for (int i = 11; i < 100; i++) {
        assert_false(note(s, i, "low", key_a, 1));
    }
    expect_none(s);
    assert_false(note(s, 100, "low", key_a, 1));
    {
        struct alert alert;
        bool found;

        ok(s, alerts_next(s->store, 2, &alert, &found, &s->error));
        assert_true(found);
        assert_string_equal(alert.id, id_of("", 0, ".2"));
        assert_int_equal(alert.count, 90);
        ok(s, alerts_sent(s->store, alert.row, 2, NULL, &s->error));
    }
    /* When the time is over, the rest. */
    assert_false(note(s, 101, "low", key_a, 1));
    assert_int_equal(fold(s, FOLD), 2 * FOLD);
    expect_alert(s, ALERT_DIGEST, id_of("", 0, ".3"), "low", 1, "101 ");
}

static void clocks_that_jump(void **state)
{
    struct scratch *s = *state;
    struct alert alert;
    bool found;

    /* Opened by a clock that was far ahead: neither alert nor digest waits for that time. */
    assert_true(note(s, 1, "low", key_a, 1000000));
    assert_false(note(s, 2, "low", key_a, 1000000));
    ok(s, alerts_next(s->store, 5, &alert, &found, &s->error));
    assert_true(found);
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "low", 1, "1 ");
    assert_int_equal(fold(s, 5), 5 + FOLD);
    expect_alert(s, ALERT_DIGEST, id_of("", 1, ".1"), "low", 1, "2 ");

    /* After a long stop: the kind is over with nothing folded, so this one is told at once. */
    assert_true(note(s, 3, "low", key_a, 500000));
    expect_alert(s, ALERT_FIRST, id_of("", 3, ""), "low", 1, "3 ");
    /* With something folded the digest comes first, and takes the new one along. */
    assert_false(note(s, 4, "low", key_a, 500001));
    assert_false(note(s, 5, "low", key_a, 900000));
    assert_int_equal(fold(s, 900000), 900000 + FOLD);
    expect_alert(s, ALERT_DIGEST, id_of("", 3, ".1"), "low", 2, "4 5 ");
    /* The end itself is over. */
    assert_true(note(s, 6, "low", key_a, 900000 + FOLD));
    expect_alert(s, ALERT_FIRST, id_of("", 6, ""), "low", 1, "6 ");
}

/* Folding for no time must not fold for ever. */
static void no_fold(void **state)
{
    struct scratch *s = *state;
    int64_t next;

    assert_true(note(s, 1, "low", key_a, 5));
    assert_false(note(s, 2, "low", key_a, 5));
    ok(s, alerts_fold(s->store, 5, 0, &next, &s->error));
    assert_int_equal(next, 6);
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "low", 1, "1 ");
    expect_alert(s, ALERT_DIGEST, id_of("", 1, ".1"), "low", 1, "2 ");
}

static void noting_twice_changes_nothing(void **state)
{
    struct scratch *s = *state;
    struct finding first, folded, missing;
    bool told = true;

    assert_true(note(s, 1, "low", key_a, 0));
    assert_false(note(s, 2, "low", key_a, 0));
    ok(s, findings_get(s->store, 1, &first, &s->error));
    ok(s, store_begin(s->store, &s->error));
    ok(s, alerts_note(s->store, &first, key_b, 0, FOLD, &told, &s->error));
    assert_false(told);
    ok(s, findings_get(s->store, 2, &folded, &s->error));
    ok(s, alerts_note(s->store, &folded, key_b, 0, FOLD, &told, &s->error));
    assert_false(told);
    missing = folded;
    missing.id = 99;
    refused(s, alerts_note(s->store, &missing, key_b, 0, FOLD, &told, &s->error), STORE_FAILED);
    ok(s, store_commit(s->store, &s->error));
    assert_int_equal(kinds(s), 1);
    refused(s, alerts_note(s->store, &first, key_b, 0, FOLD, &told, &s->error), STORE_FAILED);
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "low", 1, "1 ");
    expect_none(s);
}

static void rolled_back_is_not_told(void **state)
{
    struct scratch *s = *state;
    struct finding finding = plain(source_id(s, "group"), 1, "low");
    bool known, told;

    ok(s, store_begin(s->store, &s->error));
    ok(s, findings_add(s->store, &finding, &known, &s->error));
    ok(s, alerts_note(s->store, &finding, key_a, 0, FOLD, &told, &s->error));
    assert_true(told);
    store_rollback(s->store);
    assert_int_equal(kinds(s), 0);
    expect_none(s);
    assert_true(note(s, 1, "low", key_a, 0));
}

static void window(void **state)
{
    struct scratch *s = *state;
    int64_t sources[3] = { source_id(s, "group"), source_id(s, "other"), 0 };
    struct finding finding;
    bool made, known;

    sources[2] = sources[0]; /* named twice, told once */
    ok(s, alerts_window(s->store, sources, 3, 0, INT64_MAX, 9, &made, &s->error));
    assert_false(made);
    (void)stored(s, 3, "low");
    (void)stored(s, 2, "medium");
    (void)stored(s, 9, "critical");             /* at the end of the window: not in it */
    assert_true(note(s, 4, "high", key_a, 0));  /* told */
    assert_false(note(s, 5, "high", key_a, 0)); /* held by a kind */
    finding = plain(sources[1], 1, "high");
    finding.event_time = 1002; /* as old as the oldest, but stored later */
    ok(s, store_begin(s->store, &s->error));
    ok(s, findings_add(s->store, &finding, &known, &s->error));
    finding = plain(sources[1], 7, "critical");
    finding.quiet = true;
    ok(s, findings_add(s->store, &finding, &known, &s->error));
    ok(s, store_commit(s->store, &s->error));

    ok(s, alerts_window(s->store, sources, 3, 1002, 1009, 9, &made, &s->error));
    assert_true(made);
    expect_alert(s, ALERT_FIRST, id_of("", 4, ""), "high", 1, "4 ");
    expect_alert(s, ALERT_WINDOW, id_of("w.", 2, ".3"), "high", 3, "2 2 3 ");
    expect_none(s);
    ok(s, alerts_window(s->store, sources, 3, 1002, 1009, 9, &made, &s->error));
    assert_false(made);
    ok(s, alerts_window(s->store, sources + 1, 1, 0, INT64_MAX, 9, &made, &s->error));
    assert_false(made);
    ok(s, alerts_window(s->store, sources, 1, 0, INT64_MAX, 9, &made, &s->error));
    assert_true(made);
    expect_alert(s, ALERT_WINDOW, id_of("w.", 9, ".1"), "critical", 1, "9 ");
    /* The oldest may be in the second source, and the gravest in the first. */
    (void)stored(s, 20, "medium");
    finding = plain(sources[1], 19, "low");
    ok(s, store_begin(s->store, &s->error));
    ok(s, findings_add(s->store, &finding, &known, &s->error));
    ok(s, store_commit(s->store, &s->error));
    ok(s, alerts_window(s->store, sources, 2, 0, INT64_MAX, 9, &made, &s->error));
    assert_true(made);
    expect_alert(s, ALERT_WINDOW, id_of("w.", 19, ".2"), "medium", 2, "19 20 ");
}

static void order_and_retries(void **state)
{
    struct scratch *s = *state;
    struct alerts_state st;
    struct alert alert;
    int64_t due, low;
    bool found;

    for (int i = 0; i < 4; i++) {
        uint8_t key[KIND_KEY_SIZE] = { (uint8_t)i };
        static const char *const severities[] = { "low", "high", "critical", "high" };

        assert_true(note(s, i, severities[i], key, 10 - i));
    }
    ok(s, alerts_next_due(s->store, &due, &s->error));
    assert_int_equal(due, 0);
    /* The gravest first, then the oldest, and that is number 3. */
    expect_alert(s, ALERT_FIRST, id_of("", 2, ""), "critical", 1, "2 ");
    expect_alert(s, ALERT_FIRST, id_of("", 3, ""), "high", 1, "3 ");
    ok(s, alerts_next(s->store, 20, &alert, &found, &s->error));
    assert_true(found);
    assert_string_equal(alert.id, id_of("", 1, ""));
    assert_int_equal(alert.attempts, 0);
    ok(s, alerts_failed(s->store, alert.row, 500, false, "the topic does not exist", &s->error));
    ok(s, alerts_next(s->store, 499, &alert, &found, &s->error));
    assert_true(found);
    assert_string_equal(alert.id, id_of("", 0, ""));
    low = alert.row;
    ok(s, alerts_sent(s->store, low, 30, NULL, &s->error));
    ok(s, alerts_next(s->store, 499, &alert, &found, &s->error));
    assert_false(found);
    ok(s, alerts_next_due(s->store, &due, &s->error));
    assert_int_equal(due, 500);
    ok(s, alerts_state(s->store, &st, &s->error));
    assert_int_equal(st.waiting, 1);
    assert_int_equal(st.sent, 3);
    assert_int_equal(st.oldest_waiting, 9);
    assert_string_equal(st.last_error, "the topic does not exist");
    ok(s, alerts_next(s->store, 500, &alert, &found, &s->error));
    assert_true(found);
    assert_int_equal(alert.attempts, 1);
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "high", 1, "1 ");
    ok(s, alerts_state(s->store, &st, &s->error));
    assert_int_equal(st.waiting, 0);
    assert_true(st.oldest_waiting == FINDING_NONE);
    assert_string_equal(st.last_error, "");
    refused(s, alerts_sent(s->store, low, 30, NULL, &s->error), STORE_FAILED);
    refused(s, alerts_failed(s->store, 99, 30, false, "x", &s->error), STORE_FAILED);
    refused(s, alerts_trying(s->store, low, &s->error), STORE_FAILED);
}

static void long_reason_is_cut(void **state)
{
    struct scratch *s = *state;
    struct alerts_state st;
    char why[1000];

    memset(why, 'w', sizeof why - 1);
    why[sizeof why - 1] = '\0';
    assert_true(note(s, 1, "low", key_a, 0));
    ok(s, alerts_failed(s->store, 1, 1, false, why, &s->error));
    ok(s, alerts_state(s->store, &st, &s->error));
    assert_int_equal(strlen(st.last_error), ALERT_ERROR_MAX - 1);
}

static void one_each(struct scratch *s, int from, int to, const char *severity)
{
    for (int i = from; i < to; i++) {
        uint8_t key[KIND_KEY_SIZE] = { (uint8_t)i, (uint8_t)severity[0] };

        assert_true(note(s, i, severity, key, i));
    }
}

static void storm_becomes_a_summary(void **state)
{
    struct scratch *s = *state;
    struct alerts_state st;
    bool made;

    one_each(s, 0, 5, "low");
    one_each(s, 5, 6, "medium");
    one_each(s, 6, 8, "high");
    ok(s, alerts_failed(s->store, 2, 101, false, "later", &s->error)); /* number 1: not due */
    ok(s, alerts_failed(s->store, 1, 100, false, "now", &s->error));   /* number 0: just due */
    ok(s, alerts_trying(s->store, 3, &s->error)); /* number 2: may have reached people */
    ok(s, alerts_summarise(s->store, 4, "high", 100, &made, &s->error));
    assert_false(made);
    ok(s, alerts_summarise(s->store, 3, "high", 100, &made, &s->error));
    assert_true(made);
    ok(s, alerts_summarise(s->store, 0, "low", 100, &made, &s->error));
    assert_false(made);
    ok(s, alerts_state(s->store, &st, &s->error));
    assert_int_equal(st.waiting, 5);
    assert_string_equal(st.last_error, "later");
    expect_alert(s, ALERT_FIRST, id_of("", 6, ""), "high", 1, "6 ");
    expect_alert(s, ALERT_FIRST, id_of("", 7, ""), "high", 1, "7 ");
    expect_alert(s, ALERT_SUMMARY, id_of("", 0, ".s6"), "medium", 4, "0 3 4 5 ");
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "low", 1, "1 ");
    expect_alert(s, ALERT_FIRST, id_of("", 2, ""), "low", 1, "2 ");
    expect_none(s);
}

/* A summary that waits is taken into the next; what certainly failed may be taken as well, what
 * perhaps arrived may not. */
static void summary_of_a_summary(void **state)
{
    struct scratch *s = *state;
    struct alert alert;
    bool made, found;

    one_each(s, 0, 3, "low");
    ok(s, alerts_summarise(s->store, 1, "critical", 100, &made, &s->error));
    assert_true(made);
    one_each(s, 3, 6, "low");
    ok(s, alerts_trying(s->store, 5, &s->error)); /* number 3 */
    ok(s, alerts_failed(s->store, 5, 0, false, "refused", &s->error));
    ok(s, alerts_trying(s->store, 6, &s->error)); /* number 4 */
    ok(s, alerts_failed(s->store, 6, 0, true, "no answer", &s->error));
    ok(s, alerts_summarise(s->store, 1, "critical", 100, &made, &s->error));
    assert_true(made);
    ok(s, alerts_next(s->store, 100, &alert, &found, &s->error));
    assert_true(found);
    assert_string_equal(alert.id, id_of("", 4, ""));
    ok(s, alerts_sent(s->store, alert.row, 100, NULL, &s->error));
    ok(s, alerts_next(s->store, 100, &alert, &found, &s->error));
    assert_true(found);
    assert_string_equal(alert.id, id_of("", 3, ".s7"));
    assert_int_equal(alert.count, 5);
    expect_told(s, &alert, "0 1 2 3 5 ");
    ok(s, alerts_sent(s->store, alert.row, 100, NULL, &s->error));
    expect_none(s);
}

/* What once may have arrived may have arrived for good: a later attempt that certainly failed says
 * nothing of the earlier one, be its answer lost or the process killed. */
static void what_may_have_arrived_keeps_its_id(void **state)
{
    struct scratch *s = *state;
    bool made;

    one_each(s, 0, 3, "low");
    ok(s, alerts_trying(s->store, 1, &s->error)); /* number 0 */
    ok(s, alerts_failed(s->store, 1, 0, true, "no answer", &s->error));
    ok(s, alerts_trying(s->store, 1, &s->error));
    ok(s, alerts_failed(s->store, 1, 0, false, "refused", &s->error));
    ok(s, alerts_trying(s->store, 2, &s->error)); /* number 1: killed before the answer */
    ok(s, alerts_trying(s->store, 2, &s->error));
    ok(s, alerts_failed(s->store, 2, 0, false, "refused", &s->error));
    ok(s, alerts_trying(s->store, 3, &s->error)); /* number 2: certainly failed, twice */
    ok(s, alerts_failed(s->store, 3, 0, false, "refused", &s->error));
    ok(s, alerts_trying(s->store, 3, &s->error));
    ok(s, alerts_failed(s->store, 3, 0, false, "refused", &s->error));
    ok(s, alerts_summarise(s->store, 1, "critical", 100, &made, &s->error));
    assert_false(made);
    ok(s, alerts_summarise(s->store, 0, "critical", 100, &made, &s->error));
    assert_true(made);
    expect_alert(s, ALERT_FIRST, id_of("", 0, ""), "low", 1, "0 ");
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "low", 1, "1 ");
    expect_alert(s, ALERT_SUMMARY, id_of("", 2, ".s3"), "low", 1, "2 ");
    expect_none(s);
}

/* The longest ids that can come about fit. */
static void ids_fit(void **state)
{
    (void)state;
    assert_true(2 + 2 * FINGERPRINT_SIZE + 2 + 19 < ALERT_ID_MAX);
}

/* Killed between the commit and the sending: the alert is there, with the id it had. */
static void outbox_outlives_the_process(void **state)
{
    struct scratch *s = *state;
    pid_t pid;

    store_close(s->store);
    s->store = NULL;
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct finding lost = { .id = 0 };
        bool known;

        s->store = store_open(s->path, STORE_WRITE, &s->error);
        if (!s->store || !note(s, 1, "low", key_a, 0) || note(s, 2, "low", key_a, 0)) {
            _exit(1);
        }
        lost = plain(source_id(s, "group"), 3, "low");
        if (!store_begin(s->store, &s->error) ||
            !findings_add(s->store, &lost, &known, &s->error)) {
            _exit(2);
        }
        (void)kill(getpid(), SIGKILL);
        _exit(3);
    }
    assert_int_equal(child_end(pid), 256 + SIGKILL);
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    assert_int_equal(kinds(s), 1);
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "low", 1, "1 ");
    expect_none(s);
    assert_false(note(s, 3, "low", key_a, 0));
    assert_int_equal(fold(s, FOLD), 2 * FOLD);
    expect_alert(s, ALERT_DIGEST, id_of("", 1, ".1"), "low", 2, "2 3 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_at_once_then_a_digest, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(round_numbers_make_a_digest, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(clocks_that_jump, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(no_fold, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(noting_twice_changes_nothing, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(rolled_back_is_not_told, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(window, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(order_and_retries, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(long_reason_is_cut, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(storm_becomes_a_summary, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(summary_of_a_summary, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(what_may_have_arrived_keeps_its_id, open_store,
                                        scratch_teardown),
        cmocka_unit_test(ids_fit),
        cmocka_unit_test_setup_teardown(outbox_outlives_the_process, open_store, scratch_teardown),
    };

    return cmocka_run_group_tests_name("alerts", tests, NULL, NULL);
}
