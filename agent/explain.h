/* SPDX-License-Identifier: Apache-2.0 */
/* How one row was read and judged, for `tailgate explain`: gathered by explain.c, told by the
 * others. */
#ifndef TAILGATE_AGENT_EXPLAIN_H
#define TAILGATE_AGENT_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/config.h"
#include "filters/rule.h"

#define EXPLAIN_ROW_MAX  4096 /* bytes of a row that are shown */
#define EXPLAIN_NAME_MAX 1024 /* and of a name in it, in text */

struct explanation {
    const struct config *config;
    const struct judge *judge;
    int64_t number; /* of the row, from 1: changes speak of earlier rows by it */
    struct slice line;
    bool is_rest; /* of a row that is longer than LINES_LINE_MAX */
    enum format format;
    struct record record;
    const struct reading *reading;
    unsigned marks;
    size_t hit_count;
    struct hit hits[RULES_MAX];
};

/* The row without SQL, cut at EXPLAIN_ROW_MAX; what it is written to is the caller's. */
struct slice explain_row(const struct explanation *explanation, char out[static EXPLAIN_ROW_MAX]);
/* Whether a candidate's host does not stand in the row itself: rows above named it. */
bool explain_from_above(const struct explanation *explanation, size_t candidate);
/* Names of the record's rightmost candidate, without SQL. */
struct slice explain_user(const struct explanation *explanation);
struct slice explain_database(const struct explanation *explanation);

/* Whether the host of a candidate gives an address, which then is set. */
bool explain_address(const struct host *host, const struct record *record, struct address *out);
/* Where a rule sees a candidate; false where it judges none. */
bool explain_verdict(const struct explanation *explanation, size_t rule, size_t candidate,
                     enum verdict *out);

/* Why a hit is a finding, and one of its severity. */
void explain_because(FILE *out, const struct explanation *explanation, const struct hit *hit);
/* Why there is no finding. */
const char *explain_no_finding(const struct explanation *explanation);

/* How a host was understood, as a word and in words for people. */
const char *explain_host_word(enum host_kind kind);
const char *explain_host_meaning(const struct host *host, const struct record *record);

/* Tell a row: as text, or as one JSON object on a line. */
void explain_text_write(FILE *out, const struct explanation *explanation);
void explain_json_write(FILE *out, const struct explanation *explanation);

#endif
