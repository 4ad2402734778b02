/* SPDX-License-Identifier: Apache-2.0 */
/* `tailgate run`: boots, then goes round the loop until stopped.  Everything happens in this one
 * thread: sources and the publisher say what they want to send, and are given the answers. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ages.h"
#include "agent/aws/sts.h"
#include "agent/clock.h"
#include "agent/command.h"
#include "agent/fingerprint.h"
#include "agent/heartbeat.h"
#include "agent/memory.h"
#include "agent/publisher.h"
#include "agent/retention.h"
#include "agent/session.h"
#include "agent/source.h"
#include "agent/state.h"
#include "agent/times.h"
#include "storage/alerts.h"
#include "storage/watched.h"

/* Real milliseconds a turn waits at most: the host's clock may be set meanwhile. */
#define TURN_MAX_MS    1000
#define FOLD_EVERY_MS  15000
#define PUBLISH_ASK_MS 1000
#define PRUNE_EVERY_MS (60 * INT64_C(1000))
#define PRUNE_AT_ONCE  1000
#define LEAVE_AFTER_MS 10000 /* to finish what is under way after SIGTERM */
/* How long no source may have been read, beside what polls are apart, for us to be getting on. */
#define GETS_ON_MS 60000

/* The sources of one configuration.  A reload makes a new watch beside the old one. */
struct watch {
    struct config *config;
    uint8_t digest[FINGERPRINT_SIZE];
    struct watching watching;
    struct source *sources;
    struct source **order; /* all of them, as they are to be asked next */
    size_t count;
};

struct run {
    const struct arguments *arguments;
    struct config *config; /* until there is a watch, which then has it */
    struct watch *watch;
    struct state state;
    struct aws *aws;
    int signals; /* of signals_open */
    struct signals pending;
    char account[ACCOUNT_MAX];
    struct publisher publisher;
    struct heartbeat heartbeat;
    struct retention retention;
    int64_t fold_at, alive_at, prune_at, unread_at; /* ticks */
    int64_t leave_at;                               /* 0: not stopping */
    int status;                                     /* to leave with */
    bool publishing; /* whether we are the one process that publishes */
    bool ever_read;
    int64_t read_at; /* ticks when any source was read last */
};

static const struct option_spec run_options[] = {
    { "since", "TIME", "watch a new source from this time on, not from now" },
    { NULL, NULL, NULL },
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Tips may take half of the budget, so that re-reads get their part however many sources share it.
 */
static int64_t fair_interval(const struct config *config)
{
    return (int64_t)(2000 * (double)config->source_count / config->requests_per_second);
}

static int64_t poll_interval(const struct config *config)
{
    int64_t fair = fair_interval(config);

    return fair > config->poll_interval ? fair : config->poll_interval;
}

static void watch_free(struct watch *watch)
{
    if (!watch) {
        return;
    }
    for (size_t i = 0; i < watch->count; i++) {
        source_stop(&watch->sources[i]);
    }
    judge_free(watch->watching.spare);
    free(watch->sources);
    free(watch->order);
    config_free(watch->config);
    free(watch);
}

/* Whether a source of the store is one of this watch's. */
static bool watches(const struct watch *watch, int64_t source)
{
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->sources[i].origin.source == source) {
            return true;
        }
    }
    return false;
}

/* Starts every source of a configuration, which the watch owns from then on; NULL, and the
 * configuration is still the caller's, when the store fails.  `first` is the service's time. */
static struct watch *watch_new(struct run *run, struct config *config, int64_t first, bool force,
                               struct store_error *error)
{
    struct watch *watch = xcalloc(1, sizeof *watch);

    fingerprint_of_search(config, watch->digest);
    watch->watching = (struct watching){ .store = run->state.store,
                                         .aws = run->aws,
                                         .config = config,
                                         .digest = watch->digest,
                                         .account = run->account,
                                         .poll_interval = poll_interval(config),
                                         .fair_interval = fair_interval(config),
                                         .budget = { .store = run->state.store,
                                                     .rate = config->requests_per_second },
                                         .out = config->output == OUTPUT_JSON ? stdout : NULL };
    watch->sources = xcalloc(config->source_count, sizeof *watch->sources);
    watch->order = xcalloc(config->source_count, sizeof(struct source *));
    for (size_t i = 0; i < config->source_count; i++) {
        struct source *source = &watch->sources[watch->count];
        char since[TIME_TEXT_MAX];
        bool started =
            source_start(source, &watch->watching, &config->sources[i], first, force, error);
        if (started && watches(watch, source->origin.source)) {
            log_warning("%s is configured twice, by name and by ARN; it is watched once",
                        source->origin.log_group);
            source_stop(source);
            continue;
        }
        watch->order[watch->count++] = source;
        if (!started) {
            watch_free(watch);
            return NULL;
        }
        log_info("watching %s in %s, answerable since %s", source->origin.log_group,
                 source->origin.region, time_format(source->since, since));
    }
    watch->config = config;
    if (watch->watching.poll_interval > config->poll_interval) {
        char every[DURATION_TEXT_MAX];
        log_info("%zu sources share %g requests a second: each is polled every %s",
                 config->source_count, config->requests_per_second,
                 duration_format(watch->watching.poll_interval, every));
    }
    return watch;
}

