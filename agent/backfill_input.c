/* SPDX-License-Identifier: Apache-2.0 */
/* What a file holds, in its three forms. */
#include "agent/backfill_input.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/events.h"
#include "agent/log.h"
#include "agent/memory.h"
#include "agent/times.h"

/* Lines that follow a finding before it is printed: they may say more of it, such as the outcome of
 * its attempt. */
#define HOLD_LINES 4096
/* Events that are committed at once, where many are there already. */
#define BATCH_EVENTS 4096
/* A longer event of an export is judged in parts; CloudWatch carries at most 1 MiB in one. */
#define EXPORTED_EVENT_MAX (4 * 1024 * 1024)
#define STAMP_MAX          32
#define NUMBER_MAX         24

/* Commits what was read so far, and then prints what it gave, but for what the next `hold` lines
 * may change: while the store is locked nothing may wait, neither for whoever writes our input nor
 * for whoever reads our output. */
static bool settle(struct input *input, int64_t hold)
{
    struct detector *detector = &input->detector;

    input->uncommitted = 0;
    if (!detector->out) {
        return true;
    }
    bool ok = detect_tell(detector, hold, input->error);
    (void)fclose(detector->out);
    detector->out = NULL;
    ok = ok && store_commit(detector->store, input->error);
    if (ok) {
        fwrite(input->output, 1, input->output_len, stdout);
        (void)fflush(stdout); /* main asks at the end whether all was written */
    }
    free(input->output);
    input->output = NULL;
    return ok;
}

/* Begins what the next settle commits, if it has not begun. */
static bool ready(struct input *input)
{
    struct detector *detector = &input->detector;

    if (detector->out) {
        return true;
    }
    if (!store_begin(detector->store, input->error)) {
        return false;
    }
    detector->out = open_memstream(&input->output, &input->output_len);
    return detector->out != NULL;
}

static bool judge_one(struct input *input, const struct detect_event *event)
{
    if (input->uncommitted++ >= BATCH_EVENTS && !settle(input, HOLD_LINES)) {
        return false;
    }
    return ready(input) && detect_event(&input->detector, event, input->error);
}

static void warn_piece(const struct input *input, const struct line *line)
{
    if (line->piece) {
        log_warning("%s: the line at byte %" PRIu64
                    " is longer than %d bytes and is judged in pieces",
                    input->path, line->offset, LINES_LINE_MAX);
    }
}

/* ---- rows as they are ---- */

/* Commits before each read of the file.  As lines_next; 0 also when the store failed. */
static int read_rows(struct input *input)
{
    struct store_bytes text;
    struct line line;
    uint64_t offset;
    int step = 1;
    bool ok = true;

    while (ok && step == 1) {
        text.len = lines_take(input->lines, &text.data, &offset);
        if (text.len == 0) {
            ok = settle(input, HOLD_LINES);
            step = ok ? lines_next(input->lines, &line) : 0;
            if (step != 1) {
                break;
            }
            warn_piece(input, &line);
            text = (struct store_bytes){ line.data, line.len };
            offset = line.offset;
        }
        ok = ready(input) && detect_lines(&input->detector, text, offset, input->error);
    }
    input->failed = !ok;
    return step;
}

/* ---- an export to S3 ---- */

/* Each event begins with its time: "2026-11-22T14:08:14.123Z " (CloudWatch Logs User Guide, "Export
 * log data to Amazon S3").  Returns the length of that; 0: it does not. */
static size_t read_stamp(struct slice line, int64_t *time)
{
    char stamp[STAMP_MAX];
    const char *blank = memchr(line.data, ' ', line.len < STAMP_MAX ? line.len : STAMP_MAX);
    size_t len = blank ? (size_t)(blank - line.data) : 0;

    if (len < sizeof "2026-11-22T14:08:14Z" - 1 || len >= STAMP_MAX || line.data[len - 1] != 'Z' ||
        line.data[10] != 'T') {
        return 0;
    }
    memcpy(stamp, line.data, len);
    stamp[len] = '\0';
    return time_parse(stamp, 0, time) ? len + 1 : 0;
}

