/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials from the endpoint that ECS, EKS Pod Identity and Greengrass put beside a container
 * (AWS SDKs and Tools Reference Guide, "Container credential provider"). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/aws/buffer.h"
#include "agent/aws/credentials_source.h"

#define HOST       "http://169.254.170.2"
#define WHERE      "the container credentials endpoint"
#define TIMEOUT_MS 2000
#define ATTEMPTS   3

static bool make_url(struct credentials_walk *walk, const char *relative, const char *full,
                     struct aws_error *error)
{
    int len = relative ? snprintf(walk->url, sizeof walk->url, "%s%s", HOST, relative)
                       : snprintf(walk->url, sizeof walk->url, "%s", full);

    if (len < 0 || (size_t)len >= sizeof walk->url || (relative && relative[0] != '/')) {
        aws_error_set(error, AWS_FAILED, "AWS_CONTAINER_CREDENTIALS_%s_URI is %s",
                      relative ? "RELATIVE" : "FULL",
                      relative && relative[0] != '/' ? "not a path" : "too long");
        return false;
    }
    if (strncasecmp(walk->url, "https://", 8) != 0 && !http_plaintext_allowed(walk->url, true)) {
        aws_error_set(
            error, AWS_FAILED,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https, nor a loopback address, nor "
            "169.254.170.2, 169.254.170.23 or [fd00:ec2::23]");
        return false;
    }
    return true;
}

/* The password for the endpoint.  The file is read anew each time: EKS replaces it every day. */
static bool make_header(struct credentials_walk *walk, struct aws_error *error)
{
    const char *path = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *text = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    struct buffer content;
    bool fits;

    buffer_init(&content, sizeof walk->secret - 1);
    if (path && *path) {
        if (!buffer_add_file(&content, path)) {
            aws_error_set(error, AWS_FAILED,
                          "%s (AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE) cannot be read: %s", path,
                          strerror(errno));
            buffer_free(&content);
            return false;
        }
        while (content.len > 0 && strchr("\r\n", content.data[content.len - 1])) {
            buffer_cut(&content, content.len - 1);
        }
    } else if (text) {
        buffer_add_text(&content, text);
    }
    fits = !content.failed;
    if (fits && content.len > 0) {
        memcpy(walk->secret, content.data, content.len + 1);
        walk->header = (struct http_header){ "Authorization", walk->secret };
    } else if (!fits) {
        aws_error_set(error, AWS_FAILED, "AWS_CONTAINER_AUTHORIZATION_TOKEN is too long");
    }
    buffer_free(&content);
    return fits;
}

static enum credentials_step take_answer(struct credentials_walk *walk,
                                         const struct http_answer *answer, struct credentials *out,
                                         struct aws_error *error)
{
    if (answer->status == 200) {
        return credentials_read(out, answer, walk->now_ms, WHERE, error);
    }
    if ((answer->status == 0 || answer->status >= 500) && ++walk->attempt < ATTEMPTS) {
        return CREDENTIALS_SEND;
    }
    if (answer->status == 0) {
        aws_error_set(error, answer->error.problem, "%s: %s", WHERE, answer->error.text);
    } else {
        aws_error_set(error, answer->status >= 500 ? AWS_UNAVAILABLE : AWS_NO_CREDENTIALS,
                      "%s answered with HTTP status %d", WHERE, answer->status);
    }
    return CREDENTIALS_FAILED;
}

enum credentials_step credentials_container(struct credentials_walk *walk,
                                            const struct http_answer *answer,
                                            struct credentials *out, struct aws_error *error)
{
    const char *relative = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");

    if (answer) {
        return take_answer(walk, answer, out, error);
    }
    relative = relative && *relative ? relative : NULL;
    full = full && *full ? full : NULL;
    if (!relative && !full) {
        aws_error_set(error, AWS_NO_CREDENTIALS, "AWS_CONTAINER_CREDENTIALS_..._URI is not set");
        return CREDENTIALS_ABSENT;
    }
    if (!make_url(walk, relative, full, error) || !make_header(walk, error)) {
        return CREDENTIALS_FAILED;
    }
    return credentials_ask(walk, "GET", TIMEOUT_MS);
}
