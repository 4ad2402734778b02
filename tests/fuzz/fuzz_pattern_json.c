/* SPDX-License-Identifier: Apache-2.0 */
/* JSON patterns against a plain walk over json-c's tree.  The bytes choose a pattern and an event,
 * piece by piece, from pieces that have made trouble somewhere. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/pattern_internal.h"
#include "filters/pattern_value.h"

#define TEXT_MAX    8192
#define VALUES_DEEP 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct draw {
    const uint8_t *data;
    size_t left;
    char text[TEXT_MAX];
    size_t used;
};

static unsigned pick(struct draw *draw, size_t count)
{
    if (draw->left == 0) {
        return 0;
    }
    draw->left--;
    return *draw->data++ % (unsigned)count;
}

static void put(struct draw *draw, const char *text)
{
    size_t len = strlen(text);

    if (draw->used + len < TEXT_MAX) {
        memcpy(draw->text + draw->used, text, len);
        draw->used += len;
    }
}

#define PUT_ONE(draw, pieces) put(draw, pieces[pick(draw, sizeof pieces / sizeof *pieces)])

static const char *const steps[] = { ".a",  ".b",  ".a-1", ".['a.b']", "['']",
                                     "[0]", "[1]", "[*]",  ".*",       ".a" };
static const char *const tests[] = { " = 1",        " != 1",      " = \"1\"", " = 1.0",
                                     " = *",        " = x*",      " = *x",    " = \"*x*\"",
                                     " = \"\"",     " < 1.5",     " >= 1",    " > -1e0",
                                     " <= 0",       " IS NULL",   " IS TRUE", " IS FALSE",
                                     " NOT EXISTS", " = %^x|1$%", " != %x%",  " != \"x\"",
                                     " = true",     " = 12e3",    " != *",    " = \"a\\\"b\"" };

static void put_selector(struct draw *draw)
{
    put(draw, "$");
    PUT_ONE(draw, steps);
    while (pick(draw, 3) == 1) {
        PUT_ONE(draw, steps);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): each level takes a byte */
static void put_conditions(struct draw *draw, unsigned depth)
{
    if (depth > 0 && pick(draw, 3) == 1) {
        put(draw, "(");
        put_conditions(draw, depth - 1);
        put(draw, ")");
    } else {
        put_selector(draw);
        PUT_ONE(draw, tests);
    }
    switch (depth > 0 ? pick(draw, 4) : 0) {
    case 1:
        put(draw, " && ");
        put_conditions(draw, depth - 1);
        break;
    case 2:
        put(draw, "||");
        put_conditions(draw, depth - 1);
        break;
    default:
        break;
    }
}

static const char *const keys[] = { "\"a\"",   "\"b\"", "\"\\u0061\"",    "\"a-1\"",
                                    "\"a.b\"", "\"\"",  "\"\\u0062\\t\"", "\"\xc3\xa9\"" };
static const char *const scalars[] = { "1",
                                       "1.0",
                                       "1e0",
                                       "12000",
                                       "12e3",
                                       "-1",
                                       "0",
                                       "1.5",
                                       "true",
                                       "false",
                                       "null",
                                       "\"\"",
                                       "\"1\"",
                                       "\"x\"",
                                       "\"xy\"",
                                       "\"yx\"",
                                       "\"a\\\"b\"",
                                       "\"\\u0078\"",
                                       "\"\\ud83d\\ude00\"",
                                       "\"\\ud83dx\"",
                                       "\"1.0\"",
                                       "\"true\"" };
static const char *const blanks[] = { "", "", "", " ", "\t\n" };

/* NOLINTNEXTLINE(misc-no-recursion): VALUES_DEEP */
static void put_value(struct draw *draw, unsigned depth)
{
    unsigned kind = depth == 0 ? 0 : pick(draw, 4);

    if (kind < 2 && depth < VALUES_DEEP) {
        PUT_ONE(draw, scalars);
        return;
    }
    bool object = kind != 3 || depth == VALUES_DEEP;
    put(draw, object ? "{" : "[");
    PUT_ONE(draw, blanks);
    for (unsigned count = pick(draw, 5), i = 0; i < count; i++) {
        put(draw, i > 0 ? "," : "");
        PUT_ONE(draw, blanks);
        if (object) {
            PUT_ONE(draw, keys);
            put(draw, ":");
        }
        put_value(draw, depth - 1);
        PUT_ONE(draw, blanks);
    }
    put(draw, object ? "}" : "]");
}

