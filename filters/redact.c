/* SPDX-License-Identifier: Apache-2.0 */
/* Taking SQL out of rows. */
#include "filters/redact.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define CUT_NOTE_MAX 64

struct writer {
    char *out;
    size_t used, size;
    size_t lost; /* bytes that did not fit */
};

static void put(struct writer *writer, const char *data, size_t len)
{
    size_t room = writer->size - writer->used;
    size_t kept = len < room ? len : room;

    memcpy(writer->out + writer->used, data, kept);
    writer->used += kept;
    writer->lost += len - kept;
}

/* Where the quoted text of a QUERY begins, or NULL: after ",QUERY", or one of Aurora's QUERY_DCL,
 * _DDL, _DML, a database name and a quote.  The name is raw, so the first quote behind a comma is
 * taken: taking out too much is the safe side. */
static const char *find_sql(struct slice line)
{
    static const char operation[] = ",QUERY";
    const char *p = line.data, *end = line.data + line.len;

    while ((p = memmem(p, (size_t)(end - p), operation, sizeof operation - 1))) {
        p += sizeof operation - 1;
        if (end - p >= 4 && memcmp(p, "_D", 2) == 0) {
            p += 4;
        }
        if (p < end && *p == ',') {
            const char *quote = memmem(p, (size_t)(end - p), ",'", 2);
            return quote ? quote + 2 : NULL;
        }
    }
    return NULL;
}

/* What PostgreSQL's server says of connections in words of its own, apart from names. */
static const char *const told_openly[] = {
    "connection received: ",
    "connection authenticated: ",
    "connection authorized: ",
    "replication connection authorized: ",
    "disconnection: ",
    "password authentication failed for user ",
    "no pg_hba.conf entry for ",
    "pg_hba.conf rejects ",
    "Connection matched ",
    "could not accept SSL connection: ",
    "invalid length of startup packet",
    "invalid startup packet layout",
    "unsupported frontend protocol",
    "no PostgreSQL user name specified",
    "incomplete startup packet",
    "sorry, too many clients already",
    "remaining connection slots are reserved",
    "the database system is ",
    "canceling authentication due to timeout",
    "terminating connection due to ",
    "database \"",
    "role \"",
    "Role \"",
    "User \"",
    "too many connections for ",
    "permission denied for database ",
    "PAM authentication failed for user ",
    "LDAP authentication failed for user ",
    "peer authentication failed for user ",
};

static bool is_told_openly(const char *p, const char *end)
{
    for (size_t i = 0; i < sizeof told_openly / sizeof *told_openly; i++) {
        size_t len = strlen(told_openly[i]);

        if ((size_t)(end - p) >= len && memcmp(p, told_openly[i], len) == 0) {
            return true;
        }
    }
    return false;
}

/* Where the message of a line of PostgreSQL's log begins: behind the process id in brackets and the
 * severity, whatever its language; or NULL. */
static const char *find_message(struct slice line)
{
    const char *end = line.data + line.len, *p = line.data;

    while ((p = memmem(p, (size_t)(end - p), ":[", 2))) {
        p += 2;
        const char *digits = p;
        while (p < end && *p >= '0' && *p <= '9') {
            p++;
        }
        if (p > digits && end - p >= 2 && p[0] == ']' && p[1] == ':') {
            p = memmem(p + 1, (size_t)(end - p - 1), ":  ", 3);
            return p ? p + 3 : NULL;
        }
    }
    return NULL;
}

/* Where text of people's statements and data may begin in a line of PostgreSQL's log, or NULL: with
 * the message, unless it is one about connections.  pgAudit's class and command are kept: its text
 * is the eighth field (pgAudit README, "Format"). */
