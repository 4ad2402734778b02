/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of notices: told once, at once and by themselves, and what people and programs read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/finding_output.h"
#include "agent/message.h"
#include "agent/notice.h"
#include "storage/coverage.h"

static struct store_error error;

static struct store *open_store(void)
{
    struct store *store = store_open(NULL, STORE_TEMPORARY, &error);

    assert_non_null(store);
    return store;
}

/* Adds a notice in a transaction of its own; whether it was known. */
static bool add(struct store *store, const struct notice *notice)
{
    bool known;

    assert_true(store_begin(store, &error));
    assert_true(notice_add(store, notice, &known, &error));
    assert_true(store_commit(store, &error));
    return known;
}

static int64_t waiting(struct store *store)
{
    struct alerts_state state;

    assert_true(alerts_state(store, &state, &error));
    return state.waiting;
}

static struct notice lost_at(int64_t time)
{
    return (struct notice){ .kind = NOTICE_STATE_LOST,
                            .severity = SEVERITY_HIGH,
                            .time = time,
                            .text = "The file was damaged \x1b." };
}

static struct origin origin_of(struct store *store, char *identity, char *account)
{
    static char region[] = "eu-west-1", group[] = "/aws/rds/g/audit";
    struct origin origin = {
        .identity = identity, .account = account, .region = region, .log_group = group
    };

    assert_true(coverage_source(store, identity, &origin.source, &error));
    return origin;
}

static void the_same_is_told_once(void **state)
{
    static char first[] = "arn:one", second[] = "arn:two", account[] = "123456789012";
    struct store *store = open_store();
    struct origin one = origin_of(store, first, account), two = origin_of(store, second, account);
    struct notice notice = lost_at(1000);

    (void)state;
    assert_false(add(store, &notice));
    assert_true(add(store, &notice));
    notice.text = "Other words for the same.";
    assert_true(add(store, &notice));
    assert_int_equal(waiting(store), 1);
    /* Each of these is another, and none is folded into the first. */
    notice.time = 1001;
    assert_false(add(store, &notice));
    notice.server = "db1";
    assert_false(add(store, &notice));
    notice.origin = &one;
    assert_false(add(store, &notice));
    notice.origin = &two;
    assert_false(add(store, &notice));
    notice.stream = "stream";
    assert_false(add(store, &notice));
    notice.server = NULL;
    assert_false(add(store, &notice));
    assert_true(add(store, &notice));
    assert_int_equal(waiting(store), 7);
    store_close(store);
}

/* A notice must not hold a place among the open kinds for long. */
static void no_kind_stays_open(void **state)
{
    struct store *store = open_store();
    struct notice notice = lost_at(1000);
    int64_t next, open;

    (void)state;
    assert_false(add(store, &notice));
    assert_true(alerts_fold(store, INT64_C(1) << 50, 3600000, &next, &error));
    assert_true(kinds_open(store, &open, &error));
    assert_int_equal(open, 0);
    assert_int_equal(waiting(store), 1);
    store_close(store);
}

static void make(struct store *store, enum alert_format format, struct message *message)
{
    struct alert alert;
    bool found;

    assert_true(alerts_next(store, 0, &alert, &found, &error));
    assert_true(found);
    assert_int_equal(alert.form, ALERT_FIRST);
    assert_true(message_make(store, &alert, format, message, &error));
    assert_string_equal(alert.id, message->fingerprint);
}

static void says(const struct message *message, const char *text)
{
    if (!strstr(message->body, text)) {
        fail_msg("no \"%s\" in:\n%s", text, message->body);
    }
}

static void never_says(const struct message *message, const char *text)
{
    if (strstr(message->body, text)) {
        fail_msg("\"%s\" in:\n%s", text, message->body);
    }
}

static void text_for_people(void **state)
{
    struct store *store = open_store();
    struct notice notice = lost_at(1000);
    struct message message;

    (void)state;
    (void)add(store, &notice);
    make(store, ALERT_TEXT, &message);
    assert_string_equal(message.subject, "tailgate high: state was lost");
    says(&message, "The state of tailgate was lost\n\n  The file was damaged \\x1b.\n\n");
    says(&message, "time       1970-01-01T00:00:01Z\n");
    says(&message, "Why it matters\n");
    never_says(&message, "The row");
    never_says(&message, "digest");
    never_says(&message, "log group");
    never_says(&message, "console");
    assert_string_equal(message.rule, NOTICE_RULE);
    assert_string_equal(message.severity, "high");
    assert_string_equal(message.verdict, "");
    assert_string_equal(message.source, "");
    message_free(&message);
    store_close(store);
}

