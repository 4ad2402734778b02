/* SPDX-License-Identifier: Apache-2.0 */
/* What reading has shown of sources. */
#include "storage/readings.h"

#include <stdio.h>

#include "storage/sql.h"

bool reading_add(struct store *store, int64_t source, const char *dialect, int64_t in_sql,
                 int64_t id_gaps, struct store_error *error)
{
    static const char text[] =
        "INSERT INTO reading (source, dialect, in_sql, id_gaps)"
        " VALUES (:source, :dialect, :in_sql, :id_gaps)"
        " ON CONFLICT (source) DO UPDATE SET dialect = COALESCE(excluded.dialect, dialect),"
        " in_sql = in_sql + excluded.in_sql, id_gaps = id_gaps + excluded.id_gaps";
    static const char what[] = "note how a source reads";
    struct sql sql;

    if (!sql_inside(store, what, error)) {
        return false;
    }
    sql = sql_open(store, text);
    sql_bind_number(&sql, ":source", source);
    sql_bind_text(&sql, ":dialect", dialect);
    sql_bind_number(&sql, ":in_sql", in_sql);
    sql_bind_number(&sql, ":id_gaps", id_gaps);
    return sql_run(&sql, what, error);
}

bool reading_get(struct store *store, int64_t source, struct source_reading *out,
                 struct store_error *error)
{
    static const char text[] =
        "SELECT dialect, in_sql, id_gaps FROM reading WHERE source = :source";
    struct sql sql = sql_open(store, text);
    struct store_bytes dialect;
    int step;

    *out = (struct source_reading){ .in_sql = 0 };
    sql_bind_number(&sql, ":source", source);
    step = sql_step(&sql, "see how a source reads", error);
    if (step == 1) {
        dialect = sql_bytes(sql.stmt, 0);
        (void)snprintf(out->dialect, sizeof out->dialect, "%.*s", (int)dialect.len,
                       dialect.data ? dialect.data : "");
        out->in_sql = sql_number(&sql, 1);
        out->id_gaps = sql_number(&sql, 2);
    }
    sql_close(&sql);
    return step >= 0;
}
