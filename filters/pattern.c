/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and matching filter patterns: a list of terms, each a run of bytes that is looked for
 * anywhere in the text. */
#include "filters/pattern.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/search.h"

#define PATTERN_BYTES_MAX ((size_t)4 * PATTERN_LENGTH_MAX) /* a character has at most four */
#define SPELLING_MAX      96 /* a longer word is not spelled out again in an error */

enum term_kind {
    TERM_PLAIN,
    TERM_EXCLUDED,
    TERM_OPTIONAL, /* counts only in a pattern that has no other kind */
};

struct term {
    enum term_kind kind;
    struct search *search;
};

struct pattern {
    struct term *terms;
    size_t count;
    size_t room;
};

struct parser {
    struct slice text;
    size_t at;
    struct pattern *pattern;
    struct pattern_error *error;
};

/* Characters that mean something else than themselves, and what to say of them.  Some only when the
 * pattern begins so. */
static const struct {
    char c;
    bool only_first;
    const char *text;
} refusals[] = {
    { '{', true,
      "a JSON pattern begins here, and this version reads only lists of terms; to search for the "
      "text itself write it in double quotes" },
    { '[', true,
      "a space-delimited pattern begins here, and this version reads only lists of terms; to "
      "search for the text itself write it in double quotes" },
    { '%', false,
      "a regular expression begins here, and this version reads only lists of terms; to search "
      "for the text itself write it in double quotes" },
    { '*', false,
      "'*' is no wildcard in a term, which is found anywhere in the text already; leave it out, "
      "or write it in double quotes to search for the character" },
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The service's word characters, and the dot, which people write in addresses. */
static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

static bool fail(struct parser *parser, size_t offset, const char *text)
{
    parser->error->offset = offset;
    (void)snprintf(parser->error->text, sizeof parser->error->text, "%s", text);
    return false;
}

static void skip_blanks(struct parser *parser)
{
    while (parser->at < parser->text.len && is_blank(parser->text.data[parser->at])) {
        parser->at++;
    }
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
    bool first = true;

    for (size_t i = 0; i < parser->at; i++) {
        first = first && is_blank(text[i]);
    }
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        if (refusals[i].c == (char)c && (first || !refusals[i].only_first)) {
            return fail(parser, parser->at, refusals[i].text);
        }
    }
    while (begin > text && !is_blank(begin[-1])) {
        begin--;
    }
    while (end < text + parser->text.len && !is_blank(*end)) {
        end++;
    }
    if (c < 0x20 || c == 0x7f) {
        (void)fail(parser, parser->at, "a control character must stand in double quotes");
    } else if (c >= 0x80) {
        (void)fail(parser, parser->at,
                   "only ASCII letters, digits and '_' may stand outside double quotes (\"), and "
                   "typographic quotation marks are none");
    } else {
        (void)fail(parser, parser->at, "");
        (void)snprintf(parser->error->text, sizeof parser->error->text,
                       "'%c' may not stand outside double quotes", c);
    }
    if (c >= 0x20 && c < 0x7f) {
        suggest_quotes(parser->error, begin, end);
    }
    return false;
}

static bool add_term(struct parser *parser, enum term_kind kind, struct slice literal)
{
    struct pattern *pattern = parser->pattern;
    struct term *terms;

    if (pattern->count == pattern->room) {
        pattern->room = pattern->room == 0 ? 4 : pattern->room * 2;
        terms = realloc(pattern->terms, pattern->room * sizeof *terms);
        if (!terms) {
            return fail(parser, 0, "out of memory");
        }
        pattern->terms = terms;
    }
    pattern->terms[pattern->count].kind = kind;
    pattern->terms[pattern->count].search = search_literal(literal);
    if (!pattern->terms[pattern->count].search) {
        return fail(parser, 0, "out of memory");
    }
    pattern->count++;
    return true;
}

/* A phrase, from its opening quote on.  \" and \\ stand for the second character; other pairs for
 * both. */
