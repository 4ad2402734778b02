/* SPDX-License-Identifier: Apache-2.0 */
/* The last lines of one stream of PostgreSQL's log. */
#include "filters/postgresql_rows.h"

static const struct postgresql_row *row_at(const struct postgresql_rows *rows, uint64_t number)
{
    return &rows->items[number & (POSTGRESQL_ROWS_MAX - 1)];
}

/* The first row still kept. */
static uint64_t first_kept(const struct postgresql_rows *rows)
{
    return rows->count > POSTGRESQL_ROWS_MAX ? rows->count - POSTGRESQL_ROWS_MAX : 0;
}

/* Whether a row began an attempt that is remembered still, and may be a true one. */
static bool is_first(const struct postgresql_row *row)
{
    return row->began && row->attempt->turn == row->turn && !row->attempt->forged;
}

void postgresql_rows_add(struct postgresql_rows *rows, int64_t time_ms, uint64_t remote,
                         struct postgresql_attempt *attempt, bool began)
{
    rows->items[rows->count++ & (POSTGRESQL_ROWS_MAX - 1)] =
        (struct postgresql_row){ .time_ms = time_ms,
                                 .remote = remote,
                                 .attempt = attempt,
                                 .turn = attempt ? attempt->turn : 0,
                                 .began = began };
}

bool postgresql_rows_of(const struct postgresql_rows *rows, uint64_t remote, uint64_t *after)
{
    if (rows->open > 0 && rows->open_remote == remote) {
        *after = rows->open_at + 1;
        return true;
    }
    for (uint64_t i = rows->count; i > first_kept(rows); i--) {
        if (row_at(rows, i - 1)->remote == remote) {
            *after = i;
            return true;
        }
    }
    return false;
}

const struct postgresql_row *postgresql_rows_first(const struct postgresql_rows *rows,
                                                   uint64_t remote, int64_t time_ms)
{
    for (uint64_t i = rows->count; i > first_kept(rows); i--) {
        const struct postgresql_row *row = row_at(rows, i - 1);

        if (row->remote == remote && row->time_ms == time_ms && is_first(row)) {
            return row;
        }
    }
    return NULL;
}

size_t postgresql_rows_run(const struct postgresql_rows *rows)
{
    uint64_t from = rows->count;

    while (from > first_kept(rows) && is_first(row_at(rows, from - 1))) {
        from--;
    }
    return (size_t)(rows->count - from);
}

bool postgresql_rows_began_from(const struct postgresql_rows *rows, uint64_t from)
{
    while (from < rows->count && row_at(rows, from)->began) {
        from++;
    }
    return from >= rows->count;
}

void postgresql_rows_open(struct postgresql_rows *rows)
{
    const struct postgresql_row *row = row_at(rows, rows->count - 1);

    rows->open = row->attempt->pid < 0 ? POSTGRESQL_OPEN_FEW : POSTGRESQL_OPEN_LINES;
    rows->open_at = rows->count - 1;
    rows->open_remote = row->remote;
}

bool postgresql_rows_tainted(const struct postgresql_rows *rows, uint64_t remote)
{
    return rows->open > 0 && rows->open_remote != remote;
}

struct postgresql_attempt *postgresql_rows_torn(const struct postgresql_rows *rows)
{
    const struct postgresql_row *row = row_at(rows, rows->open_at);

    if (rows->open == 0 || rows->open_remote == 0 || rows->open_at < first_kept(rows) ||
        !row->attempt || row->attempt->turn != row->turn) {
        return NULL;
    }
    return row->attempt;
}

struct change *postgresql_rows_change(struct reading *reading, int64_t finding)
{
    struct change *change;

    for (size_t i = 0; i < reading->change_count; i++) {
        if (reading->changes[i].finding == finding) {
            return &reading->changes[i];
        }
    }
    if (reading->change_count == READING_CHANGES_MAX) {
        return NULL;
    }
    change = &reading->changes[reading->change_count++];
    *change = (struct change){ .finding = finding };
    return change;
}

void postgresql_rows_mark(const struct postgresql_row *row, unsigned marks,
                          const struct postgresql_attempt *client, struct reading *reading)
{
    struct postgresql_attempt *attempt = row->attempt;
    struct change *change;

    if (!is_first(row) || (client && row->remote == client->hash)) {
        return;
    }
    attempt->doubtful = true;
    attempt->forged = (marks & MARK_FORGED) != 0;
    change = attempt->finding != 0 ? postgresql_rows_change(reading, attempt->finding) : NULL;
    if (change) {
        change->marks |= marks;
        if (client) {
            change->true_client = postgresql_attempts_host(client);
        }
    }
}

void postgresql_rows_mark_from(const struct postgresql_rows *rows, uint64_t from, unsigned marks,
                               const struct postgresql_attempt *client, struct reading *reading)
{
    if (from < first_kept(rows)) {
        from = first_kept(rows);
    }
    for (uint64_t i = from; i < rows->count; i++) {
        postgresql_rows_mark(row_at(rows, i), marks, client, reading);
    }
}
