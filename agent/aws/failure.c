/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer of AWS that is not a success means. */
#include "agent/aws/failure.h"

#include <json-c/json_object.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/aws/json.h"
#include "agent/aws/xml.h"

#define MESSAGE_MAX   4096 /* read of AWS's own message */
#define MESSAGE_SAID  320  /* and told */
#define RESOURCE_SAID 200
#define KEY_TEXT_MAX  16
/* AWS takes signatures within five minutes of its own clock.  Some of that goes by on the way. */
#define SKEW_LIMIT_MS 240000

/* Codes and what they mean; one that ends in '*' stands for all that begin so.  The first that fits
 * counts. */
static const struct {
    const char *code;
    enum aws_problem problem;
} meanings[] = {
    { "Throttl*",
      AWS_THROTTLED }, /* Throttling, Throttled, ThrottlingException, ThrottledException */
    { "TooManyRequests*", AWS_THROTTLED },
    { "RequestLimitExceeded", AWS_THROTTLED },
    { "RequestThrottled*", AWS_THROTTLED },
    { "LimitExceededException", AWS_THROTTLED },
    { "BandwidthLimitExceeded", AWS_THROTTLED },
    { "PriorRequestNotComplete", AWS_THROTTLED },
    { "SlowDown", AWS_THROTTLED },
    { "KMSThrottling*", AWS_THROTTLED },

    { "ServiceUnavailable*", AWS_UNAVAILABLE },
    { "InternalFailure*", AWS_UNAVAILABLE },
    { "InternalError*", AWS_UNAVAILABLE },
    { "InternalServer*", AWS_UNAVAILABLE },
    { "RequestTimeout*", AWS_UNAVAILABLE },
    { "OperationAborted*", AWS_UNAVAILABLE },

    { "ExpiredToken*", AWS_EXPIRED },
    { "TokenRefreshRequired", AWS_EXPIRED },

    { "RequestExpired", AWS_SKEWED },
    { "RequestTimeTooSkewed", AWS_SKEWED },
    { "RequestInTheFuture", AWS_SKEWED },

    { "InvalidNextToken*", AWS_BAD_TOKEN },
    { "ExpiredNextToken*", AWS_BAD_TOKEN },

    { "InvalidSignature*", AWS_REFUSED },
    { "SignatureDoesNotMatch*", AWS_REFUSED },
    { "IncompleteSignature*", AWS_REFUSED },
    { "MissingAuthenticationToken*", AWS_REFUSED },
    { "UnrecognizedClient*", AWS_REFUSED },
    { "InvalidClientTokenId*", AWS_REFUSED },
    { "InvalidAccessKeyId", AWS_REFUSED },
    { "AuthFailure", AWS_REFUSED },

    { "AccessDenied*", AWS_DENIED },
    { "AuthorizationError*", AWS_DENIED },
    { "UnauthorizedOperation", AWS_DENIED },
    { "NotAuthorized*", AWS_DENIED },
    { "OptInRequired", AWS_DENIED },
    { "SubscriptionRequired*", AWS_DENIED },
    { "KMS*", AWS_DENIED }, /* KMSAccessDenied, KMSDisabled, KMSNotFound ... */

    { "ResourceNotFound*", AWS_NOT_FOUND },
    { "NotFound", AWS_NOT_FOUND },
    { "NotFoundException", AWS_NOT_FOUND },
};

/* What a status means that comes without a code that is known. */
static const struct {
    int status;
    enum aws_problem problem;
} statuses[] = {
    { 403, AWS_DENIED },
    { 408, AWS_UNAVAILABLE },
    { 429, AWS_THROTTLED },
};

/* An error as AWS worded it. */
struct told {
    char code[AWS_ERROR_CODE_MAX];
    char message[MESSAGE_MAX];
};

/* Takes the name out of "prefix#Name:suffix".  What does not look like a name is no code. */
static void copy_code(const char *text, char out[static AWS_ERROR_CODE_MAX])
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *name = strrchr(text, '#');
    size_t len;

    name = name ? name + 1 : text;
    len = strcspn(name, ":");
    if (len < AWS_ERROR_CODE_MAX && strspn(name, allowed) == len) {
        memcpy(out, name, len);
        out[len] = '\0';
    }
}

static void read_json_error(const struct http_answer *answer, struct told *told)
{
    const char *why;
    size_t len;
    struct json_object *document = json_read(answer->body, answer->body_len, &why);
    const char *type = document ? json_member(document, "__type", &len) : NULL;
    const char *message = document ? json_member(document, "message", &len) : NULL;

    if (document && !message) {
        message = json_member(document, "Message", &len);
    }
    copy_code(answer->error_type[0] ? answer->error_type : type ? type : "", told->code);
    (void)snprintf(told->message, sizeof told->message, "%s", message ? message : "");
    json_object_put(document);
}

