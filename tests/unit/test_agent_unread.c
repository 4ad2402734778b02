/* SPDX-License-Identifier: Apache-2.0 */
/* Telling of log groups that cannot be read: once, after a time, over restarts, and few notices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/notice.h"
#include "agent/unread.h"
#include "storage/coverage.h"

#define MINUTE INT64_C(60000)
#define START  INT64_C(1795356000000)
#define GROUPS 12

static struct store_error error;

/* Some log groups of one store, and the clock. */
struct groups {
    struct store *store;
    struct origin origins[GROUPS];
    struct unread unread[GROUPS];
    struct unread *list[GROUPS];
    char names[GROUPS][16];
    size_t count;
    int64_t now;
};

/* As after a start: what is remembered comes from the store. */
static void begin(struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        unread_end(&groups->unread[i]);
        assert_true(unread_begin(&groups->unread[i], groups->store, &groups->origins[i], &error));
        groups->list[i] = &groups->unread[i];
    }
}

static void open_groups(struct groups *groups, size_t count)
{
    static char region[] = "eu-west-1", account[] = "";

    *groups = (struct groups){ .store = store_open(NULL, STORE_TEMPORARY, &error),
                               .count = count,
                               .now = START };
    assert_non_null(groups->store);
    for (size_t i = 0; i < count; i++) {
        struct origin *origin = &groups->origins[i];
        (void)snprintf(groups->names[i], sizeof groups->names[i], "/group/%zu", i);
        *origin = (struct origin){ .identity = groups->names[i],
                                   .account = account,
                                   .region = region,
                                   .log_group = groups->names[i] };
        assert_true(coverage_source(groups->store, origin->identity, &origin->source, &error));
    }
    begin(groups);
}

static void close_groups(struct groups *groups)
{
    for (size_t i = 0; i < groups->count; i++) {
        unread_end(&groups->unread[i]);
    }
    store_close(groups->store);
}

static void fail_one(struct groups *groups, size_t i, enum aws_problem problem)
{
    struct aws_error why = { .problem = problem, .text = "AWS does not allow it" };

    assert_true(unread_failed(&groups->unread[i], groups->store, &why, groups->now, &error));
}

static void fail_all(struct groups *groups, enum aws_problem problem)
{
    for (size_t i = 0; i < groups->count; i++) {
        fail_one(groups, i, problem);
    }
}

static void read_one(struct groups *groups, size_t i)
{
    assert_true(unread_was_read(&groups->unread[i], groups->store, &error));
}

/* Takes the notices that are in the store by now; the last one's severity and text are kept. */
static struct told {
    size_t count;
    char severity[16], kind[16], group[16], text[NOTICE_TEXT_MAX + 1];
} notices(struct groups *groups)
{
    struct findings_list *list;
    struct finding finding;
    struct told told = { .count = 0 };

    assert_true(unread_tell(groups->list, groups->count, groups->store, groups->now, &error));
    list = findings_list(groups->store, &(struct findings_query){ .rule = NOTICE_RULE }, &error);
    assert_non_null(list);
    while (findings_next(list, &finding, &error) == 1) {
        told.count++;
        (void)snprintf(told.severity, sizeof told.severity, "%.*s", (int)finding.severity.len,
                       finding.severity.data);
        (void)snprintf(told.kind, sizeof told.kind, "%.*s", (int)finding.kind.len,
                       finding.kind.data);
        (void)snprintf(told.group, sizeof told.group, "%.*s", (int)finding.log_group.len,
                       finding.log_group.data ? finding.log_group.data : "");
        (void)snprintf(told.text, sizeof told.text, "%.*s", (int)finding.message.len,
                       finding.message.data);
    }
    findings_list_free(list);
    return told;
}

static void one_is_told_once(void **state)
{
    struct groups groups;
    struct told told;
    int64_t since;

    (void)state;
    open_groups(&groups, 1);
    fail_one(&groups, 0, AWS_DENIED);
    assert_true(unread_since(groups.store, groups.origins[0].source, &since, &error));
    assert_int_equal(since, START);
    groups.now = START + 15 * MINUTE - 1;
    fail_one(&groups, 0, AWS_DENIED);
    assert_int_equal(notices(&groups).count, 0);
    groups.now = START + 15 * MINUTE;
    told = notices(&groups);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.severity, "high");
    assert_string_equal(told.kind, "unreadable");
    assert_string_equal(told.group, "/group/0");
    assert_non_null(strstr(told.text, "/group/0 in eu-west-1 could not be read since "
                                      "2026-11-22T14:00:00Z (15m). What failed last: AWS does not "
                                      "allow it."));
    groups.now += 600 * MINUTE;
    fail_one(&groups, 0, AWS_DENIED);
    assert_int_equal(notices(&groups).count, 1);
    read_one(&groups, 0);
    read_one(&groups, 0);
    told = notices(&groups);
    assert_int_equal(told.count, 2);
    assert_string_equal(told.severity, "low");
    assert_string_equal(told.kind, "readable");
    assert_non_null(strstr(told.text, "after it could not since 2026-11-22T14:00:00Z (10h 15m)"));
    assert_true(unread_since(groups.store, groups.origins[0].source, &since, &error));
    assert_int_equal(since, 0);
    assert_int_equal(notices(&groups).count, 2);
    /* And again only when it was good in between. */
    groups.now += MINUTE;
    fail_one(&groups, 0, AWS_DENIED);
    groups.now += 15 * MINUTE;
    assert_int_equal(notices(&groups).count, 3);
    close_groups(&groups);
}

