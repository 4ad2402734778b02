/* SPDX-License-Identifier: Apache-2.0 */
/* Judging one event by all rules.
 * Whatever cannot be decided is told: a line with more candidates than can be kept, a pattern that
 * ran into a limit, a row without a client.  Only a line whose every candidate is known to be
 * inside or local is passed over. */
#include <stdlib.h>
#include <string.h>

#include "filters/reader.h"
#include "filters/rule_internal.h"

struct judge {
    const struct rules *rules;
    bool of_events;    /* whether any rule is applied to whole events */
    size_t suspicions; /* the rule that tells what is suspicious whatever its client: the first with
                        * networks */
    struct reader *reader;
    struct event event;
    size_t next;       /* where the next line begins */
    uint32_t line;     /* the one being judged; 0: the event as a whole */
    size_t change;     /* the next change to tell */
    size_t rule;       /* the next rule to try on it */
    bool single;       /* the message is one line, which is read from the beginning */
    bool idle;         /* and there is nothing to tell of it */
    bool rows;         /* a line read so far holds a row of a connection */
    struct slice text; /* of the line read last */
    struct record record;
    struct reading reading;
    struct host hosts[RECORD_CANDIDATES_MAX]; /* of the record's candidates */
    struct hit hit;
    struct reader_seen seen; /* what was told of it last, in all */
};

static const struct record no_record;

struct judge *judge_new(const struct rules *rules, enum format format)
{
    struct judge *judge = calloc(1, sizeof *judge);

    if (!judge) {
        return NULL;
    }
    judge->reader = reader_new(format);
    if (!judge->reader) {
        judge_free(judge);
        return NULL;
    }
    judge_use(judge, rules);
    return judge;
}

void judge_free(struct judge *judge)
{
    if (judge) {
        reader_free(judge->reader);
        free(judge);
    }
}

void judge_use(struct judge *judge, const struct rules *rules)
{
    judge->rules = rules;
    judge->event.message = (struct slice){ NULL, 0 };
    judge->next = 0;
    judge->single = judge->idle = false;
    judge->rule = rules->count;
    judge->reading.change_count = 0;
    judge->suspicions = rules->count;
    judge->of_events = false;
    for (size_t i = rules->count; i-- > 0;) {
        if (rules->items[i].outside == 0) {
            judge->of_events = true;
        } else {
            judge->suspicions = i;
        }
    }
}

void judge_window(struct judge *judge, bool goes_on)
{
    reader_window(judge->reader, goes_on);
}

/* Where the line that begins at judge->next ends: at its LF, or with the message. */
static const char *line_end(const struct judge *judge)
{
    const char *begin = judge->event.message.data + judge->next;
    size_t len = judge->event.message.len - judge->next;
    const char *end = memchr(begin, '\n', len);

    return end ? end : begin + len;
}

/* Reads the line from judge->next to its end. */
static void read_line(struct judge *judge, const char *end, uint32_t number)
{
    const char *begin = judge->event.message.data + judge->next;

    judge->text = (struct slice){ begin, (size_t)(end - begin) };
    judge->next += judge->text.len + 1;
    reader_read(judge->reader, &judge->event, judge->text, number, &judge->record, &judge->reading);
    judge->rows = judge->rows || judge->record.count > 0;
    if (judge->record.kind == RECORD_CONNECTION || judge->reading.kind != KIND_CONNECTION) {
        for (size_t i = 0; i < judge->record.count; i++) {
            judge->hosts[i] = host_read(judge->record.candidates[i].host);
        }
    }
}

/* Whether a line says nothing that any rule of networks could tell: most do. */
static bool is_idle(const struct judge *judge)
{
    return judge->record.kind == RECORD_OTHER && judge->reading.kind == KIND_CONNECTION &&
           judge->reading.change_count == 0;
}

void judge_event(struct judge *judge, const struct event *event)
{
    struct slice message = event->message;
    const char *end;

    judge->event = *event;
    judge->next = 0;
    judge->line = 0;
    judge->rule = 0;
    judge->single = judge->idle = judge->rows = false;
    judge->change = judge->reading.change_count = 0;
    if (message.len == 0) {
        return;
    }
    end = event->is_line ? message.data + message.len : line_end(judge);
    judge->single = end >= message.data + message.len - 1;
    if (judge->single) {
        read_line(judge, end, 1);
        judge->idle = !judge->of_events && is_idle(judge);
    }
}

