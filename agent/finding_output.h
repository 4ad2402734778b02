/* SPDX-License-Identifier: Apache-2.0 */
/* A finding as people and programs read it. */
#ifndef TAILGATE_AGENT_FINDING_OUTPUT_H
#define TAILGATE_AGENT_FINDING_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "storage/findings.h"

struct json_object;

/* One line with its LF: JSON as the manual describes it, or text. */
void finding_write(FILE *out, const struct finding *finding, bool known, bool json);

/* The JSON object of a finding; the caller puts it. */
struct json_object *finding_json(const struct finding *finding, bool known);

/* A JSON string of any bytes; NULL bytes make a null. */
struct json_object *finding_json_text(struct store_bytes bytes);
/* A number, or null for FINDING_NONE. */
struct json_object *finding_json_number(int64_t number);
/* A time as ISO 8601, or null for FINDING_NONE. */
struct json_object *finding_json_time(int64_t ms);

/* Whether a word stands among a finding's marks. */
bool finding_has_mark(const struct finding *finding, const char *mark);

#endif
