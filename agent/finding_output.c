/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as JSON, as CSV and as text. */
#include "agent/finding_output.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "agent/escape.h"
#include "agent/fingerprint.h"
#include "agent/times.h"
#include "filters/reading.h"

struct json_object *finding_json_text(struct store_bytes bytes)
{
    return bytes.data ? json_object_new_string_len(bytes.data, (int)bytes.len) : NULL;
}

struct json_object *finding_json_number(int64_t number)
{
    return number == FINDING_NONE ? NULL : json_object_new_int64(number);
}

struct json_object *finding_json_time(int64_t ms)
{
    char text[TIME_TEXT_MAX];

    return ms == FINDING_NONE ? NULL : json_object_new_string(time_format(ms, text));
}

/* Words with blanks between, as a list. */
static struct json_object *words(struct store_bytes bytes)
{
    struct json_object *list = json_object_new_array();
    const char *p = bytes.data, *end = p ? p + bytes.len : p;

    while (p < end) {
        const char *blank = memchr(p, ' ', (size_t)(end - p));
        const char *stop = blank ? blank : end;
        json_object_array_add(list, json_object_new_string_len(p, (int)(stop - p)));
        p = blank ? blank + 1 : end;
    }
    return list;
}

/* What a later line may have taken back: empty is as good as absent. */
static struct json_object *filled(struct store_bytes bytes)
{
    return bytes.len > 0 ? finding_json_text(bytes) : NULL;
}

static struct json_object *candidates(struct store_bytes bytes)
{
    struct json_tokener *tokener = bytes.data ? json_tokener_new() : NULL;
    struct json_object *list = NULL;

    if (tokener) {
        list = json_tokener_parse_ex(tokener, bytes.data, (int)bytes.len);
        json_tokener_free(tokener);
    }
    return list ? list : json_object_new_array();
}

struct store_bytes finding_kind_word(const struct finding *finding)
{
    const char *word =
        finding_kind_name(finding->operation.len > 0 ? KIND_CONNECTION : KIND_PATTERN);

    return finding->kind.data ? finding->kind : (struct store_bytes){ word, strlen(word) };
}

bool finding_word_is(struct store_bytes word, const char *text)
{
    return word.len == strlen(text) && memcmp(word.data ? word.data : "", text, word.len) == 0;
}

enum form { FORM_TEXT, FORM_NUMBER, FORM_TIME, FORM_WORDS, FORM_FILLED, FORM_KIND };

#define FIELD(name, form, member)                                                                  \
    {                                                                                              \
        name, form, offsetof(struct finding, member)                                               \
    }

/* The fields in the order they are shown; the manual promises their names. */
static const struct field {
    const char *name;
    enum form form;
    size_t offset;
} fields[] = {
    FIELD("kind", FORM_KIND, kind),
    FIELD("rule", FORM_TEXT, rule),
    FIELD("severity", FORM_TEXT, severity),
    FIELD("time", FORM_TIME, time),
    FIELD("event_time", FORM_TIME, event_time),
    FIELD("ingestion_time", FORM_TIME, ingestion_time),
    FIELD("verdict", FORM_TEXT, verdict),
    FIELD("operation", FORM_TEXT, operation),
    FIELD("outcome", FORM_TEXT, outcome),
    FIELD("code", FORM_NUMBER, code),
    FIELD("reason", FORM_FILLED, reason),
    FIELD("user", FORM_TEXT, user),
    FIELD("host", FORM_TEXT, host),
    FIELD("address", FORM_TEXT, address),
    FIELD("port", FORM_NUMBER, port),
    FIELD("database", FORM_TEXT, database),
    FIELD("tls", FORM_TEXT, tls),
    FIELD("connection_id", FORM_NUMBER, connection_id),
    FIELD("server", FORM_TEXT, server),
    FIELD("account", FORM_TEXT, account),
    FIELD("region", FORM_TEXT, region),
    FIELD("log_group", FORM_TEXT, log_group),
    FIELD("log_stream", FORM_TEXT, log_stream),
    FIELD("event_id", FORM_TEXT, event_id),
    FIELD("line", FORM_NUMBER, line),
    FIELD("marks", FORM_WORDS, marks),
    FIELD("true_client", FORM_TEXT, true_client),
};

