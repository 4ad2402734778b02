/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of sources, and what they share. */
#include "agent/aws/credentials.h"

#include <json-c/json_object.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/aws/credentials_source.h"
#include "agent/aws/json.h"
#include "agent/aws/shared_config.h"

/* botocore's order.  Sources to come (assume role, SSO, credential_process ...) are further lines.
 */
static const struct {
    const char *name;
    credentials_source *step;
} sources[] = {
    { "environment", credentials_environment },
    { "profile", credentials_profile },
    { "container", credentials_container },
    { "imds", credentials_imds },
};
#define SOURCE_COUNT (sizeof sources / sizeof *sources)

struct credentials_chain {
    char *profile;
    bool profile_given;
    size_t current;
    char absent[AWS_ERROR_TEXT_MAX]; /* what each source before the current one said */
    struct credentials_walk walk;
};

void credentials_wipe(struct credentials *credentials)
{
    OPENSSL_cleanse(credentials, sizeof *credentials);
}

struct credentials_chain *credentials_chain_new(const char *profile)
{
    struct credentials_chain *chain = calloc(1, sizeof *chain);

    if (chain) {
        chain->profile_given = profile != NULL;
        chain->profile = strdup(shared_config_profile(profile));
        if (!chain->profile) {
            free(chain);
            chain = NULL;
        }
    }
    return chain;
}

void credentials_chain_free(struct credentials_chain *chain)
{
    if (chain) {
        free(chain->profile);
        OPENSSL_cleanse(chain, sizeof *chain);
        free(chain);
    }
}

static void begin_source(struct credentials_chain *chain)
{
    OPENSSL_cleanse(&chain->walk, sizeof chain->walk);
    memset(&chain->walk, 0, sizeof chain->walk);
    chain->walk.profile = chain->profile;
    chain->walk.profile_given = chain->profile_given;
}

static void note_absent(struct credentials_chain *chain, const char *why)
{
    size_t used = strlen(chain->absent);

    (void)snprintf(chain->absent + used, sizeof chain->absent - used, "%s%s: %s", used ? "; " : "",
                   sources[chain->current].name, why);
}

enum credentials_step credentials_chain_step(struct credentials_chain *chain,
                                             const struct http_answer *answer, int64_t now_ms,
                                             struct http_request *request, struct credentials *out,
                                             struct aws_error *error)
{
    if (!answer) {
        chain->current = 0;
        chain->absent[0] = '\0';
        begin_source(chain);
    }
    for (; chain->current < SOURCE_COUNT; chain->current++) {
        chain->walk.now_ms = now_ms;
        enum credentials_step step = sources[chain->current].step(&chain->walk, answer, out, error);
        switch (step) {
        case CREDENTIALS_SEND:
            *request = chain->walk.request;
            return step;
        case CREDENTIALS_READY:
            out->source = sources[chain->current].name;
            return step;
        case CREDENTIALS_FAILED:
            return step;
        case CREDENTIALS_ABSENT:
            note_absent(chain, error->text);
            begin_source(chain);
            answer = NULL;
            break;
        }
    }
    aws_error_set(error, AWS_NO_CREDENTIALS, "no credentials were found (%s)", chain->absent);
    return CREDENTIALS_ABSENT;
}

/* Copies what is to be printable ASCII without blanks: a line break from an editor or a copied
 * blank would otherwise come out as a wrong signature, which says nothing about its cause. */
static bool copy_key(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);

    if (len >= size) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    memcpy(out, text, len + 1);
    return true;
}

enum credentials_step credentials_fill(struct credentials *out, const char *access_key,
                                       const char *secret_key, const char *token, const char *where,
                                       struct aws_error *error)
{
    const char *wrong = NULL;

