/* SPDX-License-Identifier: Apache-2.0 */
/* Reading test data: one case a line, fields apart by TAB, '#' begins a comment line.  In a field
 * \n \t \\ and \xNN stand for bytes, and a field that is '-' alone is empty. */
#ifndef TAILGATE_TESTS_AWS_DATA_H
#define TAILGATE_TESTS_AWS_DATA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DATA_FIELDS_MAX 8

struct data {
    FILE *file;
    char path[512];
    unsigned line;
    char *text;
    size_t room, count;
    char *field[DATA_FIELDS_MAX]; /* decoded */
    size_t len[DATA_FIELDS_MAX];
};

static inline void data_path(const char *name, char out[static 512])
{
    const char *folder = getenv("TAILGATE_TEST_DATA");

    assert_non_null(folder);
    assert_true(snprintf(out, 512, "%s/%s", folder, name) < 512);
}

static inline void data_open(struct data *data, const char *name)
{
    memset(data, 0, sizeof *data);
    data_path(name, data->path);
    data->file = fopen(data->path, "rb");
    if (!data->file) {
        fail_msg("%s cannot be opened", data->path);
    }
}

static inline void data_close(struct data *data)
{
    free(data->text);
    (void)fclose(data->file);
}

/* Decodes in place; returns the length. */
static inline size_t data_decode(char *field)
{
    char *out = field;

    if (strcmp(field, "-") == 0) {
        *field = '\0';
        return 0;
    }
    for (const char *in = field; *in != '\0'; in++) {
        if (*in == '\\' && in[1] == 'x') {
            char hex[3] = { in[2], in[3], '\0' };
            *out++ = (char)strtoul(hex, NULL, 16);
            in += 3;
        } else if (*in == '\\') {
            in++;
            *out++ = *in;
            if (*in == 'n' || *in == 't') {
                out[-1] = *in == 'n' ? '\n' : '\t';
            }
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
    return (size_t)(out - field);
}

/* The next case; false at the end. */
static inline bool data_next(struct data *data)
{
    ssize_t len;

    while ((len = getline(&data->text, &data->room, data->file)) >= 0) {
        char *at = data->text;
        data->line++;
        if (len > 0 && at[len - 1] == '\n') {
            at[len - 1] = '\0';
        }
        if (*at == '\0' || *at == '#') {
            continue;
        }
        for (data->count = 0; at; data->count++) {
            char *tab = strchr(at, '\t');
            assert_true(data->count < DATA_FIELDS_MAX);
            if (tab) {
                *tab++ = '\0';
            }
            data->field[data->count] = at;
            data->len[data->count] = data_decode(at);
            at = tab;
        }
        return true;
    }
    return false;
}

#endif
