/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures against AWS's published test cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "agent/aws/sigv4.h"
#include "tests/unit/test_aws_data.h"

#define CASES_EXPECTED 38 /* all there are; a case that is left out must be left out on purpose */
#define HEADERS_MAX    12

/* A request as text, taken apart in place. */
struct parsed {
    const char *method, *path, *query, *body;
    struct sigv4_header headers[HEADERS_MAX];
    size_t header_count;
};

static const char *text_of(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;

    return json_object_object_get_ex(object, name, &value) ? json_object_get_string(value) : NULL;
}

static bool flag_of(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;

    return json_object_object_get_ex(object, name, &value) && json_object_get_boolean(value);
}

static void add_header(struct parsed *parsed, const char *name, const char *value)
{
    assert_true(parsed->header_count < HEADERS_MAX);
    parsed->headers[parsed->header_count++] = (struct sigv4_header){ name, value };
}

static void parse_target(struct parsed *parsed, char *line)
{
    char *path = strchr(line, ' ') + 1;
    char *version = strstr(path, " HTTP/1.1");
    char *query = strchr(path, '?');

    assert_non_null(version);
    path[-1] = *version = '\0';
    parsed->method = line;
    parsed->path = path;
    parsed->query = "";
    if (query) {
        *query = '\0';
        parsed->query = query + 1;
    }
}

/* A line that begins with a blank goes on with the value of the line before. */
static void parse_headers(struct parsed *parsed, char *lines)
{
    char *line = lines;

    while (*line != '\0' && *line != '\n') {
        char *colon = strchr(line, ':');
        char *end = strchr(line, '\n');
        while (end && (end[1] == ' ' || end[1] == '\t')) {
            end = strchr(end + 1, '\n');
        }
        assert_non_null(colon);
        *colon = '\0';
        if (end) {
            *end = '\0';
        }
        add_header(parsed, line, colon + 1);
        line = end ? end + 1 : line + strlen(line);
    }
    parsed->body = *line == '\n' ? line + 1 : "";
}

static void parse_request(struct parsed *parsed, char *text)
{
    char *end = strchr(text, '\n');

    assert_non_null(end);
    *end = '\0';
    parse_target(parsed, text);
    parse_headers(parsed, end + 1);
}

static void check_text(const char *name, const char *what, const char *got, const char *wanted)
{
    if (!got || strcmp(got, wanted) != 0) {
        fail_msg("%s: the %s is\n%s\nnot\n%s", name, what, got ? got : "(none)", wanted);
    }
}

static void run_case(struct json_object *vector)
{
    struct parsed parsed = { 0 };
    struct json_object *context = json_object_object_get(vector, "context");
    struct json_object *keys = json_object_object_get(context, "credentials");
    const char *name = text_of(vector, "name");
    const char *token = text_of(keys, "token");
    char *request = strdup(text_of(vector, "request"));
    char date[SIGV4_DATE_SIZE], authorization[SIGV4_AUTHORIZATION_MAX];
    const char *body_hash, *last_line;
    struct sigv4_steps steps;
    struct tm time = { 0 };

    assert_non_null(request);
    assert_non_null(strptime(text_of(context, "timestamp"), "%Y-%m-%dT%H:%M:%SZ", &time));
    sigv4_date(timegm(&time), date);
    parse_request(&parsed, request);
    add_header(&parsed, "X-Amz-Date", date);
    if (token && !flag_of(context, "omit_session_token")) {
        add_header(&parsed, "X-Amz-Security-Token", token);
    }
    if (flag_of(context, "sign_body")) {
        /* The header holds the hash of the body, which is what a canonical request ends with. */
        last_line = strrchr(text_of(vector, "canonical_request"), '\n');
        body_hash = last_line + 1;
        add_header(&parsed, "X-Amz-Content-Sha256", body_hash);
    }
    struct sigv4_request to_sign = {
        .method = parsed.method,
        .path = parsed.path,
        .query = parsed.query,
        .headers = parsed.headers,
        .header_count = parsed.header_count,
        .body = parsed.body,
        .body_len = strlen(parsed.body),
        .normalize_path = flag_of(context, "normalize"),
    };
    struct sigv4_scope scope = {
        .access_key = text_of(keys, "access_key_id"),
        .secret_key = text_of(keys, "secret_access_key"),
        .region = text_of(context, "region"),
        .service = text_of(context, "service"),
        .date = date,
    };
    assert_true(sigv4_sign(&to_sign, &scope, authorization, &steps));
    check_text(name, "canonical request", steps.canonical_request,
               text_of(vector, "canonical_request"));
    check_text(name, "string to sign", steps.string_to_sign, text_of(vector, "string_to_sign"));
    check_text(name, "signature", steps.signature, text_of(vector, "signature"));
    assert_non_null(strstr(authorization, steps.signature));
    free(steps.canonical_request);
    free(steps.string_to_sign);
    free(request);
}

