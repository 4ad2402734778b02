/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of SQL Server's error log. */
#include "tests/unit/test_filters_login.h"

#include "filters/sqlserver.h"

static void test_lines(void **state)
{
    (void)state;
    login_test_file(sqlserver_read, "sqlserver.txt");
}

static void test_long_lines(void **state)
{
    static const char *const heads[] = {
        "",
        "2026-11-22 14:08:14.12 Logon       Login failed for user '",
        "2026-11-22 14:08:14.12 Logon       Login succeeded for user '",
        "2026-11-22 14:08:14.12 Logon       ",
    };
    static const char *const units[] = {
        "[",
        "[CLIENT: ",
        "[CLIENT: x]",
        "]",
        "'",
        "'.",
        "'. ",
        "' ",
        " ",
        ".",
        "'. Reason: ",
        "'. Reason: Password did not match that for the login provided.",
        "'. Reason: Failed to open the explicitly specified database '",
        "' because the account is currently locked out.",
        " [Database: '",
    };
    (void)state;

    login_test_long(sqlserver_read, heads, sizeof heads / sizeof *heads, units,
                    sizeof units / sizeof *units, "[CLIENT: 203.0.113.9]");
    login_test_long(sqlserver_read, heads, sizeof heads / sizeof *heads, units,
                    sizeof units / sizeof *units, "']  [CLIENT: 203.0.113.9");
}

/* One candidate more than can be kept: it is said, and the rightmost are kept. */
static void test_too_many(void **state)
{
    char line[4096];
    (void)state;

    for (int extra = 0; extra < 2; extra++) {
        struct record record;
        size_t used = 0;

        for (int i = 0; i < RECORD_CANDIDATES_MAX - 1 + extra; i++) {
            used += (size_t)snprintf(line + used, sizeof line - used, "[CLIENT: %d]", i);
        }
        (void)snprintf(line + used, sizeof line - used, "[CLIENT: 203.0.113.9]");
        sqlserver_read((struct slice){ line, strlen(line) }, &record);
        assert_int_equal(record.kind, RECORD_CONNECTION);
        assert_int_equal(record.too_many, extra);
        assert_int_equal(record.count, RECORD_CANDIDATES_MAX);
        assert_memory_equal(record.candidates[0].host.data, "203.0.113.9", 11);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lines),
                                        cmocka_unit_test(test_long_lines),
                                        cmocka_unit_test(test_too_many) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
