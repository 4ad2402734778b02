/* SPDX-License-Identifier: Apache-2.0 */
/* Events as JSON. */
#include "agent/events.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/log.h"
#include "agent/memory.h"
#include "filters/json_text.h"

/* What is asked of an object. */
enum member { MESSAGE, ID, STREAM, TIMESTAMP, INGESTED, EVENTS, MEMBERS };

static const char *const names[MEMBERS] = { "message",   "eventId",       "logStreamName",
                                            "timestamp", "ingestionTime", "events" };

#define TEXTS (STREAM + 1) /* the members before are texts */

/* Where the values are; NULL: there is none. */
struct members {
    const char *value[MEMBERS];
};

struct reader {
    const struct events_taker *taker;
    struct json_text json;
    unsigned char nesting[EVENTS_DEPTH_MAX / 8];
    struct {
        char *room; /* for texts with escapes */
        size_t size;
    } decoded[TEXTS];
    char *document; /* or one long line */
    size_t document_len, document_room;
    uint64_t taken; /* events of documents */
    bool ended;     /* by the taker */
};

/* Goes over a value once.  Of several members of one name the last counts; what is no object has
 * none. */
static struct members read_members(struct reader *reader, const char *object)
{
    struct members found = { { NULL } };
    const char *p = object;
    struct slice key;
    bool escaped;

    if (*object != '{') {
        return found;
    }
    for (bool first = true; (p = json_text_member(&reader->json, p, first, &key, &escaped));
         first = false) {
        for (size_t i = 0; i < MEMBERS; i++) {
            if (key.len == strlen(names[i]) && memcmp(key.data, names[i], key.len) == 0) {
                found.value[i] = p;
            }
        }
        p = json_text_value(&reader->json, p);
    }
    return found;
}

static bool is_text(const char *value)
{
    return value && *value == '"';
}

/* Empty: there is no such text. */
static struct slice read_text(struct reader *reader, const struct members *members,
                              enum member which)
{
    const char *value = members->value[which];
    bool escaped;

    if (!is_text(value)) {
        return (struct slice){ NULL, 0 };
    }
    const char *end = json_text_string(&reader->json, value, &escaped);
    struct slice text = { value + 1, (size_t)(end - value - 2) };
    if (escaped) {
        char **room = &reader->decoded[which].room;

        *room = xgrow(*room, &reader->decoded[which].size, text.len, 1);
        text = (struct slice){ *room, json_text_decode(text, *room) };
    }
    return text;
}

static int64_t read_time(const struct reader *reader, const struct members *members,
                         enum member which)
{
    const char *value = members->value[which];
    const char *end = value ? json_text_number(&reader->json, value) : NULL;
    char *read;

    if (!end) {
        return EVENT_TIME_NONE;
    }
    errno = 0;
    long long time = strtoll(value, &read, 10); /* what follows a number in JSON ends it */
    return errno == 0 && read == end ? time : EVENT_TIME_NONE;
}

/* Hands an event over; false: it has no message. */
static bool give(struct reader *reader, uint64_t place, const char *value, struct slice text)
{
    struct members members = read_members(reader, value);

    if (!is_text(members.value[MESSAGE])) {
        return false;
    }
    const struct events_event event = { .text = text,
                                        .message = read_text(reader, &members, MESSAGE),
                                        .id = read_text(reader, &members, ID),
                                        .stream = read_text(reader, &members, STREAM),
                                        .timestamp = read_time(reader, &members, TIMESTAMP),
                                        .ingested = read_time(reader, &members, INGESTED) };
    reader->ended = !reader->taker->event(reader->taker->data, place, &event);
    return true;
}

/* Where the value in a text begins if there is nothing else; NULL: the text is not one value. */
static const char *only_value(struct reader *reader, struct slice text)
{
    struct json_text *json = &reader->json;

    json->end = text.data + text.len;
    const char *value = json_text_blanks(json, text.data);
    const char *end = json_text_value(json, value);
    return end && json_text_blanks(json, end) == json->end ? value : NULL;
}

static bool is_blank(struct slice text)
{
    struct json_text json = { .end = text.data + text.len };

    return json_text_blanks(&json, text.data) == json.end;
}

/* False: it is no event. */
static bool take_line(struct reader *reader, uint64_t number, struct slice line)
{
    const char *value = only_value(reader, line);

    return value && give(reader, number, value, line);
}

static void bad(const struct reader *reader, uint64_t place, const char *why)
{
    reader->taker->bad(reader->taker->data, place, why);
}

/* Leaves out the blanks between the parts of a value.  Returns its length. */
static size_t tighten(char *value, size_t len)
{
    struct json_text json = { .end = value + len };
    char *out = value;
    bool escaped;

    for (const char *p = value; (p = json_text_blanks(&json, p)) < json.end;) {
        const char *end = *p == '"' ? json_text_string(&json, p, &escaped) : p + 1;

        memmove(out, p, (size_t)(end - p));
        out += end - p;
        p = end;
    }
    return (size_t)(out - value);
}

/* The array of events that a document is or holds; NULL: there is none. */
static const char *events_of(struct reader *reader, const char *document)
{
    const char *events = *document == '[' ? document : read_members(reader, document).value[EVENTS];

    return events && *events == '[' ? events : NULL;
}

/* An event of a document, which is made one line where it stands. */
static bool take_value(struct reader *reader, uint64_t place, const char *value, const char *end)
{
    char *text = reader->document + (value - reader->document);
    size_t len = tighten(text, (size_t)(end - value));

    return give(reader, place, text, (struct slice){ text, len });
}

