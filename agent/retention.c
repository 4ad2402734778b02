/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for how long log groups keep their events. */
#include "agent/retention.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ages.h"
#include "agent/aws/log_groups.h"
#include "agent/clock.h"
#include "agent/log.h"
#include "agent/notice.h"
#include "agent/retry.h"
#include "agent/session.h"

#define DAY_MS        (24 * 60 * INT64_C(60000))
#define EVERY_MS      (60 * INT64_C(60000))
#define APART_MS      1000   /* DescribeLogGroups has a quota of its own, which others need, too */
#define DENIED_MS     DAY_MS /* until it is tried again */
#define RETRY_BASE_MS 2000
#define RETRY_CAP_MS  60000
#define RETRY_ROUNDS  60 /* about half an hour */
#define FACT_MAX      64
#define NUMBER_MAX    24

/* "DAYS HORIZON CONFIRMED": what AWS said last and when, and the horizon up to the last change. */
struct fact {
    int64_t days; /* LOG_GROUPS_FOR_EVER; -1: nothing is known */
    int64_t horizon;
    int64_t confirmed;
};

static void name_fact(int64_t source, char out[static FACT_MAX])
{
    snprintf(out, FACT_MAX, "retention %" PRId64, source);
}

static bool read_fact(struct store *store, int64_t source, struct fact *out,
                      struct store_error *error)
{
    char name[FACT_MAX], text[FACT_MAX], *end;

    name_fact(source, name);
    if (!store_fact_get(store, name, text, sizeof text, error)) {
        return false;
    }
    *out = (struct fact){ .days = -1 };
    if (*text) {
        out->days = strtoll(text, &end, 10);
        out->horizon = strtoll(end, &end, 10);
        out->confirmed = strtoll(end, NULL, 10);
    }
    return true;
}

/* Where AWS may have deleted up to by now.  What it said stands for a day: after that it may keep
 * more, and to read in vain costs little. */
static int64_t horizon_of(const struct fact *fact, int64_t now)
{
    int64_t until = now < fact->confirmed + DAY_MS ? now : fact->confirmed + DAY_MS;

    if (fact->days <= 0 || until - fact->days * DAY_MS <= fact->horizon) {
        return fact->horizon;
    }
    return until - fact->days * DAY_MS;
}

bool retention_get(struct store *store, int64_t source, int64_t now, struct retention_kept *out,
                   struct store_error *error)
{
    struct fact fact;

    if (!read_fact(store, source, &fact, error)) {
        return false;
    }
    out->horizon = horizon_of(&fact, now);
    out->settled = fact.days == 1 ? AGE_SETTLED_OF_DAYS : AGE_SETTLED;
    return true;
}

static void begin_round(struct retention *retention, bool missing)
{
    retention->next = 0;
    retention->missing = missing;
    retention->sent = retention->failed = retention->denied = 0;
}

void retention_begin(struct retention *retention)
{
    aws_cancel(retention->aws, retention);
    retention->at = 0;
    retention->asking = NULL;
    retention->said = false;
    retention->rounds = 0;
    begin_round(retention, false);
}

/* A notice of what has become shorter, in the transaction of the caller. */
static bool tell(struct retention *retention, int64_t before, int64_t days,
                 struct store_error *error)
{
    char text[NOTICE_TEXT_MAX], length[NUMBER_MAX + 8] = "for ever";
    const struct origin *origin = retention->asking;
    struct notice notice = { .kind = NOTICE_RETENTION,
                             .severity = SEVERITY_HIGH,
                             .origin = origin,
                             .time = clock_now(),
                             .text = text };
    bool known;

    if (before > 0) {
        snprintf(length, sizeof length, "for %" PRId64 " days", before);
    }
    snprintf(text, sizeof text,
             "%s keeps its events for %" PRId64 " days now and did so %s: what is older is being "
             "deleted. If nobody of yours did this, it hides something: CloudTrail has the call "
             "(PutRetentionPolicy), and `aws logs put-retention-policy` undoes it.",
             origin->log_group, days, length);
    if (!notice_add(retention->store, &notice, &known, error)) {
        return false;
    }
    log_warning("%s", text);
    return true;
}

