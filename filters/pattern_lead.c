/* SPDX-License-Identifier: Apache-2.0 */
/* What every text holds that a pattern matches: text without it need not be looked at. */
#include <string.h>

#include "filters/pattern_parser.h"

static struct slice longer(struct slice a, struct slice b)
{
    return b.len > a.len ? b : a;
}

static void lead_of_terms(struct pattern *pattern, struct slice *lead)
{
    for (size_t i = 0; i < pattern->term_count; i++) {
        const struct term *term = &pattern->terms[i];

        if (term->kind != TERM_PLAIN) {
            continue;
        }
        if (term->regex) {
            *lead = longer(*lead, search_lead(term->search));
        } else if (term->len > 0 && (pattern->lead_term == NONE ||
                                     term->len > pattern->terms[pattern->lead_term].len)) {
            pattern->lead_term = (uint16_t)(i);
        }
    }
}

/* Whether JSON writes such text as it stands, if not with \u. */
static bool is_written_plain(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c < 0x20 || c == '"' || c == '\\' || c == '/') {
            return false;
        }
    }
    return true;
}

/* What a condition asks of a text: the value itself, or a part of it. */
static struct slice lead_of_condition(const struct pattern *pattern,
                                      const struct condition *condition)
{
    struct slice lead = { NULL, 0 };

    if (condition->comparison == EQUAL && condition->value.kind == VALUE_TEXT) {
        lead = condition->value.text;
    } else if (condition->comparison == EQUAL && condition->value.kind == VALUE_REGEX) {
        lead = search_lead(condition->value.regex);
    }
    if (pattern->shape == SHAPE_JSON && !is_written_plain(lead)) {
        lead.len = 0;
    }
    return lead;
}

/* Of conditions that must all hold.
 * NOLINTNEXTLINE(misc-no-recursion): as deep as the parentheses, which have a limit */
static void lead_of_node(const struct pattern *pattern, uint16_t node, struct slice *lead)
{
    const struct node *it = &pattern->nodes[node];

    if (it->kind == NODE_CONDITION) {
        *lead = longer(*lead, lead_of_condition(pattern, &pattern->conditions[it->condition]));
    } else if (it->kind == NODE_AND) {
        for (uint16_t i = it->first; i != NONE; i = pattern->nodes[i].next) {
            lead_of_node(pattern, i, lead);
        }
    }
}

bool pattern_find_lead(struct pattern *pattern)
{
    static const struct slice escape = { "\\u", 2 };
    struct slice lead = { NULL, 0 };

    lead_of_terms(pattern, &lead);
    for (size_t i = 0; i < pattern->field_count; i++) {
        if (pattern->fields[i].node != NONE) {
            lead_of_node(pattern, pattern->fields[i].node, &lead);
        }
    }
    if (pattern->root != NONE) {
        lead_of_node(pattern, pattern->root, &lead);
    }
    if (lead.len == 0 || pattern->lead_term != NONE) {
        return true;
    }
    pattern->lead = search_literal(lead);
    if (pattern->shape == SHAPE_JSON) {
        pattern->escape = search_literal(escape);
    }
    return pattern->lead && (pattern->shape != SHAPE_JSON || pattern->escape);
}
