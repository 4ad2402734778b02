/* SPDX-License-Identifier: Apache-2.0 */
/* Reading test data: one case a line, fields apart by TAB, '#' begins a comment line.  In a field
 * \n \r \t \\ and \xNN stand for bytes, and {N*TEXT} for TEXT written N times, so that long input
 * stays readable. */
#ifndef TAILGATE_TESTS_FILTERS_DATA_H
#define TAILGATE_TESTS_FILTERS_DATA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filters/slice.h"

#define DATA_FIELDS_MAX 24

struct data {
    FILE *file;
    char path[512];
    unsigned line;
    char *text;
    size_t room;
    size_t count; /* fields of this case */
    const char *field[DATA_FIELDS_MAX];
};

static inline void data_open(struct data *data, const char *name)
{
    const char *folder = getenv("TAILGATE_TEST_DATA");

    memset(data, 0, sizeof *data);
    assert_non_null(folder);
    assert_true(snprintf(data->path, sizeof data->path, "%s/%s", folder, name) <
                (int)sizeof data->path);
    data->file = fopen(data->path, "rb");
    if (!data->file) {
        fail_msg("%s: cannot be opened", data->path);
    }
}

static inline void data_close(struct data *data)
{
    free(data->text);
    (void)fclose(data->file);
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
            data->field[data->count] = at;
            if (tab) {
                *tab++ = '\0';
            }
            at = tab;
        }
        return true;
    }
    return false;
}

static inline void data_decode(FILE *stream, const char *p, const char *end)
{
    for (; p < end; p++) {
        char *after;

        if (*p == '\\' && p[1] == 'x') {
            char hex[3] = { p[2], p[3], '\0' };
            (void)fputc((int)strtoul(hex, NULL, 16), stream);
            p += 3;
        } else if (*p == '\\') {
            p++;
            (void)fputc(*p == 'n' ? '\n' : *p == 'r' ? '\r' : *p == 't' ? '\t' : *p, stream);
        } else if (*p == '{' && p[1] >= '0' && p[1] <= '9' && strtoul(p + 1, &after, 10) > 0 &&
                   *after == '*') {
            unsigned long times = strtoul(p + 1, NULL, 10);
            const char *close = strchr(after, '}');

            assert_non_null(close);
            while (times-- > 0) {
                data_decode(stream, after + 1, close);
            }
            p = close;
        } else {
            (void)fputc(*p, stream);
        }
    }
}

/* The bytes a field stands for, in memory of their own (to be freed) without a byte to spare, so
 * that reading past the end is noticed. */
static inline struct slice data_bytes(const char *field)
{
    char *out = NULL, *exact;
    size_t used = 0;
    FILE *stream = open_memstream(&out, &used);

    assert_non_null(stream);
    data_decode(stream, field, field + strlen(field));
    (void)fclose(stream);
    exact = malloc(used > 0 ? used : 1);
    assert_non_null(exact);
    memcpy(exact, out, used);
    free(out);
    return (struct slice){ exact, used };
}

static inline void data_free(struct slice bytes)
{
    /* The slice is const for the code under test only. */
    free((void *)(uintptr_t)bytes.data);
}

/* Writes bytes as a field. */
static inline void data_write(FILE *stream, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.data[i];

        if (c == '\\') {
            (void)fputs("\\\\", stream);
        } else if (c < 0x20 || c >= 0x7f) {
            (void)fprintf(stream, "\\x%02x", c);
        } else {
            (void)fputc(c, stream);
        }
    }
}

#endif
