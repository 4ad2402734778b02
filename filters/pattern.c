/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of any shape. */
#include "filters/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "filters/pattern_internal.h"
#include "filters/pattern_parser.h"

/* By the first character, when blanks around the pattern are left out. */
static const struct {
    char first, last; /* NUL: whatever it is */
    enum shape shape;
    bool (*parse)(struct parser *);
    const char *unclosed;
} shapes[] = {
    { '{', '}', SHAPE_JSON, parse_json,
      "a pattern that begins with '{' is a JSON pattern and must end with '}'; to search for the "
      "text itself write it in double quotes" },
    { '[', ']', SHAPE_SPACE, parse_space,
      "a pattern that begins with '[' is a space-delimited pattern and must end with ']'; to "
      "search for the text itself write it in double quotes" },
    { '\0', '\0', SHAPE_TERMS, parse_terms, NULL },
};

/* Where the first character past the limit is; the length of the text when there is none. */
static size_t length_limit(struct slice text)
{
    size_t characters = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (((unsigned char)text.data[i] & 0xc0) != 0x80 || i >= PATTERN_BYTES_MAX) {
            if (++characters > PATTERN_LENGTH_MAX || i >= PATTERN_BYTES_MAX) {
                return i;
            }
        }
    }
    return text.len;
}

/* Room for as many parts as a text of that length can have: a term takes a character, a field two,
 * and a condition and a step three. */
static struct pattern *new_pattern(struct slice text, enum shape shape)
{
    size_t len = text.len;
    struct pattern *pattern = calloc(1, sizeof *pattern);

    if (!pattern) {
        return NULL;
    }
    pattern->shape = shape;
    pattern->root = NONE;
    pattern->ellipsis = NONE;
    pattern->lead_term = NONE;
    pattern->bytes = malloc(2 * len + 1);
    bool ok = pattern->bytes;
    if (shape == SHAPE_TERMS) {
        ok = ok && (pattern->terms = calloc(len + 1, sizeof *pattern->terms));
    } else {
        ok = ok && (pattern->conditions = calloc(len / 2 + 1, sizeof *pattern->conditions)) &&
             (pattern->nodes = calloc(len + 1, sizeof *pattern->nodes)) &&
             (pattern->steps = calloc(len / 2 + 2, sizeof *pattern->steps)) &&
             (pattern->fields = calloc(len + 1, sizeof *pattern->fields));
    }
    if (!ok) {
        pattern_free(pattern);
        return NULL;
    }
    return pattern;
}

static void trim(struct parser *parser)
{
    parser_skip_blanks(parser);
    while (parser->text.len > parser->at && is_blank(parser->text.data[parser->text.len - 1])) {
        parser->text.len--;
    }
}

struct pattern *pattern_parse(struct slice text, struct pattern_error *error)
{
    struct parser parser = { .text = text, .error = error };
    size_t limit = length_limit(text), shape = 0;

    if (limit < text.len) {
        (void)parser_fail(&parser, limit, "a pattern has at most %d characters",
                          PATTERN_LENGTH_MAX);
        return NULL;
    }
    trim(&parser);
    while (shapes[shape].first && parser_peek(&parser) != shapes[shape].first) {
        shape++;
    }
    if (shapes[shape].last && parser.text.data[parser.text.len - 1] != shapes[shape].last) {
        (void)parser_fail(&parser, parser.at, "%s", shapes[shape].unclosed);
        return NULL;
    }
    parser.pattern = new_pattern(parser.text, shapes[shape].shape);
    if (!parser.pattern) {
        (void)parser_fail(&parser, 0, "out of memory");
        return NULL;
    }
    parser.pattern->text = parser_keep(&parser, parser.text);
    bool ok = shapes[shape].parse(&parser);
    if (ok && !pattern_find_lead(parser.pattern)) {
        ok = parser_fail(&parser, 0, "out of memory");
    }
    if (!ok) {
        pattern_free(parser.pattern);
        return NULL;
    }
    return parser.pattern;
}

void pattern_free(struct pattern *pattern)
{
    if (!pattern) {
        return;
    }
    for (size_t i = 0; i < pattern->term_count + pattern->ignored_count; i++) {
        search_free(pattern->terms[i].search);
    }
    for (size_t i = 0; i < pattern->condition_count; i++) {
        search_free(pattern->conditions[i].value.regex);
    }
    search_free(pattern->lead);
    search_free(pattern->escape);
    free(pattern->terms);
    free(pattern->conditions);
    free(pattern->nodes);
    free(pattern->steps);
    free(pattern->fields);
    free(pattern->bytes);
    free(pattern);
}

struct pattern_scratch *pattern_scratch_new(void)
{
    struct pattern_scratch *scratch = calloc(1, sizeof *scratch);

    if (!scratch) {
        return NULL;
    }
    scratch->room = search_room_new();
    if (!scratch->room) {
        free(scratch);
        return NULL;
    }
    return scratch;
}

void pattern_scratch_free(struct pattern_scratch *scratch)
{
    if (scratch) {
        search_room_free(scratch->room);
        free(scratch->text);
        free(scratch->members);
        free(scratch);
    }
}

enum pattern_answer pattern_match(const struct pattern *pattern, struct pattern_scratch *scratch,
                                  struct slice text)
{
    if (!text.data) {
        text.data = "";
    }
    switch (pattern->shape) {
    case SHAPE_SPACE:
        return space_match(pattern, scratch, text);
    case SHAPE_JSON:
        return json_match(pattern, scratch, text);
    case SHAPE_TERMS:
        break;
    }
    return terms_match(pattern, scratch, text);
}

bool same_slice(struct slice a, struct slice b)
{
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}
