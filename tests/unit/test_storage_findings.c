/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of storing, listing and pruning findings. */
#include "test_storage_findings.h"

#include "storage/alerts.h"

static int open_temporary(void **state)
{
    struct scratch *s;

    if (scratch_setup(state) != 0) {
        return -1;
    }
    s = *state;
    s->store = store_open(NULL, STORE_TEMPORARY, &s->error);
    return s->store ? 0 : -1;
}

static bool add(struct scratch *s, struct finding *finding)
{
    bool known = false;

    ok(s, store_begin(s->store, &s->error));
    ok(s, findings_add(s->store, finding, &known, &s->error));
    ok(s, store_commit(s->store, &s->error));
    return known;
}

static void same_bytes(struct store_bytes a, struct store_bytes b)
{
    assert_int_equal(a.len, b.len);
    assert_int_equal(a.data == NULL, b.data == NULL);
    if (a.len > 0) {
        assert_memory_equal(a.data, b.data, a.len);
    }
}

static void same(const struct finding *a, const struct finding *b)
{
    assert_int_equal(a->id, b->id);
    assert_memory_equal(a->fingerprint, b->fingerprint, FINGERPRINT_SIZE);
    assert_int_equal(a->source, b->source);
    same_bytes(a->rule, b->rule);
    same_bytes(a->severity, b->severity);
    assert_true(a->time == b->time);
    assert_int_equal(a->event_time, b->event_time);
    assert_true(a->ingestion_time == b->ingestion_time);
    assert_int_equal(a->seen_at, b->seen_at);
    same_bytes(a->verdict, b->verdict);
    same_bytes(a->operation, b->operation);
    same_bytes(a->outcome, b->outcome);
    assert_true(a->code == b->code);
    same_bytes(a->user, b->user);
    same_bytes(a->host, b->host);
    same_bytes(a->address, b->address);
    assert_true(a->port == b->port);
    same_bytes(a->database, b->database);
    assert_true(a->connection_id == b->connection_id);
    same_bytes(a->server, b->server);
    same_bytes(a->account, b->account);
    same_bytes(a->region, b->region);
    same_bytes(a->log_group, b->log_group);
    same_bytes(a->log_stream, b->log_stream);
    same_bytes(a->event_id, b->event_id);
    assert_int_equal(a->line, b->line);
    same_bytes(a->marks, b->marks);
    same_bytes(a->candidates, b->candidates);
    same_bytes(a->message, b->message);
    same_bytes(a->kind, b->kind);
    same_bytes(a->true_client, b->true_client);
    same_bytes(a->tls, b->tls);
    same_bytes(a->reason, b->reason);
    assert_int_equal(a->quiet, b->quiet);
}

/* Every member differs from every other, so that none can be mistaken for another. */
static struct finding full(int64_t source)
{
    struct finding finding = {
        .source = source,
        .rule = BYTES("rule"),
        .severity = BYTES("high"),
        .time = 11,
        .event_time = 12,
        .ingestion_time = 13,
        .seen_at = 14,
        .verdict = BYTES("outside"),
        .operation = BYTES("CONNECT"),
        .outcome = BYTES("success"),
        .code = 0,
        .user = BYTES("a\0b\xff'; DROP TABLE finding; --\n"),
        .host = BYTES("203.0.113.9"),
        .address = BYTES("203.0.113.9/32"),
        .port = 65535,
        .database = BYTES("orders"),
        .connection_id = INT64_MAX,
        .server = BYTES("server"),
        .account = BYTES("123456789012"),
        .region = BYTES("eu-west-1"),
        .log_group = BYTES("/aws/rds/cluster/orders/audit"),
        .log_stream = BYTES("stream"),
        .event_id = BYTES("36000000000000000000000000000000000000000000000000000000"),
        .line = 17,
        .marks = BYTES("ambiguous late"),
        .candidates = BYTES("[{\"host\":\"x\"}]"),
        .message = BYTES("\0\1\2\x1b[2J\xf0\x9f\x98\x80"),
        .kind = BYTES("forgery"),
        .true_client = BYTES("198.51.100.7\0"),
        .tls = BYTES("TLSv1.3"),
        .reason = BYTES("no such database"),
        .quiet = true,
    };

    for (int i = 0; i < FINGERPRINT_SIZE; i++) {
        finding.fingerprint[i] = (uint8_t)(i * 7);
    }
    return finding;
}

static void all_members_come_back(void **state)
{
    struct scratch *s = *state;
    struct findings_query query = { .limit = 0 };
    struct findings_list *list;
    struct finding finding = full(source_id(s, "group")), out;

    assert_false(add(s, &finding));
    ok(s, findings_get(s->store, finding.id, &out, &s->error));
    same(&finding, &out);
    assert_null(out.alert_id.data);
    assert_true(out.alert_sent_at == FINDING_NONE);
    /* What was given stays valid whatever else is done. */
    finding.fingerprint[0]++;
    assert_false(add(s, &finding));
    finding.fingerprint[0]--;
    finding.id = out.id;
    same(&finding, &out);

    list = findings_list(s->store, &query, &s->error);
    ok(s, list != NULL);
    assert_int_equal(findings_next(list, &out, &s->error), 1);
    same(&finding, &out);
    findings_list_free(list);
    refused(s, findings_get(s->store, 999, &out, &s->error), STORE_FAILED);
}

