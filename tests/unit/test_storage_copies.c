/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of copies of alerts: each once, and without a trace on the alert's own way. */
#include "test_storage_alerts.h"

#include "storage/copies.h"

/* One alert of its own for each number from `first` to before `last`. */
static void one_each(struct scratch *s, int first, int last, const char *severity)
{
    for (int i = first; i < last; i++) {
        uint8_t key[KIND_KEY_SIZE] = { 'k', (uint8_t)i };

        assert_true(note(s, i, severity, key, i));
    }
}

/* The row of the next copy, 0 if there is none; checks the number of the finding. */
static int64_t next_copy(struct scratch *s, int64_t now, int number)
{
    struct alert alert;
    bool found;

    ok(s, copies_next(s->store, now, &alert, &found, &s->error));
    if (found) {
        assert_string_equal(alert.id, id_of("", number, ""));
    }
    return found ? alert.row : 0;
}

static void copy(struct scratch *s, int number)
{
    int64_t row = next_copy(s, 50, number);

    assert_true(row > 0);
    ok(s, copies_trying(s->store, row, &s->error));
    ok(s, copies_sent(s->store, row, 50, &s->error));
}

static void each_once(void **state)
{
    struct scratch *s = *state;

    one_each(s, 0, 2, "low");
    one_each(s, 2, 3, "high");
    copy(s, 2);
    copy(s, 0);
    copy(s, 1);
    assert_int_equal(next_copy(s, 50, -1), 0);
    /* The alerts themselves go their way as if nothing had been. */
    expect_alert(s, ALERT_FIRST, id_of("", 2, ""), "high", 1, "2 ");
    expect_alert(s, ALERT_FIRST, id_of("", 0, ""), "low", 1, "0 ");
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "low", 1, "1 ");
    expect_none(s);
}

static void what_was_sent_needs_no_copy(void **state)
{
    struct scratch *s = *state;

    one_each(s, 0, 1, "low");
    expect_alert(s, ALERT_FIRST, id_of("", 0, ""), "low", 1, "0 ");
    assert_int_equal(next_copy(s, 50, -1), 0);
    refused(s, copies_trying(s->store, 1, &s->error), STORE_FAILED);
    refused(s, copies_sent(s->store, 1, 50, &s->error), STORE_FAILED);
    refused(s, copies_failed(s->store, 1, 50, false, &s->error), STORE_FAILED);
}

static void failures_wait(void **state)
{
    struct scratch *s = *state;
    int64_t row;

    one_each(s, 0, 2, "low");
    /* The alert's own wait is not the copy's. */
    ok(s, alerts_failed(s->store, 1, 5000, false, "refused", &s->error));
    row = next_copy(s, 50, 0);
    ok(s, copies_trying(s->store, row, &s->error));
    ok(s, copies_failed(s->store, row, 200, false, &s->error));
    assert_int_equal(next_copy(s, 50, 1), 2);
    assert_int_equal(next_copy(s, 199, 1), 2);
    assert_int_equal(next_copy(s, 200, 0), 1);
    /* A time that lies too far ahead was set by a clock that has gone back. */
    ok(s, copies_failed(s->store, row, INT64_C(1) << 40, false, &s->error));
    assert_int_equal(next_copy(s, 50, 0), 1);
}

static int64_t summarise(struct scratch *s)
{
    struct alerts_state st;
    bool made;

    ok(s, alerts_summarise(s->store, 2, NULL, 100, &made, &s->error));
    ok(s, alerts_state(s->store, &st, &s->error));
    assert_int_equal(made, st.waiting != 7);
    return st.waiting;
}

/* Who has got the copies must not get them again in a summary, and the others need theirs. */
static void summaries_keep_copies_apart(void **state)
{
    struct scratch *s = *state;
    struct alert alert;
    bool found;

    one_each(s, 0, 7, "low");
    for (int i = 0; i < 4; i++) {
        copy(s, i);
    }
    assert_int_equal(summarise(s), 2);
    ok(s, copies_next(s->store, 100, &alert, &found, &s->error));
    assert_true(found);
    assert_int_equal(alert.count, 3);
    expect_told(s, &alert, "4 5 6 ");
    ok(s, copies_sent(s->store, alert.row, 100, &s->error));
    ok(s, copies_next(s->store, 100, &alert, &found, &s->error));
    assert_false(found);
    expect_alert(s, ALERT_SUMMARY, id_of("", 4, ".s7"), "low", 3, "4 5 6 ");
    expect_alert(s, ALERT_SUMMARY, id_of("", 0, ".s4"), "low", 4, "0 1 2 3 ");
    expect_none(s);
}

/* While it is not known what became of a copy, its alert keeps its id; and an attempt at the topic
 * does not take that away. */
static void a_copy_on_its_way_is_not_summarised(void **state)
{
    struct scratch *s = *state;

    one_each(s, 0, 7, "low");
    ok(s, copies_trying(s->store, 1, &s->error));
    ok(s, copies_trying(s->store, 2, &s->error));
    ok(s, copies_failed(s->store, 2, 0, true, &s->error)); /* its answer was lost */
    ok(s, copies_trying(s->store, 3, &s->error));
    ok(s, copies_failed(s->store, 3, 0, false, &s->error)); /* refused: it reached nobody */
    ok(s, alerts_trying(s->store, 1, &s->error));
    ok(s, alerts_failed(s->store, 1, 0, false, "refused", &s->error));
    ok(s, alerts_trying(s->store, 4, &s->error));
    ok(s, copies_trying(s->store, 4, &s->error));
    ok(s, copies_failed(s->store, 4, 0, false, &s->error));
    /* Four may take one's place: those of the rows 3, 5, 6 and 7. */
    assert_int_equal(summarise(s), 4);
    expect_alert(s, ALERT_FIRST, id_of("", 0, ""), "low", 1, "0 ");
    expect_alert(s, ALERT_FIRST, id_of("", 1, ""), "low", 1, "1 ");
    expect_alert(s, ALERT_FIRST, id_of("", 3, ""), "low", 1, "3 ");
    expect_alert(s, ALERT_SUMMARY, id_of("", 2, ".s7"), "low", 4, "2 4 5 6 ");
}

/* A finding that changes is told anew when its first alert may have reached anybody. */
static void a_copied_alert_counts_as_told(void **state)
{
    struct scratch *s = *state;
    struct finding finding;
    bool told;

    for (int copied = 0; copied <= 1; copied++) {
        uint8_t key[KIND_KEY_SIZE] = { 'c', (uint8_t)copied };
        one_each(s, copied, copied + 1, "low");
        if (copied) {
            copy(s, copied);
        }
        ok(s, findings_get(s->store, copied + 1, &finding, &s->error));
        ok(s, store_begin(s->store, &s->error));
        ok(s, alerts_note_again(s->store, &finding, key, 60, FOLD, &told, &s->error));
        ok(s, store_commit(s->store, &s->error));
        assert_int_equal(told, copied);
        expect_alert(s, ALERT_FIRST, id_of("", copied, ""), "low", !copied, copied ? "" : "0 ");
    }
    expect_alert(s, ALERT_CHANGED, id_of("", 1, ".c"), "low", 1, "1 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_once, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(what_was_sent_needs_no_copy, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(failures_wait, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(summaries_keep_copies_apart, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(a_copy_on_its_way_is_not_summarised, open_store,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(a_copied_alert_counts_as_told, open_store,
                                        scratch_teardown),
    };

    return cmocka_run_group_tests_name("copies", tests, NULL, NULL);
}