/* For status: what follows from the configuration that runs. */
static bool say_pace(struct run *run, const struct watch *watch, struct store_error *error)
{
    char text[PACE_TEXT_MAX];

    snprintf(text, sizeof text, "%" PRId64 " %g", watch->watching.poll_interval,
             watch->watching.budget.rate);
    return store_fact_set(run->state.store, SESSION_FACT_PACE, text, error);
}

/* What is in the store but not in the configuration any more is not watched, and status is not to
 * judge us by it. */
static bool forget_others(struct run *run, const struct watch *watch, struct store_error *error)
{
    struct watched *list;
    size_t count;
    bool ok = watched_list(run->state.store, &list, &count, error);

    for (size_t i = 0; ok && i < count; i++) {
        ok = watches(watch, list[i].source) ||
             (watched_forget(run->state.store, list[i].source, error) &&
              unread_forget(run->state.store, list[i].source, error));
    }
    if (ok) {
        watched_free(list, count);
    }
    return ok;
}

/* Puts a new watch in the place of the old one, whose windows under way are dropped, uncommitted,
 * to be read again under the new rules. */
static void watch_take_over(struct run *run, struct watch *watch)
{
    struct watch *old = run->watch;
    struct store_error error;

    for (size_t i = 0; old && i < old->count; i++) {
        for (size_t j = 0; j < watch->count; j++) {
            if (old->sources[i].origin.source == watch->sources[j].origin.source) {
                source_inherit(&watch->sources[j], &old->sources[i]);
            }
        }
    }
    if (!publisher_use(&run->publisher, watch->config, &error)) {
        log_error("%s", error.text);
    }
    watch_free(old);
    run->watch = watch;
    heartbeat_begin(&run->heartbeat, watch->config);
    retention_begin(&run->retention);
    log_setup(watch->config->log_level, true);
    if (!forget_others(run, watch, &error) || !say_pace(run, watch, &error)) {
        log_error("%s", error.text);
    }
}

/* Reads the configuration again.  Whatever is wrong with it, what runs goes on as it was. */
static void reload(struct run *run)
{
    struct problems problems = { 0 };
    struct store_error error;
    struct config *config =
        config_load(run->arguments, CONFIG_STATE | CONFIG_RULES | CONFIG_SOURCES, &problems);
    struct watch *watch = NULL;

    if (config && session_needs_account(config) && !*run->account) {
        problems_add(&problems, (struct place){ "reload", 0, 0 },
                     "the account of a log group given by name is not known; restart");
    }
    if (!config || problems.count > 0) {
        problems_log(&problems);
    } else {
        watch = watch_new(run, config, session_service_time(run->aws), false, &error);
        if (!watch) {
            log_error("%s", error.text);
        }
    }
    problems_free(&problems);
    if (!watch) {
        config_free(config);
        log_error("the configuration was not changed: what runs goes on as it was");
        return;
    }
    config_warn_unchangeable(run->watch->config, config);
    watch_take_over(run, watch);
    log_info("configuration read again: %zu sources, %zu rules", config->source_count,
             config->rule_count);
}

/* Called from the loop, not from a signal's context, so this may do anything.  False: leave now. */
static bool heed_signals(struct run *run)
{
    signals_read(run->signals, &run->pending);
    if (run->pending.reload && !run->leave_at) {
        run->pending.reload = false;
        reload(run);
    }
    if (run->pending.stops > 0 && !run->leave_at) {
        log_info("stopping: finishing the pages in hand; a second signal leaves at once");
        run->leave_at = clock_ticks() + LEAVE_AFTER_MS;
    }
    return run->pending.stops <= 1;
}

/* Tells of log groups that cannot be read. */
static bool tell_unread(struct run *run, struct store_error *error)
{
    struct watch *watch = run->watch;
    struct unread **list = xcalloc(watch->count + 1, sizeof(struct unread *));

    for (size_t i = 0; i < watch->count; i++) {
        list[i] = &watch->sources[i].unread;
    }
    bool ok =
        unread_tell(list, watch->count, run->state.store, session_service_time(run->aws), error);
    free(list);
    return ok;
}

