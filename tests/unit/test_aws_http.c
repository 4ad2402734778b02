/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP against a server that gives prepared answers, right and wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "agent/aws/http.h"
#include "tests/unit/test_aws_files.h"
#include "tests/unit/test_aws_server.h"

#define PATIENCE_MS 20000 /* nothing takes that long unless it is broken */
#define OK          "HTTP/1.1 200 OK\r\n"

static struct http *http;
static struct server server;

static void start(const struct canned *answers, size_t count)
{
    struct aws_error error;

    server_start(&server, answers, count);
    http = http_new("tailgate-test", NULL, &error);
    assert_non_null(http);
}

static void stop(void)
{
    http_free(http);
    http = NULL;
    server_stop(&server);
}

static struct http_request plain_request(const char *method)
{
    static char url[128];

    (void)snprintf(url, sizeof url, "%s/path", server.url);
    return (struct http_request){
        .method = method, .url = url, .answer_max = 100, .timeout_ms = PATIENCE_MS
    };
}

/* Sends a request and waits for what comes of it. */
static struct http_answer *exchange(const struct http_request *request)
{
    struct aws_error error;
    struct http_answer *answer;
    int owner;

    if (!http_send(http, request, &owner, &error)) {
        fail_msg("%s", error.text);
    }
    http_wait(http, PATIENCE_MS, -1);
    answer = http_finished(http);
    assert_non_null(answer);
    assert_ptr_equal(answer->owner, &owner);
    assert_null(http_finished(http));
    return answer;
}

static void good_answer(void **state)
{
    static const struct canned answers[] = {
        { .bytes = "HTTP/1.1 100 Continue\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\n\r\n" OK
                   "date:  Sun, 22 Nov 2026 14:00:00 GMT \r\n"
                   "X-Amzn-ErrorType: Code:http://x\r\nContent-Length: 4\r\n\r\nbody" },
        { .bytes = "HTTP/1.1 100 Continue\r\nDate: Mon, 01 Jan 2001 00:00:00 GMT\r\n\r\n"
                   "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n" },
    };
    struct http_answer *answer;

    (void)state;
    start(answers, 2);
    struct http_request request = plain_request("GET");
    answer = exchange(&request);
    assert_int_equal(answer->status, 200);
    assert_int_equal(answer->body_len, 4);
    assert_string_equal(answer->body, "body");
    assert_int_equal(answer->date_ms, INT64_C(1795356000000));
    assert_string_equal(answer->error_type, "Code:http://x");
    http_answer_free(answer);
    answer = exchange(&request);
    assert_int_equal(answer->status, 404);
    assert_string_equal(answer->body, "");
    assert_int_equal(answer->date_ms, -1);
    assert_string_equal(answer->error_type, "");
    http_answer_free(answer);
    stop();
}

