/* SPDX-License-Identifier: Apache-2.0 */
/* The one place that makes hostile text safe to show. */
#include "agent/escape.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/* Code points that change what a reader sees without being seen (Unicode 15, categories Cc, Cf, Zl,
 * Zp, and noncharacters). */
static const struct range {
    uint32_t first, last;
} hostile[] = {
    { 0x00, 0x1f },       { 0x7f, 0x9f },     { 0xad, 0xad },     { 0x61c, 0x61c },
    { 0x180e, 0x180e },   { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
    { 0xfdd0, 0xfdef },   { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xfffe, 0xffff },
    { 0xe0000, 0xe007f },
};

static bool is_hostile(uint32_t code)
{
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        if (code <= hostile[i].last) {
            return code >= hostile[i].first;
        }
    }
    return (code & 0xfffe) == 0xfffe;
}

/* Length of the well-formed UTF-8 character at p (Unicode table 3-7), 0 if there is none. */
static size_t decode(const unsigned char *p, size_t len, uint32_t *code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t size = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;

    if (size == 0 || size > len || p[0] > 0xf4) {
        return 0;
    }
    *code = size == 1 ? p[0] : p[0] & (0x7fU >> size);
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
        *code = *code << 6 | (p[i] & 0x3f);
    }
    bool good = *code >= least[size] && *code <= 0x10ffff && (*code < 0xd800 || *code > 0xdfff);
    return good ? size : 0;
}

/* How one hostile character (size > 0) or bad byte (size 0) is written. */
typedef void write_hostile(FILE *out, uint32_t code, size_t size);

static void write_safe(FILE *out, const char *text, size_t len, bool double_backslash,
                       write_hostile *write)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t done = 0;

    for (size_t i = 0; i < len;) {
        if (p[i] >= ' ' && p[i] < 0x7f && p[i] != '\\') {
            i++;
            continue;
        }
        uint32_t code = 0;
        size_t size = decode(p + i, len - i, &code);
        code = size ? code : p[i];
        bool backslash = double_backslash && code == '\\';
        if (size > 0 && !backslash && !is_hostile(code)) {
            i += size;
            continue;
        }
        fwrite(text + done, 1, i - done, out);
        if (backslash) {
            fputs("\\\\", out);
        } else {
            write(out, code, size);
        }
        i += size ? size : 1;
        done = i;
    }
    fwrite(text + done, 1, len - done, out);
}

static void write_for_people(FILE *out, uint32_t code, size_t size)
{
    fprintf(out, size <= 1 ? "\\x%02x" : "\\u{%x}", code);
}

static void write_in_json(FILE *out, uint32_t code, size_t size)
{
    if (size == 0) {
        fputs("\\ufffd", out);
    } else if (code > 0xffff) {
        fprintf(out, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + (code & 0x3ff));
    } else {
        fprintf(out, "\\u%04x", code);
    }
}

void escape_write(FILE *out, const char *text, size_t len)
{
    write_safe(out, text, len, true, write_for_people);
}

void escape_write_plain(FILE *out, const char *text, size_t len)
{
    write_safe(out, text, len, false, write_for_people);
}

void escape_write_json(FILE *out, struct json_object *document)
{
    size_t len;
    const char *text = json_object_to_json_string_length(
        document, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

    /* Outside its strings JSON is ASCII, so whatever is hostile stands within one. */
    if (text) {
        write_safe(out, text, len, false, write_in_json);
    }
}

size_t escape_cut(const char *text, size_t len, size_t max)
{
    if (len <= max) {
        return len;
    }
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80) {
        max--;
    }
    return max;
}
