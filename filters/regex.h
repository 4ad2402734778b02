/* SPDX-License-Identifier: Apache-2.0 */
/* The regular expressions of filter patterns, between two '%' (CloudWatch Logs User Guide,
 * "Supported regular expressions (regex) syntax"): checked against the few characters that the
 * service takes, and written for PCRE2.  They have no groups, so no repeat within a repeat. */
#ifndef TAILGATE_FILTERS_REGEX_H
#define TAILGATE_FILTERS_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "filters/pattern.h"
#include "filters/slice.h"

/* What an expression is written for. */
enum regex_matcher {
    /* The usual one, which tries one way after the other.  Callouts let us count how often: behind
     * every repeat number 0, after which all of the text may be looked at in vain; before a repeat
     * that must be long a higher number n, as 2 to the n bytes may be. */
    REGEX_QUICK,
    /* The one that goes all ways at once.  To it each count of a repeat is a way of its own, so
     * that repeats without an end are written as ones that need not be counted. */
    REGEX_STEADY,
};

#define REGEX_CALLOUT_MAX sizeof "(?C99)"
#define REGEX_OUT_MAX     ((REGEX_CALLOUT_MAX + 2) * PATTERN_LENGTH_MAX)

struct regex_out {
    char text[REGEX_OUT_MAX];
    unsigned short from[REGEX_OUT_MAX]; /* offset in the source of each byte */
    size_t len;
};

/* False and an error, with its offset in `source`, when the service would refuse it. */
bool regex_translate(struct slice source, enum regex_matcher matcher, struct regex_out *out,
                     struct pattern_error *error);

/* The longest run of characters that stands in all that matches, as a part of the source; empty
 * when none is sure to. */
struct slice regex_lead(struct slice source);

#endif
