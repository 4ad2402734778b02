/* SPDX-License-Identifier: Apache-2.0 */
/* Backfill of a window of log groups through CloudWatch Logs. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ages.h"
#include "agent/backfill.h"
#include "agent/budget.h"
#include "agent/clock.h"
#include "agent/command.h"
#include "agent/fingerprint.h"
#include "agent/memory.h"
#include "agent/publisher.h"
#include "agent/retention.h"
#include "agent/retry.h"
#include "agent/session.h"
#include "agent/times.h"
#include "agent/window.h"
#include "storage/alerts.h"
#include "storage/coverage.h"

#define HOUR_MS        INT64_C(3600000)
#define ATTEMPTS_MAX   8
#define RETRY_BASE_MS  500
#define RETRY_CAP_MS   20000
#define PUBLISH_FOR_MS 60000 /* after that what waits is left to the next run */

struct backfill {
    const struct config *config;
    struct store *store;
    struct aws *aws;
    struct budget budget;
    struct lock_file *lock;
    int signals;
    uint8_t digest[FINGERPRINT_SIZE];
    char account[ACCOUNT_MAX];
    bool alert_each, stopped, refused, store_failed;
    int64_t sources[CONFIG_SOURCES_MAX];
    struct backfill_result *result;
};

/* Waits some milliseconds of our clock, or until a call is finished or a signal comes; false when
 * stopped. */
static bool wait_for(struct backfill *backfill, int64_t ms)
{
    struct signals signals = { 0 };

    aws_wait(backfill->aws, clock_wait(ms), backfill->signals);
    signals_read(backfill->signals, &signals);
    backfill->stopped = backfill->stopped || signals.stops > 0;
    return !backfill->stopped;
}

static bool pause_for(struct backfill *backfill, int64_t ms)
{
    int64_t until = clock_ticks() + ms;

    while (clock_ticks() < until) {
        if (!wait_for(backfill, until - clock_ticks())) {
            return false;
        }
    }
    return true;
}

/* What the store says stands for what went wrong with the window. */
static void fail_for_store(struct backfill *backfill, const struct store_error *store_error,
                           struct aws_error *error)
{
    backfill->store_failed = true;
    *error = (struct aws_error){ .problem = AWS_FAILED };
    snprintf(error->text, sizeof error->text, "%s", store_error->text);
}

/* Sends the next page's request as soon as the budget allows. */
static bool send_page(struct backfill *backfill, struct window *window, const struct origin *origin,
                      struct aws_error *error)
{
    struct store_error store_error;
    bool taken = false;
    int64_t wait;

    while (!taken) {
        if (!budget_take(&backfill->budget, origin, BUDGET_BACKFILL, &taken, &wait, &store_error)) {
            fail_for_store(backfill, &store_error, error);
            return false;
        }
        if (!taken && !pause_for(backfill, wait)) {
            return false;
        }
    }
    return window_send(window, backfill->aws, origin, error);
}

/* Judges a page, and prints what was found once it is committed: whoever reads our output may be
 * slow, and others wait for the store. */
static enum window_result take_page(struct backfill *backfill, struct window *window,
                                    const struct aws_answer *answer, struct detector *detector,
                                    int64_t watch, struct aws_error *error)
{
    struct store_error store_error;
    char *lines = NULL;
    size_t len = 0;

    detector->out = open_memstream(&lines, &len);
    enum window_result result = window_take(
        window, answer, detector, watch, session_service_time(backfill->aws), error, &store_error);
    if (detector->out) {
        (void)fclose(detector->out);
        detector->out = NULL;
    }
    if (result == WINDOW_STORE_FAILED) {
        fail_for_store(backfill, &store_error, error);
    } else if (result == WINDOW_FAILED) {
        if (error->problem == AWS_THROTTLED &&
            !budget_throttled(&backfill->budget, detector->origin, &store_error)) {
            log_error("%s", store_error.text);
        }
    } else {
        fwrite(lines, 1, len, stdout);
        (void)fflush(stdout); /* main asks at the end whether all was written */
    }
    free(lines);
    return result;
}

/* One page; the window says what is left. */
static enum window_result read_page(struct backfill *backfill, struct window *window,
                                    struct detector *detector, int64_t watch,
                                    struct aws_error *error)
{
    struct aws_answer *answer;

    *error = (struct aws_error){ .problem = AWS_FAILED };
    if (!send_page(backfill, window, detector->origin, error)) {
        return WINDOW_FAILED;
    }
    while (!(answer = aws_finished(backfill->aws))) {
        if (!wait_for(backfill, 1000)) {
            aws_cancel(backfill->aws, window);
            return WINDOW_FAILED;
        }
    }
    enum window_result result = take_page(backfill, window, answer, detector, watch, error);
    aws_answer_free(answer);
    return result;
}

