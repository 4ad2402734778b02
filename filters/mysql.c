/* SPDX-License-Identifier: Apache-2.0 */
/* Audit records of the MySQL family.
 * Every name in a row is text that somebody else chose, so nothing is found by counting commas from
 * the left.  What a connection cannot keep out of its own row is ",HOST,ID,0,OPERATION,": each
 * place that reads so is a candidate, and all of them are kept. */
#include "filters/record.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#define MARKER     ",0," /* every candidate holds it: the query id of a connection is always 0 */
#define MARKER_LEN 3
#define SCAN_BLOCK 32

#define TIME_SECONDS_LEN 17
#define TIME_MICROS_LEN  16

#define ERROR_TOO_MANY_CONNECTIONS 1040 /* written as a DISCONNECT without user, host and id */

static const struct {
    const char *text; /* with the comma that ends it */
    size_t len;
    enum operation operation;
} operations[] = {
    { "CONNECT,", 8, OPERATION_CONNECT },
    { "FAILED_CONNECT,", 15, OPERATION_FAILED_CONNECT },
    { "DISCONNECT,", 11, OPERATION_DISCONNECT },
    { "CHANGEUSER,", 11, OPERATION_CHANGEUSER },
};

/* What may stand in the 11th field, of RDS MySQL only. */
static const char *const connection_types[] = {
    "UNDEFINED", "TCP/IP", "SOCKET", "NAMED_PIPE", "SSL", "SHARED_MEMORY",
    "0",         "1",      "2",      "3",          "4",   "5",
};

/* The end of the line, read once: ",CODE" or ",CODE,TYPE" after an empty or TLS field. */
struct tail {
    bool whole;
    const char *database_end; /* the comma before the TLS field */
    int32_t code;
    struct slice type;
};

const char *operation_name(enum operation operation)
{
    switch (operation) {
    case OPERATION_CONNECT:
        return "CONNECT";
    case OPERATION_FAILED_CONNECT:
        return "FAILED_CONNECT";
    case OPERATION_CHANGEUSER:
        return "CHANGEUSER";
    case OPERATION_DISCONNECT:
        return "DISCONNECT";
    case OPERATION_NONE:
        break;
    }
    return "";
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct slice between(const char *begin, const char *end)
{
    return (struct slice){ begin, (size_t)(end - begin) };
}

static bool is_one_of(struct slice text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (text.len == strlen(words[i]) && memcmp(text.data, words[i], text.len) == 0) {
            return true;
        }
    }
    return false;
}

/* A run of digits, clamped at max. */
static int64_t clamped_number(struct slice digits, int64_t max)
{
    int64_t value = 0;

    for (size_t i = 0; i < digits.len; i++) {
        int digit = digits.data[i] - '0';

        if (value > (max - digit) / 10) {
            return max;
        }
        value = value * 10 + digit;
    }
    return value;
}

static bool all_digits(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i])) {
            return false;
        }
    }
    return text.len > 0;
}

/* Whether a marker begins in the SCAN_BLOCK bytes at p.  The fixed count and the absence of
 * branches let the compiler use vector instructions; most lines end here. */
static bool block_has_marker(const char *p)
{
    unsigned found = 0;

    for (size_t i = 0; i < SCAN_BLOCK; i++) {
        found |=
            (unsigned)(p[i] == ',') & (unsigned)(p[i + 1] == '0') & (unsigned)(p[i + 2] == ',');
    }
    return found != 0;
}

/* The last marker that lies in [begin, end), or NULL. */
static const char *last_marker(const char *begin, const char *end)
{
    while (end - begin >= SCAN_BLOCK + MARKER_LEN - 1 &&
           !block_has_marker(end - (SCAN_BLOCK + MARKER_LEN - 1))) {
        end -= SCAN_BLOCK;
    }
    while (end - begin >= MARKER_LEN) {
        if (memcmp(end - MARKER_LEN, MARKER, MARKER_LEN) == 0) {
            return end - MARKER_LEN;
        }
        end--;
    }
    return NULL;
}

/* The candidate whose marker is at "at", with the end of its operation; false when the bytes around
 * the marker are no connection.  A line cut at its front may lack the host or a part of it: such a
 * tail is still a connection's. */
