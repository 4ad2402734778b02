/* SPDX-License-Identifier: Apache-2.0 */
/* Searching text for a fixed run of bytes or a regular expression.  The only place that knows
 * PCRE2.  A search does not change once it is made, and threads may share it; each brings room of
 * its own. */
#ifndef TAILGATE_FILTERS_SEARCH_H
#define TAILGATE_FILTERS_SEARCH_H

#include "filters/pattern.h"
#include "filters/slice.h"

struct search;
struct search_room;

/* NULL when memory is out. */
struct search_room *search_room_new(void);
void search_room_free(struct search_room *room);

/* NULL when memory is out.  Every run of bytes can be searched for; an empty one is found in
 * everything. */
struct search *search_literal(struct slice literal);
/* An expression as it stands between two '%'.  NULL, and an error whose offset is one in the
 * expression, when the service would refuse it or memory is out. */
struct search *search_regex(struct slice expression, struct pattern_error *error);
void search_free(struct search *search);

/* Whether it is in the text.  What would take too long or too much room is PATTERN_UNDECIDED, which
 * cannot be of a fixed run. */
enum pattern_answer search_run(const struct search *search, struct search_room *room,
                               struct slice text);
/* A run that stands in every text in which it is found; may be empty. */
struct slice search_lead(const struct search *search);
/* The offset of the first place of a fixed run at or behind `from`; the text's length: none. */
size_t search_next(const struct search *search, struct search_room *room, struct slice text,
                   size_t from);

#endif
