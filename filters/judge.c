/* SPDX-License-Identifier: Apache-2.0 */
/* Judging one event by all rules.
 * Whatever cannot be decided is told: a line with more candidates than can be kept, a pattern that
 * ran into a limit, a row without a client.  Only a line whose every candidate is known to be
 * inside or local is passed over. */
#include <stdlib.h>
#include <string.h>

#include "filters/login_error.h"
#include "filters/rule_internal.h"

/* Marks of a reading that may be forged or torn. */
#define MARKS_SUSPECT                                                                              \
    (MARK_AMBIGUOUS | MARK_TAINTED | MARK_REPEATED | MARK_FRAGMENT | MARK_UNDECIDED)

struct judge {
    const struct rules *rules;
    struct audit_memory memory;
    struct slice message;
    size_t next;       /* where the next line begins */
    uint32_t line;     /* the one being judged; 0: the event as a whole */
    size_t rule;       /* the next rule to try on it */
    bool single;       /* the message is one line, which is read from the beginning */
    struct slice text; /* of the line read last */
    struct record record;
    struct host hosts[RECORD_CANDIDATES_MAX]; /* of the record's candidates */
    struct hit hit;
};

static const struct record no_record;

struct judge *judge_new(const struct rules *rules)
{
    struct judge *judge = calloc(1, sizeof *judge);

    if (!judge) {
        return NULL;
    }
    judge->memory = AUDIT_MEMORY_NEW;
    judge_use(judge, rules);
    return judge;
}

void judge_free(struct judge *judge)
{
    free(judge);
}

void judge_use(struct judge *judge, const struct rules *rules)
{
    judge->rules = rules;
    judge->message = (struct slice){ NULL, 0 };
    judge->next = 0;
    judge->single = false;
    judge->rule = rules->count;
}

/* Where the line that begins at judge->next ends: at its LF, or with the message. */
static const char *line_end(const struct judge *judge)
{
    const char *begin = judge->message.data + judge->next;
    size_t len = judge->message.len - judge->next;
    const char *end = memchr(begin, '\n', len);

    return end ? end : begin + len;
}

/* Reads the line from judge->next to its end. */
static void read_line(struct judge *judge, const char *end)
{
    const char *begin = judge->message.data + judge->next;

    judge->text = (struct slice){ begin, (size_t)(end - begin) };
    judge->next += judge->text.len + 1;
    record_read(judge->text, &judge->memory, &judge->record);
    for (size_t i = 0; i < judge->record.count; i++) {
        judge->hosts[i] = host_read(judge->record.candidates[i].host);
    }
}

void judge_event(struct judge *judge, struct slice message)
{
    const char *end;

    judge->message = message;
    judge->next = 0;
    judge->line = 0;
    judge->rule = 0;
    judge->single = false;
    if (message.len == 0) {
        return;
    }
    end = line_end(judge);
    judge->single = end >= message.data + message.len - 1;
    if (judge->single) {
        read_line(judge, end);
    }
}

/* Goes on to the next line; false past the last. */
static bool next_line(struct judge *judge)
{
    if (judge->line == 0 && judge->single) {
        judge->line = 1;
    } else if (judge->next < judge->message.len) {
        read_line(judge, line_end(judge));
        judge->line++;
    } else {
        return false;
    }
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

static enum outcome outcome_of(const struct record *record, enum operation operation)
{
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

static enum severity severity_of(const struct hit *hit)
{
    const struct record *record = hit->record;

    if ((hit->marks & MARKS_SUSPECT) != 0) {
        return SEVERITY_HIGH;
    }
    if (record->kind == RECORD_OTHER) {
        return SEVERITY_MEDIUM;
    }
    if (hit->outcome == OUTCOME_FAILURE) {
        const struct login_error *known = record->has_code ? login_error_find(record->code) : NULL;
        return known ? known->severity : SEVERITY_MEDIUM;
    }
    /* MariaDB writes no client for a change of user that succeeded: its own connection was told
     * already. */
    if (record->candidates[hit->candidate].operation == OPERATION_CHANGEUSER &&
        hit->host.kind == HOST_EMPTY) {
        return SEVERITY_LOW;
    }
    if (hit->verdict == VERDICT_INSIDE || hit->verdict == VERDICT_LOCAL) {
        return SEVERITY_MEDIUM;
    }
    return SEVERITY_HIGH;
}

/* Completes a hit whose rule, line, candidate and verdict are known. */
static void fill_hit(struct judge *judge, const struct rule *rule, const struct record *record,
                     bool undecided)
{
    struct hit *hit = &judge->hit;

    hit->rule = (size_t)(rule - judge->rules->items);
    hit->line = judge->line;
    hit->text = judge->line == 0 ? judge->message : judge->text;
    hit->record = record;
    hit->marks = 0;
    hit->outcome = OUTCOME_UNKNOWN;
    hit->host = (struct host){ .kind = HOST_EMPTY, .port = -1 };
    if (record->kind == RECORD_CONNECTION) {
        hit->host = judge->hosts[hit->candidate];
        hit->outcome = outcome_of(record, record->candidates[hit->candidate].operation);
        hit->marks = marks_of(record, &hit->host);
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
    answer = pattern_match(rule->pattern, judge->message);
    if (answer == PATTERN_NO) {
        return false;
    }
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

static bool try_line(struct judge *judge, const struct rule *rule)
{
    enum pattern_answer answer = PATTERN_YES;

    if (rule->outside == 0 || judge->record.kind != RECORD_CONNECTION ||
        !choose(judge, rule->outside)) {
        return false;
    }
    if (rule->pattern) {
        answer = pattern_match(rule->pattern, judge->text);
    }
    if (answer == PATTERN_NO) {
        return false;
    }
    fill_hit(judge, rule, &judge->record, answer == PATTERN_UNDECIDED);
    return true;
}

const struct hit *judge_next(struct judge *judge)
{
    do {
        while (judge->rule < judge->rules->count) {
            const struct rule *rule = &judge->rules->items[judge->rule++];

            if (judge->line == 0 ? try_event(judge, rule) : try_line(judge, rule)) {
                return &judge->hit;
            }
        }
    } while (next_line(judge));
    return NULL;
}
