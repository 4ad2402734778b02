/* SPDX-License-Identifier: Apache-2.0 */
/* Listing of what is watched. */
#include "storage/watched.h"

#include <stdlib.h>
#include <string.h>

#include "storage/sql.h"

static const char what[] = "list what is watched";

void watched_free(struct watched *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].identity);
    }
    free(list);
}

/* Adds the row a statement stands at. */
static bool add(const struct sql *sql, struct watched **list, size_t *count)
{
    struct store_bytes identity = sql_bytes(sql->stmt, 0);
    struct watched *more;
    char *text;

    if (*count == WATCHED_MAX) {
        return false;
    }
    text = strndup(identity.data, identity.len);
    more = realloc(*list, (*count + 1) * sizeof *more);
    if (more) {
        *list = more;
    }
    if (!text || !more) {
        free(text);
        return false;
    }
    more[(*count)++] =
        (struct watched){ text, sql_number(sql, 1), sql_number(sql, 2), sql_number(sql, 3) };
    return true;
}

bool watched_list(struct store *store, struct watched **out, size_t *count,
                  struct store_error *error)
{
    static const char text[] = "SELECT identity, id, watch, since FROM source"
                               " WHERE watch IS NOT NULL AND since IS NOT NULL ORDER BY identity";
    struct sql sql = sql_open(store, text);
    bool kept = true;
    int step;

    *out = NULL;
    *count = 0;
    while (kept && (step = sql_step(&sql, what, error)) == 1) {
        kept = add(&sql, out, count);
    }
    sql_close(&sql);
    if (!kept) {
        step = -1;
        (void)store_fail(error, STORE_FAILED, "cannot %s: out of memory, or too many sources",
                         what);
    }
    if (step < 0) {
        watched_free(*out, *count);
        *out = NULL;
        *count = 0;
        return false;
    }
    return true;
}

bool watched_forget(struct store *store, int64_t source, struct store_error *error)
{
    static const char text[] = "UPDATE source SET watch = NULL WHERE id = :source";
    struct sql sql = sql_open(store, text);

    sql_bind_number(&sql, ":source", source);
    return sql_run(&sql, "forget a source", error);
}
