/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows of the MySQL family say of each other.  No row proves anything by itself: who has
 * not even logged in can write whole rows through a user name.  But a name is printed with every
 * row of its connection, ids rise by one, and rows torn by a name leave their ends behind. */
#ifndef TAILGATE_FILTERS_MYSQL_HISTORY_H
#define TAILGATE_FILTERS_MYSQL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/event.h"
#include "filters/reading.h"
#include "filters/record.h"
#include "filters/slice.h"

/* What is remembered of one source. */
struct mysql_history;
struct mysql_history *mysql_history_new(void); /* NULL when out of memory */
void mysql_history_free(struct mysql_history *history);
/* The next line does not follow the last one (judge_window). */
void mysql_history_window(struct mysql_history *history, bool goes_on);

/* Completes what mysql_read made of a line by what the lines before it say: decides which
 * candidates in the text of a statement may be connections, joins a change of user to its
 * connection, and tells marks, forgeries and what is to be changed of earlier findings.
 * line_number: within the event, from 1.  Slices point into the line or the history and are valid
 * until the next call. */
void mysql_history_read(struct mysql_history *history, const struct event *event, struct slice line,
                        uint32_t line_number, struct record *record, struct reading *reading);

/* Passes over the statements at the beginning of a text of whole lines, each with its LF, that say
 * nothing of the lines around them: as if each had been read.  Returns their bytes and adds their
 * number to *lines.  *newline is the LF of the line behind them, or NULL when it was not looked for
 * or there is none. */
size_t mysql_history_skip(struct mysql_history *history, uint64_t stream, struct slice text,
                          int64_t *lines, const char **newline);

/* Candidates in statements that were not told, connection ids no row was seen of, and what product
 * writes the rows, in words (NULL while nothing is known). */
void mysql_history_seen(const struct mysql_history *history, int64_t *in_sql, int64_t *id_gaps,
                        const char **dialect);

#endif
