/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of Oracle's listener log (Oracle Net Services Administrator's Guide, "Analyzing Listener
 * Log Files"). */
#ifndef TAILGATE_FILTERS_ORACLE_H
#define TAILGATE_FILTERS_ORACLE_H

#include "filters/record.h"
#include "filters/slice.h"

#define ORACLE_DIALECT "Oracle listener"

/* Reads one line without its LF.  Every line with a client's address is an attempt; the client's
 * connect data and the service it asks for can hold more such addresses, and all of them are
 * candidates.  The user is that of the client's own machine, as the client says.  The code is that
 * of the listener, who hands clients over (0, outcome unknown: the listener sees no password) or
 * refuses them.  No attempt has a connection id.  Time linear in its length, no allocation; every
 * byte sequence is acceptable input.  Slices in *out point into the line. */
void oracle_read(struct slice line, struct record *out);

#endif
