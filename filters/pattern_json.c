/* SPDX-License-Identifier: Apache-2.0 */
/* Reading JSON patterns: { $.selector = value && ... }. */
#include <string.h>

#include "filters/pattern_parser.h"

#define WILDCARDS_MAX 3 /* of one pattern, as the service */
#define INDEX_MAX     1000000000

static bool is_key_char(char c)
{
    return is_letter(c) || is_digit(c) || c == '-' || c == '_';
}

static bool same_step(const struct step *a, const struct step *b)
{
    return a->kind == b->kind && a->index == b->index && a->key.len == b->key.len &&
           memcmp(a->key.data, b->key.data, a->key.len) == 0;
}

/* The number of such a step from another: one that is there, or a new one. */
static uint16_t go(struct pattern *pattern, uint16_t from, const struct step *step)
{
    struct step *steps = pattern->steps;
    uint16_t *link = &steps[from].first;

    for (; *link != NONE; link = &steps[*link].next) {
        if (same_step(&steps[*link], step)) {
            return *link;
        }
    }
    *link = pattern->step_count++;
    steps[*link] = *step;
    return *link;
}

static bool read_index(struct parser *parser, struct step *out)
{
    size_t begin = parser->at;

    for (; is_digit(parser_peek(parser)); parser->at++) {
        out->index = out->index * 10 + (uint32_t)(parser_peek(parser) - '0');
        if (out->index > INDEX_MAX) {
            return parser_fail(parser, begin, "an index is at most %d", INDEX_MAX);
        }
    }
    return true;
}

/* What stands between [ and ]. */
static bool read_brackets(struct parser *parser, struct step *out)
{
    parser->at++;
    char c = parser_peek(parser);

    if (c == '\'') {
        const char *key = parser->text.data + ++parser->at;
        const char *close = memchr(key, '\'', parser->text.len - parser->at);

        if (!close) {
            return parser_fail(parser, parser->at - 1, "this quote is not closed");
        }
        out->key = parser_keep(parser, (struct slice){ key, (size_t)(close - key) });
        parser->at += out->key.len + 1;
    } else if (parser_take(parser, "*")) {
        out->kind = STEP_EACH;
    } else if (is_digit(c)) {
        out->kind = STEP_INDEX;
        if (!read_index(parser, out)) {
            return false;
        }
    } else {
        return parser_fail(parser, parser->at,
                           "between [ and ] stands an index from 0 on, *, or a key in single "
                           "quotes: ['a.key']");
    }
    return parser_take(parser, "]") ||
           parser_fail(parser, parser->at,
                       "this must be the ']'; between [ and ] stands one index from 0 on, *, or a "
                       "key in single quotes");
}

/* One step of a selector; false with `*end` when there is none. */
static bool read_step(struct parser *parser, struct step *out, bool *end)
{
    bool dot = parser_take(parser, ".");

    *out = (struct step){
        .kind = STEP_KEY, .key = { "", 0 }, .first = NONE, .next = NONE, .conditions = NONE
    };
    *end = false;
    if (parser_peek(parser) == '[') {
        return read_brackets(parser, out);
    }
    if (!dot) {
        *end = true;
        return false;
    }
    if (parser_take(parser, "*")) {
        out->kind = STEP_MEMBERS;
        return true;
    }
    size_t begin = parser->at;
    while (is_key_char(parser_peek(parser))) {
        parser->at++;
    }
    if (parser->at == begin) {
        return parser_fail(parser, begin,
                           "a key is expected here: letters, digits, '-' and '_'; write others as "
                           "['a key']");
    }
    out->key = parser_keep(parser, (struct slice){ parser->text.data + begin, parser->at - begin });
    return true;
}

