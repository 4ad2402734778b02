/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the text of alerts: what people are told of each kind of finding, and what programs get.
 */
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
#include "storage/coverage.h"

static const uint8_t key[KIND_KEY_SIZE] = { 1 };

/* One finding, as far as its text differs from that of others. */
struct told {
    int line;
    enum alert_form form;
    const char *kind, *operation, *verdict, *outcome;
    int64_t code;
    const char *reason, *marks, *user, *host, *tls, *true_client;
    int64_t connection;
    const char *subject;
    const char *says[6], *never[3];
};

static const struct told cases[] = {
#define CASE .line = __LINE__
    { CASE, .kind = "connection", .operation = "FAILED_CONNECT", .verdict = "outside",
      .outcome = "failure", .code = 1045, .user = "app", .host = "203.0.113.9", .connection = 7,
      .subject = "tailgate high: attempt app from 203.0.113.9, /aws/rds/g/audit",
      .says = { "A connection attempt from outside failed\n", ", connection 7\n",
                "failure (1045): wrong password", "can be reached from outside" },
      .never = { "encryption", "written by", "told of this before" } },
    { CASE, .kind = "connection", .operation = "FAILED_CONNECT", .verdict = "outside",
      .outcome = "failure", .code = 1049, .reason = "there is no such database", .user = "app",
      .host = "203.0.113.9", .connection = 7, .tls = "no",
      .subject = "tailgate high: attempt app from 203.0.113.9, /aws/rds/g/audit",
      .says = { "failure (1049): the password was RIGHT, but there is no such database\n",
                "working credentials", "encryption none: " } },
    { CASE, .kind = "connection", .operation = "CONNECT", .verdict = "outside",
      .outcome = "failure", .code = FINDING_NONE,
      .reason = FINDING_PASSWORD_RIGHT "there is no such database", .user = "app",
      .host = "203.0.113.9", .connection = FINDING_NONE, .tls = "TLSv1.3",
      .subject = "tailgate high: attempt app from 203.0.113.9, /aws/rds/g/audit",
      .says = { "failure: the password was RIGHT, but there is no such database\n",
                "working credentials", "what       CONNECT\n", "encryption TLSv1.3\n" },
      .never = { "RIGHT, but the password", ", connection" } },
    { CASE, .kind = "connection", .operation = "CONNECT", .verdict = "outside",
      .outcome = "unknown", .code = FINDING_NONE, .user = NULL, .host = "203.0.113.9",
      .connection = 7, .tls = "yes",
      .subject = "tailgate high: attempt (no user) from 203.0.113.9, /aws/rds/g/audit",
      .says = { "A connection attempt from outside, its outcome not in the log yet\n",
                "unknown: not in the log yet\n", "encryption TLS\n", "(no user name so far)" },
      .never = { "readable", "handshake" } },
    { CASE, .kind = "connection", .operation = "CONNECT", .verdict = "outside",
      .outcome = "unknown", .code = FINDING_NONE, .marks = "fragment", .user = "app",
      .host = "203.0.113.9", .connection = 7,
      .subject = "tailgate high: attempt app from 203.0.113.9, /aws/rds/g/audit",
      .says = { "its outcome not readable\n", "unknown: not readable in the row\n" },
      .never = { "in the log yet" } },
    { CASE, .form = ALERT_CHANGED, .kind = "connection", .operation = "CONNECT",
      .verdict = "outside", .outcome = "success", .code = FINDING_NONE, .reason = "", .user = "app",
      .host = "203.0.113.9", .connection = 7,
      .subject = "tailgate high: told before, now: login app from 203.0.113.9, /aws/rds/g/audit",
      .says = { "A connection from outside SUCCEEDED\nYou were told of this before",
                "outcome    success\n" } },
    { CASE, .kind = NULL, .operation = "CONNECT", .verdict = "outside", .outcome = "success",
      .code = 0, .marks = "repeated reused-id server-mismatch time-mismatch late", .user = "app",
      .host = "203.0.113.9", .connection = 7,
      .subject = "tailgate high: login app from 203.0.113.9, /aws/rds/g/audit",
      .says = { "A connection from outside SUCCEEDED\n",
                "marked     repeated: ", "marked     reused-id: ", "marked     server-mismatch: ",
                "marked     time-mismatch: ", "marked     late: " },
      .never = { "forged: " } },
    { CASE, .kind = "connection", .operation = "CHANGEUSER", .verdict = "outside",
      .outcome = "success", .code = 0, .user = "", .host = "203.0.113.9", .connection = 7,
      .subject = "tailgate high: change of user (no user) from 203.0.113.9, /aws/rds/g/audit",
      .says = { "CHANGEUSER (an open session changed its user), connection 7\n",
                "(the server does not write the new user)" },
      .never = { "handshake" } },
    { CASE, .kind = "connection", .operation = "CONNECT", .verdict = "outside",
      .outcome = "success", .code = 0, .marks = "repeated forged", .user = "app", .host = "8.8.4.4",
      .connection = 8, .true_client = "203.0.113.9\n",
      .subject = "tailgate high: a forged log row by 203.0.113.9?, /aws/rds/g/audit",
      .says = { "A row was forged\n", "written by 203.0.113.9\\x0a\n",
                "forged: this row was written by 203.0.113.9\\x0a through a user or database "
                "name: it proves nothing about the host it names\n" },
      .never = { "SUCCEEDED", "credentials" } },
    { CASE, .kind = "connection", .operation = "FAILED_CONNECT", .verdict = "outside",
      .outcome = "failure", .code = 1049, .marks = "forged", .user = "app", .host = "8.8.4.4",
      .connection = 8, .subject = "tailgate high: a forged log row, /aws/rds/g/audit",
      .says = { "forged: this row was written by another client through" },
      .never = { "working credentials" } },
    { CASE, .kind = "forgery", .operation = "FAILED_CONNECT", .verdict = "outside",
      .outcome = "failure", .code = 1045, .user = "x", .host = "203.0.113.9", .connection = 8,
      .true_client = "203.0.113.9",
      .subject = "tailgate high: forged log rows by 203.0.113.9, /aws/rds/g/audit",
      .says = { "A client forged rows of the log\n", "written by 203.0.113.9\n" } },
    { CASE, .kind = "fragment", .verdict = "unknown", .outcome = "unknown", .code = FINDING_NONE,
      .marks = "fragment", .connection = FINDING_NONE,
      .subject = "tailgate high: a torn log row, /aws/rds/g/audit",
      .says = { "A row was torn, and its rest never came\n", "The row\n  a row\n" },
      .never = { "who ", "outcome " } },
    { CASE, .kind = "hostile-name", .verdict = "unknown", .outcome = "unknown",
      .code = FINDING_NONE, .connection = FINDING_NONE,
      .subject = "tailgate high: a hostile name was made, /aws/rds/g/audit",
      .says = { "A name was made that can forge or hide rows" } },
    { CASE, .kind = NULL, .verdict = "unknown", .outcome = "unknown", .code = FINDING_NONE,
      .connection = FINDING_NONE,
      .subject = "tailgate high: rule outside matched, /aws/rds/g/audit",
      .says = { "A row matched the filter\n" } },
#undef CASE
};

