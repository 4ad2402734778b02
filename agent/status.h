/* SPDX-License-Identifier: Apache-2.0 */
/* What `tailgate status` tells, as gathered from the store, and its two forms. */
#ifndef TAILGATE_AGENT_STATUS_H
#define TAILGATE_AGENT_STATUS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/ages.h"
#include "agent/refusal.h"
#include "storage/alerts.h"
#include "storage/bucket.h"
#include "storage/coverage.h"
#include "storage/delays.h"
#include "storage/readings.h"
#include "storage/servers.h"
#include "storage/watched.h"

#define STATUS_GAPS_MAX      20
#define STATUS_STRETCHES_MAX 40 /* of a past period */

/* One source. */
struct source_state {
    const struct watched *watched;
    char trouble[STORE_ERROR_MAX]; /* what only a person can mend, or empty */
    int64_t unread_since;          /* since when it cannot be read; 0: it can, or not for long */
    int64_t read_to;               /* end of coverage, or since */
    int64_t settled;
    struct stretch gaps[STATUS_GAPS_MAX], lost[STATUS_GAPS_MAX]; /* lost: AWS has deleted it */
    size_t gap_count, lost_count;
    struct source_reading reading;
    struct delays delays;
    struct ages ages;
    int64_t overlap_every; /* the newest is read again at one poll of so many */
    struct server *servers;
    size_t server_count;
};

/* How `run` keeps to its budget. */
struct pace {
    int64_t poll_interval; /* milliseconds between reads of one source's newest; 0: not known */
    double rate;           /* requests a second */
    struct bucket_use budgets[BUCKETS_MAX];
    size_t budget_count;
    int64_t worst_delay; /* from when a row is readable until it is read, at most, as things are */
};

struct status_state {
    const char *path;     /* of the state file */
    int64_t now;          /* by the host's clock */
    int64_t clock_offset; /* the service's clock minus the host's; 0: that is right */
    int64_t alive_at;     /* 0: never */
    bool running, well;
    int64_t findings;
    struct alerts_state alerts;
    int64_t refused_since; /* since when the topic takes no alerts; 0: it does, or not for long */
    char refusing_topic[REFUSAL_TOPIC_MAX];
    struct pace pace;
    struct watched *watched;
    struct source_state *sources;
    size_t source_count;
    struct json_object *notices; /* the latest, oldest first, as findings */
};

/* A source in a past period: how it was read, what was not read, and what was read looking for
 * something else than today. */
struct period {
    const char *identity;
    struct stretch read[STATUS_STRETCHES_MAX], gaps[STATUS_GAPS_MAX], others[STATUS_GAPS_MAX];
    size_t read_count, gap_count, other_count;
};

/* The time by the service's clock, of which all coverage is. */
int64_t status_service_now(const struct status_state *state);

/* Why a stretch is lost. */
#define STATUS_LOST "not read while the log group kept it; its retention has passed"

/* Why a gap is there, in words for people. */
const char *status_gap_reason(const struct status_state *state, const struct source_state *source);

/* How old what a stretch begins with was when it was read last. */
int64_t status_read_age(const struct stretch *stretch);

/* Each writes to standard output; JSON as one line. */
void status_print_text(const struct status_state *state);
void status_print_json(const struct status_state *state);
void status_print_period_text(const struct period *period);
void status_print_period_json(const struct period *period);

#endif
