/* SPDX-License-Identifier: Apache-2.0 */
/* Calls as a whole, against a server with prepared answers: credentials, signatures, the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/aws/aws.h"
#include "agent/aws/credentials.h"
#include "agent/aws/logs.h"
#include "agent/aws/sts.h"
#include "tests/unit/test_aws_files.h"
#include "tests/unit/test_aws_server.h"

#define PATIENCE_MS 20000
#define DATE_MS     INT64_C(1795356000000) /* the Date below */
#define DATE        "Date: Sun, 22 Nov 2026 14:00:00 GMT\r\n"
#define MINUTE_MS   INT64_C(60000)

#define ANSWER(status, headers, body)                                                              \
    "HTTP/1.1 " status " x\r\nConnection: close\r\n" headers "\r\n" body
#define GOOD        ANSWER("200", DATE, "{\"events\":[]}")
#define ERROR(code) ANSWER("400", DATE, "{\"__type\":\"" code "\",\"message\":\"why\"}")
#define KEYS(key, expiration)                                                                      \
    ANSWER("200", "",                                                                              \
           "{\"AccessKeyId\":\"" key "\",\"SecretAccessKey\":\"s\",\"Token\":\"token-" key         \
           "\",\"Expiration\":\"" expiration "\"}")

static int64_t now; /* the host's clock */
static struct server server;
static struct aws *aws;

static int64_t host_now(void *clock)
{
    return *(int64_t *)clock;
}

static void start_canned(const struct canned *answers, size_t count)
{
    struct aws_options options = { .user_agent = "test", .now_ms = host_now, .clock = &now };
    struct aws_error error;

    server_start(&server, answers, count);
    options.endpoint_url = server.url;
    now = DATE_MS;
    aws = aws_new(&options, &error);
    assert_non_null(aws);
}

/* Begins with answers that all close their connection: so they come in the order of the requests.
 */
static void start(const char *const *answers, size_t count)
{
    struct canned canned[16] = { { .bytes = NULL } };

    assert_true(count <= 16);
    for (size_t i = 0; i < count; i++) {
        canned[i] = (struct canned){ .bytes = answers[i], .closes = true };
    }
    start_canned(canned, count);
}

static void stop(void)
{
    aws_free(aws);
    server_stop(&server);
}

#define START(...)                                                                                 \
    start((const char *const[]){ __VA_ARGS__ },                                                    \
          sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static void use_environment(void)
{
    setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
}

static void use_container(void)
{
    char url[128];

    (void)snprintf(url, sizeof url, "%s/keys", server.url);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
}

static void send_filter(void *owner, const char *token)
{
    struct logs_filter filter = {
        .region = "eu-west-1", .group = "/g", .start = 1, .end = INT64_MAX, .token = token
    };
    struct aws_error error;

    if (!logs_filter_send(aws, &filter, owner, &error)) {
        fail_msg("%s", error.text);
    }
}

/* Makes a call and returns what came of it. */
static struct aws_error call_with(const char *token)
{
    struct aws_answer *answer;
    struct aws_error error;

    send_filter(&error, token);
    aws_wait(aws, PATIENCE_MS, -1);
    answer = aws_finished(aws);
    assert_non_null(answer);
    assert_ptr_equal(answer->owner, &error);
    assert_int_equal(answer->body != NULL, answer->error.problem == AWS_OK);
    error = answer->error;
    aws_answer_free(answer);
    return error;
}

static struct aws_error call(void)
{
    return call_with(NULL);
}

static void check(struct aws_error error, enum aws_problem problem)
{
    if (error.problem != problem) {
        fail_msg("%d, wanted %d: %s", error.problem, problem, error.text);
    }
}

/* The next request must hold each of two texts. */
static void check_seen(const char *first, const char *second)
{
    struct server_request seen = server_request(&server);

    if (!strstr(seen.text, first) || !strstr(seen.text, second)) {
        fail_msg("%s and %s are not both in: %s", first, second, seen.text);
    }
    free(seen.text);
}

static void signed_request(void **state)
{
    (void)state;
    use_environment();
    setenv("AWS_SESSION_TOKEN", "session", 1);
    START(GOOD);
    assert_null(aws_credentials_source(aws));
    check(call(), AWS_OK);
    struct server_request seen = server_request(&server);
    assert_memory_equal(seen.text, "POST / HTTP/1.1\r\n", 17);
    assert_non_null(strstr(seen.text, "\r\nX-Amz-Target: Logs_20140328.FilterLogEvents\r\n"));
    assert_non_null(strstr(seen.text, "\r\nX-Amz-Date: 20261122T140000Z\r\n"));
    assert_non_null(strstr(seen.text, "\r\nX-Amz-Security-Token: session\r\n"));
    assert_non_null(strstr(seen.text, "\r\nContent-Type: application/x-amz-json-1.1\r\n"));
    assert_non_null(
        strstr(seen.text,
               "\r\nAuthorization: AWS4-HMAC-SHA256 "
               "Credential=AKIAIOSFODNN7EXAMPLE/20261122/eu-west-1/logs/aws4_request, "
               "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "));
    assert_non_null(strstr(seen.text, "\r\n\r\n{\"logGroupName\":\"/g\",\"startTime\":1}"));
    free(seen.text);
    assert_string_equal(aws_credentials_source(aws), "environment");
    stop();
}

static void identity(void **state)
{
    static const char *const bodies[] = {
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>",
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>12345678901</Account>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>",
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>12345678901x</Account>"
        "</GetCallerIdentityResult></GetCallerIdentityResponse>",
        "<GetCallerIdentityResponse/>",
        "",
    };
    char account[ACCOUNT_MAX];
    struct aws_error error;

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        bool good = sts_identity_read(bodies[i], strlen(bodies[i]), account, &error);
        assert_int_equal(good, i == 0);
        assert_string_equal(account, good ? "123456789012" : "");
    }
    use_environment();
    START(ANSWER("200", DATE, ""));
    assert_true(sts_identity_send(aws, "eu-west-1", &error, &error));
    aws_wait(aws, PATIENCE_MS, -1);
    aws_answer_free(aws_finished(aws));
    check_seen("/eu-west-1/sts/aws4_request",
               "\r\n\r\nAction=GetCallerIdentity&Version=2011-06-15");
    stop();
}

