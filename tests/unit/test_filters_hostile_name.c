/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that make names which can forge rows. */
#include "tests/unit/test_filters_data.h"

#include "filters/hostile_name.h"

/* Whether any statement of a line passes the quick look; a quote in a name may come before it. */
static bool any_possible(struct slice line)
{
    static const char opening[] = ",'";
    const char *p = line.data, *end = line.data + line.len;
    bool any = false;

    while (!any && (p = memmem(p, (size_t)(end - p), opening, sizeof opening - 1))) {
        p += sizeof opening - 1;
        any = hostile_name_possible((struct slice){ p, (size_t)(end - p) });
    }
    return any;
}

static void rows(void **state)
{
    struct data data;

    (void)state;
    data_open(&data, "hostile-names.txt");
    while (data_next(&data)) {
        struct slice line = data_bytes(data.field[0]), wanted, name = { NULL, 0 };
        bool found = hostile_name_find(line, &name);

        assert_int_equal(data.count, 2);
        wanted = data_bytes(data.field[1]);
        if (found != (strcmp(data.field[1], "-") != 0)) {
            fail_msg("%s:%u: %s", data.path, data.line, found ? "found" : "not found");
        }
        if (found && (name.len != wanted.len || memcmp(name.data, wanted.data, name.len) != 0)) {
            fail_msg("%s:%u: name '%.*s'", data.path, data.line, (int)name.len, name.data);
        }
        if (found && (name.data < line.data || name.data + name.len > line.data + line.len)) {
            fail_msg("%s:%u: the name is not in the line", data.path, data.line);
        }
        if (found && !any_possible(line)) {
            fail_msg("%s:%u: the quick look passes it over", data.path, data.line);
        }
        assert_int_equal(hostile_name_find(line, NULL), found);
        data_free(wanted);
        data_free(line);
    }
    data_close(&data);
}

/* Every byte as a name, as the server writes it. */
static void bytes(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        static const char escaped[] = "\n\r\t\b\f'\\", letters[] = "nrtbf'\\";
        const char *at = memchr(escaped, c, sizeof escaped - 1);
        const char *before = at ? "\\" : c == '`' ? "`" : "";
        char line[64];
        int len = snprintf(line, sizeof line, ",QUERY,,'CREATE DATABASE `a%s%cb`',0", before,
                           at ? letters[at - escaped] : c);
        bool hostile = c < 0x20 || c == 0x7f || strchr(",'\"`", c);

        if (hostile_name_find((struct slice){ line, (size_t)len }, NULL) != hostile) {
            fail_msg("byte 0x%02x", (unsigned)c);
        }
    }
}

static void nothing(void **state)
{
    struct slice name = { "x", 1 };

    (void)state;
    assert_false(hostile_name_find((struct slice){ NULL, 0 }, &name));
    assert_false(hostile_name_find((struct slice){ "", 0 }, &name));
    assert_int_equal(name.len, 1);
    assert_true(hostile_name_possible((struct slice){ NULL, 0 }));
    assert_false(hostile_name_possible((struct slice){ "", 0 }));
    assert_false(hostile_name_possible((struct slice){ "COMMIT", 6 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(bytes),
        cmocka_unit_test(nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