static void what_passes_in_time_is_not_told(void **state)
{
    struct groups groups;

    (void)state;
    open_groups(&groups, 1);
    for (size_t i = 0; i < 5; i++) {
        fail_one(&groups, 0, i % 2 ? AWS_DENIED : AWS_UNAVAILABLE);
        groups.now += 14 * MINUTE;
        fail_one(&groups, 0, AWS_DENIED);
        assert_int_equal(notices(&groups).count, 0);
        read_one(&groups, 0);
        groups.now += 14 * MINUTE;
    }
    /* An outage is told, too, when it lasts. */
    fail_one(&groups, 0, AWS_UNAVAILABLE);
    groups.now += 15 * MINUTE;
    assert_int_equal(notices(&groups).count, 1);
    close_groups(&groups);
}

static void it_survives_a_restart(void **state)
{
    struct groups groups;
    struct told told;

    (void)state;
    open_groups(&groups, 1);
    fail_one(&groups, 0, AWS_NOT_FOUND);
    groups.now += 20 * MINUTE;
    begin(&groups);
    /* It may be readable by now: that is for an attempt to say. */
    assert_int_equal(notices(&groups).count, 0);
    fail_one(&groups, 0, AWS_NOT_FOUND);
    told = notices(&groups);
    assert_int_equal(told.count, 1);
    assert_non_null(strstr(told.text, "since 2026-11-22T14:00:00Z (20m)"));
    begin(&groups);
    groups.now += 20 * MINUTE;
    fail_one(&groups, 0, AWS_NOT_FOUND);
    assert_int_equal(notices(&groups).count, 1);
    begin(&groups);
    read_one(&groups, 0);
    told = notices(&groups);
    assert_int_equal(told.count, 2);
    assert_string_equal(told.kind, "readable");
    begin(&groups);
    read_one(&groups, 0);
    assert_int_equal(notices(&groups).count, 2);
    close_groups(&groups);
}

/* The network goes down with the machine, which is then off for an hour. */
static void being_off_is_no_trouble(void **state)
{
    struct groups groups;

    (void)state;
    open_groups(&groups, 1);
    fail_one(&groups, 0, AWS_UNAVAILABLE);
    groups.now += 60 * MINUTE;
    begin(&groups);
    fail_one(&groups, 0, AWS_UNAVAILABLE);
    assert_int_equal(notices(&groups).count, 0);
    close_groups(&groups);
}

static void many_are_told_together(void **state)
{
    struct groups groups;
    struct told told;

    (void)state;
    open_groups(&groups, GROUPS);
    for (size_t i = 0; i < GROUPS; i++) {
        groups.now = START + (int64_t)i * MINUTE / 4; /* polled one after the other */
        fail_one(&groups, i, AWS_DENIED);
    }
    groups.now = START + 15 * MINUTE;
    told = notices(&groups);
    assert_int_equal(told.count, 1);
    assert_string_equal(told.group, "");
    assert_non_null(strstr(told.text, "12 log groups could not be read, the longest since "
                                      "2026-11-22T14:00:00Z (15m)"));
    assert_non_null(strstr(told.text, "They are: /group/0 in eu-west-1, since "));
    assert_non_null(strstr(told.text, "; and 2 more"));
    groups.now += MINUTE;
    fail_all(&groups, AWS_DENIED);
    assert_int_equal(notices(&groups).count, 1);
    /* All but one come back, and wait for that one a little. */
    for (size_t i = 1; i < GROUPS; i++) {
        read_one(&groups, i);
    }
    assert_int_equal(notices(&groups).count, 1);
    read_one(&groups, 0);
    told = notices(&groups);
    assert_int_equal(told.count, 2);
    assert_non_null(strstr(told.text, "12 log groups can be read again"));
    close_groups(&groups);
}

static void a_few_are_told_each(void **state)
{
    struct groups groups;

    (void)state;
    open_groups(&groups, UNREAD_FEW);
    fail_all(&groups, AWS_DENIED);
    groups.now += 15 * MINUTE;
    assert_int_equal(notices(&groups).count, UNREAD_FEW);
    close_groups(&groups);
}

/* A service clock that was wrong, and goes back. */
static void a_beginning_ahead_is_none(void **state)
{
    struct groups groups;

    (void)state;
    open_groups(&groups, 1);
    groups.now = START + 600 * MINUTE;
    fail_one(&groups, 0, AWS_DENIED);
    groups.now = START;
    fail_one(&groups, 0, AWS_DENIED);
    groups.now = START + 15 * MINUTE;
    begin(&groups);
    fail_one(&groups, 0, AWS_DENIED);
    assert_int_equal(notices(&groups).count, 1);
    close_groups(&groups);
}

static void what_is_watched_no_more_is_forgotten(void **state)
{
    struct groups groups;
    int64_t since;

    (void)state;
    open_groups(&groups, 1);
    fail_one(&groups, 0, AWS_DENIED);
    assert_true(unread_forget(groups.store, groups.origins[0].source, &error));
    assert_true(unread_since(groups.store, groups.origins[0].source, &since, &error));
    assert_int_equal(since, 0);
    close_groups(&groups);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_told_once),
        cmocka_unit_test(what_passes_in_time_is_not_told),
        cmocka_unit_test(it_survives_a_restart),
        cmocka_unit_test(being_off_is_no_trouble),
        cmocka_unit_test(many_are_told_together),
        cmocka_unit_test(a_few_are_told_each),
        cmocka_unit_test(a_beginning_ahead_is_none),
        cmocka_unit_test(what_is_watched_no_more_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
