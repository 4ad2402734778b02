/* SPDX-License-Identifier: Apache-2.0 */
/* Audit records of the MySQL family.
 * Every name in a row is text that somebody else chose, so nothing is found by counting commas from
 * the left.  What a connection cannot keep out of its own row is ",HOST,ID,0,OPERATION,": each
 * place that reads so is a candidate, and all of them are kept. */
#include "filters/mysql.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define MARKER     ",0," /* every candidate holds it: the query id of a connection is always 0 */
#define MARKER_LEN 3
#define SCAN_BLOCK 16

#define TIME_SECONDS_LEN 17
#define TIME_MICROS_LEN  16

#define DIGITS_SURE 18 /* so many always fit into 63 bits */

#define TAIL_MAX 32 /* bytes of a connection row behind its database */

#define ERROR_TOO_MANY_CONNECTIONS 1040 /* written as a DISCONNECT without user, host and id */

const char mysql_dialect_plain[] = "MariaDB, or MySQL 5.6";
const char mysql_dialect_rds[] = "RDS for MySQL";
const char mysql_dialect_aurora[] = "Aurora MySQL";
const char mysql_dialect_mariadb_12[] = "MariaDB 12 or later";

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
    struct slice tls, type;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct slice between(const char *begin, const char *end)
{
    return (struct slice){ begin, (size_t)(end - begin) };
}

static bool equals(struct slice text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static bool is_connection_type(struct slice text)
{
    for (size_t i = 0; i < sizeof connection_types / sizeof *connection_types; i++) {
        if (equals(text, connection_types[i])) {
            return true;
        }
    }
    return false;
}

/* A run of digits, clamped at max. */
static int64_t clamped_number(struct slice digits, int64_t max)
{
    int64_t value = 0;

    if (digits.len <= DIGITS_SURE) {
        for (size_t i = 0; i < digits.len; i++) {
            value = value * 10 + (digits.data[i] - '0');
        }
        return value < max ? value : max;
    }
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

/* A bit for each of the SCAN_BLOCK bytes at p where a marker begins. */
static unsigned markers_in_block(const char *p)
{
#ifdef __SSE2__
    __m128i comma = _mm_set1_epi8(','), zero = _mm_set1_epi8('0');
    __m128i first = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i_u *)p), comma);
    __m128i second = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i_u *)(p + 1)), zero);
    __m128i third = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i_u *)(p + 2)), comma);

    return (unsigned)_mm_movemask_epi8(_mm_and_si128(_mm_and_si128(first, second), third));
#else
    unsigned bits = 0;

    for (size_t i = 0; i < SCAN_BLOCK; i++) {
        bits |= (unsigned)((p[i] == ',') & (p[i + 1] == '0') & (p[i + 2] == ',')) << i;
    }
    return bits;
#endif
}

