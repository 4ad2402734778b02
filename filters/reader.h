/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the lines of one source, whatever their format: what is remembered of each format, and
 * which one a line has. */
#ifndef TAILGATE_FILTERS_READER_H
#define TAILGATE_FILTERS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/event.h"
#include "filters/format.h"
#include "filters/reading.h"
#include "filters/record.h"
#include "filters/slice.h"

struct reader;
/* FORMAT_AUTO: each line is read by how it begins.  NULL when out of memory. */
struct reader *reader_new(enum format format);
void reader_free(struct reader *reader);
/* The next line does not follow the last one (judge_window). */
void reader_window(struct reader *reader, bool goes_on);

/* Reads one line of an event, without its LF; its number within the event counts from 1.  Time
 * linear in its length, no allocation; every byte sequence is acceptable input.  Slices point into
 * the line or the reader and are valid until the next call. */
void reader_read(struct reader *reader, const struct event *event, struct slice line,
                 uint32_t line_number, struct record *record, struct reading *reading);

/* Passes over lines at the beginning of a text of whole lines, each with its LF, that are no more
 * than statements, as if each had been read.  Returns their bytes and adds their number to
 * *lines.  *newline is the LF of the line behind them, or NULL when it was not looked for or there
 * is none. */
size_t reader_skip(struct reader *reader, uint64_t stream, struct slice text, int64_t *lines,
                   const char **newline);

/* How the last line was read. */
enum format reader_format(const struct reader *reader);

/* The server that a line of the last event names; empty where lines of its format name none.  False
 * when the line does not say it though it should: it may be a piece of a row. */
bool reader_server(const struct reader *reader, struct slice line, struct slice *server);

/* What was seen of the source in all: candidates in statements that were not told, connection ids
 * that no row was seen of, and what product writes the lines, in words (NULL while nothing is
 * known). */
struct reader_seen {
    const char *dialect;
    int64_t in_sql, id_gaps;
};
void reader_seen(const struct reader *reader, struct reader_seen *out);

#endif
