/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a file or pipe of any length, in memory that does not grow with it; of one in gzip's
 * format the lines in it. */
#ifndef TAILGATE_AGENT_LINES_H
#define TAILGATE_AGENT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer line is handed out in pieces of this size; CloudWatch carries at most 1 MiB in an event.
 */
#define LINES_LINE_MAX (4 * 1024 * 1024)

struct line {
    const char *data; /* without its LF; valid until the next call */
    size_t len;
    uint64_t offset; /* of its first byte in the file, or in what gunzip makes of it */
    bool piece;      /* only a part of a line that is too long; the next one is its rest */
};

struct lines;
/* Reads from a path, or from standard input for "-".  NULL with errno set. */
struct lines *lines_open(const char *path);
/* Before the first line: shows a file in windows of memory instead of copying it, where it is one
 * that can be shown.  For who asks lines_whole before he believes what he was handed. */
void lines_map(struct lines *lines);
/* Whether what was handed out was there; if not, as when the file is cut meanwhile, some of its
 * bytes were 0, and lines_next fails. */
bool lines_whole(const struct lines *lines);
/* The first bytes there will be, up to `want` of them, fewer only at the end; nothing is handed out
 * by it.  At an error none, and lines_next fails.  Valid until the next call. */
size_t lines_peek(struct lines *lines, size_t want, const char **out);
/* Whether a line is there already, so that lines_next need not read. */
bool lines_waiting(const struct lines *lines);
/* 1: a line; 0: the end; -1: lines_problem says what failed, behind all that could be read. */
int lines_next(struct lines *lines, struct line *out);
/* The whole lines, each with its LF, that are read and not yet handed out: takes all of them at
 * once.  Their number of bytes, 0 when there are none; valid until the next call. */
size_t lines_take(struct lines *lines, const char **out, uint64_t *offset);
/* Why lines_open or lines_next failed, right after; NULL lines: could not be opened. */
const char *lines_problem(const struct lines *lines);
void lines_close(struct lines *lines);

#endif
