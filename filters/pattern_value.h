/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing values, and joining the answers.  For pattern_*.c only. */
#ifndef TAILGATE_FILTERS_PATTERN_VALUE_H
#define TAILGATE_FILTERS_PATTERN_VALUE_H

#include "filters/pattern_internal.h"

/* Whether all of the text is a number: digits with a sign, decimals, an exponent; PATTERN_UNDECIDED
 * when it has too many digits to be read. */
enum pattern_answer value_number(struct slice text, double *out);

/* Whether a condition that compares holds of a text, or of a number spelled so. */
enum pattern_answer value_holds_text(const struct condition *condition, struct search_room *room,
                                     struct slice text);
enum pattern_answer value_holds_number(const struct condition *condition, struct search_room *room,
                                       struct slice text);

/* Three-valued: one NO decides an `and`, one YES an `or`. */
enum pattern_answer answer_and(enum pattern_answer a, enum pattern_answer b);
enum pattern_answer answer_or(enum pattern_answer a, enum pattern_answer b);
enum pattern_answer answer_not(enum pattern_answer answer);

/* What the answers to its conditions make of a node. */
enum pattern_answer node_answer(const struct pattern *pattern, uint16_t node,
                                const unsigned char *answers);

#endif
