/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to AWS: credentials, signatures, the clock, and what came of each call. */
#include "agent/aws/aws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/aws/credentials.h"
#include "agent/aws/endpoint.h"
#include "agent/aws/failure.h"
#include "agent/aws/http.h"
#include "agent/aws/shared_config.h"
#include "agent/aws/sigv4.h"

#define ENDPOINTS_KEPT   64
#define CALL_HEADERS_MAX 5 /* that are signed */

enum call_state { CALL_WAITING, CALL_SENT, CALL_DONE };

struct call {
    struct call *next;
    enum call_state state;
    struct aws_request request; /* a copy, whose texts and body are the next two */
    char *texts, *body;
    char url[HTTP_URL_MAX];
    struct aws_answer *answer;
    unsigned generation; /* of the credentials it was signed with */
    int64_t host_ms;     /* when it was sent, by the host's clock */
    int64_t signed_ms;   /* the time in its signature */
};

/* An endpoint that was looked up before: that reads files. */
struct endpoint {
    char service[16], region[REGION_MAX], url[HTTP_URL_MAX];
};

struct aws {
    char *profile, *endpoint_url;
    bool allow_plaintext;
    int64_t (*now_ms)(void *clock);
    void *clock;
    struct http *http;
    struct call *calls; /* in the order in which they were started */
    struct endpoint endpoints[ENDPOINTS_KEPT];
    size_t endpoint_count;

    bool have_credentials, had_credentials;
    struct credentials credentials; /* dropped ones stay, for what is told of calls still out */
    struct credentials fetched;
    unsigned generation;
    int64_t refresh_ms;              /* when to fetch again */
    struct credentials_chain *chain; /* while they are being fetched */

    bool clock_known;
    int64_t clock_offset_ms; /* the service's clock minus the host's */
};

static int64_t host_time(const struct aws *aws)
{
    return aws->now_ms(aws->clock);
}

int64_t aws_service_time(const struct aws *aws, bool *known)
{
    *known = aws->clock_known;
    return host_time(aws) + aws->clock_offset_ms;
}

/* The time to sign with and to judge the end of credentials by. */
static int64_t signing_time(const struct aws *aws)
{
    bool wrong = llabs(aws->clock_offset_ms) > AWS_CLOCK_NOISE_MS;

    return host_time(aws) + (wrong ? aws->clock_offset_ms : 0);
}

/* The service's clock stood at date_ms, or up to a second later, at some moment between sending and
 * now. */
static void learn_clock(struct aws *aws, int64_t sent_ms, int64_t date_ms)
{
    int64_t least = date_ms - host_time(aws);
    int64_t most = date_ms + 1000 - sent_ms;

    if (!aws->clock_known || aws->clock_offset_ms < least || aws->clock_offset_ms > most) {
        aws->clock_offset_ms = least;
    }
    aws->clock_known = true;
}

static bool copy_text(char **out, const char *text)
{
    *out = text ? strdup(text) : NULL;
    return *out || !text;
}

/* The file of certificates to trust, for the caller to free; NULL for the system's. */
static char *find_ca_bundle(const struct aws *aws)
{
    const char *path = getenv("AWS_CA_BUNDLE");
    struct shared_config *config = NULL;
    struct aws_error ignored; /* a broken file is told by what needs credentials from it */
    char *copy;

    if (!path || !*path) {
        config = shared_config_load(&ignored);
        path = config ? shared_config_find(config, shared_config_profile(aws->profile), "ca_bundle")
                      : NULL;
    }
    copy = path ? strdup(path) : NULL;
    shared_config_free(config);
    return copy;
}

struct aws *aws_new(const struct aws_options *options, struct aws_error *error)
{
    struct aws *aws = calloc(1, sizeof *aws);
    char *ca_bundle = NULL;

    if (!aws || !copy_text(&aws->profile, options->profile) ||
        !copy_text(&aws->endpoint_url, options->endpoint_url)) {
        aws_error_set(error, AWS_FAILED, "no memory for calls to AWS");
        goto failed;
    }
    aws->allow_plaintext = options->allow_plaintext;
    aws->now_ms = options->now_ms;
    aws->clock = options->clock;
    ca_bundle = find_ca_bundle(aws);
    aws->http = http_new(options->user_agent, ca_bundle, error);
    free(ca_bundle);
    if (!aws->http) {
        goto failed;
    }
    return aws;
failed:
    aws_free(aws);
    return NULL;
}

void aws_answer_free(struct aws_answer *answer)
{
    if (answer) {
        free(answer->body);
        free(answer);
    }
}

static void call_free(struct call *call)
{
    if (call) {
        free(call->texts);
        free(call->body);
        aws_answer_free(call->answer);
        free(call);
    }
}

