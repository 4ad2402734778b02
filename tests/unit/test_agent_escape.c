/* SPDX-License-Identifier: Apache-2.0 */
/* Hostile text shown to people and in JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "agent/escape.h"

static const struct {
    const char *text;
    size_t len;
    const char *people, *json;
} cases[] = {
#define CASE(text, people, json)                                                                   \
    {                                                                                              \
        text, sizeof text - 1, people, json                                                        \
    }
    CASE("plain text, 'quoted'", "plain text, 'quoted'", "\"plain text, 'quoted'\""),
    CASE("na\xc3\xafve \xe6\x97\xa5\xf0\x9f\x98\x80", "na\xc3\xafve \xe6\x97\xa5\xf0\x9f\x98\x80",
         "\"na\xc3\xafve \xe6\x97\xa5\xf0\x9f\x98\x80\""),
    CASE("a\0b\n\x1b[2J\x7f", "a\\x00b\\x0a\\x1b[2J\\x7f", "\"a\\u0000b\\n\\u001b[2J\\u007f\""),
    CASE("\\x1b", "\\\\x1b", "\"\\\\x1b\""),
    CASE("\xff\xfe", "\\xff\\xfe", "\"\\ufffd\\ufffd\""),
    CASE("\xc3", "\\xc3", "\"\\ufffd\""),
    CASE("\xc0\xaf", "\\xc0\\xaf", "\"\\ufffd\\ufffd\""),
    CASE("\xed\xa0\x80", "\\xed\\xa0\\x80", "\"\\ufffd\\ufffd\\ufffd\""),
    CASE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""),
    CASE("\xc2\x85", "\\u{85}", "\"\\u0085\""),
    CASE("\xe2\x80\xae", "\\u{202e}", "\"\\u202e\""),
    CASE("\xe2\x80\xa8\xe2\x80\x8b\xef\xbb\xbf", "\\u{2028}\\u{200b}\\u{feff}",
         "\"\\u2028\\u200b\\ufeff\""),
    CASE("\xf3\xa0\x81\x81", "\\u{e0041}", "\"\\udb40\\udc41\""),
    CASE("", "", "\"\""),
};

static void people_get_it_readable(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *out = NULL;
        size_t len = 0;
        FILE *stream = open_memstream(&out, &len);
        escape_write(stream, cases[i].text, cases[i].len);
        fclose(stream);
        assert_string_equal(out, cases[i].people);
        assert_int_equal(len, strlen(cases[i].people));
        free(out);
    }
}

static void json_stays_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *out = NULL;
        size_t len = 0;
        FILE *stream = open_memstream(&out, &len);
        struct json_object *text = json_object_new_string_len(cases[i].text, (int)cases[i].len);
        escape_write_json(stream, text);
        fclose(stream);
        assert_string_equal(out, cases[i].json);
        json_object_put(text);
        text = json_tokener_parse(out);
        assert_non_null(text);
        json_object_put(text);
        free(out);
    }
}

static void a_cut_splits_no_character(void **state)
{
    const char text[] = "a\xe6\x97\xa5z";

    (void)state;
    assert_int_equal(escape_cut(text, 5, 5), 5);
    assert_int_equal(escape_cut(text, 5, 4), 4);
    assert_int_equal(escape_cut(text, 5, 3), 1);
    assert_int_equal(escape_cut(text, 5, 2), 1);
    assert_int_equal(escape_cut(text, 5, 0), 0);
    assert_int_equal(escape_cut("\x80\x80", 2, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_get_it_readable),
        cmocka_unit_test(json_stays_json),
        cmocka_unit_test(a_cut_splits_no_character),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