/* Calls started while credentials are fetched wait for them; one fetch serves them all. */
static void waiting_calls(void **state)
{
    int owners[3];
    (void)state;
    START(KEYS("ASIA1", "2026-11-22T20:00:00Z"), GOOD, GOOD);
    use_container();
    for (size_t i = 0; i < 3; i++) {
        send_filter(&owners[i], NULL);
    }
    aws_cancel(aws, &owners[1]);
    for (size_t i = 0; i < 2; i++) {
        aws_wait(aws, PATIENCE_MS, -1);
        struct aws_answer *answer = aws_finished(aws);
        assert_non_null(answer);
        check(answer->error, AWS_OK);
        assert_ptr_not_equal(answer->owner, &owners[1]);
        aws_answer_free(answer);
    }
    assert_null(aws_finished(aws));
    check_seen("GET /keys", "");
    check_seen("Credential=ASIA1/", "X-Amz-Security-Token: token-ASIA1");
    check_seen("Credential=ASIA1/", "");
    assert_string_equal(aws_credentials_source(aws), "container");
    stop();
}

/* Without credentials each waiting call fails, and says what it was and what was looked for. */
static void no_credentials(void **state)
{
    struct aws_error error;

    (void)state;
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    START(GOOD);
    error = call();
    check(error, AWS_NO_CREDENTIALS);
    assert_non_null(strstr(error.text, "FilterLogEvents on /g: no credentials were found ("));
    use_environment(); /* somebody has put them there: the next call looks again */
    check(call(), AWS_OK);
    stop();
}

/* Answers for the tests of renewal: they tell no time, so the host's clock is what counts. */
#define UNDATED                                                                                    \
    {                                                                                              \
        .bytes = ANSWER("200", "", "{}"), .closes = true, .again = true, .to = "POST"              \
    }
#define NEW_KEYS(key, expiration)                                                                  \
    {                                                                                              \
        .bytes = KEYS(key, expiration), .closes = true, .to = "GET"                                \
    }
#define NO_KEYS                                                                                    \
    {                                                                                              \
        .bytes = ANSWER("500", "", ""), .closes = true, .to = "GET"                                \
    }
#define END_MS (DATE_MS + INT64_C(360) * MINUTE_MS) /* 20:00 */

/* Whether the next call of the service was signed with a key; requests for keys are passed over. */
static bool signed_with(const char *key)
{
    for (;;) {
        struct server_request seen = server_request(&server);
        bool posted = strncmp(seen.text, "POST", 4) == 0;
        bool found = strstr(seen.text, key) != NULL;
        free(seen.text);
        if (posted) {
            return found;
        }
    }
}

