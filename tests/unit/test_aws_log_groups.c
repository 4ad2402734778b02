/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to DescribeLogGroups. */
#include "agent/aws/log_groups.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HERE "arn:aws:logs:eu-west-1:123456789012:log-group:"
#define ARN  HERE "/aws/rds/instance/orders/audit"

static const struct {
    const char *body;
    bool good, found;
    int64_t days;
} answers[] = {
    { "{\"logGroups\":[]}", true, false, LOG_GROUPS_FOR_EVER },
    { "{\"logGroups\":[{\"arn\":\"" ARN ":*\"}]}", true, true, LOG_GROUPS_FOR_EVER },
    { "{\"logGroups\":[{\"arn\":\"" ARN ":*\",\"retentionInDays\":7}]}", true, true, 7 },
    { "{\"logGroups\":[{\"arn\":\"" ARN "-old:*\",\"retentionInDays\":7}]}", true, false,
      LOG_GROUPS_FOR_EVER },
    { "{\"logGroups\":[{\"arn\":\"" ARN "\\u0000\",\"retentionInDays\":7}]}", true, false,
      LOG_GROUPS_FOR_EVER },
    { "{\"logGroups\":[{\"arn\":\"" ARN ":*\",\"retentionInDays\":0}]}", false, true, 0 },
    { "{\"logGroups\":[{\"arn\":\"" ARN ":*\",\"retentionInDays\":\"7\"}]}", false, true, 0 },
    { "{\"logGroups\":[{\"arn\":\"" ARN ":*\",\"retentionInDays\":1e300}]}", false, true, 0 },
    { "{\"logGroups\":[{\"arn\":\"" ARN "\",\"retentionInDays\":7}]}", true, true, 7 },
    { "{\"logGroups\":[{\"arn\":\"arn:aws:logs:eu-west-1:210987654321:log-group:/aws/rds/instance/"
      "orders/audit:*\",\"retentionInDays\":7}]}",
      true, false, LOG_GROUPS_FOR_EVER },
    { "{\"logGroups\":[{\"retentionInDays\":7}]}", false, false, 0 },
    { "{\"logGroups\":[7]}", false, false, 0 },
    { "{\"logGroups\":{}}", false, false, 0 },
    { "[]", false, false, 0 },
    { "{\"logGroups\":[", false, false, 0 },
    { "", false, false, 0 },
};

static void reads_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const char *body = answers[i].body;
        struct aws_error error = { .problem = AWS_OK };
        bool found;
        int64_t days;
        bool good = log_groups_read(body, strlen(body), ARN, &found, &days, &error);
        if (good != answers[i].good || (error.problem == AWS_BAD_ANSWER) == good) {
            fail_msg("%s is %s", body, good ? "taken" : "refused");
        }
        if (good && (found != answers[i].found || days != answers[i].days)) {
            fail_msg("%s is read as %s, %lld days", body, found ? "found" : "not found",
                     (long long)days);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reads_answers) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
