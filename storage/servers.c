/* SPDX-License-Identifier: Apache-2.0 */
/* Servers of sources. */
#include "storage/servers.h"

#include <stdlib.h>
#include <string.h>

#include "storage/sql.h"

static const char list_what[] = "list the servers of a source";
static const char save_what[] = "note when a server was heard";

void servers_free(struct server *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].stream);
        free(list[i].name);
    }
    free(list);
}

/* Text of the log as a string of its own. */
static char *copy(struct store_bytes bytes)
{
    return bytes.data ? strndup(bytes.data, bytes.len) : strdup("");
}

/* Fills one in from the row a statement stands at; false when out of memory. */
static bool fill(const struct sql *sql, struct server *out)
{
    *out = (struct server){ .stream = copy(sql_bytes(sql->stmt, 0)),
                            .name = copy(sql_bytes(sql->stmt, 1)),
                            .rows = sql_number(sql, 2),
                            .first_at = sql_number(sql, 3),
                            .last_at = sql_number(sql, 4),
                            .week = sql_number(sql, 5),
                            .longest = sql_number(sql, 6),
                            .longest_before = sql_number(sql, 7),
                            .silent_at = sql_optional(sql, 8) };
    return out->stream && out->name;
}

bool servers_list(struct store *store, int64_t source, struct server **out, size_t *count,
                  struct store_error *error)
{
    static const char text[] =
        "SELECT stream, name, rows, first_at, last_at, week, longest, longest_before, silent_at"
        " FROM server WHERE source = :source ORDER BY stream, name LIMIT :most";
    struct sql sql;
    bool room;
    int step = 0;

    *count = 0;
    *out = calloc(SERVERS_MAX, sizeof **out);
    room = *out != NULL;
    sql = sql_open(store, text);
    sql_bind_number(&sql, ":source", source);
    sql_bind_number(&sql, ":most", SERVERS_MAX);
    while (room && (step = sql_step(&sql, list_what, error)) == 1) {
        room = fill(&sql, &(*out)[(*count)++]);
    }
    sql_close(&sql);
    if (!room) {
        (void)store_fail(error, STORE_FAILED, "cannot %s: out of memory", list_what);
    }
    if (!room || step < 0) {
        servers_free(*out, *count);
        *out = NULL;
        *count = 0;
        return false;
    }
    return true;
}

static void bind_key(struct sql *sql, int64_t source, const struct server *server)
{
    sql_bind_number(sql, ":source", source);
    sql_bind_bytes(sql, ":stream", (struct store_bytes){ server->stream, strlen(server->stream) });
    sql_bind_bytes(sql, ":name", (struct store_bytes){ server->name, strlen(server->name) });
}

bool servers_save(struct store *store, int64_t source, const struct server *server,
                  struct store_error *error)
{
    static const char text[] =
        "INSERT INTO server (source, stream, name, rows, first_at, last_at, week, longest,"
        " longest_before, silent_at) VALUES (:source, :stream, :name, :rows, :first, :last, :week,"
        " :longest, :before, :silent) ON CONFLICT (source, stream, name) DO UPDATE SET"
        " rows = excluded.rows, first_at = excluded.first_at, last_at = excluded.last_at,"
        " week = excluded.week, longest = excluded.longest,"
        " longest_before = excluded.longest_before, silent_at = excluded.silent_at";
    struct sql sql;

    if (!sql_inside(store, save_what, error)) {
        return false;
    }
    sql = sql_open(store, text);
    bind_key(&sql, source, server);
    sql_bind_number(&sql, ":rows", server->rows);
    sql_bind_number(&sql, ":first", server->first_at);
    sql_bind_number(&sql, ":last", server->last_at);
    sql_bind_number(&sql, ":week", server->week);
    sql_bind_number(&sql, ":longest", server->longest);
    sql_bind_number(&sql, ":before", server->longest_before);
    sql_bind_optional(&sql, ":silent", server->silent_at);
    return sql_run(&sql, save_what, error);
}

bool servers_forget(struct store *store, int64_t source, const struct server *server,
                    struct store_error *error)
{
    static const char text[] =
        "DELETE FROM server WHERE source = :source AND stream = :stream AND name = :name";
    static const char what[] = "forget a server";
    struct sql sql;

    if (!sql_inside(store, what, error)) {
        return false;
    }
    sql = sql_open(store, text);
    bind_key(&sql, source, server);
    return sql_run(&sql, what, error);
}
