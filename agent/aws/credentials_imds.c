/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of an instance's role, from the instance metadata service, version 2 only (Amazon EC2
 * User Guide, "Use the Instance Metadata Service to access instance metadata").  Version 1 answers
 * anybody who can make a process on the instance fetch a URL. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/aws/credentials_source.h"

#define HOST4      "http://169.254.169.254"
#define HOST6      "http://[fd00:ec2::254]"
#define TOKEN_PATH "/latest/api/token"
#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"
#define WHERE      "the instance metadata service"
#define ROLE_MAX   64
/* botocore asks once: who starts it can start it again.  An agent is started with the machine. */
#define TRIES       3
#define TIMEOUT_MAX 60 /* seconds */
#define TRIES_MAX   10

enum stage { STAGE_BEGIN, STAGE_TOKEN, STAGE_ROLE, STAGE_KEYS };

static bool is_word(const char *variable, const char *word)
{
    const char *value = getenv(variable);

    return value && strcasecmp(value, word) == 0;
}

/* A number from the environment; false when it is not one. */
static bool read_number(const char *variable, long most, long *out)
{
    const char *value = getenv(variable);
    char *end;

    if (!value || !*value) {
        return true;
    }
    errno = 0;
    *out = strtol(value, &end, 10);
    return errno == 0 && *end == '\0' && *out >= 1 && *out <= most;
}

static enum credentials_step fail(struct aws_error *error, enum aws_problem problem,
                                  const char *text)
{
    aws_error_set(error, problem, "%s", text);
    return CREDENTIALS_FAILED;
}

static enum credentials_step ask(struct credentials_walk *walk, enum stage stage, const char *path,
                                 const char *role, struct aws_error *error)
{
    const char *given = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *base = given && *given                                             ? given
                       : is_word("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ipv6") ? HOST6
                                                                                   : HOST4;
    size_t base_len = strlen(base);
    long timeout_s = 1;
    int len;

    while (base_len > 0 && base[base_len - 1] == '/') {
        base_len--;
    }
    len = snprintf(walk->url, sizeof walk->url, "%.*s%s%s", (int)base_len, base, path, role);
    if (len < 0 || (size_t)len >= sizeof walk->url || !http_plaintext_allowed(walk->url, true)) {
        return fail(error, AWS_FAILED,
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT is neither http to a loopback address, nor "
                    "169.254.169.254, nor [fd00:ec2::254]");
    }
    if (!read_number("AWS_METADATA_SERVICE_TIMEOUT", TIMEOUT_MAX, &timeout_s)) {
        return fail(error, AWS_FAILED,
                    "AWS_METADATA_SERVICE_TIMEOUT is not a number of seconds from 1 to 60");
    }
    walk->stage = (int)stage;
    walk->attempt = 0;
    if (stage == STAGE_TOKEN) {
        walk->header = (struct http_header){ "X-aws-ec2-metadata-token-ttl-seconds", "21600" };
        return credentials_ask(walk, "PUT", timeout_s * 1000);
    }
    walk->header = (struct http_header){ "X-aws-ec2-metadata-token", walk->secret };
    return credentials_ask(walk, "GET", timeout_s * 1000);
}

/* Copies the first line of an answer's body; false when it is empty, too long, or holds a blank, a
 * control character or a refused one: it goes into a header or a URL. */
static bool copy_line(const struct http_answer *answer, const char *refused, char *out, size_t size)
{
    size_t len = strcspn(answer->body, "\r\n");

    if (len == 0 || len >= size) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (answer->body[i] <= ' ' || answer->body[i] > '~' || strchr(refused, answer->body[i])) {
            return false;
        }
    }
    memcpy(out, answer->body, len);
    out[len] = '\0';
    return true;
}

/* An answer other than 200. */
static enum credentials_step take_refusal(struct credentials_walk *walk,
                                          const struct http_answer *answer, struct aws_error *error)
{
    int status = answer->status;
    long tries = TRIES;

    if (!read_number("AWS_METADATA_SERVICE_NUM_ATTEMPTS", TRIES_MAX, &tries)) {
        return fail(error, AWS_FAILED,
                    "AWS_METADATA_SERVICE_NUM_ATTEMPTS is not a number from 1 to 10");
    }
    if ((status == 0 || status >= 500) && ++walk->attempt < tries) {
        return CREDENTIALS_SEND;
    }
    if (walk->stage == STAGE_TOKEN &&
        (status == 0 || status == 403 || status == 404 || status == 405)) {
        aws_error_set(error, AWS_NO_CREDENTIALS,
                      status ? "the metadata service is off or not of version 2"
                             : "no metadata service answers");
        return CREDENTIALS_ABSENT;
    }
    if (walk->stage == STAGE_ROLE && status == 404) {
        aws_error_set(error, AWS_NO_CREDENTIALS, "the instance has no role");
        return CREDENTIALS_ABSENT;
    }
    if (status == 0) {
        aws_error_set(error, answer->error.problem, "%s: %s", WHERE, answer->error.text);
    } else {
        /* 401 and 404 come while a role is being replaced. */
        aws_error_set(error, status == 400 ? AWS_FAILED : AWS_UNAVAILABLE,
                      "%s answered with HTTP status %d", WHERE, status);
    }
    return CREDENTIALS_FAILED;
}

enum credentials_step credentials_imds(struct credentials_walk *walk,
                                       const struct http_answer *answer, struct credentials *out,
                                       struct aws_error *error)
{
    char role[ROLE_MAX + 1];

    if (walk->stage == STAGE_BEGIN) {
        if (is_word("AWS_EC2_METADATA_DISABLED", "true")) {
            aws_error_set(error, AWS_NO_CREDENTIALS, "AWS_EC2_METADATA_DISABLED is true");
            return CREDENTIALS_ABSENT;
        }
        return ask(walk, STAGE_TOKEN, TOKEN_PATH, "", error);
    }
    if (answer->status != 200) {
        return take_refusal(walk, answer, error);
    }
    switch ((enum stage)walk->stage) {
    case STAGE_TOKEN:
        if (!copy_line(answer, "", walk->secret, sizeof walk->secret)) {
            return fail(error, AWS_BAD_ANSWER, WHERE " answered without a token");
        }
        return ask(walk, STAGE_ROLE, ROLES_PATH, "", error);
    case STAGE_ROLE:
        if (!copy_line(answer, "/?#%", role, sizeof role)) {
            return fail(error, AWS_BAD_ANSWER, WHERE " answered without the name of a role");
        }
        return ask(walk, STAGE_KEYS, ROLES_PATH, role, error);
    case STAGE_BEGIN:
    case STAGE_KEYS:
        break;
    }
    return credentials_read(out, answer, walk->now_ms, WHERE, error);
}
