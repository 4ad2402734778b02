/* SPDX-License-Identifier: Apache-2.0 */
/* Matching JSON patterns: one pass over the text says whether it is a JSON object at all, and then
 * only what selectors lead to is read again. */
#include <stdlib.h>
#include <string.h>

#include "filters/json_text.h"
#include "filters/pattern_internal.h"
#include "filters/pattern_value.h"

#define MEMBERS_FIRST 64

struct walk {
    const struct pattern *pattern;
    struct pattern_scratch *scratch;
    struct json_text json;
    bool no_memory;
};

/* Room for decoded text of that length. */
static char *text_room(struct walk *walk, size_t len)
{
    struct pattern_scratch *scratch = walk->scratch;

    if (len > scratch->text_room) {
        free(scratch->text);
        scratch->text = malloc(len);
        scratch->text_room = scratch->text ? len : 0;
    }
    if (!scratch->text) {
        walk->no_memory = true;
    }
    return scratch->text;
}

/* The text of a string value. */
static bool read_string(struct walk *walk, const char *value, struct slice *out)
{
    bool escaped;
    const char *end = json_text_string(&walk->json, value, &escaped);

    *out = (struct slice){ value + 1, (size_t)(end - value - 2) };
    if (escaped) {
        char *room = text_room(walk, out->len);
        if (!room) {
            return false;
        }
        *out = (struct slice){ room, json_text_decode(*out, room) };
    }
    return true;
}

static bool has_null_element(struct walk *walk, const char *array)
{
    const char *p = array;

    for (bool first = true; (p = json_text_element(&walk->json, p, first)); first = false) {
        if (*p == 'n') {
            return true;
        }
        p = json_text_value(&walk->json, p);
    }
    return false;
}

static enum pattern_answer test(struct walk *walk, const struct condition *condition,
                                const char *value)
{
    struct search_room *room = walk->scratch->room;
    struct slice text;

    switch (condition->comparison) {
    case IS_NULL:
        return *value == 'n' || (*value == '[' && has_null_element(walk, value)) ? PATTERN_YES
                                                                                 : PATTERN_NO;
    case IS_TRUE:
        return *value == 't' ? PATTERN_YES : PATTERN_NO;
    case IS_FALSE:
        return *value == 'f' ? PATTERN_YES : PATTERN_NO;
    case NOT_EXISTS:
        return PATTERN_NO;
    default:
        break;
    }
    if (*value == '"') {
        return read_string(walk, value, &text) ? value_holds_text(condition, room, text)
                                               : PATTERN_UNDECIDED;
    }
    if (*value == '-' || (*value >= '0' && *value <= '9')) {
        text = (struct slice){ value, (size_t)(json_text_number(&walk->json, value) - value) };
        return value_holds_number(condition, room, text);
    }
    return PATTERN_NO; /* null, a boolean, an object or an array compares with nothing */
}

static void visit(struct walk *walk, uint16_t step, const char *value);

static bool has_key(struct walk *walk, const struct step *step, struct slice key, bool escaped)
{
    if (escaped) {
        char *room = text_room(walk, key.len);
        if (!room) {
            return false;
        }
        key = (struct slice){ room, json_text_decode(key, room) };
    }
    return key.len == step->key.len && memcmp(key.data, step->key.data, key.len) == 0;
}

/* Steps that name their key.  Of several members with one key the last counts. */
static void visit_keys(struct walk *walk, uint16_t from, const char *object)
{
    const struct step *steps = walk->pattern->steps;
    const char **found = walk->scratch->found, *p = object;
    struct slice key;
    bool escaped;

    for (uint16_t i = steps[from].first; i != NONE; i = steps[i].next) {
        found[i] = NULL;
    }
    for (bool first = true; (p = json_text_member(&walk->json, p, first, &key, &escaped));
         first = false) {
        for (uint16_t i = steps[from].first; i != NONE; i = steps[i].next) {
            if (steps[i].kind == STEP_KEY && has_key(walk, &steps[i], key, escaped)) {
                found[i] = p;
            }
        }
        p = json_text_value(&walk->json, p);
    }
    for (uint16_t i = steps[from].first; i != NONE; i = steps[i].next) {
        if (found[i]) {
            visit(walk, i, found[i]);
        }
    }
}

static bool grow_members(struct pattern_scratch *scratch)
{
    size_t room = scratch->member_room == 0 ? MEMBERS_FIRST : scratch->member_room * 2;
    struct member *members = realloc(scratch->members, room * sizeof *members);

    if (!members) {
        return false;
    }
    scratch->members = members;
    scratch->member_room = room;
    return true;
}

/* By key, and those of one key as they stand. */
static int compare_members(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    size_t len = a->key.len < b->key.len ? a->key.len : b->key.len;
    int order = len > 0 ? memcmp(a->key.data, b->key.data, len) : 0;

    if (order == 0) {
        order = (a->key.len > b->key.len) - (a->key.len < b->key.len);
    }
    return order != 0 ? order : (a->value > b->value) - (a->value < b->value);
}

/* All members of an object, sorted; false when memory is out.  Keys are decoded into one room,
 * which all of them fit in. */