/* Goes on to the next line; false past the last. */
static bool next_line(struct judge *judge)
{
    if (judge->line == 0 && judge->single) {
        judge->line = 1;
    } else if (judge->next < judge->event.message.len) {
        read_line(judge, line_end(judge), judge->line + 1);
        judge->line++;
    } else {
        return false;
    }
    judge->change = 0;
    judge->rule = 0;
    return true;
}

static uint64_t all_networks(const struct networks *networks)
{
    size_t count = networks_count(networks);

    return count == 0 ? 0 : UINT64_MAX >> (64 - count);
}

/* Whether a row without a host says that its client came through the server's own socket.  A full
 * server's row says nothing. */
static bool is_socket(const struct record *record)
{
    static const char type[] = "SOCKET";

    return record->count == 1 && record->candidates[0].operation != OPERATION_DISCONNECT &&
           record->connection_type.len == sizeof type - 1 &&
           memcmp(record->connection_type.data, type, sizeof type - 1) == 0;
}

/* Where a client is, as seen from a set of networks. */
static enum verdict verdict_of(const struct judge *judge, uint64_t networks, size_t candidate)
{
    const struct host *host = &judge->hosts[candidate];

    if (judge->record.names_only) {
        return VERDICT_UNRESOLVED;
    }
    switch (host->kind) {
    case HOST_LOCAL:
        return VERDICT_LOCAL;
    case HOST_NAME:
        return VERDICT_UNRESOLVED;
    case HOST_EMPTY:
        return is_socket(&judge->record) ? VERDICT_LOCAL : VERDICT_UNKNOWN;
    case HOST_ADDRESS:
    case HOST_DERIVED:
        break;
    }
    for (size_t i = 0; i < networks_count(judge->rules->networks); i++) {
        if ((networks >> i & 1) != 0 &&
            networks_contains(judge->rules->networks, i, &host->address)) {
            return VERDICT_INSIDE;
        }
    }
    return VERDICT_OUTSIDE;
}

/* Chooses the candidate to tell about, and its verdict: the rightmost that is not known to be
 * inside or local; failing that the rightmost that counts.  True if the line is one to tell. */
static bool choose(struct judge *judge, uint64_t networks)
{
    const struct record *record = &judge->record;
    bool any = false;

    judge->hit.candidate = 0;
    judge->hit.verdict = VERDICT_UNKNOWN;
    for (size_t i = 0; i < record->count; i++) {
        enum verdict verdict;

        if (!record->candidates[i].counts) {
            continue;
        }
        verdict = verdict_of(judge, networks, i);
        if (!any || (verdict != VERDICT_INSIDE && verdict != VERDICT_LOCAL)) {
            judge->hit.candidate = i;
            judge->hit.verdict = verdict;
            any = true;
        }
        if (verdict != VERDICT_INSIDE && verdict != VERDICT_LOCAL) {
            return true;
        }
    }
    if (record->too_many) {
        judge->hit.verdict = VERDICT_UNKNOWN;
    }
    return record->too_many;
}

static enum outcome outcome_of(const struct judge *judge, enum operation operation)
{
    const struct record *record = &judge->record;

    if (reader_format(judge->reader) != FORMAT_MYSQL) {
        return record->outcome;
    }
    if (operation == OPERATION_DISCONNECT && record->has_code && record->code == 0) {
        return OUTCOME_UNKNOWN; /* the end of a session says nothing of its beginning */
    }
    if (operation == OPERATION_FAILED_CONNECT) {
        return OUTCOME_FAILURE;
    }
    if (!record->has_code) {
        return OUTCOME_UNKNOWN;
    }
    return record->code == 0 ? OUTCOME_SUCCESS : OUTCOME_FAILURE;
}

static unsigned marks_of(const struct record *record, const struct host *host)
{
    unsigned marks = 0;

    if (host->kind == HOST_DERIVED) {
        marks |= MARK_DERIVED;
    }
    if (record->count > 1 || record->disguised || record->too_many) {
        marks |= MARK_AMBIGUOUS;
    }
    if (record->time_form == RECORD_TIME_NONE) {
        marks |= MARK_TAINTED;
    }
    if (record->torn) {
        marks |= MARK_FRAGMENT;
    }
    if (record->too_many) {
        marks |= MARK_UNDECIDED;
    }
    return marks;
}

