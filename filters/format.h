/* SPDX-License-Identifier: Apache-2.0 */
/* The formats of logs: their names, and how to tell which one a source has. */
#ifndef TAILGATE_FILTERS_FORMAT_H
#define TAILGATE_FILTERS_FORMAT_H

#include <stdbool.h>

#include "filters/slice.h"

enum format {
    FORMAT_AUTO, /* not known: each line is read by how it begins */
    FORMAT_MYSQL,
    FORMAT_POSTGRESQL,
    FORMAT_SQLSERVER,
    FORMAT_ORACLE,
};
#define FORMATS_COUNT 5

/* "auto", "mysql"...; NULL past the last. */
const char *format_name(unsigned index);
bool format_parse(const char *text, enum format *out);

/* By the name of an RDS log group, "/aws/rds/instance/ID/TYPE" or "/aws/rds/cluster/ID/TYPE" (RDS
 * User Guide, "Publishing database logs to Amazon CloudWatch Logs"), where TYPE says it alone, such
 * as "postgresql"; FORMAT_AUTO otherwise ("error" is of MySQL and of SQL Server). */
enum format format_of_log_group(struct slice name);

/* By how a line begins; FORMAT_AUTO when it begins like none.  Time does not grow with the line. */
enum format format_of_line(struct slice line);

#endif