static struct json_object *field_json(const struct finding *finding, const struct field *field)
{
    const void *value = (const char *)finding + field->offset;

    switch (field->form) {
    case FORM_TEXT:
        return finding_json_text(*(const struct store_bytes *)value);
    case FORM_NUMBER:
        return finding_json_number(*(const int64_t *)value);
    case FORM_TIME:
        return finding_json_time(*(const int64_t *)value);
    case FORM_WORDS:
        return words(*(const struct store_bytes *)value);
    case FORM_FILLED:
        return filled(*(const struct store_bytes *)value);
    case FORM_KIND:
        return finding_json_text(finding_kind_word(finding));
    }
    return NULL;
}

struct json_object *finding_json(const struct finding *finding, bool known)
{
    struct json_object *object = json_object_new_object();
    char id[FINGERPRINT_TEXT_MAX];

    fingerprint_text(finding->fingerprint, id);
    json_object_object_add(object, "type", json_object_new_string("finding"));
    json_object_object_add(object, "id", json_object_new_string(id));
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        json_object_object_add(object, fields[i].name, field_json(finding, &fields[i]));
    }
    if (finding->candidates.data) {
        json_object_object_add(object, "candidates", candidates(finding->candidates));
    }
    json_object_object_add(object, "known", json_object_new_boolean(known));
    json_object_object_add(object, "message", finding_json_text(finding->message));
    if (finding->alert_id.data) {
        json_object_object_add(object, "alert", finding_json_text(finding->alert_id));
        json_object_object_add(object, "alert_sent", finding_json_time(finding->alert_sent_at));
    }
    return object;
}

static void put(FILE *out, const char *before, struct store_bytes bytes, const char *otherwise)
{
    fputs(before, out);
    if (bytes.len) {
        escape_write(out, bytes.data, bytes.len);
    } else {
        fputs(otherwise, out);
    }
}

/* What the row says of a connection: operation, how it ended, user, client, database, server. */
static void write_connection(FILE *out, const struct finding *finding)
{
    put(out, "  ", finding->operation, "");
    if (finding->code != FINDING_NONE) {
        fprintf(out, " %" PRId64, finding->code);
    } else if (finding->outcome.len) {
        put(out, " ", finding->outcome, "");
    }
    if (finding->reason.len) {
        put(out, " (", finding->reason, "");
        fputc(')', out);
    }
    put(out, "  ", finding->user, "(no user)");
    put(out, " from ", finding->host, "(no host)");
    put(out, " to ", finding->database, "(no database)");
    put(out, " on ", finding->server, "(no server)");
    if (finding->connection_id != FINDING_NONE) {
        fprintf(out, " id %" PRId64, finding->connection_id);
    }
    if (finding->tls.len) {
        put(out, " tls ", finding->tls, "");
    }
}

/* time severity verdict kind connection (or the row), true client, rule, marks, alert */
static void write_text(FILE *out, const struct finding *finding, bool known)
{
    struct store_bytes kind = finding_kind_word(finding);
    char time[TIME_TEXT_MAX];

    fprintf(out, "%s",
            time_format(finding->time == FINDING_NONE ? finding->event_time : finding->time, time));
    put(out, "  ", finding->severity, "-");
    put(out, "  ", finding->verdict, "-");
    if (!finding_word_is(kind, finding_kind_name(KIND_CONNECTION))) {
        put(out, "  ", kind, "");
    }
    if (finding->operation.len) {
        write_connection(out, finding);
    } else {
        put(out, "  ", finding->message, "");
    }
    if (finding->true_client.len) {
        put(out, "  written by ", finding->true_client, "");
    }
    put(out, "  rule ", finding->rule, "-");
    if (finding->marks.len) {
        put(out, "  [", finding->marks, "");
        fputc(']', out);
    }
    if (finding->alert_id.data) {
        fprintf(out, "  alert %.*s%s", finding->alert_id.len < 12 ? (int)finding->alert_id.len : 12,
                finding->alert_id.data, finding->alert_sent_at == FINDING_NONE ? " (waits)" : "");
    }
    fputs(known ? "\n" : "  new\n", out);
}

