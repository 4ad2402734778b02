/* SPDX-License-Identifier: Apache-2.0 */
/* Reading space-delimited patterns: [name, name=value, ..., ]. */
#include <string.h>

#include "filters/pattern_parser.h"

static bool is_value_char(char c)
{
    return !is_blank(c) && c != '\0' && !strchr(",]()&|\"%=<>!", c);
}

static bool read_name(struct parser *parser, struct slice *out)
{
    size_t begin = parser->at;

    if (!is_letter(parser_peek(parser))) {
        return parser_fail(parser, begin,
                           "a field is a name, which begins with a letter, and perhaps conditions "
                           "on it; or '...', or nothing");
    }
    while (is_letter(parser_peek(parser)) || is_digit(parser_peek(parser)) ||
           parser_peek(parser) == '_' || parser_peek(parser) == '-') {
        parser->at++;
    }
    *out = (struct slice){ parser->text.data + begin, parser->at - begin };
    return true;
}

/* Gives the field at hand its name; it may say it again, and no other may. */
static bool name_field(struct parser *parser, struct slice name, size_t offset)
{
    struct pattern *pattern = parser->pattern;
    struct field *field = &pattern->fields[pattern->field_count];

    if (field->name.len > 0) {
        return same_slice(field->name, name) ||
               parser_fail(parser, offset,
                           "conditions between two commas are of one field, here %.*s",
                           (int)field->name.len, field->name.data);
    }
    for (size_t i = 0; i < pattern->field_count; i++) {
        if (same_slice(pattern->fields[i].name, name)) {
            return parser_fail(parser, offset, "another field has this name already");
        }
    }
    field->name = parser_keep(parser, name);
    return true;
}

static bool read_condition(struct parser *parser, struct condition *out, void *context)
{
    size_t begin = parser->at;
    struct slice name;

    (void)context;
    if (parser_peek(parser) == '!') {
        return parser_fail(parser, begin, "there is no '!' but in !=: write the condition itself");
    }
    out->subject = parser->pattern->field_count;
    if (!read_name(parser, &name) || !name_field(parser, name, begin)) {
        return false;
    }
    parser_skip_blanks(parser);
    return parser_comparison(parser, is_value_char, out);
}

static bool is_field_end(struct parser *parser)
{
    parser_skip_blanks(parser);
    return parser_peek(parser) == ',' ||
           (parser_peek(parser) == ']' && parser->at + 1 == parser->text.len);
}

static bool read_field(struct parser *parser)
{
    struct pattern *pattern = parser->pattern;
    struct field *field = &pattern->fields[pattern->field_count];
    struct slice name;
    size_t begin;

    *field = (struct field){ .node = NONE };
    if (is_field_end(parser)) {
        return true;
    }
    begin = parser->at;
    if (parser_take(parser, "...")) {
        if (pattern->ellipsis != NONE) {
            return parser_fail(parser, begin, "a pattern has at most one '...'");
        }
        pattern->ellipsis = pattern->field_count;
    } else if (is_letter(parser_peek(parser)) && read_name(parser, &name) && is_field_end(parser)) {
        return name_field(parser, name, begin);
    } else {
        parser->at = begin;
        if (!parser_joined(parser, read_condition, NULL, &field->node)) {
            return false;
        }
    }
    return is_field_end(parser) ||
           parser_fail(parser, parser->at,
                       "a comma or the last ']' is expected here; a value that holds other signs "
                       "or blanks is written in double quotes");
}

bool parse_space(struct parser *parser)
{
    struct pattern *pattern = parser->pattern;

    parser->at++;
    parser_skip_blanks(parser);
    if (parser->at + 1 == parser->text.len) {
        return true;
    }
    do {
        if (!read_field(parser)) {
            return false;
        }
        pattern->field_count++;
    } while (parser_take(parser, ","));
    return true;
}