static bool read_selector(struct parser *parser, uint16_t *out)
{
    struct pattern *pattern = parser->pattern;
    size_t begin = parser->at, wildcards = 0;
    struct step step;
    bool end;

    if (!parser_take(parser, "$")) {
        return parser_fail(parser, begin,
                           parser_peek(parser) == '!'
                               ? "there is no '!' but in !=; turn the comparison round instead"
                               : "a selector is expected here, such as $.user.name");
    }
    *out = 0;
    for (;;) {
        size_t at = parser->at;
        if (!read_step(parser, &step, &end)) {
            break;
        }
        bool wildcard = step.kind == STEP_EACH || step.kind == STEP_MEMBERS;
        if (wildcard && ++wildcards > 1) {
            return parser_fail(parser, at, "a selector has at most 1 wildcard");
        }
        if (wildcard && ++pattern->wildcard_count > WILDCARDS_MAX) {
            return parser_fail(parser, at, "the selectors of a pattern have at most %d wildcards",
                               WILDCARDS_MAX);
        }
        *out = go(pattern, *out, &step);
    }
    if (end && *out == 0) {
        return parser_fail(parser, parser->at, "a selector names a key behind '$': $.key");
    }
    return end;
}

/* A word and no more. */
static bool take_word(struct parser *parser, const char *word)
{
    size_t begin = parser->at;

    if (parser_take(parser, word) && !is_key_char(parser_peek(parser))) {
        parser_skip_blanks(parser);
        return true;
    }
    parser->at = begin;
    return false;
}

static const struct {
    const char *word;
    enum comparison comparison;
} states[] = {
    { "NULL", IS_NULL },
    { "TRUE", IS_TRUE },
    { "FALSE", IS_FALSE },
};

static bool read_state(struct parser *parser, enum comparison *out)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (take_word(parser, states[i].word)) {
            *out = states[i].comparison;
            return true;
        }
    }
    return parser_fail(parser, parser->at,
                       "IS is followed by TRUE, FALSE or NULL, in capitals, and by nothing else; "
                       "there is no IS NOT");
}

static bool read_condition(struct parser *parser, struct condition *out, void *context)
{
    struct pattern *pattern = parser->pattern;

    (void)context;
    if (!read_selector(parser, &out->subject)) {
        return false;
    }
    out->next = pattern->steps[out->subject].conditions;
    pattern->steps[out->subject].conditions = (uint16_t)(out - pattern->conditions);
    parser_skip_blanks(parser);
    size_t begin = parser->at;
    if (take_word(parser, "IS")) {
        return read_state(parser, &out->comparison);
    }
    if (take_word(parser, "NOT")) {
        out->comparison = NOT_EXISTS;
        return take_word(parser, "EXISTS") ||
               parser_fail(parser, parser->at, "NOT is followed by EXISTS");
    }
    if (take_word(parser, "EXISTS")) {
        return parser_fail(parser, begin,
                           "there is NOT EXISTS, and no EXISTS; `$.key = *` is true of any text or "
                           "number");
    }
    if (!parser_comparison(parser, is_json_bare, out)) {
        return false;
    }
    if (out->value.kind == VALUE_TEXT && parser->text.data[parser->at - 1] != '"' &&
        out->value.text.len == 4 && memcmp(out->value.text.data, "null", 4) == 0 &&
        !out->value.open_begin && !out->value.open_end) {
        return parser_fail(parser, begin,
                           "nothing equals null; write IS NULL, or \"null\" for the text");
    }
    return true;
}

bool parse_json(struct parser *parser)
{
    struct pattern *pattern = parser->pattern;

    pattern->steps[0] = (struct step){ .first = NONE, .next = NONE, .conditions = NONE };
    pattern->step_count = 1;
    parser->at++;
    parser_skip_blanks(parser);
    if (!parser_joined(parser, read_condition, NULL, &pattern->root)) {
        return false;
    }
    parser_skip_blanks(parser);
    size_t end = parser->at;
    return (parser_take(parser, "}") && parser->at == parser->text.len) ||
           parser_fail(parser, end,
                       "conditions are joined by && and ||, and the last } ends them; a value that "
                       "holds other signs or blanks is written in double quotes");
}
