/* SPDX-License-Identifier: Apache-2.0 */
/* What messages of PostgreSQL's log say of a connection. */
#include "filters/postgresql_message.h"

#include <string.h>

#define TLS_CLAUSE_MAX 192 /* bytes of " SSL enabled (...)" */

enum when {
    ANYTIME,  /* a FATAL */
    UNNAMED,  /* also a LOG, before the client has said who it is */
    LOGGED_IN /* a FATAL after the password, whose success was logged if logins are */
};

static const struct reason {
    const char *begins;
    const char *ends; /* NULL: any way */
    enum when when;
    struct login_failure failure;
} reasons[] = {
    { "password authentication failed for user ",
      NULL,
      ANYTIME,
      { 0, SEVERITY_MEDIUM, false, "wrong password, or no such user" } },
    { "no pg_hba.conf entry for ",
      NULL,
      ANYTIME,
      { 0, SEVERITY_MEDIUM, false, "no entry of pg_hba.conf lets this client in" } },
    { "pg_hba.conf rejects ",
      NULL,
      ANYTIME,
      { 0, SEVERITY_MEDIUM, false, "an entry of pg_hba.conf keeps this client out" } },
    { "PAM authentication failed for user ",
      NULL,
      ANYTIME,
      { 0, SEVERITY_MEDIUM, false, "the IAM token or PAM password was refused" } },
    { "GSSAPI authentication failed for user ",
      NULL,
      ANYTIME,
      { 0, SEVERITY_MEDIUM, false, "the Kerberos ticket was refused" } },
    { "LDAP authentication failed for user ",
      NULL,
      ANYTIME,
      { 0, SEVERITY_MEDIUM, false, "wrong password, or no such user in the directory" } },
    { "RADIUS authentication failed for user ",
      NULL,
      ANYTIME,
      { 0, SEVERITY_MEDIUM, false, "the RADIUS server refused the password" } },
    { "certificate authentication failed for user ",
      NULL,
      ANYTIME,
      { 0, SEVERITY_MEDIUM, false, "the client's certificate was refused" } },
    { "authentication failed for user ",
      NULL,
      ANYTIME,
      { 0, SEVERITY_MEDIUM, false, "the server does not take this user from there" } },
    { "connection requires a valid client certificate",
      NULL,
      ANYTIME,
      { 0, SEVERITY_MEDIUM, false, "the client has no certificate" } },
    { "empty password returned by client",
      NULL,
      ANYTIME,
      { 0, SEVERITY_MEDIUM, false, "an empty password" } },
    { "role \"", "\" does not exist", ANYTIME, { 0, SEVERITY_MEDIUM, false, "no such user" } },
    { "sorry, too many clients already",
      NULL,
      ANYTIME,
      { 0, SEVERITY_MEDIUM, false,
        "too many connections: an outage, or somebody filling the server" } },
    { "the database system is ",
      NULL,
      ANYTIME,
      { 0, SEVERITY_LOW, false, "the server was starting or stopping" } },
    { "no PostgreSQL user name specified",
      NULL,
      ANYTIME,
      { 0, SEVERITY_LOW, false, "no user was sent: a scan" } },
    { "unsupported frontend protocol",
      NULL,
      ANYTIME,
      { 0, SEVERITY_LOW, false, "the client does not speak this protocol: a scan" } },
    { "invalid startup packet layout",
      NULL,
      ANYTIME,
      { 0, SEVERITY_LOW, false, "the first packet was not that of a database client: a scan" } },
    { "canceling authentication due to timeout",
      NULL,
      ANYTIME,
      { 0, SEVERITY_LOW, false, "the login was not finished in time" } },
    { "expected password response",
      NULL,
      ANYTIME,
      { 0, SEVERITY_LOW, false, "the client broke the login off" } },
    { "invalid value for parameter ",
      NULL,
      ANYTIME,
      { 0, SEVERITY_LOW, false, "the first packet holds a setting that is not one" } },
    { "invalid length of startup packet",
      NULL,
      UNNAMED,
      { 0, SEVERITY_LOW, false, "the first packet was not that of a database client: a scan" } },
    { "incomplete startup packet",
      NULL,
      UNNAMED,
      { 0, SEVERITY_LOW, false,
        "the client went away during its first packet: a scan or a health check" } },
    { "could not accept SSL connection",
      NULL,
      UNNAMED,
      { 0, SEVERITY_LOW, false, "the TLS handshake failed: often a scan" } },
    { "could not accept GSSAPI security context",
      NULL,
      UNNAMED,
      { 0, SEVERITY_LOW, false, "the GSSAPI handshake failed" } },
    { "could not receive data from client",
      NULL,
      UNNAMED,
      { 0, SEVERITY_LOW, false, "the client went away before it said who it is" } },
    { "database \"",
      "\" does not exist",
      LOGGED_IN,
      { 0, SEVERITY_HIGH, true, "there is no such database" } },
    { "database \"",
      NULL,
      LOGGED_IN,
      { 0, SEVERITY_HIGH, true, "the database cannot be connected to" } },
    { "permission denied for database ",
      NULL,
      LOGGED_IN,
      { 0, SEVERITY_HIGH, true, "the user has no right to that database" } },
    { "role \"",
      "\" is not permitted to log in",
      LOGGED_IN,
      { 0, SEVERITY_HIGH, true, "the user may not log in" } },
    { "too many connections for ",
      NULL,
      LOGGED_IN,
      { 0, SEVERITY_HIGH, true, "this user or database has too many connections at once" } },
    { "remaining connection slots are reserved",
      NULL,
      LOGGED_IN,
      { 0, SEVERITY_HIGH, true, "too many connections for any but administrators" } },
    { "must be superuser ",
      NULL,
      LOGGED_IN,
      { 0, SEVERITY_HIGH, true, "only administrators may connect so" } },
    { "permission denied to start WAL sender",
      NULL,
      LOGGED_IN,
      { 0, SEVERITY_HIGH, true, "the user may not replicate" } },
};

