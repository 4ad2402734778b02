/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of Oracle's listener log.
 *     TIME * CONNECT DATA * ADDRESS * establish * SERVICE * CODE
 * The connect data and the service are what the client sent, and can hold the whole of another
 * line.  The address between them is the listener's own, so every field that reads as one is a
 * candidate. */
#include "filters/oracle.h"

#include <string.h>
#include <strings.h>

#define TIME_LEN 20 /* "22-NOV-2026 14:00:00" */
#define PORT_MAX 65535

#define WORD(text) text, sizeof(text) - 1

#define EVENT "establish *" /* of a client that asks for a service, with what ends the field */

/* Oracle Database Error Messages, TNS-12500 to TNS-12618.  The listener knows of no passwords: it
 * refuses before one is sent. */
static const struct login_failure failures[] = {
    { 12500, SEVERITY_MEDIUM, false, "the server could not be started for the client" },
    { 12502, SEVERITY_LOW, false, "the client sent no connect data: a scan or a health check" },
    { 12504, SEVERITY_LOW, false, "the client named no service: a scan" },
    { 12505, SEVERITY_MEDIUM, false, "no such SID: an old configuration, or somebody guessing" },
    { 12508, SEVERITY_LOW, false, "a command the listener does not know: a scan" },
    { 12514, SEVERITY_MEDIUM, false,
      "no such service: an old configuration, or somebody guessing" },
    { 12516, SEVERITY_MEDIUM, false, "no free handler: an outage, or somebody filling the server" },
    { 12518, SEVERITY_MEDIUM, false, "the client could not be handed to the server" },
    { 12519, SEVERITY_MEDIUM, false, "no free handler: an outage, or somebody filling the server" },
    { 12520, SEVERITY_MEDIUM, false, "no free handler of the kind of server asked for" },
    { 12521, SEVERITY_MEDIUM, false,
      "no such instance: an old configuration, or somebody guessing" },
    { 12523, SEVERITY_MEDIUM, false, "no instance is fit for the client" },
    { 12525, SEVERITY_LOW, false, "the client sent nothing in time: a scan or a health check" },
    { 12526, SEVERITY_LOW, false, "the server is in restricted mode" },
    { 12527, SEVERITY_LOW, false, "the server is in restricted mode, or takes no connections" },
    { 12528, SEVERITY_LOW, false, "the server takes no connections: it starts or stops" },
    { 12529, SEVERITY_LOW, false, "a filter of the listener refused the client" },
    { 12530, SEVERITY_MEDIUM, false, "too many connections a second" },
    { 12535, SEVERITY_LOW, false, "the client took too long" },
    { 12537, SEVERITY_LOW, false, "the client went away" },
    { 12546, SEVERITY_LOW, false, "the listener refused the address of the client" },
    { 12547, SEVERITY_LOW, false, "the client or the server went away" },
    { 12560, SEVERITY_LOW, false, "the connection failed" },
    { 12569, SEVERITY_LOW, false, "a packet with a wrong checksum" },
    { 12570, SEVERITY_LOW, false, "a packet could not be read: the client went away" },
    { 12571, SEVERITY_LOW, false, "a packet could not be written: the client went away" },
    { 12592, SEVERITY_LOW, false, "a packet that is none: not a database client" },
    { 12618, SEVERITY_LOW, false, "the client speaks a version that the server does not" },
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct slice between(const char *begin, const char *end)
{
    return (struct slice){ begin, (size_t)(end - begin) };
}

/* Keys are written in either case. */
static bool begins(const char *at, const char *end, const char *word, size_t len)
{
    return (size_t)(end - at) >= len && strncasecmp(at, word, len) == 0;
}

static int number(const char *digits, size_t count)
{
    int value = 0;

    for (size_t i = 0; i < count; i++) {
        value = value * 10 + (digits[i] - '0');
    }
    return value;
}

/* 1 to 12, or 0 for no month. */
static int read_month(const char *name)
{
    static const char months[] = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC";

    for (int i = 0; i < 12; i++) {
        if (strncasecmp(name, months + 3 * i, 3) == 0) {
            return i + 1;
        }
    }
    return 0;
}

static void read_head(struct slice line, struct record *out)
{
    static const char form[] = "00-AAA-0000 00:00:00 *";
    const char *at = line.data;

    if (line.len < sizeof form - 1) {
        return;
    }
    for (size_t i = 0; i < sizeof form - 1; i++) {
        if (form[i] != 'A' && (form[i] == '0' ? !is_digit(at[i]) : at[i] != form[i])) {
            return;
        }
    }
    if (record_date_ms(number(at + 7, 4), read_month(at + 3), number(at, 2), number(at + 12, 2),
                       number(at + 15, 2), number(at + 18, 2), &out->time_ms)) {
        out->time_form = RECORD_TIME_DATED;
        out->time = between(line.data, line.data + TIME_LEN);
    }
}

/* The last field that begins before `before` and with a word, or NULL.  A field begins behind "* ",
 * or with the line. */
static const char *last_field(struct slice line, const char *before, const char *word, size_t len)
{
    const char *end = line.data + line.len, *star = before;

    while ((star = memrchr(line.data, '*', (size_t)(star - line.data)))) {
        if (before - star > 2 && star[1] == ' ' && begins(star + 2, end, word, len)) {
            return star + 2;
        }
    }
    return before > line.data && begins(line.data, end, word, len) ? line.data : NULL;
}

/* The last key of [begin, end), "(KEY=", or NULL. */
static const char *last_key(const char *begin, const char *end, const char *key, size_t len)
{
    const char *at = end;

    while ((at = memrchr(begin, '(', (size_t)(at - begin)))) {
        if (begins(at, end, key, len)) {
            return at;
        }
    }
    return NULL;
}

/* The value of the last such key, up to its bracket; NULL data when there is none. */
static struct slice find_value(struct slice text, const char *key, size_t len)
{
    const char *end = text.data + text.len, *at = last_key(text.data, end, key, len), *close;

    if (!at) {
        return (struct slice){ NULL, 0 };
    }
    close = memchr(at, ')', (size_t)(end - at));
    return between(at + len, close ? close : end);
}

static bool equals(struct slice text, const char *word, size_t len)
{
    return text.len == len && strncasecmp(text.data, word, len) == 0;
}

/* Whether a protocol goes no further than the server's own machine. */
static bool is_local(struct slice protocol)
{
    return equals(protocol, WORD("ipc")) || equals(protocol, WORD("beq"));
}

/* The client of an address field: its host, else the protocol if that is one of the machine's own,
 * as in "(PROTOCOL=ipc)". */
static struct slice read_host(struct slice field, struct slice protocol)
{
    struct slice host = find_value(field, WORD("(HOST="));

    if (host.data) {
        return host;
    }
    if (protocol.data && protocol.data + protocol.len < field.data + field.len &&
        is_local(protocol)) {
        return between(protocol.data - (sizeof "(PROTOCOL=" - 1), protocol.data + protocol.len + 1);
    }
    return between(field.data, field.data);
}

static int32_t read_port(struct slice digits)
{
    int32_t value = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (!is_digit(digits.data[i])) {
            return -1;
        }
        value = value * 10 + (digits.data[i] - '0');
        if (value > PORT_MAX) {
            return -1;
        }
    }
    return digits.len > 0 ? value : -1;
}

