/* SPDX-License-Identifier: Apache-2.0 */
/* Parts, and what is odd about them. */
#include "filters/pattern_lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filters/pattern_internal.h"

const char *pattern_shape_name(const struct pattern *pattern)
{
    switch (pattern->shape) {
    case SHAPE_SPACE:
        return "space-delimited fields";
    case SHAPE_JSON:
        return "JSON";
    case SHAPE_TERMS:
        break;
    }
    if (pattern->term_count == 0) {
        return "empty";
    }
    return pattern->term_count == 1 && pattern->terms[0].regex &&
                   pattern->terms[0].kind == TERM_PLAIN
               ? "a regular expression"
               : "a list of terms";
}

static enum pattern_part_kind part_kind(const struct pattern *pattern, size_t term)
{
    static const enum pattern_part_kind kinds[] = {
        [TERM_PLAIN] = PART_PLAIN, [TERM_EXCLUDED] = PART_EXCLUDED, [TERM_OPTIONAL] = PART_OPTIONAL
    };

    return term < pattern->term_count ? kinds[pattern->terms[term].kind] : PART_IGNORED;
}

size_t pattern_parts(const struct pattern *pattern, struct pattern_part *out, size_t max)
{
    size_t count = 0;

    for (size_t i = 0; i < pattern->term_count + pattern->ignored_count && count < max; i++) {
        const struct term *term = &pattern->terms[i];
        struct slice text = term->regex ? (struct slice){ "", 0 } : search_lead(term->search);

        out[count++] = (struct pattern_part){ part_kind(pattern, i), term->regex,
                                              term->extent.offset, term->extent.len, text };
    }
    for (size_t i = 0; i < pattern->condition_count && count < max; i++) {
        const struct condition *condition = &pattern->conditions[i];

        out[count++] = (struct pattern_part){ PART_CONDITION,
                                              condition->value.kind == VALUE_REGEX,
                                              condition->extent.offset,
                                              condition->extent.len,
                                              { "", 0 } };
    }
    return count;
}

#define WORD_SHOWN_MAX 48 /* bytes */

struct lint {
    const struct pattern *pattern;
    struct slice source;
    struct pattern_warning *out;
    size_t count;
};

__attribute__((format(printf, 3, 4))) static void warn(struct lint *lint, size_t offset,
                                                       const char *format, ...)
{
    va_list arguments;

    if (lint->count == PATTERN_WARNINGS_MAX) {
        static const char more[] = "more in it is odd; mend this first";

        memcpy(lint->out[lint->count - 1].text, more, sizeof more);
        return;
    }
    struct pattern_warning *warning = &lint->out[lint->count++];
    warning->offset = offset;
    va_start(arguments, format);
    (void)vsnprintf(warning->text, sizeof warning->text, format, arguments);
    va_end(arguments);
}

static bool holds(struct slice text, struct slice part)
{
    return part.len == 0 || memmem(text.data, text.len, part.data, part.len) != NULL;
}

static bool is_all_blank(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != ' ') {
            return false;
        }
    }
    return true;
}

/* For printf: of a long text the beginning. */
static int shown(size_t len)
{
    return (int)(len <= WORD_SHOWN_MAX ? len : WORD_SHOWN_MAX);
}

/* A '-' that begins an exclusion in the middle of what looks like one word. */
static void lint_hyphen(struct lint *lint, const struct term *term)
{
    const char *source = lint->source.data;
    size_t at = term->extent.offset, begin = at;

    /* Behind a phrase or an expression it can be nothing else. */
    while (begin > 0 && !strchr(" \t\r\n\"%", source[begin - 1])) {
        begin--;
    }
    if (term->kind == TERM_EXCLUDED && begin < at) {
        size_t len = at + term->extent.len - begin;
        bool plain = len <= WORD_SHOWN_MAX && !memchr(source + begin, '"', len);

        warn(lint, at,
             "this '-' begins an exclusion, even within a word: it means %.*s and not %.*s; "
             "to look for the text itself %s%.*s%s",
             shown(at - begin), source + begin, shown(term->extent.len - 1), source + at + 1,
             plain ? "write \"" : "put all of it in quotes", plain ? (int)len : 0, source + begin,
             plain ? "\"" : "");
    }
}

