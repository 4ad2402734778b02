/* SPDX-License-Identifier: Apache-2.0 */
/* CloudWatch Logs filter patterns (CloudWatch Logs User Guide, "Filter pattern syntax").
 * This version reads the list-of-terms shape: words, quoted phrases, -exclusions and ?alternatives.
 * The other shapes (regular expressions, space-delimited, JSON) are refused with an error that says
 * so. A pattern does not change after parsing, but holds room to search in: one thread at a time
 * may match it.  Text passed in is borrowed for the call; what pattern_parse returns is the
 * caller's, to be given to pattern_free. */
#ifndef TAILGATE_FILTERS_PATTERN_H
#define TAILGATE_FILTERS_PATTERN_H

#include <stddef.h>

#include "filters/slice.h"

#define PATTERN_LENGTH_MAX 1024 /* characters, as the service */
#define PATTERN_ERROR_MAX  256

struct pattern;

struct pattern_error {
    size_t offset; /* of the offending byte in the pattern */
    char text[PATTERN_ERROR_MAX];
};

enum pattern_answer {
    PATTERN_NO,
    PATTERN_YES,
    PATTERN_UNDECIDED, /* the matcher ran into a limit: never to be taken for "no" */
};

/* NULL and an error that shows the place when the text is no pattern, is too long, or memory is
 * out.  An empty pattern matches everything. */
struct pattern *pattern_parse(struct slice text, struct pattern_error *error);
/* Looks at the whole text; any bytes are acceptable, line ends have no meaning. */
enum pattern_answer pattern_match(const struct pattern *pattern, struct slice text);
void pattern_free(struct pattern *pattern);

#endif
