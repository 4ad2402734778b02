/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of sources, step by step with prepared answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/aws/credentials.h"
#include "agent/aws/credentials_source.h"
#include "tests/unit/test_aws_files.h"

#define NOW_MS     INT64_C(1795356000000) /* 2026-11-22T14:00:00Z */
#define EXPIRATION "2026-11-22T20:00:00Z"
#define KEYS(expiration)                                                                           \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"ASIAKEY\",\"SecretAccessKey\":\"sec/ret+\","          \
    "\"Token\":\"tok==\",\"Expiration\":\"" expiration "\"}"

static struct credentials_chain *chain;
static struct credentials got;
static struct http_request asked;
static struct aws_error error;

static enum credentials_step begin(const char *profile)
{
    credentials_chain_free(chain);
    chain = credentials_chain_new(profile);
    assert_non_null(chain);
    memset(&got, 0, sizeof got);
    memset(&asked, 0, sizeof asked);
    memset(&error, 0, sizeof error);
    return credentials_chain_step(chain, NULL, NOW_MS, &asked, &got, &error);
}

/* Goes on with an answer; status 0 for none. */
static enum credentials_step answer(int status, const char *body)
{
    struct http_answer given = { .status = status, .date_ms = -1 };
    char text[4096];

    (void)snprintf(text, sizeof text, "%s", body);
    given.body = status ? text : NULL;
    given.body_len = status ? strlen(text) : 0;
    given.error.problem = AWS_UNAVAILABLE;
    (void)snprintf(given.error.text, sizeof given.error.text, "no answer from there");
    return credentials_chain_step(chain, &given, NOW_MS, &asked, &got, &error);
}

static void check_asked(const char *method, const char *url, const char *header, const char *value)
{
    assert_string_equal(asked.method, method);
    assert_string_equal(asked.url, url);
    assert_true(asked.no_proxy);
    assert_true(asked.timeout_ms > 0 && asked.timeout_ms <= 60000);
    assert_int_equal(asked.header_count, header ? 1 : 0);
    if (header) {
        assert_string_equal(asked.headers[0].name, header);
        assert_string_equal(asked.headers[0].value, value);
    }
}

static void check_got(const char *source, const char *access_key, const char *secret_key,
                      const char *token, int64_t expires_ms)
{
    assert_string_equal(got.source, source);
    assert_string_equal(got.access_key, access_key);
    assert_string_equal(got.secret_key, secret_key);
    assert_string_equal(got.token, token);
    assert_int_equal(got.expires_ms, expires_ms);
}

static void check_error(enum aws_problem problem, const char *part)
{
    assert_int_equal(error.problem, problem);
    if (!strstr(error.text, part)) {
        fail_msg("\"%s\" is not in: %s", part, error.text);
    }
}

static void environment(void **state)
{
    (void)state;
    setenv("AWS_ACCESS_KEY_ID", "AKIA", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_FAILED);
    check_error(AWS_FAILED, "AWS_SECRET_ACCESS_KEY is not");
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_READY);
    check_got("environment", "AKIA", "secret", "", INT64_MAX);
    setenv("AWS_SESSION_TOKEN", "token", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_READY);
    check_got("environment", "AKIA", "secret", "token", INT64_MAX);
    /* It comes before the profile that the environment names, not before one that was given. */
    files_credentials("[p]\naws_access_key_id=PROFILE\naws_secret_access_key=s\n");
    setenv("AWS_PROFILE", "p", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_READY);
    assert_string_equal(got.source, "environment");
    assert_int_equal(begin("p"), CREDENTIALS_READY);
    check_got("profile", "PROFILE", "s", "", INT64_MAX);
}

/* What no key holds is found before AWS calls the signature wrong. */
static void odd_keys(void **state)
{
    static char long_key[CREDENTIALS_KEY_MAX + 1];
    const char *const odd[] = { "SECRETWORD\n", " SECRETWORD", "SECRET\tWORD", "SECRETWORD\xC3\xA9",
                                long_key };

    (void)state;
    memset(long_key, 'a', CREDENTIALS_KEY_MAX);
    setenv("AWS_ACCESS_KEY_ID", "AKIA", 1);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        setenv("AWS_SECRET_ACCESS_KEY", odd[i], 1);
        assert_int_equal(begin(NULL), CREDENTIALS_FAILED);
        check_error(AWS_FAILED, "secret key from the environment");
        assert_null(strstr(error.text, "WORD"));
        assert_int_equal(got.access_key[0], 0);
    }
    setenv("AWS_SECRET_ACCESS_KEY", long_key + 1, 1);
    assert_int_equal(begin(NULL), CREDENTIALS_READY);
}