static enum severity severity_of_outcome(enum outcome outcome, const struct login_failure *failure)
{
    if (outcome == OUTCOME_FAILURE) {
        return failure ? failure->severity : SEVERITY_MEDIUM;
    }
    return outcome == OUTCOME_SUCCESS ? SEVERITY_HIGH : SEVERITY_MEDIUM;
}

static enum severity severity_of(const struct hit *hit)
{
    const struct record *record = hit->record;

    if ((hit->marks & MARKS_SUSPECT) != 0 ||
        (hit->kind != KIND_CONNECTION && hit->kind != KIND_PATTERN)) {
        return SEVERITY_HIGH;
    }
    if (record->kind == RECORD_OTHER) {
        return SEVERITY_MEDIUM;
    }
    /* MariaDB writes no client for a change of user that succeeded: its own connection was told
     * already. */
    if (record->candidates[hit->candidate].operation == OPERATION_CHANGEUSER &&
        hit->host.kind == HOST_EMPTY && hit->outcome == OUTCOME_SUCCESS) {
        return SEVERITY_LOW;
    }
    if (hit->outcome == OUTCOME_SUCCESS &&
        (hit->verdict == VERDICT_INSIDE || hit->verdict == VERDICT_LOCAL)) {
        return SEVERITY_MEDIUM;
    }
    return severity_of_outcome(hit->outcome, hit->failure);
}

/* Completes a hit whose rule, kind, line, candidate and verdict are known. */
static void fill_hit(struct judge *judge, const struct rule *rule, const struct record *record,
                     bool undecided)
{
    struct hit *hit = &judge->hit;
    bool of_line = record != &no_record;

    hit->change = NULL;
    hit->rule = (size_t)(rule - judge->rules->items);
    hit->line = judge->line;
    hit->text = judge->line == 0 ? judge->event.message : judge->text;
    hit->record = record;
    hit->marks = of_line ? judge->reading.marks : 0;
    hit->true_client = of_line ? judge->reading.true_client : (struct slice){ NULL, 0 };
    hit->attempt_continues = of_line && judge->reading.attempt_continues;
    hit->outcome = OUTCOME_UNKNOWN;
    hit->failure = NULL;
    hit->host = (struct host){ .kind = HOST_EMPTY, .port = -1 };
    if (record->count > 0) {
        hit->host = judge->hosts[hit->candidate];
        if (record->port >= 0) {
            hit->host.port = record->port;
        }
        hit->outcome = outcome_of(judge, record->candidates[hit->candidate].operation);
        hit->failure = hit->outcome == OUTCOME_FAILURE ? record->failure : NULL;
        hit->marks |= marks_of(record, &hit->host);
    }
    if (undecided) {
        hit->marks |= MARK_UNDECIDED;
    }
    hit->severity = rule->severity != SEVERITY_BY_OUTCOME ? rule->severity : severity_of(hit);
}

static bool try_event(struct judge *judge, const struct rule *rule)
{
    const struct record *record = &no_record;
    enum pattern_answer answer;

    if (rule->outside != 0) {
        return false;
    }
    answer = pattern_match(rule->pattern, judge->rules->scratch, judge->event.message);
    if (answer == PATTERN_NO) {
        return false;
    }
    judge->hit.kind = KIND_PATTERN;
    judge->hit.candidate = 0;
    judge->hit.verdict = VERDICT_UNKNOWN;
    if (judge->single && judge->record.kind == RECORD_CONNECTION) {
        uint64_t networks = all_networks(judge->rules->networks);

        record = &judge->record;
        (void)choose(judge, networks);
        if (networks == 0) {
            judge->hit.verdict = VERDICT_UNKNOWN;
        }
    }
    fill_hit(judge, rule, record, answer == PATTERN_UNDECIDED);
    return true;
}

/* What is suspicious whatever its client is told once, by the first rule with networks and without
 * regard to its pattern: what a torn row lacks cannot match. */
static bool try_suspicion(struct judge *judge, const struct rule *rule)
{
    if (judge->reading.kind == KIND_CONNECTION ||
        (size_t)(rule - judge->rules->items) != judge->suspicions) {
        return false;
    }
    judge->hit.kind = judge->reading.kind;
    (void)choose(judge, rule->outside);
    if (judge->record.kind != RECORD_CONNECTION && judge->record.count > 0) {
        judge->hit.verdict = verdict_of(judge, rule->outside, 0);
    }
    fill_hit(judge, rule, &judge->record, false);
    return true;
}

