/* SPDX-License-Identifier: Apache-2.0 */
/* Values and answers. */
#include "filters/pattern_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_TEXT_MAX 1024 /* bytes of a number; more would be read for nothing */
#define EXACT_DIGITS    15   /* of an integer that is a double without rounding */

static size_t skip_digits(struct slice text, size_t at)
{
    while (at < text.len && text.data[at] >= '0' && text.data[at] <= '9') {
        at++;
    }
    return at;
}

/* Where the number at the text's begin ends; 0: there is none. */
static size_t number_end(struct slice text, bool *whole)
{
    size_t begin = text.len > 0 && (text.data[0] == '-' || text.data[0] == '+');
    size_t at = skip_digits(text, begin), after;

    *whole = true;
    if (at == begin) {
        return 0;
    }
    if (at < text.len && text.data[at] == '.') {
        after = skip_digits(text, at + 1);
        if (after == at + 1) {
            return at;
        }
        *whole = false;
        at = after;
    }
    if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E')) {
        size_t sign = at + 1 < text.len && (text.data[at + 1] == '-' || text.data[at + 1] == '+');

        after = skip_digits(text, at + 1 + sign);
        if (after > at + 1 + sign) {
            *whole = false;
            at = after;
        }
    }
    return at;
}

enum pattern_answer value_number(struct slice text, double *out)
{
    char copy[NUMBER_TEXT_MAX + 1];
    bool whole;

    if (text.len == 0 || number_end(text, &whole) != text.len) {
        return PATTERN_NO;
    }
    if (text.len > NUMBER_TEXT_MAX) {
        return PATTERN_UNDECIDED;
    }
    if (whole && text.len <= EXACT_DIGITS) {
        int64_t number = 0;

        for (size_t i = text.data[0] == '-' || text.data[0] == '+'; i < text.len; i++) {
            number = number * 10 + (text.data[i] - '0');
        }
        *out = text.data[0] == '-' ? -(double)number : (double)number;
        return PATTERN_YES;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *out = strtod(copy, NULL);
    return PATTERN_YES;
}

static enum pattern_answer answer_of(bool holds)
{
    return holds ? PATTERN_YES : PATTERN_NO;
}

enum pattern_answer answer_not(enum pattern_answer answer)
{
    return answer == PATTERN_UNDECIDED ? answer : answer_of(answer == PATTERN_NO);
}

enum pattern_answer answer_and(enum pattern_answer a, enum pattern_answer b)
{
    return a == PATTERN_NO || b == PATTERN_NO                 ? PATTERN_NO
           : a == PATTERN_UNDECIDED || b == PATTERN_UNDECIDED ? PATTERN_UNDECIDED
                                                              : PATTERN_YES;
}

enum pattern_answer answer_or(enum pattern_answer a, enum pattern_answer b)
{
    return a == PATTERN_YES || b == PATTERN_YES               ? PATTERN_YES
           : a == PATTERN_UNDECIDED || b == PATTERN_UNDECIDED ? PATTERN_UNDECIDED
                                                              : PATTERN_NO;
}

static bool is_equal(const struct value *value, struct slice text)
{
    size_t len = value->text.len;

    if (text.len < len || (text.len > len && !value->open_begin && !value->open_end)) {
        return false;
    }
    if (len == 0) {
        return true;
    }
    if (value->open_begin && value->open_end) {
        return memmem(text.data, text.len, value->text.data, len) != NULL;
    }
    return memcmp(value->open_begin ? text.data + text.len - len : text.data, value->text.data,
                  len) == 0;
}

enum pattern_answer value_holds_text(const struct condition *condition, struct search_room *room,
                                     struct slice text)
{
    enum pattern_answer equal;

    if (condition->comparison != EQUAL && condition->comparison != NOT_EQUAL) {
        return PATTERN_NO;
    }
    equal = condition->value.kind == VALUE_REGEX ? search_run(condition->value.regex, room, text)
                                                 : answer_of(is_equal(&condition->value, text));
    return condition->comparison == EQUAL ? equal : answer_not(equal);
}

enum pattern_answer value_holds_number(const struct condition *condition, struct search_room *room,
                                       struct slice text)
{
    double left, right = condition->value.number;
    enum pattern_answer is_number;

    if (condition->value.kind != VALUE_NUMBER) {
        return value_holds_text(condition, room, text);
    }
    is_number = value_number(text, &left);
    if (is_number != PATTERN_YES) {
        return is_number;
    }
    switch (condition->comparison) {
    case EQUAL:
        return answer_of(left == right);
    case NOT_EQUAL:
        return answer_of(left != right);
    case LESS:
        return answer_of(left < right);
    case LESS_OR_EQUAL:
        return answer_of(left <= right);
    case GREATER:
        return answer_of(left > right);
    case GREATER_OR_EQUAL:
        return answer_of(left >= right);
    case IS_NULL:
    case IS_TRUE:
    case IS_FALSE:
    case NOT_EXISTS:
        break;
    }
    return PATTERN_NO;
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the parentheses, which have a limit */
enum pattern_answer node_answer(const struct pattern *pattern, uint16_t node,
                                const unsigned char *answers)
{
    const struct node *it = &pattern->nodes[node];
    enum pattern_answer answer = it->kind == NODE_AND ? PATTERN_YES : PATTERN_NO;

    if (it->kind == NODE_CONDITION) {
        return (enum pattern_answer)answers[it->condition];
    }
    for (uint16_t next = it->first; next != NONE; next = pattern->nodes[next].next) {
        enum pattern_answer one = node_answer(pattern, next, answers);

        answer = it->kind == NODE_AND ? answer_and(answer, one) : answer_or(answer, one);
    }
    return answer;
}