static void profiles(void **state)
{
    (void)state;
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    files_credentials("[default]\naws_access_key_id=D\naws_secret_access_key=ds\n"
                      "[half]\naws_access_key_id=H\n"
                      "[both]\naws_access_key_id=FIRST\naws_secret_access_key=fs\n"
                      "aws_session_token=ft\n");
    files_config("[profile both]\naws_access_key_id=LAST\naws_secret_access_key=ls\n"
                 "credential_process=/bin/false\n"
                 "[profile mine]\naws_access_key_id=M\naws_secret_access_key=ms\n"
                 "[profile nothing]\nregion=eu-west-1\n");
    assert_int_equal(begin(NULL), CREDENTIALS_READY);
    check_got("profile", "D", "ds", "", INT64_MAX);
    assert_int_equal(begin("both"), CREDENTIALS_READY);
    check_got("profile", "FIRST", "fs", "ft", INT64_MAX);
    assert_int_equal(begin("mine"), CREDENTIALS_READY);
    check_got("profile", "M", "ms", "", INT64_MAX);
    assert_int_equal(begin("half"), CREDENTIALS_FAILED);
    check_error(AWS_FAILED, "no aws_secret_access_key");
    assert_int_equal(begin("nothing"), CREDENTIALS_ABSENT);
    check_error(AWS_NO_CREDENTIALS, "profile: nothing has no keys");
    assert_int_equal(begin("unknown"), CREDENTIALS_FAILED);
    check_error(AWS_FAILED, "there is no profile unknown in ");
    setenv("AWS_PROFILE", "unknown", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_FAILED);
    files_config("broken");
    assert_int_equal(begin("both"), CREDENTIALS_FAILED);
    check_error(AWS_FAILED, "config:1");
}

/* Ways that are not written yet stop the chain: the next source would be somebody else. */
static void missing_ways(void **state)
{
    static const char *const lines[] = {
        "role_arn = arn:aws:iam::123456789012:role/x\nsource_profile = default\n",
        "web_identity_token_file = /x\nrole_arn = y\n",
        "sso_session = x\n",
        "sso_start_url = https://x\n",
        "credential_process = /bin/x\n",
        "role_arn = x\naws_access_key_id = A\naws_secret_access_key = B\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[512];
        char key[64];
        (void)snprintf(text, sizeof text, "[profile x]\n%s", lines[i]);
        (void)snprintf(key, sizeof key, "has %.*s", i == 1 ? 8 : (int)strcspn(lines[i], " "),
                       i == 1 ? "role_arn" : lines[i]);
        files_config(text);
        assert_int_equal(begin("x"), CREDENTIALS_FAILED);
        check_error(AWS_FAILED, "the profile x in ");
        check_error(AWS_FAILED, "/config");
        check_error(AWS_FAILED, key);
    }
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/token", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_FAILED);
    check_error(AWS_FAILED, "AWS_WEB_IDENTITY_TOKEN_FILE");
    files_config("[profile x]\naws_access_key_id = A\naws_secret_access_key = B\n");
    assert_int_equal(begin("x"), CREDENTIALS_READY); /* a profile outranks the environment */
}

static void container(void **state)
{
    (void)state;
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    check_asked("GET", "http://169.254.170.2/v2/credentials/x", NULL, NULL);
    assert_int_equal(answer(200, KEYS(EXPIRATION)), CREDENTIALS_READY);
    check_got("container", "ASIAKEY", "sec/ret+", "tok==", NOW_MS + INT64_C(6) * 3600 * 1000);
    unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");

    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://[fd00:ec2::23]/v1/credentials", 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "from the variable", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    check_asked("GET", "http://[fd00:ec2::23]/v1/credentials", "Authorization",
                "from the variable");
    /* The file outranks it, and is read each time. */
    files_write("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token", "first\n");
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    check_asked("GET", "http://[fd00:ec2::23]/v1/credentials", "Authorization", "first");
    files_write("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "token", "second");
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    check_asked("GET", "http://[fd00:ec2::23]/v1/credentials", "Authorization", "second");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nonexistent/token", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_FAILED);
    check_error(AWS_FAILED, "/nonexistent/token");
}