static struct store_bytes words(const char *text)
{
    return (struct store_bytes){ text, text ? strlen(text) : 0 };
}

static struct finding finding_of(const struct told *told, int64_t source)
{
    return (struct finding){
        .fingerprint = { 0xab },
        .source = source,
        .rule = words("outside"),
        .severity = words("high"),
        .time = FINDING_NONE,
        .event_time = 1000,
        .ingestion_time = FINDING_NONE,
        .seen_at = 2000,
        .kind = words(told->kind),
        .verdict = words(told->verdict),
        .operation = words(told->operation),
        .outcome = words(told->outcome),
        .code = told->code,
        .reason = words(told->reason),
        .user = words(told->user),
        .host = words(told->host),
        .address = words(told->host),
        .port = FINDING_NONE,
        .tls = words(told->tls),
        .connection_id = told->connection,
        .log_group = words("/aws/rds/g/audit"),
        .line = 1,
        .marks = words(told->marks),
        .true_client = words(told->true_client),
        .message = words("a row"),
    };
}

/* Stores the finding and gives the alert that tells it. */
static void tell(struct store *store, const struct told *told, struct alert *alert)
{
    struct store_error error;
    struct finding finding;
    int64_t source;
    bool known, made, found;

    assert_true(coverage_source(store, "group", &source, &error));
    finding = finding_of(told, source);
    assert_true(store_begin(store, &error));
    assert_true(findings_add(store, &finding, &known, &error));
    assert_true(alerts_note(store, &finding, key, 0, 1000, &made, &error));
    assert_true(store_commit(store, &error));
    assert_true(alerts_next(store, 0, alert, &found, &error));
    assert_true(made && found);
    alert->form = told->form;
}

static void text_for_people(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct told *told = &cases[i];
        struct store_error error;
        struct store *store = store_open(NULL, STORE_TEMPORARY, &error);
        struct message message;
        struct alert alert;

        assert_non_null(store);
        tell(store, told, &alert);
        assert_true(message_make(store, &alert, ALERT_TEXT, &message, &error));
        if (strcmp(message.subject, told->subject) != 0) {
            fail_msg("%s:%d: subject \"%s\"", __FILE__, told->line, message.subject);
        }
        for (size_t j = 0; j < 6 && told->says[j]; j++) {
            if (!strstr(message.body, told->says[j])) {
                fail_msg("%s:%d: no \"%s\" in:\n%s", __FILE__, told->line, told->says[j],
                         message.body);
            }
        }
        for (size_t j = 0; j < 3 && told->never[j]; j++) {
            if (strstr(message.body, told->never[j])) {
                fail_msg("%s:%d: \"%s\" in:\n%s", __FILE__, told->line, told->never[j],
                         message.body);
            }
        }
        message_free(&message);
        store_close(store);
    }
}