/* Up to where a field goes that begins at `at`. */
static const char *field_end(const char *at, const char *end)
{
    const char *next = memmem(at, (size_t)(end - at), WORD(" * "));

    return next ? next : end;
}

/* Reads the addresses before `before`; returns where the last of them begins, or NULL. */
static const char *read_addresses(struct slice line, const char *before, struct record *out)
{
    const char *last = last_field(line, before, WORD("(ADDRESS="));
    const char *end = line.data + line.len;

    for (const char *at = last; at; end = at, at = last_field(line, at, WORD("(ADDRESS="))) {
        struct slice field = between(at, field_end(at, end));
        struct slice protocol = find_value(field, WORD("(PROTOCOL="));

        out->kind = RECORD_CONNECTION;
        if (out->count == RECORD_CANDIDATES_MAX) {
            out->too_many = true;
            break;
        }
        if (at == last) {
            out->port = read_port(find_value(field, WORD("(PORT=")));
            out->encryption = equals(protocol, WORD("tcps")) ? ENCRYPTION_TLS
                              : is_local(protocol)           ? ENCRYPTION_LOCAL
                                                             : ENCRYPTION_UNKNOWN;
        }
        out->candidates[out->count++] = (struct candidate){
            .host = read_host(field, protocol),
            .connection_id = RECORD_NO_ID,
            .counts = true,
        };
    }
    return last;
}