/* What a selector leads to: its steps from the condition back to the root. */
struct path {
    const struct step *steps[PATTERN_LENGTH_MAX];
    size_t count;
};

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the selector */
static bool find_path(const struct pattern *pattern, uint16_t from, uint16_t to, struct path *path)
{
    if (from == to) {
        return true;
    }
    for (uint16_t i = pattern->steps[from].first; i != NONE; i = pattern->steps[i].next) {
        path->steps[path->count++] = &pattern->steps[i];
        if (find_path(pattern, i, to, path)) {
            return true;
        }
        path->count--;
    }
    return false;
}

static enum pattern_answer compare(const struct condition *condition, struct search_room *room,
                                   struct json_object *value)
{
    enum json_type type = json_object_get_type(value);
    struct slice text;

    switch (condition->comparison) {
    case IS_NULL:
        for (size_t i = 0; type == json_type_array && i < json_object_array_length(value); i++) {
            if (!json_object_array_get_idx(value, i)) {
                return PATTERN_YES;
            }
        }
        return type == json_type_null ? PATTERN_YES : PATTERN_NO;
    case IS_TRUE:
    case IS_FALSE:
        return type == json_type_boolean &&
                       json_object_get_boolean(value) == (condition->comparison == IS_TRUE)
                   ? PATTERN_YES
                   : PATTERN_NO;
    case NOT_EXISTS:
        return PATTERN_NO;
    default:
        break;
    }
    text =
        (struct slice){ json_object_get_string(value), (size_t)json_object_get_string_len(value) };
    if (type == json_type_string) {
        return value_holds_text(condition, room, text);
    }
    if (type == json_type_int || type == json_type_double) {
        text.len = strlen(text.data);
        return value_holds_number(condition, room, text);
    }
    return PATTERN_NO;
}

struct question {
    const struct condition *condition;
    struct search_room *room;
    const struct path *path;
    enum pattern_answer answer;
    bool found;
};

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the selector */
static void follow(struct question *question, size_t at, struct json_object *value)
{
    if (at == question->path->count) {
        question->found = true;
        question->answer =
            answer_or(question->answer, compare(question->condition, question->room, value));
        return;
    }
    const struct step *step = question->path->steps[at];
    bool every = step->kind == STEP_EACH;
    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, member)
        {
            if (every || step->kind == STEP_MEMBERS ||
                (step->kind == STEP_KEY && strlen(key) == step->key.len &&
                 memcmp(key, step->key.data, step->key.len) == 0)) {
                follow(question, at + 1, member);
            }
        }
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            if (every || (step->kind == STEP_INDEX && step->index == i)) {
                follow(question, at + 1, json_object_array_get_idx(value, i));
            }
        }
    }
}

static enum pattern_answer walk(const struct pattern *pattern, struct search_room *room,
                                struct json_object *root)
{
    unsigned char answers[PATTERN_CONDITIONS_MAX];

    for (uint16_t i = 0; i < pattern->condition_count; i++) {
        const struct condition *condition = &pattern->conditions[i];
        struct path path = { .count = 0 };
        struct question question = { .condition = condition, .room = room, .path = &path };

        (void)find_path(pattern, 0, condition->subject, &path);
        follow(&question, 0, root);
        if (condition->comparison == NOT_EXISTS) {
            question.answer = question.found ? PATTERN_NO : PATTERN_YES;
        }
        answers[i] = (unsigned char)question.answer;
    }
    return node_answer(pattern, pattern->root, answers);
}

static void check(const char *pattern_text, struct slice message, enum pattern_answer got,
                  enum pattern_answer want)
{
    if (got != want) {
        (void)fprintf(stderr, "%s\n%.*s\nis %d, must be %d\n", pattern_text, (int)message.len,
                      message.data, (int)got, (int)want);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct draw pattern_draw, event_draw;
    struct pattern_error error;

    pattern_draw = (struct draw){ .data = data, .left = size };
    put(&pattern_draw, "{ ");
    put_conditions(&pattern_draw, 4);
    put(&pattern_draw, " }");
    pattern_draw.text[pattern_draw.used] = '\0';
    event_draw = (struct draw){ .data = pattern_draw.data, .left = pattern_draw.left };
    put_value(&event_draw, VALUES_DEEP);
    event_draw.text[event_draw.used] = '\0';

    struct pattern *pattern =
        pattern_parse((struct slice){ pattern_draw.text, pattern_draw.used }, &error);
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *root =
        json_tokener_parse_ex(tokener, event_draw.text, (int)event_draw.used);
    if (pattern && root) {
        struct pattern_scratch *scratch = pattern_scratch_new();
        struct slice message = { event_draw.text, event_draw.used };

        check(pattern_draw.text, message, pattern_match(pattern, scratch, message),
              walk(pattern, scratch->room, root));
        pattern_scratch_free(scratch);
    }
    json_object_put(root);
    json_tokener_free(tokener);
    pattern_free(pattern);
    return 0;
}
