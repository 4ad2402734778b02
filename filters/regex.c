/* SPDX-License-Identifier: Apache-2.0 */
/* Checking a regular expression, and writing it for PCRE2. */
#include "filters/regex.h"

#include <stdio.h>
#include <string.h>

#define REPEAT_MAX  65535 /* what PCRE2 takes */
#define REPEAT_LONG 64    /* bytes that are nothing to look at once more */

struct translation {
    struct slice source;
    size_t at;
    enum regex_matcher matcher;
    struct regex_out *out;
    struct pattern_error *error;
};

static const char plain_signs[] = ":_#=@/;,-";
static const char escaped_signs[] = "^$?[]{}|\\*+.-";
static const char escaped_letters[] = "dDsSwWtnr";

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
           is_one_of(c, plain_signs);
}

/* The character `ahead` of the place, or NUL, which no expression may hold. */
static char peek(const struct translation *t, size_t ahead)
{
    if (t->at + ahead >= t->source.len) {
        return '\0';
    }
    return t->source.data[t->at + ahead];
}

static void emit(struct translation *t, const char *text, size_t len, size_t from)
{
    for (size_t i = 0; i < len; i++) {
        t->out->from[t->out->len] = (unsigned short)from;
        t->out->text[t->out->len++] = text[i];
    }
}

/* The next `len` characters as they are. */
static void copy(struct translation *t, size_t len)
{
    emit(t, t->source.data + t->at, len, t->at);
    t->at += len;
}

static bool fail(struct translation *t, size_t offset, const char *text)
{
    t->error->offset = offset;
    (void)snprintf(t->error->text, sizeof t->error->text, "%s", text);
    return false;
}

/* A character the service does not take. */
static bool refuse(struct translation *t)
{
    unsigned char c = (unsigned char)peek(t, 0);

    if (c >= 0x80) {
        return fail(t, t->at,
                    "a regular expression holds ASCII only; write '.' or \\xHH for each byte of "
                    "another character");
    }
    (void)fail(t, t->at, "");
    (void)snprintf(t->error->text, sizeof t->error->text,
                   c == '(' || c == ')'
                       ? "there are no groups in these regular expressions; write \\x%02x for the "
                         "character, and alternatives out at full length: %%ab|ac%%"
                       : "this character may not stand in a regular expression; write \\x%02x",
                   c);
    return false;
}

static bool read_escape(struct translation *t)
{
    char c = peek(t, 1);

    if (is_one_of(c, escaped_signs) || is_one_of(c, escaped_letters)) {
        copy(t, 2);
        return true;
    }
    if (c == 'x' && is_hex(peek(t, 2)) && is_hex(peek(t, 3))) {
        copy(t, 4);
        return true;
    }
    return fail(t, t->at,
                c == 'x' ? "\\x is followed by two hexadecimal digits"
                         : "'\\' stands before an operator, which it makes a character, or begins "
                           "\\d \\D \\s \\S \\w \\W \\t \\n \\r or \\xHH; nothing else is known");
}

/* A set, from its '['. */
static bool read_set(struct translation *t)
{
    size_t open = t->at;

    copy(t, peek(t, 1) == '^' ? 2 : 1);
    for (bool first = true; t->at < t->source.len; first = false) {
        char c = peek(t, 0);

        if (c == ']' && !first) {
            copy(t, 1);
            return true;
        }
        if (c == '[') {
            if (is_one_of(peek(t, 1), ":.=")) {
                return fail(t, t->at, "sets have no named classes; write \\d, \\s, \\w or a range");
            }
            emit(t, "\\[", 2, t->at++);
        } else if (c == '\\') {
            if (!read_escape(t)) {
                return false;
            }
        } else if (is_plain(c) || is_one_of(c, "^$?]{}|*+.")) {
            copy(t, 1);
        } else {
            return refuse(t);
        }
    }
    return fail(t, open, "this '[' is not closed; write \\[ for the character");
}

static bool read_bound(struct translation *t, size_t *at, unsigned long *out)
{
    unsigned long value = 0;
    size_t begin = *at;

    for (; *at < t->source.len && is_digit(t->source.data[*at]) && value <= REPEAT_MAX; (*at)++) {
        value = value * 10 + (unsigned long)(t->source.data[*at] - '0');
    }
    *out = value;
    return *at > begin && value <= REPEAT_MAX;
}

/* Puts a callout before what was written from `begin` on. */
static void put_callout(struct translation *t, size_t begin, unsigned number)
{
    struct regex_out *out = t->out;
    char text[REGEX_CALLOUT_MAX];
    size_t len = (size_t)snprintf(text, sizeof text, "(?C%u)", number % 100);

    memmove(out->text + begin + len, out->text + begin, out->len - begin);
    memmove(out->from + begin + len, out->from + begin, (out->len - begin) * sizeof *out->from);
    memcpy(out->text + begin, text, len);
    for (size_t i = begin; i < begin + len; i++) {
        out->from[i] = (unsigned short)t->at;
    }
    out->len += len;
}

/* Writes the atom that was written from `begin` to `end` once more. */
static void repeat_atom(struct translation *t, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        emit(t, &t->out->text[i], 1, t->out->from[i]);
    }
}

/* A repeat of the atom at `begin` of at least so many times and at most so many, or without an end.
 */
