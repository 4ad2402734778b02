/* SPDX-License-Identifier: Apache-2.0 */
/* Which reader a line goes to. */
#include "filters/reader.h"

#include <stdlib.h>

#include "filters/mysql.h"
#include "filters/mysql_history.h"
#include "filters/oracle.h"
#include "filters/postgresql.h"
#include "filters/sqlserver.h"

struct reader {
    enum format format;
    enum format form;    /* of the line read last */
    unsigned seen_forms; /* of a source whose format nobody said: a bit for each that a line had */
    bool torn;           /* the last line of SQL Server or Oracle was */
    uint64_t torn_stream;
    int64_t before; /* finding of the last connection there, if that line seemed whole; 0: none */
    const char *dialect; /* of the formats other than MySQL's */
    struct mysql_history *mysql;
    struct postgresql *postgresql;
};

static bool may_be(enum format format, enum format other)
{
    return format == other || format == FORMAT_AUTO;
}

struct reader *reader_new(enum format format)
{
    struct reader *reader = calloc(1, sizeof *reader);

    if (!reader) {
        return NULL;
    }
    reader->format = format;
    reader->form = format == FORMAT_AUTO ? FORMAT_MYSQL : format;
    reader->mysql = may_be(format, FORMAT_MYSQL) ? mysql_history_new() : NULL;
    reader->postgresql = may_be(format, FORMAT_POSTGRESQL) ? postgresql_new() : NULL;
    if ((may_be(format, FORMAT_MYSQL) && !reader->mysql) ||
        (may_be(format, FORMAT_POSTGRESQL) && !reader->postgresql)) {
        reader_free(reader);
        return NULL;
    }
    return reader;
}

void reader_free(struct reader *reader)
{
    if (reader) {
        mysql_history_free(reader->mysql);
        postgresql_free(reader->postgresql);
        free(reader);
    }
}

void reader_window(struct reader *reader, bool goes_on)
{
    reader->before = 0;
    reader->torn = false;
    if (reader->mysql) {
        mysql_history_window(reader->mysql, goes_on);
    }
    if (reader->postgresql) {
        postgresql_window(reader->postgresql, goes_on);
    }
}

/* Lines of a source whose format nobody said are read by how they begin; one that begins like none,
 * as the last. */
static void choose_form(struct reader *reader, struct slice text)
{
    enum format form;

    /* The dates of all others hold a hyphen early on. */
    if (reader->seen_forms == 1U << FORMAT_MYSQL &&
        (text.len < 5 || (text.data[2] != '-' && text.data[4] != '-'))) {
        return;
    }
    form = format_of_line(text);
    if (form != FORMAT_AUTO) {
        reader->form = form;
        reader->seen_forms |= 1U << form;
    }
}

/* All that is remembered of the formats without a memory of their own: whether the line before was
 * torn, and what was told of it.  A line that begins with no time is the rest of one: the line
 * before it was torn even if it looks whole. */
static void taint(struct reader *reader, uint64_t stream, const struct record *record,
                  struct reading *reading)
{
    bool goes_on = reader->torn_stream == stream;

    reading_clear(reading);
    reader->torn_stream = stream;
    if (record->kind == RECORD_CONNECTION) {
        if (goes_on && reader->torn) {
            reading->marks |= MARK_TAINTED;
        }
        if (goes_on && reader->before != 0 && record->time_form == RECORD_TIME_NONE) {
            reading->changes[reading->change_count++] =
                (struct change){ .finding = reader->before, .marks = MARK_TAINTED };
        }
    }
    if (record->kind == RECORD_CONNECTION || !goes_on) {
        reader->before = 0;
    }
    if (record->kind == RECORD_CONNECTION && !record->unterminated && reading->marks == 0) {
        reading->slot = &reader->before;
    }
    reader->torn = record->unterminated;
}

