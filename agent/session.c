/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a conversation with AWS. */
#include "agent/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/aws/logs.h"
#include "agent/clock.h"
#include "agent/command.h"
#include "agent/log.h"
#include "agent/retry.h"
#include "agent/source.h"
#include "agent/times.h"

#define RETRY_BASE_MS 1000
#define RETRY_CAP_MS  30000
#define WAIT_MS       1000 /* ticks of one wait */

static int64_t host_now(void *unused)
{
    (void)unused;
    return clock_now();
}

struct aws *session_aws(const struct config *config)
{
    struct aws_options options = { .profile = config->profile,
                                   .endpoint_url = config->endpoint_url,
                                   .allow_plaintext = config->allow_plaintext_endpoint,
                                   .user_agent = "tailgate/" PACKAGE_VERSION,
                                   .now_ms = host_now };
    struct aws_error error;
    struct aws *aws = aws_new(&options, &error);

    if (config->allow_plaintext_endpoint) {
        log_warning("plain-text endpoints are allowed: credentials may be sent without TLS");
    }
    if (clock_is_simulated()) {
        log_warning("TAILGATE_TEST_CLOCK is set: the time is not the real one");
    }
    if (!aws) {
        log_error("%s", error.text);
    }
    return aws;
}

int64_t session_service_time(const struct aws *aws)
{
    static bool said;
    bool known;
    int64_t now = aws_service_time(aws, &known);

    if (!known && !said) {
        log_warning("AWS does not say the time (no Date header): this host's clock decides what "
                    "counts as read");
        said = true;
    }
    return now;
}

bool session_note_clock(const struct aws *aws, struct store *store, struct store_error *error)
{
    bool known;
    int64_t off = aws_service_time(aws, &known) - clock_now();
    char text[24], duration[DURATION_TEXT_MAX];

    if (!known) {
        return true;
    }
    if (!store_fact_get(store, SESSION_FACT_CLOCK, text, sizeof text, error)) {
        return false;
    }
    int64_t said = strtoll(text, NULL, 10);
    off = llabs(off) > AWS_CLOCK_NOISE_MS ? off : 0;
    if (llabs(off - said) <= AWS_CLOCK_NOISE_MS) {
        return true;
    }
    if (off == 0) {
        log_info("this host's clock is right again");
    } else {
        log_warning("this host's clock is %s %s, as AWS's answers are dated: AWS's is used in its "
                    "place; have the host's clock set, by NTP for example",
                    duration_format(llabs(off), duration), off < 0 ? "fast" : "slow");
    }
    snprintf(text, sizeof text, "%" PRId64, off);
    return store_fact_set(store, SESSION_FACT_CLOCK, text, error);
}

bool session_needs_account(const struct config *config)
{
    for (size_t i = 0; i < config->source_count; i++) {
        if (strncmp(config->sources[i].log_group, "arn:", 4) != 0) {
            return true;
        }
    }
    return false;
}

bool session_lock_run(struct lock_file *lock, const char *state, struct store_error *error)
{
    if (lock_take(lock, LOCK_RUN, error)) {
        return true;
    }
    if (error->status == STORE_LOCKED) {
        snprintf(error->text, sizeof error->text,
                 "another `tailgate run` works with %s; stop it, or give this one a state file of "
                 "its own (--state)",
                 state);
    }
    return false;
}

/* Any call that AWS answers: GetCallerIdentity when the account is wanted, else an empty look at
 * the first log group. */
static bool send_greeting(const struct session_start *start, bool want_account, void *owner,
                          struct aws_error *error)
{
    const struct config_source *source = &start->config->sources[0];

    if (want_account) {
        return sts_identity_send(start->aws, source->region, owner, error);
    }
    struct logs_filter filter = {
        .region = source->region, .group = source->log_group, .start = 0, .end = 0
    };
    return logs_filter_send(start->aws, &filter, owner, error);
}

