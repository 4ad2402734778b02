/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one file for a backfill: audit rows as the database wrote them, a log group as CloudWatch
 * exports it to S3, or events as the AWS CLI prints them. */
#ifndef TAILGATE_AGENT_BACKFILL_INPUT_H
#define TAILGATE_AGENT_BACKFILL_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/backfill.h"
#include "agent/detect.h"
#include "agent/events.h"
#include "agent/lines.h"
#include "agent/origin.h"

enum input_form {
    INPUT_ROWS,
    INPUT_EXPORT,
    INPUT_EVENTS,
};

/* By the first bytes; nothing is handed out by it. */
enum input_form input_form(struct lines *lines);

struct input {
    /* Given. */
    struct lines *lines;
    enum input_form form;
    const char *path;
    const struct origin *file;  /* where its events come from, if they do not say */
    const struct origin *group; /* where events with an id come from; NULL: from the file */
    struct detector detector;
    struct backfill_result *result;
    struct store_error *error;
    /* Zero at first. */
    char *output; /* waits for its commit */
    size_t output_len;
    bool failed; /* the store did */
    int64_t uncommitted;
    struct events_bad bad;
    char *event; /* of an export: the one at hand, which ends where the next begins */
    size_t event_len, event_room;
    int64_t event_time;
    uint64_t event_offset;
};

/* Reads all of it, judges it, and prints what is found as it is committed.  What cannot be read is
 * said, and noted in the result.  False: the store failed, and `error` says how. */
bool input_read(struct input *input);

#endif
