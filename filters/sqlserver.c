/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of SQL Server's error log.
 * Names of users and databases stand raw in them.  What the server itself writes of a client,
 * "[CLIENT: X]", ends the line, behind every name; so all is read from the end.  A name can hold
 * the same text: every place that reads so is a candidate. */
#include "filters/sqlserver.h"

#include <string.h>

#define CLIENT     "[CLIENT: "
#define CLIENT_LEN (sizeof CLIENT - 1)

#define SECONDS_LEN 19 /* "2026-11-22 14:08:14" */

/* What a login that failed otherwise is called by its number. */
#define ERROR_LOGIN_FAILED 18456

#define BEGINNING(text) text, sizeof(text) - 1

/* Whom a message speaks of. */
enum subject {
    SUBJECT_NOBODY,
    SUBJECT_USER, /* the user's name follows, and behind it and a quote the ending */
};

/* How messages about clients begin (SQL Server documentation, "Database Engine events and errors",
 * 17000 to 18999).  Those without a failure say no more than the outcome. */
static const struct {
    const char *text;
    size_t len;
    enum subject subject;
    enum outcome outcome;
    struct login_failure failure;
} messages[] = {
    { BEGINNING("Login succeeded for user '"), SUBJECT_USER, OUTCOME_SUCCESS, { .meaning = NULL } },
    { BEGINNING("Login failed for user '"), SUBJECT_USER, OUTCOME_FAILURE, { .meaning = NULL } },
    { BEGINNING("Logon failed for login '"), SUBJECT_USER, OUTCOME_FAILURE, { .meaning = NULL } },
    { BEGINNING("Login failed. The login is from an untrusted domain"),
      SUBJECT_NOBODY,
      OUTCOME_FAILURE,
      { 18452, SEVERITY_MEDIUM, false,
        "Windows authentication by an account of a domain that is not trusted" } },
    { BEGINNING("Login failed due to timeout"),
      SUBJECT_NOBODY,
      OUTCOME_FAILURE,
      { 17197, SEVERITY_LOW, false, "the login took too long" } },
    { BEGINNING("Login failed."), SUBJECT_NOBODY, OUTCOME_FAILURE, { .meaning = NULL } },
    { BEGINNING("SSPI handshake failed"),
      SUBJECT_NOBODY,
      OUTCOME_FAILURE,
      { 17806, SEVERITY_MEDIUM, false, "Windows authentication failed" } },
    { BEGINNING("Could not connect because the maximum number of "),
      SUBJECT_NOBODY,
      OUTCOME_FAILURE,
      { 17809, SEVERITY_MEDIUM, false,
        "too many connections: an outage, or somebody filling the server" } },
    { BEGINNING("The Tabular Data Stream (TDS) version "),
      SUBJECT_NOBODY,
      OUTCOME_FAILURE,
      { 17802, SEVERITY_LOW, false, "the client speaks a version that the server does not" } },
    { BEGINNING("The value in the usertype field of the login record is invalid"),
      SUBJECT_NOBODY,
      OUTCOME_FAILURE,
      { 17805, SEVERITY_LOW, false, "the handshake was not that of a database client" } },
    { BEGINNING("There was a failure while attempting to encrypt a password"),
      SUBJECT_NOBODY,
      OUTCOME_FAILURE,
      { 17827, SEVERITY_LOW, false, "the handshake failed before any name was checked" } },
    { BEGINNING("The prelogin packet used to open the connection is structurally invalid"),
      SUBJECT_NOBODY,
      OUTCOME_FAILURE,
      { 17828, SEVERITY_LOW, false,
        "the handshake was not that of a database client: a scanner" } },
    { BEGINNING("A network error occurred while establishing a connection"),
      SUBJECT_NOBODY,
      OUTCOME_FAILURE,
      { 17829, SEVERITY_LOW, false, "the client went away during the handshake" } },
    { BEGINNING("Network error code 0x"),
      SUBJECT_NOBODY,
      OUTCOME_FAILURE,
      { 17830, SEVERITY_LOW, false, "the client went away during the login, or took too long" } },
    { BEGINNING("The login packet used to open the connection is structurally invalid"),
      SUBJECT_NOBODY,
      OUTCOME_FAILURE,
      { 17832, SEVERITY_LOW, false, "the login was not that of a database client: a scanner" } },
    { BEGINNING("Encryption is required to connect to this server"),
      SUBJECT_NOBODY,
      OUTCOME_FAILURE,
      { 17835, SEVERITY_LOW, false, "the client cannot encrypt, which this server demands" } },
    { BEGINNING("Length specified in network packet payload did not match"),
      SUBJECT_NOBODY,
      OUTCOME_FAILURE,
      { 17836, SEVERITY_LOW, false,
        "the packets were not those of a database client: a scanner" } },
};