bool session_say_alive(struct store *store, int64_t *at, struct store_error *error)
{
    char text[24];

    if (clock_ticks() < *at) {
        return true;
    }
    *at = clock_ticks() + SESSION_ALIVE_EVERY;
    snprintf(text, sizeof text, "%" PRId64, clock_now());
    return store_fact_set(store, SESSION_FACT_ALIVE, text, error);
}

/* Waits for calls and signals, some ticks at most; false when asked to stop.  An outage of AWS is
 * no reason for anybody to restart us, so meanwhile it is said that we live. */
static bool wait_a_little(struct session_start *start, int64_t ticks)
{
    struct store_error error;

    if (start->say_alive && !session_say_alive(start->store, &start->alive_at, &error)) {
        log_error("%s", error.text);
    }
    aws_wait(start->aws, clock_wait(ticks < WAIT_MS ? ticks : WAIT_MS), start->signals);
    signals_read(start->signals, &start->pending);
    return start->pending.stops == 0;
}

/* Waits for the greeting's answer; NULL when asked to stop. */
static struct aws_answer *wait_for_answer(struct session_start *start)
{
    struct aws_answer *answer;

    while (!(answer = aws_finished(start->aws))) {
        if (!wait_a_little(start, WAIT_MS)) {
            return NULL;
        }
    }
    return answer;
}

static bool clock_is_known(const struct aws *aws)
{
    bool known;

    (void)aws_service_time(aws, &known);
    return known;
}

/* One greeting.  The error's problem says how it went; *stopped when there was no time for it. */
static void greet(struct session_start *start, bool want_account, char account[static ACCOUNT_MAX],
                  struct aws_error *error, bool *stopped)
{
    static char owner;

    if (!send_greeting(start, want_account, &owner, error)) {
        return;
    }
    struct aws_answer *answer = wait_for_answer(start);
    *stopped = !answer;
    if (!answer) {
        aws_cancel(start->aws, &owner);
        return;
    }
    *error = answer->error;
    if (want_account && error->problem == AWS_OK) {
        sts_identity_read(answer->body, answer->body_len, account, error);
    } else if (!want_account && clock_is_known(start->aws) && error->problem != AWS_REFUSED) {
        /* It was the clock that was wanted; whether the group can be read its source will see. */
        error->problem = AWS_OK;
    }
    aws_answer_free(answer);
}

static bool pause_for(struct session_start *start, int64_t ms)
{
    int64_t until = clock_ticks() + ms;

    while (clock_ticks() < until) {
        if (!wait_a_little(start, until - clock_ticks())) {
            return false;
        }
    }
    return true;
}

int session_begin(struct session_start *start, char account[static ACCOUNT_MAX])
{
    bool stopped = false, named = session_needs_account(start->config);
    struct store_error store_error;
    struct aws_error error = { 0 };

    if (!store_fact_get(start->store, SESSION_FACT_ACCOUNT, account, ACCOUNT_MAX, &store_error)) {
        log_error("%s", store_error.text);
        return EXIT_STORE;
    }
    bool want_account = named && !*account;
    for (unsigned attempt = 0;; attempt++) {
        greet(start, want_account, account, &error, &stopped);
        if (stopped) {
            return SESSION_STOPPED;
        }
        if (error.problem == AWS_OK) {
            break;
        }
        bool mended = aws_problem_mended(error.problem) && attempt < 3;
        if (!mended && !aws_problem_passes(error.problem)) {
            log_error("%s", error.text);
            return error.problem == AWS_FAILED || error.problem == AWS_INVALID ? EXIT_USAGE
                                                                               : EXIT_REFUSED;
        }
        if (!mended) {
            log_warning("%s; trying again", error.text);
            if (!pause_for(start,
                           retry_delay(error.problem, attempt, RETRY_BASE_MS, RETRY_CAP_MS, 0))) {
                return SESSION_STOPPED;
            }
        }
    }
    if (want_account &&
        !store_fact_set(start->store, SESSION_FACT_ACCOUNT, account, &store_error)) {
        log_error("%s", store_error.text);
        return EXIT_STORE;
    }
    log_debug("credentials from %s", aws_credentials_source(start->aws));
    return EXIT_YES;
}
