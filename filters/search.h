/* SPDX-License-Identifier: Apache-2.0 */
/* Searching text for a fixed run of bytes.  The only place that knows PCRE2.
 * One search is used by one thread at a time: it holds the room PCRE2 works in. */
#ifndef TAILGATE_FILTERS_SEARCH_H
#define TAILGATE_FILTERS_SEARCH_H

#include "filters/pattern.h"
#include "filters/slice.h"

/* What one search may cost at most; past it the answer is PATTERN_UNDECIDED. */
#define SEARCH_MATCH_LIMIT 100000
#define SEARCH_DEPTH_LIMIT 1000
#define SEARCH_HEAP_LIMIT  1024 /* KiB */

struct search;

/* NULL when memory is out.  Every run of bytes can be searched for; an empty one is found in
 * everything. */
struct search *search_literal(struct slice literal);
void search_free(struct search *search);
enum pattern_answer search_run(const struct search *search, struct slice text);

#endif
