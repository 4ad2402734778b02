/* SPDX-License-Identifier: Apache-2.0 */
/* A source that `run` watches: what of its time to read next, and what became of it.  It is given
 * finished answers and never waits. */
#ifndef TAILGATE_AGENT_SOURCE_H
#define TAILGATE_AGENT_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/budget.h"
#include "agent/config.h"
#include "agent/detect.h"
#include "agent/retention.h"
#include "agent/unread.h"
#include "agent/window.h"
#include "storage/coverage.h"

/* What everything here needs: one for the process. */
struct watching {
    struct store *store;
    struct aws *aws;
    const struct config *config;
    const uint8_t *digest; /* of the search, COVERAGE_DIGEST_SIZE bytes */
    const char *account;   /* for log groups given by name; empty while not known */
    int64_t poll_interval; /* the configured one, or longer when the budget is shared by many */
    int64_t fair_interval; /* at which polls of one request each take half of the budget */
    struct budget budget;
    struct judge *spare; /* put by for the next window behind the newest, of this format; or NULL */
    enum format spare_format;
    FILE *out; /* findings as JSON lines, or NULL */
};

struct source {
    struct watching *watching;
    struct origin origin;
    /* Neighbours in one are no neighbours in the other.  That of `back` is there only while its
     * window is between pages: there may be hundreds of sources, and a judge is large. */
    struct judge *tip_judge, *back_judge;
    int64_t watch, since;
    struct window tip, back; /* what is new; holes and re-reads */
    struct unread unread;    /* since when the newest cannot be read */
    int64_t tip_at, back_at; /* ticks: since when each is due, or will be */
    int64_t slice;           /* length of a hole's window, longer while pages are few */
    int64_t filtered_slice;  /* and of windows with a filter */
    const char *filter;      /* what re-reads may ask the service to filter by, or NULL */
    struct overlap {
        int64_t until;  /* the end of what was read when the newest was read again last */
        unsigned polls; /* since */
        unsigned every; /* it is read again at one poll of so many */
        bool now;       /* whether the tip's window is such a one */
    } overlap;
    enum aws_problem trouble; /* the present one, AWS_OK when the last answer was good */
    bool ever_read;
    struct silence silence;
    int64_t read_at; /* ticks when a page was last read and stored */
};

/* Fills a source from its configuration and the store.  `first`: the service's time from when on a
 * new source is watched; force: --since. */
bool source_start(struct source *source, struct watching *watching,
                  const struct config_source *config, int64_t first, bool force,
                  struct store_error *error);
void source_stop(struct source *source);
/* Takes over what another source of the same log group remembers, under its own rules. */
void source_inherit(struct source *source, struct source *before);

/* The name of the fact that says what keeps a source from being read and only a person can mend. */
#define SOURCE_FACT_MAX 32
void source_fact_trouble(int64_t source, char out[static SOURCE_FACT_MAX]);

/* The name of the fact that says at how many polls the newest is read again once, if not at each.
 */
void source_fact_overlap(int64_t source, char out[static SOURCE_FACT_MAX]);

/* Each sends what is due, the newest or what lies behind it, if the budget allows; and returns the
 * ticks at which to call again at the latest.  Who is due first is to be asked first. */
int64_t source_step_tip(struct source *source);
int64_t source_step_back(struct source *source);

/* Whether a window is one of this source's, and what to do with its answer. */
bool source_owns(const struct source *source, const void *owner);
void source_answer(struct source *source, struct window *window, const struct aws_answer *answer);

/* Whether a request is under way. */
bool source_busy(const struct source *source);

#endif
