/* SPDX-License-Identifier: Apache-2.0 */
/* Asking for how long log groups keep their events. */
#include "agent/retention.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/aws/log_groups.h"
#include "agent/clock.h"
#include "agent/log.h"
#include "agent/notice.h"
#include "agent/retry.h"

#define DAY_MS        (24 * 60 * INT64_C(60000))
#define EVERY_MS      (60 * INT64_C(60000))
#define APART_MS      1000   /* DescribeLogGroups has a quota of its own, which others need, too */
#define DENIED_MS     DAY_MS /* until it is tried again */
#define RETRY_BASE_MS 2000
#define RETRY_CAP_MS  60000
#define FACT_MAX      40
#define NUMBER_MAX    24

static void name_fact(int64_t source, char out[static FACT_MAX])
{
    snprintf(out, FACT_MAX, "retention %" PRId64, source);
}

/* The days that are known of; -1: none. */
static bool known_days(struct store *store, int64_t source, int64_t *days,
                       struct store_error *error)
{
    char name[FACT_MAX], text[NUMBER_MAX];

    name_fact(source, name);
    if (!store_fact_get(store, name, text, sizeof text, error)) {
        return false;
    }
    *days = *text ? strtoll(text, NULL, 10) : -1;
    return true;
}

bool retention_get(struct store *store, int64_t source, int64_t *ms, struct store_error *error)
{
    int64_t days;

    if (!known_days(store, source, &days, error)) {
        return false;
    }
    *ms = days > 0 ? days * DAY_MS : RETENTION_UNKNOWN;
    return true;
}

void retention_begin(struct retention *retention)
{
    aws_cancel(retention->aws, retention);
    retention->asked = false;
    retention->at = 0;
    retention->next = 0;
    retention->asking = NULL;
    retention->failures = 0;
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
    int64_t before, source = retention->asking->source;
    char name[FACT_MAX], text[NUMBER_MAX];

    if (!known_days(store, source, &before, error)) {
        return false;
    }
    if (before == days) {
        return true;
    }
    bool shorter = before >= 0 && days != LOG_GROUPS_FOR_EVER &&
                   (before == LOG_GROUPS_FOR_EVER || days < before);
    name_fact(source, name);
    snprintf(text, sizeof text, "%" PRId64, days);
    if (!store_begin(store, error)) {
        return false;
    }
    bool ok = (!shorter || tell(retention, before, days, error)) &&
              store_fact_set(store, name, text, error) && store_commit(store, error);
    if (!ok) {
        store_rollback(store);
    }
    return ok;
}

/* All has been asked about, or is not to be. */
static void rest(struct retention *retention, int64_t ms)
{
    retention->asked = true;
    retention->next = 0;
    retention->at = clock_ticks() + ms;
}

/* After a failure: what is only for the moment is asked for again. */
static void failed(struct retention *retention, const struct aws_error *error)
{
    if (error->problem == AWS_DENIED) {
        rest(retention, DENIED_MS);
        log_info("%s; without it nobody is told when a log group keeps its events for less time; "
                 "tried again after a day or a reload",
                 error->text);
        return;
    }
    log_debug("retention: %s", error->text);
    if (aws_problem_passes(error->problem) || aws_problem_refusal(error->problem)) {
        retention->next--;
        retention->at = clock_ticks() + APART_MS +
                        retry_delay(error->problem, retention->failures++, RETRY_BASE_MS,
                                    RETRY_CAP_MS, RETRY_CAP_MS);
    }
}

int64_t retention_step(struct retention *retention, size_t count,
                       const struct origin *(*origin)(const void *, size_t), const void *sources)
{
    struct aws_error error;

    if (retention->asking) {
        return INT64_MAX;
    }
    if (clock_ticks() < retention->at) {
        return retention->at;
    }
    while (retention->next < count) {
        const struct origin *next = origin(sources, retention->next++);
        /* A log group of another account is only there for reading. */
        if (*retention->account && strcmp(next->account, retention->account) != 0) {
            continue;
        }
        retention->at = clock_ticks() + APART_MS;
        if (log_groups_send(retention->aws, next->region, next->log_group, retention, &error)) {
            retention->asking = next;
            return INT64_MAX;
        }
        failed(retention, &error);
        return retention->at;
    }
    rest(retention, EVERY_MS);
    return retention->at;
}

void retention_answer(struct retention *retention, const struct aws_answer *answer)
{
    const struct origin *origin = retention->asking;
    struct aws_error error = answer->error;
    struct store_error store_error;
    bool found;
    int64_t days;

    if (!origin) {
        return;
    }
    if (error.problem != AWS_OK || !log_groups_read(answer->body, answer->body_len,
                                                    origin->identity, &found, &days, &error)) {
        failed(retention, &error);
    } else {
        retention->failures = 0;
        if (found && !note(retention, days, &store_error)) {
            log_error("%s", store_error.text);
        }
    }
    retention->asking = NULL;
}
