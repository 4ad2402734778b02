/* SPDX-License-Identifier: Apache-2.0 */
/* Findings out of hits. */
#include "agent/detect.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/finding_output.h"
#include "agent/fingerprint.h"
#include "agent/kind.h"
#include "agent/memory.h"
#include "filters/redact.h"
#include "storage/alerts.h"
#include "storage/readings.h"

#define MARKS_TEXT_MAX   256
#define REASON_TEXT_MAX  256
#define ROW_FINDINGS_MAX RULES_MAX
/* How far apart in time lines of one connection are looked for, and those of one that failed. */
#define ATTEMPT_SPAN (24 * 60 * INT64_C(60000))
#define FAILURE_SPAN (5 * INT64_C(60000))

/* What the fields of one finding are made in; the finding points into it. */
struct draft {
    struct finding finding;
    char address[ADDRESS_TEXT_MAX];
    char offset[24];
    char reason[REASON_TEXT_MAX];
    char marks[MARKS_TEXT_MAX];
    char message[DETECT_MESSAGE_MAX];
    struct json_object *candidates;
};

static struct store_bytes text_bytes(const char *text)
{
    return (struct store_bytes){ text, text ? strlen(text) : 0 };
}

/* A file has neither account nor region: then they are absent, not empty. */
static struct store_bytes optional_bytes(const char *text)
{
    return text_bytes(*text ? text : NULL);
}

static struct store_bytes slice_bytes(struct slice slice)
{
    return (struct store_bytes){ slice.data ? slice.data : "", slice.len };
}

static void write_marks(unsigned marks, char out[static MARKS_TEXT_MAX])
{
    size_t used = 0;

    *out = '\0';
    for (unsigned i = 0; i < MARKS_COUNT; i++) {
        if (marks & (1U << i)) {
            used += (size_t)snprintf(out + used, MARKS_TEXT_MAX - used, "%s%s", used ? " " : "",
                                     mark_name(i));
        }
    }
}

static struct json_object *candidates_json(const struct record *record)
{
    struct json_object *list = json_object_new_array();

    for (size_t i = 0; i < record->count; i++) {
        const struct candidate *candidate = &record->candidates[i];
        struct json_object *item = json_object_new_object();
        json_object_object_add(item, "operation",
                               json_object_new_string(operation_name(candidate->operation)));
        json_object_object_add(
            item, "host",
            finding_json_text((struct store_bytes){ candidate->host.data, candidate->host.len }));
        json_object_object_add(item, "connection_id",
                               finding_json_number(candidate->connection_id == RECORD_NO_ID
                                                       ? FINDING_NONE
                                                       : candidate->connection_id));
        json_object_array_add(list, item);
    }
    return list;
}

static struct store_bytes tls_words(enum record_encryption encryption, struct slice version)
{
    switch (encryption) {
    case ENCRYPTION_TLS:
        return version.len ? slice_bytes(version) : text_bytes("yes");
    case ENCRYPTION_NONE:
        return text_bytes("no");
    case ENCRYPTION_LOCAL:
    case ENCRYPTION_UNKNOWN:
        break;
    }
    return text_bytes(NULL);
}

/* Why an attempt failed, in words for people. */
static struct store_bytes write_reason(const struct login_failure *failure,
                                       char out[static REASON_TEXT_MAX])
{
    if (!failure) {
        return text_bytes(NULL);
    }
    int len = snprintf(out, REASON_TEXT_MAX, "%s%s",
                       failure->password_right ? FINDING_PASSWORD_RIGHT : "", failure->meaning);
    return (struct store_bytes){ out, (size_t)(len < REASON_TEXT_MAX ? len : REASON_TEXT_MAX - 1) };
}

static struct store_bytes optional_slice(struct slice slice)
{
    return (struct store_bytes){ slice.len ? slice.data : NULL, slice.len };
}

