/* SPDX-License-Identifier: Apache-2.0 */
/* The formats of logs. */
#include "tests/unit/test_filters_data.h"

#include "filters/format.h"

/* formats.txt: "group" or "line", the text, the name of its format. */
static void test_formats(void **state)
{
    struct data data;
    (void)state;

    data_open(&data, "formats.txt");
    while (data_next(&data)) {
        struct slice text = data_bytes(data.field[1]);
        bool group = strcmp(data.field[0], "group") == 0;
        enum format format = group ? format_of_log_group(text) : format_of_line(text);
        const char *name = format_name((unsigned)format);

        data_free(text);
        assert_true(group || strcmp(data.field[0], "line") == 0);
        if (strcmp(name, data.field[2]) != 0) {
            fail_msg("%s:%u: taken for %s", data.path, data.line, name);
        }
    }
    data_close(&data);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(format_name(FORMAT_AUTO), "auto");
    assert_string_equal(format_name(FORMAT_ORACLE), "oracle");
    assert_null(format_name(FORMATS_COUNT));
    for (unsigned i = 0; i < FORMATS_COUNT; i++) {
        enum format format = FORMATS_COUNT;

        assert_true(format_parse(format_name(i), &format));
        assert_int_equal(format, i);
    }
    assert_false(format_parse("", &(enum format){ 0 }));
    assert_false(format_parse("MySQL", &(enum format){ 0 }));
    assert_false(format_parse("mysql ", &(enum format){ 0 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_formats),
                                        cmocka_unit_test(test_names) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
