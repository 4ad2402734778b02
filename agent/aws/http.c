/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP over libcurl's multi interface. */
#include "agent/aws/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "agent/aws/buffer.h"

#define SITE_MAX 160 /* of scheme and host, in texts for people */

struct exchange {
    struct exchange *next;
    struct http_answer *answer;
    CURL *easy;
    struct curl_slist *headers;
    size_t answer_max;
    bool too_large;
    struct buffer body;
    char site[SITE_MAX];
    char detail[CURL_ERROR_SIZE];
};

struct http {
    CURLM *multi;
    char *user_agent, *ca_bundle;
    struct exchange *running, *finished;
};

struct http *http_new(const char *user_agent, const char *ca_bundle, struct aws_error *error)
{
    struct http *http = NULL;

    if (ca_bundle && access(ca_bundle, R_OK) != 0) {
        aws_error_set(error, AWS_FAILED,
                      "the file of certificates %s (AWS_CA_BUNDLE, or ca_bundle of the profile) "
                      "cannot be read",
                      ca_bundle);
        return NULL;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        aws_error_set(error, AWS_FAILED, "libcurl cannot be set up");
        return NULL;
    }
    http = calloc(1, sizeof *http);
    if (!http) {
        curl_global_cleanup();
        goto out_of_memory;
    }
    http->multi = curl_multi_init();
    http->user_agent = strdup(user_agent);
    http->ca_bundle = ca_bundle ? strdup(ca_bundle) : NULL;
    if (!http->multi || !http->user_agent || (ca_bundle && !http->ca_bundle) ||
        curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_KEPT_MAX) != CURLM_OK) {
        http_free(http);
        goto out_of_memory;
    }
    return http;
out_of_memory:
    aws_error_set(error, AWS_FAILED, "no memory for connections");
    return NULL;
}

/* Headers hold session tokens and, for a container's endpoint, its password. */
static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *header = headers; header; header = header->next) {
        OPENSSL_cleanse(header->data, strlen(header->data));
    }
    curl_slist_free_all(headers);
}

static void exchange_free(struct http *http, struct exchange *exchange)
{
    if (exchange->easy) {
        /* Does nothing for a handle that has been removed already. */
        (void)curl_multi_remove_handle(http->multi, exchange->easy);
        curl_easy_cleanup(exchange->easy);
    }
    free_headers(exchange->headers);
    buffer_free(&exchange->body);
    http_answer_free(exchange->answer);
    free(exchange);
}

/* Frees the exchanges of an owner, or all of them. */
static void free_list(struct http *http, struct exchange **list, bool all, const void *owner)
{
    while (*list) {
        struct exchange *exchange = *list;
        if (all || exchange->answer->owner == owner) {
            *list = exchange->next;
            exchange_free(http, exchange);
        } else {
            list = &exchange->next;
        }
    }
}

void http_free(struct http *http)
{
    if (!http) {
        return;
    }
    free_list(http, &http->running, true, NULL);
    free_list(http, &http->finished, true, NULL);
    if (http->multi) {
        (void)curl_multi_cleanup(http->multi);
    }
    free(http->user_agent);
    free(http->ca_bundle);
    free(http);
    curl_global_cleanup();
}

void http_cancel(struct http *http, const void *owner)
{
    free_list(http, &http->running, false, owner);
    free_list(http, &http->finished, false, owner);
}

void http_answer_free(struct http_answer *answer)
{
    if (answer) {
        if (answer->body) {
            OPENSSL_cleanse(answer->body, answer->body_len);
        }
        free(answer->body);
        free(answer);
    }
}

/* libcurl stops the transfer when told that fewer bytes were taken than given. */
static size_t take_body(char *bytes, size_t size, size_t count, void *userdata)
{
    struct exchange *exchange = userdata;
    size_t len = size * count;

    if (len > exchange->answer_max - exchange->body.len) {
        exchange->too_large = true;
        return 0;
    }
    buffer_add(&exchange->body, bytes, len);
    return exchange->body.failed ? 0 : len;
}

/* Copies the value of a header line if it is the header of that name; too long a value is left out.
 */