void aws_free(struct aws *aws)
{
    if (!aws) {
        return;
    }
    while (aws->calls) {
        struct call *call = aws->calls;
        aws->calls = call->next;
        call_free(call);
    }
    credentials_chain_free(aws->chain);
    http_free(aws->http);
    credentials_wipe(&aws->credentials);
    credentials_wipe(&aws->fetched);
    free(aws->profile);
    free(aws->endpoint_url);
    free(aws);
}

static void finish_call(struct call *call, const struct aws_error *error)
{
    call->state = CALL_DONE;
    call->answer->error = *error;
}

/* Ends a call for a reason that does not know what the call was. */
static void fail_call(struct call *call, const struct aws_error *error)
{
    finish_call(call, error);
    failure_prefix(&call->request, &call->answer->error);
}

static void take_credentials(struct aws *aws)
{
    int64_t now = signing_time(aws);
    int64_t expires = aws->fetched.expires_ms;

    aws->credentials = aws->fetched;
    aws->have_credentials = aws->had_credentials = true;
    aws->generation++;
    aws->refresh_ms = expires == INT64_MAX ? expires : expires - CREDENTIALS_REFRESH_MS;
    if (aws->refresh_ms < now + AWS_REFRESH_RETRY_MS) {
        aws->refresh_ms = now + AWS_REFRESH_RETRY_MS; /* an endpoint that has no newer ones yet */
    }
}

/* Ends the calls that wait for credentials, unless there still are some that may do. */
static void lose_credentials(struct aws *aws, struct aws_error *error)
{
    int64_t now = signing_time(aws);

    aws->refresh_ms = now + AWS_REFRESH_RETRY_MS;
    if (aws->have_credentials && now < aws->credentials.expires_ms) {
        return;
    }
    aws->have_credentials = false;
    if (error->problem == AWS_NO_CREDENTIALS && aws->had_credentials) {
        error->problem = AWS_UNAVAILABLE; /* where there were some there will be some again */
    }
    for (struct call *call = aws->calls; call; call = call->next) {
        if (call->state == CALL_WAITING) {
            fail_call(call, error);
        }
    }
}

/* A step of the chain: its beginning, or on with an answer. */
static void fetch_credentials(struct aws *aws, const struct http_answer *answer)
{
    struct http_request request;
    struct aws_error error;
    enum credentials_step step = CREDENTIALS_FAILED;

    aws->chain = aws->chain ? aws->chain : credentials_chain_new(aws->profile);
    if (aws->chain) {
        step = credentials_chain_step(aws->chain, answer, signing_time(aws), &request,
                                      &aws->fetched, &error);
    } else {
        aws_error_set(&error, AWS_FAILED, "no memory for credentials");
    }
    if (step == CREDENTIALS_SEND && http_send(aws->http, &request, &aws->chain, &error)) {
        return;
    }
    credentials_chain_free(aws->chain);
    aws->chain = NULL;
    if (step == CREDENTIALS_READY) {
        take_credentials(aws);
    } else {
        lose_credentials(aws, &error);
    }
    credentials_wipe(&aws->fetched);
}

/* Whether calls can be signed now; starts what is needed for it. */
static bool credentials_ready(struct aws *aws)
{
    int64_t now = signing_time(aws);
    bool over = !aws->have_credentials || now >= aws->credentials.expires_ms;

    if (!aws->chain && (over || now >= aws->refresh_ms)) {
        fetch_credentials(aws, NULL);
    }
    if (!aws->have_credentials || now >= aws->credentials.expires_ms) {
        return false;
    }
    return !aws->chain || now < aws->credentials.expires_ms - CREDENTIALS_MANDATORY_MS;
}

/* The headers of a call, all of which are signed. */
static size_t make_headers(const struct aws *aws, const struct call *call, const char *date,
                           struct http_header headers[static CALL_HEADERS_MAX])
{
    const struct aws_request *request = &call->request;
    bool json = request->protocol == AWS_JSON;
    size_t count = 0;

    headers[count++] = (struct http_header){ "Host", strstr(call->url, "://") + 3 };
    headers[count++] =
        (struct http_header){ "Content-Type",
                              json ? "application/x-amz-json-1.1"
                                   : "application/x-www-form-urlencoded; charset=utf-8" };
    headers[count++] = (struct http_header){ "X-Amz-Date", date };
    if (json) {
        headers[count++] = (struct http_header){ "X-Amz-Target", request->target };
    }
    if (aws->credentials.token[0]) {
        headers[count++] = (struct http_header){ "X-Amz-Security-Token", aws->credentials.token };
    }
    return count;
}