static bool end_event(struct input *input)
{
    char number[NUMBER_MAX];
    const char *slash = strrchr(input->path, '/');
    size_t folder = slash ? (size_t)(slash - input->path) : 0; /* each stream has one */
    struct detect_event event = { .stream = { input->path, folder },
                                  .message = { input->event, input->event_len },
                                  .offset = -1,
                                  .timestamp = input->event_time,
                                  .ingestion_time = FINDING_NONE };

    if (input->event_len == 0) {
        return true;
    }
    event.id.data = number;
    event.id.len = (size_t)snprintf(number, sizeof number, "%" PRIu64, input->event_offset);
    input->event_len = 0;
    return judge_one(input, &event);
}

static void add_to_event(struct input *input, struct slice text)
{
    size_t need = input->event_len + 1 + text.len;

    input->event = xgrow(input->event, &input->event_room, need, 1);
    if (input->event_len > 0) {
        input->event[input->event_len++] = '\n';
    }
    memcpy(input->event + input->event_len, text.data, text.len);
    input->event_len += text.len;
}

static bool take_exported(struct input *input, const struct line *line)
{
    struct slice text = { line->data, line->len };
    int64_t time;
    size_t stamp = read_stamp(text, &time);

    if ((stamp > 0 || input->event_len + text.len > EXPORTED_EVENT_MAX) && !end_event(input)) {
        return false;
    }
    if (stamp > 0) {
        input->event_time = time;
        text = (struct slice){ text.data + stamp, text.len - stamp };
    }
    if (input->event_len == 0) {
        input->event_offset = line->offset;
    }
    add_to_event(input, text);
    return true;
}

static int read_export(struct input *input)
{
    struct line line;
    int step = 1;
    bool ok = true;

    while (ok && step == 1) {
        ok = lines_waiting(input->lines) || settle(input, HOLD_LINES);
        step = ok ? lines_next(input->lines, &line) : 0;
        if (step == 1) {
            warn_piece(input, &line);
            ok = take_exported(input, &line);
        }
    }
    input->failed = !ok || !end_event(input);
    return step;
}

/* ---- events as the AWS CLI prints them ---- */

static bool take_event(void *data, uint64_t place, const struct events_event *found)
{
    struct input *input = data;
    char number[NUMBER_MAX];
    struct detect_event event = { .id = { found->id.data, found->id.len },
                                  .stream = { found->stream.data, found->stream.len },
                                  .message = { found->message.data, found->message.len },
                                  .offset = -1,
                                  .timestamp = found->timestamp,
                                  .ingestion_time = found->ingested };

    input->detector.origin = input->group && event.id.len > 0 ? input->group : input->file;
    if (event.id.len == 0) {
        event.id.data = number;
        event.id.len = (size_t)snprintf(number, sizeof number, "%" PRIu64, place);
    }
    input->failed = !judge_one(input, &event);
    return !input->failed;
}

static void take_bad(void *data, uint64_t place, const char *why)
{
    struct input *input = data;

    events_complain(&input->bad, place, why);
    input->result->incomplete = true;
}

static bool before_wait(void *data)
{
    struct input *input = data;

    input->failed = !settle(input, HOLD_LINES);
    return !input->failed;
}

static int read_events(struct input *input)
{
    const struct events_taker taker = {
        .event = take_event, .bad = take_bad, .before_wait = before_wait, .data = input
    };

    input->bad = (struct events_bad){ .path = input->path };
    int step = events_read(input->lines, &taker);
    events_complain_more(&input->bad);
    return step;
}

/* ---- any of them ---- */

enum input_form input_form(struct lines *lines)
{
    const char *begin;
    struct slice first = { NULL, lines_peek(lines, STAMP_MAX, &begin) };
    int64_t time;

    if (first.len == 0) {
        return INPUT_ROWS;
    }
    first.data = begin;
    return *begin == '{' || *begin == '[' ? INPUT_EVENTS
           : read_stamp(first, &time) > 0 ? INPUT_EXPORT
                                          : INPUT_ROWS;
}

bool input_read(struct input *input)
{
    static int (*const read[])(struct input *) = {
        [INPUT_ROWS] = read_rows, [INPUT_EXPORT] = read_export, [INPUT_EVENTS] = read_events
    };
    int step = read[input->form](input);

    if (step < 0) {
        log_error("%s: cannot be read further: %s; what was read so far is told", input->path,
                  lines_problem(input->lines));
        input->result->incomplete = true;
    }
    bool ok = !input->failed && ready(input) && settle(input, 0);
    free(input->event);
    input->event = NULL;
    return ok;
}