/* One that is about a server of a log group names both and leads to the console. */
static void text_about_a_server(void **state)
{
    static char identity[] = "arn:one", account[] = "123456789012";
    struct store *store = open_store();
    struct origin origin = origin_of(store, identity, account);
    struct notice notice = lost_at(1000);
    struct message message;

    (void)state;
    notice.origin = &origin;
    notice.server = "db1\n";
    notice.stream = "db1.0";
    (void)add(store, &notice);
    make(store, ALERT_TEXT, &message);
    assert_string_equal(message.subject, "tailgate high: state was lost, /aws/rds/g/audit");
    assert_string_equal(message.source, "/aws/rds/g/audit");
    says(&message, "server     db1\\x0a\n");
    says(&message, "log stream db1.0\n");
    says(&message, "$252Faudit/log-events$3Fstart"); /* the stream's name may stand for many */
    says(&message, "log group  /aws/rds/g/audit\n");
    says(&message, "account    123456789012, eu-west-1\n");
    says(&message, "https://eu-west-1.console.aws.amazon.com/");
    message_free(&message);
    store_close(store);
}

static void ocsf(void **state)
{
    struct store *store = open_store();
    struct notice notice = lost_at(1000);
    struct json_object *document, *info, *value;
    struct message message;

    (void)state;
    (void)add(store, &notice);
    make(store, ALERT_OCSF, &message);
    document = json_tokener_parse(message.body);
    assert_non_null(document);
    assert_true(json_object_object_get_ex(document, "finding_info", &info));
    assert_true(json_object_object_get_ex(info, "title", &value));
    assert_string_equal(json_object_get_string(value), "The state of tailgate was lost");
    assert_true(json_object_object_get_ex(info, "desc", &value));
    assert_string_equal(json_object_get_string(value), "The file was damaged \x1b.");
    assert_true(json_object_object_get_ex(info, "types", &value));
    assert_string_equal(json_object_get_string(value), "[ \"state-lost\" ]");
    json_object_put(document);
    message_free(&message);
    store_close(store);
}

static void listed(void **state)
{
    struct store *store = open_store();
    struct notice notice = lost_at(1000);
    struct findings_list *list;
    struct finding finding;
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    (void)state;
    (void)add(store, &notice);
    list = findings_list(store, &(struct findings_query){ .rule = NOTICE_RULE }, &error);
    assert_non_null(list);
    assert_int_equal(findings_next(list, &finding, &error), 1);
    assert_string_equal(notice_words(&finding)->kind, "state-lost");
    finding.alert_id = (struct store_bytes){ NULL, 0 };
    finding_write(out, &finding, true, false);
    findings_list_free(list);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, "1970-01-01T00:00:01Z  high  -  state-lost  The file was damaged "
                              "\\x1b.  rule tailgate\n");
    free(text);
    store_close(store);
}

/* A finding of a rule of the user's is no notice, whatever its kind is called. */
static void what_is_no_notice(void **state)
{
    struct finding finding = { .rule = { "mine", 4 }, .kind = { "state-lost", 10 } };

    (void)state;
    assert_null(notice_words(&finding));
    finding.rule = (struct store_bytes){ NOTICE_RULE, strlen(NOTICE_RULE) };
    assert_non_null(notice_words(&finding));
    finding.kind = (struct store_bytes){ "connection", 10 };
    assert_null(notice_words(&finding));
}

static void a_long_text_is_cut(void **state)
{
    struct store *store = open_store();
    struct notice notice = lost_at(1000);
    struct finding finding;
    char *text = malloc(NOTICE_TEXT_MAX + 100);

    (void)state;
    assert_non_null(text);
    memset(text, 'x', NOTICE_TEXT_MAX + 99);
    text[NOTICE_TEXT_MAX + 99] = '\0';
    notice.text = text;
    (void)add(store, &notice);
    assert_true(findings_get(store, 1, &finding, &error));
    assert_int_equal(finding.message.len, NOTICE_TEXT_MAX);
    free(text);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_is_told_once),
        cmocka_unit_test(no_kind_stays_open),
        cmocka_unit_test(text_for_people),
        cmocka_unit_test(text_about_a_server),
        cmocka_unit_test(ocsf),
        cmocka_unit_test(listed),
        cmocka_unit_test(what_is_no_notice),
        cmocka_unit_test(a_long_text_is_cut),
    };

    return cmocka_run_group_tests_name("notice", tests, NULL, NULL);
}
