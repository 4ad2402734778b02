/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the servers of sources. */
#include "test_storage_findings.h"

#include "storage/servers.h"

static char orders[] = "orders", billing[] = "billing", one[] = "srv-1", nameless[] = "";

static struct server plain_server(char *stream, char *name, int64_t last_at)
{
    return (struct server){ .stream = stream,
                            .name = name,
                            .rows = 31,
                            .first_at = 1000,
                            .last_at = last_at,
                            .week = 900,
                            .longest = 60000,
                            .longest_before = 70000,
                            .silent_at = SERVER_HEARD };
}

static void save(struct scratch *s, int64_t source, const struct server *server)
{
    ok(s, store_begin(s->store, &s->error));
    ok(s, servers_save(s->store, source, server, &s->error));
    ok(s, store_commit(s->store, &s->error));
}

static void forget(struct scratch *s, int64_t source, const struct server *server)
{
    ok(s, store_begin(s->store, &s->error));
    ok(s, servers_forget(s->store, source, server, &s->error));
    ok(s, store_commit(s->store, &s->error));
}

static int64_t open_source(struct scratch *s)
{
    s->store = store_open(NULL, STORE_TEMPORARY, &s->error);
    ok(s, s->store != NULL);
    return source_id(s, "group");
}

static void equal(const struct server *got, const struct server *wanted)
{
    assert_string_equal(got->stream, wanted->stream);
    assert_string_equal(got->name, wanted->name);
    assert_int_equal(got->rows, wanted->rows);
    assert_int_equal(got->first_at, wanted->first_at);
    assert_int_equal(got->last_at, wanted->last_at);
    assert_int_equal(got->week, wanted->week);
    assert_int_equal(got->longest, wanted->longest);
    assert_int_equal(got->longest_before, wanted->longest_before);
    assert_true(got->silent_at == wanted->silent_at);
}

/* What is saved is listed, each once, in order, and only of its source. */
static void saved_and_listed(void **state)
{
    struct scratch *s = *state;
    int64_t source = open_source(s), other = source_id(s, "other");
    struct server a = plain_server(orders, one, 5000), b = plain_server(billing, nameless, 6000);
    struct server *list;
    size_t count;

    ok(s, servers_list(s->store, source, &list, &count, &s->error));
    assert_int_equal(count, 0);
    servers_free(list, count);
    save(s, source, &a);
    save(s, source, &b);
    a.last_at = 7000;
    a.rows++;
    a.silent_at = 8000;
    save(s, source, &a);
    save(s, other, &b);
    ok(s, servers_list(s->store, source, &list, &count, &s->error));
    assert_int_equal(count, 2);
    equal(&list[0], &b);
    equal(&list[1], &a);
    servers_free(list, count);
}

static void forgotten(void **state)
{
    struct scratch *s = *state;
    int64_t source = open_source(s), other = source_id(s, "other");
    struct server a = plain_server(orders, one, 5000), b = plain_server(orders, nameless, 6000);
    struct server *list;
    size_t count;

    save(s, source, &a);
    save(s, source, &b);
    save(s, other, &a);
    forget(s, source, &a);
    forget(s, source, &a); /* not there any more */
    ok(s, servers_list(s->store, source, &list, &count, &s->error));
    assert_int_equal(count, 1);
    equal(&list[0], &b);
    servers_free(list, count);
    ok(s, servers_list(s->store, other, &list, &count, &s->error));
    assert_int_equal(count, 1);
    servers_free(list, count);
}

static void only_within_a_transaction(void **state)
{
    struct scratch *s = *state;
    int64_t source = open_source(s);
    struct server a = plain_server(orders, one, 5000);

    refused(s, servers_save(s->store, source, &a, &s->error), STORE_FAILED);
    refused(s, servers_forget(s->store, source, &a, &s->error), STORE_FAILED);
}

/* A list never outgrows its room. */
static void never_more_than_there_is_room_for(void **state)
{
    struct scratch *s = *state;
    int64_t source = open_source(s);
    struct server a = plain_server(orders, one, 5000);
    struct server *list;
    char name[16];
    size_t count;

    for (int i = 0; i < SERVERS_MAX + 3; i++) {
        (void)snprintf(name, sizeof name, "srv-%d", i);
        a.name = name;
        save(s, source, &a);
    }
    ok(s, servers_list(s->store, source, &list, &count, &s->error));
    assert_int_equal(count, SERVERS_MAX);
    servers_free(list, count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(saved_and_listed, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(forgotten, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(only_within_a_transaction, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(never_more_than_there_is_room_for, scratch_setup,
                                        scratch_teardown),
    };

    return cmocka_run_group_tests_name("servers", tests, NULL, NULL);
}