/* The fields that come from the record. */
static void fill_record(struct draft *draft, const struct hit *hit)
{
    struct finding *finding = &draft->finding;
    const struct record *record = hit->record;
    const struct candidate *candidate = &record->candidates[hit->candidate];

    finding->operation = text_bytes(operation_name(candidate->operation));
    finding->code = record->has_code ? record->code : FINDING_NONE;
    finding->tls = tls_words(record->encryption, record->tls);
    bool sql = redact_holds_sql(hit->text, record);
    finding->user = slice_bytes(sql ? redact_name(record->user) : record->user);
    finding->host = slice_bytes(candidate->host);
    finding->database = slice_bytes(sql ? (struct slice){ NULL, 0 } : record->database);
    if (candidate->connection_id != RECORD_NO_ID) {
        finding->connection_id = candidate->connection_id;
    }
    finding->port = hit->host.port < 0 ? FINDING_NONE : hit->host.port;
    if (hit->host.kind == HOST_ADDRESS || hit->host.kind == HOST_DERIVED) {
        address_format(&hit->host.address, draft->address);
        finding->address = text_bytes(draft->address);
    }
    if (record->count > 1) {
        size_t len;
        draft->candidates = candidates_json(record);
        const char *text =
            json_object_to_json_string_length(draft->candidates, JSON_C_TO_STRING_PLAIN, &len);
        finding->candidates = (struct store_bytes){ text, len };
    }
}

static void fill(struct draft *draft, const struct detector *detector,
                 const struct detect_event *event, const struct hit *hit)
{
    const struct origin *origin = detector->origin;
    struct finding *finding = &draft->finding;
    const char *rule = rules_name(detector->config->judged, hit->rule);
    char line[16];

    draft->candidates = NULL;
    *finding = (struct finding){ .source = origin->source,
                                 .rule = text_bytes(rule),
                                 .kind = text_bytes(finding_kind_name(hit->kind)),
                                 .severity = text_bytes(severity_name(hit->severity)),
                                 .time = FINDING_NONE,
                                 .event_time = event->timestamp,
                                 .ingestion_time = event->ingestion_time,
                                 .seen_at = clock_now(),
                                 .verdict = text_bytes(verdict_name(hit->verdict)),
                                 .outcome = text_bytes(outcome_name(hit->outcome)),
                                 .reason = write_reason(hit->failure, draft->reason),
                                 .true_client = optional_slice(hit->true_client),
                                 .code = FINDING_NONE,
                                 .port = FINDING_NONE,
                                 .connection_id = FINDING_NONE,
                                 .account = optional_bytes(origin->account),
                                 .region = optional_bytes(origin->region),
                                 .log_group = text_bytes(origin->log_group),
                                 .log_stream = event->stream,
                                 .event_id = event->id,
                                 .line = hit->line };
    if (hit->record->count > 0) {
        fill_record(draft, hit);
    }
    if (hit->record->time_form != RECORD_TIME_NONE) {
        finding->server = slice_bytes(hit->record->server);
    }
    if (!record_time_ms(hit->record, origin->time_zone, &finding->time)) {
        finding->time = FINDING_NONE;
    }
    if (event->offset >= 0) {
        finding->event_id.data = draft->offset;
        finding->event_id.len =
            (size_t)snprintf(draft->offset, sizeof draft->offset, "%" PRId64, event->offset);
    }
    if (finding->event_time == FINDING_NONE) {
        /* A row of a file has no time but its own. */
        finding->event_time = finding->time == FINDING_NONE ? finding->seen_at : finding->time;
    }
    snprintf(line, sizeof line, "%" PRIu32, hit->line);
    /* A file may be written anew under the same name, so there the line's bytes count instead of
     * its number in the event. */
    fingerprint_of(
        (struct store_bytes[]){ text_bytes(origin->identity), finding->event_id,
                                origin->is_file ? slice_bytes(hit->text) : text_bytes(line),
                                text_bytes(rule) },
        4, finding->fingerprint);
    write_marks(hit->marks | (detector->late ? MARK_LATE : 0), draft->marks);
    finding->marks = text_bytes(draft->marks);
    finding->message.data = draft->message;
    finding->message.len =
        redact_message(hit->text, hit->record, draft->message, sizeof draft->message);
}

/* An exception is for a client that is known for certain: in a row that may be forged, the address
 * of an excepted one must not keep the true one quiet. */
static bool excepted(const struct detector *detector, const struct hit *hit)
{
    const struct config_rule *rule = &detector->config->rules[hit->rule];
    bool has_address = hit->host.kind == HOST_ADDRESS || hit->host.kind == HOST_DERIVED;
    struct slice user = hit->record->user;

    if ((hit->marks & MARKS_SUSPECT) != 0 || hit->kind != KIND_CONNECTION) {
        return false;
    }
    for (size_t i = 0; i < rule->except_count; i++) {
        const struct config_except *except = &rule->excepts[i];
        bool address_holds = !except->address ||
                             (has_address && block_contains(except->address, &hit->host.address));
        bool user_holds = !except->user || (hit->record->kind == RECORD_CONNECTION &&
                                            user.len == strlen(except->user) &&
                                            memcmp(user.data, except->user, user.len) == 0);
        if (address_holds && user_holds && (!except->until || clock_now() < except->until)) {
            return true;
        }
    }
    return false;
}

