/* SPDX-License-Identifier: Apache-2.0 */
/* One physical line of PostgreSQL's log. */
#include "filters/postgresql_line.h"

#include <string.h>

#include "filters/record.h"

#define ZONE_MAX        16
#define FRACTION_LEN    4   /* ".972" */
#define PORT_DIGITS     5   /* of 65535 */
#define SEVERITY_MAX    32  /* bytes of its word, in any language */
#define FIELD_MAX       32  /* bytes of one short field of the long prefix */
#define APPLICATION_MAX 512 /* bytes of the application's name, escaped */
#define APPLICATION_CUT 63  /* where the server cuts such a name before it escapes it */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool begins(const char *at, size_t len, const char *word)
{
    size_t want = strlen(word);

    return len >= want && memcmp(at, word, want) == 0;
}

static int two_digits(const char *at)
{
    return (at[0] - '0') * 10 + (at[1] - '0');
}

/* "2026-11-22 14:08:14": its form alone, as a wrong date makes no line less of one. */
static bool has_date(const char *at, size_t len)
{
    static const char form[] = "0000-00-00 00:00:00";

    if (len < POSTGRESQL_DATE_LEN) {
        return false;
    }
    for (size_t i = 0; i < POSTGRESQL_DATE_LEN; i++) {
        if (form[i] == '0' ? !is_digit(at[i]) : at[i] != form[i]) {
            return false;
        }
    }
    return true;
}

static bool read_date(const char *at, size_t len, struct postgresql_clock *clock)
{
    if (len >= POSTGRESQL_DATE_LEN && is_digit(at[0]) &&
        memcmp(at, clock->text, POSTGRESQL_DATE_LEN) == 0) {
        return true;
    }
    if (!has_date(at, len)) {
        return false;
    }
    memcpy(clock->text, at, POSTGRESQL_DATE_LEN);
    clock->valid = record_date_ms(two_digits(at) * 100 + two_digits(at + 2), two_digits(at + 5),
                                  two_digits(at + 8), two_digits(at + 11), two_digits(at + 14),
                                  two_digits(at + 17), &clock->ms);
    return true;
}

/* " UTC:"; zones without a name are " +03:".  The length up to the colon, or 0. */
static size_t zone_len(const char *at, size_t len)
{
    size_t i = 1;

    if (len == 0 || at[0] != ' ') {
        return 0;
    }
    while (i < len && i < ZONE_MAX && at[i] != ':') {
        char lower = (char)(at[i] | 0x20);

        if (!(lower >= 'a' && lower <= 'z') && !is_digit(at[i]) && at[i] != '+' && at[i] != '-') {
            return 0;
        }
        i++;
    }
    return i > 1 && i < len && at[i] == ':' ? i : 0;
}

/* "(52110):" or "(?\?\?):" behind a host; the length up to the colon, or 0. */
static size_t port_len(const char *at, size_t len, int32_t *port)
{
    size_t i = 1;
    int32_t value = 0;

    if (begins(at, len, "(?\?\?):")) {
        *port = -1;
        return 5;
    }
    while (i < len && i <= PORT_DIGITS && is_digit(at[i])) {
        value = value * 10 + (at[i] - '0');
        i++;
    }
    if (i == 1 || value > UINT16_MAX || !begins(at + i, len - i, "):")) {
        return 0;
    }
    *port = value;
    return i + 1;
}

/* Any name a resolver gives, any address and its scope. */
static bool of_host(char c)
{
    return c > ' ' && c < 0x7f && c != '@';
}

/* %r and the colon behind it, from `at` on. */
static bool read_remote(struct slice line, size_t at, struct postgresql_head *out)
{
    const char *begin = line.data + at;
    size_t len = line.len - at, i = 0, port;

    out->port = -1;
    if (begins(begin, len, "[local]:")) {
        out->kind = POSTGRESQL_REMOTE_LOCAL;
        out->remote = out->host = (struct slice){ begin, 7 };
        out->names = at + 8;
        return true;
    }
    if (len > POSTGRESQL_REMOTE_MAX) {
        len = POSTGRESQL_REMOTE_MAX;
    }
    while (i < len && begin[i] != '(' && of_host(begin[i])) {
        i++;
    }
    port = i > 0 && i < len && begin[i] == '(' ? port_len(begin + i, len - i, &out->port) : 0;
    /* An address may begin with colons; what a name behind an empty %r does not is look like one
     * up to a port: before there is a client, there are no names. */
    if (port > 0 && (begin[0] != ':' || begins(begin, len, "::"))) {
        out->kind = POSTGRESQL_REMOTE_CLIENT;
        out->host = (struct slice){ begin, i };
        out->remote = (struct slice){ begin, i + port };
        out->names = at + i + port + 1;
        return true;
    }
    out->port = -1;
    if (len > 0 && begin[0] == ':') {
        out->kind = POSTGRESQL_REMOTE_NONE;
        out->remote = out->host = (struct slice){ begin, 0 };
        out->names = at + 1;
        return true;
    }
    return false;
}

