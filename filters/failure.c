/* SPDX-License-Identifier: Apache-2.0 */
/* The table of errors that connections end with. */
#include "filters/login_error.h"

#include <stddef.h>

static const struct login_error errors[] = {
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

const struct login_error *login_error_find(int64_t code)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        if (errors[i].code == code) {
            return &errors[i];
        }
    }
    return NULL;
}
