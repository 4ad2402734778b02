/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing: what is sent, what is refused before, and the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/aws/sns.h"
#include "tests/unit/test_aws_files.h"
#include "tests/unit/test_aws_server.h"

#define STANDARD "arn:aws:sns:eu-west-1:123456789012:db-alerts"
#define FIFO     STANDARD ".fifo"

static int64_t host_now(void *clock)
{
    (void)clock;
    return INT64_C(1795356000000);
}

static struct aws *start(const char *url)
{
    struct aws_options options = { .endpoint_url = url, .user_agent = "test", .now_ms = host_now };
    struct aws_error error;
    struct aws *aws;

    setenv("AWS_ACCESS_KEY_ID", "AKIA", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    aws = aws_new(&options, &error);
    assert_non_null(aws);
    return aws;
}

static void check_body(const struct sns_message *message, const char *wanted)
{
    static const struct canned answers[] = {
        { .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" }
    };
    struct server server = { .told = -1 };
    struct server_request seen;
    struct aws_error error;
    struct aws *aws;

    server_start(&server, answers, 1);
    aws = start(server.url);
    if (!sns_publish_send(aws, message, &server, &error)) {
        fail_msg("%s", error.text);
    }
    aws_wait(aws, 20000, -1);
    aws_answer_free(aws_finished(aws));
    seen = server_request(&server);
    assert_string_equal(strstr(seen.text, "\r\n\r\n") + 4, wanted);
    assert_non_null(strstr(seen.text, "Credential=AKIA/20261122/eu-west-1/sns/aws4_request"));
    free(seen.text);
    aws_free(aws);
    server_stop(&server);
}

static void forms(void **state)
{
    static const struct sns_attribute attributes[] = { { "severity", "high" },
                                                       { "empty", "" },
                                                       { "rule", "a&b" } };
    struct sns_message message = { .topic_arn = STANDARD,
                                   .subject = "outside + inside",
                                   .body = "caf\xC3\xA9\n\0&=",
                                   .body_len = 9,
                                   .attributes = attributes,
                                   .attribute_count = 3,
                                   .deduplication_id = "d",
                                   .group_id = "g" };

    (void)state;
    check_body(&message, "Action=Publish&Version=2010-03-31"
                         "&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Adb-alerts"
                         "&Message=caf%C3%A9%0A%00%26%3D&Subject=outside%20%2B%20inside"
                         "&MessageAttributes.entry.1.Name=severity"
                         "&MessageAttributes.entry.1.Value.DataType=String"
                         "&MessageAttributes.entry.1.Value.StringValue=high"
                         "&MessageAttributes.entry.2.Name=rule"
                         "&MessageAttributes.entry.2.Value.DataType=String"
                         "&MessageAttributes.entry.2.Value.StringValue=a%26b");
    message.topic_arn = FIFO;
    message.subject = NULL;
    message.attribute_count = 0;
    check_body(&message, "Action=Publish&Version=2010-03-31"
                         "&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Adb-alerts.fifo"
                         "&Message=caf%C3%A9%0A%00%26%3D"
                         "&MessageDeduplicationId=d&MessageGroupId=g");
}

/* Each publish has a connection of its own: on a kept one libcurl might send it again by itself. */
static void own_connections(void **state)
{
    static const struct canned answers[] = {
        { .bytes = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", .again = true }
    };
    struct sns_message message = { .topic_arn = STANDARD, .body = "b", .body_len = 1 };
    struct server server = { .told = -1 };
    struct aws_error error;
    struct aws *aws;

    (void)state;
    server_start(&server, answers, 1);
    aws = start(server.url);
    for (unsigned i = 1; i <= 3; i++) {
        assert_true(sns_publish_send(aws, &message, &server, &error));
        aws_wait(aws, 20000, -1);
        aws_answer_free(aws_finished(aws));
        struct server_request seen = server_request(&server);
        assert_int_equal(seen.connection, i);
        free(seen.text);
    }
    aws_free(aws);
    server_stop(&server);
}

static void check_refused(struct aws *aws, const struct sns_message *message, const char *part)
{
    struct aws_error error = { .text = "" };

    if (sns_publish_send(aws, message, aws, &error) || error.problem != AWS_INVALID ||
        !strstr(error.text, part)) {
        fail_msg("wanted %s, got %s", part, error.text);
    }
}

static void refusals(void **state)
{
    static char large[SNS_MESSAGE_MAX + 1], long_text[SNS_ID_MAX + 1];
    static struct sns_attribute attributes[SNS_ATTRIBUTES_MAX + 1];
    struct aws *aws = start("http://127.0.0.1:1");
    struct sns_message good = { .topic_arn = STANDARD, .body = "b", .body_len = 1 };
    struct sns_message message = good;
    struct aws_error error;

    (void)state;
    memset(large, 'x', sizeof large);
    memset(long_text, 'x', sizeof long_text);
    for (size_t i = 0; i <= SNS_ATTRIBUTES_MAX; i++) {
        attributes[i] = (struct sns_attribute){ "name", "value" };
    }
    assert_true(sns_publish_send(aws, &message, aws, &error));
    message.topic_arn = "db-alerts";
    check_refused(aws, &message, "arn:");
    message.topic_arn = "arn:aws:sqs:eu-west-1:123456789012:queue";
    check_refused(aws, &message, "not one of a topic");
    message = good;
    message.body_len = 0;
    check_refused(aws, &message, "empty");
    message = good;
    message.subject = "line\nbreak";
    check_refused(aws, &message, "subject");
    message.subject = "";
    check_refused(aws, &message, "subject");
    long_text[SNS_SUBJECT_MAX] = '\0';
    message.subject = long_text;
    assert_true(sns_publish_send(aws, &message, aws, &error));
    long_text[SNS_SUBJECT_MAX] = 'x';
    long_text[SNS_SUBJECT_MAX + 1] = '\0';
    check_refused(aws, &message, "subject");
    message = good;
    message.attributes = attributes;
    message.attribute_count = SNS_ATTRIBUTES_MAX;
    assert_true(sns_publish_send(aws, &message, aws, &error));
    message.attribute_count++;
    check_refused(aws, &message, "attributes");
    message = good;
    message.body = large;
    message.body_len = SNS_MESSAGE_MAX;
    assert_true(sns_publish_send(aws, &message, aws, &error));
    message.body_len++;
    check_refused(aws, &message, "262144");
    message.body_len = SNS_MESSAGE_MAX - 14;
    message.attributes = attributes;
    message.attribute_count = 1;
    check_refused(aws, &message, "262144");
    message = good;
    message.topic_arn = FIFO;
    check_refused(aws, &message, "FIFO");
    message.group_id = "g";
    check_refused(aws, &message, "FIFO");
    message.deduplication_id = "d";
    assert_true(sns_publish_send(aws, &message, aws, &error));
    aws_free(aws);
}

static void read_answers(void **state)
{
    static const struct {
        const char *body, *id; /* NULL: refused */
    } cases[] = {
        { "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>"
          "<MessageId>567910cd-659e-55d4-8ccb-5aaf14679dc0</MessageId></PublishResult>"
          "<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></PublishResponse>",
          "567910cd-659e-55d4-8ccb-5aaf14679dc0" },
        { "<PublishResponse><PublishResult><MessageId></MessageId></PublishResult>"
          "</PublishResponse>",
          NULL },
        { "<PublishResponse><PublishResult/></PublishResponse>", NULL },
        { "<PublishResponse><PublishResult><MessageId>a&#10;b</MessageId></PublishResult>"
          "</PublishResponse>",
          NULL },
        { "<PublishResponse><MessageId>x</MessageId></PublishResponse>", NULL },
        { "<PublishResponse><PublishResult><MessageId>x", NULL },
        { "{\"MessageId\":\"x\"}", NULL },
        { "", NULL },
    };
    char id[SNS_MESSAGE_ID_MAX];
    struct aws_error error;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool good = sns_publish_read(cases[i].body, strlen(cases[i].body), id, &error);
        assert_int_equal(good, cases[i].id != NULL);
        assert_string_equal(id, cases[i].id ? cases[i].id : "");
        assert_int_equal(!good && error.problem != AWS_BAD_ANSWER, 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, files_begin, files_end)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(forms), TEST(own_connections), TEST(refusals),
                                        TEST(read_answers) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