bool postgresql_head_read(struct slice line, struct postgresql_clock *clock,
                          struct postgresql_head *out)
{
    size_t at = POSTGRESQL_DATE_LEN, zone;
    int64_t fraction = 0;

    if (!read_date(line.data, line.len, clock)) {
        return false;
    }
    if (line.len - at > FRACTION_LEN && line.data[at] == '.' && is_digit(line.data[at + 1]) &&
        is_digit(line.data[at + 2]) && is_digit(line.data[at + 3])) {
        fraction = two_digits(line.data + at + 1) * 10 + (line.data[at + 3] - '0');
        at += FRACTION_LEN;
    }
    zone = zone_len(line.data + at, line.len - at);
    if (zone == 0) {
        return false;
    }
    at += zone;
    out->time = (struct slice){ line.data, at };
    out->dated = clock->valid;
    out->time_ms = clock->ms + fraction;
    return read_remote(line, at + 1, out);
}

#define WORD(text, severity)                                                                       \
    {                                                                                              \
        text, sizeof(text) - 1, severity                                                           \
    }
static const struct severity_word {
    const char *text;
    size_t len;
    enum postgresql_severity severity;
} severities[] = {
    WORD("LOG", POSTGRESQL_LOG),         WORD("FATAL", POSTGRESQL_FATAL),
    WORD("ERROR", POSTGRESQL_ERROR),     WORD("STATEMENT", POSTGRESQL_STATEMENT),
    WORD("DETAIL", POSTGRESQL_OTHER),    WORD("HINT", POSTGRESQL_OTHER),
    WORD("CONTEXT", POSTGRESQL_OTHER),   WORD("WARNING", POSTGRESQL_OTHER),
    WORD("NOTICE", POSTGRESQL_OTHER),    WORD("INFO", POSTGRESQL_OTHER),
    WORD("PANIC", POSTGRESQL_OTHER),     WORD("DEBUG", POSTGRESQL_OTHER),
    WORD("QUERY", POSTGRESQL_OTHER),     WORD("LOCATION", POSTGRESQL_OTHER),
    WORD("BACKTRACE", POSTGRESQL_OTHER),
};
#define SEVERITIES (sizeof severities / sizeof *severities)

/* "FATAL:  ", also "FEHLER:  " or "INSTRUCTION :  ": the word of a severity in any language. */
static bool read_severity(struct slice line, size_t at, struct postgresql_split *out)
{
    const char *begin = line.data + at;
    size_t len = line.len - at, i = 0;

    while (i < len && i < SEVERITY_MAX &&
           (is_capital(begin[i]) || (signed char)begin[i] < 0 ||
            (i > 0 && (begin[i] == ' ' || is_digit(begin[i]))))) {
        i++;
    }
    if (i == 0 || !begins(begin + i, len - i, ":  ")) {
        return false;
    }
    out->severity = POSTGRESQL_OTHER;
    for (size_t j = 0; j < SEVERITIES; j++) {
        if (severities[j].len == i && memcmp(severities[j].text, begin, i) == 0) {
            out->severity = severities[j].severity;
            break;
        }
    }
    out->early = true;
    out->message = (struct slice){ begin + i + 3, len - i - 3 };
    return true;
}

/* Whether a severity in any language stands so near that what is before it may be an application's
 * name, of which the server writes each byte that is not printable ASCII as "\x" and two digits. */
static bool may_be_application(const char *begin, size_t len)
{
    size_t at = 0;

    for (size_t name = 0; name < APPLICATION_CUT + SEVERITY_MAX && at < len; name++) {
        if (begins(begin + at, len - at, ":  ")) {
            return true;
        }
        at += begins(begin + at, len - at, "\\x") ? 4 : 1;
    }
    return false;
}

/* The application's name stands glued to the severity; a client that has logged in may put either
 * into it, so the first that reads as one is taken, and only a name not yet set is told apart. */
