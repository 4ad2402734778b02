/* SPDX-License-Identifier: Apache-2.0 */
/* What can come of a call to AWS, and how long to wait before the next try. */
#ifndef TAILGATE_AGENT_AWS_ERROR_H
#define TAILGATE_AGENT_AWS_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#define AWS_ERROR_TEXT_MAX 640
#define AWS_ERROR_CODE_MAX 96

enum aws_problem {
    AWS_OK,
    AWS_THROTTLED,      /* asked too fast */
    AWS_UNAVAILABLE,    /* 5xx, no connection, cut, too slow, no such host: passes by itself */
    AWS_EXPIRED,        /* the credentials ran out; the next call gets new ones */
    AWS_SKEWED,         /* our clock is wrong by minutes; the next call is signed with AWS's time */
    AWS_BAD_ANSWER,     /* not JSON or XML, over the limit, a redirect */
    AWS_BAD_TOKEN,      /* a page token AWS no longer takes: begin the window again */
    AWS_NO_CREDENTIALS, /* no source of credentials has any */
    AWS_REFUSED,        /* the key is unknown or the signature does not match */
    AWS_DENIED,         /* the key is good but may not do this */
    AWS_NOT_FOUND,      /* no such log group or topic */
    AWS_INVALID,        /* AWS does not accept the request; repeating it is of no use */
    AWS_FAILED,         /* on our side: memory, TLS verification, configuration */
};

struct aws_error {
    enum aws_problem problem;
    int http_status;               /* 0 when there was no answer */
    char code[AWS_ERROR_CODE_MAX]; /* AWS's own, such as "ThrottlingException"; empty when none */
    /* For people: what failed, on what, why.  What AWS said is in it: escape it. */
    char text[AWS_ERROR_TEXT_MAX];
};

/* Sets problem and text, clears the rest.  A text that is too long is cut between characters. */
__attribute__((format(printf, 3, 4))) void
aws_error_set(struct aws_error *error, enum aws_problem problem, const char *format, ...);

/* Whether the same call may succeed later without anybody doing something. */
bool aws_problem_passes(enum aws_problem problem);

/* Whether what was wrong is mended by having been found out, so that the next attempt may follow at
 * once: other credentials, the right time, the window from its beginning. */
bool aws_problem_mended(enum aws_problem problem);

/* Whether AWS refuses us, or we have nothing to show it. */
bool aws_problem_refusal(enum aws_problem problem);

/* Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): a random time between 0
 * and min(cap, base << attempt) ms. `random` is 32 random bits, so that tests can choose them. */
int64_t aws_retry_delay_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms, uint32_t random);

#endif
