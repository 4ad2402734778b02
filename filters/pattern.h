/* SPDX-License-Identifier: Apache-2.0 */
/* CloudWatch Logs filter patterns (CloudWatch Logs User Guide, "Filter pattern syntax"), in all
 * four shapes: lists of terms, regular expressions, space-delimited fields, and JSON.
 *
 * A pattern does not change once it is read, and threads may share it; each brings scratch room of
 * its own, which serves any number of patterns.  Text passed in is borrowed for the call, may hold
 * any bytes, and is never written to. */
#ifndef TAILGATE_FILTERS_PATTERN_H
#define TAILGATE_FILTERS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "filters/slice.h"

#define PATTERN_LENGTH_MAX 1024 /* characters, as the service */
#define PATTERN_ERROR_MAX  256

struct pattern;
struct pattern_scratch;

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
 * out.  An empty pattern matches everything.  What is returned is the caller's, for pattern_free.
 */
struct pattern *pattern_parse(struct slice text, struct pattern_error *error);
void pattern_free(struct pattern *pattern);

/* Room to match in, for one thread at a time: some 200 KiB, and more for events that need it: JSON
 * objects under a wildcard take 24 bytes a member.  NULL when memory is out. */
struct pattern_scratch *pattern_scratch_new(void);
void pattern_scratch_free(struct pattern_scratch *scratch);

/* Looks at the whole text, an event's message; line ends have no meaning of their own.  Undecided:
 * a regular expression that would take too long, JSON nested deeper than PATTERN_JSON_DEPTH_MAX,
 * a number of more than a thousand digits where its value counts, or memory is out. */
#define PATTERN_JSON_DEPTH_MAX 16384
enum pattern_answer pattern_match(const struct pattern *pattern, struct pattern_scratch *scratch,
                                  struct slice text);

/* After a match of a space-delimited pattern that was not answered with PATTERN_NO: what its fields
 * stand for, one after the other from 0 on, as parts of the text that was matched.  `name` is empty
 * for one without; false past the last, and for other patterns.  The ellipsis is none of them. */
bool pattern_field(const struct pattern *pattern, const struct pattern_scratch *scratch,
                   size_t number, struct slice *name, struct slice *value);
/* How many fields there are, the ellipsis counted; 0 for patterns of other shapes. */
size_t pattern_field_count(const struct pattern *pattern);

#endif