/* What may stand between the quote and full stop behind a name, and the client (the same document,
 * 18301 to 18357 and 18400 to 18488; MSSQLSERVER_18456 for what they mean).  The password is
 * checked first: an account that cannot be used is called so only once it was right. */
static const struct {
    const char *text;
    size_t len;
    bool whole; /* nothing follows up to the client, save the name of a contained database */
    enum outcome outcome;
    struct login_failure failure;
} endings[] = {
    { BEGINNING("Connection made using "), false, OUTCOME_SUCCESS, { .meaning = NULL } },
    { BEGINNING("Reason: Password did not match that for the login provided."),
      true,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_MEDIUM, false, "wrong password" } },
    { BEGINNING("Reason: Password did not match that for the user provided."),
      true,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_MEDIUM, false, "wrong password of a user of one database" } },
    { BEGINNING("Reason: Could not find a login matching the name provided."),
      true,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_MEDIUM, false, "no such login" } },
    { BEGINNING("Reason: Could not find a user matching the name provided."),
      true,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_MEDIUM, false, "no such user of that database" } },
    { BEGINNING("Reason: Attempting to use an NT account name with SQL Server Authentication."),
      true,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_MEDIUM, false, "a Windows account with a password of SQL Server" } },
    { BEGINNING("Reason: An error occurred while evaluating the password."),
      true,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_MEDIUM, false, "wrong password of a login that is disabled" } },
    { BEGINNING("Reason: Invalid password provided."),
      true,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_MEDIUM, false, "a password that cannot be one" } },
    { BEGINNING("Reason: Password validation failed with an infrastructure error. Check for "
                "previous errors."),
      true,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_MEDIUM, false, "the password could not be checked" } },
    { BEGINNING("Reason: An attempt to login using SQL authentication failed. Server is "
                "configured for Windows authentication only."),
      true,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_MEDIUM, false, "this server takes Windows authentication only" } },
    { BEGINNING("Reason: An attempt to login using SQL Server Authentication failed. Server is "
                "configured for Windows Authentication only."),
      true,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_MEDIUM, false, "this server takes Windows authentication only" } },
    { BEGINNING("Reason: Token-based server access validation failed"),
      false,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_HIGH, true, "that Windows account may not use this server" } },
    { BEGINNING("Reason: Login-based server access validation failed"),
      false,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_HIGH, true, "that login may not use this server" } },
    { BEGINNING("Reason: The user must change the password"),
      false,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_HIGH, true, "the password must be changed" } },
    { BEGINNING("Reason: Failed to open the "),
      false,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_HIGH, true,
        "there is no such database, or the login has no right to it" } },
    { BEGINNING("Reason: Could not retrieve database name or map database to an item."),
      false,
      OUTCOME_FAILURE,
      { 18456, SEVERITY_HIGH, true, "there is no such database" } },
    { BEGINNING("Reason: The account is disabled."),
      true,
      OUTCOME_FAILURE,
      { 18470, SEVERITY_HIGH, true, "the login is disabled" } },
    { BEGINNING("Reason: The password of the account has expired."),
      true,
      OUTCOME_FAILURE,
      { 18487, SEVERITY_HIGH, true, "the password has expired" } },
    { BEGINNING("Reason: The password of the account must be changed."),
      true,
      OUTCOME_FAILURE,
      { 18488, SEVERITY_HIGH, true, "the password must be changed" } },
    { BEGINNING("Reason: Server is in single user mode. Only one administrator can connect at "
                "this time."),
      true,
      OUTCOME_FAILURE,
      { 18461, SEVERITY_MEDIUM, false, "the server is in single-user mode" } },
    { BEGINNING("Reason: Server is in script upgrade mode. Only administrator can connect at "
                "this time."),
      true,
      OUTCOME_FAILURE,
      { 18401, SEVERITY_MEDIUM, false, "the server is being upgraded" } },
    { BEGINNING("Only administrators may connect at this time."),
      true,
      OUTCOME_FAILURE,
      { 18451, SEVERITY_MEDIUM, false, "the server takes administrators only" } },
    { BEGINNING("because the account is currently locked out. The system administrator can unlock "
                "it."),
      true,
      OUTCOME_FAILURE,
      { 18486, SEVERITY_MEDIUM, false, "the login is locked out after too many wrong passwords" } },
    { BEGINNING("due to trigger execution."),
      true,
      OUTCOME_FAILURE,
      { 17892, SEVERITY_HIGH, true, "a logon trigger of the server refused the login" } },
};