static void copy_header(const char *line, size_t len, const char *name, char *out, size_t out_size)
{
    size_t name_len = strlen(name);

    if (len <= name_len || line[name_len] != ':' || strncasecmp(line, name, name_len) != 0) {
        return;
    }
    line += name_len + 1;
    len -= name_len + 1;
    while (len > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    while (len > 0 && strchr(" \t\r\n", line[len - 1])) {
        len--;
    }
    if (len < out_size) {
        memcpy(out, line, len);
        out[len] = '\0';
    }
}

static size_t take_header(char *bytes, size_t size, size_t count, void *userdata)
{
    struct exchange *exchange = userdata;
    struct http_answer *answer = exchange->answer;
    size_t len = size * count;
    char date[64] = "";

    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
        /* The headers before were those of an interim answer. */
        answer->date_ms = -1;
        answer->error_type[0] = '\0';
        return len;
    }
    copy_header(bytes, len, "Date", date, sizeof date);
    if (*date != '\0') {
        time_t seconds = curl_getdate(date, NULL);
        answer->date_ms = seconds < 0 ? -1 : (int64_t)seconds * 1000;
    }
    copy_header(bytes, len, "x-amzn-ErrorType", answer->error_type, sizeof answer->error_type);
    return len;
}

static bool header_is_clean(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < 0x20 && c != '\t') || c == 0x7F) {
            return false;
        }
    }
    return true;
}

/* Appends a line; what libcurl has not taken is told by false. */
static bool add_header(struct curl_slist **headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*headers, line);

    *headers = longer ? longer : *headers;
    return longer != NULL;
}

static bool make_headers(struct curl_slist **out, const struct http_request *request,
                         struct aws_error *error)
{
    /* A name without a value takes away the header that libcurl would send of its own accord:
     * waiting for "100 Continue" costs a second with servers that do not know it, and a body
     * without a type has none. */
    bool added = add_header(out, "Expect:") && add_header(out, "Content-Type:");

    if (request->header_count > HTTP_HEADERS_MAX) {
        aws_error_set(error, AWS_FAILED, "a request with more than %d headers", HTTP_HEADERS_MAX);
        return false;
    }
    for (size_t i = 0; i < request->header_count && added; i++) {
        const struct http_header *header = &request->headers[i];
        struct buffer line;
        if (!header_is_clean(header->name) || !header_is_clean(header->value)) {
            aws_error_set(error, AWS_FAILED,
                          "the value for the header %s holds a control character, perhaps a line "
                          "break at its end",
                          header->name);
            return false;
        }
        buffer_init(&line, SIZE_MAX / 2);
        buffer_add_text(&line, header->name);
        /* With a semicolon libcurl sends the header though it is empty. */
        buffer_add_text(&line, *header->value ? ": " : ";");
        buffer_add_text(&line, header->value);
        added = !line.failed && add_header(out, line.data);
        buffer_free(&line);
    }
    if (!added) {
        aws_error_set(error, AWS_FAILED, "no memory for a request");
    }
    return added;
}

/* Each of these returns zero, or not zero when libcurl refuses an option. */
static unsigned set_safety(CURL *easy)
{
    unsigned bad = 0;

#if LIBCURL_VERSION_NUM >= 0x075500
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                                      (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    return bad;
}

static unsigned set_transfer(CURL *easy, struct exchange *exchange,
                             const struct http_request *request)
{
    unsigned bad = 0;

    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_LIBZ) {
        bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
    }
    bad |=
        (unsigned)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_TIMEOUT_MS);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)HTTP_SLOW_BYTES);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)HTTP_SLOW_SECONDS);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT,
                                      request->fresh_connection ? 1L : 0L);
    if (request->no_proxy) {
        bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_PROXY, "");
        bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    }
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_HEADERDATA, exchange);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, exchange->detail);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_PRIVATE, exchange);
    return bad;
}