static bool list_members(struct walk *walk, const char *object, size_t *count)
{
    struct pattern_scratch *scratch = walk->scratch;
    const char *p = object;
    char *room = NULL;
    struct slice key;
    bool escaped;

    *count = 0;
    for (bool first = true; (p = json_text_member(&walk->json, p, first, &key, &escaped));
         first = false) {
        if (*count == scratch->member_room && !grow_members(scratch)) {
            return false;
        }
        if (escaped) {
            if (!room && !(room = text_room(walk, (size_t)(walk->json.end - object)))) {
                return false;
            }
            size_t len = json_text_decode(key, room);
            key = (struct slice){ room, len };
            room += len;
        }
        scratch->members[(*count)++] = (struct member){ key, p };
        p = json_text_value(&walk->json, p);
    }
    if (*count > 1) {
        qsort(scratch->members, *count, sizeof *scratch->members, compare_members);
    }
    return true;
}

static bool same_key(const struct member *a, const struct member *b)
{
    return a->key.len == b->key.len && memcmp(a->key.data, b->key.data, a->key.len) == 0;
}

/* A step that takes every member.  No selector has two of them, so the list serves one at a time;
 * and keys are done with before the first visit, which may decode into the same room. */
static void visit_members(struct walk *walk, uint16_t step, const char *object)
{
    struct member *members;
    size_t count, kept = 0;

    if (!list_members(walk, object, &count)) {
        walk->no_memory = true;
        return;
    }
    members = walk->scratch->members;
    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count || !same_key(&members[i], &members[i + 1])) {
            members[kept++].value = members[i].value;
        }
    }
    for (size_t i = 0; i < kept; i++) {
        visit(walk, step, members[i].value);
    }
}

static void visit_elements(struct walk *walk, uint16_t from, const char *array)
{
    const struct step *steps = walk->pattern->steps;
    const char *p = array;
    uint32_t index = 0;

    for (bool first = true; (p = json_text_element(&walk->json, p, first));
         first = false, index++) {
        for (uint16_t i = steps[from].first; i != NONE; i = steps[i].next) {
            if (steps[i].kind == STEP_EACH ||
                (steps[i].kind == STEP_INDEX && steps[i].index == index)) {
                visit(walk, i, p);
            }
        }
        p = json_text_value(&walk->json, p);
    }
}

/* A step leads to a value: what is asked of it, and the steps from there.
 * NOLINTNEXTLINE(misc-no-recursion): as deep as the longest selector */
static void visit(struct walk *walk, uint16_t step, const char *value)
{
    const struct pattern *pattern = walk->pattern;
    const struct step *steps = pattern->steps;
    unsigned char *answers = walk->scratch->answers;

    for (uint16_t i = steps[step].conditions; i != NONE; i = pattern->conditions[i].next) {
        if (pattern->conditions[i].comparison == NOT_EXISTS) {
            answers[i] = PATTERN_NO;
        } else {
            answers[i] = (unsigned char)answer_or((enum pattern_answer)answers[i],
                                                  test(walk, &pattern->conditions[i], value));
        }
    }
    if (steps[step].first == NONE) {
        return;
    }
    if (*value == '[') {
        visit_elements(walk, step, value);
    } else if (*value == '{') {
        visit_keys(walk, step, value);
        for (uint16_t i = steps[step].first; i != NONE; i = steps[i].next) {
            if (steps[i].kind == STEP_EACH || steps[i].kind == STEP_MEMBERS) {
                visit_members(walk, i, value);
            }
        }
    }
}

/* Whether the text holds what all that matches must. */
static bool may_match(const struct pattern *pattern, struct pattern_scratch *scratch,
                      struct slice text)
{
    return !pattern->lead || search_next(pattern->lead, scratch->room, text, 0) < text.len ||
           (pattern->escape && search_next(pattern->escape, scratch->room, text, 0) < text.len);
}

enum pattern_answer json_match(const struct pattern *pattern, struct pattern_scratch *scratch,
                               struct slice text)
{
    struct walk walk = { .pattern = pattern,
                         .scratch = scratch,
                         .json = { .end = text.data + text.len,
                                   .nesting = scratch->nesting,
                                   .depth_max = PATTERN_JSON_DEPTH_MAX } };
    const char *root = json_text_blanks(&walk.json, text.data), *end;

    if (root == walk.json.end || *root != '{') {
        return PATTERN_NO;
    }
    end = json_text_value(&walk.json, root);
    if (walk.json.too_deep) {
        return may_match(pattern, scratch, text) ? PATTERN_UNDECIDED : PATTERN_NO;
    }
    if (!end || json_text_blanks(&walk.json, end) != walk.json.end) {
        return PATTERN_NO;
    }
    for (size_t i = 0; i < pattern->condition_count; i++) {
        scratch->answers[i] =
            pattern->conditions[i].comparison == NOT_EXISTS ? PATTERN_YES : PATTERN_NO;
    }
    visit(&walk, 0, root);
    if (walk.no_memory) {
        return PATTERN_UNDECIDED;
    }
    return node_answer(pattern, pattern->root, scratch->answers);
}
