/* SPDX-License-Identifier: Apache-2.0 */
/* `tailgate run`: boots, then goes round the loop until stopped.  Everything happens in this one
 * thread: sources and the publisher say what they want to send, and are given the answers. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent/aws/logs.h"
#include "agent/aws/sts.h"
#include "agent/clock.h"
#include "agent/command.h"
#include "agent/fingerprint.h"
#include "agent/memory.h"
#include "agent/publisher.h"
#include "agent/session.h"
#include "agent/source.h"
#include "agent/times.h"
#include "storage/alerts.h"
#include "storage/lock.h"

#define TURN_MAX_MS                                                                                \
    1000 /* real milliseconds a turn waits at most: the host's clock may be set meanwhile */
#define ALIVE_EVERY_MS 15000
#define PRUNE_EVERY_MS (60 * INT64_C(1000))
#define PRUNE_AT_ONCE  1000
#define LEAVE_AFTER_MS 10000 /* to finish what is under way after SIGTERM */

struct run {
    const struct arguments *arguments;
    struct config *config;
    struct store *store;
    struct lock_file *lock;
    struct aws *aws;
    int signals;
    uint8_t digest[FINGERPRINT_SIZE];
    char account[ACCOUNT_MAX];
    struct watching watching;
    struct source *sources;
    size_t source_count, next_source;
    struct publisher publisher;
    int64_t fold_at, alive_at, prune_at; /* ticks */
    int64_t leave_at;                    /* 0: not stopping */
    bool leave_now;
};

