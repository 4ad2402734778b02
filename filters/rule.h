/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, and the judging of one event by them.
 * With networks ("outside") a rule judges line by line: the line's record must be a connection
 * whose client is outside all of them, and the pattern, if there is one, must match that line.  A
 * pattern alone is applied to the whole event, as the service does. */
#ifndef TAILGATE_FILTERS_RULE_H
#define TAILGATE_FILTERS_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/host.h"
#include "filters/network.h"
#include "filters/record.h"
#include "filters/slice.h"

#define RULES_MAX     256
#define RULE_NAME_MAX 64 /* bytes; letters, digits, '-', '_', '.' */

enum severity {
    SEVERITY_BY_OUTCOME,
    SEVERITY_LOW,
    SEVERITY_MEDIUM,
    SEVERITY_HIGH,
    SEVERITY_CRITICAL
};
enum verdict {
    VERDICT_INSIDE,
    VERDICT_OUTSIDE,
    VERDICT_LOCAL,
    VERDICT_UNRESOLVED,
    VERDICT_UNKNOWN
};
enum outcome { OUTCOME_UNKNOWN, OUTCOME_SUCCESS, OUTCOME_FAILURE };

/* Names as in JSON and in the store, such as "high" ("by-outcome" for that one); NULL past the
 * last. */
const char *severity_name(enum severity severity);
const char *verdict_name(enum verdict verdict);
const char *outcome_name(enum outcome outcome);
bool severity_parse(const char *text, enum severity *out);

/* Marks: how sure a reading is.  A set of bits; mark_name gives the word of one bit, NULL for a bit
 * that has none. */
enum mark {
    MARK_DERIVED = 1 << 0,   /* the address was decoded from a host name of the VPC resolver */
    MARK_AMBIGUOUS = 1 << 1, /* the line reads as more than one connection */
    MARK_TAINTED = 1 << 2,   /* the line before it on the stream was not terminated */
    MARK_REPEATED = 1 << 3,
    MARK_FRAGMENT = 1 << 4,  /* the line ends before its record does */
    MARK_UNDECIDED = 1 << 5, /* a pattern or the parser ran into a limit */
    MARK_LATE = 1 << 6,      /* seen only by a re-read */
};
#define MARKS_COUNT 7
const char *mark_name(unsigned index);

struct rule_spec {
    const char *name;
    const char *filter;         /* NULL: none */
    const char *const *outside; /* names of networks */
    size_t outside_count;       /* 0: a text rule */
    enum severity severity;     /* SEVERITY_BY_OUTCOME unless the user set it */
};

enum rule_part { RULE_PART_NAME, RULE_PART_FILTER, RULE_PART_OUTSIDE };
struct rule_error {
    enum rule_part part; /* which part of the spec is wrong */
    size_t index;        /* which entry of outside, for RULE_PART_OUTSIDE */
    size_t offset;       /* byte of the filter, for RULE_PART_FILTER */
    char text[320];
};

/* Rules, in the order they were added.  The networks are borrowed and must outlive the rules. */
struct rules;
struct rules *rules_new(const struct networks *networks);
void rules_free(struct rules *rules);
bool rules_add(struct rules *rules, const struct rule_spec *spec, struct rule_error *error);
size_t rules_count(const struct rules *rules);
const char *rules_name(const struct rules *rules, size_t index);

/* What a rule found in an event.  Slices point into the event's message. */
struct hit {
    size_t rule;
    uint32_t line;               /* of the event, from 1; 0: the event as a whole */
    struct slice text;           /* that line, or the message */
    const struct record *record; /* of that line; kind RECORD_OTHER when there is none */
    /* Index into record->candidates of the one told about: the rightmost that is outside, or else
     * the rightmost that counts.  Meaningless for RECORD_OTHER. */
    size_t candidate;
    struct host host; /* of that candidate */
    enum verdict verdict;
    enum outcome outcome;
    enum severity severity;
    unsigned marks;
};

/* The judge of one source: the rules (borrowed), what it remembers of the source, and room to work
 * in. */
struct judge;
struct judge *judge_new(const struct rules *rules);
void judge_free(struct judge *judge);
/* Other rules from now on (a reload); what is remembered of the source stays. */
void judge_use(struct judge *judge, const struct rules *rules);

/* Begins an event; the message is borrowed until the last judge_next. */
void judge_event(struct judge *judge, struct slice message);
/* The next hit, in the order of lines and then of rules, or NULL.  It is valid until the next call.
 * No allocation. */
const struct hit *judge_next(struct judge *judge);

#endif
