/* SPDX-License-Identifier: Apache-2.0 */
/* The coverage ledger in the store; its arithmetic is in coverage_math.c. */
#include "storage/coverage.h"

#include <stdlib.h>
#include <string.h>

#include "storage/sql.h"
#include "storage/stretches.h"

static const char read_what[] = "read the coverage";
static const char note_what[] = "note what was read";

/* The last stretch that starts before a time may reach into what follows; those before it cannot,
 * as they do not overlap. */
#define FROM_THE_ONE_BEFORE(time)                                                                  \
    " start >= COALESCE((SELECT MAX(start) FROM coverage WHERE watch = :watch AND start < " time   \
    "), " time ")"

bool coverage_source(struct store *store, const char *identity, int64_t *source,
                     struct store_error *error)
{
    static const char find[] = "SELECT id FROM source WHERE identity = :identity";
    static const char make[] = "INSERT INTO source (identity) VALUES (:identity)"
                               " ON CONFLICT (identity) DO NOTHING";
    static const char what[] = "look up a source";
    struct sql sql = sql_open(store, find);

    *source = 0;
    sql_bind_text(&sql, ":identity", identity);
    if (!sql_ask(&sql, what, source, error)) {
        return false;
    }
    if (*source != 0 || store->mode == STORE_READ) {
        return true;
    }
    sql = sql_open(store, make);
    sql_bind_text(&sql, ":identity", identity);
    if (!sql_run(&sql, "make a source", error)) {
        return false;
    }
    sql = sql_open(store, find);
    sql_bind_text(&sql, ":identity", identity);
    return sql_ask(&sql, what, source, error);
}

bool coverage_since(struct store *store, int64_t source, int64_t *since, struct store_error *error)
{
    static const char text[] = "SELECT since FROM source WHERE id = :source AND since IS NOT NULL";
    struct sql sql = sql_open(store, text);

    *since = COVERAGE_NEVER;
    sql_bind_number(&sql, ":source", source);
    return sql_ask(&sql, read_what, since, error);
}

bool coverage_watch(struct store *store, int64_t source,
                    const uint8_t digest[static COVERAGE_DIGEST_SIZE], int64_t *watch,
                    struct store_error *error)
{
    static const char find[] = "SELECT id FROM watch WHERE source = :source AND digest = :digest";
    static const char make[] = "INSERT INTO watch (source, digest) VALUES (:source, :digest)"
                               " ON CONFLICT (source, digest) DO NOTHING";
    static const char what[] = "look up a watch";
    const struct store_bytes bytes = { (const char *)digest, COVERAGE_DIGEST_SIZE };
    struct sql sql = sql_open(store, find);

    *watch = 0;
    sql_bind_number(&sql, ":source", source);
    sql_bind_bytes(&sql, ":digest", bytes);
    if (!sql_ask(&sql, what, watch, error)) {
        return false;
    }
    if (*watch != 0 || store->mode == STORE_READ) {
        return true;
    }
    sql = sql_open(store, make);
    sql_bind_number(&sql, ":source", source);
    sql_bind_bytes(&sql, ":digest", bytes);
    if (!sql_run(&sql, "make a watch", error)) {
        return false;
    }
    sql = sql_open(store, find);
    sql_bind_number(&sql, ":source", source);
    sql_bind_bytes(&sql, ":digest", bytes);
    return sql_ask(&sql, what, watch, error);
}

static bool too_far(const struct store *store, const char *what, struct store_error *error)
{
    return store_fail(error, STORE_FAILED, "cannot %s in %s: the times make no sense", what,
                      store_name(store));
}

static bool sensible(int64_t time)
{
    return time > -COVERAGE_TIME_MAX && time < COVERAGE_TIME_MAX;
}

/* The stretches that touch [from, to), whole; `meeting`: also those that only meet it. */
static bool load(struct store *store, int64_t watch, int64_t from, int64_t to, bool meeting,
                 struct stretch **out, size_t *count, struct store_error *error)
{
    static const char text[] =
        "SELECT start, stop, read_at, reads FROM coverage"
        " WHERE watch = :watch AND start < :to AND stop > :from AND" FROM_THE_ONE_BEFORE(
            ":from") " ORDER BY start";
    struct sql sql = sql_open(store, text);
    struct stretch *list = NULL;
    size_t n = 0, room = 0;
    int step;

    *out = NULL;
    *count = 0;
    sql_bind_number(&sql, ":watch", watch);
    sql_bind_number(&sql, ":from", meeting ? from - 1 : from);
    sql_bind_number(&sql, ":to", meeting ? to + 1 : to);
    while ((step = sql_step(&sql, read_what, error)) == 1) {
        if (n == room) {
            struct stretch *more = NULL;

            room = room ? 2 * room : 64;
            if (n < COVERAGE_ROWS_MAX) {
                more = realloc(list, room * sizeof *list);
            }
            if (!more) {
                step = -1;
                (void)store_fail(error, STORE_FAILED, "cannot %s in %s: %s", read_what,
                                 store_name(store),
                                 n < COVERAGE_ROWS_MAX ? "out of memory" : "too many stretches");
                break;
            }
            list = more;
        }
        list[n++] = (struct stretch){ sql_number(&sql, 0), sql_number(&sql, 1), sql_number(&sql, 2),
                                      sql_number(&sql, 3) };
    }
    sql_close(&sql);
    if (step < 0) {
        free(list);
        return false;
    }
    *out = list;
    *count = n;
    return true;
}

bool coverage_list(struct store *store, int64_t watch, int64_t from, int64_t to,
                   struct stretch **out, size_t *count, struct store_error *error)
{
    *out = NULL;
    *count = 0;
    if (from >= to) {
        return true;
    }
    if (!load(store, watch, from, to, false, out, count, error)) {
        return false;
    }
    if (*count > 0) {
        struct stretch *first = *out, *last = *out + *count - 1;

        first->start = first->start < from ? from : first->start;
        last->end = last->end > to ? to : last->end;
    }
    return true;
}