static bool read_application(struct slice line, size_t at, struct postgresql_split *out)
{
    static const char unset[] = "[unknown]";
    const char *begin = line.data + at;
    size_t len = line.len - at, from = 0;

    if (begins(begin, len, unset) && read_severity(line, at + sizeof unset - 1, out)) {
        size_t word = (size_t)(out->message.data - begin);

        out->doubtful = may_be_application(begin + word, len - word);
        return true;
    }
    if (len > APPLICATION_MAX) {
        len = APPLICATION_MAX;
    }
    for (;;) {
        const char *end = from < len ? memmem(begin + from, len - from, ":  ", 3) : NULL;

        if (!end) { /* in another language */
            bool found = read_severity(line, at, out);

            out->early = false;
            return found;
        }
        for (size_t i = 0; i < SEVERITIES; i++) {
            const struct severity_word *word = &severities[i];

            if ((size_t)(end - begin) >= word->len &&
                memcmp(end - word->len, word->text, word->len) == 0) {
                out->severity = word->severity;
                out->early = false;
                out->message = (struct slice){ end + 3, (size_t)(line.data + line.len - end) - 3 };
                return true;
            }
        }
        from = (size_t)(end - begin) + 1;
    }
}

/* A short field of the long prefix, of certain characters, and the colon behind it. */
static bool skip_field(struct slice line, size_t *at, bool (*allowed)(char))
{
    size_t i = *at;

    while (i < line.len && i - *at < FIELD_MAX && allowed(line.data[i])) {
        i++;
    }
    if (i == line.len || line.data[i] != ':') {
        return false;
    }
    *at = i + 1;
    return true;
}

static bool of_sqlstate(char c)
{
    return is_digit(c) || is_capital(c);
}

static bool of_transaction(char c)
{
    return is_digit(c) || c == '/' || c == '-';
}

static bool of_session(char c)
{
    return is_hex(c) || c == '.';
}

/* "%l:%e:%s:%v:%x:%c:", none of which a client chooses.  *success: %e is that of no error. */
static bool skip_long_prefix(struct slice line, size_t *at, bool *success)
{
    size_t zone;

    if (!skip_field(line, at, is_digit)) {
        return false;
    }
    *success = begins(line.data + *at, line.len - *at, "00000:");
    if (!skip_field(line, at, of_sqlstate) || !has_date(line.data + *at, line.len - *at)) {
        return false;
    }
    *at += POSTGRESQL_DATE_LEN;
    zone = zone_len(line.data + *at, line.len - *at);
    if (zone == 0) {
        return false;
    }
    *at += zone + 1;
    return skip_field(line, at, of_transaction) && skip_field(line, at, is_digit) &&
           skip_field(line, at, of_session);
}

bool postgresql_split_read(struct slice line, size_t at, struct postgresql_split *out)
{
    size_t i = at + 2;
    int64_t pid = 0;
    bool success;

    if (at >= line.len || !begins(line.data + at, line.len - at, ":[")) {
        return false;
    }
    while (i < line.len && i < at + 2 + POSTGRESQL_PID_DIGITS && is_digit(line.data[i])) {
        pid = pid * 10 + (line.data[i] - '0');
        i++;
    }
    if (i == at + 2 || !begins(line.data + i, line.len - i, "]:")) {
        return false;
    }
    i += 2;
    out->at = at;
    out->pid = pid;
    out->doubtful = false;
    if (i == line.len || !is_digit(line.data[i])) {
        return read_severity(line, i, out);
    }
    if (!skip_long_prefix(line, &i, &success) || !read_application(line, i, out)) {
        return false;
    }
    if (success && out->severity == POSTGRESQL_FATAL) {
        out->early = false; /* the severity is text of the application's name */
    }
    return true;
}

size_t postgresql_split_all(struct slice line, size_t from, struct postgresql_split *out)
{
    size_t count = 0, end = line.len;

    if (end - from > POSTGRESQL_NAMES_MAX) {
        end = from + POSTGRESQL_NAMES_MAX;
    }
    for (size_t at = from; at < end && count < POSTGRESQL_SPLITS_MAX; at++) {
        const char *bracket = memchr(line.data + at, '[', end - at);

        if (!bracket) {
            break;
        }
        at = (size_t)(bracket - line.data);
        if (at > from && postgresql_split_read(line, at - 1, &out[count])) {
            count++;
        }
    }
    return count;
}

static struct slice known(struct slice name)
{
    static const char unknown[] = "[unknown]";

    if (name.len == sizeof unknown - 1 && memcmp(name.data, unknown, name.len) == 0) {
        name.len = 0;
    }
    return name;
}

void postgresql_names(struct slice names, struct slice *user, struct slice *database, bool *unnamed)
{
    /* Users have an @ in their names more often than databases do. */
    const char *at = memrchr(names.data, '@', names.len);
    size_t len = at ? (size_t)(at - names.data) : names.len;

    *unnamed = begins(names.data, names.len, "[unknown]@[unknown]") && names.len == 19;
    *user = known((struct slice){ names.data, len });
    *database =
        known((struct slice){ names.data + len + (at ? 1 : 0), names.len - len - (at ? 1 : 0) });
}
