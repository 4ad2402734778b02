/* SPDX-License-Identifier: Apache-2.0 */
/* Windows, page by page. */
#include "agent/window.h"

#include <stdlib.h>
#include <string.h>

#include "agent/ages.h"
#include "agent/aws/logs.h"
#include "agent/memory.h"
#include "storage/delays.h"

/* An event is late when it was not there though its time was read.  What came within a minute is
 * no more than the usual way of a row to the service. */
#define LATE_AFTER (60 * INT64_C(1000))
/* The service tells its time in whole seconds. */
#define CLOCK_GRAIN 1000

void window_open(struct window *window, int64_t start, int64_t end, int64_t ask_until,
                 const struct stretch *before, size_t before_count)
{
    window_close(window);
    *window = (struct window){
        .start = start, .end = end, .ask_until = ask_until, .settled = AGE_SETTLED, .open = true
    };
    while (before_count > 0 && before->end <= start) {
        before++;
        before_count--;
    }
    while (before_count > 0 && before[before_count - 1].start >= end) {
        before_count--;
    }
    if (before_count > 0) {
        window->before = xcalloc(before_count, sizeof *before);
        window->before_count = before_count;
        memcpy(window->before, before, before_count * sizeof *before);
    }
}

void window_close(struct window *window)
{
    free(window->token);
    free(window->before);
    window->token = NULL;
    window->before = NULL;
    window->before_count = 0;
    window->open = window->flying = false;
}

/* From the first page again: after a token that is no longer good. */
static void begin_again(struct window *window)
{
    if (window->end - window->start > 1) {
        window->end = window->start + (window->end - window->start) / 2;
        window->ask_until = window->end;
    }
    window->hurried = true;
    free(window->token);
    window->token = NULL;
    window->read_at = 0;
    window->pages = 0;
}

bool window_send(struct window *window, struct aws *aws, const struct origin *origin,
                 struct aws_error *error)
{
    struct logs_filter filter = { .region = origin->region,
                                  .group = origin->asked,
                                  .start = window->start,
                                  .end = window->ask_until - 1, /* the service's end is inclusive */
                                  .pattern = window->filter,
                                  .token = window->token };

    window->flying = logs_filter_send(aws, &filter, window, error);
    return window->flying;
}