#define MESSAGES_COUNT (sizeof messages / sizeof *messages)
#define ENDINGS_COUNT  (sizeof endings / sizeof *endings)

#define EXPLICIT_DATABASE  "Reason: Failed to open the explicitly specified database '"
#define CONTAINED_DATABASE " [Database: '"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct slice between(const char *begin, const char *end)
{
    return (struct slice){ begin, (size_t)(end - begin) };
}

static bool begins(struct slice text, const char *word, size_t len)
{
    return text.len >= len && *text.data == *word && memcmp(text.data, word, len) == 0;
}

static bool ends(struct slice text, const char *word, size_t len)
{
    return text.len >= len && memcmp(text.data + text.len - len, word, len) == 0;
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at)) {
        at++;
    }
    return at;
}

static int number(const char *digits, size_t count)
{
    int value = 0;

    for (size_t i = 0; i < count; i++) {
        value = value * 10 + (digits[i] - '0');
    }
    return value;
}

/* Reads the time, "2026-11-22 14:08:14.12" or with three decimals, and the name of the process.
 * Returns where the message begins: at the line's beginning when there is no such time.  *logon:
 * whether the process is the one that writes of logins; others write what statements raise. */
static const char *read_head(struct slice line, struct record *out, bool *logon)
{
    static const char form[] = "0000-00-00 00:00:00.00", process[] = "Logon";
    const char *at = line.data, *end = line.data + line.len, *name;
    size_t len = sizeof form - 1;
    int64_t ms;

    *logon = true;
    if (line.len <= len) {
        return line.data;
    }
    for (size_t i = 0; i < len; i++) {
        if (form[i] == '0' ? !is_digit(at[i]) : at[i] != form[i]) {
            return line.data;
        }
    }
    ms = 10 * number(at + SECONDS_LEN + 1, 2);
    if (is_digit(at[len])) {
        ms += at[len] - '0';
        len++;
    }
    if (at + len == end || !is_blank(at[len])) {
        return line.data;
    }
    if (record_date_ms(number(at, 4), number(at + 5, 2), number(at + 8, 2), number(at + 11, 2),
                       number(at + 14, 2), number(at + 17, 2), &out->time_ms)) {
        out->time_ms += ms;
        out->time_form = RECORD_TIME_DATED;
        out->time = between(line.data, at + len);
    }
    at = name = skip_blanks(at + len, end);
    while (at < end && !is_blank(*at)) {
        at++;
    }
    *logon =
        (size_t)(at - name) == sizeof process - 1 && memcmp(name, process, sizeof process - 1) == 0;
    return skip_blanks(at, end);
}

/* What may follow the closing bracket: some messages put a full stop. */
static const char *trimmed_end(struct slice text)
{
    const char *end = text.data + text.len;

    while (end > text.data && (is_blank(end[-1]) || end[-1] == '\r' || end[-1] == '.')) {
        end--;
    }
    return end;
}

/* The last CLIENT of a line that begins before `before`, or NULL. */
static const char *last_client(struct slice line, const char *before)
{
    const char *at = before, *end = line.data + line.len;

    while ((at = memrchr(line.data, '[', (size_t)(at - line.data)))) {
        if (begins(between(at, end), BEGINNING(CLIENT))) {
            return at;
        }
    }
    return NULL;
}

/* The client named at `at`, up to the last bracket of a line that ends so, else to the first. */
static struct slice read_client(const char *at, const char *end, bool last)
{
    const char *host = at + CLIENT_LEN, *close = NULL;

    if (end <= host) {
        return between(host, host);
    }
    if (last && end[-1] == ']') {
        return between(host, end - 1);
    }
    close = memchr(host, ']', (size_t)(end - host));
    return between(host, close ? close : end);
}

