/* SPDX-License-Identifier: Apache-2.0 */
/* From the outbox to people. */
#include "agent/publisher.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "agent/aws/sns.h"
#include "agent/clock.h"
#include "agent/log.h"
#include "agent/message.h"
#include "storage/alerts.h"
#include "storage/bucket.h"

#define IDLE_MS                                                                                    \
    1000 /* how often the outbox is looked at, for what a backfill beside us puts there */
#define RETRY_BASE_MS    1000
#define RETRY_CAP_MS     (5 * 60 * 1000)
#define RETRY_REFUSED_MS (60 * 1000) /* least wait when only a person can help */
#define BREAKER          "breaker"

/* A message a second, and never more than five in any second: SNS cuts off an e-mail subscription
 * at ten. */
static const struct bucket_terms breaker_low = { .rate = 1, .burst = 4, .reserve = 2 };
static const struct bucket_terms breaker_high = { .rate = 1, .burst = 4, .reserve = 0 };
/* More alerts than this below "high" waiting at once are told as one. */
#define WAITING_MAX 5

bool publisher_busy(const struct publisher *publisher)
{
    return publisher->flying != 0;
}

static void complain(struct publisher *publisher, const char *text)
{
    if (!publisher->complained) {
        log_error("%s; the alert stays in the store and is tried again", text);
    }
    publisher->complained = true;
}

static int64_t retry_at(const struct publisher *publisher, const struct aws_error *error)
{
    uint32_t random = 0;

    RAND_bytes((unsigned char *)&random, sizeof random);
    int64_t delay =
        aws_retry_delay_ms((unsigned)publisher->attempts, RETRY_BASE_MS, RETRY_CAP_MS, random);
    if (!aws_problem_passes(error->problem) && delay < RETRY_REFUSED_MS) {
        delay = RETRY_REFUSED_MS;
    }
    return clock_now() + delay;
}

static void failed(struct publisher *publisher, int64_t row, const struct aws_error *error)
{
    struct store_error store_error;

    /* Without a clear answer it may have arrived. */
    bool maybe_sent = error->problem == AWS_UNAVAILABLE || error->problem == AWS_BAD_ANSWER;

    complain(publisher, error->text);
    if (!alerts_failed(publisher->store, row, retry_at(publisher, error), maybe_sent, error->text,
                       &store_error)) {
        log_error("%s", store_error.text);
    }
}

static void sent(struct publisher *publisher, int64_t row, const char *message_id)
{
    struct store_error error;

    if (publisher->complained) {
        log_info("publishing works again");
        publisher->complained = false;
    }
    if (!alerts_sent(publisher->store, row, clock_now(), message_id, &error)) {
        /* It will go out once more: at least once is the promise, and receivers know it by its id.
         */
        log_error("%s", error.text);
    }
}

static bool send_to_topic(struct publisher *publisher, const struct alert *alert,
                          const struct message *message, struct aws_error *error)
{
    struct sns_attribute attributes[] = {
        { "severity", message->severity }, { "rule", message->rule },
        { "verdict", message->verdict },   { "source", message->source },
        { "alert_id", alert->id },         { "fingerprint", message->fingerprint },
    };
    struct sns_message sns = { .topic_arn = publisher->config->topic_arn,
                               .subject = message->subject,
                               .body = message->body,
                               .body_len = message->body_len,
                               .attributes = attributes,
                               .attribute_count = sizeof attributes / sizeof *attributes,
                               .deduplication_id = alert->id,
                               .group_id = message->rule };

    return sns_publish_send(publisher->aws, &sns, publisher, error);
}

static bool print(const struct publisher *publisher, const struct message *message)
{
    if (publisher->config->output == OUTPUT_TEXT) {
        printf("Subject: %s\n\n", message->subject);
        fwrite(message->body, 1, message->body_len, stdout);
        puts("\n--");
    }
    return fflush(stdout) == 0;
}

static void publish(struct publisher *publisher, const struct alert *alert)
{
    struct store_error store_error = { 0 };
    struct aws_error error = { 0 };
    struct message message;

    publisher->attempts = alert->attempts;
    if (!message_make(publisher->store, alert, publisher->config->alert_format, &message,
                      &store_error)) {
        error.problem = AWS_FAILED;
        snprintf(error.text, sizeof error.text, "an alert could not be put into words: %.400s",
                 store_error.text);
        failed(publisher, alert->row, &error);
    } else if (!publisher->config->topic_arn) {
        if (print(publisher, &message)) {
            sent(publisher, alert->row, "");
        } else {
            error.problem = AWS_UNAVAILABLE;
            snprintf(error.text, sizeof error.text, "standard output cannot be written");
            failed(publisher, alert->row, &error);
        }
    } else if (alerts_trying(publisher->store, alert->row, &store_error) &&
               send_to_topic(publisher, alert, &message, &error)) {
        publisher->flying = alert->row;
    } else {
        failed(publisher, alert->row, &error);
    }
    message_free(&message);
}

static bool is_urgent(const struct alert *alert)
{
    static const char *const urgent[] = { "high", "critical" };

    for (size_t i = 0; i < sizeof urgent / sizeof *urgent; i++) {
        if (alert->severity.len == strlen(urgent[i]) &&
            memcmp(alert->severity.data, urgent[i], alert->severity.len) == 0) {
            return true;
        }
    }
    return false;
}

/* Takes one alert from the outbox.  *wait_ms: nothing can go out before; 0: go on at once. */
static bool take_one(struct publisher *publisher, int64_t *wait_ms, struct store_error *error)
{
    struct alert alert;
    bool found, allowed = true, made;
    int64_t now = clock_now();

    *wait_ms = 0;
    if (publisher->config->topic_arn &&
        !alerts_summarise(publisher->store, WAITING_MAX, "high", now, &made, error)) {
        return false;
    }
    if (!alerts_next(publisher->store, now, &alert, &found, error)) {
        return false;
    }
    if (!found) {
        *wait_ms = IDLE_MS;
        return true;
    }
    if (publisher->config->topic_arn &&
        !bucket_take(publisher->store, BREAKER, is_urgent(&alert) ? &breaker_high : &breaker_low,
                     now, &allowed, wait_ms, error)) {
        return false;
    }
    if (allowed) {
        publish(publisher, &alert);
    }
    return true;
}

int64_t publisher_step(struct publisher *publisher)
{
    struct store_error error;
    int64_t wait = 0;

    while (!publisher->flying && clock_ticks() >= publisher->next_at) {
        if (!take_one(publisher, &wait, &error)) {
            complain(publisher, error.text);
            wait = RETRY_BASE_MS;
        }
        publisher->next_at = clock_ticks() + wait;
    }
    return publisher->flying ? INT64_MAX : publisher->next_at;
}

void publisher_answer(struct publisher *publisher, const struct aws_answer *answer)
{
    int64_t row = publisher->flying;
    char message_id[SNS_MESSAGE_ID_MAX] = "";
    struct aws_error error = answer->error;

    publisher->flying = 0;
    if (error.problem == AWS_OK) {
        sns_publish_read(answer->body, answer->body_len, message_id, &error);
    }
    if (error.problem == AWS_OK) {
        sent(publisher, row, message_id);
    } else if (error.problem == AWS_EXPIRED || error.problem == AWS_SKEWED) {
        publisher->next_at = 0; /* what was wrong is mended: again at once */
    } else {
        failed(publisher, row, &error);
    }
}
