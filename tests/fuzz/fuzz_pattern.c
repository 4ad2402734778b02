/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern and a message, apart by the first LF.  A lone term is checked against a plain search;
 * an excluded one is its opposite; text behind a message never takes a plain term away. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filters/pattern.h"
#include "filters/pattern_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds) {
        abort();
    }
}

/* How the word or phrase made of these bytes answers, with a sign before it. */
static enum pattern_answer ask(struct pattern_scratch *scratch, const char *sign,
                               struct slice literal, struct slice message)
{
    char text[3 * PATTERN_LENGTH_MAX];
    struct pattern_error error;
    enum pattern_answer answer = PATTERN_UNDECIDED;
    struct pattern *pattern;
    size_t used = 0;

    for (; sign[used]; used++) {
        text[used] = sign[used];
    }
    text[used++] = '"';
    for (size_t i = 0; i < literal.len; i++) {
        if (literal.data[i] == '"' || literal.data[i] == '\\') {
            text[used++] = '\\';
        }
        text[used++] = literal.data[i];
    }
    text[used++] = '"';
    pattern = pattern_parse((struct slice){ text, used }, &error);
    if (pattern) {
        answer = pattern_match(pattern, scratch, message);
    }
    pattern_free(pattern);
    return answer;
}

/* Walking over lines finds what asking of each does. */
static void check_lines(const struct pattern *pattern, struct pattern_scratch *scratch,
                        struct slice text)
{
    struct pattern_scratch *other = pattern_scratch_new();
    struct pattern_lines lines;
    enum pattern_answer answer = PATTERN_NO;
    struct slice line;

    check(other != NULL);
    pattern_lines_begin(&lines, pattern, scratch, text);
    bool found = pattern_lines_next(&lines, &line, &answer);
    for (size_t at = 0; at < text.len;) {
        const char *lf = memchr(text.data + at, '\n', text.len - at);
        size_t len = lf ? (size_t)(lf - text.data) - at : text.len - at;
        bool here = found && line.data == text.data + at && line.len == len;

        check(pattern_match(pattern, other, (struct slice){ text.data + at, len }) ==
              (here ? answer : PATTERN_NO));
        found = here ? pattern_lines_next(&lines, &line, &answer) : found;
        at += len + 1;
    }
    check(!found);
    pattern_scratch_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *lf = size ? memchr(data, '\n', size) : NULL;
    struct slice text = { (const char *)data, lf ? (size_t)(lf - data) : size };
    struct slice message = { text.data + text.len, size - text.len };
    struct pattern_error error = { .offset = SIZE_MAX };
    struct pattern *pattern = pattern_parse(text, &error);
    struct pattern_scratch *scratch = pattern_scratch_new();

    check(scratch != NULL);
    if (pattern) {
        (void)pattern_match(pattern, scratch, message);
        check_lines(pattern, scratch, message);
    } else {
        check(error.offset <= text.len && error.text[0] != '\0' &&
              memchr(error.text, '\0', sizeof error.text));
    }
    pattern_free(pattern);
    if (text.len < PATTERN_LENGTH_MAX / 2) {
        bool found = text.len == 0 || memmem(message.data, message.len, text.data, text.len);

        check(ask(scratch, "", text, message) == (found ? PATTERN_YES : PATTERN_NO));
        check(ask(scratch, "?", text, message) == (found ? PATTERN_YES : PATTERN_NO));
        check(ask(scratch, "- ", text, message) == (found ? PATTERN_NO : PATTERN_YES));
    }
    pattern_scratch_free(scratch);
    return 0;
}