/* Reads the clients; returns where the last of them begins, or NULL. */
static const char *read_clients(struct slice line, struct record *out)
{
    const char *end = trimmed_end(line), *at = last_client(line, line.data + line.len);
    const char *last = at;

    if (!at) {
        return NULL;
    }
    out->kind = RECORD_CONNECTION;
    out->torn = end <= at || end[-1] != ']';
    for (; at; end = at, at = last_client(line, at)) {
        if (out->count == RECORD_CANDIDATES_MAX) {
            out->too_many = true;
            break;
        }
        out->candidates[out->count++] = (struct candidate){
            .host = read_client(at, end, at == last),
            .connection_id = RECORD_NO_ID,
            .operation = OPERATION_CONNECT,
            .counts = true,
        };
    }
    return last;
}

/* Which ending stands behind a quote, of those that go with an outcome; ENDINGS_COUNT for none. */
static size_t find_ending(struct slice text, enum outcome outcome)
{
    for (size_t i = 0; i < ENDINGS_COUNT; i++) {
        struct slice rest;

        if ((outcome != OUTCOME_UNKNOWN && outcome != endings[i].outcome) ||
            !begins(text, endings[i].text, endings[i].len)) {
            continue;
        }
        rest = between(text.data + endings[i].len, text.data + text.len);
        if (!endings[i].whole || rest.len == 0 ||
            (begins(rest, BEGINNING(CONTAINED_DATABASE)) && ends(rest, BEGINNING("']")))) {
            return i;
        }
    }
    return ENDINGS_COUNT;
}

/* How what follows a name is divided from it. */
struct division {
    const char *quote; /* behind the name; NULL when there is none */
    struct slice rest; /* what follows the quote, its full stop and blanks */
    size_t ending;     /* ENDINGS_COUNT when it is not one that is known */
};

/* Finds the end of a name that may itself hold quotes and the words of endings: the last place that
 * leaves a known ending; else the last that leaves a reason, or anything at all. */
static struct division divide(struct slice text, enum outcome outcome)
{
    struct division found = { NULL, { NULL, 0 }, ENDINGS_COUNT };
    const char *end = text.data + text.len, *at = end;
    bool reason = false;

    while ((at = memrchr(text.data, '\'', (size_t)(at - text.data)))) {
        bool stop = at + 1 < end && at[1] == '.';
        const char *behind = skip_blanks(at + 1 + stop, end);
        struct slice rest = between(behind, end);
        size_t ending = ENDINGS_COUNT;

        if (!stop && behind == at + 1) {
            continue;
        }
        ending = find_ending(rest, outcome);
        if (ending < ENDINGS_COUNT) {
            return (struct division){ at, rest, ending };
        }
        if (stop && !reason) {
            reason = begins(rest, BEGINNING("Reason: "));
            if (reason || !found.quote) {
                found = (struct division){ at, rest, ENDINGS_COUNT };
            }
        }
    }
    return found;
}

/* The name of a database in what follows the user's, both of which may hold quotes. */
static struct slice read_database(struct slice rest)
{
    static const char quote_stop[] = "'.", quote_bracket[] = "']";
    const char *at;

    if (begins(rest, BEGINNING(EXPLICIT_DATABASE)) && ends(rest, BEGINNING(quote_stop))) {
        at = rest.data + sizeof EXPLICIT_DATABASE - 1;
    } else if (ends(rest, BEGINNING(quote_bracket)) &&
               (at = memmem(rest.data, rest.len, BEGINNING(CONTAINED_DATABASE)))) {
        at += sizeof CONTAINED_DATABASE - 1;
    } else {
        return (struct slice){ NULL, 0 };
    }
    return at <= rest.data + rest.len - 2 ? between(at, rest.data + rest.len - 2)
                                          : (struct slice){ NULL, 0 };
}

static void set_failure(const struct login_failure *failure, struct record *out)
{
    out->has_code = true;
    out->code = failure->code != 0 ? failure->code : ERROR_LOGIN_FAILED;
    out->failure = failure->meaning ? failure : NULL;
}

static void forget_outcome(struct record *out)
{
    out->outcome = OUTCOME_UNKNOWN;
    out->has_code = false;
    out->code = 0;
    out->failure = NULL;
}