    if (!copy_key(out->access_key, sizeof out->access_key, access_key)) {
        wrong = "access key";
    } else if (!copy_key(out->secret_key, sizeof out->secret_key, secret_key)) {
        wrong = "secret key";
    } else if (!copy_key(out->token, sizeof out->token, token ? token : "")) {
        wrong = "session token";
    }
    if (wrong) {
        credentials_wipe(out);
        aws_error_set(
            error, AWS_FAILED,
            "the %s from %s is too long, or holds a blank, a line break or another character "
            "that no key has",
            wrong, where);
        return CREDENTIALS_FAILED;
    }
    out->expires_ms = INT64_MAX;
    return CREDENTIALS_READY;
}

/* Reads a time such as 2026-11-22T14:00:00Z, parts of a second left out. */
static bool read_time(const char *text, int64_t *ms)
{
    struct tm parts = { 0 };
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);

    if (!rest) {
        return false;
    }
    if (*rest == '.') {
        rest += 1 + strspn(rest + 1, "0123456789");
    }
    if (strcmp(rest, "Z") != 0 && strcmp(rest, "+00:00") != 0) {
        return false;
    }
    *ms = (int64_t)timegm(&parts) * 1000;
    return true;
}

static enum credentials_step read_document(struct credentials *out,
                                           const struct json_object *document, int64_t now_ms,
                                           const char *where, struct aws_error *error)
{
    size_t len;
    const char *code = json_member(document, "Code", &len);
    const char *message = json_member(document, "Message", &len);
    const char *access_key = json_member(document, "AccessKeyId", &len);
    const char *secret_key = json_member(document, "SecretAccessKey", &len);
    const char *token = json_member(document, "Token", &len);
    const char *expiration = json_member(document, "Expiration", &len);
    int64_t expires_ms = INT64_MAX;
    enum credentials_step step;

    if (code && strcmp(code, "Success") != 0) {
        aws_error_set(error, AWS_NO_CREDENTIALS, "%s gives no credentials: %.64s%s%.200s", where,
                      code, message ? ": " : "", message ? message : "");
        return CREDENTIALS_FAILED;
    }
    if (!access_key || !secret_key || !token) {
        aws_error_set(error, AWS_BAD_ANSWER, "the answer of %s has no %s", where,
                      !access_key   ? "AccessKeyId"
                      : !secret_key ? "SecretAccessKey"
                                    : "Token");
        return CREDENTIALS_FAILED;
    }
    if (expiration && !read_time(expiration, &expires_ms)) {
        aws_error_set(error, AWS_BAD_ANSWER, "the Expiration in the answer of %s is not a time",
                      where);
        return CREDENTIALS_FAILED;
    }
    step = credentials_fill(out, access_key, secret_key, token, where, error);
    if (step == CREDENTIALS_READY) {
        out->expires_ms = expires_ms > now_ms ? expires_ms : now_ms + CREDENTIALS_STALE_MS;
    }
    return step;
}

enum credentials_step credentials_read(struct credentials *out, const struct http_answer *answer,
                                       int64_t now_ms, const char *where, struct aws_error *error)
{
    const char *why;
    struct json_object *document = json_read(answer->body, answer->body_len, &why);
    enum credentials_step step;

    if (!document) {
        /* Nothing of the body is told: it may be half of a document with keys in it. */
        aws_error_set(error, AWS_BAD_ANSWER, "the answer of %s is not JSON: %s", where, why);
        return CREDENTIALS_FAILED;
    }
    step = read_document(out, document, now_ms, where, error);
    json_object_put(document);
    return step;
}

enum credentials_step credentials_ask(struct credentials_walk *walk, const char *method,
                                      int64_t timeout_ms)
{
    walk->request = (struct http_request){
        .method = method,
        .url = walk->url,
        .headers = &walk->header,
        .header_count = walk->header.name ? 1 : 0,
        .answer_max = CREDENTIALS_ANSWER_MAX,
        .timeout_ms = timeout_ms,
        .no_proxy = true,
    };
    return CREDENTIALS_SEND;
}
