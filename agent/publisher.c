/* SPDX-License-Identifier: Apache-2.0 */
/* From the outbox to people. */
#include "agent/publisher.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/aws/sns.h"
#include "agent/clock.h"
#include "agent/log.h"
#include "agent/message.h"
#include "agent/retry.h"
#include "storage/alerts.h"
#include "storage/bucket.h"
#include "storage/copies.h"

#define IDLE_MS                                                                                    \
    1000 /* how often the outbox is looked at, for what a backfill beside us puts there */
#define RETRY_BASE_MS     1000
#define RETRY_CAP_MS      (5 * 60 * 1000)
#define RETRY_REFUSED_MS  (60 * 1000) /* least wait when only a person can help */
#define STORE_FAILED_MS   1000
#define MENDED_MAX        2 /* attempts at once after expired credentials or a wrong clock */
#define BREAKER           "breaker"
#define COPY_BREAKER      "breaker of copies"
#define COPIES_FACT       "copies go to"
#define SEVERITY_WORD_MAX 16

/* A message a second, and never more than five in any second: SNS cuts off an e-mail subscription
 * at ten. */
static const struct bucket_terms breaker_low = { .rate = 1, .burst = 4, .reserve = 2 };
static const struct bucket_terms breaker_high = { .rate = 1, .burst = 4, .reserve = 0 };
/* More alerts than this below "high" waiting at once are told as one. */
#define WAITING_MAX 5
/* And more than this of any severity: a minute's worth. */
#define WAITING_URGENT_MAX 60

bool publisher_busy(const struct publisher *publisher)
{
    return publisher->flying != 0;
}

static bool same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Remembers where copies go.  Once that is the topic, what was copied there is told.  Not before
 * the answer to what is under way: it may be such a copy. */
static bool note_copies(struct store *store, const struct config *config, struct store_error *error)
{
    char copied_to[REFUSAL_TOPIC_MAX];

    if (!store_fact_get(store, COPIES_FACT, copied_to, sizeof copied_to, error)) {
        return false;
    }
    if (*copied_to && same(copied_to, config->topic_arn) && !copies_settle(store, error)) {
        return false;
    }
    return !config->fallback_topic_arn || same(copied_to, config->fallback_topic_arn) ||
           store_fact_set(store, COPIES_FACT, config->fallback_topic_arn, error);
}

bool publisher_use(struct publisher *publisher, const struct config *config,
                   struct store_error *error)
{
    const struct config *before = publisher->config;

    if (!before || !same(before->topic_arn, config->topic_arn) ||
        !same(before->fallback_topic_arn, config->fallback_topic_arn)) {
        publisher->copy_failures = 0;
        publisher->moved = true;
    }
    publisher->config = config;
    return refusal_begin(&publisher->refusal, publisher->store, config, error);
}

/* Whether what waits goes to the second topic, too. */
static bool copies_wanted(const struct publisher *publisher, int64_t now)
{
    return refusal_lasts(&publisher->refusal, now) && publisher->config->fallback_topic_arn;
}

bool publisher_tells(const struct publisher *publisher)
{
    int64_t now = clock_now();

    return !refusal_lasts(&publisher->refusal, now) ||
           (copies_wanted(publisher, now) && publisher->copy_failures == 0);
}

void publisher_look(struct publisher *publisher)
{
    publisher->next_at = 0;
}

static void complain(struct publisher *publisher, const char *text)
{
    if (!publisher->complained) {
        log_error("%s; the alert stays in the store and is tried again", text);
    }
    publisher->complained = true;
}

/* Without the store nothing can be marked: the next try waits, or the same alert would go out again
 * and again. */
static void rest(struct publisher *publisher, const char *why)
{
    complain(publisher, why);
    publisher->next_at = clock_ticks() + STORE_FAILED_MS;
}

/* When to try again. */
static int64_t next_attempt(const struct aws_error *error, int64_t attempts)
{
    return clock_now() +
           retry_delay(error->problem, attempts, RETRY_BASE_MS, RETRY_CAP_MS, RETRY_REFUSED_MS);
}

static void failed(struct publisher *publisher, int64_t row, const struct aws_error *error)
{
    struct store *store = publisher->store;
    struct store_error store_error;
    /* Without a clear answer it may have arrived. */
    bool maybe_sent = error->problem == AWS_UNAVAILABLE || error->problem == AWS_BAD_ANSWER;
    bool ok;

    if (publisher->copying) {
        if (publisher->copy_failures == 0) {
            log_error("%s; the copy is tried again", error->text);
        }
        int64_t next = next_attempt(error, publisher->copy_failures++);
        ok = copies_failed(store, row, next, maybe_sent, &store_error);
    } else {
        complain(publisher, error->text);
        int64_t next = next_attempt(error, publisher->attempts);
        ok = alerts_failed(store, row, next, maybe_sent, error->text, &store_error) &&
             (publisher->moved ||
              refusal_failed(&publisher->refusal, store, error, clock_now(), &store_error));
    }
    if (!ok) {
        rest(publisher, store_error.text);
    }
}

