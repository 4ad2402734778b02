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

/* Put behind every repeat when asked for: PCRE2 counts there how often it tries again. */
#define REGEX_CALLOUT "(?C1)"
#define REGEX_OUT_MAX ((sizeof REGEX_CALLOUT + 1) * PATTERN_LENGTH_MAX)

struct regex_out {
    char text[REGEX_OUT_MAX];
    unsigned short from[REGEX_OUT_MAX]; /* offset in the source of each byte */
    size_t len;
};

/* False and an error, with its offset in `source`, when the service would refuse it. */
bool regex_translate(struct slice source, bool callouts, struct regex_out *out,
                     struct pattern_error *error);

/* The longest run of characters that stands in all that matches, as a part of the source; empty
 * when none is sure to. */
struct slice regex_lead(struct slice source);

#endif
