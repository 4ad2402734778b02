/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials, from the sources AWS's own tools read, in botocore's order.
 *
 * A source does no I/O over the network itself: it says which request to send next, is given the
 * answer, and ends with credentials, with a failure, or with "nothing configured here".  So the
 * chain never blocks the loop and is tested without a network. */
#ifndef TAILGATE_AGENT_AWS_CREDENTIALS_H
#define TAILGATE_AGENT_AWS_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/aws/error.h"
#include "agent/aws/http.h"

#define CREDENTIALS_KEY_MAX   256
#define CREDENTIALS_TOKEN_MAX 16384
/* Refresh this long before the end: botocore's advisory and mandatory times. */
#define CREDENTIALS_REFRESH_MS   900000
#define CREDENTIALS_MANDATORY_MS 600000

struct credentials {
    char access_key[CREDENTIALS_KEY_MAX];
    char secret_key[CREDENTIALS_KEY_MAX];
    char token[CREDENTIALS_TOKEN_MAX]; /* empty: none */
    int64_t expires_ms;                /* INT64_MAX: never */
    const char *source; /* "environment", "profile", "container", "imds": for the log */
};

void credentials_wipe(struct credentials *credentials);

enum credentials_step {
    CREDENTIALS_ABSENT, /* none is configured: AWS_NO_CREDENTIALS, telling what was looked for */
    CREDENTIALS_SEND,   /* send the request and come back with its answer */
    CREDENTIALS_READY,
    CREDENTIALS_FAILED, /* one is configured but does not work: the chain stops there and says so */
};

/* One walk along the chain.  profile: from an option, it then outranks keys in the environment, as
 * it does for botocore; NULL: $AWS_PROFILE, else "default".  NULL when memory is out. */
struct credentials_chain;
struct credentials_chain *credentials_chain_new(const char *profile);
void credentials_chain_free(struct credentials_chain *chain);

/* Begins (answer NULL), or goes on with the answer to the request asked for.  On CREDENTIALS_SEND
 * *request is what to send (valid until the next step); on CREDENTIALS_READY *out is filled.
 * now_ms: AWS's time, as well as it is known, to judge an expiry. */
enum credentials_step credentials_chain_step(struct credentials_chain *chain,
                                             const struct http_answer *answer, int64_t now_ms,
                                             struct http_request *request, struct credentials *out,
                                             struct aws_error *error);

#endif