static bool sign_call(const struct aws *aws, const struct call *call, const char *date,
                      const struct http_header *headers, size_t count,
                      char authorization[static SIGV4_AUTHORIZATION_MAX])
{
    struct sigv4_header signed_headers[CALL_HEADERS_MAX];
    struct sigv4_request request = {
        .method = "POST",
        .path = "/",
        .query = "",
        .headers = signed_headers,
        .header_count = count,
        .body = call->body,
        .body_len = call->request.body_len,
        .normalize_path = true,
    };
    struct sigv4_scope scope = {
        .access_key = aws->credentials.access_key,
        .secret_key = aws->credentials.secret_key,
        .region = call->request.region,
        .service = call->request.service,
        .date = date,
    };

    for (size_t i = 0; i < count; i++) {
        signed_headers[i] = (struct sigv4_header){ headers[i].name, headers[i].value };
    }
    return sigv4_sign(&request, &scope, authorization, NULL);
}

/* Signs a call and sends it. */
static bool send_call(struct aws *aws, struct call *call, struct aws_error *error)
{
    char date[SIGV4_DATE_SIZE], authorization[SIGV4_AUTHORIZATION_MAX];
    struct http_header headers[CALL_HEADERS_MAX + 1];
    struct http_request request = {
        .method = "POST",
        .url = call->url,
        .headers = headers,
        .body = call->body,
        .body_len = call->request.body_len,
        .answer_max = call->request.answer_max,
        .timeout_ms = AWS_TIMEOUT_MS,
        .fresh_connection = call->request.fresh_connection,
        /* What is safe in plain text on this host is not so on the way to a proxy. */
        .no_proxy = http_plaintext_allowed(call->url, false),
    };

    call->host_ms = host_time(aws);
    call->signed_ms = signing_time(aws);
    call->generation = aws->generation;
    sigv4_date(call->signed_ms / 1000, date);
    request.header_count = make_headers(aws, call, date, headers);
    if (!sign_call(aws, call, date, headers, request.header_count, authorization)) {
        aws_error_set(error, AWS_FAILED, "the request cannot be signed: memory is out");
        return false;
    }
    headers[request.header_count++] = (struct http_header){ "Authorization", authorization };
    return http_send(aws->http, &request, call, error);
}

/* Sends the calls that wait, if there are credentials for them. */
static void send_waiting(struct aws *aws)
{
    bool waiting = false;

    for (const struct call *call = aws->calls; call && !waiting; call = call->next) {
        waiting = call->state == CALL_WAITING;
    }
    if (!waiting || !credentials_ready(aws)) {
        return; /* perhaps because all that waited have failed */
    }
    for (struct call *call = aws->calls; call; call = call->next) {
        struct aws_error error;
        if (call->state == CALL_WAITING) {
            call->state = CALL_SENT;
            if (!send_call(aws, call, &error)) {
                fail_call(call, &error);
            }
        }
    }
}

/* Takes the answer to a call. */
static void take_answer(struct aws *aws, struct call *call, struct http_answer *answer)
{
    struct failure_call asked = { .request = &call->request,
                                  .credentials = &aws->credentials,
                                  .signed_ms = call->signed_ms,
                                  .host_ms = call->host_ms };
    struct aws_error error;

    if (answer->status == 0) {
        fail_call(call, &answer->error);
        return;
    }
    call->answer->date_ms = answer->date_ms;
    /* A 5xx may be of something in between, with a clock of its own. */
    if (answer->status >= 200 && answer->status < 500 && answer->date_ms >= 0) {
        learn_clock(aws, call->host_ms, answer->date_ms);
    }
    failure_read(&asked, answer, &error);
    finish_call(call, &error);
    if (error.problem == AWS_OK) {
        call->answer->body = answer->body;
        call->answer->body_len = answer->body_len;
        answer->body = NULL;
    }
    if ((error.problem == AWS_EXPIRED || error.problem == AWS_REFUSED) &&
        call->generation == aws->generation) {
        aws->have_credentials = false;
    }
}

/* Deals with what has come in; false when nothing has. */
static bool take_answers(struct aws *aws)
{
    struct http_answer *answer = http_finished(aws->http);
    bool any = answer != NULL;

    for (; answer; answer = http_finished(aws->http)) {
        if (answer->owner == &aws->chain) {
            fetch_credentials(aws, answer);
        } else {
            take_answer(aws, answer->owner, answer);
        }
        http_answer_free(answer);
    }
    if (any) {
        send_waiting(aws);
    }
    return any;
}

