/* SPDX-License-Identifier: Apache-2.0 */
/* Regions, partitions and endpoints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/aws/endpoint.h"
#include "tests/unit/test_aws_files.h"

static void valid_regions(void **state)
{
    static const char *const good[] = { "eu-west-1",       "us-gov-west-1",  "us-iso-east-1",
                                        "ap-southeast-10", "eusc-de-east-1", "cn-north-1",
                                        "us-isob-east-1",  "mx-central-1" };
    static const char *const bad[] = { "",
                                       "eu-west",
                                       "west-1",
                                       "eu-west-",
                                       "eu--1",
                                       "-eu-west-1",
                                       "EU-west-1",
                                       "eu-west-1a",
                                       "eu-west-1\n",
                                       "eu-west-1.evil.example",
                                       "eu-west-1/x",
                                       "evil.example/#-x-1",
                                       "eu-aaaaaaaaaaaaaaaaaaaaaaaaaaaa-1" };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!region_valid(good[i])) {
            fail_msg("%s is refused", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (region_valid(bad[i])) {
            fail_msg("%s is taken", bad[i]);
        }
    }
}

/* Hosts as botocore makes them. */
static void own_endpoints(void **state)
{
    static const struct {
        const char *service, *region, *partition, *url;
    } cases[] = {
        { "logs", "eu-west-1", "aws", "https://logs.eu-west-1.amazonaws.com" },
        { "sns", "us-east-1", "aws", "https://sns.us-east-1.amazonaws.com" },
        { "sts", "il-central-1", "aws", "https://sts.il-central-1.amazonaws.com" },
        { "monitoring", "eu-west-1", "aws", "https://monitoring.eu-west-1.amazonaws.com" },
        { "sns", "cn-north-1", "aws-cn", "https://sns.cn-north-1.amazonaws.com.cn" },
        { "logs", "us-gov-west-1", "aws-us-gov", "https://logs.us-gov-west-1.amazonaws.com" },
        { "logs", "us-iso-east-1", "aws-iso", "https://logs.us-iso-east-1.c2s.ic.gov" },
        { "logs", "us-isob-east-1", "aws-iso-b", "https://logs.us-isob-east-1.sc2s.sgov.gov" },
        { "logs", "eu-isoe-west-1", "aws-iso-e", "https://logs.eu-isoe-west-1.cloud.adc-e.uk" },
        { "logs", "us-isof-south-1", "aws-iso-f", "https://logs.us-isof-south-1.csp.hci.ic.gov" },
        { "logs", "eusc-de-east-1", "aws-eusc", "https://logs.eusc-de-east-1.amazonaws.eu" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char url[256];
        struct aws_error error;
        if (!endpoint_resolve(cases[i].service, cases[i].region, NULL, NULL, url, sizeof url,
                              &error)) {
            fail_msg("%s: %s", cases[i].region, error.text);
        }
        assert_string_equal(url, cases[i].url);
        assert_string_equal(region_partition(cases[i].region), cases[i].partition);
    }
}

static void check_url(const char *service, const char *given, const char *wanted)
{
    char url[256];
    struct aws_error error = { .text = "" };

    if (!endpoint_resolve(service, "eu-west-1", given, NULL, url, sizeof url, &error) ||
        strcmp(url, wanted) != 0) {
        fail_msg("%s for %s, wanted %s %s", url, service, wanted, error.text);
    }
}

static void precedence(void **state)
{
    (void)state;
    files_config("[default]\nendpoint_url = https://profile.example\n"
                 "[profile off]\nendpoint_url = https://off.example\n"
                 "ignore_configured_endpoint_urls = TRUE\n");
    check_url("logs", NULL, "https://profile.example");
    setenv("AWS_ENDPOINT_URL", "https://all.example", 1);
    check_url("logs", NULL, "https://all.example");
    setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:4566", 1);
    setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "https://logs.example:8443/", 1);
    check_url("sns", NULL, "http://127.0.0.1:4566");
    check_url("logs", NULL, "https://logs.example:8443");
    check_url("sts", NULL, "https://all.example");
    setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "https://metrics.example", 1);
    check_url("monitoring", NULL, "https://metrics.example");
    check_url("logs", "https://given.example", "https://given.example");
    setenv("AWS_PROFILE", "off", 1);
    check_url("sns", NULL, "https://sns.eu-west-1.amazonaws.com");
    unsetenv("AWS_PROFILE");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true", 1);
    check_url("sns", NULL, "https://sns.eu-west-1.amazonaws.com");
    check_url("logs", "https://given.example", "https://given.example");
}

