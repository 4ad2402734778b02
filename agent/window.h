/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a window of a log group to its end: page after page, each committed with what was found
 * in it, the last one together with the coverage.  A window is complete only when the service gives
 * no further token; an error leaves it open. */
#ifndef TAILGATE_AGENT_WINDOW_H
#define TAILGATE_AGENT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/aws/aws.h"
#include "agent/detect.h"
#include "storage/coverage.h"
#include "storage/store.h"

struct window {
    int64_t start, end; /* half-open, event time in milliseconds: what will count as read */
    int64_t ask_until;  /* what is asked for beyond `end`, so that rows with a clock slightly ahead
                           are seen early */
    int64_t read_at;    /* the service's clock at the first page; 0 before */
    char *token;        /* of the next page; NULL at the beginning */
    unsigned pages;
    unsigned attempt;       /* failures in a row */
    bool open;              /* not yet read to its end */
    bool flying;            /* a request is under way */
    bool hurried;           /* a token died before its page could be asked for: it goes first */
    bool again;             /* it is read again because of its age: what is new in it is late */
    const char *filter;     /* what the service is to leave out (service_filter.h), or NULL */
    int64_t settled;        /* the age at which time is read for the last time */
    bool sampled;           /* other windows of its source have one: see judge_page */
    struct stretch *before; /* what of it was read before, in order */
    size_t before_count;
};

/* A window whose token died is begun again, cut to its first half: were it only begun again, one
 * that takes longer than a token lives would never end. */
enum window_result { WINDOW_MORE, WINDOW_COMPLETE, WINDOW_FAILED, WINDOW_STORE_FAILED };

/* `before`: what of this time was read before and when, as coverage_list gives it; copied. */
void window_open(struct window *window, int64_t start, int64_t end, int64_t ask_until,
                 const struct stretch *before, size_t before_count);
void window_close(struct window *window);

/* Asks for the next page; the window is the answer's owner. */
bool window_send(struct window *window, struct aws *aws, const struct origin *origin,
                 struct aws_error *error);

/* Takes the answer: judges its events, stores and commits.  On WINDOW_FAILED the error says why,
 * and the window stays open. */
/* service_now: for an answer that does not say when it was given. */
enum window_result window_take(struct window *window, const struct aws_answer *answer,
                               struct detector *detector, int64_t watch, int64_t service_now,
                               struct aws_error *error, struct store_error *store_error);

#endif
