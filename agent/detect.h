/* SPDX-License-Identifier: Apache-2.0 */
/* From events to findings in the store: judges them, stores each hit with all that is known about
 * it, and changes what later lines show in another light. */
#ifndef TAILGATE_AGENT_DETECT_H
#define TAILGATE_AGENT_DETECT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "agent/config.h"
#include "agent/origin.h"
#include "agent/silence.h"
#include "agent/tally.h"
#include "filters/rule.h"
#include "storage/findings.h"
#include "storage/store.h"

/* Bytes of a row that are kept with a finding; rows of a connection are far shorter. */
#define DETECT_MESSAGE_MAX (32 * 1024)

struct detect_event {
    struct store_bytes id, stream, message;
    int64_t offset;                    /* of a line in its file, which then is its id; else -1 */
    int64_t timestamp, ingestion_time; /* FINDING_NONE: not known */
    bool again; /* it was there when its time was read before, with the lines around it */
};

/* A finding that is still to be noted for alerts, and to be printed. */
struct detected {
    int64_t finding; /* its id */
    int64_t event;   /* the number of its event */
    bool known;
};

/* What happens to the findings of events. */
struct detector {
    struct store *store;
    const struct config *config;
    const struct origin *origin;
    struct judge *judge;
    struct silence *silence; /* who listens for servers, or NULL */
    bool late;               /* what is new now was not there when this time was read before */
    bool apart;              /* the service was asked to leave out events that tell nothing */
    bool alert; /* note new findings for alerts; otherwise they wait for a digest of the window */
    FILE *out;  /* NULL, or where each finding goes as a line */
    enum output_format form;    /* of these lines */
    struct tally *tally;        /* NULL, or what counts them */
    bool out_new;               /* only those that were not known */
    bool kinds_counted, coarse; /* whether too many kinds are open; asked once */
    struct detected *detected;  /* zero at first; detect_free */
    size_t detected_count, detected_room;
    /* Counted up. */
    int64_t events, findings, new_findings;
};

/* Judges an event and stores what is found, within the caller's transaction. */
bool detect_event(struct detector *detector, const struct detect_event *event,
                  struct store_error *error);

/* Judges the lines of a file, each an event of its own, likewise; the last may lack its LF. */
bool detect_lines(struct detector *detector, struct store_bytes text, uint64_t offset,
                  struct store_error *error);

/* Notes what was found for alerts and prints it, within the caller's transaction and at its end:
 * lines further on may say more of a finding, such as the outcome of its attempt.  For the same
 * reason findings of the last `hold` events may be kept back for the next call. */
bool detect_tell(struct detector *detector, int64_t hold, struct store_error *error);
void detect_free(struct detector *detector);

#endif