/* As the Host header wants it: without the scheme's own port. */
static void given_urls(void **state)
{
    static const struct {
        const char *url, *wanted; /* NULL: refused */
    } cases[] = {
        { "https://vpce-1.logs.eu-west-1.vpce.amazonaws.com/",
          "https://vpce-1.logs.eu-west-1.vpce.amazonaws.com" },
        { "HTTPS://host:443", "https://host" },
        { "http://host:80/", "http://host" },
        { "http://host:443", "http://host:443" },
        { "http://[::1]:4566", "http://[::1]:4566" },
        { "", NULL },
        { "host", NULL },
        { "ftp://host", NULL },
        { "https://", NULL },
        { "https://user:secret@host", NULL },
        { "https://host/path", NULL },
        { "https://host?query", NULL },
        { "https://host:99999", NULL },
        { "https://ho st", NULL },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char url[256];
        struct aws_error error;
        bool good =
            endpoint_resolve("logs", "eu-west-1", cases[i].url, NULL, url, sizeof url, &error);
        if (good != (cases[i].wanted != NULL)) {
            fail_msg("%s: %s", cases[i].url, good ? url : error.text);
        }
        if (good) {
            assert_string_equal(url, cases[i].wanted);
        } else {
            assert_int_equal(error.problem, AWS_FAILED);
            assert_null(strstr(error.text, "secret"));
        }
    }
}

static void refusals(void **state)
{
    char url[256];
    struct aws_error error;

    (void)state;
    assert_false(endpoint_resolve("logs", "eu-west", NULL, NULL, url, sizeof url, &error));
    assert_non_null(strstr(error.text, "eu-west is not a region"));
    setenv("AWS_USE_FIPS_ENDPOINT", "true", 1);
    assert_false(endpoint_resolve("logs", "us-east-1", NULL, NULL, url, sizeof url, &error));
    assert_non_null(strstr(error.text, "AWS_USE_FIPS_ENDPOINT"));
    setenv("AWS_ENDPOINT_URL", "https://logs-fips.us-east-1.amazonaws.com", 1);
    assert_true(endpoint_resolve("logs", "us-east-1", NULL, NULL, url, sizeof url, &error));
    assert_false(endpoint_resolve("logs", "us-east-1", NULL, NULL, url, 10, &error));
    files_config("broken\n");
    assert_false(endpoint_resolve("logs", "us-east-1", NULL, NULL, url, sizeof url, &error));
    assert_non_null(strstr(error.text, "config:1"));
}

static void check_region(const char *given, const char *profile, const char *wanted)
{
    char region[REGION_MAX];

    region_resolve(given, profile, region);
    assert_string_equal(region, wanted);
}

static void regions(void **state)
{
    (void)state;
    check_region(NULL, NULL, "");
    files_config("[default]\nregion = eu-west-3\n[profile x]\nregion = eu-west-4\n");
    check_region(NULL, NULL, "eu-west-3");
    check_region(NULL, "x", "eu-west-4");
    setenv("AWS_DEFAULT_REGION", "eu-west-2", 1);
    check_region(NULL, "x", "eu-west-2");
    setenv("AWS_REGION", "eu-west-1", 1);
    check_region(NULL, NULL, "eu-west-1");
    setenv("AWS_REGION", "", 1);
    check_region(NULL, NULL, "eu-west-2");
    check_region("eu-north-1", NULL, "eu-north-1");
    check_region("much-too-long-to-be-any-region-at-all", NULL, "much-too-long-to-be-any-region-");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, files_begin, files_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(valid_regions), TEST(own_endpoints), TEST(precedence),
        TEST(given_urls),    TEST(refusals),      TEST(regions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
