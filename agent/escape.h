/* SPDX-License-Identifier: Apache-2.0 */
/* Text that strangers wrote, made safe to show.  What is hostile: C0 and C1 controls, DEL, bidi
 * controls, zero-width characters, U+2028 and U+2029, tag characters, noncharacters, and bytes that
 * are not UTF-8. */
#ifndef TAILGATE_AGENT_ESCAPE_H
#define TAILGATE_AGENT_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

struct json_object;

/* Writes text for people: bytes that are not UTF-8 and ASCII controls as \xNN, other hostile
 * characters as \u{N}, a backslash doubled, so that what is shown can be read back without doubt.
 */
void escape_write(FILE *out, const char *text, size_t len);

/* The same with each backslash as it is: for what is to be copied, as a pattern. */
void escape_write_plain(FILE *out, const char *text, size_t len);

/* Writes a JSON document on one line, without LF: hostile characters as \uNNNN, bytes that are not
 * UTF-8 as U+FFFD. */
void escape_write_json(FILE *out, struct json_object *document);

/* Cuts a length so that no UTF-8 character is split: the largest one at most `max`. */
size_t escape_cut(const char *text, size_t len, size_t max);

#endif
