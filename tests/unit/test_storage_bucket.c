/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the token buckets, on a clock of their own. */
#include "test_storage_fixture.h"

#include <signal.h>

#include "storage/bucket.h"
#include "storage/sql.h"

static const struct bucket_terms polite = { .rate = 2, .burst = 5, .reserve = 0 };
static const char name[] = "requests 123456789012 eu-west-1";

static int open_store(void **state)
{
    struct scratch *s;

    if (scratch_setup(state) != 0) {
        return -1;
    }
    s = *state;
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    return s->store ? 0 : -1;
}

static bool take(struct scratch *s, const struct bucket_terms *terms, int64_t now, int64_t *wait_ms)
{
    bool taken = false;
    int64_t wait = -1;

    ok(s, bucket_take(s->store, name, terms, now, &taken, &wait, &s->error));
    assert_true(taken ? wait == 0 : wait > 0 && wait <= BUCKET_WAIT_MAX_MS);
    if (wait_ms) {
        *wait_ms = wait;
    }
    return taken;
}

/* How many tokens are there at a moment. */
static int drain(struct scratch *s, const struct bucket_terms *terms, int64_t now)
{
    int count = 0;

    while (take(s, terms, now, NULL)) {
        count++;
    }
    return count;
}

static void burst_then_rate(void **state)
{
    struct scratch *s = *state;
    int64_t now = 1000000, wait;

    assert_int_equal(drain(s, &polite, now), 5);
    assert_false(take(s, &polite, now, &wait));
    assert_in_range(wait, 500, 501);
    assert_false(take(s, &polite, now + 499, NULL));
    /* Asking early costs nothing. */
    assert_true(take(s, &polite, now + wait, NULL));
    assert_false(take(s, &polite, now + wait, NULL));
    /* It holds no more than the burst. */
    assert_int_equal(drain(s, &polite, now + 3600000), 5);
}

/* Many small waits give no fewer tokens than one long one, and never more than the rate. */
static void an_hour_of_asking(void **state)
{
    struct scratch *s = *state;
    int64_t now = 1000000, end = now + 3600000, wait;
    int count = 0;

    while (now < end) {
        if (take(s, &polite, now, &wait)) {
            count++;
        } else {
            now += wait < 133 ? wait : 133;
        }
    }
    assert_in_range(count, 7195, 7206);
}

static void never_more_than_five_in_a_second(void **state)
{
    static const struct bucket_terms breaker = { .rate = 1, .burst = 5, .reserve = 0 };
    struct scratch *s = *state;
    int64_t took[400];
    size_t count = 0;

    for (int64_t now = 0; now < 60000 && count < 400; now += 37) {
        if ((now / 6000) % 2 == 0) {
            while (count < 400 && take(s, &breaker, now, NULL)) {
                took[count++] = now;
            }
        }
    }
    assert_true(count > 40);
    for (size_t i = 0; i + 5 < count; i++) {
        assert_true(took[i + 5] - took[i] >= 1000);
    }
}

static void reserve_is_kept_back(void **state)
{
    static const struct bucket_terms modest = { .rate = 2, .burst = 5, .reserve = 3 };
    static const struct bucket_terms greedy = { .rate = 2, .burst = 5, .reserve = 50 };
    struct scratch *s = *state;
    int64_t now = 1000000, wait;

    assert_int_equal(drain(s, &modest, now), 2);
    assert_false(take(s, &modest, now, &wait));
    assert_in_range(wait, 500, 501);
    assert_int_equal(drain(s, &polite, now), 3);
    assert_false(take(s, &modest, now, &wait));
    assert_in_range(wait, 2000, 2001);
    /* A reserve of more than there can be takes from a full one. */
    assert_false(take(s, &greedy, now + 2000, NULL));
    assert_true(take(s, &greedy, now + 2500, NULL));
}

static void clocks_that_jump(void **state)
{
    struct scratch *s = *state;
    int64_t now = INT64_C(1790000000000), wait;

    assert_int_equal(drain(s, &polite, now), 5);
    /* A little back: nothing comes until it has caught up. */
    assert_false(take(s, &polite, now - 5000, &wait));
    assert_in_range(wait, 5500, 5501);
    assert_int_equal(drain(s, &polite, now + 500), 1);
    /* Two processes a second apart do not fill it for each other. */
    for (int i = 0; i < 50; i++) {
        assert_false(take(s, &polite, now + 500 - 1000, NULL));
        assert_false(take(s, &polite, now + 500, NULL));
    }
    /* Far back: it follows, without a gift. */
    assert_false(take(s, &polite, now - 3600000, &wait));
    assert_in_range(wait, 500, 501);
    assert_int_equal(drain(s, &polite, now - 3600000 + 1000), 2);
    /* Far ahead: full, no more. */
    assert_int_equal(drain(s, &polite, now + INT64_C(1000000000000)), 5);
    assert_int_equal(drain(s, &polite, now), 0);
    assert_int_equal(drain(s, &polite, now + 1000), 2);
}

static double rate(struct scratch *s, int64_t now)
{
    struct bucket_use use[2];
    size_t count;

    ok(s, buckets_list(s->store, name, now, use, 2, &count, &s->error));
    return polite.rate * (count == 1 ? use[0].share : 1);
}

