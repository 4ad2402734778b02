/* SPDX-License-Identifier: Apache-2.0 */
/* Events as JSON, the way `aws logs filter-log-events` and `get-log-events` print them: an object
 * with a "message" on each line; or one document, over as many lines as it likes, that is an array
 * of such objects or holds one as its "events". */
#ifndef TAILGATE_AGENT_EVENTS_H
#define TAILGATE_AGENT_EVENTS_H

#include <stdint.h>

#include "agent/lines.h"
#include "filters/slice.h"

#define EVENTS_DOCUMENT_MAX (512 * 1024 * 1024) /* bytes */
#define EVENTS_DEPTH_MAX    1024                /* levels of objects and arrays */

struct events_taker {
    /* `place`: the line, or the event's number in its document, from 1.  `text` is the event on one
     * line.  Both are valid until the call returns. */
    void (*event)(void *data, uint64_t place, struct slice message, struct slice text);
    /* What is no event; the reading goes on. */
    void (*bad)(void *data, uint64_t place, const char *why);
    void *data;
};

/* Reads to the end; -1: lines_problem says what failed. */
int events_read(struct lines *lines, const struct events_taker *taker);

#endif