static bool read_candidate(struct slice line, const char *at, struct candidate *out,
                           const char **operation_end)
{
    const char *begin = line.data, *end = line.data + line.len, *name = at + MARKER_LEN;
    const char *id = at, *comma;
    size_t which = 0, count = sizeof operations / sizeof *operations;
    bool negative;
    int64_t value;

    while (which < count && ((size_t)(end - name) < operations[which].len ||
                             memcmp(name, operations[which].text, operations[which].len) != 0)) {
        which++;
    }
    if (which == count) {
        return false;
    }
    while (id > begin && is_digit(id[-1])) {
        id--;
    }
    if (id == at) {
        return false;
    }
    value = clamped_number(between(id, at), INT64_MAX);
    negative = id > begin && id[-1] == '-';
    if (negative) {
        id--;
    }
    if (id > begin && id[-1] != ',') {
        return false;
    }
    comma = id > begin ? id - 1 : id;
    out->host = between(begin, comma);
    if (comma > begin) {
        const char *before = memrchr(begin, ',', (size_t)(comma - begin));

        if (before) {
            out->host = between(before + 1, comma);
        }
    }
    out->connection_id = negative ? -value : value;
    out->operation = operations[which].operation;
    *operation_end = name + operations[which].len;
    return true;
}

/* Takes the last field off [begin, *end), moving *end to the comma before it. */
static bool cut_last_field(const char *begin, const char **end, struct slice *out)
{
    const char *comma = memrchr(begin, ',', (size_t)(*end - begin));

    if (!comma) {
        return false;
    }
    *out = between(comma + 1, *end);
    *end = comma;
    return true;
}

/* The field before the code: empty, or since MariaDB 12 the TLS version. */
static bool is_tls(struct slice text)
{
    static const char version[] = "TLSv1";
    const size_t len = sizeof version - 1;

    if (text.len == 0) {
        return true;
    }
    if (text.len < len || memcmp(text.data, version, len) != 0) {
        return false;
    }
    return text.len == len ||
           (text.len == len + 2 && text.data[len] == '.' && is_digit(text.data[len + 1]));
}

static void read_tail(struct slice line, struct tail *out)
{
    const char *end = line.data + line.len;
    struct slice last, before;

    memset(out, 0, sizeof *out);
    if (!cut_last_field(line.data, &end, &last) || !cut_last_field(line.data, &end, &before)) {
        return;
    }
    if (all_digits(before) &&
        is_one_of(last, connection_types, sizeof connection_types / sizeof *connection_types)) {
        out->type = last;
        last = before;
        if (!cut_last_field(line.data, &end, &before)) {
            return;
        }
    }
    if (!all_digits(last) || !is_tls(before)) {
        return;
    }
    out->whole = true;
    out->database_end = end;
    out->code = (int32_t)clamped_number(last, INT32_MAX);
}

/* Which form of time the line begins with; the comma after it is part of the form. */
static enum record_time time_form_of(struct slice line)
{
    static const char seconds[] = "dddddddd dd:dd:dd,";
    static const char micros[] = "dddddddddddddddd,";
    const char *form = line.len > 8 && line.data[8] == ' ' ? seconds : micros;
    size_t len = form == seconds ? TIME_SECONDS_LEN : TIME_MICROS_LEN;

    if (line.len <= len) {
        return RECORD_TIME_NONE;
    }
    for (size_t i = 0; i <= len; i++) {
        if (form[i] == 'd' ? !is_digit(line.data[i]) : line.data[i] != form[i]) {
            return RECORD_TIME_NONE;
        }
    }
    return form == seconds ? RECORD_TIME_SECONDS : RECORD_TIME_MICROS;
}

static void read_head(struct slice line, struct record *out)
{
    const char *end = line.data + line.len, *comma;
    size_t len;

    out->time_form = time_form_of(line);
    if (out->time_form == RECORD_TIME_NONE) {
        return;
    }
    len = out->time_form == RECORD_TIME_SECONDS ? TIME_SECONDS_LEN : TIME_MICROS_LEN;
    out->time = between(line.data, line.data + len);
    comma = memchr(line.data + len + 1, ',', line.len - len - 1);
    out->server = between(line.data + len + 1, comma ? comma : end);
}