static void read_xml_error(const struct http_answer *answer, struct told *told)
{
    char code[AWS_ERROR_CODE_MAX], other_code[AWS_ERROR_CODE_MAX];
    char other[MESSAGE_MAX] = "";
    /* The second form is EC2's. */
    struct xml_text wanted[] = {
        { .path = "ErrorResponse/Error/Code", .out = code, .size = sizeof code },
        { .path = "ErrorResponse/Error/Message",
          .out = told->message,
          .size = sizeof told->message },
        { .path = "Response/Errors/Error/Code", .out = other_code, .size = sizeof other_code },
        { .path = "Response/Errors/Error/Message", .out = other, .size = sizeof other },
    };
    const char *why;

    if (!xml_read(answer->body, answer->body_len, wanted, sizeof wanted / sizeof *wanted, &why)) {
        told->message[0] = '\0';
        return;
    }
    copy_code(wanted[0].found ? code : other_code, told->code);
    if (!wanted[1].found) {
        memcpy(told->message, other, sizeof told->message);
    }
}

static bool fits(const char *pattern, const char *code)
{
    size_t len = strlen(pattern);

    return pattern[len - 1] == '*' ? strncmp(pattern, code, len - 1) == 0
                                   : strcmp(pattern, code) == 0;
}

static enum aws_problem classify(int status, const char *code)
{
    enum aws_problem problem = AWS_INVALID;

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        problem = statuses[i].status == status ? statuses[i].problem : problem;
    }
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        if (fits(meanings[i].code, code)) {
            problem = meanings[i].problem;
            break;
        }
    }
    if (status >= 500) {
        return problem == AWS_THROTTLED ? problem : AWS_UNAVAILABLE;
    }
    return status >= 400 ? problem : AWS_BAD_ANSWER;
}

static bool signature_code(const char *code)
{
    return strncmp(code, "InvalidSignature", 16) == 0 ||
           strncmp(code, "SignatureDoesNotMatch", 21) == 0;
}

/* Whether a signature was refused for its time.  The code is the same as for a wrong secret; only
 * the error's message and the clocks tell them apart. */
static bool refused_for_time(const struct failure_call *call, const struct http_answer *answer,
                             const struct told *told)
{
    return strncmp(told->message, "Signature expired", 17) == 0 ||
           strncmp(told->message, "Signature not yet current", 25) == 0 ||
           (answer->date_ms >= 0 && llabs(answer->date_ms - call->signed_ms) > SKEW_LIMIT_MS);
}

/* Enough of an access key to know it again. */
static void mask_key(const char *key, char out[static KEY_TEXT_MAX])
{
    size_t len = strlen(key);

    (void)snprintf(out, KEY_TEXT_MAX, "%.4s...%s", key, len >= 16 ? key + len - 4 : "");
}

/* Whether a text holds the beginning of a secret; the rest may have been cut off. */
static bool tells(const char *text, const char *secret)
{
    char start[17];

    (void)snprintf(start, sizeof start, "%.16s", secret);
    bool told = start[0] != '\0' && strstr(text, start);
    OPENSSL_cleanse(start, sizeof start);
    return told;
}

/* AWS's message, if it may be shown: a refused signature is answered with the request it was
 * computed from, session token and all. */
static const char *showable(const struct failure_call *call, enum aws_problem problem,
                            const char *message)
{
    const struct credentials *credentials = call->credentials;

    if (problem == AWS_REFUSED || problem == AWS_SKEWED || problem == AWS_EXPIRED ||
        tells(message, credentials->secret_key) || tells(message, credentials->token)) {
        return "";
    }
    return message;
}

static void describe_refusal(const struct failure_call *call, const char *code, char *out,
                             size_t size)
{
    char key[KEY_TEXT_MAX];
    const char *source = call->credentials->source ? call->credentials->source : "nowhere";

    mask_key(call->credentials->access_key, key);
    if (signature_code(code)) {
        (void)snprintf(
            out, size,
            "AWS refused the signature: the secret key does not belong to the access key "
            "%s (from %s), or something on the way changes requests",
            key, source);
    } else if (strncmp(code, "IncompleteSignature", 19) == 0 ||
               strncmp(code, "MissingAuthenticationToken", 26) == 0) {
        (void)snprintf(out, size,
                       "AWS found no whole signature: something on the way changes requests");
    } else {
        (void)snprintf(out, size,
                       "AWS does not know the access key %s (from %s): it was deleted or made "
                       "inactive, its session token is another's, or it is of another partition",
                       key, source);
    }
}