static const char *find_statement(struct slice line)
{
    static const char audit[] = "AUDIT: ";
    const char *end = line.data + line.len, *p;

    if (line.len > 0 && line.data[0] == '\t') {
        return line.data + 1;
    }
    p = find_message(line);
    if (!p) {
        /* A line torn before its message. */
        p = memmem(line.data, line.len, audit, sizeof audit - 1);
    }
    if (!p || is_told_openly(p, end)) {
        return NULL;
    }
    if ((size_t)(end - p) >= sizeof audit - 1 && memcmp(p, audit, sizeof audit - 1) == 0) {
        for (int n = 0; n < 7 && p < end; n++) {
            const char *comma = memchr(p, ',', (size_t)(end - p));
            p = comma ? comma + 1 : end;
        }
    }
    return p;
}

static bool is_tail(const char *p, const char *end)
{
    if (p == end || *p++ != ',') {
        return false;
    }
    while (p < end && ((*p >= '0' && *p <= '9') || *p == ',')) {
        p++;
    }
    return p == end;
}

/* Where the text begins in the rest of a QUERY row torn by a line end in its names, or NULL: such a
 * line holds no QUERY, but ends like one. */
static const char *find_torn_sql(struct slice line)
{
    const char *end = line.data + line.len, *start = memmem(line.data, line.len, ",'", 2), *quote;

    if (!start) {
        return NULL;
    }
    start += 2;
    quote = memrchr(start, '\'', (size_t)(end - start));
    return quote && is_tail(quote + 1, end) ? start : NULL;
}

/* Where the text of a statement in a line begins and ends; false when there is none. */
static bool find_text(struct slice line, const char **start, const char **stop)
{
    const char *end = line.data + line.len, *statement = find_statement(line);

    *start = find_sql(line);
    if (!*start) {
        *start = find_torn_sql(line);
    }
    *stop = *start ? memrchr(*start, '\'', (size_t)(end - *start)) : NULL;
    if (!*stop || !is_tail(*stop + 1, end)) {
        *stop = end; /* cut short: all the rest may be SQL */
    }
    if (statement && (!*start || statement < *start)) {
        *start = statement;
        *stop = end;
    }
    return *start != NULL;
}

static void put_line(struct writer *writer, struct slice line)
{
    const char *start, *stop;
    char size[32];

    if (!find_text(line, &start, &stop)) {
        put(writer, line.data, line.len);
        return;
    }
    put(writer, line.data, (size_t)(start - line.data));
    int len = snprintf(size, sizeof size, "<%td bytes>", stop - start);
    put(writer, size, (size_t)len);
    put(writer, stop, (size_t)(line.data + line.len - stop));
}

/* Whether all of a line is that of a connection.  Lines of PostgreSQL never are: any line of a
 * session can be the first that is seen of it, and so an attempt. */
static bool is_evidence(const struct record *record)
{
    return record->kind == RECORD_CONNECTION && !record->disguised && !record->torn &&
           record->time_form != RECORD_TIME_DATED;
}

bool redact_holds_sql(struct slice line, const struct record *record)
{
    return !is_evidence(record) && (find_sql(line) || find_torn_sql(line));
}

struct slice redact_name(struct slice name)
{
    if (name.len == 0) {
        return name;
    }
    const char *sql = find_sql(name);

    if (!sql) {
        sql = memmem(name.data, name.len, ",'", 2);
        sql = sql ? sql + 2 : NULL;
    }
    return sql ? (struct slice){ name.data, (size_t)(sql - name.data) } : name;
}

size_t redact_message(struct slice text, const struct record *record, char *out, size_t out_size)
{
    struct writer writer = { out, 0, out_size - CUT_NOTE_MAX, 0 };

    if (is_evidence(record)) {
        put(&writer, text.data, text.len);
    } else {
        const char *p = text.data, *end = text.data + text.len;
        while (p < end) {
            const char *newline = memchr(p, '\n', (size_t)(end - p));
            put_line(&writer, (struct slice){ p, (size_t)((newline ? newline : end) - p) });
            if (newline) {
                put(&writer, "\n", 1);
            }
            p = newline ? newline + 1 : end;
        }
    }
    if (writer.lost) {
        size_t lost = writer.lost;
        writer.size = out_size;
        char note[CUT_NOTE_MAX];
        int len = snprintf(note, sizeof note, "... and %zu bytes more", lost);
        put(&writer, note, (size_t)len);
    }
    return writer.used;
}