static void write_json(FILE *out, const struct finding *finding, bool known)
{
    struct json_object *object = finding_json(finding, known);

    escape_write_json(out, object);
    fputc('\n', out);
    json_object_put(object);
}

/* A text in quotes.  Spreadsheets take what begins with certain characters for a formula, and
 * strangers choose user names: an apostrophe before it makes it a text (OWASP, "CSV Injection"). */
static void put_cell(FILE *out, struct store_bytes bytes)
{
    const char *p = bytes.data, *end = p ? p + bytes.len : p;

    fputs(p < end && *p != '\0' && strchr("=+-@", *p) ? "\"'" : "\"", out);
    while (p < end) {
        const char *quote = memchr(p, '"', (size_t)(end - p));
        const char *stop = quote ? quote : end;

        escape_write(out, p, (size_t)(stop - p));
        fputs(quote ? "\"\"" : "", out);
        p = quote ? quote + 1 : end;
    }
    fputc('"', out);
}

static void put_field(FILE *out, const struct finding *finding, const struct field *field)
{
    const void *value = (const char *)finding + field->offset;
    char time[TIME_TEXT_MAX];
    int64_t number;

    switch (field->form) {
    case FORM_NUMBER:
    case FORM_TIME:
        number = *(const int64_t *)value;
        if (number != FINDING_NONE && field->form == FORM_TIME) {
            fputs(time_format(number, time), out);
        } else if (number != FINDING_NONE) {
            fprintf(out, "%" PRId64, number);
        }
        break;
    case FORM_KIND:
        put_cell(out, finding_kind_word(finding));
        break;
    case FORM_TEXT:
    case FORM_WORDS:
    case FORM_FILLED:
        put_cell(out, *(const struct store_bytes *)value);
        break;
    }
}

/* RFC 4180, but for the line ends, which are LF. */
static void write_csv(FILE *out, const struct finding *finding, bool known)
{
    char id[FINGERPRINT_TEXT_MAX];

    fingerprint_text(finding->fingerprint, id);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        put_field(out, finding, &fields[i]);
        fputc(',', out);
    }
    fprintf(out, "%s,", known ? "true" : "false");
    put_cell(out, finding->message);
    fprintf(out, ",%s\n", id);
}

void finding_write_head(FILE *out, enum output_format format)
{
    if (format != OUTPUT_CSV) {
        return;
    }
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        fprintf(out, "%s,", fields[i].name);
    }
    fputs("known,message,id\n", out);
}

void finding_write(FILE *out, const struct finding *finding, bool known, enum output_format format)
{
    static void (*const write[])(FILE *, const struct finding *, bool) = {
        [OUTPUT_TEXT] = write_text, [OUTPUT_JSON] = write_json, [OUTPUT_CSV] = write_csv
    };

    write[format](out, finding, known);
}

bool finding_has_mark(const struct finding *finding, const char *mark)
{
    const char *p = finding->marks.data, *end = p ? p + finding->marks.len : p;
    size_t len = strlen(mark);

    while (p < end) {
        const char *blank = memchr(p, ' ', (size_t)(end - p));
        const char *stop = blank ? blank : end;
        if ((size_t)(stop - p) == len && memcmp(p, mark, len) == 0) {
            return true;
        }
        p = blank ? blank + 1 : end;
    }
    return false;
}
