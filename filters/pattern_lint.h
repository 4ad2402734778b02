/* SPDX-License-Identifier: Apache-2.0 */
/* What a pattern is made of, and what in it is accepted and yet seldom meant. */
#ifndef TAILGATE_FILTERS_PATTERN_LINT_H
#define TAILGATE_FILTERS_PATTERN_LINT_H

#include <stdbool.h>
#include <stddef.h>

#include "filters/pattern.h"
#include "filters/slice.h"

#define PATTERN_PARTS_MAX    (4 * PATTERN_LENGTH_MAX)
#define PATTERN_WARNINGS_MAX 32 /* more are left out */

enum pattern_part_kind {
    PART_PLAIN,     /* a term that must be there */
    PART_EXCLUDED,  /* one that must not */
    PART_OPTIONAL,  /* one of these must be there */
    PART_IGNORED,   /* an optional one beside others */
    PART_CONDITION, /* of a space-delimited or JSON pattern */
};

struct pattern_part {
    enum pattern_part_kind kind;
    bool regex;
    size_t offset, len; /* where it stands in the text that was parsed */
    struct slice text;  /* what is looked for; of a regular expression and a condition, empty */
};

struct pattern_warning {
    size_t offset;
    char text[PATTERN_ERROR_MAX];
};

/* "a list of terms", for people. */
const char *pattern_shape_name(const struct pattern *pattern);
/* Up to `max` parts, as they stand but for ignored ones, which come last; returns how many.  Their
 * text lives as long as the pattern. */
size_t pattern_parts(const struct pattern *pattern, struct pattern_part *out, size_t max);
/* Up to PATTERN_WARNINGS_MAX; `source` is the text that was parsed. */
size_t pattern_lint(const struct pattern *pattern, struct slice source,
                    struct pattern_warning out[static PATTERN_WARNINGS_MAX]);
/* What an event is that the pattern cannot be meant for, as "a JSON object, ..."; NULL: nothing of
 * the kind. */
const char *pattern_lint_event(const struct pattern *pattern, struct slice event);

#endif