static void describe_skew(const struct failure_call *call, const struct http_answer *answer,
                          char *out, size_t size)
{
    int64_t ahead_ms = call->host_ms - answer->date_ms;

    if (answer->date_ms < 0) {
        (void)snprintf(out, size,
                       "AWS refused the time of the signature, and its answer does not say what "
                       "time it has: set this host's clock");
    } else if (llabs(ahead_ms) > AWS_CLOCK_NOISE_MS) {
        (void)snprintf(out, size,
                       "AWS refused the time of the signature: this host's clock is %lld s %s; the "
                       "next call is signed with AWS's time, but the clock should be set",
                       (long long)llabs(ahead_ms) / 1000, ahead_ms < 0 ? "slow" : "fast");
    } else {
        (void)snprintf(out, size,
                       "AWS refused the time of the signature, which followed an earlier answer of "
                       "its own; the next call is signed with the time of this one");
    }
}

/* What permissions call a service. */
static const char *permission_prefix(const char *service)
{
    return strcmp(service, "monitoring") == 0 ? "cloudwatch" : service;
}

/* What happened, in a phrase. */
static void describe(const struct failure_call *call, const struct http_answer *answer,
                     enum aws_problem problem, const char *code, char *out, size_t size)
{
    const struct aws_request *request = call->request;

    switch (problem) {
    case AWS_THROTTLED:
        (void)snprintf(out, size, "AWS asks for fewer requests");
        break;
    case AWS_EXPIRED:
        (void)snprintf(out, size,
                       "the credentials (from %s) have expired; the next call looks for new ones",
                       call->credentials->source ? call->credentials->source : "nowhere");
        break;
    case AWS_SKEWED:
        describe_skew(call, answer, out, size);
        break;
    case AWS_REFUSED:
        describe_refusal(call, code, out, size);
        break;
    case AWS_BAD_ANSWER:
        (void)snprintf(out, size, "%s: is the endpoint URL right?",
                       answer->status >= 300 ? "a redirect, which is not followed"
                                             : "an answer that AWS does not give");
        break;
    case AWS_BAD_TOKEN:
        (void)snprintf(out, size, "AWS no longer takes the token of the next page");
        break;
    case AWS_DENIED:
        (void)snprintf(out, size, "AWS does not allow %s:%s%s%.*s",
                       permission_prefix(request->service), request->action,
                       request->resource ? " on " : "", RESOURCE_SAID,
                       request->resource ? request->resource : "");
        break;
    case AWS_NOT_FOUND:
        (void)snprintf(out, size, "AWS finds no such thing in %s", request->region);
        break;
    case AWS_INVALID:
        (void)snprintf(out, size, "AWS does not accept the request");
        break;
    case AWS_OK:
    case AWS_UNAVAILABLE:
    case AWS_NO_CREDENTIALS:
    case AWS_FAILED:
        (void)snprintf(out, size, "AWS cannot answer now");
        break;
    }
}

void failure_prefix(const struct aws_request *request, struct aws_error *error)
{
    struct aws_error whole;

    aws_error_set(&whole, error->problem, "%s%s%.*s: %s", request->action,
                  request->resource ? " on " : "", RESOURCE_SAID,
                  request->resource ? request->resource : "", error->text);
    memcpy(error->text, whole.text, sizeof error->text);
}

void failure_read(const struct failure_call *call, const struct http_answer *answer,
                  struct aws_error *out)
{
    struct told told = { "", "" };
    char phrase[AWS_ERROR_TEXT_MAX];
    enum aws_problem problem;
    const char *message;

    if (answer->status == 200) {
        aws_error_set(out, AWS_OK, "%s", "");
        out->http_status = 200;
        return;
    }
    if (call->request->protocol == AWS_JSON) {
        read_json_error(answer, &told);
    } else {
        read_xml_error(answer, &told);
    }
    problem = classify(answer->status, told.code);
    if (problem == AWS_REFUSED && signature_code(told.code) &&
        refused_for_time(call, answer, &told)) {
        problem = AWS_SKEWED;
    } else if (problem == AWS_INVALID && call->request->next_page &&
               strcmp(told.code, "InvalidParameterException") == 0) {
        problem = AWS_BAD_TOKEN;
    }
    describe(call, answer, problem, told.code, phrase, sizeof phrase);
    message = showable(call, problem, told.message);
    aws_error_set(out, problem, "%s (%s%sHTTP %d)%s%.*s", phrase, told.code,
                  told.code[0] ? ", " : "", answer->status, *message ? ": " : "", MESSAGE_SAID,
                  message);
    failure_prefix(call->request, out);
    out->http_status = answer->status;
    memcpy(out->code, told.code, sizeof out->code);
}
