/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4 in headers (IAM User Guide, "Create a signed AWS API request").
 * libcurl's own is wrong before 7.86 and cannot correct a clock before 8.3, which bastions still
 * run. */
#ifndef TAILGATE_AGENT_AWS_SIGV4_H
#define TAILGATE_AGENT_AWS_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGV4_HEADERS_MAX       32
#define SIGV4_PARAMETERS_MAX    64
#define SIGV4_AUTHORIZATION_MAX 2048
#define SIGV4_DATE_SIZE         17 /* "20150830T123600Z" and its NUL */

struct sigv4_header {
    const char *name;  /* any case */
    const char *value; /* as sent; runs of blanks count as one in the signature */
};

struct sigv4_request {
    const char *method;
    /* Absolute, as sent.  What should have been percent-encoded and is not is for the signature. */
    const char *path;
    const char *query; /* likewise, without '?'; empty for every call of ours so far */
    /* All that are to be signed, Host and X-Amz-Date among them; same names keep their order. */
    const struct sigv4_header *headers;
    size_t header_count;
    const void *body;
    size_t body_len;
    bool normalize_path; /* for all services but S3: remove "." and ".." and encode once more */
};

struct sigv4_scope {
    const char *access_key, *secret_key;
    const char *region, *service;
    const char *date; /* the X-Amz-Date that is sent */
};

/* Seconds since 1970 as X-Amz-Date wants it. */
void sigv4_date(int64_t seconds, char out[static SIGV4_DATE_SIZE]);

/* What a signature is made from, for tests: the documentation calls them by these names. */
struct sigv4_steps {
    /* Allocated, for the caller to free; NULL when memory is out. */
    char *canonical_request, *string_to_sign;
    char signature[65];
};

/* Writes the value of the Authorization header.  `steps` may be NULL.  False when memory is out or
 * a limit is passed: a canonical request of 64 KiB, SIGV4_HEADERS_MAX, SIGV4_PARAMETERS_MAX, a
 * secret of 256 bytes, or `out`.  Derived keys are wiped. */
bool sigv4_sign(const struct sigv4_request *request, const struct sigv4_scope *scope,
                char out[static SIGV4_AUTHORIZATION_MAX], struct sigv4_steps *steps);

#endif
