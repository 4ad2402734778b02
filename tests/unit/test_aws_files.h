/* SPDX-License-Identifier: Apache-2.0 */
/* An environment without anything of the tester's AWS, and shared files in a folder that goes away.
 */
#ifndef TAILGATE_TESTS_AWS_FILES_H
#define TAILGATE_TESTS_AWS_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern char **environ;

static char files_folder[] = "/tmp/tailgate-aws-XXXXXX";

/* The name of a file in the folder; overwritten by the next call. */
static inline const char *files_path(const char *name)
{
    static char path[256];

    (void)snprintf(path, sizeof path, "%s/%s", files_folder, name);
    return path;
}

/* Writes a file and lets a variable of the environment name it. */
static inline void files_write(const char *variable, const char *name, const char *text)
{
    FILE *file = fopen(files_path(name), "wb");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(setenv(variable, files_path(name), 1), 0);
}

static inline void files_credentials(const char *text)
{
    files_write("AWS_SHARED_CREDENTIALS_FILE", "credentials", text);
}

static inline void files_config(const char *text)
{
    files_write("AWS_CONFIG_FILE", "config", text);
}

static inline void files_clear_environment(void)
{
    static const char *const prefixes[] = { "AWS_",         "http_proxy=", "https_proxy=",
                                            "HTTPS_PROXY=", "all_proxy=",  "ALL_PROXY=",
                                            "no_proxy=",    "NO_PROXY=" };

    for (size_t i = 0; environ[i];) {
        char name[128];
        size_t which = 0;
        while (which < sizeof prefixes / sizeof *prefixes &&
               strncmp(environ[i], prefixes[which], strlen(prefixes[which])) != 0) {
            which++;
        }
        if (which == sizeof prefixes / sizeof *prefixes) {
            i++;
        } else {
            (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(environ[i], "="), environ[i]);
            assert_int_equal(unsetenv(name), 0);
        }
    }
}

/* For cmocka's setup and teardown of each test. */
static inline int files_begin(void **state)
{
    (void)state;
    files_clear_environment();
    memcpy(files_folder + sizeof files_folder - 7, "XXXXXX", 6);
    return mkdtemp(files_folder) && setenv("HOME", files_folder, 1) == 0 ? 0 : -1;
}

static inline int files_end(void **state)
{
    (void)state;
    (void)unlink(files_path("credentials"));
    (void)unlink(files_path("config"));
    (void)unlink(files_path("token"));
    files_clear_environment();
    return rmdir(files_folder);
}

#endif