/* What was spent, by the hours of the clock. */
static void spending(void **state)
{
    struct scratch *s = *state;
    const struct bucket_terms terms = { 10, 10, 0 };
    const int64_t hour = 3600000, noon = 12 * hour;
    struct bucket_use use[2];
    int64_t wait;
    size_t count;
    bool taken;

    for (int i = 0; i < 3; i++) {
        ok(s, bucket_take(s->store, "spent a", &terms, noon + i, &taken, &wait, &s->error));
        assert_true(taken);
    }
    ok(s, bucket_take(s->store, "spent b", &terms, noon, &taken, &wait, &s->error));
    ok(s, bucket_take(s->store, "other", &terms, noon, &taken, &wait, &s->error));
    ok(s, buckets_list(s->store, "spent ", noon + 5, use, 2, &count, &s->error));
    assert_int_equal(count, 2);
    assert_string_equal(use[0].name, "spent a");
    assert_int_equal(use[0].taken, 3);
    assert_int_equal(use[0].in_hour, 3);
    assert_int_equal(use[0].hour_before, 0);
    ok(s, buckets_list(s->store, "spent ", noon + hour, use, 1, &count, &s->error));
    assert_int_equal(count, 1);
    assert_int_equal(use[0].in_hour, 0);
    assert_int_equal(use[0].hour_before, 3);
    ok(s, bucket_take(s->store, "spent a", &terms, noon + 2 * hour, &taken, &wait, &s->error));
    ok(s, buckets_list(s->store, "spent a", noon + 2 * hour, use, 2, &count, &s->error));
    assert_int_equal(count, 1);
    assert_int_equal(use[0].taken, 4);
    assert_int_equal(use[0].in_hour, 1);
    assert_int_equal(use[0].hour_before, 0);
}

static bool near(double a, double b)
{
    return a > b - 0.0001 && a < b + 0.0001;
}

static void throttling(void **state)
{
    struct scratch *s = *state;
    int64_t now = INT64_C(1790000000000), wait;

    assert_true(near(rate(s, now), 2));
    ok(s, bucket_throttled(s->store, name, &polite, now, &s->error));
    assert_true(near(rate(s, now), 1));
    assert_false(take(s, &polite, now, &wait));
    assert_in_range(wait, 1000, 1001);
    /* All that is said within a second is said once. */
    ok(s, bucket_throttled(s->store, name, &polite, now + 999, &s->error));
    assert_true(near(rate(s, now), 1));
    assert_true(near(rate(s, now + 10000), 1.2));
    assert_true(near(rate(s, now + 50000), 2));
    assert_true(near(rate(s, now + 5000000), 2));
    for (int64_t i = 1; i < 10; i++) {
        ok(s, bucket_throttled(s->store, name, &polite, now + 1000 * i, &s->error));
    }
    assert_true(near(rate(s, now + 9000), 2.0 / 16));
    assert_int_equal(drain(s, &polite, now + 9000 + 93750), 5);
    assert_true(near(rate(s, now + 9000 + 93750), 2));
    /* A clock that went back far does not hold the rate down for ever. */
    ok(s, bucket_throttled(s->store, name, &polite, now + 200000, &s->error));
    ok(s, bucket_throttled(s->store, name, &polite, now - 3600000, &s->error));
    assert_true(near(rate(s, now - 3600000 + 50000), 2));
}

static void rate_of_nothing(void **state)
{
    static const struct bucket_terms none = { .rate = 0, .burst = 1, .reserve = 0 };
    struct scratch *s = *state;
    int64_t wait;

    assert_true(take(s, &none, 1000, NULL));
    assert_false(take(s, &none, 1000000, &wait));
    assert_int_equal(wait, BUCKET_WAIT_MAX_MS);
}

/* Restarting or dying does not refill it; buckets with other names are others. */
static void outlives_the_process(void **state)
{
    struct scratch *s = *state;
    int64_t now = 1000000, wait;
    bool taken;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        s->store = store_open(s->path, STORE_WRITE, &s->error);
        if (!s->store || drain(s, &polite, now) != 5) {
            _exit(1);
        }
        (void)kill(getpid(), SIGKILL);
        _exit(2);
    }
    assert_int_equal(child_end(pid), 256 + SIGKILL);
    assert_false(take(s, &polite, now, NULL));
    ok(s, bucket_take(s->store, "another", &polite, now, &taken, &wait, &s->error));
    assert_true(taken);
}

static void not_within_a_transaction(void **state)
{
    struct scratch *s = *state;
    bool taken = true;
    int64_t wait;

    ok(s, store_begin(s->store, &s->error));
    refused(s, bucket_take(s->store, name, &polite, 1, &taken, &wait, &s->error), STORE_FAILED);
    assert_false(taken);
    refused(s, bucket_throttled(s->store, name, &polite, 1, &s->error), STORE_FAILED);
    ok(s, store_commit(s->store, &s->error));
    assert_true(take(s, &polite, 1, NULL));
}

/* Requests are not worth a sync each; findings are. */
static void findings_stay_synced(void **state)
{
    static const char text[] = "PRAGMA synchronous";
    struct scratch *s = *state;
    int64_t full = -1;
    bool taken = false;
    struct sql sql;

    assert_true(take(s, &polite, 1, NULL));
    sql = sql_open(s->store, text);
    ok(s, sql_ask(&sql, "ask", &full, &s->error));
    assert_int_equal(full, 2);
    ok(s, store_begin(s->store, &s->error));
    refused(s, bucket_take(s->store, name, &polite, 1, &taken, &full, &s->error), STORE_FAILED);
    store_rollback(s->store);
    sql = sql_open(s->store, text);
    ok(s, sql_ask(&sql, "ask", &full, &s->error));
    assert_int_equal(full, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(burst_then_rate, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(an_hour_of_asking, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(never_more_than_five_in_a_second, open_store,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(reserve_is_kept_back, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(clocks_that_jump, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(spending, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(throttling, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(rate_of_nothing, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(outlives_the_process, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(findings_stay_synced, open_store, scratch_teardown),
        cmocka_unit_test_setup_teardown(not_within_a_transaction, open_store, scratch_teardown),
    };

    return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
