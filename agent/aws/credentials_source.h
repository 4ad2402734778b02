/* SPDX-License-Identifier: Apache-2.0 */
/* What the chain of credentials.c and its sources, one file each, have between them. */
#ifndef TAILGATE_AGENT_AWS_CREDENTIALS_SOURCE_H
#define TAILGATE_AGENT_AWS_CREDENTIALS_SOURCE_H

#include "agent/aws/credentials.h"

#define CREDENTIALS_ANSWER_MAX 65536 /* bytes of a credential endpoint's answer */

/* A walk along the chain, as a source sees it.  Memory is zeroed when a source begins; what it
 * keeps there between its steps is wiped afterwards. */
struct credentials_walk {
    const char *profile; /* the name to use */
    bool profile_given;  /* by an option: then it outranks the environment */
    int64_t now_ms;
    /* The rest is the source's own. */
    int stage;
    int attempt;
    char url[HTTP_URL_MAX];
    char secret[CREDENTIALS_TOKEN_MAX]; /* for the header */
    struct http_header header;
    struct http_request request; /* to be sent when a step says CREDENTIALS_SEND */
};

/* A step of one source.  `answer` is NULL at its beginning.  On CREDENTIALS_ABSENT the text of
 * *error is why, in a few words; on CREDENTIALS_FAILED *error is whole. */
typedef enum credentials_step credentials_source(struct credentials_walk *walk,
                                                 const struct http_answer *answer,
                                                 struct credentials *out, struct aws_error *error);

credentials_source credentials_environment;
credentials_source credentials_profile;
credentials_source credentials_container;
credentials_source credentials_imds;

/* Fills in keys that never expire.  CREDENTIALS_READY, or CREDENTIALS_FAILED when one is too long
 * or holds what no key does; `where` says in messages where they come from.  `token` may be NULL.
 */
enum credentials_step credentials_fill(struct credentials *out, const char *access_key,
                                       const char *secret_key, const char *token, const char *where,
                                       struct aws_error *error);

/* Fills in what a credential endpoint answered: AccessKeyId, SecretAccessKey, Token, Expiration
 * (Amazon EC2 User Guide, "Retrieve security credentials from instance metadata").  An expiry that
 * is over already is the endpoint's trouble or our clock's, and the keys may well work: they are
 * given as good for CREDENTIALS_STALE_MS more. */
#define CREDENTIALS_STALE_MS 1500000
enum credentials_step credentials_read(struct credentials *out, const struct http_answer *answer,
                                       int64_t now_ms, const char *where, struct aws_error *error);

/* Makes the walk's request: to walk->url, with the walk's header if it has one. */
enum credentials_step credentials_ask(struct credentials_walk *walk, const char *method,
                                      int64_t timeout_ms);

#endif
