/* SPDX-License-Identifier: Apache-2.0 */
/* JSON documents read by json-c, whole or not at all. */
#include "agent/aws/json.h"

#include <json-c/json_c_version.h>
#include <json-c/json_tokener.h>
#include <limits.h>
#include <stdbool.h>

/* How many bytes the document took. */
static size_t parsed_length(struct json_tokener *tokener)
{
#if JSON_C_VERSION_NUM >= ((0 << 16) | (14 << 8))
    return json_tokener_get_parse_end(tokener);
#else
    return (size_t)tokener->char_offset;
#endif
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct json_object *json_read(const char *text, size_t len, const char **why)
{
    struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
    struct json_object *object = NULL;

    if (!tokener || len > INT_MAX) {
        *why = tokener ? "it is too large" : "no memory";
        goto out;
    }
    /* What follows a document is looked for here, as json-c's own way changed between versions. */
    while (len > 0 && blank(text[len - 1])) {
        len--;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
    object = json_tokener_parse_ex(tokener, text, (int)len);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    if (error == json_tokener_continue) {
        *why = len == 0 ? "it is empty" : "it is cut short";
    } else if (error != json_tokener_success) {
        *why = json_tokener_error_desc(error);
    } else if (parsed_length(tokener) != len) {
        *why = "something follows the document";
    } else if (!object) {
        *why = "it is null";
    } else {
        goto out;
    }
    json_object_put(object);
    object = NULL;
out:
    if (tokener) {
        json_tokener_free(tokener);
    }
    return object;
}

const char *json_member(const struct json_object *object, const char *name, size_t *len)
{
    struct json_object *value;

    if (!json_object_object_get_ex(object, name, &value) ||
        !json_object_is_type(value, json_type_string)) {
        return NULL;
    }
    *len = (size_t)json_object_get_string_len(value);
    return json_object_get_string(value);
}
