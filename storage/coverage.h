/* SPDX-License-Identifier: Apache-2.0 */
/* The coverage ledger: which stretches of time of a source have been read to the end, when, and
 * looking for what.
 *
 * A source is known by a text: the log group's ARN without ":*", or "file:" and a path.  A watch is
 * a source looked at with one digest (of rules, networks and parser version).  Of every stretch
 * [start, end) the ledger keeps when it was last read to the end (read_at, by the service's clock)
 * and how often under this digest (reads).  So the age at which an instant t was last looked at is
 * read_at - t, and a re-read at age A is due for t when read_at - t < A <= now - t.  Stretches
 * taken over from another digest have reads = 0: they do not count as read with this one, but their
 * re-reads still due are.
 *
 * Time is whole milliseconds: a stretch is the instants start, start + 1 ... end - 1.  Stretches of
 * a watch never overlap. */
#ifndef TAILGATE_STORAGE_COVERAGE_H
#define TAILGATE_STORAGE_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/store.h"

#define COVERAGE_DIGEST_SIZE 32
/* A source that was never run has been answerable since never. */
#define COVERAGE_NEVER INT64_MIN
/* Times and ages given to these functions lie within plus and minus this. */
#define COVERAGE_TIME_MAX (INT64_C(1) << 60)
/* Rows one call may have to look at; merging keeps them in the hundreds. */
#define COVERAGE_ROWS_MAX 1000000

struct stretch {
    int64_t start, end; /* half-open, milliseconds */
    int64_t read_at;
    int64_t reads;
};

/* The id of a source, made if need be.  In a store opened for reading a source that is not there
 * gets 0, which no source has. */
bool coverage_source(struct store *store, const char *identity, int64_t *source,
                     struct store_error *error);

/* From when on a source is answerable, or COVERAGE_NEVER. */
bool coverage_since(struct store *store, int64_t source, int64_t *since, struct store_error *error);

/* The id of the watch of a source under a digest, made if need be (0 when reading only, as above).
 * Changes nothing else. */
bool coverage_watch(struct store *store, int64_t source,
                    const uint8_t digest[static COVERAGE_DIGEST_SIZE], int64_t *watch,
                    struct store_error *error);

/* `run` begins (or goes on) with this watch.  *since is from when on it is answerable: the stored
 * time if the source has been run before (under any digest), else `first`.  An earlier `first`
 * given with force (--since) moves it back; a later one changes nothing.  If another digest was run
 * last, its stretches which this watch lacks are taken over with reads = 0.  One transaction of its
 * own. */
bool coverage_run(struct store *store, int64_t watch, int64_t first, bool force, int64_t *since,
                  struct store_error *error);

/* Notes that [start, end) was read to the end at read_at (read->reads is not looked at).  To be
 * called inside the transaction that stores the last page's findings.
 *
 * Where the watch itself had read before, reads counts up and the later read_at stays, whichever
 * came first.  Where the stretch was taken over, this read is the first one and its read_at counts,
 * even if the other digest looked later: what came to light in between, only the other one saw.
 *
 * Neighbours that are equal in read_at, or whose age is past `deepest` on both sides, are merged,
 * so rows stay few; what was taken over merges only with its like.  A merged stretch has the later
 * read_at and the smaller reads of its parts, so reads means "at least so often", and a `deepest`
 * that grows later does not reopen what was settled by the old one. */
bool coverage_add(struct store *store, int64_t watch, const struct stretch *read, int64_t deepest,
                  struct store_error *error);

/* The stretches of a watch that touch [from, to), in order, cut to it.  The array is the caller's
 * to free; NULL when there are none. */
bool coverage_list(struct store *store, int64_t watch, int64_t from, int64_t to,
                   struct stretch **out, size_t *count, struct store_error *error);

/* What follows is arithmetic on such a list; no store needed. */

/* The holes in [from, to): time no stretch covers (with_inherited: stretches with reads = 0 count
 * as covering).  Writes at most max, the newest first, with read_at and reads 0, and returns how
 * many it wrote. */
size_t coverage_holes(const struct stretch *list, size_t count, int64_t from, int64_t to,
                      bool with_inherited, struct stretch *out, size_t max);

/* The oldest stretch whose re-read at this age is due, joined over neighbours that are due too;
 * false if none is, or if it is shorter than min_length and not yet older than age + min_length (so
 * that re-reads are made in pieces worth a request).  read_at and reads are the smallest of its
 * parts. */
bool coverage_due(const struct stretch *list, size_t count, int64_t age, int64_t min_length,
                  int64_t now, struct stretch *out);

/* The time before which everything since `since` is covered and was last read at the deepest age or
 * later; `since` when nothing is.  What was taken over counts with the reads it had. */
int64_t coverage_settled(const struct stretch *list, size_t count, int64_t since, int64_t deepest);

#endif