/* What two findings of one alert have in common. */
static bool key_of(struct detector *detector, const struct finding *finding,
                   uint8_t key[static KIND_KEY_SIZE], struct store_error *error)
{
    int64_t open;

    if (!detector->kinds_counted) {
        if (!kinds_open(detector->store, &open, error)) {
            return false;
        }
        detector->coarse = open >= KINDS_OPEN_MAX;
        detector->kinds_counted = true;
    }
    kind_key(finding, detector->coarse, key);
    return true;
}

/* Notes a finding for alerts; one that is told or folded already stays as it is.  So what a
 * backfill found and did not tell is told when `run` comes to it. */
static bool note(struct detector *detector, const struct finding *finding,
                 struct store_error *error)
{
    uint8_t key[KIND_KEY_SIZE];
    bool told;

    return key_of(detector, finding, key, error) &&
           alerts_note(detector->store, finding, key, clock_now(), detector->config->fold, &told,
                       error);
}

static void keep_detected(struct detector *detector, int64_t finding, bool known)
{
    detector->detected = xgrow(detector->detected, &detector->detected_room,
                               detector->detected_count + 1, sizeof *detector->detected);
    detector->detected[detector->detected_count++] =
        (struct detected){ .finding = finding, .event = detector->events, .known = known };
}

static bool is_detected(const struct detector *detector, int64_t finding)
{
    for (size_t i = detector->detected_count; i-- > 0;) {
        if (detector->detected[i].finding == finding) {
            return true;
        }
    }
    return false;
}