static void put_bounds(struct translation *t, size_t begin, const unsigned long *least,
                       const unsigned long *most)
{
    char text[sizeof "{65535,65535}"];
    size_t end = t->out->len;
    bool endless = !most, steady = t->matcher == REGEX_STEADY;
    int len = most && *most == *least ? snprintf(text, sizeof text, "{%lu}", *least)
              : most                  ? snprintf(text, sizeof text, "{%lu,%lu}", *least, *most)
              : steady && endless     ? snprintf(text, sizeof text, "{%lu}", *least)
                                      : snprintf(text, sizeof text, "{%lu,}", *least);

    emit(t, text, (size_t)len, t->at);
    if (steady && endless) {
        repeat_atom(t, begin, end);
        emit(t, "*", 1, t->at);
    }
    unsigned size = 0;
    while ((*least >> size) > 1) {
        size++;
    }
    if (!steady && *least >= REPEAT_LONG) {
        put_callout(t, begin, size + 1);
    }
}

/* {n}, {n,}, {n,m} or {,m}, of which PCRE2 before 10.43 does not know the last. */
static bool read_braces(struct translation *t, size_t atom)
{
    size_t at = t->at + 1;
    unsigned long least = 0, most;
    bool has_least = read_bound(t, &at, &least), has_most = false, comma = false;

    if (at < t->source.len && t->source.data[at] == ',') {
        at++;
        comma = true;
        has_most = read_bound(t, &at, &most);
        if (has_most && most < least) {
            return fail(t, t->at, "the second number of a repeat is not below the first");
        }
    }
    if (at >= t->source.len || t->source.data[at] != '}' || !(has_least || has_most)) {
        return fail(t, t->at,
                    "this is no repeat, which is {2}, {2,}, {2,5} or {,5} with numbers up to "
                    "65535; write \\{ for the character");
    }
    put_bounds(t, atom, &least, !comma ? &least : has_most ? &most : NULL);
    t->at = at + 1;
    return true;
}

/* What may stand behind an atom, which was written from `atom` on: a repeat, and '?' or '+' behind
 * that. */
static bool read_repeat(struct translation *t, size_t atom)
{
    if (peek(t, 0) == '{') {
        if (!read_braces(t, atom)) {
            return false;
        }
    } else if (peek(t, 0) == '+' && t->matcher == REGEX_STEADY) {
        repeat_atom(t, atom, t->out->len);
        emit(t, "*", 1, t->at++);
    } else if (is_one_of(peek(t, 0), "*+?")) {
        copy(t, 1);
    } else {
        return true;
    }
    if (is_one_of(peek(t, 0), "+?")) {
        copy(t, 1);
    }
    if (is_one_of(peek(t, 0), "*+?{")) {
        return fail(t, t->at, "a repeat cannot be repeated; write \\ before it for the character");
    }
    if (t->matcher == REGEX_QUICK) {
        put_callout(t, t->out->len, 0);
    }
    return true;
}

static bool read_item(struct translation *t)
{
    char c = peek(t, 0);
    size_t atom = t->out->len;

    if (is_one_of(c, "^$|")) {
        copy(t, 1);
        if (is_one_of(peek(t, 0), "*+?{")) {
            return fail(t, t->at,
                        "there is nothing to repeat before this; write \\ before it for the "
                        "character");
        }
        return true;
    }
    if (c == '\\') {
        return read_escape(t) && read_repeat(t, atom);
    }
    if (c == '[') {
        return read_set(t) && read_repeat(t, atom);
    }
    if (is_one_of(c, "*+?{")) {
        return fail(t, t->at,
                    "there is nothing to repeat before this; write \\ before it for the character");
    }
    if (is_plain(c) || is_one_of(c, ".]}")) {
        copy(t, 1);
        return read_repeat(t, atom);
    }
    return refuse(t);
}

bool regex_translate(struct slice source, enum regex_matcher matcher, struct regex_out *out,
                     struct pattern_error *error)
{
    struct translation t = { .source = source, .matcher = matcher, .out = out, .error = error };

    out->len = 0;
    if (source.len == 0) {
        return fail(&t, 0, "there is nothing between the two '%'");
    }
    if (source.len > PATTERN_LENGTH_MAX) {
        return fail(&t, PATTERN_LENGTH_MAX, "this regular expression is too long");
    }
    while (t.at < source.len) {
        if (!read_item(&t)) {
            return false;
        }
    }
    return true;
}

/* Past an item that is no plain character: an escape, a set, a repeat, or another operator. */
static size_t skip_other(struct slice source, size_t at)
{
    if (source.data[at] == '\\') {
        return at + 1 < source.len && source.data[at + 1] == 'x' ? at + 4 : at + 2;
    }
    if (source.data[at] == '{') {
        const char *close = memchr(source.data + at, '}', source.len - at);
        return close ? (size_t)(close - source.data) + 1 : source.len;
    }
    if (source.data[at] != '[') {
        return at + 1;
    }
    at += at + 1 < source.len && source.data[at + 1] == '^' ? 2 : 1;
    if (at < source.len && source.data[at] == ']') {
        at++; /* the first is no end */
    }
    while (at < source.len && source.data[at] != ']') {
        at += source.data[at] == '\\' ? 2 : 1;
    }
    return at + 1;
}

struct slice regex_lead(struct slice source)
{
    struct slice best = { source.data, 0 };
    size_t begin = 0, at = 0;

    while (at < source.len) {
        char c = source.data[at], next = '\0';

        if (at + 1 < source.len) {
            next = source.data[at + 1];
        }
        bool stays = is_plain(c) && !is_one_of(next, "*?{");

        if (c == '|') {
            return (struct slice){ source.data, 0 };
        }
        if (stays && at + 1 - begin > best.len) {
            best = (struct slice){ source.data + begin, at + 1 - begin };
        }
        if (stays && next != '+') {
            at++;
            continue;
        }
        at = is_plain(c) ? at + 1 : skip_other(source, at);
        begin = at;
    }
    return best;
}