/* Looks an endpoint up, in what was looked up before or anew. */
static bool find_endpoint(struct aws *aws, const struct aws_request *request,
                          char url[static HTTP_URL_MAX], struct aws_error *error)
{
    struct endpoint *endpoint;

    for (size_t i = 0; i < aws->endpoint_count; i++) {
        endpoint = &aws->endpoints[i];
        if (strcmp(endpoint->service, request->service) == 0 &&
            strcmp(endpoint->region, request->region) == 0) {
            memcpy(url, endpoint->url, HTTP_URL_MAX);
            return true;
        }
    }
    if (!endpoint_resolve(request->service, request->region, aws->endpoint_url, aws->profile, url,
                          HTTP_URL_MAX, error)) {
        return false;
    }
    if (strncmp(url, "https://", 8) != 0 && !aws->allow_plaintext &&
        !http_plaintext_allowed(url, false)) {
        aws_error_set(
            error, AWS_FAILED,
            "the endpoint %.200s is in plain text, in which anybody on the way can read the "
            "session token: use https, or --allow-plaintext-endpoint in a test network",
            url);
        return false;
    }
    if (aws->endpoint_count < ENDPOINTS_KEPT) {
        endpoint = &aws->endpoints[aws->endpoint_count++];
        (void)snprintf(endpoint->service, sizeof endpoint->service, "%s", request->service);
        (void)snprintf(endpoint->region, sizeof endpoint->region, "%s", request->region);
        memcpy(endpoint->url, url, HTTP_URL_MAX);
    }
    return true;
}

/* Copies a request into a call: the texts one behind the other into one block. */
static bool copy_request(struct call *call, const struct aws_request *request)
{
    const char *given[] = { request->service, request->region, request->target, request->action,
                            request->resource };
    struct aws_request *copy = &call->request;
    const char **copies[] = { &copy->service, &copy->region, &copy->target, &copy->action,
                              &copy->resource };
    size_t size = 1;
    char *place;

    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        size += given[i] ? strlen(given[i]) + 1 : 0;
    }
    place = call->texts = malloc(size);
    call->body = malloc(request->body_len + 1);
    call->answer = calloc(1, sizeof *call->answer);
    if (!call->texts || !call->body || !call->answer) {
        return false;
    }
    *copy = *request;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
        if (given[i]) {
            size_t len = strlen(given[i]) + 1;
            memcpy(place, given[i], len);
            *copies[i] = place;
            place += len;
        }
    }
    if (request->body_len > 0) {
        memcpy(call->body, request->body, request->body_len);
    }
    call->body[request->body_len] = '\0';
    copy->body = call->body;
    return true;
}

bool aws_send(struct aws *aws, const struct aws_request *request, void *owner,
              struct aws_error *error)
{
    struct call *call = calloc(1, sizeof *call);
    struct call **last = &aws->calls;

    if (!call || !copy_request(call, request)) {
        aws_error_set(error, AWS_FAILED, "no memory for a call");
        goto failed;
    }
    call->answer->owner = owner;
    call->answer->date_ms = -1;
    if (!find_endpoint(aws, request, call->url, error)) {
        failure_prefix(request, error);
        goto failed;
    }
    while (*last) {
        last = &(*last)->next;
    }
    *last = call;
    send_waiting(aws);
    return true;
failed:
    call_free(call);
    return false;
}

void aws_cancel(struct aws *aws, const void *owner)
{
    for (struct call **place = &aws->calls; *place;) {
        struct call *call = *place;
        if (call->answer->owner == owner) {
            http_cancel(aws->http, call);
            *place = call->next;
            call_free(call);
        } else {
            place = &call->next;
        }
    }
}

static bool any_done(const struct aws *aws)
{
    for (const struct call *call = aws->calls; call; call = call->next) {
        if (call->state == CALL_DONE) {
            return true;
        }
    }
    return false;
}

static int64_t monotonic_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void aws_wait(struct aws *aws, int timeout_ms, int wake_fd)
{
    int64_t end = monotonic_ms() + timeout_ms;
    int64_t left = timeout_ms;

    /* An answer that only brings credentials nearer is no reason to come back; nothing at all is:
     * wake_fd was readable. */
    while (!any_done(aws)) {
        http_wait(aws->http, left > 0 ? (int)left : 0, wake_fd);
        if (!take_answers(aws)) {
            return;
        }
        left = end - monotonic_ms();
    }
}

struct aws_answer *aws_finished(struct aws *aws)
{
    for (struct call **place = &aws->calls; *place; place = &(*place)->next) {
        struct call *call = *place;
        if (call->state == CALL_DONE) {
            struct aws_answer *answer = call->answer;
            call->answer = NULL;
            *place = call->next;
            call_free(call);
            return answer;
        }
    }
    return NULL;
}

const char *aws_credentials_source(const struct aws *aws)
{
    return aws->have_credentials ? aws->credentials.source : NULL;
}
