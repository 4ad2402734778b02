/* SPDX-License-Identifier: Apache-2.0 */
/* How attempts end, and what the reasons of those that failed mean. */
#ifndef TAILGATE_FILTERS_FAILURE_H
#define TAILGATE_FILTERS_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

enum severity {
    SEVERITY_BY_OUTCOME,
    SEVERITY_LOW,
    SEVERITY_MEDIUM,
    SEVERITY_HIGH,
    SEVERITY_CRITICAL
};

enum outcome { OUTCOME_UNKNOWN, OUTCOME_SUCCESS, OUTCOME_FAILURE };

/* Names as in JSON and in the store, such as "high" ("by-outcome" for that one); NULL past the
 * last. */
const char *severity_name(enum severity severity);
const char *outcome_name(enum outcome outcome);
bool severity_parse(const char *text, enum severity *out);

/* One reason.  Those of the MySQL family are found by code; other formats keep tables of their own,
 * with the words they are known by. */
struct login_failure {
    int32_t code;           /* of the server, 0 where it has none */
    enum severity severity; /* of such an attempt from outside */
    bool password_right;    /* the server only refuses so once the password was accepted */
    const char *meaning;    /* static words for people */
};

/* MySQL "Server Error Message Reference", MariaDB "Error Codes".  NULL for a code that says nothing
 * particular: medium, as somebody tried a user. */
const struct login_failure *login_failure_find(int64_t code);

#endif
