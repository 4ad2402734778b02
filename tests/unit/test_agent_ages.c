/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the ages of re-reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/ages.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

static struct ages after(int64_t events, int64_t delay)
{
    struct delays delays = { .longest = 0 };
    struct ages ages;

    for (int64_t i = 0; i < events; i++) {
        delays_count(&delays, delay);
    }
    ages_for(&delays, AGE_SETTLED, &ages);
    return ages;
}

static void expect(struct ages ages, int64_t overlap, int64_t first, int64_t second)
{
    assert_int_equal(ages.overlap, overlap);
    assert_int_equal(ages.age[0], first);
    assert_int_equal(ages.age[1], second);
    assert_int_equal(ages.age[2], 120 * MINUTE);
    assert_int_equal(ages.age[3], AGE_SETTLED);
}

static void usual(void **state)
{
    (void)state;
    expect(after(0, 0), MINUTE, 2 * MINUTE, 10 * MINUTE);
    expect(after(7, 300 * SECOND), MINUTE, 2 * MINUTE, 10 * MINUTE); /* too few to go by */
    expect(after(100, 5 * SECOND), MINUTE, 2 * MINUTE, 10 * MINUTE); /* never earlier */
}

static void moved(void **state)
{
    (void)state;
    expect(after(8, 200 * SECOND), 200 * SECOND, 200 * SECOND, 10 * MINUTE);
    expect(after(100, 25 * MINUTE), 8 * MINUTE, 9 * MINUTE, 25 * MINUTE);
    expect(after(100, AGE_SETTLED), 8 * MINUTE, 9 * MINUTE, 90 * MINUTE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual),
        cmocka_unit_test(moved),
    };

    return cmocka_run_group_tests_name("ages", tests, NULL, NULL);
}