static void container_urls(void **state)
{
    static const struct {
        const char *url;
        bool good;
    } cases[] = {
        { "http://127.0.0.1:8080/x", true },        { "http://localhost/x", true },
        { "http://169.254.170.23/v1/c", true },     { "https://anything.example/x", true },
        { "http://anything.example/x", false },     { "http://169.254.170.24/x", false },
        { "http://127.0.0.1@evil.example", false }, { "file:///etc/passwd", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", cases[i].url, 1);
        enum credentials_step step = begin(NULL);
        if (step != (cases[i].good ? CREDENTIALS_SEND : CREDENTIALS_FAILED)) {
            fail_msg("%s: %s", cases[i].url, error.text);
        }
    }
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "@evil.example/", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_FAILED);
    check_error(AWS_FAILED, "not a path");
}

static void container_troubles(void **state)
{
    (void)state;
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    assert_int_equal(answer(0, ""), CREDENTIALS_SEND);
    assert_int_equal(answer(500, ""), CREDENTIALS_SEND);
    assert_int_equal(answer(503, ""), CREDENTIALS_FAILED);
    check_error(AWS_UNAVAILABLE, "HTTP status 503");
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    assert_int_equal(answer(0, ""), CREDENTIALS_SEND);
    assert_int_equal(answer(0, ""), CREDENTIALS_SEND);
    assert_int_equal(answer(0, ""), CREDENTIALS_FAILED);
    check_error(AWS_UNAVAILABLE, "no answer from there");
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    assert_int_equal(answer(403, ""), CREDENTIALS_FAILED);
    check_error(AWS_NO_CREDENTIALS, "HTTP status 403");
}

/* Documents; what cannot be used is refused without telling what was in it. */
static void documents(void **state)
{
    static const struct {
        const char *body, *why; /* NULL: good */
    } cases[] = {
        { KEYS(EXPIRATION), NULL },
        { KEYS("2026-11-22T20:00:00.123Z"), NULL },
        { KEYS("2026-11-22T20:00:00+00:00"), NULL },
        { KEYS("2026-11-22T20:00:00+02:00"), "Expiration" },
        { KEYS("tomorrow"), "Expiration" },
        { KEYS(""), "Expiration" },
        { "", "not JSON" },
        { "[]", "AccessKeyId" },
        { "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"SECRETWORD\",\"Token\":\"t", "cut short" },
        { "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"SECRETWORD\"}", "no Token" },
        { "{\"AccessKeyId\":\"A\",\"Token\":\"SECRETWORD\"}", "no SecretAccessKey" },
        { "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"SECRETWORD \",\"Token\":\"t\"}",
          "secret key" },
        { "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"EC2 cannot assume the role\"}",
          "AssumeRoleUnauthorizedAccess: EC2 cannot" },
    };

    (void)state;
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(begin(NULL), CREDENTIALS_SEND);
        enum credentials_step step = answer(200, cases[i].body);
        if (step != (cases[i].why ? CREDENTIALS_FAILED : CREDENTIALS_READY)) {
            fail_msg("%s: %s", cases[i].body, error.text);
        }
        if (cases[i].why && (!strstr(error.text, cases[i].why) || strstr(error.text, "WORD"))) {
            fail_msg("%s: %s", cases[i].body, error.text);
        }
    }
}

/* Keys that are over already, or never end. */
static void expiries(void **state)
{
    (void)state;
    setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    assert_int_equal(answer(200, KEYS("2026-11-22T13:59:59Z")), CREDENTIALS_READY);
    assert_int_equal(got.expires_ms, NOW_MS + CREDENTIALS_STALE_MS);
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    assert_int_equal(
        answer(200, "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"t\"}"),
        CREDENTIALS_READY);
    assert_int_equal(got.expires_ms, INT64_MAX);
}

#define IMDS "http://169.254.169.254/latest/"