static void absent_and_empty_are_not_the_same(void **state)
{
    struct scratch *s = *state;
    struct finding finding = plain(source_id(s, "group"), 1, "low"), out;

    finding.user = BYTES("");
    add(s, &finding);
    ok(s, findings_get(s->store, finding.id, &out, &s->error));
    same(&finding, &out);
    assert_non_null(out.user.data);
    assert_null(out.host.data);
    assert_true(out.code == FINDING_NONE);
}

static void known_by_fingerprint(void **state)
{
    struct scratch *s = *state;
    int64_t source = source_id(s, "group"), count = 0;
    struct finding finding = plain(source, 1, "low"), again = plain(source, 1, "high");
    struct finding other = plain(source, 2, "low");

    assert_false(add(s, &finding));
    assert_false(add(s, &other));
    assert_true(other.id > finding.id);
    assert_true(add(s, &again));
    assert_int_equal(again.id, finding.id);
    ok(s, findings_count(s->store, &count, &s->error));
    assert_int_equal(count, 2);
}

static void refusals(void **state)
{
    struct scratch *s = *state;
    int64_t source = source_id(s, "group"), count = 0;
    struct finding finding = plain(source, 1, "low");
    bool known;

    refused(s, findings_add(s->store, &finding, &known, &s->error), STORE_FAILED);
    ok(s, store_begin(s->store, &s->error));
    finding.source = source + 1;
    refused(s, findings_add(s->store, &finding, &known, &s->error), STORE_FAILED);
    finding.source = source;
    finding.rule = (struct store_bytes){ NULL, 0 };
    refused(s, findings_add(s->store, &finding, &known, &s->error), STORE_FAILED);
    finding = plain(source, 1, "low");
    finding.message.len = STORE_BYTES_MAX + 1; /* refused before it is looked at */
    refused(s, findings_add(s->store, &finding, &known, &s->error), STORE_FAILED);
    /* The transaction is still good. */
    finding = plain(source, 1, "low");
    ok(s, findings_add(s->store, &finding, &known, &s->error));
    ok(s, store_commit(s->store, &s->error));
    ok(s, findings_count(s->store, &count, &s->error));
    assert_int_equal(count, 1);
}

static void large_message(void **state)
{
    struct scratch *s = *state;
    struct finding finding = plain(source_id(s, "group"), 1, "low"), out;
    size_t len = 4 << 20;
    char *message = malloc(len);

    assert_non_null(message);
    for (size_t i = 0; i < len; i++) {
        message[i] = (char)(i * 31);
    }
    finding.message = (struct store_bytes){ message, len };
    add(s, &finding);
    ok(s, findings_get(s->store, finding.id, &out, &s->error));
    same(&finding, &out);
    free(message);
}

/* The numbers of the plain findings a query gives, in order. */
static void expect(struct scratch *s, struct findings_query query, const char *expected)
{
    struct findings_list *list = findings_list(s->store, &query, &s->error);
    struct finding out;
    char text[200] = "";
    size_t len = 0;
    int step;

    ok(s, list != NULL);
    while ((step = findings_next(list, &out, &s->error)) == 1) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%d ", out.fingerprint[3]);
    }
    ok(s, step == 0);
    findings_list_free(list);
    assert_string_equal(text, expected);
}