/* Keeps what AWS said. */
static bool note(struct retention *retention, int64_t days, struct store_error *error)
{
    struct store *store = retention->store;
    int64_t now = session_service_time(retention->aws), source = retention->asking->source;
    char name[FACT_MAX], text[FACT_MAX];
    struct fact before;

    if (!read_fact(store, source, &before, error)) {
        return false;
    }
    bool shorter = before.days >= 0 && days != LOG_GROUPS_FOR_EVER &&
                   (before.days == LOG_GROUPS_FOR_EVER || days < before.days);
    name_fact(source, name);
    snprintf(text, sizeof text, "%" PRId64 " %" PRId64 " %" PRId64, days, horizon_of(&before, now),
             now);
    if (!store_begin(store, error)) {
        return false;
    }
    bool ok = (!shorter || tell(retention, before.days, days, error)) &&
              store_fact_set(store, name, text, error) && store_commit(store, error);
    if (!ok) {
        store_rollback(store);
    }
    return ok;
}

/* After a failure: what is only for the moment is asked for again. */
static void failed(struct retention *retention, struct origin *origin,
                   const struct aws_error *error)
{
    if (error->problem == AWS_DENIED) {
        retention->denied++;
        if (!retention->said) {
            log_info("%s; without it nobody is told when a log group keeps its events for less "
                     "time; tried again after a day or a reload",
                     error->text);
        }
        retention->said = true;
    } else if (aws_problem_passes(error->problem) || aws_problem_refusal(error->problem)) {
        log_debug("retention: %s", error->text);
        retention->failed++;
        return;
    } else {
        log_debug("retention: %s", error->text);
    }
    origin->retention_asked = true;
}

/* All sources were asked about, or those that were missing. */
static void end_round(struct retention *retention, size_t count,
                      struct origin *(*origin)(void *, size_t), void *sources)
{
    bool again = retention->failed > 0 && retention->rounds < RETRY_ROUNDS;
    bool all_denied = retention->denied > 0 && retention->denied == retention->sent;

    if (again) {
        retention->at = clock_ticks() + retry_delay(AWS_UNAVAILABLE, retention->rounds++,
                                                    RETRY_BASE_MS, RETRY_CAP_MS, RETRY_CAP_MS);
    } else {
        for (size_t i = 0; i < count; i++) {
            origin(sources, i)->retention_asked = true;
        }
        retention->at = clock_ticks() + (all_denied ? DENIED_MS : EVERY_MS);
        retention->rounds = 0;
    }
    begin_round(retention, again);
}

int64_t retention_step(struct retention *retention, size_t count,
                       struct origin *(*origin)(void *, size_t), void *sources)
{
    struct aws_error error;

    if (retention->asking) {
        return INT64_MAX;
    }
    if (clock_ticks() < retention->at) {
        return retention->at;
    }
    while (retention->next < count) {
        struct origin *next = origin(sources, retention->next++);
        /* A log group of another account is only there for reading. */
        bool foreign = *retention->account && strcmp(next->account, retention->account) != 0;
        if (foreign || (retention->missing && next->retention_asked)) {
            next->retention_asked = true;
            continue;
        }
        retention->at = clock_ticks() + APART_MS;
        retention->sent++;
        if (log_groups_send(retention->aws, next->region, next->log_group, retention, &error)) {
            retention->asking = next;
            return INT64_MAX;
        }
        failed(retention, next, &error);
        return retention->at;
    }
    end_round(retention, count, origin, sources);
    return retention->at;
}

void retention_answer(struct retention *retention, const struct aws_answer *answer)
{
    struct origin *origin = retention->asking;
    struct aws_error error = answer->error;
    struct store_error store_error;
    bool found;
    int64_t days;

    if (!origin) {
        return;
    }
    if (error.problem != AWS_OK ||
        !log_groups_read(answer->body, answer->body_len, origin->identity, &found, &days, &error)) {
        failed(retention, origin, &error);
    } else {
        if (found && !note(retention, days, &store_error)) {
            log_error("%s", store_error.text);
        }
        origin->retention_asked = true;
    }
    retention->asking = NULL;
}
