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

#include "filters/event.h"
#include "filters/failure.h"
#include "filters/format.h"
#include "filters/host.h"
#include "filters/network.h"
#include "filters/reading.h"
#include "filters/record.h"
#include "filters/slice.h"

#define RULES_MAX     256
#define RULE_NAME_MAX 64 /* bytes; letters, digits, '-', '_', '.' */

enum verdict {
    VERDICT_INSIDE,
    VERDICT_OUTSIDE,
    VERDICT_LOCAL,
    VERDICT_UNRESOLVED,
    VERDICT_UNKNOWN
};
const char *
verdict_name(enum verdict verdict); /* as in JSON and in the store; NULL past the last */

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

/* What a rule found in an event, or what a line says of a finding made of an earlier one.  Slices
 * point into the event's message or into the judge, and are valid until the next call. */
struct hit {
    const struct change *change; /* not NULL: only this and `severity` count, and nothing is new */
    size_t rule;
    enum finding_kind kind;
    uint32_t line;               /* of the event, from 1; 0: the event as a whole */
    struct slice text;           /* that line, or the message */
    const struct record *record; /* of that line; kind RECORD_OTHER when there is none */
    /* Index into record->candidates of the one told about: the rightmost that is outside, or else
     * the rightmost that counts.  Meaningless for RECORD_OTHER. */
    size_t candidate;
    struct host host; /* of that candidate */
    enum verdict verdict;
    enum outcome outcome;
    const struct login_failure *failure; /* why, or NULL */
    enum severity severity;
    unsigned marks;
    struct slice true_client; /* of a row that is forged, if the log shows it; else empty */
    bool attempt_continues;   /* reading.h */
};

/* The judge of one source: the rules (borrowed), the format of its lines, what it remembers of
 * them, and room to work in. */
struct judge;
struct judge *judge_new(const struct rules *rules, enum format format);
void judge_free(struct judge *judge);
/* Other rules from now on (a reload); what is remembered of the source stays. */
void judge_use(struct judge *judge, const struct rules *rules);

/* The next event does not follow the last one: another window is read.  `goes_on`: it begins before
 * the end of the last one, so only what lines say of their neighbours is forgotten. */
void judge_window(struct judge *judge, bool goes_on);
/* Begins an event; the message is borrowed until the last judge_next. */
void judge_event(struct judge *judge, const struct event *event);
/* The next hit, in the order of lines, changes before what is new, and then of rules; or NULL.  No
 * allocation. */
const struct hit *judge_next(struct judge *judge);

/* The lines of a text, as a file has them: each is an event of its own, whose key is its place.
 * Zeroed but for the first three. */
struct judge_text {
    struct slice text; /* the last line may lack its LF */
    uint64_t offset;   /* of the text in its file */
    uint64_t stream;
    struct slice line; /* the one that the last hit is of */
    size_t at;         /* where it begins */
    size_t next;       /* where the next one does */
    int64_t events;    /* begun so far */
    bool begun;
};
/* The next hit of a text; NULL when all of it is judged. */
const struct hit *judge_next_in(struct judge *judge, struct judge_text *text);

/* The caller's number, not 0, of what it made of the last hit: later lines may change it. */
void judge_stored(struct judge *judge, int64_t finding);

/* Whether the last event, all of which has been judged, shows that its server lives, and the name
 * that it gives the server; empty where rows of its format name none.  A row that is torn, or that
 * the rows around it show to be forged, shows nothing.  The slice points into the message. */
bool judge_heard(const struct judge *judge, struct slice *server);

/* Whether the last event, all of which has been judged, holds a row of a connection or of its end:
 * every such event passes service_filter. */
bool judge_has_rows(const struct judge *judge);

/* How the line read last was read, for `explain`: valid until the next judge_next. */
struct judge_view {
    enum format format;
    const struct record *record;
    const struct reading *reading;
    const struct host *hosts; /* of the record's candidates */
};
void judge_look(const struct judge *judge, struct judge_view *out);
/* Where a rule of networks sees a candidate of that line. */
enum verdict judge_verdict(const struct judge *judge, size_t rule, size_t candidate);

/* What was seen of the source beside hits since this was asked last; false: nothing new. */
struct judge_seen {
    const char *dialect; /* what writes its lines, in words for people; NULL: as before */
    int64_t in_sql;      /* candidates in the text of statements, not told */
    int64_t id_gaps; /* connection ids that no row was seen of; less than 0 when rows came late */
};
bool judge_take_seen(struct judge *judge, struct judge_seen *out);

#endif
