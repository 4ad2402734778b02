/* SPDX-License-Identifier: Apache-2.0 */
/* Matching space-delimited patterns. */
#include <string.h>

#include "filters/pattern_internal.h"
#include "filters/pattern_value.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A text on the way through its tokens. */
struct tokens {
    struct slice text;
    size_t at;
    bool no_quote, no_bracket; /* none closes behind this place: that is found out once */
};

/* The next token: what stands between blanks, or between two quotes or brackets when it begins so,
 * without them.  False at the end. */
static bool next_token(struct tokens *tokens, struct slice *out)
{
    struct slice text = tokens->text;
    size_t *at = &tokens->at;
    const char *end = text.data + text.len, *p = text.data + *at, *close = NULL;

    while (p < end && is_space(*p)) {
        p++;
    }
    if (p == end) {
        *at = text.len;
        return false;
    }
    if ((*p == '"' && !tokens->no_quote) || (*p == '[' && !tokens->no_bracket)) {
        close = memchr(p + 1, *p == '"' ? '"' : ']', (size_t)(end - p - 1));
        tokens->no_quote = tokens->no_quote || (*p == '"' && !close);
        tokens->no_bracket = tokens->no_bracket || (*p == '[' && !close);
    }
    if (close) {
        *out = (struct slice){ p + 1, (size_t)(close - p - 1) };
        *at = (size_t)(close + 1 - text.data);
        return true;
    }
    const char *begin = p;
    while (p < end && !is_space(*p)) {
        p++;
    }
    *out = (struct slice){ begin, (size_t)(p - begin) };
    *at = (size_t)(p - text.data);
    return true;
}

/* Fields before an ellipsis are the first tokens, those behind it the last.  False when there are
 * too few. */
static bool split_around(const struct pattern *pattern, struct slice text, struct slice *fields)
{
    size_t before = pattern->ellipsis, after = (size_t)pattern->field_count - before - 1;
    size_t count = 0;
    struct tokens tokens = { .text = text };
    struct slice token, *last = fields + before + 1;

    while (next_token(&tokens, &token)) {
        if (count < before) {
            fields[count] = token;
        } else if (after > 0) {
            last[(count - before) % after] = token;
        } else {
            return true;
        }
        count++;
    }
    if (count < before + after) {
        return false;
    }
    /* The last tokens stand in a ring: the oldest comes first. */
    size_t turn = after > 0 ? (count - before) % after : 0;
    for (size_t i = 0; i < turn; i++) {
        struct slice first = last[0];
        memmove(last, last + 1, (after - 1) * sizeof *last);
        last[after - 1] = first;
    }
    return true;
}

/* Without an ellipsis each field is a token, and the last is the rest of the text as it stands if
 * there are more. */
static bool split(const struct pattern *pattern, struct slice text, struct slice *fields)
{
    struct tokens tokens = { .text = text };
    struct slice more;
    size_t begin = 0;

    for (size_t i = 0; i < pattern->field_count; i++) {
        begin = tokens.at;
        if (!next_token(&tokens, &fields[i])) {
            return false;
        }
    }
    if (next_token(&tokens, &more)) {
        while (is_space(text.data[begin])) {
            begin++;
        }
        fields[pattern->field_count - 1] = (struct slice){ text.data + begin, text.len - begin };
    }
    return true;
}

static enum pattern_answer holds(const struct condition *condition, struct search_room *room,
                                 struct slice field)
{
    double number;

    if (condition->value.kind == VALUE_NUMBER && value_number(field, &number) != PATTERN_NO) {
        return value_holds_number(condition, room, field);
    }
    return value_holds_text(condition, room, field);
}

enum pattern_answer space_match(const struct pattern *pattern, struct pattern_scratch *scratch,
                                struct slice text)
{
    struct slice *fields = scratch->tokens;
    enum pattern_answer answer = PATTERN_YES;

    if (pattern->field_count == 0) {
        return PATTERN_YES;
    }
    if (!(pattern->ellipsis == NONE ? split(pattern, text, fields)
                                    : split_around(pattern, text, fields))) {
        return PATTERN_NO;
    }
    for (size_t i = 0; i < pattern->condition_count; i++) {
        const struct condition *condition = &pattern->conditions[i];
        scratch->answers[i] =
            (unsigned char)holds(condition, scratch->room, fields[condition->subject]);
    }
    for (size_t i = 0; i < pattern->field_count && answer != PATTERN_NO; i++) {
        if (pattern->fields[i].node != NONE) {
            answer =
                answer_and(answer, node_answer(pattern, pattern->fields[i].node, scratch->answers));
        }
    }
    return answer;
}

size_t pattern_field_count(const struct pattern *pattern)
{
    return pattern->field_count;
}

bool pattern_field(const struct pattern *pattern, const struct pattern_scratch *scratch,
                   size_t number, struct slice *name, struct slice *value)
{
    if (pattern->ellipsis != NONE && number >= pattern->ellipsis) {
        number++;
    }
    if (number >= pattern->field_count) {
        return false;
    }
    *name = pattern->fields[number].name;
    *value = scratch->tokens[number];
    return true;
}
