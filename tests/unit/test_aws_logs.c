/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of events: aws-pages.txt, and what a page gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/aws/logs.h"
#include "tests/unit/test_aws_data.h"

/* Reads a body that has not a byte to spare in memory, so that reading past its end is noticed. */
static struct logs_page *read_exactly(const char *body, size_t len, struct aws_error *error)
{
    char *exact = malloc(len > 0 ? len : 1);
    struct logs_page *page;

    assert_non_null(exact);
    memcpy(exact, body, len);
    page = logs_page_read(exact, len, error);
    free(exact);
    return page;
}

static void check_page(struct data *data, struct logs_page *page, const struct aws_error *error)
{
    bool wanted = strcmp(data->field[1], "ok") == 0;
    const char *token = page ? logs_page_token(page) : NULL;

    if (!wanted) {
        const char *part = data->count > 2 ? data->field[2] : "";
        if (page || error->problem != AWS_BAD_ANSWER || !strstr(error->text, part)) {
            fail_msg("%s:%u: %s", data->path, data->line, page ? "taken" : error->text);
        }
        return;
    }
    if (!page) {
        fail_msg("%s:%u: %s", data->path, data->line, error->text);
    }
    if (logs_page_count(page) != strtoul(data->field[2], NULL, 10) ||
        strcmp(token ? token : "", data->count > 3 ? data->field[3] : "") != 0) {
        fail_msg("%s:%u: %zu events, token %s", data->path, data->line, logs_page_count(page),
                 token ? token : "(none)");
    }
}

static void pages(void **state)
{
    struct data data;
    size_t cases = 0;

    (void)state;
    data_open(&data, "aws-pages.txt");
    for (; data_next(&data); cases++) {
        struct aws_error error = { .text = "" };
        struct logs_page *page = read_exactly(data.field[0], data.len[0], &error);
        check_page(&data, page, &error);
        logs_page_free(page);
    }
    data_close(&data);
    assert_true(cases > 45);
}

/* A message may hold anything JSON can say, and bytes that are not UTF-8. */
static void messages(void **state)
{
    static const char body[] =
        "{\"events\":["
        "{\"eventId\":\"36\",\"logStreamName\":\"db-1\",\"timestamp\":5,\"ingestionTime\":6,"
        "\"message\":\"a\\u0000b\\u001b[2J\\\"\\\\\\/\\n\\ud83d\\udc18\"},"
        "{\"eventId\":\"37\",\"logStreamName\":\"db-2\",\"timestamp\":7,\"message\":\"\xFF\xC3(\"}"
        "]}";
    struct aws_error error;
    struct logs_page *page = read_exactly(body, sizeof body - 1, &error);
    struct log_event event;

    (void)state;
    assert_non_null(page);
    logs_page_event(page, 0, &event);
    assert_int_equal(event.message_len, 15);
    assert_memory_equal(event.message, "a\0b\x1b[2J\"\\/\n\xF0\x9F\x90\x98", 15);
    assert_int_equal(event.id_len, 2);
    assert_string_equal(event.id, "36");
    assert_int_equal(event.stream_len, 4);
    assert_string_equal(event.stream, "db-1");
    assert_int_equal(event.timestamp, 5);
    assert_int_equal(event.ingestion_time, 6);
    logs_page_event(page, 1, &event);
    assert_int_equal(event.message_len, 3);
    assert_memory_equal(event.message, "\xFF\xC3(", 3);
    assert_int_equal(event.ingestion_time, INT64_MIN);
    logs_page_free(page);
}

/* The longest message there can be. */
static void long_message(void **state)
{
    static const char head[] =
        "{\"events\":[{\"eventId\":\"1\",\"logStreamName\":\"s\",\"timestamp\":1,\"message\":\"";
    static const char tail[] = "\"}]}";
    size_t size = 1048576;
    char *body = malloc(sizeof head + size + sizeof tail);
    struct aws_error error;
    struct log_event event;
    struct logs_page *page;

    (void)state;
    assert_non_null(body);
    memcpy(body, head, sizeof head - 1);
    memset(body + sizeof head - 1, 'x', size);
    memcpy(body + sizeof head - 1 + size, tail, sizeof tail);
    page = read_exactly(body, strlen(body), &error);
    assert_non_null(page);
    logs_page_event(page, 0, &event);
    assert_int_equal(event.message_len, size);
    logs_page_free(page);
    free(body);
}

static void long_token(void **state)
{
    char body[LOGS_TOKEN_MAX + 64];
    struct aws_error error;
    struct logs_page *page;

    (void)state;
    for (int len = LOGS_TOKEN_MAX; len <= LOGS_TOKEN_MAX + 1; len++) {
        (void)snprintf(body, sizeof body, "{\"events\":[],\"nextToken\":\"%0*d\"}", len, 1);
        page = read_exactly(body, strlen(body), &error);
        assert_int_equal(page != NULL, len == LOGS_TOKEN_MAX);
        logs_page_free(page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages),
        cmocka_unit_test(messages),
        cmocka_unit_test(long_message),
        cmocka_unit_test(long_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
