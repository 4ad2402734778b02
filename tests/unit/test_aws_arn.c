/* SPDX-License-Identifier: Apache-2.0 */
/* ARNs, from aws-arns.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/aws/arn.h"
#include "tests/unit/test_aws_data.h"

static void cases(void **state)
{
    struct data data;
    struct arn arn;
    size_t offset, count = 0;
    const char *why;

    (void)state;
    data_open(&data, "aws-arns.txt");
    for (; data_next(&data); count++) {
        bool good = arn_parse(data.field[0], &arn, &offset, &why);
        if (good != (strcmp(data.field[1], "ok") == 0)) {
            fail_msg("%s:%u: %s", data.path, data.line, good ? "taken" : why);
        }
        if (!good && (offset != strtoul(data.field[1], NULL, 10) || !strstr(why, data.field[2]))) {
            fail_msg("%s:%u: at %zu: %s", data.path, data.line, offset, why);
        }
    }
    data_close(&data);
    assert_true(count > 25);
}

static void parts(void **state)
{
    struct arn arn;
    size_t offset;
    const char *why;

    (void)state;
    assert_true(
        arn_parse("arn:aws-cn:logs:cn-north-1:123456789012:log-group:/a:b:*", &arn, &offset, &why));
    assert_string_equal(arn.partition, "aws-cn");
    assert_string_equal(arn.service, "logs");
    assert_string_equal(arn.region, "cn-north-1");
    assert_string_equal(arn.account, "123456789012");
    assert_string_equal(arn.resource, "log-group:/a:b:*");
}

static void longest_resource(void **state)
{
    char text[ARN_MAX];
    struct arn arn;
    size_t offset;
    const char *why;
    int start = snprintf(text, sizeof text, "arn:aws:logs:eu-west-1:123456789012:");
    size_t end = (size_t)start + sizeof arn.resource - 1;

    (void)state;
    memset(text + start, 'a', sizeof arn.resource);
    text[end] = '\0';
    assert_true(arn_parse(text, &arn, &offset, &why));
    assert_int_equal(strlen(arn.resource), sizeof arn.resource - 1);
    text[end] = 'a';
    text[end + 1] = '\0';
    assert_false(arn_parse(text, &arn, &offset, &why));
    assert_int_equal(offset, start);
    assert_string_equal(why, "the resource is too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases),
        cmocka_unit_test(parts),
        cmocka_unit_test(longest_resource),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