/* What goes over the line: our headers, and none of libcurl's own making that we do not want. */
static void requests(void **state)
{
    static const struct canned answers[] = {
        { .bytes = OK "Content-Length: 0\r\n\r\n" },
        { .bytes = OK "Content-Length: 0\r\n\r\n" },
        { .bytes = OK "Content-Length: 0\r\n\r\n" },
    };
    static const struct http_header headers[] = { { "Host", "logs.example" },
                                                  { "Content-Type", "application/x-amz-json-1.1" },
                                                  { "X-Empty", "" } };
    static char large[1100000]; /* enough for libcurl to ask leave first */
    struct server_request seen;
    struct http_answer *answer;

    (void)state;
    start(answers, 3);
    memset(large, 'b', sizeof large);
    struct http_request request = plain_request("POST");
    request.headers = headers;
    request.header_count = 3;
    request.body = large;
    request.body_len = sizeof large;
    answer = exchange(&request);
    assert_int_equal(answer->status, 200);
    http_answer_free(answer);
    seen = server_request(&server);
    assert_memory_equal(seen.text, "POST /path HTTP/1.1\r\n", 21);
    assert_non_null(strstr(seen.text, "\r\nHost: logs.example\r\n"));
    assert_null(strstr(seen.text, "127.0.0.1"));
    assert_non_null(strstr(seen.text, "\r\nContent-Type: application/x-amz-json-1.1\r\n"));
    assert_non_null(strstr(seen.text, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(seen.text, "\r\nUser-Agent: tailgate-test\r\n"));
    assert_non_null(strstr(seen.text, "\r\nContent-Length: 1100000\r\n"));
    assert_null(strstr(seen.text, "Expect"));
    assert_null(strstr(seen.text, "urlencoded"));
    assert_non_null(strstr(seen.text, "\r\n\r\nbbbb"));
    free(seen.text);

    request = plain_request("PUT");
    http_answer_free(exchange(&request));
    seen = server_request(&server);
    assert_memory_equal(seen.text, "PUT /path HTTP/1.1\r\n", 20);
    assert_null(strstr(seen.text, "Content-Type"));
    free(seen.text);

    request = plain_request("GET");
    http_answer_free(exchange(&request));
    seen = server_request(&server);
    assert_memory_equal(seen.text, "GET /path HTTP/1.1\r\n", 20);
    assert_null(strstr(seen.text, "Content-"));
    free(seen.text);
    stop();
}

static void connections(void **state)
{
    static const struct canned answers[] = {
        { .bytes = OK "Content-Length: 0\r\n\r\n" },
        { .bytes = OK "Content-Length: 0\r\n\r\n" },
        { .bytes = OK "Content-Length: 0\r\n\r\n" },
    };
    static const unsigned wanted[] = { 1, 1, 2 };

    (void)state;
    start(answers, 3);
    for (size_t i = 0; i < 3; i++) {
        struct http_request request = plain_request("POST");
        struct server_request seen;
        request.fresh_connection = i == 2;
        http_answer_free(exchange(&request));
        seen = server_request(&server);
        assert_int_equal(seen.connection, wanted[i]);
        free(seen.text);
    }
    stop();
}

/* Answers that are none. */
static void bad_answers(void **state)
{
    static const struct {
        struct canned answer;
        enum aws_problem problem;
        const char *text;
    } cases[] = {
        { { .bytes = OK "Content-Length: 10\r\n\r\nhalf", .closes = true },
          AWS_UNAVAILABLE,
          "cut short" },
        { { .bytes = OK "Transfer-Encoding: chunked\r\n\r\n8\r\nhalf", .closes = true },
          AWS_UNAVAILABLE,
          "" },
        { { .closes = true }, AWS_UNAVAILABLE, "no answer from http://127.0.0.1:" },
        { { .bytes = OK "Content-Length: 101\r\n\r\n", .filler = 4096 },
          AWS_BAD_ANSWER,
          "100 bytes" },
        { { .bytes = OK "\r\n", .closes = true, .filler = 200000 }, AWS_BAD_ANSWER, "100 bytes" },
        { { .bytes = "no HTTP at all\r\n", .closes = true }, AWS_BAD_ANSWER, "" },
        { { .bytes = OK "Content-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip" },
          AWS_BAD_ANSWER,
          "" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        start(&cases[i].answer, 1);
        struct http_request request = plain_request("GET");
        struct http_answer *answer = exchange(&request);
        if (answer->status != 0 || answer->error.problem != cases[i].problem ||
            !strstr(answer->error.text, cases[i].text) || answer->body) {
            fail_msg("%s: %d %s", cases[i].answer.bytes, answer->error.problem, answer->error.text);
        }
        http_answer_free(answer);
        stop();
    }
}

/* The limit counts what comes out of compression: here 1,000 digits out of 29 bytes. */
static void compressed_answers(void **state)
{
    static const char zeros[] = OK
        "Content-Encoding: gzip\r\nContent-Length: 29\r\n\r\n"
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x33\x30\x18\x05\xa3\x60\x14\x0c\x77\x00\x00\x83"
        "\x99\x5f\xa8\xe8\x03\x00\x00";
    static const struct canned answers[] = { { .bytes = zeros, .len = sizeof zeros - 1 },
                                             { .bytes = zeros, .len = sizeof zeros - 1 } };
    struct http_answer *answer;

    (void)state;
    start(answers, 2);
    struct http_request request = plain_request("GET");
    request.answer_max = 1000;
    answer = exchange(&request);
    assert_int_equal(answer->status, 200);
    assert_int_equal(answer->body_len, 1000);
    http_answer_free(answer);
    request.answer_max = 999;
    answer = exchange(&request);
    assert_int_equal(answer->status, 0);
    assert_int_equal(answer->error.problem, AWS_BAD_ANSWER);
    http_answer_free(answer);
    stop();
}

/* A redirect is an answer like any other: nothing is sent to where it points. */
static void redirect(void **state)
{
    static const struct canned answers[] = {
        { .bytes = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" },
        { .bytes = OK "Content-Length: 0\r\n\r\n" },
    };

    (void)state;
    start(answers, 2);
    struct http_request request = plain_request("POST");
    struct http_answer *answer = exchange(&request);
    assert_int_equal(answer->status, 302);
    http_answer_free(answer);
    stop();
}

static void nobody_there(void **state)
{
    static const char *const urls[] = { "http://nowhere.invalid/", NULL };
    struct aws_error error;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int closed = socket(AF_INET, SOCK_STREAM, 0);
    char url[64];

    (void)state;
    /* A port that is taken but does not listen. */
    assert_int_equal(bind(closed, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(closed, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", (unsigned)ntohs(address.sin_port));
    http = http_new("tailgate-test", NULL, &error);
    assert_non_null(http);
    for (size_t i = 0; i < 2; i++) {
        struct http_request request = { .method = "GET",
                                        .url = urls[i] ? urls[i] : url,
                                        .answer_max = 100,
                                        .timeout_ms = PATIENCE_MS,
                                        .no_proxy = true };
        struct http_answer *answer = exchange(&request);
        assert_int_equal(answer->status, 0);
        assert_int_equal(answer->error.problem, AWS_UNAVAILABLE);
        assert_non_null(strstr(answer->error.text, urls[i] ? "nowhere.invalid" : url + 7) ||
                                strstr(answer->error.text, "127.0.0.1")
                            ? ""
                            : NULL);
        http_answer_free(answer);
    }
    http_free(http);
    (void)close(closed);
}

static void time_over(void **state)
{
    static const struct canned answers[] = { { .stalls = true } };

    (void)state;
    start(answers, 1);
    struct http_request request = plain_request("GET");
    request.timeout_ms = 50;
    struct http_answer *answer = exchange(&request);
    assert_int_equal(answer->status, 0);
    assert_int_equal(answer->error.problem, AWS_UNAVAILABLE);
    http_answer_free(answer);
    stop();
}

/* The wait ends when somebody wants the thread, and what was given up is not heard of again. */
static void wake_and_cancel(void **state)
{
    static const struct canned answers[] = { { .stalls = true },
                                             { .bytes = OK "Content-Length: 0\r\n\r\n" } };
    int wake = eventfd(1, 0);
    int first, second;
    struct aws_error error;
    struct server_request seen;
    struct http_answer *answer;

    (void)state;
    start(answers, 2);
    struct http_request request = plain_request("GET");
    assert_true(http_send(http, &request, &first, &error));
    http_wait(http, PATIENCE_MS, wake);
    assert_null(http_finished(http));
    http_cancel(http, &second); /* somebody else's */
    while (poll(&(struct pollfd){ .fd = server.told, .events = POLLIN }, 1, 0) == 0) {
        http_wait(http, 1, -1);
    }
    seen = server_request(&server);
    free(seen.text);
    http_cancel(http, &first);
    assert_true(http_send(http, &request, &second, &error));
    http_wait(http, PATIENCE_MS, -1);
    answer = http_finished(http);
    assert_non_null(answer);
    assert_ptr_equal(answer->owner, &second);
    http_answer_free(answer);
    assert_true(http_send(http, &request, &first, &error)); /* and left to http_free */
    stop();
    (void)close(wake);
}

static void bad_requests(void **state)
{
    static const struct http_header smuggled = { "Authorization", "SECRETWORD\r\nX-Evil: 1" };
    static struct http_header many[HTTP_HEADERS_MAX + 1];
    static const char *const urls[] = { "file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@h/" };
    struct aws_error error;
    int owner;

    (void)state;
    http = http_new("tailgate-test", NULL, &error);
    assert_non_null(http);
    struct http_request request = {
        .method = "GET", .url = "http://127.0.0.1:1/", .answer_max = 1, .timeout_ms = PATIENCE_MS
    };
    request.headers = &smuggled;
    request.header_count = 1;
    assert_false(http_send(http, &request, &owner, &error));
    assert_int_equal(error.problem, AWS_FAILED);
    assert_non_null(strstr(error.text, "Authorization"));
    assert_null(strstr(error.text, "SECRETWORD"));
    for (size_t i = 0; i <= HTTP_HEADERS_MAX; i++) {
        many[i] = (struct http_header){ "A", "b" };
    }
    request.headers = many;
    request.header_count = HTTP_HEADERS_MAX + 1;
    assert_false(http_send(http, &request, &owner, &error));
    request.header_count = 0;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        request.url = urls[i];
        struct http_answer *answer = exchange(&request);
        assert_int_equal(answer->status, 0);
        http_answer_free(answer);
    }
    http_free(http);
    assert_null(http_new("tailgate-test", "/nonexistent/bundle.pem", &error));
    assert_int_equal(error.problem, AWS_FAILED);
    assert_non_null(strstr(error.text, "/nonexistent/bundle.pem"));
}

/* An exchange that must not be seen by a proxy is not. */
static void proxies(void **state)
{
    static const struct canned answers[] = { { .bytes = OK "Content-Length: 0\r\n\r\n" },
                                             { .bytes = OK "Content-Length: 0\r\n\r\n" } };
    struct server_request seen;
    struct http_answer *answer;

    (void)state;
    start(answers, 2);
    setenv("http_proxy", server.url, 1);
    struct http_request request = { .method = "GET",
                                    .url = "http://nowhere.invalid/x",
                                    .answer_max = 9,
                                    .timeout_ms = PATIENCE_MS };
    answer = exchange(&request);
    assert_int_equal(answer->status, 200);
    seen = server_request(&server);
    assert_memory_equal(seen.text, "GET http://nowhere.invalid/x HTTP/1.1\r\n", 39);
    free(seen.text);
    http_answer_free(answer);
    request.no_proxy = true;
    answer = exchange(&request);
    assert_int_equal(answer->status, 0);
    http_answer_free(answer);
    stop();
}

static void plaintext(void **state)
{
    static const struct {
        const char *url;
        bool always, credentials;
    } cases[] = {
        { "http://127.0.0.1/", true, true },
        { "http://127.255.0.9:4566/x", true, true },
        { "http://localhost:80", true, true },
        { "http://[::1]:4566/", true, true },
        { "HTTP://LOCALHOST/", true, true },
        { "http://169.254.169.254/latest", false, true },
        { "http://169.254.170.2/v2", false, true },
        { "http://169.254.170.23/v1", false, true },
        { "http://[fd00:ec2::254]/", false, true },
        { "http://[fd00:0ec2:0::23]/", false, true },
        { "http://169.254.170.3/", false, false },
        { "http://128.0.0.1/", false, false },
        { "http://[::2]/", false, false },
        { "http://localhost.example/", false, false },
        { "http://127.0.0.1.example/", false, false },
        { "http://127.0.0.1@example/", false, false },
        { "http://example/#@127.0.0.1", false, false },
        { "http://example\\@127.0.0.1/", false, false },
        { "https://127.0.0.1/", false, false },
        { "ftp://127.0.0.1/", false, false },
        { "127.0.0.1", false, false },
        { "", false, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (http_plaintext_allowed(cases[i].url, false) != cases[i].always ||
            http_plaintext_allowed(cases[i].url, true) != cases[i].credentials) {
            fail_msg("%s", cases[i].url);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, files_begin, files_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(good_answer), TEST(requests),        TEST(connections),  TEST(bad_answers),
        TEST(redirect),    TEST(nobody_there),    TEST(time_over),    TEST(compressed_answers),
        TEST(proxies),     TEST(wake_and_cancel), TEST(bad_requests), TEST(plaintext),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