static void published_cases(void **state)
{
    char path[512];
    struct json_object *vectors;
    size_t run = 0;

    (void)state;
    data_path("sigv4-vectors.json", path);
    vectors = json_object_from_file(path);
    assert_non_null(vectors);
    size_t count = (size_t)json_object_array_length(vectors);
    for (; run < count; run++) {
        run_case(json_object_array_get_idx(vectors, run));
    }
    print_message("%zu of %zu cases of sigv4-vectors.json run, 0 left out\n", run, count);
    assert_true(run >= CASES_EXPECTED);
    json_object_put(vectors);
}

static const struct sigv4_scope plain_scope = { "AKIDEXAMPLE", "secret", "us-east-1", "service",
                                                "20150830T123600Z" };

/* The header that is sent, in the form the documentation gives it. */
static void authorization_header(void **state)
{
    struct sigv4_header headers[] = { { "X-Amz-Date", "20150830T123600Z" },
                                      { "Host", "example.amazonaws.com" } };
    struct sigv4_request request = { .method = "GET",
                                     .path = "/",
                                     .query = "",
                                     .headers = headers,
                                     .header_count = 2,
                                     .normalize_path = true };
    char authorization[SIGV4_AUTHORIZATION_MAX];
    static const char start[] =
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=";

    (void)state;
    assert_true(sigv4_sign(&request, &plain_scope, authorization, NULL));
    assert_memory_equal(authorization, start, sizeof start - 1);
    assert_int_equal(strlen(authorization), sizeof start - 1 + 64);
}

/* Paths and queries of which the published cases have none. */
static void encoding(void **state)
{
    static const struct {
        const char *path, *query, *wanted;
        bool normalize;
    } cases[] = {
        { "/a%20b", "", "GET\n/a%2520b\n\n", true },
        { "/a%20b", "", "GET\n/a%20b\n\n", false },
        { "/../../a/./b/../c", "", "GET\n/a/c\n\n", true },
        { "/a/..", "", "GET\n/\n\n", true },
        { "/a/b/", "", "GET\n/a/b/\n\n", true },
        { "/", "b=2&a=2&a=1&&c", "GET\n/\n=&a=1&a=2&b=2&c=\n", true },
        { "/", "a=b=c&a-b=%2f", "GET\n/\na=b%3Dc&a-b=%2f\n", true },
    };
    struct sigv4_header header = { "Host", "h" };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sigv4_request request = { .method = "GET",
                                         .path = cases[i].path,
                                         .query = cases[i].query,
                                         .headers = &header,
                                         .header_count = 1,
                                         .normalize_path = cases[i].normalize };
        char authorization[SIGV4_AUTHORIZATION_MAX];
        struct sigv4_steps steps;
        assert_true(sigv4_sign(&request, &plain_scope, authorization, &steps));
        if (strncmp(steps.canonical_request, cases[i].wanted, strlen(cases[i].wanted)) != 0) {
            fail_msg("%s?%s: %s", cases[i].path, cases[i].query, steps.canonical_request);
        }
        free(steps.canonical_request);
        free(steps.string_to_sign);
    }
}

/* What passes a limit is refused, not cut. */
static void limits(void **state)
{
    struct sigv4_header headers[SIGV4_HEADERS_MAX + 1];
    char authorization[SIGV4_AUTHORIZATION_MAX];
    char long_text[70000];
    struct sigv4_scope scope = plain_scope;
    struct sigv4_request request = {
        .method = "GET", .path = "/", .query = "", .headers = headers, .header_count = 1
    };

    (void)state;
    for (size_t i = 0; i <= SIGV4_HEADERS_MAX; i++) {
        headers[i] = (struct sigv4_header){ "Host", "h" };
    }
    request.header_count = SIGV4_HEADERS_MAX;
    assert_true(sigv4_sign(&request, &scope, authorization, NULL));
    request.header_count = SIGV4_HEADERS_MAX + 1;
    assert_false(sigv4_sign(&request, &scope, authorization, NULL));
    request.header_count = 1;
    memset(long_text, 'a', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    headers[0].value = long_text;
    assert_false(sigv4_sign(&request, &scope, authorization, NULL));
    headers[0].value = "h";
    scope.secret_key = long_text;
    assert_false(sigv4_sign(&request, &scope, authorization, NULL));
    scope.secret_key = "secret";
    scope.access_key = long_text;
    assert_false(sigv4_sign(&request, &scope, authorization, NULL));
    scope.access_key = "key";
    memset(long_text, '&', SIGV4_PARAMETERS_MAX + 1);
    long_text[SIGV4_PARAMETERS_MAX + 1] = '\0';
    request.query = long_text;
    assert_false(sigv4_sign(&request, &scope, authorization, NULL));
}

static void dates(void **state)
{
    static const struct {
        int64_t seconds;
        const char *date;
    } cases[] = {
        { 0, "19700101T000000Z" },
        { 1440938160, "20150830T123600Z" },
        { 1709208000, "20240229T120000Z" },
        { 253402300799, "99991231T235959Z" },
        { 253402300800, "19700101T000000Z" }, /* no such date can be sent */
    };
    char date[SIGV4_DATE_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sigv4_date(cases[i].seconds, date);
        assert_string_equal(date, cases[i].date);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_cases), cmocka_unit_test(authorization_header),
        cmocka_unit_test(encoding),        cmocka_unit_test(limits),
        cmocka_unit_test(dates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