static bool insert(struct store *store, int64_t watch, const struct stretch *stretch,
                   struct store_error *error)
{
    static const char text[] = "INSERT INTO coverage (watch, start, stop, read_at, reads)"
                               " VALUES (:watch, :start, :stop, :read_at, :reads)";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":watch", watch);
    sql_bind_number(&sql, ":start", stretch->start);
    sql_bind_number(&sql, ":stop", stretch->end);
    sql_bind_number(&sql, ":read_at", stretch->read_at);
    sql_bind_number(&sql, ":reads", stretch->reads);
    return sql_run(&sql, note_what, error);
}

static bool delete_between(struct store *store, int64_t watch, int64_t first, int64_t last,
                           struct store_error *error)
{
    static const char text[] =
        "DELETE FROM coverage WHERE watch = :watch AND start BETWEEN :first AND :last";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":watch", watch);
    sql_bind_number(&sql, ":first", first);
    sql_bind_number(&sql, ":last", last);
    return sql_run(&sql, note_what, error);
}

bool coverage_add(struct store *store, int64_t watch, const struct stretch *read, int64_t deepest,
                  struct store_error *error)
{
    struct stretch *old = NULL, *now = NULL;
    size_t count, n = 0;
    bool ok = false;

    if (!sql_inside(store, note_what, error)) {
        return false;
    }
    if (read->start >= read->end || !sensible(read->start) || !sensible(read->end) ||
        !sensible(read->read_at) || !sensible(deepest)) {
        return too_far(store, note_what, error);
    }
    if (!load(store, watch, read->start, read->end, true, &old, &count, error)) {
        return false;
    }
    now = malloc(STRETCHES_AFTER(count) * sizeof *now);
    if (!now) {
        (void)store_fail(error, STORE_FAILED, "cannot %s: out of memory", note_what);
        goto out;
    }
    n = stretches_apply(old, count, read, deepest, now);
    ok = count == 0 || delete_between(store, watch, old[0].start, old[count - 1].start, error);
    for (size_t i = 0; i < n && ok; i++) {
        ok = insert(store, watch, &now[i], error);
    }
out:
    free(now);
    free(old);
    return ok;
}

/* Copies what one watch has and another lacks, as not read by it. */
static bool take_over(struct store *store, int64_t from, int64_t to, struct store_error *error)
{
    struct stretch *theirs = NULL, *ours = NULL, *lacking = NULL;
    size_t their_count = 0, our_count = 0;
    bool ok = false;

    if (!load(store, from, INT64_MIN, INT64_MAX, false, &theirs, &their_count, error) ||
        !load(store, to, INT64_MIN, INT64_MAX, false, &ours, &our_count, error)) {
        goto out;
    }
    lacking = malloc((our_count + 1) * sizeof *lacking);
    if (!lacking) {
        (void)store_fail(error, STORE_FAILED, "cannot take coverage over: out of memory");
        goto out;
    }
    ok = true;
    for (size_t i = 0; i < their_count && ok; i++) {
        size_t n = coverage_holes(ours, our_count, theirs[i].start, theirs[i].end, true, lacking,
                                  our_count + 1);

        for (size_t j = 0; j < n && ok; j++) {
            lacking[j].read_at = theirs[i].read_at;
            ok = insert(store, to, &lacking[j], error);
        }
    }
out:
    free(lacking);
    free(ours);
    free(theirs);
    return ok;
}

struct source {
    int64_t id, since, watch; /* COVERAGE_NEVER where NULL */
};

static bool source_of(struct store *store, int64_t watch, struct source *source,
                      struct store_error *error)
{
    static const char text[] = "SELECT s.id, s.since, s.watch FROM watch AS w"
                               " JOIN source AS s ON s.id = w.source WHERE w.id = :watch";
    struct sql sql = sql_open(store, text);
    int step;

    sql_bind_number(&sql, ":watch", watch);
    step = sql_step(&sql, read_what, error);
    if (step == 1) {
        *source =
            (struct source){ sql_number(&sql, 0), sql_optional(&sql, 1), sql_optional(&sql, 2) };
    }
    sql_close(&sql);
    if (step == 0) {
        return store_fail(error, STORE_FAILED, "cannot %s in %s: there is no watch %lld", read_what,
                          store_name(store), (long long)watch);
    }
    return step == 1;
}

static bool run(struct store *store, int64_t watch, int64_t first, bool force, int64_t *since,
                struct store_error *error)
{
    static const char text[] = "UPDATE source SET since = :since, watch = :watch WHERE id = :id";
    struct source source = { 0, COVERAGE_NEVER, COVERAGE_NEVER };
    struct sql sql;

    if (!source_of(store, watch, &source, error)) {
        return false;
    }
    if (source.since == COVERAGE_NEVER || (force && first < source.since)) {
        source.since = first;
    }
    if (source.watch != COVERAGE_NEVER && source.watch != watch &&
        !take_over(store, source.watch, watch, error)) {
        return false;
    }
    *since = source.since;
    sql = sql_open(store, text);
    sql_bind_number(&sql, ":since", source.since);
    sql_bind_number(&sql, ":watch", watch);
    sql_bind_number(&sql, ":id", source.id);
    return sql_run(&sql, "begin to watch", error);
}

bool coverage_run(struct store *store, int64_t watch, int64_t first, bool force, int64_t *since,
                  struct store_error *error)
{
    if (!sensible(first)) {
        return too_far(store, "begin to watch", error);
    }
    return store_begin(store, error) &&
           sql_end(store, run(store, watch, first, force, since, error), error);
}