static void read_as(struct reader *reader, enum format form, const struct event *event,
                    struct slice line, uint32_t line_number, struct record *record,
                    struct reading *reading)
{
    reader->form = form;
    switch (form) {
    case FORMAT_POSTGRESQL:
        postgresql_read(reader->postgresql, event, line, record, reading);
        return;
    case FORMAT_SQLSERVER:
        sqlserver_read(line, record);
        taint(reader, event->stream, record, reading);
        return;
    case FORMAT_ORACLE:
        oracle_read(line, record);
        taint(reader, event->stream, record, reading);
        return;
    case FORMAT_AUTO:
    case FORMAT_MYSQL:
        mysql_read(line, record);
        mysql_history_read(reader->mysql, event, line, line_number, record, reading);
        return;
    }
}

/* Adds the connections another format finds in a line to those its own does: each is judged. */
static void add_candidates(const struct record *other, struct record *record)
{
    for (size_t i = 0; i < other->count && record->count < RECORD_CANDIDATES_MAX; i++) {
        if (other->candidates[i].counts) {
            record->candidates[record->count++] = other->candidates[i];
        }
    }
}

/* Who can tear a row with a name can also make its rest begin like a line of another format, with
 * another client in it.  So what begins like one format is read as the others, too.  Two are left
 * out: a whole row of the MySQL family ends as no other line does; and what PostgreSQL says of a
 * client stands at the beginning of a line, where no name can precede it. */
static void read_as_others(struct reader *reader, const struct event *event, struct slice line,
                           uint32_t line_number, struct record *record, struct reading *reading)
{
    static const struct {
        enum format format;
        void (*read)(struct slice line, struct record *out);
    } others[] = {
        { FORMAT_MYSQL, mysql_read },
        { FORMAT_SQLSERVER, sqlserver_read },
        { FORMAT_ORACLE, oracle_read },
    };
    enum format own = reader->form;
    struct record other;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (others[i].format == own) {
            continue;
        }
        others[i].read(line, &other);
        if (other.kind != RECORD_CONNECTION) {
            continue;
        }
        if (record->kind == RECORD_CONNECTION) {
            add_candidates(&other, record);
        } else {
            read_as(reader, others[i].format, event, line, line_number, record, reading);
        }
    }
}

void reader_read(struct reader *reader, const struct event *event, struct slice line,
                 uint32_t line_number, struct record *record, struct reading *reading)
{
    if (reader->format == FORMAT_AUTO) {
        choose_form(reader, line);
    }
    read_as(reader, reader->form, event, line, line_number, record, reading);
    if (reader->format == FORMAT_AUTO &&
        (reader->form != FORMAT_MYSQL || record->unterminated || record->torn)) {
        read_as_others(reader, event, line, line_number, record, reading);
    }
    if (reader->form != FORMAT_MYSQL && record->dialect) {
        reader->dialect = record->dialect;
    }
}

size_t reader_skip(struct reader *reader, uint64_t stream, struct slice text, int64_t *lines,
                   const char **newline)
{
    bool only_mysql = reader->format == FORMAT_MYSQL ||
                      (reader->format == FORMAT_AUTO && reader->seen_forms == 1U << FORMAT_MYSQL);

    *newline = NULL;
    return only_mysql ? mysql_history_skip(reader->mysql, stream, text, lines, newline) : 0;
}

enum format reader_format(const struct reader *reader)
{
    return reader->form;
}

bool reader_server(const struct reader *reader, struct slice line, struct slice *server)
{
    bool guessed = reader->format == FORMAT_AUTO && reader->seen_forms == 0;

    if (reader->form == FORMAT_MYSQL && !guessed) {
        return mysql_server(line, server);
    }
    *server = (struct slice){ "", 0 };
    return true;
}

void reader_seen(const struct reader *reader, struct reader_seen *out)
{
    *out = (struct reader_seen){ reader->dialect, 0, 0 };
    if (reader->mysql) {
        const char *dialect;

        mysql_history_seen(reader->mysql, &out->in_sql, &out->id_gaps, &dialect);
        if (reader->form == FORMAT_MYSQL) {
            out->dialect = dialect;
        }
    }
}