/* What only a session writes: its login succeeded, even if that was not logged. */
static const struct {
    enum postgresql_severity severity;
    const char *begins;
    bool encryption; /* it ends with how the connection is encrypted */
    bool ends;
} sessions[] = {
    { POSTGRESQL_LOG, "connection authorized: ", true, false },
    { POSTGRESQL_LOG, "replication connection authorized: ", true, false },
    { POSTGRESQL_LOG, "disconnection: session time: ", false, true },
    { POSTGRESQL_FATAL, "terminating connection due to idle", false, true },
    { POSTGRESQL_LOG, "AUDIT: ", false, false },
    { POSTGRESQL_LOG, "statement: ", false, false },
    { POSTGRESQL_LOG, "execute ", false, false },
    { POSTGRESQL_LOG, "duration: ", false, false },
    { POSTGRESQL_ERROR, "", false, false },
    { POSTGRESQL_STATEMENT, "", false, false },
};

/* How the lines that tell of pg_hba.conf end: PostgreSQL 14 changed the words. */
static const struct {
    const char *ends;
    enum record_encryption encryption;
} endings[] = {
    { ", no encryption", ENCRYPTION_NONE },
    { ", SSL encryption", ENCRYPTION_TLS },
    { ", SSL off", ENCRYPTION_NONE },
    { ", SSL on", ENCRYPTION_TLS },
};

#define APPLICATION_NAME_MAX 63 /* PostgreSQL, NAMEDATALEN less its NUL */

static bool begins(struct slice text, const char *word)
{
    size_t len = strlen(word);

    return text.len >= len && memcmp(text.data, word, len) == 0;
}

static bool ends(struct slice text, const char *word)
{
    size_t len = strlen(word);

    return text.len >= len && memcmp(text.data + text.len - len, word, len) == 0;
}

static struct slice behind(struct slice text, size_t len)
{
    return (struct slice){ text.data + len, text.len - len };
}

/* " SSL enabled (protocol=TLSv1.3, cipher=..., bits=256)" at the very end: the application's name
 * stands before it, so the last such clause is the server's if there is one. */
static bool read_tls(struct slice message, struct postgresql_said *out)
{
    static const char clause[] = " SSL enabled (protocol=", application[] = " application_name=";
    const size_t len = sizeof clause - 1;
    struct slice rest = message;
    const char *name;

    if (!ends(message, ")")) {
        return false;
    }
    /* What is no longer than the application's name can be may all be that. */
    name = memmem(message.data, message.len, application, sizeof application - 1);
    if (name && (size_t)(message.data + message.len - name) <=
                    sizeof application - 1 + APPLICATION_NAME_MAX) {
        return false;
    }
    if (rest.len > TLS_CLAUSE_MAX) {
        rest = behind(rest, rest.len - TLS_CLAUSE_MAX);
    }
    for (size_t at = rest.len > len ? rest.len - len : 0; at > 0; at--) {
        if (begins(behind(rest, at), clause)) {
            struct slice protocol = behind(rest, at + len);
            const char *comma = memchr(protocol.data, ',', protocol.len);

            if (!comma || comma == protocol.data) {
                return false;
            }
            out->encryption = ENCRYPTION_TLS;
            out->tls = (struct slice){ protocol.data, (size_t)(comma - protocol.data) };
            return true;
        }
    }
    return false;
}