/* What is done now and then; returns when it is next. */
static int64_t keep_house(struct run *run)
{
    struct store_error error = { 0 };
    const struct config *config = run->watch->config;
    int64_t now = clock_now(), ticks = clock_ticks(), next = INT64_MAX, deleted = 0;
    bool ok = ticks < run->alive_at || session_note_clock(run->aws, run->state.store, &error);

    ok = session_say_alive(run->state.store, &run->alive_at, &error) && ok;

    if (ticks >= run->fold_at) {
        ok = alerts_fold(run->state.store, now, config->fold, &next, &error) && ok;
        run->fold_at = ticks + FOLD_EVERY_MS;
        if (next - now < FOLD_EVERY_MS) {
            run->fold_at = ticks + (next - now < 1000 ? 1000 : next - now);
        }
    }
    if (ticks >= run->unread_at) {
        ok = tell_unread(run, &error) && ok;
        run->unread_at = ticks + UNREAD_LOOK_MS;
    }
    if (ticks >= run->prune_at) {
        /* By the earlier clock: one that is wrong must not delete what it takes for old. */
        int64_t before = least(now, session_service_time(run->aws)) - config->keep;
        ok = findings_prune(run->state.store, before, PRUNE_AT_ONCE, &deleted, &error) && ok;
        run->prune_at = ticks + PRUNE_EVERY_MS;
    }
    if (!ok) {
        log_error("%s", error.text);
    }
    return least(least(run->fold_at, run->unread_at), least(run->alive_at, run->prune_at));
}

static bool anything_under_way(const struct run *run)
{
    bool busy = publisher_busy(&run->publisher);

    for (size_t i = 0; i < run->watch->count && !busy; i++) {
        busy = source_busy(&run->watch->sources[i]);
    }
    return busy;
}

static int by_tip(const void *left, const void *right)
{
    const struct source *a = *(struct source *const *)left, *b = *(struct source *const *)right;

    return (a->tip_at > b->tip_at) - (a->tip_at < b->tip_at);
}

static int by_back(const void *left, const void *right)
{
    const struct source *a = *(struct source *const *)left, *b = *(struct source *const *)right;

    return (a->back_at > b->back_at) - (a->back_at < b->back_at);
}

/* Lets every source send what is due: first the newest of each, then what lies behind; who has
 * waited longest is first, so that none waits for ever. */
static int64_t step_sources(struct watch *watch)
{
    int64_t at = INT64_MAX;

    qsort(watch->order, watch->count, sizeof(struct source *), by_tip);
    for (size_t i = 0; i < watch->count; i++) {
        at = least(at, source_step_tip(watch->order[i]));
    }
    qsort(watch->order, watch->count, sizeof(struct source *), by_back);
    for (size_t i = 0; i < watch->count; i++) {
        at = least(at, source_step_back(watch->order[i]));
    }
    return at;
}

static struct origin *origin_at(void *sources, size_t index)
{
    return &((struct source *)sources)[index].origin;
}

static void hand_out_answers(struct run *run)
{
    struct aws_answer *answer;

    while ((answer = aws_finished(run->aws))) {
        if (answer->owner == &run->publisher) {
            publisher_answer(&run->publisher, answer);
        } else if (answer->owner == &run->heartbeat) {
            heartbeat_answer(&run->heartbeat, answer);
        } else if (answer->owner == &run->retention) {
            retention_answer(&run->retention, answer);
        }
        for (size_t i = 0; i < run->watch->count; i++) {
            struct source *source = &run->watch->sources[i];
            if (source_owns(source, answer->owner)) {
                source_answer(source, answer->owner, answer);
                run->ever_read = run->ever_read || source->ever_read;
                run->read_at = source->read_at > run->read_at ? source->read_at : run->read_at;
                break;
            }
        }
        aws_answer_free(answer);
    }
}

/* When every source has been refused and none ever read, going on would only look like watching. */
static bool nothing_can_work(const struct run *run)
{
    for (size_t i = 0; i < run->watch->count; i++) {
        const struct source *source = &run->watch->sources[i];
        if (!aws_problem_refusal(source->trouble) || !source->unread.why) {
            return false; /* or its newest has not been asked for yet */
        }
    }
    return !run->ever_read;
}

/* Leaves because nothing can work.  If it has been so for long, over restarts, that is told: AWS
 * may well refuse the logs and take the alert. */
static void give_up(struct run *run)
{
    struct store_error error;

    log_error("AWS refuses every source: there is nothing to watch");
    if (!tell_unread(run, &error)) {
        log_error("%s", error.text);
    }
    publisher_look(&run->publisher);
    run->status = EXIT_REFUSED;
    run->leave_at = clock_ticks() + LEAVE_AFTER_MS;
}

/* Publishes, once we are the one that does: a backfill that published when we came goes first. */
static int64_t step_publisher(struct run *run)
{
    struct store_error error;

    run->publishing = run->publishing || lock_take(run->state.lock, LOCK_PUBLISH, &error);
    return run->publishing ? publisher_step(&run->publisher) : clock_ticks() + PUBLISH_ASK_MS;
}

