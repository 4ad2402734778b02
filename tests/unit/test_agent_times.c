/* SPDX-License-Identifier: Apache-2.0 */
/* Times, lengths of time and zones as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/times.h"

#define NOW  INT64_C(1795356494000) /* 2026-11-22T14:08:14Z */
#define NONE INT64_MIN

static const struct {
    const char *text;
    int64_t ms;
} times[] = {
    { "2026-11-22T14:08:14Z", NOW },
    { "2026-11-22T14:08:14", NOW },
    { "2026-11-22 14:08:14", NOW },
    { "2026-11-22T14:08:14.25Z", NOW + 250 },
    { "2026-11-22T16:08:14+02:00", NOW },
    { "2026-11-22T10:38:14-0330", NOW },
    { "2026-11-22T14:08Z", NOW - 14000 },
    { "2026-11-22", INT64_C(1795305600000) },
    { "1795356494", NOW },
    { "1795356494000", NOW },
    { "2h", NOW - 7200000 },
    { "7d", NOW - 604800000 },
    { "0", 0 },
    { "2026-02-29", NONE },
    { "2026-02-31T00:00:00Z", NONE },
    { "2026-13-01", NONE },
    { "2026-11-22T24:00:00Z", NONE },
    { "2026-11-22T14:60:00Z", NONE },
    { "2026-11-22T14:08:14X", NONE },
    { "2026-11-22T14:08:14.1234Z", NONE },
    { "99999d", NONE },
    { "", NONE },
    { "now", NONE },
    { "-5", NONE },
    { "99999999999999999999", NONE },
};

static void times_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int64_t ms = 0;
        bool good = time_parse(times[i].text, NOW, &ms);
        if (good != (times[i].ms != NONE) || (good && ms != times[i].ms)) {
            fail_msg("%s was read as %lld", times[i].text, good ? (long long)ms : -1LL);
        }
    }
}

static void times_are_written(void **state)
{
    char out[TIME_TEXT_MAX];

    (void)state;
    assert_string_equal(time_format(NOW, out), "2026-11-22T14:08:14Z");
    assert_string_equal(time_format(NOW + 7, out), "2026-11-22T14:08:14.007Z");
    assert_string_equal(time_format(-1, out), "1969-12-31T23:59:59.999Z");
}

static void durations_go_both_ways(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
        const char *written;
    } cases[] = {
        { "5", 5000, "5s" },          { "250ms", 250, "250ms" }, { "90s", 90000, "1m 30s" },
        { "15m", 900000, "15m" },     { "1h", 3600000, "1h" },   { "400d", 34560000000, "400d" },
        { "25h", 90000000, "1d 1h" }, { "0", 0, "0s" },
    };
    static const char *const wrong[] = {
        "", "h", "1w", "1 h", "-1s", "1.5h", "99999999999999999d"
    };
    char out[DURATION_TEXT_MAX];
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(duration_parse(cases[i].text, &ms));
        assert_int_equal(ms, cases[i].ms);
        assert_string_equal(duration_format(ms, out), cases[i].written);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(duration_parse(wrong[i], &ms));
    }
}

static void zones_are_offsets(void **state)
{
    int64_t ms;

    (void)state;
    assert_true(zone_parse("UTC", &ms) && ms == 0);
    assert_true(zone_parse("+02:00", &ms) && ms == 7200000);
    assert_true(zone_parse("-0330", &ms) && ms == -12600000);
    assert_false(zone_parse("", &ms));
    assert_false(zone_parse("Europe/Paris", &ms));
    assert_false(zone_parse("+2", &ms));
    assert_false(zone_parse("+16:00", &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(times_are_written),
        cmocka_unit_test(durations_go_both_ways),
        cmocka_unit_test(zones_are_offsets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