/* When a time was read before, under these rules, or NULL. */
static const struct stretch *read_before(const struct window *window, int64_t time)
{
    size_t low = 0, high = window->before_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (window->before[middle].end <= time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < window->before_count && window->before[low].start <= time &&
                   window->before[low].reads > 0
               ? &window->before[low]
               : NULL;
}

/* Lets whoever listens hear the event judged last. */
static void hear(const struct window *window, struct detector *detector,
                 const struct log_event *event)
{
    struct silence_row row = { .stream = event->stream,
                               .stream_len = event->stream_len,
                               .time = event->timestamp,
                               .ingested = event->ingestion_time,
                               .read_at = window->read_at };

    if (detector->silence && judge_heard(detector->judge, &row.server)) {
        silence_hear(detector->silence, &row);
    }
}

static bool judge_page(const struct window *window, const struct logs_page *page,
                       struct detector *detector, struct store_error *error)
{
    struct delays delays = { .longest = 0 };
    struct log_event event;

    for (size_t i = 0; i < logs_page_count(page); i++) {
        logs_page_event(page, i, &event);
        struct detect_event detected = { .id = { event.id, event.id_len },
                                         .stream = { event.stream, event.stream_len },
                                         .message = { event.message, event.message_len },
                                         .offset = -1,
                                         .timestamp = event.timestamp,
                                         .ingestion_time = event.ingestion_time };
        const struct stretch *before = read_before(window, event.timestamp);
        int64_t found = detector->new_findings;
        bool arrived = before && event.ingestion_time >= before->read_at + CLOCK_GRAIN;

        detector->late =
            before && (window->again || event.timestamp < before->read_at - LATE_AFTER);
        detected.again = before && !arrived;
        if (!detect_event(detector, &detected, error)) {
            return false;
        }
        hear(window, detector, &event);
        /* Of a source that is read with a filter at some ages, delays are learned at all ages of
         * those events only that no filter leaves out: else short delays, learned of every event,
         * would outweigh long ones. */
        arrived = arrived && (!window->sampled || judge_has_rows(detector->judge));
        if (arrived || (before && detector->new_findings > found)) {
            int64_t delay = window->read_at - event.timestamp;
            delays_count(&delays, delay < AGE_SETTLED ? delay : AGE_SETTLED);
        }
    }
    if (delays_total(&delays) > 0 &&
        !delays_add(detector->store, detector->origin->source, &delays, error)) {
        return false;
    }
    return detect_tell(detector, 0, error);
}

/* What a page says of the servers: all of it, and if it is the last of what is new, whose rows do
 * not come. */
static bool end_hearing(const struct logs_page *page, const struct stretch *read,
                        struct detector *detector, struct store_error *error)
{
    struct silence *silence = detector->silence;
    bool ended = silence && silence->newest && !logs_page_token(page) && read->start < read->end;

    return !silence || silence_end(silence, detector->store, detector->origin,
                                   ended ? read->end : SILENCE_NOT_READ, error);
}

/* One transaction: the page's findings and, if it is the last page, the coverage. */
static bool store_page(const struct window *window, const struct logs_page *page,
                       struct detector *detector, int64_t watch, struct store_error *error)
{
    /* Never beyond the service's own present: a fast clock here must not mark as read what has not
     * happened yet. */
    struct stretch read = { .start = window->start,
                            .end = window->end < window->read_at ? window->end : window->read_at,
                            .read_at = window->read_at };

    /* What the filter left out is looked at once more: nothing is settled by such a read. */
    if (window->filter && read.read_at >= read.start + window->settled) {
        read.read_at = read.start + window->settled - 1;
    }

    if (!store_begin(detector->store, error)) {
        return false;
    }
    if ((detector->silence &&
         !silence_begin(detector->silence, detector->store, detector->origin, error)) ||
        !judge_page(window, page, detector, error) || !end_hearing(page, &read, detector, error) ||
        (!logs_page_token(page) && read.start < read.end &&
         !coverage_add(detector->store, watch, &read, window->settled, error)) ||
        !store_commit(detector->store, error)) {
        store_rollback(detector->store);
        judge_window(detector->judge, false); /* it remembers findings that are not there */
        return false;
    }
    return true;
}

enum window_result window_take(struct window *window, const struct aws_answer *answer,
                               struct detector *detector, int64_t watch, int64_t service_now,
                               struct aws_error *error, struct store_error *store_error)
{
    struct logs_page *page = NULL;
    enum window_result result = WINDOW_FAILED;

    window->flying = false;
    *error = answer->error;
    detector->apart = window->filter != NULL;
    if (error->problem == AWS_OK) {
        page = logs_page_read(answer->body, answer->body_len, error);
    }
    if (!page) {
        window->attempt++;
        if (error->problem == AWS_BAD_TOKEN) {
            judge_window(detector->judge, true);
            begin_again(window);
        }
        return WINDOW_FAILED;
    }
    if (window->pages == 0) {
        window->read_at = answer->date_ms >= 0 ? answer->date_ms : service_now;
    }
    if (!store_page(window, page, detector, watch, store_error)) {
        window->attempt++;
        result = WINDOW_STORE_FAILED;
    } else {
        const char *token = logs_page_token(page);
        window->attempt = 0;
        window->pages++;
        free(window->token);
        window->token = token ? xstrdup(token) : NULL;
        window->open = token != NULL;
        result = token ? WINDOW_MORE : WINDOW_COMPLETE;
    }
    logs_page_free(page);
    return result;
}