/* Reads one window to its end; false, with the error, when it could not be. */
static bool read_window(struct backfill *backfill, struct window *window, struct detector *detector,
                        int64_t watch, struct aws_error *error)
{
    while (window->open) {
        enum window_result result = read_page(backfill, window, detector, watch, error);
        if (backfill->stopped || backfill->store_failed) {
            return false;
        }
        if (result != WINDOW_FAILED) {
            continue;
        }
        bool mends = aws_problem_mended(error->problem);
        if (window->attempt >= ATTEMPTS_MAX || (!mends && !aws_problem_passes(error->problem))) {
            return false;
        }
        int64_t delay =
            mends ? 0
                  : retry_delay(error->problem, window->attempt, RETRY_BASE_MS, RETRY_CAP_MS, 0);
        log_info("%s; attempt %u of %d failed", error->text, window->attempt, ATTEMPTS_MAX);
        if (!pause_for(backfill, delay)) {
            return false;
        }
    }
    return true;
}

static void tell_gap(const struct origin *origin, int64_t start, int64_t end, const char *why)
{
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];

    log_error("not read: %s from %s to %s: %s", origin->log_group, time_format(start, from),
              time_format(end, to), why);
}

/* Reads [since, until) of one log group, an hour at a time; what cannot be read is told, and the
 * rest is still read. */
static void read_hours(struct backfill *backfill, struct detector *detector, int64_t watch,
                       int64_t since, int64_t until)
{
    const struct origin *origin = detector->origin;
    struct window window = { 0 };
    struct aws_error error = { 0 };
    struct store_error store_error;
    struct retention_kept kept;

    if (!retention_get(backfill->store, origin->source, session_service_time(backfill->aws), &kept,
                       &store_error)) {
        log_error("%s", store_error.text);
        kept = (struct retention_kept){ .settled = AGE_SETTLED };
    }
    if (since < kept.horizon) {
        int64_t end = kept.horizon < until ? kept.horizon : until;
        tell_gap(origin, since, end, "the log group does not keep its events that long");
        backfill->result->incomplete = true;
        since = end;
    }
    for (int64_t start = since; start < until; start += HOUR_MS) {
        int64_t end = until - start < HOUR_MS ? until : start + HOUR_MS;
        window_open(&window, start, end, end, NULL, 0);
        window.settled = kept.settled;
        if (read_window(backfill, &window, detector, watch, &error)) {
            continue;
        }
        backfill->result->incomplete = true;
        backfill->refused = backfill->refused || aws_problem_refusal(error.problem);
        /* Whether for a signal or for a refusal, the hours after this one would fare no better. */
        bool hopeless = backfill->stopped || !aws_problem_passes(error.problem);
        tell_gap(detector->origin, start, hopeless ? until : end,
                 backfill->stopped ? "stopped by a signal" : error.text);
        if (hopeless) {
            break;
        }
    }
    window_close(&window);
}

static bool read_source(struct backfill *backfill, size_t index, int64_t since, int64_t until,
                        struct store_error *error)
{
    struct origin origin =
        origin_of_log_group(&backfill->config->sources[index], backfill->account);
    struct detector detector = { .store = backfill->store,
                                 .config = backfill->config,
                                 .origin = &origin,
                                 .alert = backfill->alert_each,
                                 .form = backfill->config->output,
                                 .tally = backfill->result->tally };
    struct backfill_result *result = backfill->result;
    int64_t watch = 0;

    detector.judge = judge_new(backfill->config->judged, origin.format);
    bool ok = detector.judge &&
              coverage_source(backfill->store, origin.identity, &origin.source, error) &&
              coverage_watch(backfill->store, origin.source, backfill->digest, &watch, error);
    if (ok) {
        backfill->sources[index] = origin.source;
        read_hours(backfill, &detector, watch, since, until);
    }
    result->events += detector.events;
    result->findings += detector.findings;
    result->new_findings += detector.new_findings;
    judge_free(detector.judge);
    detect_free(&detector);
    origin_free(&origin);
    return ok;
}

/* Publishes what waits, unless a `run` lives, which will. */
static void publish(struct backfill *backfill)
{
    struct publisher publisher = { .store = backfill->store,
                                   .aws = backfill->aws,
                                   .config = backfill->config };
    struct store_error error;
    int64_t until = clock_ticks() + PUBLISH_FOR_MS, due = 0;

    if (lock_held_elsewhere(backfill->lock, LOCK_RUN) ||
        !lock_take(backfill->lock, LOCK_PUBLISH, &error)) {
        log_info("the alerts are left to the tailgate that runs on this state file");
        return;
    }
    /* With nobody to fold later, what the kinds hold is told now: as if their time were over. */
    int64_t fold = backfill->config->fold;
    if (!alerts_fold(backfill->store, clock_now() + fold + 1, fold, &due, &error)) {
        log_error("%s", error.text);
    }
    while (clock_ticks() < until && !backfill->stopped &&
           (publisher_busy(&publisher) || !lock_held_elsewhere(backfill->lock, LOCK_RUN))) {
        int64_t at = publisher_step(&publisher);
        struct aws_answer *answer;
        if (!publisher_busy(&publisher) &&
            (!alerts_next_due(backfill->store, &due, &error) || due > clock_now() + RETRY_CAP_MS)) {
            break;
        }
        wait_for(backfill,
                 at == INT64_MAX || at - clock_ticks() > 1000 ? 1000 : at - clock_ticks());
        while ((answer = aws_finished(backfill->aws))) {
            publisher_answer(&publisher, answer);
            aws_answer_free(answer);
        }
    }
    if (alerts_next_due(backfill->store, &due, &error) && due != INT64_MAX) {
        log_warning("not every alert could be sent; they wait in %s for the next run",
                    backfill->config->state);
    }
    lock_drop(backfill->lock, LOCK_PUBLISH);
}