static bool parse_phrase(struct parser *parser, enum term_kind kind)
{
    char literal[PATTERN_BYTES_MAX];
    const char *text = parser->text.data;
    size_t open = parser->at++, used = 0;

    for (; parser->at < parser->text.len; parser->at++) {
        char c = text[parser->at];

        if (c == '"') {
            parser->at++;
            return add_term(parser, kind, (struct slice){ literal, used });
        }
        if (c == '\\' && parser->at + 1 < parser->text.len) {
            char next = text[++parser->at];

            if (next != '"' && next != '\\') {
                literal[used++] = c;
            }
            c = next;
        }
        literal[used++] = c;
    }
    return fail(parser, open,
                "this quote is not closed; end the phrase with \", and write a quote within it as "
                "\\\"");
}

static bool parse_term(struct parser *parser)
{
    const char *text = parser->text.data;
    enum term_kind kind = TERM_PLAIN;
    size_t begin = parser->at;

    if (text[begin] == '-' || text[begin] == '?') {
        kind = text[begin] == '-' ? TERM_EXCLUDED : TERM_OPTIONAL;
        parser->at++;
        skip_blanks(parser);
        if (parser->at == parser->text.len) {
            return fail(parser, begin,
                        kind == TERM_EXCLUDED
                            ? "'-' excludes the term after it, and there is none; to search for "
                              "the character write \"-\""
                            : "'?' belongs to the term after it, and there is none; to search for "
                              "the character write \"?\"");
        }
    }
    if (text[parser->at] == '"') {
        return parse_phrase(parser, kind);
    }
    begin = parser->at;
    while (parser->at < parser->text.len && is_word_char(text[parser->at])) {
        parser->at++;
    }
    if (parser->at == begin) {
        return refuse(parser);
    }
    return add_term(parser, kind, (struct slice){ text + begin, parser->at - begin });
}

/* Optional terms say nothing beside others: the service ignores them there. */
static void drop_ignored_terms(struct pattern *pattern)
{
    size_t kept = 0;
    bool others = false;

    for (size_t i = 0; i < pattern->count; i++) {
        others = others || pattern->terms[i].kind != TERM_OPTIONAL;
    }
    for (size_t i = 0; i < pattern->count; i++) {
        if (others && pattern->terms[i].kind == TERM_OPTIONAL) {
            search_free(pattern->terms[i].search);
        } else {
            pattern->terms[kept++] = pattern->terms[i];
        }
    }
    pattern->count = kept;
}

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

struct pattern *pattern_parse(struct slice text, struct pattern_error *error)
{
    struct parser parser = { .text = text, .error = error };
    size_t limit = length_limit(text);

    if (limit < text.len) {
        (void)fail(&parser, limit, "");
        (void)snprintf(error->text, sizeof error->text, "a pattern has at most %d characters",
                       PATTERN_LENGTH_MAX);
        return NULL;
    }
    parser.pattern = calloc(1, sizeof *parser.pattern);
    if (!parser.pattern) {
        (void)fail(&parser, 0, "out of memory");
        return NULL;
    }
    for (skip_blanks(&parser); parser.at < text.len; skip_blanks(&parser)) {
        if (!parse_term(&parser)) {
            pattern_free(parser.pattern);
            return NULL;
        }
    }
    drop_ignored_terms(parser.pattern);
    return parser.pattern;
}

enum pattern_answer pattern_match(const struct pattern *pattern, struct slice text)
{
    bool undecided = false;

    /* Either all terms are optional, or none is. */
    for (size_t i = 0; i < pattern->count; i++) {
        const struct term *term = &pattern->terms[i];
        enum pattern_answer found = search_run(term->search, text);

        if (found == PATTERN_UNDECIDED) {
            undecided = true;
        } else if (term->kind == TERM_OPTIONAL && found == PATTERN_YES) {
            return PATTERN_YES;
        } else if (term->kind != TERM_OPTIONAL &&
                   (found == PATTERN_YES) != (term->kind == TERM_PLAIN)) {
            return PATTERN_NO;
        }
    }
    if (undecided) {
        return PATTERN_UNDECIDED;
    }
    if (pattern->count > 0 && pattern->terms[0].kind == TERM_OPTIONAL) {
        return PATTERN_NO;
    }
    return PATTERN_YES;
}

void pattern_free(struct pattern *pattern)
{
    if (!pattern) {
        return;
    }
    for (size_t i = 0; i < pattern->count; i++) {
        search_free(pattern->terms[i].search);
    }
    free(pattern->terms);
    free(pattern);
}