static unsigned set_request(CURL *easy, const struct http *http, const struct exchange *exchange,
                            const struct http_request *request)
{
    unsigned bad = 0;

    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_URL, request->url);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_USERAGENT, http->user_agent);
    bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, exchange->headers);
    if (http->ca_bundle) {
        bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_bundle);
    }
    if (strcmp(request->method, "GET") != 0) {
        bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                                          (curl_off_t)request->body_len);
        bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS,
                                          request->body ? request->body : "");
        bad |= (unsigned)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    }
    return bad;
}

/* Scheme, host and port of a URL, for people: a path or query may hold what is nobody's business.
 */
static void copy_site(const char *url, char out[static SITE_MAX])
{
    const char *host = strstr(url, "://");
    size_t len = host ? (size_t)(host - url) + 3 : 0;

    len += strcspn(url + len, "/?#");
    if (len >= SITE_MAX) {
        len = SITE_MAX - 1;
    }
    memcpy(out, url, len);
    out[len] = '\0';
}

bool http_send(struct http *http, const struct http_request *request, void *owner,
               struct aws_error *error)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);

    if (!exchange) {
        aws_error_set(error, AWS_FAILED, "no memory for a request");
        return false;
    }
    exchange->answer_max = request->answer_max;
    buffer_init(&exchange->body, request->answer_max);
    copy_site(request->url, exchange->site);
    exchange->easy = curl_easy_init();
    exchange->answer = calloc(1, sizeof *exchange->answer);
    if (!exchange->easy || !exchange->answer) {
        aws_error_set(error, AWS_FAILED, "no memory for a request");
        goto failed;
    }
    exchange->answer->owner = owner;
    exchange->answer->date_ms = -1;
    if (!make_headers(&exchange->headers, request, error)) {
        goto failed;
    }
    if (set_safety(exchange->easy) != 0 || set_transfer(exchange->easy, exchange, request) != 0 ||
        set_request(exchange->easy, http, exchange, request) != 0 ||
        curl_multi_add_handle(http->multi, exchange->easy) != CURLM_OK) {
        aws_error_set(error, AWS_FAILED, "libcurl does not take a request to %s", exchange->site);
        goto failed;
    }
    exchange->next = http->running;
    http->running = exchange;
    return true;
failed:
    exchange_free(http, exchange);
    return false;
}

/* What libcurl's results mean; any other passes by itself. */
static const struct {
    CURLcode code;
    enum aws_problem problem;
} meanings[] = {
    { CURLE_UNSUPPORTED_PROTOCOL, AWS_BAD_ANSWER }, /* not HTTP/1: HTTP/0.9 is refused so */
    { CURLE_WEIRD_SERVER_REPLY, AWS_BAD_ANSWER },
    { CURLE_BAD_CONTENT_ENCODING, AWS_BAD_ANSWER },
    { CURLE_WRITE_ERROR, AWS_FAILED },
    { CURLE_URL_MALFORMAT, AWS_FAILED },
    { CURLE_OUT_OF_MEMORY, AWS_FAILED },
    { CURLE_PEER_FAILED_VERIFICATION, AWS_FAILED },
    { CURLE_SSL_CACERT_BADFILE, AWS_FAILED },
    { CURLE_SSL_CIPHER, AWS_FAILED },
    { CURLE_SSL_CERTPROBLEM, AWS_FAILED },
    { CURLE_SSL_ISSUER_ERROR, AWS_FAILED },
    { CURLE_SSL_INVALIDCERTSTATUS, AWS_FAILED },
};

static void explain(const struct exchange *exchange, CURLcode code, struct aws_error *error)
{
    const char *site = exchange->site;
    const char *detail = exchange->detail[0] ? exchange->detail : curl_easy_strerror(code);
    enum aws_problem problem = AWS_UNAVAILABLE;

    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        problem = meanings[i].code == code ? meanings[i].problem : problem;
    }
    if (exchange->too_large) {
        aws_error_set(error, AWS_BAD_ANSWER,
                      "the answer of %s is larger than the limit of %zu bytes", site,
                      exchange->answer_max);
    } else if (exchange->body.failed) {
        aws_error_set(error, AWS_FAILED, "no memory for the answer of %s", site);
    } else if (code == CURLE_PARTIAL_FILE) {
        aws_error_set(error, problem, "the answer of %s was cut short (%s)", site, detail);
    } else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        aws_error_set(
            error, problem,
            "the TLS certificate of %s cannot be trusted (%s); where a proxy opens TLS, name "
            "its certificates in AWS_CA_BUNDLE",
            site, detail);
    } else {
        aws_error_set(error, problem, "no answer from %s: %s", site, detail);
    }
}

