/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP over libcurl's multi interface: one thread, no callbacks to the user; finished exchanges are
 * fetched. TLS is verified; no redirects, no .netrc, no cookies; every answer has a size limit and
 * every exchange a time limit.
 *
 * libcurl is told to leave signals alone, so the program has to ignore SIGPIPE: older versions get
 * one when a TLS connection is cut. */
#ifndef TAILGATE_AGENT_AWS_HTTP_H
#define TAILGATE_AGENT_AWS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/aws/error.h"

#define HTTP_HEADERS_MAX        16
#define HTTP_URL_MAX            2048
#define HTTP_CONNECT_TIMEOUT_MS 5000
#define HTTP_KEPT_MAX           16 /* connections kept open for the next exchange */
/* An exchange that moves fewer bytes a second than this for so many seconds is given up. */
#define HTTP_SLOW_BYTES   16
#define HTTP_SLOW_SECONDS 30

struct http;

/* ca_bundle: a PEM file of certificates to trust in place of the system's, or NULL.  Both texts are
 * copied.  AWS_FAILED when libcurl cannot be set up or the file cannot be read. */
struct http *http_new(const char *user_agent, const char *ca_bundle, struct aws_error *error);
void http_free(struct http *http);

struct http_header {
    const char *name, *value;
};

struct http_request {
    const char *method; /* "GET", "PUT" or "POST" */
    const char *url;
    const struct http_header *headers;
    size_t header_count;
    const void *body;
    size_t body_len;
    size_t answer_max;  /* bytes of body taken, counted uncompressed; more is AWS_BAD_ANSWER */
    int64_t timeout_ms; /* for the whole exchange */
    /* libcurl resends a POST by itself when a kept connection dies: not for what must happen once.
     */
    bool fresh_connection;
    bool no_proxy; /* credential endpoints are never proxied */
};

struct http_answer {
    void *owner; /* as given to http_send */
    int status;  /* 0: no answer, see error */
    char *body;  /* owned, terminated with a NUL that body_len does not count */
    size_t body_len;
    int64_t date_ms; /* the Date header, milliseconds since 1970; -1 without one */
    char error_type[AWS_ERROR_CODE_MAX]; /* the x-amzn-ErrorType header; empty without one */
    struct aws_error error;
};

/* Starts an exchange.  Everything in the request is copied.  AWS_FAILED when memory is out, there
 * are more than HTTP_HEADERS_MAX headers, or a header holds a control character (which could
 * smuggle in another header). */
bool http_send(struct http *http, const struct http_request *request, void *owner,
               struct aws_error *error);

/* Drops what was started for an owner; it will not be heard of again. */
void http_cancel(struct http *http, const void *owner);

/* Drives transfers until one finishes, wake_fd (or -1) is readable, or the time is over.  0 only
 * does what can be done at once. */
void http_wait(struct http *http, int timeout_ms, int wake_fd);

/* The next finished exchange, or NULL; the caller gives it to http_answer_free, which wipes the
 * body: it may have held keys. */
struct http_answer *http_finished(struct http *http);
void http_answer_free(struct http_answer *answer);

/* Whether a URL is plain HTTP to a host for which that is safe: loopback hosts, and the credential
 * endpoints 169.254.169.254, 169.254.170.2, 169.254.170.23, fd00:ec2::254 and fd00:ec2::23 when
 * `credentials` is true. */
bool http_plaintext_allowed(const char *url, bool credentials);

#endif
