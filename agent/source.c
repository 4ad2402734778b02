/* SPDX-License-Identifier: Apache-2.0 */
/* Watching one log group. */
#include "agent/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ages.h"
#include "agent/clock.h"
#include "agent/notice.h"
#include "agent/retention.h"
#include "agent/retry.h"
#include "agent/session.h"
#include "agent/times.h"
#include "filters/service_filter.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

/* After a stop the present comes first; what lies before is a hole to fill. */
#define TIP_MAX (5 * MINUTE)
/* The newest is read again at one poll of so many at least, however many pages that takes. */
#define OVERLAP_EVERY_MAX 60
/* Rows whose clock runs ahead are seen at once, though they count as read only later. */
#define TIP_AHEAD     MINUTE
#define POLL_COST_MAX 16 /* pages of a poll that put the next one further off */
#define SLICE_MIN     MINUTE
#define SLICE_MAX     (6 * HOUR)
#define SLICE_START   HOUR
#define SLICE_PAGES   8 /* a window of more pages makes the next one shorter */
#define RETRY_BASE_MS 1000
#define RETRY_CAP_MS  (MINUTE)
#define RETRY_REFUSED (30 * INT64_C(1000)) /* least wait when only a person can help */

void source_fact_trouble(int64_t source, char out[static SOURCE_FACT_MAX])
{
    snprintf(out, SOURCE_FACT_MAX, "trouble %" PRId64, source);
}

void source_fact_overlap(int64_t source, char out[static SOURCE_FACT_MAX])
{
    snprintf(out, SOURCE_FACT_MAX, "overlap %" PRId64, source);
}

static bool start_watch(struct source *source, int64_t first, bool force, struct store_error *error)
{
    struct watching *watching = source->watching;
    struct store *store = watching->store;
    char trouble[SOURCE_FACT_MAX];

    if (!coverage_source(store, source->origin.identity, &source->origin.source, error) ||
        !coverage_watch(store, source->origin.source, watching->digest, &source->watch, error) ||
        !coverage_run(store, source->watch, first, force, &source->since, error)) {
        return false;
    }
    source_fact_trouble(source->origin.source, trouble);
    return store_fact_set(store, trouble, "", error) &&
           unread_begin(&source->unread, store, &source->origin, error);
}

bool source_start(struct source *source, struct watching *watching,
                  const struct config_source *config, int64_t first, bool force,
                  struct store_error *error)
{
    *source = (struct source){ .watching = watching,
                               .slice = SLICE_START,
                               .filtered_slice = SLICE_START,
                               .overlap = { .every = 1 } };
    source->origin = origin_of_log_group(config, watching->account);
    source->filter = service_filter(watching->config->judged, source->origin.format);
    source->tip_judge = judge_new(watching->config->judged, source->origin.format);
    if (!source->tip_judge) {
        error->status = STORE_FAILED;
        snprintf(error->text, sizeof error->text, "out of memory");
        return false;
    }
    return start_watch(source, first, force, error);
}

void source_inherit(struct source *source, struct source *before)
{
    unread_end(&source->unread);
    source->unread = before->unread;
    source->unread.origin = &source->origin;
    before->unread.why = NULL;
    if (before->origin.format != source->origin.format) {
        return;
    }
    judge_use(before->tip_judge, source->watching->config->judged);
    judge_free(source->tip_judge);
    source->tip_judge = before->tip_judge;
    before->tip_judge = NULL;
}

