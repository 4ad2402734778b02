/* SPDX-License-Identifier: Apache-2.0 */
/* Telling of a topic that takes no alerts. */
#include "agent/refusal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/log.h"
#include "agent/notice.h"
#include "agent/times.h"

/* "SINCE TOPIC", or empty. */
#define FACT     "topic refuses"
#define FACT_MAX (REFUSAL_TOPIC_MAX + 32)

bool refusal_since(struct store *store, int64_t *since, char topic[static REFUSAL_TOPIC_MAX],
                   struct store_error *error)
{
    char value[FACT_MAX];
    char *end;

    if (!store_fact_get(store, FACT, value, sizeof value, error)) {
        return false;
    }
    *since = strtoll(value, &end, 10);
    snprintf(topic, REFUSAL_TOPIC_MAX, "%.*s", REFUSAL_TOPIC_MAX - 1, *end ? end + 1 : "");
    return true;
}

static bool keep(struct refusal *refusal, struct store *store, struct store_error *error)
{
    char value[FACT_MAX] = "";

    if (refusal->since) {
        snprintf(value, sizeof value, "%" PRId64 " %.*s", refusal->since, REFUSAL_TOPIC_MAX - 1,
                 refusal->config->topic_arn);
    }
    if (!store_fact_set(store, FACT, value, error)) {
        return false;
    }
    refusal->kept = refusal->since != 0;
    return true;
}

bool refusal_begin(struct refusal *refusal, struct store *store, const struct config *config,
                   struct store_error *error)
{
    const char *before = refusal->config ? refusal->config->topic_arn : NULL;
    char topic[REFUSAL_TOPIC_MAX];
    bool same = before && config->topic_arn && strcmp(before, config->topic_arn) == 0;

    refusal->config = config;
    if (same) {
        return true;
    }
    *refusal = (struct refusal){ .config = config };
    if (!refusal_since(store, &refusal->since, topic, error)) {
        return false;
    }
    refusal->kept = refusal->since != 0;
    if (config->topic_arn && strcmp(topic, config->topic_arn) == 0) {
        return true;
    }
    refusal->since = 0;
    return !refusal->kept || keep(refusal, store, error);
}

bool refusal_lasts(const struct refusal *refusal, int64_t now)
{
    return refusal->since != 0 && now - refusal->since >= REFUSAL_TOLD_AFTER;
}

/* In the log, and by a notice, which status shows and the second topic gets. */
static bool tell(struct refusal *refusal, struct store *store, const struct aws_error *why,
                 int64_t now, struct store_error *error)
{
    const struct config *config = refusal->config;
    const char *second = config->fallback_topic_arn;
    char text[NOTICE_TEXT_MAX], since[TIME_TEXT_MAX], length[DURATION_TEXT_MAX];
    struct notice notice = { .kind = NOTICE_TOPIC_REFUSES,
                             .severity = SEVERITY_HIGH,
                             .time = refusal->since,
                             .text = text };
    bool known;

    snprintf(text, sizeof text,
             "%s has taken no alert since %s (%s). What failed last: %s. Alerts wait in the state "
             "file and are tried on; meanwhile %s%s%s.",
             config->topic_arn, time_format(refusal->since, since),
             duration_format(now - refusal->since, length), why->text,
             second ? "they go to " : "nobody gets them, as no alerts.fallback_topic_arn is given",
             second ? second : "", second ? ", too" : "");
    if (!store_begin(store, error)) {
        return false;
    }
    bool ok = notice_add(store, &notice, &known, error) && keep(refusal, store, error) &&
              store_commit(store, error);
    store_rollback(store);
    if (ok) {
        refusal->told = true;
        log_error("%s", text);
    }
    return ok;
}

bool refusal_failed(struct refusal *refusal, struct store *store, const struct aws_error *why,
                    int64_t now, struct store_error *error)
{
    if (!refusal->config || !refusal->config->topic_arn) {
        return true;
    }
    /* A beginning that lies ahead was noted by a clock that has gone back since. */
    bool first = refusal->since == 0 || refusal->since > now;
    if (first) {
        refusal->since = now;
    }
    if (refusal_lasts(refusal, now)) {
        return refusal->told || tell(refusal, store, why, now, error);
    }
    if (aws_problem_passes(why->problem) || (refusal->kept && !first)) {
        return true;
    }
    return keep(refusal, store, error);
}

bool refusal_over(struct refusal *refusal, struct store *store, struct store_error *error)
{
    bool kept = refusal->kept;

    if (refusal->since == 0) {
        return true;
    }
    refusal->since = 0;
    refusal->told = false;
    return !kept || keep(refusal, store, error);
}
