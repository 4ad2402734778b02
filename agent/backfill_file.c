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

/* Lines that follow a finding before it is printed: they may say more of it, such as the outcome of
 * its attempt. */
#define HOLD_LINES 4096

/* Output that waits for its commit. */
struct batch {
    char *text;
    size_t len;
};

/* Commits what the lines read so far gave, and then prints it: while the store is locked nothing
 * may wait, neither for whoever writes our input nor for whoever reads our output. */
static bool commit(struct batch *batch, struct detector *detector, int64_t hold,
                   struct store_error *error)
{
    if (!detector->out) {
        return true;
    }
    bool ok = detect_tell(detector, hold, error);
    (void)fclose(detector->out);
    detector->out = NULL;
    ok = ok && store_commit(detector->store, error);
    if (ok) {
        fwrite(batch->text, 1, batch->len, stdout);
        (void)fflush(stdout); /* main asks at the end whether all was written */
    }
    free(batch->text);
    batch->text = NULL;
    return ok;
}

static bool begin(struct batch *batch, struct detector *detector, struct store_error *error)
{
    if (detector->out) {
        return true;
    }
    if (!store_begin(detector->store, error)) {
        return false;
    }
    detector->out = open_memstream(&batch->text, &batch->len);
    return detector->out != NULL;
}

static bool judge_text(struct batch *batch, struct detector *detector, struct store_bytes text,
                       uint64_t offset, struct store_error *error)
{
    return begin(batch, detector, error) && detect_lines(detector, text, offset, error);
}

/* Reads and judges, committing before each read of the file; false at an error of the store. */
static bool read_lines(struct lines *lines, const char *path, struct detector *detector,
                       struct backfill_result *result, struct store_error *error)
{
    struct batch batch = { NULL, 0 };
    int step = 1;
    bool ok = true;

    while (ok && step == 1) {
        struct store_bytes text;
        struct line line;
        uint64_t offset;

        text.len = lines_take(lines, &text.data, &offset);
        if (text.len > 0) {
            ok = judge_text(&batch, detector, text, offset, error);
            continue;
        }
        ok = commit(&batch, detector, HOLD_LINES, error);
        step = ok ? lines_next(lines, &line) : 0;
        if (step == 1 && line.piece) {
            log_warning("%s: the line at byte %" PRIu64
                        " is longer than %d bytes and is judged in pieces",
                        path, line.offset, LINES_LINE_MAX);
        }
        if (step == 1) {
            text = (struct store_bytes){ line.data, line.len };
            ok = judge_text(&batch, detector, text, line.offset, error);
        }
    }
    if (step < 0) {
        log_error("%s: cannot be read further: %s; what was read so far is told", path,
                  lines_problem(lines));
        result->incomplete = true;
    }
    return ok && begin(&batch, detector, error) && commit(&batch, detector, 0, error);
}

int backfill_file(const struct config *config, const char *path, enum format format,
                  bool state_given, struct backfill_result *result)
{
    struct lines *lines = lines_open(path); /* before anything else may change errno */
    struct store_error error;
    struct origin origin = origin_of_file(path, format);
    struct detector detector = { .config = config,
                                 .origin = &origin,
                                 .out_json = config->output == OUTPUT_JSON };
    int status = EXIT_STORE;

    if (!lines) {
        log_error("%s: %s", path, strerror(errno));
        origin_free(&origin);
        return EXIT_USAGE;
    }
    detector.store = store_open(config->state, state_given ? STORE_WRITE : STORE_TEMPORARY, &error);
    detector.judge = judge_new(config->judged, origin.format);
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
    detect_free(&detector);
    store_close(detector.store);
    lines_close(lines);
    origin_free(&origin);
    return status;
}