static void sent(struct publisher *publisher, int64_t row, const char *message_id)
{
    struct store *store = publisher->store;
    struct store_error error;

    /* Not marked, it goes out once more: at least once is the promise, and receivers know its id.
     */
    if (publisher->copying) {
        publisher->copy_failures = 0;
        if (!copies_sent(store, row, clock_now(), &error)) {
            rest(publisher, error.text);
        }
    } else if (!alerts_sent(store, row, clock_now(), message_id, &error) ||
               (!publisher->moved && !refusal_over(&publisher->refusal, store, &error))) {
        rest(publisher, error.text);
    } else if (publisher->complained) {
        log_info("publishing works again");
        publisher->complained = false;
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
    const struct config *config = publisher->config;
    struct sns_message sns = { .topic_arn = publisher->copying ? config->fallback_topic_arn
                                                               : config->topic_arn,
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

/* Hands a message over; false with the error when it could not be. */
static bool hand_over(struct publisher *publisher, const struct alert *alert,
                      const struct message *message, struct aws_error *error)
{
    if (publisher->config->topic_arn) {
        if (!send_to_topic(publisher, alert, message, error)) {
            return false;
        }
        publisher->flying = alert->row;
        return true;
    }
    if (!print(publisher, message)) {
        *error = (struct aws_error){ .problem = AWS_UNAVAILABLE,
                                     .text = "standard output cannot be written" };
        return false;
    }
    sent(publisher, alert->row, "");
    return true;
}

static bool publish(struct publisher *publisher, const struct alert *alert,
                    struct store_error *store_error)
{
    struct aws_error error;
    struct message message;
    int64_t row = alert->row;

    publisher->attempts = alert->attempts;
    publisher->copy_turn = !publisher->copying;
    bool ok =
        message_make(publisher->store, alert, publisher->config->alert_format, &message,
                     store_error) &&
        (publisher->copying ? copies_trying : alerts_trying)(publisher->store, row, store_error);
    if (ok && !hand_over(publisher, alert, &message, &error)) {
        failed(publisher, row, &error);
    }
    message_free(&message);
    return ok;
}

static bool is_urgent(const struct alert *alert)
{
    char word[SEVERITY_WORD_MAX];
    enum severity severity = SEVERITY_HIGH; /* should the word not be one of ours */

    snprintf(word, sizeof word, "%.*s", (int)alert->severity.len, alert->severity.data);
    severity_parse(word, &severity);
    return severity >= SEVERITY_HIGH;
}

/* Takes one alert that waits, or the copy of one, if there is any that may go now.  *wait_ms: else
 * nothing can go this way before. */
static bool take(struct publisher *publisher, bool copy, int64_t now, bool *taken, int64_t *wait_ms,
                 struct store_error *error)
{
    struct store *store = publisher->store;
    struct alert alert;
    bool found;

    *taken = false;
    *wait_ms = IDLE_MS;
    bool ok = copy ? copies_next(store, now, &alert, &found, error)
                   : alerts_next(store, now, &alert, &found, error);
    if (!ok || !found) {
        return ok;
    }
    *taken = true;
    *wait_ms = 0;
    if (publisher->config->topic_arn &&
        !bucket_take(store, copy ? COPY_BREAKER : BREAKER,
                     is_urgent(&alert) ? &breaker_high : &breaker_low, now, taken, wait_ms,
                     error)) {
        return false;
    }
    publisher->copying = copy;
    return !*taken || publish(publisher, &alert, error);
}

/* Takes one alert from the outbox.  *wait_ms: nothing can go out before.  The topics take turns, so
 * that one which lets us wait for every answer does not keep the other from getting any. */
static bool take_one(struct publisher *publisher, int64_t *wait_ms, struct store_error *error)
{
    int64_t now = clock_now(), other_ms;
    bool made, taken, both = copies_wanted(publisher, now);
    bool first = both && publisher->copy_turn;

    if (publisher->moved && !note_copies(publisher->store, publisher->config, error)) {
        return false;
    }
    publisher->moved = false;
    if (publisher->config->topic_arn &&
        (!alerts_summarise(publisher->store, WAITING_MAX, "high", now, &made, error) ||
         !alerts_summarise(publisher->store, WAITING_URGENT_MAX, NULL, now, &made, error))) {
        return false;
    }
    if (!take(publisher, first, now, &taken, wait_ms, error)) {
        return false;
    }
    if (both && !taken) {
        if (!take(publisher, !first, now, &taken, &other_ms, error)) {
            return false;
        }
        *wait_ms = other_ms < *wait_ms ? other_ms : *wait_ms;
    }
    return true;
}

int64_t publisher_step(struct publisher *publisher)
{
    struct store_error error;
    int64_t wait;

    if (publisher->flying) {
        return INT64_MAX;
    }
    if (clock_ticks() >= publisher->next_at) {
        publisher->next_at = 0;
        if (!take_one(publisher, &wait, &error)) {
            rest(publisher, error.text);
        } else if (publisher->next_at == 0) {
            publisher->next_at = clock_ticks() + wait;
        }
    }
    return publisher->flying ? INT64_MAX : publisher->next_at;
}

void publisher_answer(struct publisher *publisher, const struct aws_answer *answer)
{
    int64_t row = publisher->flying;
    char message_id[SNS_MESSAGE_ID_MAX] = "";
    struct aws_error error = answer->error;
    bool mended = aws_problem_mended(error.problem);

    publisher->flying = 0;
    publisher->next_at = 0;
    if (error.problem == AWS_OK) {
        sns_publish_read(answer->body, answer->body_len, message_id, &error);
    }
    if (error.problem == AWS_OK) {
        publisher->mended = 0;
        sent(publisher, row, message_id);
    } else if (mended && publisher->mended < MENDED_MAX) {
        publisher->mended++; /* the next attempt has new credentials, or the right time */
    } else {
        failed(publisher, row, &error);
    }
}