/* Whether a message begins as one with the other outcome than it ends with, so that a name has
 * written the one or the other.  Behind a success no reason stands; but a failure may name a
 * database, with any words in it. */
static bool is_mixed(struct slice text, enum outcome outcome, const struct division *division)
{
    static const char reason[] = "'. Reason: ";
    struct division last = divide(text, OUTCOME_UNKNOWN);
    bool known = last.ending < ENDINGS_COUNT;

    if (outcome == OUTCOME_SUCCESS) {
        return (known && endings[last.ending].outcome != OUTCOME_SUCCESS) ||
               (last.quote &&
                memmem(last.quote, (size_t)(text.data + text.len - last.quote), BEGINNING(reason)));
    }
    return outcome == OUTCOME_FAILURE && division->ending == ENDINGS_COUNT && known &&
           last.quote >= division->quote;
}

/* Reads the user's name and what follows it, up to the client; false when the name has no end. */
static bool read_login(struct slice text, struct record *out)
{
    struct division division = divide(text, out->outcome);

    out->user = text;
    if (!division.quote) {
        out->torn = true;
        return false;
    }
    out->user = between(text.data, division.quote);
    out->database = read_database(division.rest);
    if (is_mixed(text, out->outcome, &division)) {
        forget_outcome(out);
        out->torn = true;
    } else if (division.ending < ENDINGS_COUNT) {
        out->outcome = endings[division.ending].outcome;
        if (out->outcome == OUTCOME_FAILURE) {
            set_failure(&endings[division.ending].failure, out);
        }
    }
    return true;
}

static size_t find_message(struct slice text)
{
    size_t which = 0;

    while (which < MESSAGES_COUNT && !begins(text, messages[which].text, messages[which].len)) {
        which++;
    }
    return which;
}

/* Reads the message up to the client, beginning as messages[which] does; false when it names a user
 * without an end.  One that begins like none, in a line without a time, may be the rest of a line
 * that a name with an LF broke: then all before the ending is the name's. */
static bool read_message(struct slice text, size_t which, struct record *out)
{
    if (which == MESSAGES_COUNT) {
        if (out->time_form == RECORD_TIME_NONE) {
            (void)read_login(text, out);
        }
        return true;
    }
    out->outcome = messages[which].outcome;
    if (out->outcome == OUTCOME_FAILURE) {
        set_failure(&messages[which].failure, out);
    }
    return messages[which].subject == SUBJECT_NOBODY ||
           read_login(between(text.data + messages[which].len, text.data + text.len), out);
}

/* A login whose client stands on another line or nowhere; what the line names is the user's. */
static void add_unknown(const char *end, struct record *out)
{
    size_t kept = out->count < RECORD_CANDIDATES_MAX ? out->count : RECORD_CANDIDATES_MAX - 1;

    out->too_many = out->too_many || kept < out->count;
    memmove(&out->candidates[1], &out->candidates[0], kept * sizeof out->candidates[0]);
    out->candidates[0] = (struct candidate){ .host = between(end, end),
                                             .connection_id = RECORD_NO_ID,
                                             .counts = true };
    out->count = kept + 1;
    out->kind = RECORD_CONNECTION;
    out->torn = true;
}

void sqlserver_read(struct slice line, struct record *out)
{
    const char *end = line.data + line.len, *message, *client, *stop;
    bool headed, closed, logon;
    size_t which;

    record_clear(out);
    if (line.len == 0) {
        return;
    }
    message = read_head(line, out, &logon);
    which = find_message(between(message, end));
    client = read_clients(line, out);
    headed = message > line.data;
    if (!client &&
        (!headed || which == MESSAGES_COUNT || messages[which].subject == SUBJECT_NOBODY)) {
        return;
    }
    stop = client ? client : end;
    while (stop > message && is_blank(stop[-1])) {
        stop--;
    }
    closed = stop <= message || read_message(between(message, stop), which, out);
    if (!logon) {
        forget_outcome(out);
    }
    if (headed && (!closed || !client)) {
        add_unknown(end, out);
    }
    for (size_t i = 0; i < out->count; i++) {
        out->candidates[i].operation =
            out->outcome == OUTCOME_FAILURE ? OPERATION_FAILED_CONNECT : OPERATION_CONNECT;
    }
    out->unterminated = out->torn;
    out->dialect = out->time_form == RECORD_TIME_DATED ? SQLSERVER_DIALECT : NULL;
}