static void lint_term(struct lint *lint, const struct term *term)
{
    struct slice text = search_lead(term->search);
    size_t at = term->extent.offset;
    int len = (int)term->extent.len;

    lint_hyphen(lint, term);
    if (term->regex && (lint->pattern->term_count + lint->pattern->ignored_count > 1 ||
                        term->kind != TERM_PLAIN)) {
        warn(lint, at,
             "not verified on AWS: a regular expression beside other terms, or behind a sign");
    }
    if (term->regex) {
        return;
    }
    if (term->bare && memchr(text.data, '.', text.len)) {
        bool plain = text.len <= WORD_SHOWN_MAX;

        warn(lint, at,
             "AWS asks for quotes around a dot, which is read as one here: write %s%s%.*s%s",
             term->kind == TERM_EXCLUDED   ? "-"
             : term->kind == TERM_OPTIONAL ? "?"
                                           : "",
             plain ? "\"" : "it in quotes", plain ? (int)text.len : 0, text.data,
             plain ? "\"" : "");
    }
    if (text.len == 0) {
        warn(lint, at, "%.*s is in every text", len, lint->source.data + at);
    } else if (is_all_blank(text)) {
        warn(lint, at, "this looks for blanks, and not for everything; that is the empty pattern");
    }
}

/* What must be there holds what must not. */
static void lint_contradictions(struct lint *lint)
{
    const struct pattern *pattern = lint->pattern;

    for (size_t i = 0; i < pattern->term_count; i++) {
        for (size_t k = 0; k < pattern->term_count; k++) {
            const struct term *plain = &pattern->terms[i], *excluded = &pattern->terms[k];

            if (plain->kind == TERM_PLAIN && excluded->kind == TERM_EXCLUDED && !plain->regex &&
                !excluded->regex &&
                holds(search_lead(plain->search), search_lead(excluded->search))) {
                warn(lint, excluded->extent.offset,
                     "nothing can match: what is excluded here is a part of %.*s",
                     shown(plain->extent.len), lint->source.data + plain->extent.offset);
            }
        }
    }
}

static void lint_condition(struct lint *lint, const struct condition *condition)
{
    const struct value *value = &condition->value;
    size_t at = condition->extent.offset;

    if (condition->comparison != EQUAL && condition->comparison != NOT_EQUAL) {
        return;
    }
    if (value->kind == VALUE_TEXT && memchr(value->text.data, '*', value->text.len)) {
        warn(lint, at,
             "'*' stands for other text only at the ends of a value; within, it is the "
             "character");
    }
    if (lint->pattern->shape == SHAPE_JSON && condition->bare && value->kind == VALUE_TEXT &&
        !value->open_begin && !value->open_end &&
        ((value->text.len == 4 && memcmp(value->text.data, "true", 4) == 0) ||
         (value->text.len == 5 && memcmp(value->text.data, "false", 5) == 0))) {
        warn(lint, at,
             "this compares with the text \"%.*s\"; what JSON writes without quotes is "
             "asked for by IS %s",
             (int)value->text.len, value->text.data, value->text.len == 4 ? "TRUE" : "FALSE");
    }
}

size_t pattern_lint(const struct pattern *pattern, struct slice source,
                    struct pattern_warning out[static PATTERN_WARNINGS_MAX])
{
    struct lint lint = { pattern, source, out, 0 };

    lint_contradictions(&lint);
    for (size_t i = 0; i < pattern->ignored_count; i++) {
        const struct term *term = &pattern->terms[pattern->term_count + i];

        warn(&lint, term->extent.offset,
             "'?' counts only where all terms have one: beside others %.*s is ignored",
             shown(term->extent.len), source.data + term->extent.offset);
    }
    for (size_t i = 0; i < pattern->term_count; i++) {
        lint_term(&lint, &pattern->terms[i]);
    }
    for (size_t i = 0; i < pattern->condition_count; i++) {
        lint_condition(&lint, &pattern->conditions[i]);
    }
    return lint.count;
}

const char *pattern_lint_event(const struct pattern *pattern, struct slice event)
{
    const char *p = event.data, *end = p + event.len;

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }
    bool is_json = p < end && *p == '{';

    if (pattern->shape == SHAPE_JSON && !is_json) {
        return "no JSON object, and a JSON pattern takes nothing else";
    }
    if (pattern->shape == SHAPE_SPACE && is_json) {
        return "a JSON object, which a space-delimited pattern splits at its blanks";
    }
    return NULL;
}
