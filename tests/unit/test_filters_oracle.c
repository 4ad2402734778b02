/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of Oracle's listener log. */
#include "tests/unit/test_filters_login.h"

#include "filters/oracle.h"

static void test_lines(void **state)
{
    (void)state;
    login_test_file(oracle_read, "oracle.txt");
}

static void test_months(void **state)
{
    static const char *const months[] = { "JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                          "JUL", "AUG", "SEP", "OCT", "NOV", "DEC" };
    (void)state;

    for (int i = 0; i < 12; i++) {
        struct record record;
        char line[64];
        int64_t want;
        int len = snprintf(line, sizeof line, "09-%s-2026 01:02:03 * ping * 0", months[i]);

        oracle_read((struct slice){ line, (size_t)len }, &record);
        assert_true(record_date_ms(2026, i + 1, 9, 1, 2, 3, &want));
        assert_int_equal(record.time_form, RECORD_TIME_DATED);
        assert_true(record.time_ms == want);
    }
}

static void test_long_lines(void **state)
{
    static const char *const heads[] = {
        "",
        "22-NOV-2026 14:00:00 * (CONNECT_DATA=(CID=(USER=",
        "22-NOV-2026 14:00:00 * x * (ADDRESS=(PROTOCOL=tcp)(HOST=203.0.113.9)) * establish * ",
    };
    static const char *const units[] = {
        "*",
        "* ",
        " * ",
        "(",
        ")",
        "(ADDRESS=",
        "* (ADDRESS=",
        "* (ADDRESS=(PROTOCOL=tcp)(HOST=10.0.0.5)(PORT=51234))",
        "* establish *",
        " * establish * x",
        "(HOST=",
        "(USER=",
        "9",
        " ",
    };
    static const char *const endings[] = {
        " * (ADDRESS=(PROTOCOL=tcp)(HOST=203.0.113.9)(PORT=40000)) * establish * ORCL * 0",
        " * (ADDRESS=(PROTOCOL=tcp)(HOST=203.0.113.9)(PORT=40000)) * establish * ",
        " * (ADDRESS=(PROTOCOL=tcp",
    };
    (void)state;

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        login_test_long(oracle_read, heads, sizeof heads / sizeof *heads, units,
                        sizeof units / sizeof *units, endings[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines), cmocka_unit_test(test_months),
                                        cmocka_unit_test(test_long_lines) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
