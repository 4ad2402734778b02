/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of SQL Server's error log: "Login failed" and "Login succeeded" (SQL Server documentation,
 * MSSQLSERVER_18456). */
#ifndef TAILGATE_FILTERS_SQLSERVER_H
#define TAILGATE_FILTERS_SQLSERVER_H

#include "filters/record.h"
#include "filters/slice.h"

#define SQLSERVER_DIALECT "SQL Server"

/* Reads one line without its LF.  Every line that names a client, "[CLIENT: X]", is an attempt, and
 * so is the beginning of a login that does not go on to its client: then the line is torn, and a
 * candidate with an empty host stands for it.  No attempt has a connection id.  The code, of what
 * failed, is the number of the message, which the line itself does not print.  Time linear in its
 * length, no allocation; every byte sequence is acceptable input.  Slices in *out point into the
 * line. */
void sqlserver_read(struct slice line, struct record *out);

#endif
