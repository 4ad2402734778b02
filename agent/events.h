/* SPDX-License-Identifier: Apache-2.0 */
/* Events as JSON, the way `aws logs filter-log-events` and `get-log-events` print them: an object
 * with a "message" on each line; or one document, over as many lines as it likes, that is an array
 * of such objects or holds one as its "events". */
#ifndef TAILGATE_AGENT_EVENTS_H
#define TAILGATE_AGENT_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/lines.h"
#include "filters/event.h"
#include "filters/slice.h"

#define EVENTS_DOCUMENT_MAX (512 * 1024 * 1024) /* bytes */
#define EVENTS_DEPTH_MAX    1024                /* levels of objects and arrays */

/* What an event says of itself; all of it is valid until the call that is given it returns. */
struct events_event {
    struct slice text; /* on one line */
    struct slice message;
    struct slice id, stream;     /* empty: it does not say */
    int64_t timestamp, ingested; /* milliseconds since 1970, or EVENT_TIME_NONE */
};

struct events_taker {
    /* `place`: the line, or the event's number in its document, from 1.  False ends the reading. */
    bool (*event)(void *data, uint64_t place, const struct events_event *event);
    /* What is no event; the reading goes on. */
    void (*bad)(void *data, uint64_t place, const char *why);
    /* NULL, or what is to be done before input is waited for; false ends the reading. */
    bool (*before_wait)(void *data);
    void *data;
};

/* Reads to the end, or until it is ended; -1: lines_problem says what failed. */
int events_read(struct lines *lines, const struct events_taker *taker);

/* What is no event in a file.  Of it the first is told, and at the end how many more there were:
 * what is not JSON is so line after line. */
struct events_bad {
    const char *path;
    uint64_t count; /* zero at first */
};
void events_complain(struct events_bad *bad, uint64_t place, const char *why);
void events_complain_more(const struct events_bad *bad);

#endif