/* Skips one field; false at the end of the line. */
static bool skip_field(const char **at, const char *end, struct slice *out)
{
    const char *comma = memchr(*at, ',', (size_t)(end - *at));

    if (!comma) {
        return false;
    }
    *out = between(*at, comma);
    *at = comma + 1;
    return true;
}

/* "'," CODE or "'," CODE ",," to the end of the line: how a QUERY closes. */
static bool closes_query(const char *at, const char *end)
{
    if (end - at < 3 || at[0] != '\'' || at[1] != ',') {
        return false;
    }
    if (end[-1] == ',' && end[-2] == ',') {
        end -= 2;
    }
    return end > at + 2 && all_digits(between(at + 2, end));
}

/* The quote that opens the SQL of a line which is one complete QUERY in form; else NULL.  Strict,
 * since what is taken for SQL is not looked at as a connection: the head must have its fields and
 * no comma more, and the text must be escaped as the plugin escapes. */
static const char *query_text(struct slice line, const struct record *head)
{
    enum { SERVER, USER, HOST, ID, QUERY_ID, OPERATION, DATABASE, FIELDS };
    static const char *const query[] = { "QUERY" };
    static const char escaped[] = { '\'', '\\', 'n', 'r', 't', 'b', 'f' };
    const char *at = line.data + head->time.len + 1, *end = line.data + line.len, *quote;
    struct slice field[FIELDS];

    if (head->time_form == RECORD_TIME_NONE) {
        return NULL;
    }
    for (size_t i = 0; i < FIELDS; i++) {
        if (!skip_field(&at, end, &field[i])) {
            return NULL;
        }
    }
    if (field[ID].len > 1 && field[ID].data[0] == '-') {
        field[ID] = (struct slice){ field[ID].data + 1, field[ID].len - 1 };
    }
    if (!all_digits(field[ID]) || !all_digits(field[QUERY_ID]) ||
        !is_one_of(field[OPERATION], query, 1) || at == end || *at != '\'') {
        return NULL;
    }
    for (quote = at++; at < end; at++) {
        if (*at == '\'') {
            return closes_query(at, end) ? quote : NULL;
        }
        if (*at == '\\' && (++at == end || !memchr(escaped, *at, sizeof escaped))) {
            return NULL;
        }
        if (*at == '\r' || *at == '\t' || *at == '\b' || *at == '\f') {
            return NULL;
        }
    }
    return NULL;
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

/* Whether an id can be that of a connection just made; as long as none is known any can. */
static bool may_be_recent(const struct audit_memory *memory, int64_t id)
{
    for (size_t i = 0; i < memory->count; i++) {
        if (distance(memory->ids[i], id) <= AUDIT_ID_CLOSE) {
            return true;
        }
    }
    return memory->count == 0;
}

/* Puts an id to the front, in the place of one it is a step from, else of the one not seen for
 * longest.  It takes that place even when it is lower: so a forged id is pulled back by the true
 * row that comes with it. A doubtful row only keeps an id from being forgotten. */
static void remember_id(struct audit_memory *memory, int64_t id, bool doubtful)
{
    size_t at = 0;

    while (at < memory->count && distance(memory->ids[at], id) > AUDIT_ID_STEP) {
        at++;
    }
    if (at == memory->count) {
        if (doubtful) {
            return;
        }
        if (memory->count < AUDIT_IDS_MAX) {
            memory->count++;
        } else {
            at--;
        }
    }
    memmove(memory->ids + 1, memory->ids, at * sizeof memory->ids[0]);
    memory->ids[0] = id;
}

/* What a row says of its server's ids.  What may be SQL says nothing, or a statement once taken for
 * a connection would make the next one like it look possible too. */
static void remember_row(const struct record *record, struct audit_memory *memory)
{
    const struct candidate *last = &record->candidates[0];

    if (last->connection_id != 0 && !record->disguised &&
        (last->operation == OPERATION_CONNECT || last->operation == OPERATION_FAILED_CONNECT)) {
        remember_id(memory, last->connection_id,
                    record->count > 1 || record->torn || record->time_form == RECORD_TIME_NONE);
    }
}

/* A session's end is no attempt, save the rows a full server writes, which have neither client nor
 * id. */
static bool counts(const struct candidate *candidate, bool rightmost, const struct tail *tail)
{
    if (candidate->operation != OPERATION_DISCONNECT) {
        return true;
    }
    if (candidate->host.len == 0 && candidate->connection_id == 0) {
        return true;
    }
    return rightmost && tail->whole && tail->code == ERROR_TOO_MANY_CONNECTIONS;
}

/* Fills in what belongs to the rightmost candidate.  In what has the form of a QUERY the names
 * would hold its SQL, so there the user ends at the quote and the database is left out. */
static void read_names(struct slice line, const char *quote, const char *operation_end,
                       const struct tail *tail, struct record *out)
{
    const char *user = out->server.data ? out->server.data + out->server.len + 1 : line.data;
    const char *host = out->candidates[0].host.data;

    if (quote) {
        out->user = between(user, quote);
    } else if (user < host) {
        out->user = between(user, host - 1);
    }
    out->torn = !tail->whole || tail->database_end < operation_end;
    if (!out->torn) {
        out->database = between(operation_end, tail->database_end);
        out->connection_type = tail->type;
        out->has_code = true;
        out->code = tail->code;
    } else if (!quote) {
        out->database = between(operation_end, line.data + line.len);
    }
}

static void read_candidates(struct slice line, const struct audit_memory *memory,
                            struct record *out)
{
    const char *at = last_marker(line.data, line.data + line.len);
    const char *operation_end = NULL, *quote = NULL;
    struct tail tail = { 0 };
    bool first = true;

    for (; at; at = last_marker(line.data, at + 1)) {
        struct candidate found;

        if (!read_candidate(line, at, &found, &operation_end)) {
            continue;
        }
        if (first) {
            read_tail(line, &tail);
            quote = query_text(line, out);
        }
        found.counts = counts(&found, first, &tail);
        first = false;
        if (quote && (!found.counts || !may_be_recent(memory, found.connection_id))) {
            out->in_sql++;
            continue;
        }
        if (out->count == RECORD_CANDIDATES_MAX) {
            out->too_many = true;
            out->kind = RECORD_CONNECTION;
            return;
        }
        out->candidates[out->count++] = found;
        out->disguised = quote != NULL;
        if (found.counts) {
            out->kind = RECORD_CONNECTION;
        }
        if (out->count == 1) {
            read_names(line, quote, operation_end, &tail, out);
        }
    }
}

void record_read(struct slice line, struct audit_memory *memory, struct record *out)
{
    memset(out, 0, offsetof(struct record, candidates));
    if (line.len == 0) {
        return;
    }
    read_head(line, out);
    read_candidates(line, memory, out);
    if (out->count > 0) {
        remember_row(out, memory);
    }
}

/* The two digits at an offset. */
static int two_digits(struct slice text, size_t at)
{
    return (text.data[at] - '0') * 10 + (text.data[at + 1] - '0');
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

bool record_time_ms(const struct record *record, int64_t zone_offset_ms, int64_t *out)
{
    struct slice text = record->time;
    struct tm parts = { 0 };
    int year;

    if (record->time_form == RECORD_TIME_MICROS) {
        *out = clamped_number(text, INT64_MAX) / 1000;
        return true;
    }
    if (record->time_form == RECORD_TIME_NONE) {
        return false;
    }
    year = two_digits(text, 0) * 100 + two_digits(text, 2);
    parts.tm_year = year - 1900;
    parts.tm_mon = two_digits(text, 4) - 1;
    parts.tm_mday = two_digits(text, 6);
    parts.tm_hour = two_digits(text, 9);
    parts.tm_min = two_digits(text, 12);
    parts.tm_sec = two_digits(text, 15);
    if (parts.tm_mon < 0 || parts.tm_mon > 11 || parts.tm_mday < 1 ||
        parts.tm_mday > days_in_month(year, parts.tm_mon + 1) || parts.tm_hour > 23 ||
        parts.tm_min > 59 || parts.tm_sec > 59) {
        return false;
    }
    *out = (int64_t)timegm(&parts) * 1000 - zone_offset_ms;
    return true;
}
