/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of patterns, and what conditions are joined to. */
#include "filters/pattern_parser.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/pattern_value.h"

#define NESTING_MAX 64
#define REGEX_MAX   2 /* of one pattern, as the service */

bool parser_fail(struct parser *parser, size_t offset, const char *format, ...)
{
    va_list arguments;

    parser->error->offset = offset;
    va_start(arguments, format);
    (void)vsnprintf(parser->error->text, sizeof parser->error->text, format, arguments);
    va_end(arguments);
    return false;
}

bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_json_bare(char c)
{
    return is_letter(c) || is_digit(c) || (c != '\0' && strchr("_-+.*", c));
}

void parser_skip_blanks(struct parser *parser)
{
    while (parser->at < parser->text.len && is_blank(parser->text.data[parser->at])) {
        parser->at++;
    }
}

char parser_peek(const struct parser *parser)
{
    if (parser->at == parser->text.len) {
        return '\0';
    }
    return parser->text.data[parser->at];
}

bool parser_take(struct parser *parser, const char *text)
{
    size_t len = strlen(text);

    if (parser->text.len - parser->at < len ||
        memcmp(parser->text.data + parser->at, text, len) != 0) {
        return false;
    }
    parser->at += len;
    return true;
}

char *parser_bytes(struct parser *parser, size_t len)
{
    char *out = parser->pattern->bytes + parser->pattern->bytes_used;

    parser->pattern->bytes_used += len;
    return out;
}

struct slice parser_keep(struct parser *parser, struct slice bytes)
{
    char *out = parser_bytes(parser, bytes.len);

    if (bytes.len > 0) {
        memcpy(out, bytes.data, bytes.len);
    }
    return (struct slice){ out, bytes.len };
}

bool parser_phrase(struct parser *parser, struct slice *out)
{
    const char *text = parser->text.data;
    size_t open = parser->at++;
    char *to = parser_bytes(parser, 0);
    struct slice phrase = { to, 0 };

    for (; parser->at < parser->text.len; parser->at++) {
        char c = text[parser->at];

        if (c == '"') {
            parser->at++;
            (void)parser_bytes(parser, phrase.len);
            *out = phrase;
            return true;
        }
        if (c == '\\' && parser->at + 1 < parser->text.len) {
            char next = text[++parser->at];

            if (next != '"' && next != '\\') {
                to[phrase.len++] = c;
            }
            c = next;
        }
        to[phrase.len++] = c;
    }
    return parser_fail(parser, open,
                       "this quote is not closed; end the phrase with \", and write a quote within "
                       "it as \\\"");
}

bool parser_regex(struct parser *parser, struct search **out)
{
    size_t open = parser->at++;
    const char *begin = parser->text.data + parser->at;
    const char *close = memchr(begin, '%', parser->text.len - parser->at);

    if (!close) {
        return parser_fail(parser, open,
                           "a regular expression begins here and is not closed; end it with '%%', "
                           "or write the text in double quotes");
    }
    if (++parser->pattern->regex_count > REGEX_MAX) {
        return parser_fail(parser, open, "a pattern has at most %d regular expressions", REGEX_MAX);
    }
    *out = search_regex((struct slice){ begin, (size_t)(close - begin) }, parser->error);
    if (!*out) {
        parser->error->offset += parser->at;
        return false;
    }
    parser->at += (size_t)(close - begin) + 1;
    return true;
}

struct joining {
    struct parser *parser;
    bool (*one)(struct parser *, struct condition *, void *);
    void *context;
    unsigned depth;
};

static uint16_t add_node(struct pattern *pattern, enum node_kind kind, uint16_t first)
{
    pattern->nodes[pattern->node_count] =
        (struct node){ .kind = kind, .condition = NONE, .first = first, .next = NONE };
    return pattern->node_count++;
}

static bool read_or(struct joining *joining, uint16_t *out);

static bool read_primary(struct joining *joining, uint16_t *out)
{
    struct parser *parser = joining->parser;
    struct pattern *pattern = parser->pattern;
    size_t open = parser->at;

    if (parser_take(parser, "(")) {
        if (++joining->depth > NESTING_MAX) {
            return parser_fail(parser, open, "parentheses are at most %d deep", NESTING_MAX);
        }
        parser_skip_blanks(parser);
        if (!read_or(joining, out)) {
            return false;
        }
        if (!parser_take(parser, ")")) {
            return parser_fail(parser, parser_peek(parser) ? parser->at : open,
                               parser_peek(parser) ? "only &&, || or ) may follow a condition"
                                                   : "this parenthesis is not closed");
        }
        joining->depth--;
        return true;
    }
    struct condition *condition = &pattern->conditions[pattern->condition_count];
    *condition = (struct condition){ .subject = NONE, .next = NONE };
    /* It is counted first, so that what it owns is freed if it cannot be read. */
    uint16_t number = pattern->condition_count++;
    if (!joining->one(parser, condition, joining->context)) {
        return false;
    }
    condition->extent = (struct extent){ open, parser->at - open };
    *out = add_node(pattern, NODE_CONDITION, NONE);
    pattern->nodes[*out].condition = number;
    return true;
}