/* Moves an exchange that libcurl is done with to the end of the finished ones. */
static void finish(struct http *http, struct exchange *exchange, CURLcode code)
{
    struct http_answer *answer = exchange->answer;
    struct exchange **place = &http->running;
    long status = 0;

    while (*place != exchange) {
        place = &(*place)->next;
    }
    *place = exchange->next;
    exchange->next = NULL;
    for (place = &http->finished; *place; place = &(*place)->next) {}
    *place = exchange;

    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
        answer->body_len = exchange->body.len;
        answer->body = buffer_take(&exchange->body);
        answer->status = answer->body ? (int)status : 0;
        exchange->body.failed = !answer->body;
    }
    if (answer->status == 0) {
        answer->body_len = 0;
        explain(exchange, code, &answer->error);
    }
}

static void drive(struct http *http)
{
    int running, left;
    CURLMsg *message;

    (void)curl_multi_perform(http->multi, &running);
    while ((message = curl_multi_info_read(http->multi, &left))) {
        char *exchange = NULL;
        if (message->msg == CURLMSG_DONE) {
            CURLcode code = message->data.result;
            (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
            finish(http, (struct exchange *)(void *)exchange, code);
        }
    }
}

static int64_t monotonic_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void http_wait(struct http *http, int timeout_ms, int wake_fd)
{
    int64_t end = monotonic_ms() + timeout_ms;

    for (;;) {
        struct curl_waitfd wake = { .fd = wake_fd, .events = CURL_WAIT_POLLIN };
        int64_t left;
        drive(http);
        left = end - monotonic_ms();
        if (http->finished || left <= 0 ||
            curl_multi_poll(http->multi, &wake, wake_fd >= 0 ? 1 : 0, (int)left, NULL) !=
                CURLM_OK ||
            wake.revents != 0) {
            return;
        }
    }
}

struct http_answer *http_finished(struct http *http)
{
    struct exchange *exchange = http->finished;
    struct http_answer *answer;

    if (!exchange) {
        return NULL;
    }
    http->finished = exchange->next;
    answer = exchange->answer;
    exchange->answer = NULL;
    exchange_free(http, exchange);
    return answer;
}

static bool loopback(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, host, &v4) == 1) {
        return (ntohl(v4.s_addr) >> 24) == 127;
    }
    if (inet_pton(AF_INET6, host, &v6) == 1) {
        return IN6_IS_ADDR_LOOPBACK(&v6);
    }
    return strcasecmp(host, "localhost") == 0;
}

static bool credential_endpoint(const char *host)
{
    static const char *const known4[] = { "169.254.169.254", "169.254.170.2", "169.254.170.23" };
    static const char *const known6[] = { "fd00:ec2::254", "fd00:ec2::23" };
    struct in6_addr given, known;

    for (size_t i = 0; i < sizeof known4 / sizeof *known4; i++) {
        if (strcmp(host, known4[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof known6 / sizeof *known6; i++) {
        if (inet_pton(AF_INET6, host, &given) == 1 && inet_pton(AF_INET6, known6[i], &known) == 1 &&
            memcmp(&given, &known, sizeof given) == 0) {
            return true;
        }
    }
    return false;
}

bool http_plaintext_allowed(const char *url, bool credentials)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL;
    bool allowed = false;

    if (parts && curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        strcasecmp(scheme, "http") == 0) {
        size_t len = strlen(host);
        if (len > 1 && host[0] == '[' && host[len - 1] == ']') {
            memmove(host, host + 1, len - 2);
            host[len - 2] = '\0';
        }
        allowed = loopback(host) || (credentials && credential_endpoint(host));
    }
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(parts);
    return allowed;
}