static int read_all(struct backfill *backfill, int64_t since, int64_t until, bool digest)
{
    struct store_error error;
    bool made = false;

    for (size_t i = 0; i < backfill->config->source_count && !backfill->stopped; i++) {
        if (!read_source(backfill, i, since, until, &error)) {
            log_error("%s", error.text);
            return EXIT_STORE;
        }
    }
    if (backfill->store_failed) {
        return EXIT_STORE;
    }
    if (digest && !alerts_window(backfill->store, backfill->sources, backfill->config->source_count,
                                 since, until, clock_now(), &made, &error)) {
        log_error("%s", error.text);
        return EXIT_STORE;
    }
    if (backfill->config->topic_arn && (made || backfill->alert_each)) {
        publish(backfill);
    }
    return backfill->refused && backfill->result->events == 0 ? EXIT_REFUSED : EXIT_YES;
}

/* The lock of a window: two backfills of the same one would read it twice for nothing. */
static bool lock_window(struct backfill *backfill, int64_t since, int64_t until,
                        struct store_error *error)
{
    uint8_t hash[FINGERPRINT_SIZE];
    uint32_t place;

    fingerprint_of(
        (struct store_bytes[]){ { (const char *)&since, sizeof since },
                                { (const char *)&until, sizeof until },
                                { (const char *)backfill->digest, sizeof backfill->digest } },
        3, hash);
    memcpy(&place, hash, sizeof place);
    if (lock_take(backfill->lock, LOCK_WINDOW + (place >> 1), error)) {
        return true;
    }
    if (error->status == STORE_LOCKED) {
        snprintf(error->text, sizeof error->text,
                 "another backfill reads the same window at this moment");
    }
    return false;
}

/* Cuts the end of the window to the service's present; false when nothing is left of it. */
static bool cut_window(int64_t now, int64_t since, int64_t *until)
{
    char time[TIME_TEXT_MAX];

    if (since >= now) {
        log_error("the window lies in the future: at AWS it is %s", time_format(now, time));
        return false;
    }
    if (*until > now) {
        if (*until != BACKFILL_UNTIL_NOW) {
            log_warning("the window ends in the future: it is read up to now, %s",
                        time_format(now, time));
        }
        *until = now;
    }
    if (*until > now - AGE_SETTLED) {
        log_info("rows may still arrive for times after %s: that part is read as it is now",
                 time_format(now - AGE_SETTLED, time));
    }
    return true;
}

int backfill_window(const struct config *config, int64_t since, int64_t until, const char *alert,
                    struct backfill_result *result)
{
    struct backfill backfill = { .config = config,
                                 .budget = { .rate = config->requests_per_second },
                                 .result = result,
                                 .alert_each = strcmp(alert, "each") == 0 };
    struct store_error error;
    int status = EXIT_STORE;

    fingerprint_of_search(config, backfill.digest);
    backfill.signals = signals_open(false);
    backfill.store = backfill.budget.store = store_open(config->state, STORE_WRITE, &error);
    backfill.lock = backfill.store ? lock_open(config->state, &error) : NULL;
    if (!backfill.lock || !lock_window(&backfill, since, until, &error)) {
        log_error("%s", error.text);
        goto out;
    }
    status = EXIT_USAGE;
    backfill.aws = session_aws(config);
    if (!backfill.aws) {
        goto out;
    }
    struct session_start start = {
        .config = config, .store = backfill.store, .aws = backfill.aws, .signals = backfill.signals
    };
    status = session_begin(&start, backfill.account);
    if (status == SESSION_STOPPED) {
        status = EXIT_INCOMPLETE;
    }
    if (status == EXIT_YES && !cut_window(session_service_time(backfill.aws), since, &until)) {
        status = EXIT_USAGE;
    }
    if (status == EXIT_YES) {
        status =
            read_all(&backfill, since, until, config->topic_arn && strcmp(alert, "digest") == 0);
    }
out:
    aws_free(backfill.aws);
    lock_close(backfill.lock);
    store_close(backfill.store);
    close(backfill.signals);
    return status;
}
