/* SPDX-License-Identifier: Apache-2.0 */
/* The words for severities and outcomes, and the errors of the MySQL family that connections end
 * with. */
#include "filters/failure.h"

#include <stddef.h>
#include <string.h>

static const char *const severity_names[] = { "by-outcome", "low", "medium", "high", "critical" };
static const char *const outcome_names[] = { "unknown", "success", "failure" };

const char *severity_name(enum severity severity)
{
    size_t index = (size_t)severity;

    return index < sizeof severity_names / sizeof *severity_names ? severity_names[index] : NULL;
}

const char *outcome_name(enum outcome outcome)
{
    size_t index = (size_t)outcome;

    return index < sizeof outcome_names / sizeof *outcome_names ? outcome_names[index] : NULL;
}

bool severity_parse(const char *text, enum severity *out)
{
    for (size_t i = 0; i < sizeof severity_names / sizeof *severity_names; i++) {
        if (strcmp(text, severity_names[i]) == 0) {
            *out = (enum severity)i;
            return true;
        }
    }
    return false;
}

static const struct login_failure failures[] = {
    { 1040, SEVERITY_MEDIUM, false,
      "too many connections: an outage, or somebody filling the server" },
    { 1042, SEVERITY_LOW, false, "the client went away right after connecting" },
    { 1043, SEVERITY_LOW, false, "the handshake was not that of a database client" },
    { 1044, SEVERITY_HIGH, true, "the account has no right to that database" },
    { 1045, SEVERITY_MEDIUM, false, "wrong password, or no such account" },
    { 1049, SEVERITY_HIGH, true, "there is no such database" },
    { 1102, SEVERITY_HIGH, true, "the name of the database is not a legal one" },
    { 1129, SEVERITY_LOW, false, "the server blocks this host after too many errors" },
    { 1130, SEVERITY_LOW, false, "no account may connect from this host; no user was sent yet" },
    { 1156, SEVERITY_LOW, false, "packets out of order: a scanner, HTTP or TLS on the port" },
    { 1158, SEVERITY_LOW, false,
      "the client went away during the handshake: a scan or a health check" },
    { 1159, SEVERITY_LOW, false, "the handshake timed out" },
    { 1203, SEVERITY_HIGH, true, "this user has too many connections at once" },
    { 1226, SEVERITY_HIGH, true, "this user's quota is used up" },
    { 1251, SEVERITY_MEDIUM, false, "the client speaks a protocol that is too old" },
    { 1862, SEVERITY_HIGH, true, "the password has expired" },
};

const struct login_failure *login_failure_find(int64_t code)
{
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        if (failures[i].code == code) {
            return &failures[i];
        }
    }
    return NULL;
}