void source_stop(struct source *source)
{
    aws_cancel(source->watching->aws, &source->tip);
    aws_cancel(source->watching->aws, &source->back);
    window_close(&source->tip);
    window_close(&source->back);
    judge_free(source->tip_judge);
    judge_free(source->back_judge);
    silence_drop(&source->silence);
    unread_end(&source->unread);
    origin_free(&source->origin);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

bool source_owns(const struct source *source, const void *owner)
{
    return owner == &source->tip || owner == &source->back;
}

bool source_busy(const struct source *source)
{
    return source->tip.flying || source->back.flying;
}

/* The ages at which this source is read again, as its late events and its log group's retention
 * have it. */
static bool ages_of(const struct source *source, int64_t now, struct ages *out,
                    struct retention_kept *kept, struct store_error *error)
{
    struct store *store = source->watching->store;
    struct delays delays;

    if (!delays_get(store, source->origin.source, &delays, error) ||
        !retention_get(store, source->origin.source, now, kept, error)) {
        return false;
    }
    ages_for(&delays, kept->settled, out);
    return true;
}

/* From where on the newest is read: from where the coverage ends, and as often as the budget allows
 * from further back, so that every instant is read again while it is young. */
static int64_t tip_start(struct source *source, int64_t covered, int64_t now,
                         const struct ages *ages)
{
    struct overlap *overlap = &source->overlap;

    overlap->polls++;
    overlap->now = overlap->polls >= overlap->every;
    if (!overlap->now) {
        return covered;
    }
    int64_t until = overlap->until > 0 ? least(overlap->until, covered) : covered;
    overlap->until = now;
    overlap->polls = 0;
    return until - ages->overlap;
}

/* Since when all has been read up to the end of a list of stretches, which is not empty. */
static int64_t unbroken_since(const struct stretch *list, size_t count)
{
    size_t i = count - 1;

    while (i > 0 && list[i - 1].end >= list[i].start) {
        i--;
    }
    return list[i].start;
}

/* Opens the window of what is new. */
static bool open_tip(struct source *source, struct store_error *error)
{
    int64_t now = session_service_time(source->watching->aws), start = source->since;
    struct retention_kept kept;
    struct stretch *list;
    struct ages ages;
    size_t count;

    if (!ages_of(source, now, &ages, &kept, error) ||
        !coverage_list(source->watching->store, source->watch, source->since, INT64_MAX, &list,
                       &count, error)) {
        return false;
    }
    if (count > 0) {
        int64_t wanted = tip_start(source, list[count - 1].end, now, &ages);
        start = wanted > start ? wanted : start;
    }
    int64_t earliest = now - TIP_MAX - ages.overlap - 2 * source->watching->poll_interval;
    bool goes_on = count > 0 && start >= earliest;
    start = start > earliest ? start : earliest;
    judge_window(source->tip_judge, goes_on);
    source->silence.unbroken = goes_on ? unbroken_since(list, count) : start;
    source->silence.late = ages.overlap;
    /* Asked even if nothing is new, as after the clock was set back: the answer brings the time. */
    window_open(&source->tip, least(start, now), now, now + TIP_AHEAD, list, count);
    source->tip.sampled = source->filter != NULL;
    source->tip.settled = kept.settled;
    free(list);
    return true;
}

/* The stretch that has waited longest for being read again at an age it has reached, of those that
 * end behind a horizon.  By how long each has waited, not by age: when the budget is short, every
 * age still gets its turn. */
static bool find_due(const struct stretch *list, size_t count, const struct ages *ages,
                     int64_t horizon, int64_t now, struct stretch *out)
{
    int64_t longest = -1;

    while (count > 0 && list->end <= horizon) {
        list++;
        count--;
    }
    for (size_t i = 0; i < AGES_COUNT; i++) {
        int64_t piece = ages->age[i] / AGE_PIECES;
        struct stretch found;
        if (!coverage_due(list, count, ages->age[i], piece, now, &found)) {
            continue;
        }
        int64_t waited = now - (found.start + ages->age[i] + piece);
        waited = waited > 0 ? waited : 0;
        if (waited > longest) {
            longest = waited;
            *out = found;
        }
    }
    return longest >= 0;
}

/* Opens the window of a re-read.  The service may leave out what tells nothing, but for the deepest
 * re-read: that is made whole, for what only neighbours can tell of each other, and in case the
 * service should not filter as we believe. */
static void open_again(struct source *source, const struct stretch *found, const struct ages *ages,
                       int64_t now, const struct stretch *list, size_t count)
{
    /* What was taken over from other rules was not read with these. */
    bool again = found->reads > 0;
    bool filtered = source->filter && again && now - found->start < ages->age[AGES_COUNT - 1];
    int64_t slice = filtered ? source->filtered_slice : source->slice;
    int64_t stop = least(found->end, found->start + slice);

    window_open(&source->back, found->start, stop, stop, list, count);
    source->back.again = again;
    source->back.filter = filtered ? source->filter : NULL;
    source->back.sampled = source->filter != NULL;
}

/* Tells of time that was not read while the log group kept it: the newest of it, once. */
static bool tell_lost(struct source *source, const struct stretch *list, size_t count,
                      int64_t horizon, struct store_error *error)
{
    struct store *store = source->watching->store;
    struct stretch lost;
    char name[SOURCE_FACT_MAX], number[24], text[NOTICE_TEXT_MAX];
    char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
    struct notice notice = {
        .kind = NOTICE_LOST, .severity = SEVERITY_HIGH, .origin = &source->origin, .text = text
    };
    bool known;

    /* What lies before the first read was never promised. */
    if (coverage_holes(list, count, list->start, horizon, true, &lost, 1) == 0) {
        return true;
    }
    /* All of a hole at once, though it falls behind the horizon bit by bit; so what comes behind it
     * must have been read first. */
    int64_t cut = lost.end;
    for (size_t i = count; i > 0 && list[i - 1].start >= cut; i--) {
        lost.end = list[i - 1].start;
    }
    if (list[count - 1].start < cut) {
        return true;
    }
    snprintf(name, sizeof name, "lost %" PRId64, source->origin.source);
    if (!store_fact_get(store, name, number, sizeof number, error)) {
        return false;
    }
    if (*number && lost.end <= strtoll(number, NULL, 10)) {
        return true;
    }
    notice.time = lost.start;
    snprintf(
        text, sizeof text,
        "%s was not read from %s to %s, and its log group does not keep events that long: what "
        "was written then is being deleted or is gone. Connections of that time can still be in "
        "the "
        "database's own log files, or in an export of the log group.",
        source->origin.log_group, time_format(lost.start, from), time_format(lost.end, to));
    snprintf(number, sizeof number, "%" PRId64, lost.end);
    if (!store_begin(store, error)) {
        return false;
    }
    bool ok = notice_add(store, &notice, &known, error) &&
              store_fact_set(store, name, number, error) && store_commit(store, error);
    store_rollback(store);
    if (ok) {
        log_warning("%s", text);
    }
    return ok;
}

/* Opens the next window behind the tip: the newest hole, else the re-read that has waited longest.
 */
static bool open_back(struct source *source, struct store_error *error)
{
    int64_t now = session_service_time(source->watching->aws);
    struct stretch *list, found;
    struct ages ages;
    size_t count;
    struct retention_kept kept;
    int64_t since = source->since;

    if (!ages_of(source, now, &ages, &kept, error) ||
        !coverage_list(source->watching->store, source->watch, source->since, now, &list, &count,
                       error)) {
        return false;
    }
    /* An answer of no events would say nothing of what is deleted by now: that gap stays. */
    int64_t horizon = source->origin.retention_asked ? kept.horizon : now - RETENTION_LEAST_MS;
    since = horizon > since ? horizon : since;
    if (count > 0 && source->origin.retention_asked &&
        !tell_lost(source, list, count, horizon, error)) {
        free(list);
        return false;
    }
    /* What lies after the last stretch is the tip's. */
    int64_t end = count > 0 ? list[count - 1].end : source->since;
    if (since < end && coverage_holes(list, count, since, end, true, &found, 1) > 0) {
        int64_t start =
            found.end - found.start > source->slice ? found.end - source->slice : found.start;
        window_open(&source->back, start, found.end, found.end, NULL, 0);
    } else if (find_due(list, count, &ages, kept.horizon, now, &found)) {
        open_again(source, &found, &ages, now, list, count);
    }
    source->back.settled = kept.settled;
    free(list);
    return true;
}

/* Asks for a window's next page if the budget allows.  *at is when it was due, and stays so while
 * the budget refuses; returns when to try again. */
static int64_t ask(struct source *source, struct window *window, enum budget_use use, int64_t *at)
{
    struct watching *watching = source->watching;
    struct store_error store_error;
    struct aws_error error;
    bool taken;
    int64_t wait = 0;

    if (!budget_take(&watching->budget, &source->origin, use, &taken, &wait, &store_error)) {
        log_error("%s", store_error.text);
        return *at = clock_ticks() + RETRY_BASE_MS;
    }
    if (!taken) {
        return clock_ticks() + wait;
    }
    if (!window_send(window, watching->aws, &source->origin, &error)) {
        log_error("%s", error.text);
        return *at = clock_ticks() + RETRY_BASE_MS;
    }
    return INT64_MAX;
}

static int64_t step_window(struct source *source, struct window *window, int64_t *at,
                           bool (*open)(struct source *, struct store_error *), enum budget_use use)
{
    struct store_error error;

    if (window->flying) {
        return INT64_MAX;
    }
    if (clock_ticks() < *at) {
        return *at;
    }
    if (!window->open && !open(source, &error)) {
        log_error("%s", error.text);
        return *at = clock_ticks() + RETRY_BASE_MS;
    }
    if (!window->open) {
        return *at = clock_ticks() + source->watching->poll_interval;
    }
    return ask(source, window, use, at);
}

int64_t source_step_tip(struct source *source)
{
    return step_window(source, &source->tip, &source->tip_at, open_tip, BUDGET_TIP);
}

int64_t source_step_back(struct source *source)
{
    return step_window(source, &source->back, &source->back_at, open_back, BUDGET_BACK);
}

/* Logs trouble when it begins and when it ends, and keeps it for status while only a person can end
 * it. */
static void note_trouble(struct source *source, const struct aws_error *error)
{
    char name[SOURCE_FACT_MAX];
    struct store_error store_error;
    bool kept = error->problem != AWS_OK && !aws_problem_passes(error->problem);

    if (source->trouble == error->problem) {
        return;
    }
    if (error->problem == AWS_OK) {
        log_info("%s can be read again", source->origin.log_group);
    } else if (error->problem == AWS_THROTTLED) {
        log_info("%s", error->text); /* weather */
    } else {
        log_warning("%s; what could not be read stays open and is tried again", error->text);
    }
    source->trouble = error->problem;
    source_fact_trouble(source->origin.source, name);
    if (!store_fact_set(source->watching->store, name, kept ? error->text : "", &store_error)) {
        log_error("%s", store_error.text);
    }
}

/* Since when the newest cannot be read. */
static void note_unread(struct source *source, const struct aws_error *error)
{
    struct store *store = source->watching->store;
    struct store_error store_error;
    bool noted = error->problem == AWS_OK
                     ? unread_was_read(&source->unread, store, &store_error)
                     : unread_failed(&source->unread, store, error,
                                     session_service_time(source->watching->aws), &store_error);

    if (!noted) {
        log_error("%s", store_error.text);
    }
}

/* When to try again after a failure. */
static int64_t retry_at(const struct window *window, enum aws_problem problem)
{
    if (aws_problem_mended(problem)) {
        return window->attempt > 2 ? clock_ticks() + RETRY_BASE_MS
               : window->hurried   ? 0
                                   : clock_ticks();
    }
    return clock_ticks() +
           retry_delay(problem, window->attempt, RETRY_BASE_MS, RETRY_CAP_MS, RETRY_REFUSED);
}

/* Long windows are cut shorter where events are dense, and grow again while twice the time would
 * not take more pages than that.  Two pages must let them grow: the last is often an empty one, and
 * a window cut short by a token that died would stay so, too short for re-reads to keep up. */
static void adapt_slice(struct source *source, const struct window *window)
{
    int64_t *slice = window->filter ? &source->filtered_slice : &source->slice;

    int64_t length = window->end - window->start;

    if (window->hurried && length < *slice) {
        *slice = length > SLICE_MIN ? length : SLICE_MIN;
    } else if (window->pages > SLICE_PAGES && *slice / 2 >= SLICE_MIN) {
        *slice /= 2;
    } else if (2 * window->pages <= SLICE_PAGES && window->end - window->start >= *slice &&
               *slice * 2 <= SLICE_MAX) {
        *slice *= 2;
    }
}

/* How often the newest is read again follows from what it costs: on a busy log the pages of the
 * last minute at every poll would leave nothing of the budget. */
static void adapt_overlap(struct source *source, const struct window *window)
{
    struct overlap *overlap = &source->overlap;
    unsigned every = window->pages < OVERLAP_EVERY_MAX ? window->pages : OVERLAP_EVERY_MAX;
    char name[SOURCE_FACT_MAX], number[16] = "";
    struct store_error error;

    if (!overlap->now || every == overlap->every) {
        return;
    }
    overlap->every = every;
    source_fact_overlap(source->origin.source, name);
    if (every > 1) {
        snprintf(number, sizeof number, "%u", every);
    }
    if (!store_fact_set(source->watching->store, name, number, &error)) {
        log_error("%s", error.text);
    }
}

/* Polls that take several requests, be it for many events or for pages with none, come so much
 * further apart that re-reads still get their half of the budget. */
static int64_t poll_after(const struct watching *watching, unsigned pages)
{
    int64_t fair = watching->fair_interval * (pages < POLL_COST_MAX ? pages : POLL_COST_MAX);

    return fair > watching->poll_interval ? fair : watching->poll_interval;
}

/* Whether it may be the filter that the service does not take: then all is read whole.  (Of a page
 * further on it would be the token.) */
static bool drop_filter(struct source *source, struct window *window, const struct aws_error *error)
{
    if (!window->filter || error->problem != AWS_INVALID ||
        strcmp(error->code, "InvalidParameterException") != 0) {
        return false;
    }
    log_warning("%s; re-reads are made without a filter from now on", error->text);
    source->filter = NULL;
    window_close(window);
    return true;
}

/* When to go on with a window after an answer. */
static int64_t next_at(struct source *source, const struct window *window,
                       enum window_result result, const struct aws_error *error)
{
    struct watching *watching = source->watching;
    struct store_error store_error;

    switch (result) {
    case WINDOW_MORE:
        if (window->hurried) {
            return 0; /* before all who wait */
        }
        break;
    case WINDOW_COMPLETE:
        if (window == &source->tip) {
            adapt_overlap(source, window);
            return clock_ticks() + poll_after(watching, window->pages);
        }
        adapt_slice(source, window);
        break;
    case WINDOW_FAILED:
        if (error->problem == AWS_THROTTLED &&
            !budget_throttled(&watching->budget, &source->origin, &store_error)) {
            log_error("%s", store_error.text);
        }
        return retry_at(window, error->problem);
    case WINDOW_STORE_FAILED:
        return clock_ticks() + RETRY_REFUSED;
    }
    return clock_ticks();
}

/* A judge that has seen nothing: the one put by, or a new one. */
static struct judge *spare_take(struct watching *watching, enum format format)
{
    struct judge *judge = watching->spare;

    if (!judge || watching->spare_format != format) {
        return judge_new(watching->config->judged, format);
    }
    watching->spare = NULL;
    judge_window(judge, false);
    return judge;
}

static void spare_put(struct watching *watching, struct judge *judge, enum format format)
{
    judge_free(watching->spare);
    watching->spare = judge;
    watching->spare_format = format;
}

/* The judge for an answer; a window behind the tip begins with a new one. */
static struct judge *judge_for(struct source *source, const struct window *window)
{
    if (window == &source->tip) {
        return source->tip_judge;
    }
    if (!source->back_judge) {
        source->back_judge = spare_take(source->watching, source->origin.format);
    }
    return source->back_judge;
}

/* After the commit: whoever reads our output may be slow, and others wait for the store. */
static void print_lines(const struct watching *watching, const char *lines, size_t len)
{
    if (watching->out) {
        fwrite(lines, 1, len, watching->out);
        (void)fflush(watching->out); /* main asks at the end whether all was written */
    }
}

void source_answer(struct source *source, struct window *window, const struct aws_answer *answer)
{
    struct watching *watching = source->watching;
    struct detector detector = { .store = watching->store,
                                 .config = watching->config,
                                 .origin = &source->origin,
                                 .judge = judge_for(source, window),
                                 .silence = &source->silence,
                                 .alert = true,
                                 .form = OUTPUT_JSON,
                                 .out_new = true };
    struct store_error store_error;
    struct aws_error error;
    char *lines = NULL;
    size_t len = 0;

    if (!detector.judge) {
        log_error("out of memory; the window of %s is read again", source->origin.log_group);
        window_close(window);
        source->back_at = clock_ticks() + RETRY_REFUSED;
        return;
    }
    if (watching->out) {
        detector.out = open_memstream(&lines, &len);
    }
    source->silence.newest = window == &source->tip;
    enum window_result result =
        window_take(window, answer, &detector, source->watch, session_service_time(watching->aws),
                    &error, &store_error);
    if (detector.out) {
        (void)fclose(detector.out);
    }
    bool dropped = result == WINDOW_FAILED && drop_filter(source, window, &error);
    if (!source->back.open && source->back_judge) {
        spare_put(watching, source->back_judge, source->origin.format);
        source->back_judge = NULL;
    }
    *(window == &source->tip ? &source->tip_at : &source->back_at) =
        dropped ? clock_ticks() : next_at(source, window, result, &error);
    if (result == WINDOW_STORE_FAILED) {
        log_error("%s; the window stays open and is read again", store_error.text);
    } else if (!dropped) {
        note_trouble(source, &error);
        if (window == &source->tip) {
            note_unread(source, &error);
        }
    }
    if (result == WINDOW_MORE || result == WINDOW_COMPLETE) {
        source->ever_read = true;
        source->read_at = clock_ticks();
        print_lines(watching, lines, len);
        log_debug("%s: %" PRId64 " events, %" PRId64 " findings, %" PRId64 " of them new",
                  source->origin.log_group, detector.events, detector.findings,
                  detector.new_findings);
    }
    detect_free(&detector);
    free(lines);
}
