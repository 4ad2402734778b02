/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer of AWS that is not a success means, and how to say it to people.
 *
 * The HTTP status comes first, then only the error's own code: a log event or a resource name may
 * hold any word, "AccessDenied" included, so a body is never searched.  (Smithy, "AWS JSON 1.1
 * protocol" and "AWS query protocol": operation error serialization.) */
#ifndef TAILGATE_AGENT_AWS_FAILURE_H
#define TAILGATE_AGENT_AWS_FAILURE_H

#include <stdint.h>

#include "agent/aws/aws.h"
#include "agent/aws/credentials.h"
#include "agent/aws/http.h"

/* What was asked, and as whom. */
struct failure_call {
    const struct aws_request *request;
    const struct credentials *credentials; /* nothing secret of them gets into a text */
    int64_t signed_ms;                     /* the time in the signature, milliseconds */
    int64_t host_ms;                       /* the host's own at that moment */
};

/* Judges an answer with an HTTP status; AWS_OK for 200. */
void failure_read(const struct failure_call *call, const struct http_answer *answer,
                  struct aws_error *out);

/* Puts what was asked ("FilterLogEvents on /aws/rds/...: ") before the text of an error. */
void failure_prefix(const struct aws_request *request, struct aws_error *error);

#endif
