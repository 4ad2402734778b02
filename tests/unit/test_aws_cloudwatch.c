/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: what is sent, what can be the value of a dimension, and who is to allow what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/aws/cloudwatch.h"
#include "tests/unit/test_aws_files.h"
#include "tests/unit/test_aws_server.h"

static int64_t host_now(void *clock)
{
    (void)clock;
    return INT64_C(1795356000000);
}

/* Puts a value to a server with this answer; returns what it was asked, for the caller to free. */
static char *put(const char *bytes, struct aws_error *out)
{
    const struct canned answers[] = { { .bytes = bytes } };
    struct cloudwatch_value value = { .region = "eu-west-1",
                                      .space = "tailgate",
                                      .name = "Heartbeat",
                                      .dimension = "Agent",
                                      .dimension_value = "bastion a&b",
                                      .value = 1,
                                      .unit = "Count" };
    struct server server = { .told = -1 };
    struct aws_options options = { .user_agent = "test", .now_ms = host_now };

    server_start(&server, answers, 1);
    options.endpoint_url = server.url;
    setenv("AWS_ACCESS_KEY_ID", "AKIA", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    struct aws *aws = aws_new(&options, out);
    assert_non_null(aws);
    assert_true(cloudwatch_put_send(aws, &value, &server, out));
    aws_wait(aws, 20000, -1);
    struct aws_answer *answer = aws_finished(aws);
    assert_non_null(answer);
    assert_ptr_equal(answer->owner, &server);
    *out = answer->error;
    aws_answer_free(answer);
    struct server_request seen = server_request(&server);
    aws_free(aws);
    server_stop(&server);
    return seen.text;
}

static void form(void **state)
{
    struct aws_error error;
    char *seen = put("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &error);

    (void)state;
    assert_int_equal(error.problem, AWS_OK);
    assert_string_equal(strstr(seen, "\r\n\r\n") + 4,
                        "Action=PutMetricData&Version=2010-08-01&Namespace=tailgate"
                        "&MetricData.member.1.MetricName=Heartbeat"
                        "&MetricData.member.1.Dimensions.member.1.Name=Agent"
                        "&MetricData.member.1.Dimensions.member.1.Value=bastion%20a%26b"
                        "&MetricData.member.1.Value=1&MetricData.member.1.Unit=Count");
    assert_non_null(strstr(seen, "Credential=AKIA/20261122/eu-west-1/monitoring/aws4_request"));
    free(seen);
}

/* The service is called one thing in signatures and another in policies. */
static void refusal(void **state)
{
    struct aws_error error;

    (void)state;
    free(put("HTTP/1.1 403 Forbidden\r\nContent-Length: 102\r\n\r\n"
             "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code></Error>"
             "<RequestId/></ErrorResponse>\n",
             &error));
    assert_int_equal(error.problem, AWS_DENIED);
    assert_non_null(strstr(error.text, "AWS does not allow cloudwatch:PutMetricData on tailgate"));
}

static void dimensions(void **state)
{
    static const char *const bad[] = { "", " ", "   ", ":a", "a\n", "\x7f", "caf\xC3\xA9" };
    char text[CLOUDWATCH_TEXT_MAX + 2];

    (void)state;
    memset(text, 'x', sizeof text);
    text[CLOUDWATCH_TEXT_MAX + 1] = '\0';
    assert_false(cloudwatch_dimension_good(text));
    text[CLOUDWATCH_TEXT_MAX] = '\0';
    assert_true(cloudwatch_dimension_good(text));
    assert_true(cloudwatch_dimension_good("a:b c"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (cloudwatch_dimension_good(bad[i])) {
            fail_msg("\"%s\" is taken", bad[i]);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, files_begin, files_end)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(form), TEST(refusal), TEST(dimensions) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