/* From a quarter of an hour before their end credentials are renewed while calls go on. */
static void early_renewal(void **state)
{
    static const struct canned answers[] = { NEW_KEYS("FIRST", "2026-11-22T20:00:00Z"), UNDATED,
                                             NEW_KEYS("SECOND", "2026-11-23T02:00:00Z") };
    int tries = 0;

    (void)state;
    start_canned(answers, 3);
    use_container();
    check(call(), AWS_OK);
    assert_true(signed_with("Credential=FIRST/"));
    now = END_MS - CREDENTIALS_REFRESH_MS - 1;
    check(call(), AWS_OK);
    check_seen("POST /", "Credential=FIRST/"); /* and no request for keys before it */
    now++;
    check(call(), AWS_OK);
    assert_true(signed_with("Credential=FIRST/"));
    do {
        check(call(), AWS_OK);
        assert_true(tries++ < 1000);
    } while (!signed_with("Credential=SECOND/"));
    stop();
}

/* From ten minutes before it calls wait for the new ones; when there are none the old ones serve.
 */
static void late_renewal(void **state)
{
    static const struct canned answers[] = {
        NEW_KEYS("FIRST", "2026-11-22T20:00:00Z"), UNDATED, NO_KEYS, NO_KEYS, NO_KEYS,
        NEW_KEYS("SECOND", "2026-11-23T02:00:00Z")
    };

    (void)state;
    start_canned(answers, 6);
    use_container();
    check(call(), AWS_OK);
    assert_true(signed_with("Credential=FIRST/"));
    now = END_MS - CREDENTIALS_MANDATORY_MS;
    check(call(), AWS_OK);
    for (size_t i = 0; i < 3; i++) {
        check_seen("GET /keys", "");
    }
    assert_true(signed_with("Credential=FIRST/"));
    now += AWS_REFRESH_RETRY_MS - 1; /* too early for another try */
    check(call(), AWS_OK);
    check_seen("POST /", "Credential=FIRST/");
    now++;
    check(call(), AWS_OK);
    check_seen("GET /keys", "");
    check_seen("POST /", "Credential=SECOND/");
    stop();
}

/* After their end they are of no use. */
static void too_late_renewal(void **state)
{
    static const struct canned answers[] = {
        NEW_KEYS("FIRST", "2026-11-22T20:00:00Z"), UNDATED, NO_KEYS, NO_KEYS, NO_KEYS,
        NEW_KEYS("SECOND", "2026-11-23T02:00:00Z")
    };
    struct aws_error error;

    (void)state;
    start_canned(answers, 6);
    use_container();
    check(call(), AWS_OK);
    now = END_MS;
    error = call();
    check(error, AWS_UNAVAILABLE);
    assert_non_null(strstr(error.text, "HTTP status 500"));
    check(call(), AWS_OK);
    assert_true(signed_with("Credential=FIRST/"));
    assert_true(signed_with("Credential=SECOND/"));
    stop();
}

/* An endpoint that has no newer keys yet is not asked at every call. */
static void same_keys_again(void **state)
{
    static const struct canned answers[] = { NEW_KEYS("FIRST", "2026-11-22T14:05:00Z"), UNDATED,
                                             NEW_KEYS("FIRST", "2026-11-22T14:05:00Z") };

    (void)state;
    start_canned(answers, 3);
    use_container();
    check(call(), AWS_OK);
    check_seen("GET /keys", "");
    check_seen("POST /", "Credential=FIRST/");
    check(call(), AWS_OK);
    check_seen("POST /", "Credential=FIRST/");
    now += AWS_REFRESH_RETRY_MS;
    check(call(), AWS_OK);
    check_seen("GET /keys", "");
    check_seen("POST /", "Credential=FIRST/");
    stop();
}

/* The host's clock, with answers that agree with it. */
static void clock_of_service(void **state)
{
    bool known;
    int64_t time;

    (void)state;
    use_environment();
    START(GOOD, GOOD, GOOD, GOOD);
    now = DATE_MS + 300; /* the header leaves parts of a second out */
    assert_int_equal(aws_service_time(aws, &known), now);
    assert_false(known);
    check(call(), AWS_OK);
    assert_int_equal(aws_service_time(aws, &known), DATE_MS);
    assert_true(known);
    now = DATE_MS - 500; /* less is known to be too little: up to the header */
    check(call(), AWS_OK);
    assert_int_equal(aws_service_time(aws, &known), DATE_MS);
    now = DATE_MS + 400; /* within the header's second: stays as it is */
    check(call(), AWS_OK);
    time = aws_service_time(aws, &known);
    assert_int_equal(time, DATE_MS + 900);
    now = DATE_MS + 700; /* beyond it: back */
    check(call(), AWS_OK);
    assert_int_equal(aws_service_time(aws, &known), DATE_MS);
    stop();
}