static bool try_line(struct judge *judge, const struct rule *rule)
{
    enum pattern_answer answer = PATTERN_YES;

    if (rule->outside == 0) {
        return false;
    }
    if (judge->record.kind != RECORD_CONNECTION || !choose(judge, rule->outside)) {
        return try_suspicion(judge, rule);
    }
    if (rule->pattern) {
        answer = pattern_match(rule->pattern, judge->rules->scratch, judge->text);
    }
    if (answer == PATTERN_NO) {
        return try_suspicion(judge, rule);
    }
    judge->hit.kind = KIND_CONNECTION;
    fill_hit(judge, rule, &judge->record, answer == PATTERN_UNDECIDED);
    return true;
}

static const struct hit *tell_change(struct judge *judge, const struct change *change)
{
    judge->hit.change = change;
    judge->hit.severity = severity_of_outcome(change->outcome, change->failure);
    return &judge->hit;
}

const struct hit *judge_next(struct judge *judge)
{
    if (judge->idle) {
        return NULL;
    }
    do {
        if (judge->line > 0 && judge->change < judge->reading.change_count) {
            return tell_change(judge, &judge->reading.changes[judge->change++]);
        }
        while (judge->rule < judge->rules->count) {
            const struct rule *rule = &judge->rules->items[judge->rule++];

            if (judge->line == 0 ? try_event(judge, rule) : try_line(judge, rule)) {
                return &judge->hit;
            }
        }
    } while (next_line(judge));
    return NULL;
}

/* Finds the next line of a text, past statements, of which no rule of networks can tell anything.
 * False at the end of the text. */
static bool find_line(struct judge *judge, struct judge_text *text)
{
    struct slice rest = { text->text.data + text->next, text->text.len - text->next };
    const char *newline = NULL;

    if (!judge->of_events) {
        size_t passed = reader_skip(judge->reader, text->stream, rest, &text->events, &newline);

        rest = (struct slice){ rest.data + passed, rest.len - passed };
        text->next += passed;
    }
    if (rest.len == 0) {
        return false;
    }
    if (!newline) {
        newline = memchr(rest.data, '\n', rest.len);
    }
    text->at = text->next;
    text->line = (struct slice){ rest.data, newline ? (size_t)(newline - rest.data) : rest.len };
    text->next = text->at + text->line.len + (newline != NULL);
    text->events++;
    return true;
}

const struct hit *judge_next_in(struct judge *judge, struct judge_text *text)
{
    const struct hit *hit = text->begun ? judge_next(judge) : NULL;

    while (!hit) {
        struct event event = { .stream = text->stream,
                               .is_line = true,
                               .time = EVENT_TIME_NONE,
                               .ingested = EVENT_TIME_NONE };

        text->begun = find_line(judge, text);
        if (!text->begun) {
            return NULL;
        }
        event.key = text->offset + text->at;
        event.message = text->line;
        judge_event(judge, &event);
        hit = judge_next(judge);
    }
    return hit;
}

void judge_stored(struct judge *judge, int64_t finding)
{
    int64_t *slot = judge->reading.slot;

    if (judge->line > 0 && slot && *slot == 0) {
        *slot = finding;
    }
}

bool judge_heard(const struct judge *judge, struct slice *server)
{
    struct slice line = judge->event.message;
    const char *end;

    if (line.len == 0 || (judge->reading.marks & MARKS_SUSPECT) != 0) {
        return false;
    }
    if (!judge->single && (end = memchr(line.data, '\n', line.len)) != NULL) {
        line.len = (size_t)(end - line.data);
    }
    return reader_server(judge->reader, line, server);
}

bool judge_has_rows(const struct judge *judge)
{
    return judge->rows;
}

void judge_look(const struct judge *judge, struct judge_view *out)
{
    *out = (struct judge_view){ reader_format(judge->reader), &judge->record, &judge->reading,
                                judge->hosts };
}

enum verdict judge_verdict(const struct judge *judge, size_t rule, size_t candidate)
{
    return verdict_of(judge, judge->rules->items[rule].outside, candidate);
}

bool judge_take_seen(struct judge *judge, struct judge_seen *out)
{
    struct reader_seen now;

    reader_seen(judge->reader, &now);
    *out =
        (struct judge_seen){ now.dialect != judge->seen.dialect ? now.dialect : NULL,
                             now.in_sql - judge->seen.in_sql, now.id_gaps - judge->seen.id_gaps };
    judge->seen = now;
    return out->dialect || out->in_sql != 0 || out->id_gaps != 0;
}
