/* SPDX-License-Identifier: Apache-2.0 */
/* JSON documents read by json-c, whole or not at all. */
#ifndef TAILGATE_AGENT_AWS_JSON_H
#define TAILGATE_AGENT_AWS_JSON_H

#include <json-c/json_object.h>
#include <stddef.h>

#define JSON_DEPTH_MAX 16

/* Reads one document that fills the text, blanks aside; the caller gives it to json_object_put.
 * NULL with *why a phrase such as "something follows the document": no valid JSON, deeper than
 * JSON_DEPTH_MAX, 2 GB or more. */
struct json_object *json_read(const char *text, size_t len, const char **why);

/* The text of a member of an object; NULL when there is none or it is not a string.  It is the
 * object's and may hold NULs. */
const char *json_member(const struct json_object *object, const char *name, size_t *len);

#endif
