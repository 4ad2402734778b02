/* SPDX-License-Identifier: Apache-2.0 */
/* JSON text as it stands (RFC 8259), read without building anything of it.  Bytes of strings that
 * are not ASCII are not looked at. */
#ifndef TAILGATE_FILTERS_JSON_TEXT_H
#define TAILGATE_FILTERS_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "filters/slice.h"

struct json_text {
    const char *end;
    unsigned char *nesting; /* room for one bit a level */
    size_t depth_max;       /* levels */
    bool too_deep;          /* what was given up because of it may have been JSON */
};

/* Past blanks. */
const char *json_text_blanks(const struct json_text *json, const char *p);
/* Past the value that begins at `p`; NULL: there is none, or it is too deep. */
const char *json_text_value(struct json_text *json, const char *p);
/* Past the string that begins at `p` with its quote, and whether it holds a backslash; NULL: it is
 * none. */
const char *json_text_string(const struct json_text *json, const char *p, bool *escaped);
/* Past the number that begins at `p`; NULL: it is none. */
const char *json_text_number(const struct json_text *json, const char *p);

/* The members of an object or the elements of an array, one after the other: `p` stands at its
 * opening bracket, then behind the value before.  Returns where the next value begins, and NULL
 * at the closing bracket.  Only for values that json_text_value has gone past. */
const char *json_text_member(const struct json_text *json, const char *p, bool first,
                             struct slice *key, bool *key_escaped);
const char *json_text_element(const struct json_text *json, const char *p, bool first);

/* What is written between the quotes, with escapes decoded, to `out`, which is as long as `raw`.
 * Half a surrogate pair becomes U+FFFD. Returns the length. */
size_t json_text_decode(struct slice raw, char *out);

#endif
