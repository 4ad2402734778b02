/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of errors: AWS's (from aws-errors.txt), their texts, and the wait after them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/aws/error.h"
#include "agent/aws/failure.h"
#include "tests/unit/test_aws_data.h"

#define SIGNED_MS INT64_C(1795356000000)
#define SECRET    "SECRETKEYTEXT1234"
#define TOKEN     "SESSIONTOKENTEXT"

static const char *const problem_names[] = {
    "OK",         "THROTTLED", "UNAVAILABLE",    "EXPIRED", "SKEWED",
    "BAD_ANSWER", "BAD_TOKEN", "NO_CREDENTIALS", "REFUSED", "DENIED",
    "NOT_FOUND",  "INVALID",   "FAILED",
};

static void fill_credentials(struct credentials *credentials)
{
    memset(credentials, 0, sizeof *credentials);
    strncpy(credentials->access_key, "AKIAIOSFODNN7EXAMPLE", sizeof credentials->access_key - 1);
    strncpy(credentials->secret_key, SECRET, sizeof credentials->secret_key - 1);
    strncpy(credentials->token, TOKEN, sizeof credentials->token - 1);
    credentials->source = "environment";
}

static void judge(struct data *data, struct aws_error *error)
{
    static struct credentials credentials;
    struct aws_request request = {
        .service = "logs",
        .region = "eu-west-1",
        .protocol = strcmp(data->field[1], "json") == 0 ? AWS_JSON : AWS_QUERY,
        .action = "FilterLogEvents",
        .resource = "/aws/rds/x/audit",
        .next_page = strcmp(data->field[4], "token") == 0,
    };
    struct failure_call call = { &request, &credentials, SIGNED_MS, SIGNED_MS };
    struct http_answer answer = {
        .status = (int)strtol(data->field[0], NULL, 10),
        .body = data->field[3],
        .body_len = data->len[3],
        .date_ms = -1,
    };

    fill_credentials(&credentials);
    if (strncmp(data->field[4], "date=", 5) == 0) {
        answer.date_ms = SIGNED_MS + 1000 * strtol(data->field[4] + 5, NULL, 10);
    }
    strncpy(answer.error_type, data->field[2], sizeof answer.error_type - 1);
    failure_read(&call, &answer, error);
}

/* Looks for each of the parts, which have '|' between them; with a '!' it must not be there. */
static void check_text(const struct data *data, const struct aws_error *error)
{
    for (char *part = data->field[7]; part;) {
        char *next = strchr(part, '|');
        if (next) {
            *next++ = '\0';
        }
        bool wanted = *part != '!';
        if ((strstr(error->text, part + !wanted) != NULL) != wanted) {
            fail_msg("%s:%u: \"%s\" is%s in: %s", data->path, data->line, part,
                     wanted ? " not" : "", error->text);
        }
        part = next;
    }
    if (strstr(error->text, SECRET) || strstr(error->text, TOKEN) ||
        strstr(error->text, "AKIAIOSFODNN7EXAMPLE")) {
        fail_msg("%s:%u: a secret is in: %s", data->path, data->line, error->text);
    }
}

static void answers(void **state)
{
    struct data data;
    struct aws_error error;
    size_t cases = 0;

    (void)state;
    data_open(&data, "aws-errors.txt");
    for (; data_next(&data); cases++) {
        assert_int_equal(data.count, 8);
        judge(&data, &error);
        if (strcmp(problem_names[error.problem], data.field[5]) != 0 ||
            strcmp(error.code, data.field[6]) != 0) {
            fail_msg("%s:%u: %s %s, wanted %s %s: %s", data.path, data.line,
                     problem_names[error.problem], error.code, data.field[5], data.field[6],
                     error.text);
        }
        assert_int_equal(error.http_status, strtol(data.field[0], NULL, 10));
        check_text(&data, &error);
    }
    data_close(&data);
    assert_true(cases > 70);
}

/* A text that is too long is cut between characters. */
static void long_texts(void **state)
{
    static const char *const characters[] = { "a", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x90\x98" };
    char text[2 * AWS_ERROR_TEXT_MAX];
    struct aws_error error;

    (void)state;
    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++) {
        size_t width = strlen(characters[i]);
        for (size_t shift = 0; shift < 4; shift++) {
            memset(text, '.', shift);
            for (size_t at = shift; at < sizeof text - 4; at += width) {
                memcpy(text + at, characters[i], width + 1);
            }
            aws_error_set(&error, AWS_FAILED, "%s", text);
            size_t len = strlen(error.text);
            assert_int_equal((len - shift) % width, 0);
            assert_true(len + width >= AWS_ERROR_TEXT_MAX);
            assert_memory_equal(error.text, text, len);
        }
    }
    aws_error_set(&error, AWS_FAILED, "%s", "short \xE2\x82\xAC");
    assert_string_equal(error.text, "short \xE2\x82\xAC");
}

static void prefixes(void **state)
{
    struct aws_request request = { .action = "Publish", .resource = "topic" };
    struct aws_error error;

    (void)state;
    aws_error_set(&error, AWS_UNAVAILABLE, "no answer");
    failure_prefix(&request, &error);
    assert_string_equal(error.text, "Publish on topic: no answer");
    assert_int_equal(error.problem, AWS_UNAVAILABLE);
    request.resource = NULL;
    aws_error_set(&error, AWS_UNAVAILABLE, "no answer");
    failure_prefix(&request, &error);
    assert_string_equal(error.text, "Publish: no answer");
}

static void which_pass(void **state)
{
    (void)state;
    for (int problem = AWS_OK; problem <= AWS_FAILED; problem++) {
        bool passes = problem == AWS_THROTTLED || problem == AWS_UNAVAILABLE ||
                      problem == AWS_EXPIRED || problem == AWS_SKEWED ||
                      problem == AWS_BAD_ANSWER || problem == AWS_BAD_TOKEN;
        assert_int_equal(aws_problem_passes((enum aws_problem)problem), passes);
        bool mended = problem == AWS_EXPIRED || problem == AWS_SKEWED || problem == AWS_BAD_TOKEN;
        assert_int_equal(aws_problem_mended((enum aws_problem)problem), mended);
        bool refusal =
            problem == AWS_DENIED || problem == AWS_REFUSED || problem == AWS_NO_CREDENTIALS;
        assert_int_equal(aws_problem_refusal((enum aws_problem)problem), refusal);
    }
}

static void delays(void **state)
{
    static const struct {
        unsigned attempt;
        int64_t base, cap;
        uint32_t random;
        int64_t delay;
    } cases[] = {
        { 0, 100, 20000, 0, 0 },
        { 0, 100, 20000, UINT32_MAX, 100 },
        { 0, 100, 20000, UINT32_MAX / 2 + 1, 50 },
        { 3, 100, 20000, UINT32_MAX, 800 },
        { 7, 100, 20000, UINT32_MAX, 12800 },
        { 8, 100, 20000, UINT32_MAX, 20000 },
        { UINT32_MAX, 100, 20000, UINT32_MAX, 20000 },
        { 5, 0, 20000, UINT32_MAX, 0 },
        { 0, 30000, 20000, UINT32_MAX, 20000 },
        { 200, 100, INT64_MAX, UINT32_MAX, INT32_MAX },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            aws_retry_delay_ms(cases[i].attempt, cases[i].base, cases[i].cap, cases[i].random),
            cases[i].delay);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),    cmocka_unit_test(long_texts), cmocka_unit_test(prefixes),
        cmocka_unit_test(which_pass), cmocka_unit_test(delays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
