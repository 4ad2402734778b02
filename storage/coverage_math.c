/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of coverage: pure functions on lists of stretches that are in order and do not
 * overlap.  Stated for single instants, as in coverage.h, an age A was reached at t when
 * read_at - t >= A, that is for all t before read_at - A + 1. */
#include <stdbool.h>

#include "storage/coverage.h"
#include "storage/stretches.h"

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The end of the instants for which an age is reached by a look at a time. */
static int64_t reached_until(int64_t looked_at, int64_t age)
{
    return looked_at - age + 1;
}

static bool mergeable(const struct stretch *left, const struct stretch *right, int64_t deepest)
{
    if (left->end != right->start || (left->reads == 0) != (right->reads == 0)) {
        return false;
    }
    return left->read_at == right->read_at ||
           (left->end <= reached_until(left->read_at, deepest) &&
            right->end <= reached_until(right->read_at, deepest));
}

/* Appends a stretch to those before it, or merges it with the last; empty ones are dropped. */
static size_t append(struct stretch *out, size_t count, struct stretch next, int64_t deepest)
{
    struct stretch *last = count > 0 ? &out[count - 1] : NULL;

    if (next.start >= next.end) {
        return count;
    }
    if (!last || !mergeable(last, &next, deepest)) {
        out[count] = next;
        return count + 1;
    }
    last->end = next.end;
    last->read_at = larger(last->read_at, next.read_at);
    last->reads = smaller(last->reads, next.reads);
    return count;
}

/* A part of a stretch; empty when start >= end. */
static struct stretch part(const struct stretch *whole, int64_t start, int64_t end)
{
    struct stretch piece = *whole;

    piece.start = larger(whole->start, start);
    piece.end = smaller(whole->end, end);
    return piece;
}

size_t stretches_apply(const struct stretch *list, size_t count, const struct stretch *read,
                       int64_t deepest, struct stretch *out)
{
    struct stretch fresh = *read;
    int64_t done = read->start; /* how much of the read has been laid down */
    size_t n = 0;

    fresh.reads = 1;
    for (size_t i = 0; i < count; i++) {
        const struct stretch *old = &list[i];
        struct stretch again = part(old, read->start, read->end);

        if (old->reads == 0 || read->read_at > old->read_at) {
            again.read_at = read->read_at;
        }
        again.reads = old->reads + 1;

        n = append(out, n, part(&fresh, done, old->start), deepest);
        n = append(out, n, part(old, old->start, read->start), deepest);
        n = append(out, n, again, deepest);
        n = append(out, n, part(old, read->end, old->end), deepest);
        done = larger(done, smaller(old->end, read->end));
    }
    return append(out, n, part(&fresh, done, read->end), deepest);
}

size_t coverage_holes(const struct stretch *list, size_t count, int64_t from, int64_t to,
                      bool with_inherited, struct stretch *out, size_t max)
{
    size_t found = 0;
    int64_t until = to; /* everything from here on has been dealt with */

    for (size_t i = count; i-- > 0 && found < max;) {
        const struct stretch *covered = &list[i];

        if ((covered->reads == 0 && !with_inherited) || covered->start >= until) {
            continue;
        }
        if (larger(covered->end, from) < until) {
            out[found++] = (struct stretch){ larger(covered->end, from), until, 0, 0 };
        }
        until = larger(covered->start, from);
    }
    if (from < until && found < max) {
        out[found++] = (struct stretch){ from, until, 0, 0 };
    }
    return found;
}

bool coverage_due(const struct stretch *list, size_t count, int64_t age, int64_t min_length,
                  int64_t now, struct stretch *out)
{
    int64_t ripe = reached_until(now, age);
    bool found = false;

    for (size_t i = 0; i < count; i++) {
        struct stretch due = part(&list[i], reached_until(list[i].read_at, age), ripe);

        if (due.start >= due.end) {
            continue;
        }
        if (found && due.start != out->end) {
            break;
        }
        if (!found) {
            *out = due;
            found = true;
            continue;
        }
        out->end = due.end;
        out->read_at = smaller(out->read_at, due.read_at);
        out->reads = smaller(out->reads, due.reads);
    }
    return found && (out->end - out->start >= min_length || now - out->start >= age + min_length);
}

int64_t coverage_settled(const struct stretch *list, size_t count, int64_t since, int64_t deepest)
{
    int64_t settled = since;

    for (size_t i = 0; i < count && list[i].start <= settled; i++) {
        int64_t reached = smaller(list[i].end, reached_until(list[i].read_at, deepest));

        settled = larger(settled, reached);
        if (reached < list[i].end && list[i].end > settled) {
            break;
        }
    }
    return settled;
}
