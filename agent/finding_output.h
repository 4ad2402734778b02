/* SPDX-License-Identifier: Apache-2.0 */
/* A finding as people and programs read it. */
#ifndef TAILGATE_AGENT_FINDING_OUTPUT_H
#define TAILGATE_AGENT_FINDING_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "agent/config.h"
#include "storage/findings.h"

struct json_object;

/* How the reason of a failure begins that came only after the password had been accepted. */
#define FINDING_PASSWORD_RIGHT "the password was RIGHT, but "

/* One line with its LF: JSON as the manual describes it, CSV (RFC 4180), or text. */
void finding_write(FILE *out, const struct finding *finding, bool known, enum output_format format);
/* What stands above all findings: the names of CSV's columns. */
void finding_write_head(FILE *out, enum output_format format);

/* The JSON object of a finding; the caller puts it. */
struct json_object *finding_json(const struct finding *finding, bool known);

/* A JSON string of any bytes; NULL bytes make a null. */
struct json_object *finding_json_text(struct store_bytes bytes);
/* A number, or null for FINDING_NONE. */
struct json_object *finding_json_number(int64_t number);
/* A time as ISO 8601, or null for FINDING_NONE. */
struct json_object *finding_json_time(int64_t ms);

/* What is told: the finding's kind, or what it must have been in a row of an old version, which has
 * none. */
struct store_bytes finding_kind_word(const struct finding *finding);

/* Whether a word is this one. */
bool finding_word_is(struct store_bytes word, const char *text);

/* Whether a word stands among a finding's marks. */
bool finding_has_mark(const struct finding *finding, const char *mark);

#endif
