/* SPDX-License-Identifier: Apache-2.0 */
/* Texts out of XML, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/aws/xml.h"

static void texts(void **state)
{
    static const struct {
        const char *document, *text;
        size_t len;
    } cases[] = {
        { "<a><b>text</b></a>", "text", 4 },
        { "<a xmlns='x'><c/><b>te&amp;x&#116;</b></a>", "te&xt", 5 },
        { "<?xml version='1.0' encoding='UTF-8'?>\n<a>\n <b>t\xC3\xA9</b>\n</a>\n", "t\xC3\xA9",
          3 },
        { "<a><b><![CDATA[<x>]]></b></a>", "<x>", 3 },
        { "<a><b>1<c>no</c>2</b></a>", "12", 2 },
        { "<a><b>first</b><b>second</b></a>", "first", 5 },
        { "<a><b></b><b>second</b></a>", "", 0 },
        { "<a><b>0123456789</b></a>", "0123456", 10 },
        { "<a><c><b>deeper</b></c></a>", NULL, 0 },
        { "<b>root</b>", NULL, 0 },
        { "<a/>", NULL, 0 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[8];
        struct xml_text wanted = { .path = "a/b", .out = out, .size = sizeof out };
        const char *why = "";
        if (!xml_read(cases[i].document, strlen(cases[i].document), &wanted, 1, &why)) {
            fail_msg("%s: %s", cases[i].document, why);
        }
        assert_int_equal(wanted.found, cases[i].text != NULL);
        assert_string_equal(out, cases[i].text ? cases[i].text : "");
        assert_int_equal(wanted.len, cases[i].len);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *document, *why;
    } cases[] = {
        { "", NULL },
        { "text", NULL },
        { "<a><b>cut", NULL },
        { "<a></a><a></a>", NULL },
        { "<a>\xC3(</a>", NULL },
        { "<a>&undefined;</a>", NULL },
        { "<!DOCTYPE a><a/>", "it has a DOCTYPE" },
        { "<!DOCTYPE a [<!ENTITY l 'lol'><!ENTITY m '&l;&l;'>]><a><b>&m;</b></a>",
          "it has a DOCTYPE" },
        { "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "it has a DOCTYPE" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[8];
        struct xml_text wanted = { .path = "a/b", .out = out, .size = sizeof out };
        const char *why = NULL;
        assert_false(xml_read(cases[i].document, strlen(cases[i].document), &wanted, 1, &why));
        assert_non_null(why);
        if (cases[i].why) {
            assert_string_equal(why, cases[i].why);
        }
    }
}

static bool nested(size_t depth, const char *name)
{
    size_t size = depth * (2 * strlen(name) + 5) + 1;
    char *document = malloc(size);
    size_t len = 0;
    const char *why;
    bool good;

    assert_non_null(document);
    for (size_t i = 0; i < depth; i++) {
        len += (size_t)snprintf(document + len, size - len, "<%s>", name);
    }
    for (size_t i = 0; i < depth; i++) {
        len += (size_t)snprintf(document + len, size - len, "</%s>", name);
    }
    good = xml_read(document, len, NULL, 0, &why);
    free(document);
    return good;
}

static void limits(void **state)
{
    const char *why;
    char *large = calloc(1, XML_SIZE_MAX + 1);

    (void)state;
    assert_true(nested(XML_DEPTH_MAX, "x"));
    assert_false(nested(XML_DEPTH_MAX + 1, "x"));
    assert_false(nested(XML_DEPTH_MAX, "twenty-characters-it"));
    assert_non_null(large);
    memset(large, ' ', (size_t)XML_SIZE_MAX + 1);
    large[0] = '<';
    large[1] = 'a';
    large[2] = '/';
    large[3] = '>';
    assert_true(xml_read(large, XML_SIZE_MAX, NULL, 0, &why));
    assert_false(xml_read(large, XML_SIZE_MAX + 1, NULL, 0, &why));
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(refused),
        cmocka_unit_test(limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
