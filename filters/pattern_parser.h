/* SPDX-License-Identifier: Apache-2.0 */
/* What reading the shapes of a pattern has in common: a place in its text, the tokens there, and
 * conditions joined by && and ||.  For pattern_*.c only.  Functions that return false have set the
 * error. */
#ifndef TAILGATE_FILTERS_PATTERN_PARSER_H
#define TAILGATE_FILTERS_PATTERN_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/pattern_internal.h"

struct parser {
    struct slice text; /* without blanks around it */
    size_t at;
    struct pattern *pattern;
    struct pattern_error *error;
};

__attribute__((format(printf, 3, 4))) bool parser_fail(struct parser *parser, size_t offset,
                                                       const char *format, ...);

bool is_blank(char c);
bool is_digit(char c);
bool is_letter(char c);
/* A character that an unquoted value of a JSON pattern may hold. */
bool is_json_bare(char c);

void parser_skip_blanks(struct parser *parser);
/* The character at the place; NUL at the end. */
char parser_peek(const struct parser *parser);
/* Goes past `text` if that is next. */
bool parser_take(struct parser *parser, const char *text);

/* Bytes that the pattern keeps.  Never more of them than the text has. */
char *parser_bytes(struct parser *parser, size_t len);
struct slice parser_keep(struct parser *parser, struct slice bytes);

/* A phrase, from its opening quote on: \" and \\ stand for the second character, other pairs for
 * both. */
bool parser_phrase(struct parser *parser, struct slice *out);
/* A regular expression, from its opening '%' on. */
bool parser_regex(struct parser *parser, struct search **out);

/* Conditions of a subject, joined by && and ||, with parentheses around some; `one` reads a single
 * one. */
bool parser_joined(struct parser *parser, bool (*one)(struct parser *, struct condition *, void *),
                   void *context, uint16_t *node);
/* What follows a subject: a comparison other than a test, and its value, whose unquoted characters
 * `bare` knows. */
bool parser_comparison(struct parser *parser, bool (*bare)(char), struct condition *out);

/* Once a pattern is read: finds what every text holds that matches.  False: memory is out. */
bool pattern_find_lead(struct pattern *pattern);

bool parse_terms(struct parser *parser);
bool parse_space(struct parser *parser);
bool parse_json(struct parser *parser);

#endif
