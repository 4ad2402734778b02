/* SPDX-License-Identifier: Apache-2.0 */
/* What the message of a line of PostgreSQL's log says of a connection (PostgreSQL documentation,
 * "Error Reporting and Logging", log_connections, and the messages of the server's own sources).
 * Messages in other languages than English say nothing. */
#ifndef TAILGATE_FILTERS_POSTGRESQL_MESSAGE_H
#define TAILGATE_FILTERS_POSTGRESQL_MESSAGE_H

#include <stdbool.h>

#include "filters/postgresql_line.h"
#include "filters/record.h"

struct postgresql_said {
    enum outcome outcome;                /* OUTCOME_UNKNOWN: nothing */
    const struct login_failure *failure; /* NULL: some FATAL that is not of the table */
    bool undoes;   /* a failure that follows a login whose success was already logged */
    bool doubtful; /* the failure may be text of the application's name, which a client has that
                    * is logged in, rather than of the names: it is one only of an attempt that is
                    * seen not to be */
    bool ends;     /* nothing comes after it but what explains it */
    enum record_encryption encryption;
    struct slice tls;
};

/* `names`: those before the split.  Who has logged in can write any text at severity LOG, so a
 * failure is taken from LOG only while the server knows no names. */
void postgresql_said(const struct postgresql_split *split, struct slice names,
                     struct postgresql_said *out);

/* "connection received: host=H port=P": the host as the message has it, and whether both are those
 * of %r byte for byte, as the server writes them.  False for any other message. */
bool postgresql_received(const struct postgresql_split *split, const struct postgresql_head *head,
                         struct slice *host, bool *agrees);

#endif