static bool is_same(struct store_bytes a, struct store_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Whether a line can be a later one of an attempt in the store.  A process and a port are used
 * again: who has failed is not heard of for long, and neither the user nor what came of it changes.
 */
static bool can_continue(const struct finding *line, const struct finding *attempt)
{
    const struct store_bytes unknown = text_bytes(outcome_name(OUTCOME_UNKNOWN));
    const struct store_bytes failure = text_bytes(outcome_name(OUTCOME_FAILURE));
    int64_t apart = line->event_time - attempt->event_time;

    if (is_same(attempt->outcome, failure) && (apart > FAILURE_SPAN || apart < -FAILURE_SPAN)) {
        return false;
    }
    return (attempt->user.len == 0 || line->user.len == 0 || is_same(attempt->user, line->user)) &&
           (is_same(attempt->outcome, unknown) || is_same(line->outcome, unknown) ||
            is_same(attempt->outcome, line->outcome));
}

/* An attempt whose first lines were read by another window, or before a restart, is in the store
 * already: then this line is a later one of it. */
static bool find_attempt(struct detector *detector, const struct finding *finding, int64_t *out,
                         struct store_error *error)
{
    struct finding other;

    if (!findings_of_connection(detector->store, finding->source, finding->rule,
                                finding->connection_id, finding->host, finding->port,
                                finding->event_time - ATTEMPT_SPAN,
                                finding->event_time + ATTEMPT_SPAN, out, error)) {
        return false;
    }
    if (*out == 0) {
        return true;
    }
    if (!findings_get(detector->store, *out, &other, error)) {
        return false;
    }
    if (memcmp(other.fingerprint, finding->fingerprint, sizeof other.fingerprint) == 0 ||
        !can_continue(finding, &other)) {
        *out = 0; /* it was made of this line when it was read before, or is another attempt */
    }
    return true;
}

/* What a re-read cannot know, and the first reading did: the connection of a change of user, and
 * which ids were in use when a statement quoted a row; and with events left out, whether the rest
 * of a torn row has come. */
static bool was_known_before(const struct detector *detector, const struct detect_event *event,
                             const struct hit *hit)
{
    if (event->again && detector->apart && hit->kind == KIND_FRAGMENT) {
        return true;
    }
    return event->again && hit->kind == KIND_CONNECTION && hit->record->count > 0 &&
           (hit->record->guessed ||
            (hit->host.kind == HOST_EMPTY &&
             hit->record->candidates[hit->candidate].operation == OPERATION_CHANGEUSER));
}

/* The rule of a finding, if it is still configured. */
static const struct config_rule *rule_of(const struct detector *detector,
                                         const struct finding *finding)
{
    for (size_t i = 0; i < rules_count(detector->config->judged); i++) {
        const char *name = rules_name(detector->config->judged, i);
        if (finding->rule.len == strlen(name) &&
            memcmp(finding->rule.data, name, finding->rule.len) == 0) {
            return &detector->config->rules[i];
        }
    }
    return NULL;
}

static unsigned marks_of(const struct finding *finding)
{
    unsigned marks = 0;

    for (unsigned i = 0; i < MARKS_COUNT; i++) {
        if (finding_has_mark(finding, mark_name(i))) {
            marks |= 1U << i;
        }
    }
    return marks;
}

/* Changes one finding as a later line says, unless it says what is known already. */
static bool change_finding(struct detector *detector, int64_t id, const struct hit *hit,
                           struct store_error *error)
{
    const struct change *change = hit->change;
    struct finding finding;
    char marks_text[MARKS_TEXT_MAX], reason[REASON_TEXT_MAX];
    uint8_t key[KIND_KEY_SIZE];
    bool told;

    if (!findings_get(detector->store, id, &finding, error)) {
        return false;
    }
    const struct config_rule *rule = rule_of(detector, &finding);
    unsigned before = marks_of(&finding), marks = before | change->marks;
    bool by_outcome = !rule || rule->severity == SEVERITY_BY_OUTCOME;
    struct finding_change changed = FINDING_UNCHANGED;
    write_marks(marks, marks_text);
    changed.marks = text_bytes(marks_text);
    changed.true_client = optional_slice(change->true_client);
    if (change->outcome != OUTCOME_UNKNOWN) {
        changed.outcome = text_bytes(outcome_name(change->outcome));
        changed.reason = change->failure ? write_reason(change->failure, reason) : text_bytes("");
        changed.user = (struct store_bytes){ change->user.data, change->user.len };
        changed.database = (struct store_bytes){ change->database.data, change->database.len };
        changed.tls = tls_words(change->encryption, change->tls);
    }
    if (by_outcome && (marks & MARKS_SUSPECT) != 0) {
        changed.severity = text_bytes(severity_name(SEVERITY_HIGH));
    } else if (by_outcome && change->outcome != OUTCOME_UNKNOWN) {
        changed.severity = text_bytes(severity_name(hit->severity));
    }
    if (!findings_change(detector->store, id, &changed, error)) {
        return false;
    }
    bool news = change->outcome == OUTCOME_SUCCESS || (marks & ~before & MARK_FORGED) != 0;
    if (!news || !detector->alert || is_detected(detector, id)) {
        return true;
    }
    /* People may have been told of an attempt only: that it succeeded, or never was, is news. */
    return findings_get(detector->store, id, &finding, error) &&
           (finding.quiet || (key_of(detector, &finding, key, error) &&
                              alerts_note_again(detector->store, &finding, key, clock_now(),
                                                detector->config->fold, &told, error)));
}

/* A torn row's rest has come: what was told of it was told too early, unless somebody heard it. */
static bool withdraw(struct detector *detector, int64_t id, struct store_error *error)
{
    bool gone;

    if (!findings_withdraw(detector->store, id, text_bytes(finding_kind_name(KIND_FRAGMENT)), &gone,
                           error)) {
        return false;
    }
    for (size_t i = detector->detected_count; gone && i-- > 0;) {
        if (detector->detected[i].finding == id) {
            detector->findings--;
            detector->new_findings -= !detector->detected[i].known;
            detector->detected_count--;
            memmove(detector->detected + i, detector->detected + i + 1,
                    (detector->detected_count - i) * sizeof *detector->detected);
            return true;
        }
    }
    return true;
}

static bool change_row(struct detector *detector, const struct hit *hit, struct store_error *error)
{
    int64_t ids[ROW_FINDINGS_MAX];

    if (hit->change->withdrawn) {
        return withdraw(detector, hit->change->finding, error);
    }
    size_t count = 0;
    bool ok = findings_of_row(detector->store, hit->change->finding, ids, ROW_FINDINGS_MAX, &count,
                              error);

    for (size_t i = 0; ok && i < count; i++) {
        ok = change_finding(detector, ids[i], hit, error);
    }
    return ok;
}

/* A line that seemed to begin an attempt says more of one that is in the store. */
static bool continue_attempt(struct detector *detector, const struct hit *hit, int64_t attempt,
                             struct store_error *error)
{
    const struct record *record = hit->record;
    struct change change = { .finding = attempt,
                             .marks = hit->marks,
                             .outcome = hit->outcome,
                             .failure = hit->failure,
                             .user = record->user,
                             .database = record->database,
                             .tls = record->tls,
                             .encryption = record->encryption };
    struct hit changing = { .change = &change, .severity = hit->severity };

    return (change.marks == 0 && change.outcome == OUTCOME_UNKNOWN) ||
           change_finding(detector, attempt, &changing, error);
}

/* Stores one hit. */
static bool store_hit(struct detector *detector, const struct detect_event *event,
                      const struct hit *hit, struct draft *draft, struct store_error *error)
{
    struct finding *finding = &draft->finding;
    int64_t attempt = 0;
    bool known;

    if (was_known_before(detector, event, hit)) {
        return true;
    }
    fill(draft, detector, event, hit);
    finding->quiet = excepted(detector, hit);
    if (hit->attempt_continues && finding->connection_id != FINDING_NONE &&
        !find_attempt(detector, finding, &attempt, error)) {
        return false;
    }
    if (attempt != 0) {
        judge_stored(detector->judge, attempt);
        return continue_attempt(detector, hit, attempt, error);
    }
    if (!findings_add(detector->store, finding, &known, error)) {
        return false;
    }
    judge_stored(detector->judge, finding->id);
    detector->findings++;
    detector->new_findings += !known;
    keep_detected(detector, finding->id, known);
    return true;
}

static uint64_t number_of(struct store_bytes name)
{
    return fingerprint_number(FINGERPRINT_NUMBER, name.data, name.len);
}

/* Stores what a hit says. */
static bool take_hit(struct detector *detector, const struct detect_event *event,
                     const struct hit *hit, struct store_error *error)
{
    static struct draft draft; /* one thread; too large for the stack of a small container */

    if (hit->change) {
        return change_row(detector, hit, error);
    }
    draft.candidates = NULL;
    bool ok = store_hit(detector, event, hit, &draft, error);
    json_object_put(draft.candidates);
    return ok;
}

bool detect_event(struct detector *detector, const struct detect_event *event,
                  struct store_error *error)
{
    struct event judged = { .stream = number_of(event->stream),
                            .key = number_of(event->id),
                            .message = { event->message.data, event->message.len },
                            .again = event->again,
                            .apart = detector->apart,
                            .time = event->timestamp,
                            .ingested = event->ingestion_time };
    const struct hit *hit;
    bool ok = true;

    detector->events++;
    judge_event(detector->judge, &judged);
    while (ok && (hit = judge_next(detector->judge))) {
        ok = take_hit(detector, event, hit, error);
    }
    return ok;
}

bool detect_lines(struct detector *detector, struct store_bytes text, uint64_t offset,
                  struct store_error *error)
{
    struct judge_text lines = { .text = { text.data, text.len }, .offset = offset };
    struct detect_event event = { .timestamp = FINDING_NONE, .ingestion_time = FINDING_NONE };
    int64_t before = detector->events;
    const struct hit *hit;
    bool ok = true;

    while (ok && (hit = judge_next_in(detector->judge, &lines))) {
        detector->events = before + lines.events;
        event.message = slice_bytes(lines.line);
        event.offset = (int64_t)(offset + lines.at);
        ok = take_hit(detector, &event, hit, error);
    }
    detector->events = before + lines.events;
    return ok;
}

/* Notes one finding and prints it. */
static bool tell_finding(struct detector *detector, const struct detected *detected,
                         struct store_error *error)
{
    struct finding finding;

    if (!detector->alert && !(detector->out && !(detected->known && detector->out_new))) {
        return true;
    }
    if (!findings_get(detector->store, detected->finding, &finding, error)) {
        return false;
    }
    if (detector->out && !(detected->known && detector->out_new)) {
        finding_write(detector->out, &finding, detected->known, detector->form);
    }
    if (detector->tally) {
        tally_add(detector->tally, &finding);
    }
    return !detector->alert || finding.quiet || note(detector, &finding, error);
}

bool detect_tell(struct detector *detector, int64_t hold, struct store_error *error)
{
    struct judge_seen seen;
    size_t told = 0;

    while (told < detector->detected_count &&
           detector->detected[told].event <= detector->events - hold) {
        if (!tell_finding(detector, &detector->detected[told], error)) {
            return false;
        }
        told++;
    }
    if (told > 0) {
        detector->detected_count -= told;
        memmove(detector->detected, detector->detected + told,
                detector->detected_count * sizeof *detector->detected);
    }
    return !judge_take_seen(detector->judge, &seen) ||
           reading_add(detector->store, detector->origin->source, seen.dialect, seen.in_sql,
                       seen.id_gaps, error);
}

void detect_free(struct detector *detector)
{
    free(detector->detected);
    detector->detected = NULL;
    detector->detected_count = detector->detected_room = 0;
}
