/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text. */
#include "filters/json_text.h"

#include <stdint.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

const char *json_text_blanks(const struct json_text *json, const char *p)
{
    while (p < json->end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) {
        p++;
    }
    return p;
}

static int hex(char c)
{
    return is_digit(c)            ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Past an escape, from its backslash; NULL: there is no such. */
static const char *skip_escape(const struct json_text *json, const char *p)
{
    if (json->end - p < 2) {
        return NULL;
    }
    if (p[1] != 'u') {
        return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) ? p + 2 : NULL;
    }
    if (json->end - p < 6 || hex(p[2]) < 0 || hex(p[3]) < 0 || hex(p[4]) < 0 || hex(p[5]) < 0) {
        return NULL;
    }
    return p + 6;
}

/* Whether one of eight bytes is a quote, a backslash or a control character (Mycroft's test of
 * which byte of a word is zero, or below another). */
static bool is_eventful(const char *p)
{
    const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
    uint64_t word, quote, backslash;

    memcpy(&word, p, sizeof word);
    quote = word ^ (ones * '"');
    backslash = word ^ (ones * '\\');
    return ((((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) |
             ((word - ones * 0x20) & ~word)) &
            tops) != 0;
}

const char *json_text_string(const struct json_text *json, const char *p, bool *escaped)
{
    *escaped = false;
    for (p++; p < json->end;) {
        if (json->end - p >= 8 && !is_eventful(p)) {
            p += 8;
        } else if (*p == '"') {
            return p + 1;
        } else if (*p == '\\') {
            *escaped = true;
            p = skip_escape(json, p);
            if (!p) {
                return NULL;
            }
        } else if ((unsigned char)*p < 0x20) {
            return NULL;
        } else {
            p++;
        }
    }
    return NULL;
}

static const char *skip_digits(const struct json_text *json, const char *p)
{
    while (p < json->end && is_digit(*p)) {
        p++;
    }
    return p;
}

const char *json_text_number(const struct json_text *json, const char *p)
{
    const char *digits, *after;

    if (p < json->end && *p == '-') {
        p++;
    }
    digits = p;
    p = skip_digits(json, p);
    if (p == digits || (*digits == '0' && p > digits + 1)) {
        return NULL;
    }
    if (p < json->end && *p == '.') {
        after = skip_digits(json, p + 1);
        if (after == p + 1) {
            return NULL;
        }
        p = after;
    }
    if (p < json->end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < json->end && (*p == '+' || *p == '-')) {
            p++;
        }
        after = skip_digits(json, p);
        if (after == p) {
            return NULL;
        }
        p = after;
    }
    return p;
}

static const char *skip_word(const struct json_text *json, const char *p, const char *word)
{
    size_t len = strlen(word);

    return (size_t)(json->end - p) >= len && memcmp(p, word, len) == 0 ? p + len : NULL;
}

/* Past a value that holds no others. */
static const char *skip_plain(const struct json_text *json, const char *p)
{
    bool escaped;

    switch (*p) {
    case '"':
        return json_text_string(json, p, &escaped);
    case 't':
        return skip_word(json, p, "true");
    case 'f':
        return skip_word(json, p, "false");
    case 'n':
        return skip_word(json, p, "null");
    default:
        return json_text_number(json, p);
    }
}

/* Past a member's key and its colon. */
static const char *skip_key(const struct json_text *json, const char *p)
{
    bool escaped;

    if (p == json->end || *p != '"' || !(p = json_text_string(json, p, &escaped))) {
        return NULL;
    }
    p = json_text_blanks(json, p);
    return p < json->end && *p == ':' ? json_text_blanks(json, p + 1) : NULL;
}

static bool push(struct json_text *json, size_t *depth, bool object)
{
    if (*depth == json->depth_max) {
        json->too_deep = true;
        return false;
    }
    unsigned char bit = (unsigned char)(1U << (*depth % 8));
    unsigned char *byte = &json->nesting[*depth / 8];
    *byte = (unsigned char)(object ? *byte | bit : *byte & ~bit);
    ++*depth;
    return true;
}

static bool in_object(const struct json_text *json, size_t depth)
{
    return (json->nesting[(depth - 1) / 8] >> ((depth - 1) % 8)) & 1;
}

/* After a value within others: past what closes with it, to where the next begins or, with a depth
 * of 0, all has ended. */
static const char *after_value(struct json_text *json, const char *p, size_t *depth)
{
    while (*depth > 0) {
        bool object = in_object(json, *depth);

        p = json_text_blanks(json, p);
        if (p == json->end) {
            return NULL;
        }
        if (*p == ',') {
            p = json_text_blanks(json, p + 1);
            return object ? skip_key(json, p) : p;
        }
        if (*p != (object ? '}' : ']')) {
            return NULL;
        }
        p++;
        --*depth;
    }
    return p;
}

const char *json_text_value(struct json_text *json, const char *p)
{
    size_t depth = 0;

    do {
        if (!p || p == json->end) {
            return NULL;
        }
        if (*p == '{' || *p == '[') {
            bool object = *p == '{';

            if (!push(json, &depth, object)) {
                return NULL;
            }
            p = json_text_blanks(json, p + 1);
            if (p == json->end) {
                return NULL;
            }
            if (*p == (object ? '}' : ']')) {
                depth--;
                p = after_value(json, p + 1, &depth);
            } else if (object) {
                p = skip_key(json, p);
            }
        } else {
            p = skip_plain(json, p);
            if (p) {
                p = after_value(json, p, &depth);
            }
        }
    } while (depth > 0);
    return p;
}

const char *json_text_member(const struct json_text *json, const char *p, bool first,
                             struct slice *key, bool *key_escaped)
{
    p = json_text_blanks(json, first ? p + 1 : p);
    if (*p == '}') {
        return NULL;
    }
    if (!first) {
        p = json_text_blanks(json, p + 1);
    }
    const char *end = json_text_string(json, p, key_escaped);
    *key = (struct slice){ p + 1, (size_t)(end - p - 2) };
    p = json_text_blanks(json, end);
    return json_text_blanks(json, p + 1);
}

const char *json_text_element(const struct json_text *json, const char *p, bool first)
{
    p = json_text_blanks(json, first ? p + 1 : p);
    if (*p == ']') {
        return NULL;
    }
    return first ? p : json_text_blanks(json, p + 1);
}

/* Of four digits that are known to be hexadecimal. */
static unsigned code_unit(const char *p)
{
    unsigned unit = 0;

    for (int i = 0; i < 4; i++) {
        unit = unit << 4 | ((unsigned)hex(p[i]) & 0xf);
    }
    return unit;
}

static size_t encode(unsigned long c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* The character of a \u escape at `p`, or of a pair of them. */
static unsigned long read_unicode(const char **p, const char *end)
{
    unsigned long c = code_unit(*p + 2);

    *p += 6;
    if (c >= 0xd800 && c < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        unsigned long low = code_unit(*p + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            *p += 6;
            return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return c >= 0xd800 && c < 0xe000 ? 0xfffd : c;
}

size_t json_text_decode(struct slice raw, char *out)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    const char *p = raw.data, *end = raw.data + raw.len;
    size_t used = 0;

    while (p < end) {
        if (*p != '\\') {
            out[used++] = *p++;
        } else if (p[1] == 'u') {
            used += encode(read_unicode(&p, end), out + used);
        } else {
            const char *letter = strchr(letters, p[1]);
            out[used] = p[1];
            if (letter) {
                out[used] = meanings[letter - letters];
            }
            used++;
            p += 2;
        }
    }
    return used;
}