/* What `next` reads, once or several times with a sign between. */
static bool read_chain(struct joining *joining, enum node_kind kind, const char *sign,
                       bool (*next)(struct joining *, uint16_t *), uint16_t *out)
{
    struct parser *parser = joining->parser;
    struct pattern *pattern = parser->pattern;
    uint16_t last, node = NONE;

    *out = NONE;
    if (!next(joining, out)) {
        return false;
    }
    last = *out;
    for (parser_skip_blanks(parser); parser_take(parser, sign); parser_skip_blanks(parser)) {
        parser_skip_blanks(parser);
        if (node == NONE) {
            node = add_node(pattern, kind, *out);
        }
        uint16_t another = NONE;
        if (!next(joining, &another)) {
            return false;
        }
        pattern->nodes[last].next = another;
        last = another;
    }
    if (node != NONE) {
        *out = node;
    }
    return true;
}

static bool read_and(struct joining *joining, uint16_t *out)
{
    return read_chain(joining, NODE_AND, "&&", read_primary, out);
}

/* NOLINTNEXTLINE(misc-no-recursion): parentheses are at most NESTING_MAX deep */
static bool read_or(struct joining *joining, uint16_t *out)
{
    return read_chain(joining, NODE_OR, "||", read_and, out);
}

bool parser_joined(struct parser *parser, bool (*one)(struct parser *, struct condition *, void *),
                   void *context, uint16_t *node)
{
    struct joining joining = { .parser = parser, .one = one, .context = context };

    return read_or(&joining, node);
}

/* Longer signs before those they begin with. */
static const struct {
    const char *sign;
    enum comparison comparison;
} comparisons[] = {
    { "!=", NOT_EQUAL }, { "<=", LESS_OR_EQUAL }, { ">=", GREATER_OR_EQUAL },
    { "=", EQUAL },      { "<", LESS },           { ">", GREATER },
};

static bool read_sign(struct parser *parser, enum comparison *out)
{
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++) {
        if (parser_take(parser, comparisons[i].sign)) {
            *out = comparisons[i].comparison;
            return true;
        }
    }
    return parser_fail(parser, parser->at,
                       "a comparison is expected here: = != < <= > or >= and a value");
}

/* Takes '*' off the ends of a text, where they stand for any text. */
static void open_ends(struct value *value)
{
    struct slice *text = &value->text;

    while (text->len > 0 && text->data[0] == '*') {
        value->open_begin = true;
        text->data++;
        text->len--;
    }
    while (text->len > 0 && text->data[text->len - 1] == '*') {
        value->open_end = true;
        text->len--;
    }
}

static bool read_bare(struct parser *parser, bool (*bare)(char), struct value *out)
{
    size_t begin = parser->at;

    while (parser->at < parser->text.len && bare(parser->text.data[parser->at])) {
        parser->at++;
    }
    if (parser->at == begin) {
        return parser_fail(parser, begin,
                           parser_peek(parser) == '=' ? "equality is written with one '='"
                           : begin + 1 >= parser->text.len
                               ? "a value is missing here"
                               : "a value that holds this character is written in double quotes");
    }
    out->text =
        parser_keep(parser, (struct slice){ parser->text.data + begin, parser->at - begin });
    out->kind = value_number(out->text, &out->number) == PATTERN_YES ? VALUE_NUMBER : VALUE_TEXT;
    return true;
}

bool parser_comparison(struct parser *parser, bool (*bare)(char), struct condition *out)
{
    struct value *value = &out->value;

    if (!read_sign(parser, &out->comparison)) {
        return false;
    }
    parser_skip_blanks(parser);
    size_t begin = parser->at;
    bool order = out->comparison != EQUAL && out->comparison != NOT_EQUAL;

    value->kind = VALUE_TEXT;
    if (parser_peek(parser) == '"') {
        if (!parser_phrase(parser, &value->text)) {
            return false;
        }
    } else if (parser_peek(parser) == '%' && !order) {
        value->kind = VALUE_REGEX;
        if (!parser_regex(parser, &value->regex)) {
            return false;
        }
    } else if (parser_peek(parser) == '%') {
        return parser_fail(parser, begin, "< <= > >= compare with a number");
    } else if (!read_bare(parser, bare, value)) {
        return false;
    } else {
        out->bare = true;
    }
    if (order && value->kind != VALUE_NUMBER) {
        return parser_fail(parser, begin, "< <= > >= compare with a number, without quotes");
    }
    if (value->kind == VALUE_TEXT) {
        open_ends(value);
    }
    return true;
}