/* A login without TLS ends behind its names, or with the application's. */
static void read_encryption(struct slice message, struct slice names, struct postgresql_said *out)
{
    struct slice rest, user, database;
    bool unnamed;

    if (read_tls(message, out) || !begins(message, "connection authorized: user=")) {
        return;
    }
    postgresql_names(names, &user, &database, &unnamed);
    rest = behind(message, strlen("connection authorized: user="));
    if (rest.len < user.len || memcmp(rest.data, user.data, user.len) != 0) {
        return;
    }
    rest = behind(rest, user.len);
    if (!begins(rest, " database=")) {
        return;
    }
    rest = behind(rest, strlen(" database="));
    if (rest.len < database.len || memcmp(rest.data, database.data, database.len) != 0) {
        return;
    }
    rest = behind(rest, database.len);
    if (rest.len == 0 || (begins(rest, " application_name=") && !ends(rest, ")"))) {
        out->encryption = ENCRYPTION_NONE;
    }
}

static void read_failure(const struct postgresql_split *split, struct slice names,
                         struct postgresql_said *out)
{
    bool fatal = split->severity == POSTGRESQL_FATAL, unnamed;
    struct slice user, database;

    if (split->doubtful && !memmem(names.data, names.len, ":  ", 3)) {
        return; /* the server's message holds no such words but those of the names */
    }
    postgresql_names(names, &user, &database, &unnamed);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        const struct reason *reason = &reasons[i];

        if ((fatal || (reason->when == UNNAMED && unnamed)) &&
            begins(split->message, reason->begins) &&
            (!reason->ends || ends(split->message, reason->ends))) {
            out->failure = &reason->failure;
            out->undoes = reason->when == LOGGED_IN;
            break;
        }
    }
    if (!fatal && !out->failure) {
        return;
    }
    out->outcome = OUTCOME_FAILURE;
    out->doubtful = split->doubtful;
    out->ends = true;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (ends(split->message, endings[i].ends)) {
            out->encryption = endings[i].encryption;
        }
    }
}

void postgresql_said(const struct postgresql_split *split, struct slice names,
                     struct postgresql_said *out)
{
    *out = (struct postgresql_said){ .outcome = OUTCOME_UNKNOWN };
    for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++) {
        if (split->severity == sessions[i].severity && begins(split->message, sessions[i].begins)) {
            out->outcome = OUTCOME_SUCCESS;
            out->ends = sessions[i].ends;
            if (sessions[i].encryption) {
                read_encryption(split->message, names, out);
            }
            return;
        }
    }
    if (split->early &&
        (split->severity == POSTGRESQL_FATAL || split->severity == POSTGRESQL_LOG)) {
        read_failure(split, names, out);
    }
}

bool postgresql_received(const struct postgresql_split *split, const struct postgresql_head *head,
                         struct slice *host, bool *agrees)
{
    static const char word[] = "connection received: host=", port[] = " port=";
    struct slice rest;
    const char *space;

    if (split->severity != POSTGRESQL_LOG || !begins(split->message, word)) {
        return false;
    }
    rest = behind(split->message, sizeof word - 1);
    space = memchr(rest.data, ' ', rest.len);
    *host = (struct slice){ rest.data, space ? (size_t)(space - rest.data) : rest.len };
    rest = behind(rest, host->len);
    /* Of %r, "H(P)", the port is what follows the host without its brackets. */
    *agrees = begins(rest, port) && host->len == head->host.len &&
              head->remote.len == host->len + 2 + rest.len - (sizeof port - 1) &&
              memcmp(host->data, head->host.data, host->len) == 0 &&
              memcmp(rest.data + sizeof port - 1, head->remote.data + host->len + 1,
                     rest.len - (sizeof port - 1)) == 0;
    return true;
}
