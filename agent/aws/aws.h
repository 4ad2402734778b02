/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to AWS: finds credentials, signs, sends, and gives back what came of it.  One attempt a
 * call: who calls decides when to try again (error.h), because every attempt costs a request of
 * somebody's budget.  One thread; nothing here waits but aws_wait.
 *
 * Credentials are fetched when the first call needs them; calls started meanwhile wait.  They are
 * renewed ahead of their end (credentials.h) while calls go on with the old ones, and dropped when
 * AWS says they have expired or that it does not know them, so that the next call looks anew: the
 * file they came from may have been replaced.
 *
 * The host's clock is not believed.  Each answer of a service with a Date header gives two limits
 * to what the service's clock can be, apart by the second that the header leaves out and the time
 * the call took; what is known is corrected just so far that it lies within them, and starts at
 * the lower one.  So the service's time as told here is never ahead of the last Date header by
 * more than a second, counted from when that answer came. */
#ifndef TAILGATE_AGENT_AWS_AWS_H
#define TAILGATE_AGENT_AWS_AWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/aws/error.h"

#define AWS_TIMEOUT_MS       60000 /* for one attempt */
#define AWS_REFRESH_RETRY_MS 60000 /* after a renewal of credentials that failed */
/* Signatures are made with the host's time while it differs by no more than this. */
#define AWS_CLOCK_NOISE_MS 60000

struct aws_options {
    const char *profile;      /* NULL: as the environment says */
    const char *endpoint_url; /* NULL: as endpoint.h finds it */
    bool allow_plaintext;     /* plain HTTP to other than loopback addresses */
    const char *user_agent;
    int64_t (*now_ms)(void *clock); /* milliseconds since 1970, as the host has it */
    void *clock;
};

/* Everything in the options is copied but the clock, which must live as long.  NULL with
 * AWS_FAILED; $AWS_CA_BUNDLE, or ca_bundle of the profile, is honoured and must be readable. */
struct aws;
struct aws *aws_new(const struct aws_options *options, struct aws_error *error);
void aws_free(struct aws *aws);

/* JSON 1.1 with X-Amz-Target; form-encoded with XML answers. */
enum aws_protocol { AWS_JSON, AWS_QUERY };

struct aws_request {
    const char *service; /* "logs", "sns", "sts" */
    const char *region;
    enum aws_protocol protocol;
    const char *target;   /* AWS_JSON: "Logs_20140328.FilterLogEvents" */
    const char *action;   /* for messages: "FilterLogEvents" */
    const char *resource; /* for messages: the log group or topic; may be NULL */
    const char *body;
    size_t body_len;
    size_t answer_max;     /* bytes */
    bool fresh_connection; /* http.h */
    bool next_page;        /* it holds a page token: InvalidParameterException is AWS_BAD_TOKEN */
};

struct aws_answer {
    void *owner;
    struct aws_error error; /* problem AWS_OK: the body is a good answer (HTTP 200), not yet read */
    char *body;             /* NULL unless good; a NUL follows it */
    size_t body_len;
    int64_t date_ms; /* the service's clock when it answered; -1 when it did not say */
};

/* Starts a call; everything is copied.  False only when it could not even be queued: AWS_FAILED
 * for memory, for a region or endpoint that is none, for an endpoint in plain text. */
bool aws_send(struct aws *aws, const struct aws_request *request, void *owner,
              struct aws_error *error);

/* Forgets all calls of an owner; nothing more is heard of them. */
void aws_cancel(struct aws *aws, const void *owner);

/* Drives calls until one is finished, wake_fd (or -1) is readable, or the time is over. */
void aws_wait(struct aws *aws, int timeout_ms, int wake_fd);

/* The next finished call, or NULL; to be given to aws_answer_free. */
struct aws_answer *aws_finished(struct aws *aws);
void aws_answer_free(struct aws_answer *answer);

/* The service's clock, milliseconds since 1970.  *known false: no Date header was seen yet, and it
 * is the host's. */
int64_t aws_service_time(const struct aws *aws, bool *known);

/* Where the credentials in use came from ("environment", "imds"...), or NULL without any. */
const char *aws_credentials_source(const struct aws *aws);

#endif
