/* SPDX-License-Identifier: Apache-2.0 */
/* Backfill of a file of audit rows, such as one downloaded from a database instance. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/backfill.h"
#include "agent/command.h"
#include "agent/detect.h"
#include "agent/lines.h"
#include "agent/memory.h"
#include "storage/coverage.h"

#define LINES_PER_COMMIT 20000

static bool judge_line(struct detector *detector, const struct line *line,
                       struct store_error *error)
{
    char offset[24];
    int len = snprintf(offset, sizeof offset, "%" PRIu64, line->offset);
    struct detect_event event = { .id = { offset, (size_t)len },
                                  .message = { line->data, line->len },
                                  .timestamp = FINDING_NONE,
                                  .ingestion_time = FINDING_NONE };

    return detect_event(detector, &event, error);
}

static bool commit(struct detector *detector, struct store_error *error)
{
    return store_commit(detector->store, error) && fflush(detector->out) == 0;
}

/* Reads and judges line by line, committing now and then; false at an error of the store. */
static bool read_lines(struct lines *lines, const char *path, struct detector *detector,
                       struct backfill_result *result, struct store_error *error)
{
    struct line line;
    int step;

    if (!store_begin(detector->store, error)) {
        return false;
    }
    while ((step = lines_next(lines, &line)) == 1) {
        if (line.piece) {
            log_warning("%s: the line at byte %" PRIu64
                        " is longer than %d bytes and is judged in pieces",
                        path, line.offset, LINES_LINE_MAX);
        }
        if (!judge_line(detector, &line, error)) {
            store_rollback(detector->store);
            return false;
        }
        if (detector->events % LINES_PER_COMMIT == 0 &&
            (!commit(detector, error) || !store_begin(detector->store, error))) {
            return false;
        }
    }
    if (step < 0) {
        log_error("%s: cannot be read further: %s; what was read so far is told", path,
                  strerror(errno));
        result->incomplete = true;
    }
    return commit(detector, error);
}

int backfill_file(const struct config *config, const char *path, bool state_given,
                  struct backfill_result *result)
{
    struct lines *lines = lines_open(path); /* before anything else may change errno */
    struct store_error error;
    struct origin origin = origin_of_file(path);
    struct detector detector = { .config = config,
                                 .origin = &origin,
                                 .out = stdout,
                                 .out_json = config->output == OUTPUT_JSON };
    int status = EXIT_STORE;

    if (!lines) {
        log_error("%s: %s", path, strerror(errno));
        origin_free(&origin);
        return EXIT_USAGE;
    }
    detector.store = store_open(config->state, state_given ? STORE_WRITE : STORE_TEMPORARY, &error);
    detector.judge = judge_new(config->judged);
    if (detector.store && detector.judge &&
        coverage_source(detector.store, origin.identity, &origin.source, &error) &&
        read_lines(lines, path, &detector, result, &error)) {
        status = EXIT_YES;
    } else {
        log_error("%s", detector.judge ? error.text : "out of memory");
    }
    result->events = detector.events;
    result->findings = detector.findings;
    result->new_findings = detector.new_findings;
    judge_free(detector.judge);
    store_close(detector.store);
    lines_close(lines);
    origin_free(&origin);
    return status;
}