static void take_array(struct reader *reader, const char *array)
{
    const char *p = array, *event;

    for (bool first = true; !reader->ended && (event = json_text_element(&reader->json, p, first));
         first = false) {
        p = json_text_value(&reader->json, event);
        reader->taken++;
        if (!take_value(reader, reader->taken, event, p)) {
            bad(reader, reader->taken, "this event has no \"message\" text");
        }
    }
}

/* Of something cut off or damaged, the lines that are whole events. */
static void take_remains(struct reader *reader, struct slice text, uint64_t number)
{
    const char *end = text.data + text.len, *lf;

    bad(reader, number,
        "from here on it is neither a JSON object on each line nor a JSON document: it is cut "
        "off, damaged or nested too deep; only lines that are whole events are taken");
    for (const char *p = text.data; p < end && !reader->ended; p = lf + 1, number++) {
        lf = memchr(p, '\n', (size_t)(end - p));
        (void)take_line(reader, number, (struct slice){ p, (size_t)(lf - p) });
    }
}

/* Documents one after the other, as several answers of AWS in one file; `number` is that of the
 * first line. */
static void take_documents(struct reader *reader, struct slice text, uint64_t number)
{
    const char *p = text.data, *end = text.data + text.len, *value;

    reader->json.end = end;
    while (!reader->ended && (value = json_text_blanks(&reader->json, p)) < end) {
        for (; p < value; p++) {
            number += *p == '\n';
        }
        const char *after = json_text_value(&reader->json, value);
        if (!after) {
            take_remains(reader, (struct slice){ value, (size_t)(end - value) }, number);
            return;
        }
        const char *events = events_of(reader, value);
        if (events) {
            take_array(reader, events);
        } else if (!take_value(reader, number, value, after)) {
            bad(reader, number, "this JSON document has neither \"events\" nor a \"message\"");
        }
        p = after;
    }
}

/* As lines_next; 0 also when the taker has ended it. */
static int next_line(struct reader *reader, struct lines *lines, struct line *line)
{
    const struct events_taker *taker = reader->taker;

    if (taker->before_wait && !lines_waiting(lines)) {
        reader->ended = reader->ended || !taker->before_wait(taker->data);
    }
    return reader->ended ? 0 : lines_next(lines, line);
}

static void keep(struct reader *reader, const char *data, size_t len)
{
    size_t need = reader->document_len + len + 1;

    reader->document = xgrow(reader->document, &reader->document_room, need, 1);
    memcpy(reader->document + reader->document_len, data, len);
    reader->document_len += len;
}

/* The next line whole, though it comes in pieces; valid until the next call. */
static int next_whole(struct reader *reader, struct lines *lines, struct slice *out)
{
    struct line line;
    int step = next_line(reader, lines, &line);

    if (step != 1 || !line.piece) {
        *out = (struct slice){ line.data, line.len };
        return step;
    }
    reader->document_len = 0;
    for (; step == 1; step = next_line(reader, lines, &line)) {
        keep(reader, line.data, line.len);
        if (!line.piece || reader->document_len > EVENTS_DOCUMENT_MAX) {
            break;
        }
    }
    *out = (struct slice){ reader->document, reader->document_len };
    return step < 0 ? step : 1;
}

/* All from a line on, which may stand in the document's room already. */
static int read_documents(struct reader *reader, struct lines *lines, struct slice first,
                          uint64_t number)
{
    struct line line;
    int step;

    if (first.data != reader->document) {
        reader->document_len = 0;
        keep(reader, first.data, first.len);
    }
    keep(reader, "\n", 1);
    while ((step = next_line(reader, lines, &line)) == 1 &&
           reader->document_len <= EVENTS_DOCUMENT_MAX) {
        keep(reader, line.data, line.len);
        if (!line.piece) {
            keep(reader, "\n", 1);
        }
    }
    if (step == 1) {
        bad(reader, number, "the JSON document is larger than 512 MiB: none of it is read");
        return 0;
    }
    keep(reader, "\n", 1);
    take_documents(reader, (struct slice){ reader->document, reader->document_len }, number);
    return step;
}

/* Whether what begins with this line must be read whole to be understood. */
static bool begins_document(struct reader *reader, struct slice text)
{
    const char *value = only_value(reader, text), *begin;

    if (value) {
        return events_of(reader, value) && !is_text(read_members(reader, value).value[MESSAGE]);
    }
    reader->json.end = text.data + text.len;
    begin = json_text_blanks(&reader->json, text.data);
    return begin < reader->json.end && (*begin == '{' || *begin == '[');
}

static int read_all(struct reader *reader, struct lines *lines)
{
    uint64_t number = 0;
    bool first = true;
    struct slice text;
    int step;

    while ((step = next_whole(reader, lines, &text)) == 1) {
        number++;
        if (is_blank(text)) {
            continue;
        }
        if (first && begins_document(reader, text)) {
            return read_documents(reader, lines, text, number);
        }
        if (!take_line(reader, number, text)) {
            bad(reader, number, "this line is not a JSON object with a \"message\" text");
        }
        first = false;
    }
    return step;
}

int events_read(struct lines *lines, const struct events_taker *taker)
{
    struct reader *reader = xcalloc(1, sizeof *reader);

    reader->taker = taker;
    reader->json = (struct json_text){ .nesting = reader->nesting, .depth_max = EVENTS_DEPTH_MAX };
    int step = read_all(reader, lines);
    for (size_t i = 0; i < TEXTS; i++) {
        free(reader->decoded[i].room);
    }
    free(reader->document);
    free(reader);
    return step;
}

void events_complain(struct events_bad *bad, uint64_t place, const char *why)
{
    if (bad->count++ == 0) {
        log_error("%s:%" PRIu64 ": %s", bad->path, place, why);
    }
}

void events_complain_more(const struct events_bad *bad)
{
    if (bad->count > 1) {
        log_error("%s: %" PRIu64 " more like this", bad->path, bad->count - 1);
    }
}