/* A run of digits, clamped; -1 when it is none. */
static int32_t read_code(struct slice digits)
{
    int64_t value = 0;

    for (size_t i = 0; i < digits.len; i++) {
        if (!is_digit(digits.data[i])) {
            return -1;
        }
        value = value * 10 + (digits.data[i] - '0');
        value = value > INT32_MAX ? INT32_MAX : value;
    }
    return digits.len > 0 ? (int32_t)value : -1;
}

/* The end of a line, "SERVICE * CODE" or "CODE". */
struct tail {
    struct slice service; /* or what there is of it, without a code */
    int32_t code;         /* -1: the line ends otherwise */
};

static struct tail read_tail(const char *begin, const char *end)
{
    struct tail tail;
    const char *field = begin;

    while (end > begin && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) {
        end--;
    }
    for (const char *star = end; (star = memrchr(begin, '*', (size_t)(star - begin)));) {
        if (star - begin > 0 && star[-1] == ' ' && end - star > 1 && star[1] == ' ') {
            field = star + 2;
            break;
        }
    }
    tail.code = read_code(between(field, end));
    tail.service = between(begin, end);
    if (tail.code >= 0) {
        tail.service.len = field > begin ? (size_t)(field - begin) - 3 : 0;
    }
    return tail;
}

static const struct login_failure *find_failure(int32_t code)
{
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        if (failures[i].code == code) {
            return &failures[i];
        }
    }
    return NULL;
}

/* Where the end of a line begins: behind the event, or behind the address when none follows it. */
static const char *tail_begin(struct slice line, const char *event, const char *address)
{
    const char *end = line.data + line.len, *at;

    if (event > address) {
        at = event + sizeof EVENT - 1;
        return at < end && *at == ' ' ? at + 1 : at;
    }
    at = field_end(address, end);
    return end - at > 3 ? at + 3 : end;
}

void oracle_read(struct slice line, struct record *out)
{
    const char *end = line.data + line.len, *event, *address;
    struct tail tail;
    bool whole;

    record_clear(out);
    if (line.len == 0) {
        return;
    }
    read_head(line, out);
    whole = read_tail(line.data, end).code >= 0;
    event = last_field(line, end, WORD(EVENT));
    /* Behind the event of a whole line stands the service, which the client chose. */
    address = read_addresses(line, event && whole ? event : end, out);
    if (!address && event && whole) {
        /* Then the word was the client's, too. */
        event = NULL;
        address = read_addresses(line, end, out);
    }
    if (!address) {
        out->unterminated = out->time_form == RECORD_TIME_DATED && !whole;
        return;
    }
    tail = read_tail(tail_begin(line, event ? event : line.data, address), end);
    out->torn = out->unterminated = tail.code < 0;
    out->user = find_value(between(line.data, address), WORD("(USER="));
    out->database = tail.service;
    if (tail.code >= 0) {
        out->has_code = true;
        out->code = tail.code;
        out->outcome = tail.code > 0 ? OUTCOME_FAILURE : OUTCOME_UNKNOWN;
        out->failure = find_failure(tail.code);
    }
    for (size_t i = 0; i < out->count; i++) {
        out->candidates[i].operation =
            out->outcome == OUTCOME_FAILURE ? OPERATION_FAILED_CONNECT : OPERATION_CONNECT;
    }
    if (out->count > 1) {
        out->port = -1;
        out->encryption = ENCRYPTION_UNKNOWN;
    }
    out->dialect = out->time_form == RECORD_TIME_DATED ? ORACLE_DIALECT : NULL;
}
