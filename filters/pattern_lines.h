/* SPDX-License-Identifier: Apache-2.0 */
/* Which of many lines a pattern matches.  Much faster than asking for each: where a line can only
 * match that holds some text, nothing is looked at but the lines that do. */
#ifndef TAILGATE_FILTERS_PATTERN_LINES_H
#define TAILGATE_FILTERS_PATTERN_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "filters/pattern.h"
#include "filters/slice.h"

/* One walk over a text of whole lines, which is borrowed while it lasts, as is the scratch. */
struct pattern_lines {
    const struct pattern *pattern;
    struct pattern_scratch *scratch;
    struct slice text;
    size_t at; /* the line to go on with */
};

void pattern_lines_begin(struct pattern_lines *lines, const struct pattern *pattern,
                         struct pattern_scratch *scratch, struct slice text);

/* The next line, without its LF, that is not answered with PATTERN_NO; false when there is none.
 * A last line without an LF counts. */
bool pattern_lines_next(struct pattern_lines *lines, struct slice *line,
                        enum pattern_answer *answer);

#endif