static struct json_object *member(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;

    assert_true(json_object_object_get_ex(object, name, &value));
    return value;
}

/* A member of an object, or of the first entry of a list. */
static struct json_object *at(struct json_object *object, const char *outer, const char *inner)
{
    struct json_object *value = member(object, outer);

    return member(json_object_is_type(value, json_type_array) ? json_object_array_get_idx(value, 0)
                                                              : value,
                  inner);
}

static void text_is(struct json_object *object, const char *expected)
{
    assert_string_equal(json_object_get_string(object), expected);
}

/* A forged row: the source that programs may act on is the forger. */
static void ocsf(void **state)
{
    static const struct told told = { .form = ALERT_CHANGED,
                                      .kind = "connection",
                                      .operation = "FAILED_CONNECT",
                                      .verdict = "outside",
                                      .outcome = "failure",
                                      .code = 1045,
                                      .reason = "wrong password",
                                      .marks = "forged",
                                      .user = "app",
                                      .host = "8.8.4.4",
                                      .connection = 7,
                                      .true_client = "203.0.113.9:5001" };
    struct store_error error;
    struct store *store = store_open(NULL, STORE_TEMPORARY, &error);
    struct json_object *document, *data;
    struct message message;
    struct alert alert;

    (void)state;
    assert_non_null(store);
    tell(store, &told, &alert);
    alert.count = 0; /* another alert tells it by now */
    assert_true(message_make(store, &alert, ALERT_OCSF, &message, &error));
    document = json_tokener_parse(message.body);
    assert_non_null(document);
    text_is(member(document, "activity_id"), "2");
    text_is(member(document, "count"), "1");
    text_is(at(document, "finding_info", "title"), "Database connection to look at");
    text_is(at(document, "finding_info", "types"), "[ \"connection\" ]");
    text_is(at(document, "finding_info", "desc"), "wrong password");
    text_is(member(at(document, "evidences", "src_endpoint"), "ip"), "203.0.113.9");
    data = at(document, "evidences", "data");
    text_is(member(data, "host"), "8.8.4.4");
    text_is(member(data, "true_client"), "203.0.113.9:5001");
    json_object_put(document);
    message_free(&message);
    store_close(store);
}

/* The fields of a finding that are not there, and those of a row of an old version. */
static void json_of_a_finding(void **state)
{
    static const struct told old = { .outcome = "unknown",
                                     .operation = "CONNECT",
                                     .reason = "",
                                     .code = FINDING_NONE,
                                     .connection = FINDING_NONE };
    static const char *const absent[] = { "reason", "tls", "true_client", "connection_id", "code" };
    struct finding finding = finding_of(&old, 1);
    struct json_object *object = finding_json(&finding, true);

    (void)state;
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        assert_null(member(object, absent[i]));
    }
    text_is(member(object, "kind"), "connection");
    json_object_put(object);
    finding.operation = words(NULL);
    finding.tls = words("no");
    object = finding_json(&finding, true);
    text_is(member(object, "kind"), "pattern");
    text_is(member(object, "tls"), "no");
    json_object_put(object);
    finding.kind = words("fragment");
    object = finding_json(&finding, true);
    text_is(member(object, "kind"), "fragment");
    json_object_put(object);
}

static void expect_line(const struct told *told, const char *expected)
{
    struct finding finding = finding_of(told, 1);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    finding_write(out, &finding, true, false);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, expected);
    free(text);
}

static void line_of_a_finding(void **state)
{
    (void)state;
    expect_line(&(struct told){ .kind = "connection",
                                .operation = "CONNECT",
                                .verdict = "outside",
                                .outcome = "unknown",
                                .code = FINDING_NONE,
                                .user = "app",
                                .host = "203.0.113.9",
                                .connection = FINDING_NONE },
                "1970-01-01T00:00:01Z  high  outside  CONNECT unknown  app from 203.0.113.9 to (no "
                "database) on (no server)  rule outside\n");
    expect_line(&(struct told){ .kind = "forgery",
                                .operation = "FAILED_CONNECT",
                                .verdict = "outside",
                                .outcome = "failure",
                                .code = 1045,
                                .reason = "wrong password",
                                .user = "app",
                                .host = "203.0.113.9",
                                .tls = "TLSv1.2",
                                .marks = "late",
                                .true_client = "\x1b",
                                .connection = 7 },
                "1970-01-01T00:00:01Z  high  outside  forgery  FAILED_CONNECT 1045 (wrong "
                "password)  app from 203.0.113.9 to (no database) on (no server) id 7 tls TLSv1.2"
                "  written by \\x1b  rule outside  [late]\n");
    expect_line(&(struct told){ .kind = "fragment",
                                .verdict = "unknown",
                                .outcome = "unknown",
                                .code = FINDING_NONE,
                                .connection = FINDING_NONE },
                "1970-01-01T00:00:01Z  high  unknown  fragment  a row  rule outside\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_for_people),
        cmocka_unit_test(ocsf),
        cmocka_unit_test(json_of_a_finding),
        cmocka_unit_test(line_of_a_finding),
    };

    return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
