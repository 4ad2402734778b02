/* SPDX-License-Identifier: Apache-2.0 */
/* From an event to findings in the store: judges it, and stores each hit with all that is known
 * about it. */
#ifndef TAILGATE_AGENT_DETECT_H
#define TAILGATE_AGENT_DETECT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/config.h"
#include "agent/origin.h"
#include "filters/rule.h"
#include "storage/findings.h"
#include "storage/store.h"

/* Bytes of a row that are kept with a finding; rows of a connection are far shorter. */
#define DETECT_MESSAGE_MAX (32 * 1024)

struct detect_event {
    struct store_bytes id, stream, message;
    int64_t timestamp, ingestion_time; /* FINDING_NONE: not known */
};

/* What happens to the findings of events. */
struct detector {
    struct store *store;
    const struct config *config;
    const struct origin *origin;
    struct judge *judge;
    bool late;  /* what is new now was not there when this time was read before */
    bool alert; /* note new findings for alerts; otherwise they wait for a digest of the window */
    FILE *out;  /* NULL, or where each finding goes as a line */
    bool out_json;              /* as JSON; as text otherwise */
    bool out_new;               /* only those that were not known */
    bool kinds_counted, coarse; /* whether too many kinds are open; asked once */
    /* Counted up. */
    int64_t events, findings, new_findings;
};

/* Judges an event and stores what is found, within the caller's transaction. */
bool detect_event(struct detector *detector, const struct detect_event *event,
                  struct store_error *error);

#endif