/* Whether nothing will work any more with the state file as it is open, but would if it were opened
 * anew. */
static bool must_open_anew(const struct run *run)
{
    const struct store *store = run->state.store;

    return store && !run->leave_at && (store_damage(store) || store_locked_out(store));
}

/* Whether some source was read of late, and alerts reach somebody.  That a log group cannot be read
 * is told by an alert, and the heartbeat goes on for the others. */
static bool gets_on(const struct run *run)
{
    int64_t polls = 2 * run->watch->watching.poll_interval;

    return run->ever_read && clock_ticks() - run->read_at <= polls + GETS_ON_MS &&
           publisher_tells(&run->publisher);
}

static int loop(struct run *run)
{
    do {
        int64_t at = least(keep_house(run), step_publisher(run));
        if (!run->leave_at) {
            at = least(at, step_sources(run->watch));
            at = least(at, heartbeat_step(&run->heartbeat, gets_on(run)));
            at = least(at, retention_step(&run->retention, run->watch->count, origin_at,
                                          run->watch->sources));
        } else if (clock_ticks() >= run->leave_at || !anything_under_way(run)) {
            break;
        }
        int wait = clock_wait(at - clock_ticks());
        aws_wait(run->aws, wait < TURN_MAX_MS ? wait : TURN_MAX_MS, run->signals);
        hand_out_answers(run);
        if (!run->leave_at && nothing_can_work(run)) {
            give_up(run);
        }
        if (must_open_anew(run)) {
            return EXIT_STORE;
        }
    } while (heed_signals(run));
    log_info("stopped");
    return run->status;
}

/* Greets AWS, starts the sources, and goes round. */
static int begin(struct run *run, int64_t since)
{
    struct store_error error;
    struct session_start start = { .config = run->config,
                                   .store = run->state.store,
                                   .aws = run->aws,
                                   .signals = run->signals,
                                   .say_alive = true };
    int status = session_begin(&start, run->account);

    if (status != EXIT_YES) {
        return status == SESSION_STOPPED ? EXIT_YES : status;
    }
    run->pending = start.pending;
    int64_t now = session_service_time(run->aws), first = since >= 0 ? since : now;
    if (run->state.lost) {
        first = least(first, now - AGE_SETTLED); /* of sources that were lost, too */
    }
    struct watch *watch = watch_new(run, run->config, first, since >= 0, &error);
    if (!watch) {
        log_error("%s", error.text);
        return EXIT_STORE;
    }
    run->config = NULL;
    run->publisher = (struct publisher){ .store = run->state.store, .aws = run->aws };
    run->heartbeat = (struct heartbeat){ .aws = run->aws };
    run->retention =
        (struct retention){ .aws = run->aws, .store = run->state.store, .account = run->account };
    watch_take_over(run, watch);
    if (run->state.lost && !state_tell_lost(&run->state, &error)) {
        log_error("%s", error.text);
        return EXIT_STORE;
    }
    log_info("alerts go to %s", watch->config->topic_arn ? watch->config->topic_arn
                                                         : "standard output: no topic is given");
    return loop(run);
}

/* Opens the state file and AWS, and runs. */
static int go(struct run *run, int64_t since, const char *damage)
{
    struct store_error error;

    if (!state_open(&run->state, run->config->state, *damage ? damage : NULL, &error)) {
        log_error("%s", error.text);
        return EXIT_STORE;
    }
    run->aws = session_aws(run->config);
    return run->aws ? begin(run, since) : EXIT_USAGE;
}

/* Closes everything.  Whether to open it again; *damage says how the state file is damaged. */
static bool close_all(struct run *run, char damage[static STORE_ERROR_MAX])
{
    bool again = must_open_anew(run);
    const char *said = again ? store_damage(run->state.store) : NULL;

    snprintf(damage, STORE_ERROR_MAX, "%s", said ? said : "");
    if (run->watch) {
        run->config = run->watch->config;
        run->watch->config = NULL;
    }
    watch_free(run->watch);
    run->watch = NULL;
    aws_free(run->aws);
    run->aws = NULL;
    state_close(&run->state);
    run->publishing = false;
    return again;
}

static int run_main(const struct arguments *arguments)
{
    struct problems problems = { 0 };
    struct run run = { .arguments = arguments, .signals = -1 };
    char damage[STORE_ERROR_MAX] = "";
    int64_t since = -1;
    int status;

    run.config = config_load(arguments, CONFIG_STATE | CONFIG_RULES | CONFIG_SOURCES, &problems);
    if (!arguments_time(arguments, "since", &since, &problems) || !run.config) {
        config_free(run.config);
        return command_refuse(&problems);
    }
    log_setup(run.config->log_level, true);
    run.signals = signals_open(true);
    do {
        status = go(&run, since, damage);
    } while (close_all(&run, damage));
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