static void wrong_clock(void **state)
{
    static const int64_t offsets[] = { 10 * MINUTE_MS, -10 * MINUTE_MS, MINUTE_MS * 1440 * 365 };
    struct aws_error error;
    bool known;

    (void)state;
    use_environment();
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        START(ERROR("InvalidSignatureException"), GOOD);
        now = DATE_MS + offsets[i];
        error = call();
        check(error, AWS_SKEWED);
        assert_non_null(strstr(error.text, offsets[i] > 0 ? "fast" : "slow"));
        assert_int_equal(aws_service_time(aws, &known), DATE_MS);
        check(call(), AWS_OK);
        free(server_request(&server).text);
        check_seen("X-Amz-Date: 20261122T140000Z", "/20261122/");
        stop();
    }
    /* A difference of some seconds changes nothing in the signature. */
    START(GOOD, GOOD);
    now = DATE_MS + AWS_CLOCK_NOISE_MS - 1000;
    check(call(), AWS_OK);
    check(call(), AWS_OK);
    free(server_request(&server).text);
    check_seen("X-Amz-Date: 20261122T140059Z", "");
    stop();
}

/* Credentials that AWS does not take any more are not used again. */
static void dropped_credentials(void **state)
{
    struct aws_error error;

    (void)state;
    START(KEYS("FIRST", "2026-11-22T20:00:00Z"), ERROR("ExpiredTokenException"),
          KEYS("SECOND", "2026-11-22T20:00:00Z"), ERROR("UnrecognizedClientException"),
          KEYS("THIRD", "2026-11-22T20:00:00Z"), ERROR("AccessDeniedException"), GOOD);
    use_container();
    error = call();
    check(error, AWS_EXPIRED);
    assert_null(aws_credentials_source(aws));
    check(call(), AWS_REFUSED);
    check(call(), AWS_DENIED);
    check(call(), AWS_OK);
    for (size_t i = 0; i < 3; i++) {
        static const char *const keys[] = { "Credential=FIRST/", "Credential=SECOND/",
                                            "Credential=THIRD/" };
        check_seen("GET /keys", "");
        check_seen(keys[i], "");
    }
    check_seen("Credential=THIRD/", "");
    stop();
}

/* A source that had credentials and has none for the moment will have some again. */
static void lost_source(void **state)
{
    (void)state;
    START(KEYS("FIRST", "2026-11-22T20:00:00Z"), ERROR("ExpiredTokenException"),
          ANSWER("404", "", ""), KEYS("SECOND", "2026-11-22T20:00:00Z"), GOOD);
    use_container();
    check(call(), AWS_EXPIRED);
    check(call(), AWS_UNAVAILABLE);
    check(call(), AWS_OK);
    stop();
}

static void page_tokens(void **state)
{
    (void)state;
    use_environment();
    START(ERROR("InvalidParameterException"), ERROR("InvalidParameterException"));
    check(call_with("token"), AWS_BAD_TOKEN);
    check_seen("\"nextToken\":\"token\"", "");
    check(call(), AWS_INVALID);
    stop();
}

static void no_answer(void **state)
{
    struct aws_error error;

    (void)state;
    use_environment();
    START(NULL);
    error = call();
    check(error, AWS_UNAVAILABLE);
    assert_non_null(strstr(error.text, "FilterLogEvents on /g: no answer from http://127.0.0.1:"));
    stop();
}

static void plain_text(void **state)
{
    struct aws_options options = { .endpoint_url = "http://logs.example",
                                   .user_agent = "test",
                                   .now_ms = host_now,
                                   .clock = &now };
    struct logs_filter filter = { .region = "eu-west-1", .group = "/g", .end = INT64_MAX };
    struct aws_error error;

    (void)state;
    use_environment();
    aws = aws_new(&options, &error);
    assert_non_null(aws);
    assert_false(logs_filter_send(aws, &filter, aws, &error));
    check(error, AWS_FAILED);
    assert_non_null(strstr(error.text, "plain text"));
    filter.region = "nowhere";
    assert_false(logs_filter_send(aws, &filter, aws, &error));
    aws_free(aws);
    options.allow_plaintext = true;
    filter.region = "eu-west-1";
    aws = aws_new(&options, &error);
    assert_non_null(aws);
    assert_true(logs_filter_send(aws, &filter, aws, &error));
    aws_free(aws);
}

/* What may go in plain text to this host goes to no proxy. */
static void loopback_past_proxies(void **state)
{
    (void)state;
    use_environment();
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    START(GOOD);
    check(call(), AWS_OK);
    stop();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, files_begin, files_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(signed_request),        TEST(identity),        TEST(waiting_calls),
        TEST(no_credentials),        TEST(early_renewal),   TEST(late_renewal),
        TEST(too_late_renewal),      TEST(same_keys_again), TEST(wrong_clock),
        TEST(dropped_credentials),   TEST(lost_source),     TEST(clock_of_service),
        TEST(page_tokens),           TEST(no_answer),       TEST(plain_text),
        TEST(loopback_past_proxies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