static void imds(void **state)
{
    (void)state;
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    check_asked("PUT", IMDS "api/token", "X-aws-ec2-metadata-token-ttl-seconds", "21600");
    assert_int_equal(asked.timeout_ms, 1000);
    assert_int_equal(answer(200, "TOKEN=="), CREDENTIALS_SEND);
    check_asked("GET", IMDS "meta-data/iam/security-credentials/", "X-aws-ec2-metadata-token",
                "TOKEN==");
    assert_int_equal(answer(200, "role-name\n"), CREDENTIALS_SEND);
    check_asked("GET", IMDS "meta-data/iam/security-credentials/role-name",
                "X-aws-ec2-metadata-token", "TOKEN==");
    assert_int_equal(answer(200, KEYS(EXPIRATION)), CREDENTIALS_READY);
    check_got("imds", "ASIAKEY", "sec/ret+", "tok==", NOW_MS + INT64_C(6) * 3600 * 1000);
}

static void imds_settings(void **state)
{
    static const char *const bad[] = { "http://evil.example", "https://169.254.169.254",
                                       "http://169.254.169.254@evil.example", "ftp://127.0.0.1",
                                       "169.254.169.254" };

    (void)state;
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6", 1);
    setenv("AWS_METADATA_SERVICE_TIMEOUT", "5", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    assert_string_equal(asked.url, "http://[fd00:ec2::254]/latest/api/token");
    assert_int_equal(asked.timeout_ms, 5000);
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338/", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    assert_string_equal(asked.url, "http://127.0.0.1:1338/latest/api/token");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", bad[i], 1);
        if (begin(NULL) != CREDENTIALS_FAILED) {
            fail_msg("%s is taken", bad[i]);
        }
    }
    unsetenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    setenv("AWS_METADATA_SERVICE_TIMEOUT", "0", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_FAILED);
    check_error(AWS_FAILED, "AWS_METADATA_SERVICE_TIMEOUT");
    unsetenv("AWS_METADATA_SERVICE_TIMEOUT");
    setenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "2", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    assert_int_equal(answer(503, ""), CREDENTIALS_SEND);
    assert_string_equal(asked.method, "PUT");
    assert_int_equal(answer(0, ""), CREDENTIALS_ABSENT);
}

/* Version 1 is never asked: each of these would answer a request without a token. */
static void imds_refusals(void **state)
{
    static const int refusals[] = { 0, 403, 404, 405 };

    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        assert_int_equal(begin(NULL), CREDENTIALS_SEND);
        if (refusals[i] == 0) { /* it may only be slow: twice more */
            assert_int_equal(answer(0, ""), CREDENTIALS_SEND);
            assert_int_equal(answer(0, ""), CREDENTIALS_SEND);
        }
        assert_int_equal(answer(refusals[i], ""), CREDENTIALS_ABSENT);
        check_error(AWS_NO_CREDENTIALS, "environment: AWS_ACCESS_KEY_ID is not set; profile: "
                                        "there is no profile default; container: ");
        check_error(AWS_NO_CREDENTIALS, "; imds: ");
    }
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    assert_int_equal(answer(400, ""), CREDENTIALS_FAILED);
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    assert_int_equal(answer(200, ""), CREDENTIALS_FAILED);
    check_error(AWS_BAD_ANSWER, "without a token");
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    assert_int_equal(answer(200, "TOKEN"), CREDENTIALS_SEND);
    assert_int_equal(answer(404, ""), CREDENTIALS_ABSENT);
    check_error(AWS_NO_CREDENTIALS, "the instance has no role");
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    assert_int_equal(answer(200, "TOKEN"), CREDENTIALS_SEND);
    assert_int_equal(answer(200, "../../user-data"), CREDENTIALS_FAILED);
    assert_int_equal(begin(NULL), CREDENTIALS_SEND);
    assert_int_equal(answer(200, "TOKEN"), CREDENTIALS_SEND);
    assert_int_equal(answer(200, "role"), CREDENTIALS_SEND);
    assert_int_equal(answer(401, ""), CREDENTIALS_FAILED);
    check_error(AWS_UNAVAILABLE, "HTTP status 401");
    setenv("AWS_EC2_METADATA_DISABLED", "TRUE", 1);
    assert_int_equal(begin(NULL), CREDENTIALS_ABSENT);
    check_error(AWS_NO_CREDENTIALS, "AWS_EC2_METADATA_DISABLED");
}

static int end(void **state)
{
    credentials_chain_free(chain);
    chain = NULL;
    return files_end(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, files_begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(environment), TEST(odd_keys),           TEST(profiles),      TEST(missing_ways),
        TEST(container),   TEST(container_urls),     TEST(documents),     TEST(expiries),
        TEST(imds),        TEST(container_troubles), TEST(imds_settings), TEST(imds_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