/* The last marker that lies in [begin, end), or NULL. */
static const char *last_marker(const char *begin, const char *end)
{
    const ptrdiff_t block = SCAN_BLOCK + MARKER_LEN - 1;
    const char *p = end - block;
    unsigned bits;

    if (end - begin < block) {
        for (p = end - MARKER_LEN; p >= begin; p--) {
            if (memcmp(p, MARKER, MARKER_LEN) == 0) {
                return p;
            }
        }
        return NULL;
    }
    for (; p > begin; p -= SCAN_BLOCK) {
        if ((bits = markers_in_block(p)) != 0) {
            return p + (31 - __builtin_clz(bits));
        }
        if (p - begin < SCAN_BLOCK) {
            break;
        }
    }
    /* What is left at the front; the block reaches into what was looked at. */
    bits = markers_in_block(begin);
    return bits != 0 ? begin + (31 - __builtin_clz(bits)) : NULL;
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

    while (which < count && (name == end || *name != operations[which].text[0] ||
                             (size_t)(end - name) < operations[which].len ||
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
    const char *comma = *end;

    do { /* by hand: these fields have a few bytes */
        if (comma == begin) {
            return false;
        }
        comma--;
    } while (*comma != ',');
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
    if (all_digits(before) && is_connection_type(last)) {
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
    out->tls = before;
    out->database_end = end;
    out->code = (int32_t)clamped_number(last, INT32_MAX);
}

/* Whether eight bytes are digits, all at once. */
static bool are_digits(uint64_t bytes)
{
    const uint64_t high = UINT64_C(0xf0f0f0f0f0f0f0f0), zeros = UINT64_C(0x3030303030303030);

    return (bytes & high) == zeros && ((bytes + UINT64_C(0x0606060606060606)) & high) == zeros;
}

static bool eight_digits(const char *p)
{
    uint64_t bytes;

    memcpy(&bytes, p, sizeof bytes);
    return are_digits(bytes);
}

/* "dd:dd:dd" */
static bool is_clock(const char *p)
{
    char digits[8];
    uint64_t bytes;

    if (p[2] != ':' || p[5] != ':') {
        return false;
    }
    memcpy(digits, p, sizeof digits);
    digits[2] = digits[5] = '0';
    memcpy(&bytes, digits, sizeof bytes);
    return are_digits(bytes);
}

/* Which form of time the line begins with; the comma after it is part of the form. */
static enum record_time time_form_of(struct slice line)
{
    const char *p = line.data;

    if (!p || line.len <= TIME_MICROS_LEN || !eight_digits(p)) {
        return RECORD_TIME_NONE;
    }
    if (p[8] != ' ') {
        return eight_digits(p + 8) && p[TIME_MICROS_LEN] == ',' ? RECORD_TIME_MICROS
                                                                : RECORD_TIME_NONE;
    }
    return line.len > TIME_SECONDS_LEN && is_clock(p + 9) && p[TIME_SECONDS_LEN] == ','
               ? RECORD_TIME_SECONDS
               : RECORD_TIME_NONE;
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

/* The quote before the code at the end of a line, as it closes a QUERY, or NULL. */
static const char *ends_statement(struct slice line)
{
    size_t len = line.len;

    /* Rows of connections, by far the most of what is none: ",,CODE", mostly of one digit. */
    if (len < 3 ||
        (is_digit(line.data[len - 1]) && line.data[len - 2] == ',' && line.data[len - 3] != '\'')) {
        return NULL;
    }
    while (len > 0 && (is_digit(line.data[len - 1]) || line.data[len - 1] == ',')) {
        len--;
    }
    if (len == 0 || line.data[len - 1] != '\'' ||
        !closes_query(line.data + len - 1, line.data + line.len)) {
        return NULL;
    }
    return line.data + len - 1;
}

/* The quote that opens the SQL of a line which is one complete QUERY in form; else NULL.  The line
 * begins with a time and ends as a statement.  Strict, since what is taken for SQL is not looked at
 * as a connection: the head must have its fields and no comma more, and the text must be escaped as
 * the plugin escapes. */
static const char *query_text(struct slice line, const struct record *head)
{
    enum { SERVER, USER, HOST, ID, QUERY_ID, OPERATION, DATABASE, FIELDS };
    static const char escaped[] = { '\'', '\\', 'n', 'r', 't', 'b', 'f' };
    const char *at = line.data + head->time.len + 1, *end = line.data + line.len, *quote;
    struct slice field[FIELDS];

    for (size_t i = 0; i < FIELDS; i++) {
        if (!skip_field(&at, end, &field[i])) {
            return NULL;
        }
    }
    if (field[ID].len > 1 && field[ID].data[0] == '-') {
        field[ID] = (struct slice){ field[ID].data + 1, field[ID].len - 1 };
    }
    if (!all_digits(field[ID]) || !all_digits(field[QUERY_ID]) ||
        !equals(field[OPERATION], "QUERY") || at == end || *at != '\'') {
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

/* What the columns that only some servers write say of the client's way and of the server. */
static void read_dialect(struct slice tls, struct record *out)
{
    static const struct {
        const char *type;
        enum record_encryption encryption;
    } types[] = {
        { "TCP/IP", ENCRYPTION_NONE },
        { "1", ENCRYPTION_NONE },
        { "SOCKET", ENCRYPTION_LOCAL },
        { "2", ENCRYPTION_LOCAL },
        { "SSL", ENCRYPTION_TLS },
        { "4", ENCRYPTION_TLS },
        { "NAMED_PIPE", ENCRYPTION_LOCAL },
        { "3", ENCRYPTION_LOCAL },
        { "SHARED_MEMORY", ENCRYPTION_LOCAL },
        { "5", ENCRYPTION_LOCAL },
    };

    if (out->time_form == RECORD_TIME_MICROS) {
        out->dialect = mysql_dialect_aurora;
    } else if (out->connection_type.len > 0) {
        out->dialect = mysql_dialect_rds;
    } else if (tls.len > 0) {
        out->dialect = mysql_dialect_mariadb_12;
    }
    for (size_t i = 0; out->connection_type.len > 0 && i < sizeof types / sizeof *types; i++) {
        if (equals(out->connection_type, types[i].type)) {
            out->encryption = types[i].encryption;
        }
    }
    if (tls.len > 0) {
        out->tls = tls;
        out->encryption = ENCRYPTION_TLS;
    }
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
        out->failure = tail->code != 0 ? login_failure_find(tail->code) : NULL;
        read_dialect(tail->tls, out);
    } else if (!quote) {
        out->database = between(operation_end, line.data + line.len);
    }
}

/* Whether a candidate inside what is a QUERY in form can be a connection's all the same: then all
 * before its host is the user's name, and all behind its operation the database's. */
static bool can_be_disguised(struct slice line, const struct record *head,
                             const struct candidate *candidate, const char *operation_end)
{
    const char *user = head->server.data + head->server.len + 1;

    return candidate->counts && candidate->host.data - user <= MYSQL_USER_MAX + 1 &&
           line.data + line.len - operation_end <= MYSQL_DATABASE_MAX + TAIL_MAX;
}

/* From the last marker on. */
static void read_candidates(struct slice line, const char *at, struct record *out)
{
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
            if (out->time_form != RECORD_TIME_NONE && ends_statement(line)) {
                quote = query_text(line, out);
            }
            out->quoted = quote != NULL;
        }
        found.counts = counts(&found, first, &tail);
        first = false;
        if (quote && !can_be_disguised(line, out, &found, operation_end)) {
            out->in_sql++;
            continue;
        }
        if (out->count == RECORD_CANDIDATES_MAX) {
            out->too_many = true;
            out->kind = RECORD_CONNECTION;
            return;
        }
        out->candidates[out->count++] = found;
        if (found.counts && !quote) {
            out->kind = RECORD_CONNECTION;
        }
        if (out->count == 1) {
            read_names(line, quote, operation_end, &tail, out);
        }
    }
}

/* The comma before p, or NULL.  By hand: these fields have a few bytes. */
static const char *comma_before(const char *begin, const char *p)
{
    while (p > begin) {
        if (*--p == ',') {
            return p;
        }
    }
    return NULL;
}

/* Whether a QUERY's text begins at this quote: behind its operation, or one of Aurora's QUERY_DDL
 * and the like, and a database. */
static bool begins_statement(const char *begin, const char *quote)
{
    static const char operation[] = ",QUERY";
    const size_t len = sizeof operation - 1;
    const char *comma, *end;

    if (quote == begin || quote[-1] != ',') {
        return false;
    }
    end = comma_before(begin, quote - 1);
    comma = end ? comma_before(begin, end) : NULL;
    return comma && (size_t)(end - comma) >= len && memcmp(comma, operation, len) == 0 &&
           (comma[len] == ',' || comma[len] == '_');
}

/* Most lines are no more than this: a QUERY that ends as one, by its first quote and its last
 * bytes. */
static bool is_plain_statement(struct slice line, struct slice *text)
{
    const char *close = ends_statement(line), *quote;

    if (!close) {
        return false;
    }
    quote = memchr(line.data, '\'', line.len);
    if (quote == close || !begins_statement(line.data, quote)) {
        return false;
    }
    *text = between(quote + 1, close);
    return true;
}

static bool holds(struct slice line, const char *word)
{
    return memmem(line.data, line.len, word, strlen(word)) != NULL;
}

/* Whether a line ends as a PROXY_CONNECT does: a quoted name, the code, and on RDS the type. */
static bool ends_proxy(struct slice line)
{
    const char *end = line.data + line.len;
    struct slice last = { "", 0 };

    if (!cut_last_field(line.data, &end, &last)) {
        return false;
    }
    if (is_connection_type(last) && end > line.data && is_digit(end[-1]) &&
        !cut_last_field(line.data, &end, &last)) {
        return false;
    }
    return all_digits(last) && end > line.data && end[-1] == '`';
}

/* Whether a line without candidates ends as one of the other records does, and names its kind
 * somewhere before, if its head is there: what does not is torn. */
static bool ends_otherwise(struct slice line, bool has_head)
{
    static const char *const tables[] = { ",READ,",  ",WRITE,", ",CREATE,",
                                          ",ALTER,", ",DROP,",  ",RENAME," };

    if (line.len < 2) {
        return false;
    }
    if (ends_statement(line)) {
        return !has_head || holds(line, ",QUERY,") || holds(line, ",QUERY_D");
    }
    if (ends_proxy(line)) {
        return !has_head || holds(line, ",PROXY_CONNECT,");
    }
    if (line.data[line.len - 1] == ',' || is_digit(line.data[line.len - 1])) {
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
            if (holds(line, tables[i])) {
                return true;
            }
        }
    }
    return false;
}

void mysql_read_head(struct slice line, struct record *record)
{
    const char *end = line.data + line.len, *comma;
    size_t len;

    record->time_form = time_form_of(line);
    if (record->time_form == RECORD_TIME_NONE) {
        return;
    }
    len = record->time_form == RECORD_TIME_SECONDS ? TIME_SECONDS_LEN : TIME_MICROS_LEN;
    record->time = between(line.data, line.data + len);
    comma = memchr(line.data + len + 1, ',', line.len - len - 1);
    record->server = between(line.data + len + 1, comma ? comma : end);
}

static bool is_host_byte(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_';
}

bool mysql_server(struct slice line, struct slice *server)
{
    enum record_time form = time_form_of(line);
    size_t at, len = 0;

    if (form == RECORD_TIME_NONE) {
        return false;
    }
    at = (form == RECORD_TIME_SECONDS ? TIME_SECONDS_LEN : TIME_MICROS_LEN) + 1;
    while (at + len < line.len && len <= MYSQL_SERVER_MAX && is_host_byte(line.data[at + len])) {
        len++;
    }
    *server = (struct slice){ line.data + at, len };
    return len > 0 && len <= MYSQL_SERVER_MAX && at + len < line.len && line.data[at + len] == ',';
}

/* A line without candidates: another record, or a piece of one. */
static void read_other(struct slice line, struct record *out)
{
    bool has_head = out->time_form != RECORD_TIME_NONE;
    struct tail tail;

    out->unterminated = !out->quoted && !ends_otherwise(line, has_head);
    if (out->unterminated && !has_head) {
        /* A row's end alone is the rest of a torn one. */
        read_tail(line, &tail);
        out->unterminated = !tail.whole;
    }
}

bool mysql_is_statement(struct slice line, struct slice *statement)
{
    /* The end of a line alone tells most of them from the rows of connections. */
    return is_plain_statement(line, statement) && time_form_of(line) != RECORD_TIME_NONE &&
           !last_marker(line.data, line.data + line.len);
}

void mysql_read(struct slice line, struct record *out)
{
    const char *marker;

    record_clear(out);
    if (!line.data || line.len == 0) {
        return;
    }
    marker = last_marker(line.data, line.data + line.len);
    if (!marker && is_plain_statement(line, &out->statement)) {
        return;
    }
    mysql_read_head(line, out);
    read_candidates(line, marker, out);
    if (out->count == 0) {
        read_other(line, out);
    } else {
        out->unterminated = out->torn;
    }
}
