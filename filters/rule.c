/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as they are configured, and the names of what they tell. */
#include "filters/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/rule_internal.h"

_Static_assert(NETWORKS_MAX <= 64, "a rule keeps its networks as the bits of one number");

static const char *const verdict_names[] = { "inside", "outside", "local", "unresolved",
                                             "unknown" };

const char *verdict_name(enum verdict verdict)
{
    size_t index = (size_t)verdict;

    return index < sizeof verdict_names / sizeof *verdict_names ? verdict_names[index] : NULL;
}

struct rules *rules_new(const struct networks *networks)
{
    struct rules *rules = calloc(1, sizeof *rules);

    if (rules) {
        rules->networks = networks;
    }
    return rules;
}

void rules_free(struct rules *rules)
{
    if (!rules) {
        return;
    }
    for (size_t i = 0; i < rules->count; i++) {
        pattern_free(rules->items[i].pattern);
    }
    pattern_scratch_free(rules->scratch);
    free(rules->items);
    free(rules);
}

static bool fail(struct rule_error *error, enum rule_part part, const char *text)
{
    *error = (struct rule_error){ .part = part };
    (void)snprintf(error->text, sizeof error->text, "%s", text);
    return false;
}

static bool check_name(const struct rules *rules, const char *name, struct rule_error *error)
{
    size_t len = strlen(name);

    if (len == 0 || len > RULE_NAME_MAX) {
        return fail(error, RULE_PART_NAME, "the name of a rule must have 1 to 64 bytes");
    }
    if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != len) {
        return fail(error, RULE_PART_NAME,
                    "the name of a rule may hold only ASCII letters, digits, '-', '_' and '.'");
    }
    for (size_t i = 0; i < rules->count; i++) {
        if (strcmp(rules->items[i].name, name) == 0) {
            return fail(error, RULE_PART_NAME, "another rule has this name already");
        }
    }
    return true;
}

static bool unknown_network(const struct networks *networks, size_t index, struct rule_error *error)
{
    size_t used;

    (void)fail(error, RULE_PART_OUTSIDE, "there is no network of this name; ");
    error->index = index;
    used = strlen(error->text);
    if (networks_count(networks) == 0) {
        (void)snprintf(error->text + used, sizeof error->text - used, "none is configured");
    }
    for (size_t i = 0; i < networks_count(networks) && used < sizeof error->text; i++) {
        used +=
            (size_t)snprintf(error->text + used, sizeof error->text - used, "%s%s",
                             i == 0 ? "those configured are " : ", ", networks_name(networks, i));
    }
    return false;
}

static bool read_outside(const struct networks *networks, const struct rule_spec *spec,
                         uint64_t *out, struct rule_error *error)
{
    *out = 0;
    for (size_t i = 0; i < spec->outside_count; i++) {
        size_t index = networks_find(networks, spec->outside[i]);

        if (index == SIZE_MAX) {
            return unknown_network(networks, i, error);
        }
        *out |= (uint64_t)1 << index;
    }
    return true;
}

static bool read_filter(struct rules *rules, const char *filter, struct pattern **out,
                        struct rule_error *error)
{
    struct pattern_error why;

    if (!rules->scratch && !(rules->scratch = pattern_scratch_new())) {
        return fail(error, RULE_PART_FILTER, "out of memory");
    }
    *out = pattern_parse((struct slice){ filter, strlen(filter) }, &why);
    if (*out) {
        return true;
    }
    (void)fail(error, RULE_PART_FILTER, why.text);
    error->offset = why.offset;
    return false;
}

static bool make_room(struct rules *rules, struct rule_error *error)
{
    size_t room = rules->room == 0 ? 8 : rules->room * 2;
    struct rule *items;

    if (rules->count == RULES_MAX) {
        return fail(error, RULE_PART_NAME, "there may be at most 256 rules");
    }
    if (rules->count < rules->room) {
        return true;
    }
    items = realloc(rules->items, room * sizeof *items);
    if (!items) {
        return fail(error, RULE_PART_NAME, "out of memory");
    }
    rules->items = items;
    rules->room = room;
    return true;
}

bool rules_add(struct rules *rules, const struct rule_spec *spec, struct rule_error *error)
{
    struct rule rule = { .severity = spec->severity };

    if (!check_name(rules, spec->name, error) || !make_room(rules, error)) {
        return false;
    }
    if (!spec->filter && spec->outside_count == 0) {
        return fail(error, RULE_PART_NAME,
                    "a rule needs a filter, a list of networks to be outside of, or both");
    }
    if (!read_outside(rules->networks, spec, &rule.outside, error)) {
        return false;
    }
    if (spec->filter && !read_filter(rules, spec->filter, &rule.pattern, error)) {
        return false;
    }
    memcpy(rule.name, spec->name, strlen(spec->name) + 1);
    rules->items[rules->count++] = rule;
    return true;
}

size_t rules_count(const struct rules *rules)
{
    return rules->count;
}

const char *rules_name(const struct rules *rules, size_t index)
{
    return rules->items[index].name;
}
