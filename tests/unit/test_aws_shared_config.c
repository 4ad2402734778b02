/* SPDX-License-Identifier: Apache-2.0 */
/* The files that AWS's tools share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "agent/aws/shared_config.h"
#include "tests/unit/test_aws_files.h"

static void check_value(const struct shared_config *config, const char *profile, const char *name,
                        const char *wanted)
{
    const char *value = shared_config_find(config, profile, name);

    if (!value || !wanted ? value != wanted : strcmp(value, wanted) != 0) {
        fail_msg("%s of %s is %s, not %s", name, profile, value ? value : "(none)",
                 wanted ? wanted : "(none)");
    }
}

static struct shared_config *load(void)
{
    struct aws_error error;
    struct shared_config *config = shared_config_load(&error);

    if (!config) {
        fail_msg("%s", error.text);
    }
    return config;
}

static void values(void **state)
{
    struct shared_config *config;

    (void)state;
    files_credentials("\xEF\xBB\xBF# a comment\n"
                      "[default]\r\n"
                      "aws_access_key_id = AKIA1 \r\n"
                      "AWS_SECRET_ACCESS_KEY=sec#ret/=+;x\r\n"
                      "aws_session_token: token ; not the token\n"
                      "[other]  ; behind a section\n"
                      "  aws_access_key_id = indented\n"
                      "  aws_secret_access_key = too\n"
                      "region = first\n"
                      "region = second\n"
                      "empty =\n");
    files_config("[profile other]\n"
                 "region = from config\n"
                 "output = json\n"
                 "s3 =\n"
                 "  endpoint_url = http://not.this\n"
                 "  aws_access_key_id = nested\n"
                 "; comment\n"
                 "endpoint_url = http://host:1 # why\n"
                 "[profile \"with blank\"]\n"
                 "region = quoted\n"
                 "[other]\n"
                 "output = not a profile\n"
                 "[sso-session x]\n"
                 "sso_region = hidden\n"
                 "[default]\n"
                 "region = of default");
    config = load();
    check_value(config, "default", "aws_access_key_id", "AKIA1");
    check_value(config, "default", "aws_secret_access_key", "sec#ret/=+;x");
    check_value(config, "default", "aws_session_token", "token");
    check_value(config, "default", "region", "of default");
    check_value(config, "other", "aws_access_key_id", "indented");
    check_value(config, "other", "aws_secret_access_key", "too");
    check_value(config, "other", "region", "second");
    check_value(config, "other", "empty", NULL);
    check_value(config, "other", "output", "json");
    check_value(config, "other", "endpoint_url", "http://host:1");
    check_value(config, "with blank", "region", "quoted");
    check_value(config, "sso-session x", "sso_region", NULL);
    check_value(config, "none", "region", NULL);
    assert_string_equal(shared_config_get(config, SHARED_CONFIG, "other", "region"), "from config");
    assert_null(shared_config_get(config, SHARED_CONFIG, "other", "aws_access_key_id"));
    assert_true(shared_config_has_profile(config, "with blank"));
    assert_false(shared_config_has_profile(config, "x"));
    assert_string_equal(shared_config_path(config, SHARED_CONFIG), files_path("config"));
    shared_config_free(config);
}

static void bad_lines(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "[default\n", "credentials:1: a section" },
        { "[default]\n\nSECRETWORD\n", "credentials:3: neither" },
        { "[default]\n= SECRETWORD\n", "credentials:2: neither" },
        { "aws_secret_access_key = SECRETWORD\n", "credentials:1: a value before" },
    };
    struct aws_error error;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        files_credentials(cases[i].text);
        assert_null(shared_config_load(&error));
        assert_int_equal(error.problem, AWS_FAILED);
        if (!strstr(error.text, cases[i].why) || strstr(error.text, "SECRETWORD")) {
            fail_msg("%s: %s", cases[i].text, error.text);
        }
    }
}

static void no_text(void **state)
{
    struct aws_error error;
    struct shared_config *config = shared_config_new();

    (void)state;
    assert_non_null(config);
    assert_false(shared_config_read(config, SHARED_CONFIG, "config", "[a]\n\0b=c\n", 9, &error));
    assert_non_null(strstr(error.text, "NUL"));
    shared_config_free(config);
}

static void too_large(void **state)
{
    FILE *file;
    struct aws_error error;

    (void)state;
    files_config("");
    file = fopen(files_path("config"), "wb");
    assert_non_null(file);
    for (int i = 0; i <= SHARED_CONFIG_SIZE_MAX; i++) {
        (void)fputc('\n', file);
    }
    assert_int_equal(fclose(file), 0);
    assert_null(shared_config_load(&error));
    assert_non_null(strstr(error.text, "config cannot be read"));
}

static void missing_files(void **state)
{
    struct shared_config *config;
    struct aws_error error;
    char folder[256];

    (void)state;
    config = load(); /* neither exists */
    assert_false(shared_config_has_profile(config, "default"));
    shared_config_free(config);
    assert_int_equal(unsetenv("HOME"), 0);
    config = load(); /* nor is known */
    shared_config_free(config);
    /* A folder in place of a file cannot be read. */
    (void)snprintf(folder, sizeof folder, "%s", files_folder);
    assert_int_equal(setenv("AWS_CONFIG_FILE", folder, 1), 0);
    assert_null(shared_config_load(&error));
    assert_non_null(strstr(error.text, files_folder));
}

static void tilde(void **state)
{
    struct shared_config *config;

    (void)state;
    files_config("[default]\nregion = here\n");
    assert_int_equal(setenv("AWS_CONFIG_FILE", "~/config", 1), 0);
    config = load();
    check_value(config, "default", "region", "here");
    shared_config_free(config);
}

static void profile_names(void **state)
{
    (void)state;
    assert_string_equal(shared_config_profile(NULL), "default");
    assert_int_equal(setenv("AWS_PROFILE", "", 1), 0);
    assert_string_equal(shared_config_profile(NULL), "default");
    assert_int_equal(setenv("AWS_PROFILE", "named", 1), 0);
    assert_string_equal(shared_config_profile(NULL), "named");
    assert_string_equal(shared_config_profile("given"), "given");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, files_begin, files_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values),        TEST(bad_lines), TEST(no_text),       TEST(too_large),
        TEST(missing_files), TEST(tilde),     TEST(profile_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