static void queries(void **state)
{
    static const struct {
        int number;
        int64_t event_time;
        const char *rule, *severity;
    } rows[] = {
        { 1, 500, "a", "low" },      { 2, 300, "b", "medium" }, { 3, 300, "a", "high" },
        { 4, 100, "a", "critical" }, { 5, 400, "b", "odd" },
    };
    struct scratch *s = *state;
    int64_t source = source_id(s, "group");
    char rule[2];

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct finding finding = plain(source, rows[i].number, rows[i].severity);

        finding.event_time = rows[i].event_time;
        finding.rule = words(rows[i].rule);
        add(s, &finding);
    }
    expect(s, (struct findings_query){ .limit = 0 }, "4 2 3 5 1 ");
    expect(s, (struct findings_query){ .limit = 2 }, "5 1 ");
    expect(s, (struct findings_query){ .limit = 3 }, "3 5 1 ");
    expect(s, (struct findings_query){ .limit = 4 }, "2 3 5 1 ");
    expect(s, (struct findings_query){ .limit = 99 }, "4 2 3 5 1 ");
    expect(s, (struct findings_query){ .since = 300 }, "2 3 5 1 ");
    expect(s, (struct findings_query){ .since = 300, .until = 500 }, "2 3 5 ");
    expect(s, (struct findings_query){ .rule = "a" }, "4 3 1 ");
    expect(s, (struct findings_query){ .rule = "c" }, "");
    expect(s, (struct findings_query){ .min_severity = "low" }, "4 2 3 1 ");
    expect(s, (struct findings_query){ .min_severity = "medium" }, "4 2 3 ");
    expect(s, (struct findings_query){ .min_severity = "high" }, "4 3 ");
    expect(s, (struct findings_query){ .min_severity = "critical" }, "4 ");
    expect(s, (struct findings_query){ .rule = "a", .min_severity = "low", .limit = 2 }, "3 1 ");
    /* The words of a query need not live as long as the listing. */
    (void)snprintf(rule, sizeof rule, "b");
    {
        struct findings_query query = { .rule = rule };
        struct findings_list *list = findings_list(s->store, &query, &s->error);
        struct finding out;

        ok(s, list != NULL);
        rule[0] = 'x';
        assert_int_equal(findings_next(list, &out, &s->error), 1);
        assert_int_equal(findings_next(list, &out, &s->error), 1);
        assert_int_equal(findings_next(list, &out, &s->error), 0);
        findings_list_free(list);
    }
    findings_list_free(NULL);
}

static void pruning_keeps_what_waits(void **state)
{
    static const uint8_t key[KIND_KEY_SIZE] = { 1 };
    static const int64_t FOLD = 1000, LATER = 100000;
    struct scratch *s = *state;
    int64_t source = source_id(s, "group"), deleted = -1, next;
    struct finding first = plain(source, 1, "low"), folded = plain(source, 2, "low");
    struct finding untold = plain(source, 3, "low"), young = plain(source, 4, "low");
    struct alerts_state alerts;
    struct alert alert;
    bool told, found;

    young.seen_at = LATER + 1;
    add(s, &first);
    add(s, &folded);
    add(s, &untold);
    add(s, &young);
    ok(s, store_begin(s->store, &s->error));
    ok(s, alerts_note(s->store, &first, key, 0, FOLD, &told, &s->error));
    assert_true(told);
    ok(s, alerts_note(s->store, &folded, key, 1, FOLD, &told, &s->error));
    assert_false(told);
    ok(s, store_commit(s->store, &s->error));

    /* The first waits to be sent, the second for its digest; only the third waits for nothing. */
    ok(s, findings_prune(s->store, LATER, 10, &deleted, &s->error));
    assert_int_equal(deleted, 1);
    expect(s, (struct findings_query){ .limit = 0 }, "1 2 4 ");

    ok(s, alerts_next(s->store, 2, &alert, &found, &s->error));
    ok(s, alerts_sent(s->store, alert.row, 3, "m", &s->error));
    ok(s, findings_prune(s->store, LATER, 10, &deleted, &s->error));
    assert_int_equal(deleted, 0); /* the kind it opened still needs its fingerprint */
    ok(s, alerts_fold(s->store, FOLD, FOLD, &next, &s->error));
    ok(s, findings_prune(s->store, LATER, 10, &deleted, &s->error));
    assert_int_equal(deleted, 0); /* and now its digest does */
    ok(s, alerts_next(s->store, FOLD, &alert, &found, &s->error));
    assert_true(found && alert.form == ALERT_DIGEST);
    ok(s, alerts_sent(s->store, alert.row, FOLD, "m", &s->error));
    ok(s, alerts_fold(s->store, 2 * FOLD, FOLD, &next, &s->error));
    assert_true(next == INT64_MAX);

    ok(s, findings_prune(s->store, LATER, 1, &deleted, &s->error));
    assert_int_equal(deleted, 1);
    expect(s, (struct findings_query){ .limit = 0 }, "2 4 ");
    ok(s, findings_prune(s->store, LATER, 10, &deleted, &s->error));
    assert_int_equal(deleted, 1);
    expect(s, (struct findings_query){ .limit = 0 }, "4 ");
    /* Alerts that tell nothing any more went with them. */
    ok(s, alerts_state(s->store, &alerts, &s->error));
    assert_int_equal(alerts.sent, 0);
    assert_int_equal(alerts.waiting, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_members_come_back, open_temporary, scratch_teardown),
        cmocka_unit_test_setup_teardown(absent_and_empty_are_not_the_same, open_temporary,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(known_by_fingerprint, open_temporary, scratch_teardown),
        cmocka_unit_test_setup_teardown(refusals, open_temporary, scratch_teardown),
        cmocka_unit_test_setup_teardown(large_message, open_temporary, scratch_teardown),
        cmocka_unit_test_setup_teardown(queries, open_temporary, scratch_teardown),
        cmocka_unit_test_setup_teardown(pruning_keeps_what_waits, open_temporary, scratch_teardown),
    };

    return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
