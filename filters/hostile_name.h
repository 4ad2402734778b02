/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that make a name which can forge or hide rows of the audit log later: a database or
 * account whose name holds a comma, a quote, CR, LF, or the middle of a connection row. */
#ifndef TAILGATE_FILTERS_HOSTILE_NAME_H
#define TAILGATE_FILTERS_HOSTILE_NAME_H

#include <stdbool.h>

#include "filters/slice.h"

/* Whether a row of the MySQL family is a QUERY that makes such a name: CREATE DATABASE or SCHEMA,
 * CREATE USER or ROLE, RENAME USER, GRANT.  The text is as server_audit writes it, with its escapes
 * (or with blanks for line ends, as older plugins do).  *name, if not NULL: the name as it stands
 * in the line.  Time linear, no allocation; a line that is no such row costs a search for one
 * byte. */
bool hostile_name_find(struct slice line, struct slice *name);

/* Whether a statement, as a QUERY has it, begins as one of those can: most begin otherwise, as
 * SELECT does.  A quick look at its first letters; without a statement (NULL) nobody knows. */
bool hostile_name_possible(struct slice statement);

#endif
