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
#include "filters/redact.h"
#include "storage/alerts.h"

#define MARKS_TEXT_MAX 256

/* What the fields of one finding are made in; the finding points into it. */
struct draft {
    struct finding finding;
    char address[ADDRESS_TEXT_MAX];
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
                               json_object_new_int64(candidate->connection_id));
        json_object_array_add(list, item);
    }
    return list;
}

/* The fields that come from the record. */
static void fill_record(struct draft *draft, const struct hit *hit, const struct origin *origin)
{
    struct finding *finding = &draft->finding;
    const struct record *record = hit->record;
    const struct candidate *candidate = &record->candidates[hit->candidate];

    if (!record_time_ms(record, origin->time_zone, &finding->time)) {
        finding->time = FINDING_NONE;
    }
    finding->operation = text_bytes(operation_name(candidate->operation));
    finding->code = record->has_code ? record->code : FINDING_NONE;
    bool sql = redact_holds_sql(hit->text, record);
    finding->user = slice_bytes(sql ? redact_name(record->user) : record->user);
    finding->host = slice_bytes(candidate->host);
    finding->database = slice_bytes(sql ? (struct slice){ NULL, 0 } : record->database);
    finding->connection_id = candidate->connection_id;
    finding->server = slice_bytes(record->server);
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
                                 .severity = text_bytes(severity_name(hit->severity)),
                                 .time = FINDING_NONE,
                                 .event_time = event->timestamp,
                                 .ingestion_time = event->ingestion_time,
                                 .seen_at = clock_now(),
                                 .verdict = text_bytes(verdict_name(hit->verdict)),
                                 .outcome = text_bytes(outcome_name(hit->outcome)),
                                 .code = FINDING_NONE,
                                 .port = FINDING_NONE,
                                 .connection_id = FINDING_NONE,
                                 .account = optional_bytes(origin->account),
                                 .region = optional_bytes(origin->region),
                                 .log_group = text_bytes(origin->log_group),
                                 .log_stream = event->stream,
                                 .event_id = event->id,
                                 .line = hit->line };
    if (hit->record->kind == RECORD_CONNECTION) {
        fill_record(draft, hit, origin);
    }
    if (finding->event_time == FINDING_NONE) {
        /* A row of a file has no time but its own. */
        finding->event_time = finding->time == FINDING_NONE ? finding->seen_at : finding->time;
    }
    snprintf(line, sizeof line, "%" PRIu32, hit->line);
    /* A file may be written anew under the same name, so there the line's bytes count instead of
     * its number in the event. */
    fingerprint_of(
        (struct store_bytes[]){ text_bytes(origin->identity), event->id,
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

    if (hit->marks & (MARK_AMBIGUOUS | MARK_TAINTED | MARK_FRAGMENT | MARK_UNDECIDED)) {
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

/* Notes a finding for alerts; one that is told or folded already stays as it is.  So what a
 * backfill found and did not tell is told when `run` comes to it. */
static bool note(struct detector *detector, const struct finding *finding, const struct hit *hit,
                 struct store_error *error)
{
    uint8_t key[KIND_KEY_SIZE];
    int64_t open;
    bool told;

    if (!detector->kinds_counted) {
        if (!kinds_open(detector->store, &open, error)) {
            return false;
        }
        detector->coarse = open >= KINDS_OPEN_MAX;
        detector->kinds_counted = true;
    }
    kind_key(finding, hit, detector->coarse, key);
    return alerts_note(detector->store, finding, key, clock_now(), detector->config->fold, &told,
                       error);
}

/* Stores one hit, notes it for alerts, and prints it. */
static bool store_hit(struct detector *detector, const struct detect_event *event,
                      const struct hit *hit, struct draft *draft, struct store_error *error)
{
    struct finding *finding = &draft->finding;
    bool known;

    fill(draft, detector, event, hit);
    finding->quiet = excepted(detector, hit);
    if (!findings_add(detector->store, finding, &known, error)) {
        return false;
    }
    detector->findings++;
    detector->new_findings += !known;
    if (detector->alert && !finding->quiet && !note(detector, finding, hit, error)) {
        return false;
    }
    if (detector->out && !(known && detector->out_new)) {
        finding_write(detector->out, finding, known, detector->out_json);
    }
    return true;
}

bool detect_event(struct detector *detector, const struct detect_event *event,
                  struct store_error *error)
{
    static struct draft draft; /* one thread; too large for the stack of a small container */
    const struct hit *hit;
    bool ok = true;

    detector->events++;
    judge_event(detector->judge, (struct slice){ event->message.data, event->message.len });
    while (ok && (hit = judge_next(detector->judge))) {
        ok = store_hit(detector, event, hit, &draft, error);
        json_object_put(draft.candidates);
    }
    return ok;
}