static const struct option_spec run_options[] = {
    { "since", "TIME", "watch a new source from this time on, not from now" },
    { NULL, NULL, NULL },
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Starts every source of the configuration.  `first` is the service's time. */
static bool start_sources(struct run *run, int64_t first, bool force, struct store_error *error)
{
    size_t count = run->config->source_count;

    fingerprint_of_search(run->config, run->digest);
    run->watching = (struct watching){ .store = run->store,
                                       .aws = run->aws,
                                       .config = run->config,
                                       .digest = run->digest,
                                       .account = run->account,
                                       .out = run->config->output == OUTPUT_JSON ? stdout : NULL };
    run->sources = xcalloc(count, sizeof *run->sources);
    for (run->source_count = 0; run->source_count < count; run->source_count++) {
        struct source *source = &run->sources[run->source_count];
        char since[TIME_TEXT_MAX];
        if (!source_start(source, &run->watching, &run->config->sources[run->source_count], first,
                          force, error)) {
            run->source_count++;
            return false;
        }
        log_info("watching %s in %s, answerable since %s", source->origin.log_group,
                 source->origin.region, time_format(source->since, since));
    }
    return true;
}

static void stop_sources(struct run *run)
{
    for (size_t i = 0; i < run->source_count; i++) {
        source_stop(&run->sources[i]);
    }
    free(run->sources);
    run->sources = NULL;
    run->source_count = run->next_source = 0;
}

/* Reads the configuration again.  Windows under way are dropped, uncommitted, and read again under
 * the new rules. */
static void reload(struct run *run)
{
    struct problems problems = { 0 };
    struct store_error error;
    bool known;
    struct config *config =
        config_load(run->arguments, CONFIG_STATE | CONFIG_RULES | CONFIG_SOURCES, &problems);

    if (config && session_needs_account(config) && !*run->account) {
        problems_add(&problems, (struct place){ "reload", 0, 0 },
                     "the account of a log group given by name is not known; restart");
    }
    if (problems.count > 0) {
        problems_log(&problems);
        problems_free(&problems);
        config_free(config);
        log_error("the configuration was not changed: what runs goes on as it was");
        return;
    }
    config_warn_unchangeable(run->config, config);
    stop_sources(run);
    config_free(run->config);
    run->config = config;
    run->publisher.config = config;
    log_setup(config->log_level, true);
    if (!start_sources(run, aws_service_time(run->aws, &known), false, &error)) {
        log_error("%s", error.text);
    }
    log_info("configuration read again: %zu sources, %zu rules", config->source_count,
             config->rule_count);
}

/* The handlers are called from the loop, not from a signal's context, so they may do anything. */
static void handle_signals(struct run *run)
{
    struct signalfd_siginfo info;

    while (read(run->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            if (!run->leave_at) {
                reload(run);
            }
        } else if (run->leave_at) {
            run->leave_now = true;
        } else {
            log_info("stopping: finishing the pages in hand; a second signal leaves at once");
            run->leave_at = clock_ticks() + LEAVE_AFTER_MS;
        }
    }
}

/* What is done now and then; returns when it is next. */
static int64_t keep_house(struct run *run)
{
    struct store_error error = { 0 };
    int64_t now = clock_now(), ticks = clock_ticks(), next = INT64_MAX, deleted = 0;
    bool ok = true;

    if (ticks >= run->fold_at) {
        ok = alerts_fold(run->store, now, run->config->fold, &next, &error) && ok;
        int64_t wait = next == INT64_MAX ? ALIVE_EVERY_MS : next - now;
        run->fold_at = ticks + (wait < 1000 ? 1000 : least(wait, ALIVE_EVERY_MS));
    }
    if (ticks >= run->alive_at) {
        char text[24];
        snprintf(text, sizeof text, "%" PRId64, now);
        ok = store_fact_set(run->store, SESSION_FACT_ALIVE, text, &error) && ok;
        run->alive_at = ticks + ALIVE_EVERY_MS;
    }
    if (ticks >= run->prune_at) {
        ok = findings_prune(run->store, now - run->config->keep, PRUNE_AT_ONCE, &deleted, &error) &&
             ok;
        run->prune_at = ticks + PRUNE_EVERY_MS;
    }
    if (!ok) {
        log_error("%s", error.text);
    }
    return least(run->fold_at, least(run->alive_at, run->prune_at));
}

static bool anything_under_way(const struct run *run)
{
    bool busy = publisher_busy(&run->publisher);

    for (size_t i = 0; i < run->source_count && !busy; i++) {
        busy = source_busy(&run->sources[i]);
    }
    return busy;
}

/* Lets every source say what it wants to send, each time beginning with the next one, so that none
 * is last for ever. */
static int64_t step_sources(struct run *run)
{
    int64_t at = INT64_MAX;

    for (size_t i = 0; i < run->source_count; i++) {
        at = least(at, source_step(&run->sources[(run->next_source + i) % run->source_count]));
    }
    run->next_source = run->source_count ? (run->next_source + 1) % run->source_count : 0;
    return at;
}

static void hand_out_answers(struct run *run)
{
    struct aws_answer *answer;

    while ((answer = aws_finished(run->aws))) {
        if (answer->owner == &run->publisher) {
            publisher_answer(&run->publisher, answer);
        }
        for (size_t i = 0; i < run->source_count; i++) {
            if (source_owns(&run->sources[i], answer->owner)) {
                source_answer(&run->sources[i], answer->owner, answer);
                break;
            }
        }
        aws_answer_free(answer);
    }
}

/* When every source has been refused and none ever read, going on would only look like watching. */
static bool nothing_can_work(const struct run *run)
{
    for (size_t i = 0; i < run->source_count; i++) {
        enum aws_problem trouble = run->sources[i].trouble;
        if (run->sources[i].ever_read ||
            (trouble != AWS_DENIED && trouble != AWS_REFUSED && trouble != AWS_NO_CREDENTIALS)) {
            return false;
        }
    }
    return run->source_count > 0;
}

static int loop(struct run *run)
{
    while (!run->leave_now) {
        bool stopping = run->leave_at != 0;
        int64_t at = keep_house(run);
        at = least(at, publisher_step(&run->publisher));
        if (!stopping) {
            at = least(at, step_sources(run));
        } else if (clock_ticks() >= run->leave_at || !anything_under_way(run)) {
            break;
        }
        int wait = clock_wait(at - clock_ticks());
        aws_wait(run->aws, wait < TURN_MAX_MS ? wait : TURN_MAX_MS, run->signals);
        handle_signals(run);
        hand_out_answers(run);
        if (nothing_can_work(run)) {
            log_error("AWS refuses every source: there is nothing to watch");
            return EXIT_REFUSED;
        }
    }
    log_info("stopped");
    return EXIT_YES;
}

/* Signals are not handled but read, so nothing runs at an odd moment. */
static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool open_state(struct run *run, struct store_error *error)
{
    run->store = store_open(run->config->state, STORE_WRITE, error);
    if (!run->store) {
        return false;
    }
    run->lock = lock_open(run->config->state, error);
    return run->lock && session_lock_run(run->lock, run->config->state, error);
}

static int watch(struct run *run, int64_t since)
{
    struct store_error error;
    struct session_start start = { run->config, run->store, run->aws, run->signals };

    int status = session_begin(&start, run->account);
    if (status != EXIT_YES) {
        return status == SESSION_STOPPED ? EXIT_YES : status;
    }
    bool known;
    int64_t first = since >= 0 ? since : aws_service_time(run->aws, &known);
    if (!start_sources(run, first, since >= 0, &error)) {
        log_error("%s", error.text);
        return EXIT_STORE;
    }
    run->publisher =
        (struct publisher){ .store = run->store, .aws = run->aws, .config = run->config };
    log_info("%s", run->config->topic_arn ? run->config->topic_arn
                                          : "no topic: alerts go to standard output");
    return loop(run);
}

static int run_main(const struct arguments *arguments)
{
    struct problems problems = { 0 };
    struct run run = { .arguments = arguments, .signals = -1 };
    struct store_error error;
    int64_t since = -1;
    int status = EXIT_STORE;

    run.config = config_load(arguments, CONFIG_STATE | CONFIG_RULES | CONFIG_SOURCES, &problems);
    if (!arguments_time(arguments, "since", &since, &problems) || !run.config) {
        config_free(run.config);
        return command_refuse(&problems);
    }
    log_setup(run.config->log_level, true);
    run.signals = open_signals();
    if (!open_state(&run, &error)) {
        log_error("%s", error.text);
    } else if (!(run.aws = session_aws(run.config))) {
        status = EXIT_USAGE;
    } else {
        status = watch(&run, since);
    }
    stop_sources(&run);
    aws_free(run.aws);
    lock_close(run.lock);
    store_close(run.store);
    config_free(run.config);
    close(run.signals);
    return status;
}

const struct command run_command = {
    .name = "run",
    .operands = "[OPTION...]",
    .summary = "watch the configured sources until stopped",
    .details = "  Reads the audit logs of RDS databases from CloudWatch Logs, and alerts when a "
               "connection comes from outside\n"
               "  the networks.  SIGHUP reads the configuration again; SIGTERM stops after the "
               "page in hand.\n",
    .options = run_options,
    .common = true,
    .run = run_main,
};
