/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of terms: each is looked for anywhere in the text. */
#include <stdio.h>
#include <string.h>

#include "filters/pattern_parser.h"
#include "filters/pattern_value.h"

#define SPELLING_MAX 96 /* a longer word is not spelled out again in an error */

/* The service's word characters, and the dot, which people write in addresses. */
static bool is_word_char(char c)
{
    return is_letter(c) || is_digit(c) || c == '_' || c == '.';
}

/* Appends the word at [begin, end), as it would be spelled between quotes, to an error; leaves it
 * out when it is long or holds a quote, since then only the writer knows where the text was meant
 * to end. */
static void suggest_quotes(struct pattern_error *error, const char *begin, const char *end)
{
    char spelled[2 * SPELLING_MAX + 1];
    const char *sign = "";
    size_t used = 0, length = strlen(error->text);

    if (begin < end && (*begin == '-' || *begin == '?')) {
        sign = *begin++ == '-' ? "-" : "?";
    }
    if (end - begin > SPELLING_MAX || memchr(begin, '"', (size_t)(end - begin)) ||
        memchr(begin, '\0', (size_t)(end - begin))) {
        return;
    }
    for (; begin < end; begin++) {
        if (*begin == '\\') {
            spelled[used++] = '\\';
        }
        spelled[used++] = *begin;
    }
    spelled[used] = '\0';
    (void)snprintf(error->text + length, sizeof error->text - length, ": write %s\"%s\"", sign,
                   spelled);
}

/* Refuses the character at the parser's place, which cannot begin a term. */
static bool refuse(struct parser *parser)
{
    const char *text = parser->text.data, *begin = text + parser->at, *end = begin;
    unsigned char c = (unsigned char)*begin;

    if (c == '*') {
        return parser_fail(parser, parser->at,
                           "'*' is no wildcard in a term, which is found anywhere in the text "
                           "already; leave it out, or write it in double quotes to search for the "
                           "character");
    }
    while (begin > text && !is_blank(begin[-1])) {
        begin--;
    }
    while (end < text + parser->text.len && !is_blank(*end)) {
        end++;
    }
    if (c < 0x20 || c == 0x7f) {
        return parser_fail(parser, parser->at, "a control character must stand in double quotes");
    }
    if (c >= 0x80) {
        return parser_fail(parser, parser->at,
                           "only ASCII letters, digits and '_' may stand outside double quotes "
                           "(\"), and typographic quotation marks are none");
    }
    (void)parser_fail(parser, parser->at, "'%c' may not stand outside double quotes", c);
    suggest_quotes(parser->error, begin, end);
    return false;
}

static bool add_literal(struct parser *parser, struct term *term, struct slice literal)
{
    term->len = literal.len;
    term->search = search_literal(literal);
    return term->search || parser_fail(parser, 0, "out of memory");
}

static bool read_term(struct parser *parser, struct term *term)
{
    const char *text = parser->text.data;
    struct slice phrase;
    size_t begin = parser->at;
    char sign = parser_peek(parser);

    term->kind = TERM_PLAIN;
    if (sign == '-' || sign == '?') {
        term->kind = sign == '-' ? TERM_EXCLUDED : TERM_OPTIONAL;
        parser->at++;
        parser_skip_blanks(parser);
        if (parser->at == parser->text.len) {
            return parser_fail(parser, begin,
                               sign == '-'
                                   ? "'-' excludes the term after it, and there is none; to search "
                                     "for the character write \"-\""
                                   : "'?' belongs to the term after it, and there is none; to "
                                     "search for the character write \"?\"");
        }
    }
    if (text[parser->at] == '"') {
        return parser_phrase(parser, &phrase) && add_literal(parser, term, phrase);
    }
    if (text[parser->at] == '%') {
        term->regex = true;
        return parser_regex(parser, &term->search);
    }
    begin = parser->at;
    while (parser->at < parser->text.len && is_word_char(text[parser->at])) {
        parser->at++;
    }
    if (parser->at == begin) {
        return refuse(parser);
    }
    term->bare = true;
    return add_literal(parser, term, (struct slice){ text + begin, parser->at - begin });
}

static bool parse_term(struct parser *parser)
{
    struct term *term = &parser->pattern->terms[parser->pattern->term_count++];
    size_t begin = parser->at;
    bool ok = read_term(parser, term);

    term->extent = (struct extent){ begin, parser->at - begin };
    return ok;
}

/* Optional terms say nothing beside others: the service ignores them there. */
static void set_ignored_apart(struct pattern *pattern)
{
    size_t kept = 0;
    bool others = false;

    for (size_t i = 0; i < pattern->term_count; i++) {
        others = others || pattern->terms[i].kind != TERM_OPTIONAL;
    }
    for (size_t i = 0; others && i < pattern->term_count; i++) {
        if (pattern->terms[i].kind != TERM_OPTIONAL) {
            struct term term = pattern->terms[i];
            memmove(&pattern->terms[kept + 1], &pattern->terms[kept], (i - kept) * sizeof term);
            pattern->terms[kept++] = term;
        }
    }
    if (others) {
        pattern->ignored_count = pattern->term_count - kept;
        pattern->term_count = kept;
    }
}

bool parse_terms(struct parser *parser)
{
    for (; parser->at < parser->text.len; parser_skip_blanks(parser)) {
        if (!parse_term(parser)) {
            return false;
        }
    }
    set_ignored_apart(parser->pattern);
    return true;
}

enum pattern_answer terms_match(const struct pattern *pattern, struct pattern_scratch *scratch,
                                struct slice text)
{
    /* Either all terms are optional, or none is. */
    bool any = pattern->term_count > 0 && pattern->terms[0].kind == TERM_OPTIONAL;
    enum pattern_answer answer = any ? PATTERN_NO : PATTERN_YES;

    for (size_t i = 0; i < pattern->term_count; i++) {
        enum pattern_answer found = search_run(pattern->terms[i].search, scratch->room, text);

        if (pattern->terms[i].kind == TERM_EXCLUDED) {
            found = answer_not(found);
        }
        answer = any ? answer_or(answer, found) : answer_and(answer, found);
        if (answer == (any ? PATTERN_YES : PATTERN_NO)) {
            break;
        }
    }
    return answer;
}
