/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds and alerts for the tests of storage/ that need some. */
#ifndef TAILGATE_TESTS_STORAGE_ALERTS_H
#define TAILGATE_TESTS_STORAGE_ALERTS_H

#include "test_storage_findings.h"

#include "storage/alerts.h"

static const int64_t FOLD = 1000;

static const uint8_t key_a[KIND_KEY_SIZE] = { 'a' }, key_b[KIND_KEY_SIZE] = { 'b' };

static inline int open_store(void **state)
{
    struct scratch *s;

    if (scratch_setup(state) != 0) {
        return -1;
    }
    s = *state;
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    return s->store ? 0 : -1;
}

/* Stores a finding without an alert. */
static inline struct finding stored(struct scratch *s, int number, const char *severity)
{
    struct finding finding = plain(source_id(s, "group"), number, severity);
    bool known;

    ok(s, store_begin(s->store, &s->error));
    ok(s, findings_add(s->store, &finding, &known, &s->error));
    ok(s, store_commit(s->store, &s->error));
    return finding;
}

/* Stores a finding and notes it, as a page does; gives whether it was told. */
static inline bool note(struct scratch *s, int number, const char *severity,
                        const uint8_t key[static KIND_KEY_SIZE], int64_t now)
{
    struct finding finding = plain(source_id(s, "group"), number, severity);
    bool known, told;

    ok(s, store_begin(s->store, &s->error));
    ok(s, findings_add(s->store, &finding, &known, &s->error));
    assert_false(known);
    ok(s, alerts_note(s->store, &finding, key, now, FOLD, &told, &s->error));
    ok(s, store_commit(s->store, &s->error));
    return told;
}

static inline int64_t fold(struct scratch *s, int64_t now)
{
    int64_t next;

    ok(s, alerts_fold(s->store, now, FOLD, &next, &s->error));
    return next;
}

static inline int64_t kinds(struct scratch *s)
{
    int64_t count;

    ok(s, kinds_open(s->store, &count, &s->error));
    return count;
}

/* The id the plain finding of a number gives to an alert. */
static inline const char *id_of(const char *before, int number, const char *after)
{
    static char id[ALERT_ID_MAX];

    (void)snprintf(id, sizeof id, "%s%08x%056d%s", before, (unsigned)number, 0, after);
    return id;
}

/* The numbers of the findings an alert tells. */
static inline void expect_told(struct scratch *s, const struct alert *alert, const char *expected)
{
    struct findings_list *list = alerts_findings(s->store, alert, 1000, &s->error);
    struct finding out;
    char text[4000] = "";
    size_t len = 0;
    int step;

    ok(s, list != NULL);
    while ((step = findings_next(list, &out, &s->error)) == 1) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%lld ",
                                (long long)out.event_time - 1000);
        assert_int_equal(out.alert_id.len, strlen(alert->id));
        assert_memory_equal(out.alert_id.data, alert->id, out.alert_id.len);
    }
    ok(s, step == 0);
    findings_list_free(list);
    assert_string_equal(text, expected);
}

/* Takes the next alert, checks it, and marks it sent. */
static inline void expect_alert(struct scratch *s, enum alert_form form, const char *id,
                                const char *severity, int64_t count, const char *told)
{
    struct alert alert;
    struct finding finding;
    bool found;

    ok(s, alerts_next(s->store, INT64_MAX, &alert, &found, &s->error));
    assert_true(found);
    assert_string_equal(alert.id, id);
    assert_int_equal(alert.form, form);
    assert_int_equal(alert.severity.len, strlen(severity));
    assert_memory_equal(alert.severity.data, severity, alert.severity.len);
    assert_int_equal(alert.count, count);
    ok(s, findings_get(s->store, alert.finding, &finding, &s->error));
    expect_told(s, &alert, told);
    ok(s, alerts_trying(s->store, alert.row, &s->error));
    ok(s, alerts_sent(s->store, alert.row, 77, "message", &s->error));
}

static inline void expect_none(struct scratch *s)
{
    struct alert alert;
    bool found;
    int64_t due;

    ok(s, alerts_next(s->store, INT64_MAX, &alert, &found, &s->error));
    assert_false(found);
    ok(s, alerts_next_due(s->store, &due, &s->error));
    assert_true(due == INT64_MAX);
}

#endif
