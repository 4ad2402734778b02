/* SPDX-License-Identifier: Apache-2.0 */
/* When the heartbeat is put: once a minute, one at a time, and not where AWS does not allow it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "agent/clock.h"
#include "agent/heartbeat.h"

#define MINUTE INT64_C(60000)
#define DAY    (24 * 60 * MINUTE)

static int64_t host_now(void *clock)
{
    (void)clock;
    return clock_now();
}

/* One whose calls go nowhere: the answers are ours. */
static void begin(struct heartbeat *heartbeat, const struct config *config)
{
    struct aws_options options = { .endpoint_url = "http://127.0.0.1:1",
                                   .user_agent = "test",
                                   .now_ms = host_now };
    struct aws_error error;

    setenv("AWS_ACCESS_KEY_ID", "AKIA", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    *heartbeat = (struct heartbeat){ .aws = aws_new(&options, &error) };
    assert_non_null(heartbeat->aws);
    heartbeat_begin(heartbeat, config);
}

/* Whether these ticks are so far from now, less the seconds that the test has taken. */
static void check_wait(int64_t at, int64_t wait)
{
    assert_in_range(at - clock_ticks(), wait - 5000, wait);
}

static void answer(struct heartbeat *heartbeat, enum aws_problem problem)
{
    struct aws_answer answer = { .owner = heartbeat, .error = { .problem = problem } };

    heartbeat_answer(heartbeat, &answer);
}

static void paces(void **state)
{
    static char name[] = "a", region[] = "eu-west-1";
    struct config config = { .heartbeat = name, .region = region };
    struct heartbeat heartbeat;

    (void)state;
    begin(&heartbeat, &config);
    assert_int_equal(heartbeat_step(&heartbeat, false), INT64_MAX);
    assert_false(heartbeat.flying);
    assert_int_equal(heartbeat_step(&heartbeat, true), INT64_MAX);
    assert_true(heartbeat.flying);
    assert_int_equal(heartbeat_step(&heartbeat, true), INT64_MAX);
    answer(&heartbeat, AWS_OK);
    check_wait(heartbeat_step(&heartbeat, true), MINUTE);
    assert_false(heartbeat.flying);

    /* What passes, and what does not, is tried again a minute later. */
    static const enum aws_problem quiet[] = { AWS_THROTTLED, AWS_UNAVAILABLE, AWS_REFUSED,
                                              AWS_INVALID };
    for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++) {
        heartbeat_begin(&heartbeat, &config);
        assert_int_equal(heartbeat_step(&heartbeat, true), INT64_MAX);
        answer(&heartbeat, quiet[i]);
        check_wait(heartbeat_step(&heartbeat, true), MINUTE);
    }

    /* What somebody has to allow is tried a day later, or when he says so. */
    heartbeat_begin(&heartbeat, &config);
    assert_int_equal(heartbeat_step(&heartbeat, true), INT64_MAX);
    answer(&heartbeat, AWS_DENIED);
    check_wait(heartbeat_step(&heartbeat, true), DAY);
    heartbeat_begin(&heartbeat, &config);
    assert_int_equal(heartbeat_step(&heartbeat, true), INT64_MAX);
    assert_true(heartbeat.flying);
    aws_free(heartbeat.aws);
}

static void off(void **state)
{
    struct config config = { .heartbeat = NULL };
    struct heartbeat heartbeat;

    (void)state;
    begin(&heartbeat, &config);
    assert_int_equal(heartbeat_step(&heartbeat, true), INT64_MAX);
    assert_false(heartbeat.flying);
    aws_free(heartbeat.aws);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(paces), cmocka_unit_test(off) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
