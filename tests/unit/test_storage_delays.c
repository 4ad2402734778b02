/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the delays of late events. */
#include "test_storage_findings.h"

#include "storage/delays.h"

#define SECOND INT64_C(1000)

static void add(struct scratch *s, int64_t source, int64_t events, int64_t delay)
{
    struct delays delays = { .longest = 0 };

    for (int64_t i = 0; i < events; i++) {
        delays_count(&delays, delay);
    }
    ok(s, store_begin(s->store, &s->error));
    ok(s, delays_add(s->store, source, &delays, &s->error));
    ok(s, store_commit(s->store, &s->error));
}

static void open_store(struct scratch *s)
{
    s->store = store_open(NULL, STORE_TEMPORARY, &s->error);
    ok(s, s->store != NULL);
}

static void nothing(void **state)
{
    struct scratch *s = *state;
    struct delays delays;

    open_store(s);
    ok(s, delays_get(s->store, 1, &delays, &s->error));
    assert_int_equal(delays_total(&delays), 0);
    assert_int_equal(delays_quantile(&delays, 0.5), 0);
    refused(s, delays_add(s->store, 1, &delays, &s->error), STORE_FAILED); /* no transaction */
}

static void quantiles(void **state)
{
    struct scratch *s = *state;
    struct delays delays;
    int64_t source, other;

    open_store(s);
    source = source_id(s, "group");
    other = source_id(s, "other");
    add(s, source, 90, 3 * SECOND);
    add(s, source, 9, 100 * SECOND);
    add(s, source, 1, 700 * SECOND);
    add(s, other, 1, -5 * SECOND);
    ok(s, delays_get(s->store, source, &delays, &s->error));
    assert_int_equal(delays_total(&delays), 100);
    assert_int_equal(delays.longest, 700 * SECOND);
    assert_int_equal(delays_quantile(&delays, 0.5), 4 * SECOND); /* the end of its class */
    assert_int_equal(delays_quantile(&delays, 0.9), 4 * SECOND);
    assert_int_equal(delays_quantile(&delays, 0.91), 128 * SECOND);
    assert_int_equal(delays_quantile(&delays, 0.99), 128 * SECOND);
    assert_int_equal(delays_quantile(&delays, 1), 700 * SECOND); /* never more than the longest */
    ok(s, delays_get(s->store, other, &delays, &s->error));
    assert_int_equal(delays.count[0], 1);
    assert_int_equal(delays.longest, 0);
}

/* However long, a delay has a class. */
static void classes(void **state)
{
    struct delays delays = { .longest = 0 };

    (void)state;
    delays_count(&delays, 1000);
    delays_count(&delays, 1001);
    delays_count(&delays, 2000);
    delays_count(&delays, 2001);
    delays_count(&delays, INT64_MAX);
    assert_int_equal(delays.count[0], 1);
    assert_int_equal(delays.count[1], 2);
    assert_int_equal(delays.count[2], 1);
    assert_int_equal(delays.count[DELAY_CLASSES - 1], 1);
    assert_true(delays_quantile(&delays, 1) == INT64_MAX);
}

/* What was long ago counts for less and less. */
static void fading(void **state)
{
    struct scratch *s = *state;
    struct delays delays;
    int64_t source;

    open_store(s);
    source = source_id(s, "group");
    add(s, source, DELAYS_KEPT_MAX, 1000 * SECOND);
    add(s, source, 2, SECOND);
    ok(s, delays_get(s->store, source, &delays, &s->error));
    assert_int_equal(delays_total(&delays), DELAYS_KEPT_MAX / 2 + 1);
    assert_int_equal(delays.longest, 1000 * SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(quantiles, scratch_setup, scratch_teardown),
        cmocka_unit_test(classes),
        cmocka_unit_test_setup_teardown(fading, scratch_setup, scratch_teardown),
    };

    return cmocka_run_group_tests_name("delays", tests, NULL, NULL);
}
