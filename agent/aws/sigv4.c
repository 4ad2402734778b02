/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Signature Version 4 (IAM User Guide, "Create a signed AWS API request"). */
#include "agent/aws/sigv4.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/aws/buffer.h"

#define DIGEST_SIZE   32 /* SHA-256 */
#define HEX_SIZE      (2 * DIGEST_SIZE + 1)
#define DAY_LENGTH    8     /* the YYYYMMDD an X-Amz-Date begins with */
#define CANONICAL_MAX 65536 /* bytes */
#define SECRET_MAX    256

void sigv4_date(int64_t seconds, char out[static SIGV4_DATE_SIZE])
{
    time_t time = (time_t)seconds;
    struct tm parts;

    if (!gmtime_r(&time, &parts) ||
        strftime(out, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &parts) != SIGV4_DATE_SIZE - 1) {
        memcpy(out, "19700101T000000Z", SIGV4_DATE_SIZE);
    }
}

static void to_hex(const unsigned char digest[static DIGEST_SIZE], char out[static HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[HEX_SIZE - 1] = '\0';
}

static bool hash_hex(const void *bytes, size_t len, char out[static HEX_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (EVP_Digest(bytes ? bytes : "", len, digest, NULL, EVP_sha256(), NULL) != 1) {
        return false;
    }
    to_hex(digest, out);
    return true;
}

static bool keyed_hash(const void *key, size_t key_len, const char *text,
                       unsigned char out[static DIGEST_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    bool done = HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text),
                     digest, NULL) != NULL;

    if (done) {
        memcpy(out, digest, DIGEST_SIZE);
    }
    OPENSSL_cleanse(digest, sizeof digest);
    return done;
}

/* The path without empty segments, "." and "..", each segment encoded. */
static void add_normal_path(struct buffer *out, const char *path)
{
    size_t root = out->len;
    const char *segment = path;

    for (;;) {
        size_t len = strcspn(segment, "/");
        if (len == 2 && segment[0] == '.' && segment[1] == '.') {
            size_t end = out->len;
            while (end > root && out->data[end - 1] != '/') {
                end--;
            }
            buffer_cut(out, end > root ? end - 1 : root);
        } else if (len > 0 && !(len == 1 && segment[0] == '.')) {
            buffer_add_text(out, "/");
            buffer_add_encoded(out, segment, len, "");
        }
        if (segment[len] == '\0') {
            break;
        }
        segment += len + 1;
    }
    if (out->len == root || path[strlen(path) - 1] == '/') {
        buffer_add_text(out, "/");
    }
}

/* A parameter of the query, encoded, as places in a buffer: the buffer may move while it grows. */
struct parameter {
    size_t name, name_len, value, value_len;
};

static int compare_part(const char *text, size_t left, size_t left_len, size_t right,
                        size_t right_len)
{
    size_t common = left_len < right_len ? left_len : right_len;
    int order = common ? memcmp(text + left, text + right, common) : 0;

    return order != 0 ? order : (left_len > right_len) - (left_len < right_len);
}

static bool comes_before(const char *text, const struct parameter *left,
                         const struct parameter *right)
{
    int order = compare_part(text, left->name, left->name_len, right->name, right->name_len);

    if (order == 0) {
        order = compare_part(text, left->value, left->value_len, right->value, right->value_len);
    }
    return order < 0;
}

/* The parameters in the order of their encoded names, then values. */
static void add_query(struct buffer *out, const char *query)
{
    struct parameter found[SIGV4_PARAMETERS_MAX];
    struct buffer encoded;
    size_t count = 0;

    buffer_init(&encoded, CANONICAL_MAX);
    for (const char *rest = query; *rest != '\0';) {
        size_t len = strcspn(rest, "&");
        size_t name_len = strcspn(rest, "&=");
        struct parameter new = { .name = encoded.len };
        buffer_add_encoded(&encoded, rest, name_len, "%");
        new.name_len = encoded.len - new.name;
        new.value = encoded.len;
        if (name_len < len) {
            buffer_add_encoded(&encoded, rest + name_len + 1, len - name_len - 1, "%");
        }
        new.value_len = encoded.len - new.value;
        if (count == SIGV4_PARAMETERS_MAX || encoded.failed) {
            out->failed = true;
            goto out;
        }
        size_t place = count++;
        for (; place > 0 && comes_before(encoded.data, &new, &found[place - 1]); place--) {
            found[place] = found[place - 1];
        }
        found[place] = new;
        rest += len + (rest[len] == '&');
    }
    for (size_t i = 0; i < count; i++) {
        buffer_add_text(out, i ? "&" : "");
        buffer_add(out, encoded.data + found[i].name, found[i].name_len);
        buffer_add_text(out, "=");
        buffer_add(out, encoded.data + found[i].value, found[i].value_len);
    }
out:
    buffer_free(&encoded);
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The value without blanks at its ends, and with one for each run of them inside. */
static void add_header_value(struct buffer *out, const char *value)
{
    while (blank(*value)) {
        value++;
    }
    while (*value != '\0') {
        size_t len = strcspn(value, " \t\r\n");
        buffer_add(out, value, len);
        value += len;
        while (blank(*value)) {
            value++;
        }
        buffer_add_text(out, *value != '\0' ? " " : "");
    }
}

static void add_lower(struct buffer *out, const char *name)
{
    for (; *name != '\0'; name++) {
        char c = *name;
        if (c >= 'A' && c <= 'Z') {
            c = (char)(c - 'A' + 'a');
        }
        buffer_add(out, &c, 1);
    }
}

/* The headers sorted by name; those of one name stay in their order. */
static void sort_headers(const struct sigv4_request *request, const struct sigv4_header **sorted)
{
    for (size_t i = 0; i < request->header_count; i++) {
        size_t place = i;
        for (; place > 0 && strcasecmp(request->headers[i].name, sorted[place - 1]->name) < 0;
             place--) {
            sorted[place] = sorted[place - 1];
        }
        sorted[place] = &request->headers[i];
    }
}

/* Adds the headers, and writes the list of their names to `names`. */
static void add_headers(struct buffer *out, struct buffer *names,
                        const struct sigv4_request *request)
{
    const struct sigv4_header *sorted[SIGV4_HEADERS_MAX];

    sort_headers(request, sorted);
    for (size_t i = 0; i < request->header_count; i++) {
        bool again = i > 0 && strcasecmp(sorted[i]->name, sorted[i - 1]->name) == 0;
        if (again) {
            buffer_add_text(out, ",");
        } else {
            buffer_add_text(out, i ? "\n" : "");
            add_lower(out, sorted[i]->name);
            buffer_add_text(out, ":");
            buffer_add_text(names, i ? ";" : "");
            add_lower(names, sorted[i]->name);
        }
        add_header_value(out, sorted[i]->value);
    }
    buffer_add_text(out, "\n");
}

static void add_canonical_request(struct buffer *out, struct buffer *names,
                                  const struct sigv4_request *request)
{
    char body_hash[HEX_SIZE];

    buffer_add_text(out, request->method);
    buffer_add_text(out, "\n");
    if (request->normalize_path) {
        add_normal_path(out, request->path);
    } else {
        buffer_add_encoded(out, request->path, strlen(request->path), "/%");
    }
    buffer_add_text(out, "\n");
    add_query(out, request->query);
    buffer_add_text(out, "\n");
    add_headers(out, names, request);
    buffer_add_text(out, "\n");
    buffer_add_text(out, names->data ? names->data : "");
    buffer_add_text(out, "\n");
    if (hash_hex(request->body, request->body_len, body_hash)) {
        buffer_add_text(out, body_hash);
    } else {
        out->failed = true;
    }
}

/* The key that is good for one day, region and service. */
static bool derive_key(const struct sigv4_scope *scope, unsigned char key[static DIGEST_SIZE])
{
    char first[4 + SECRET_MAX + 1];
    char day[DAY_LENGTH + 1];
    int len = snprintf(first, sizeof first, "AWS4%s", scope->secret_key);
    bool done;

    snprintf(day, sizeof day, "%.*s", DAY_LENGTH, scope->date);
    done = len > 0 && (size_t)len < sizeof first && keyed_hash(first, (size_t)len, day, key) &&
           keyed_hash(key, DIGEST_SIZE, scope->region, key) &&
           keyed_hash(key, DIGEST_SIZE, scope->service, key) &&
           keyed_hash(key, DIGEST_SIZE, "aws4_request", key);
    OPENSSL_cleanse(first, sizeof first);
    return done;
}

static void add_string_to_sign(struct buffer *out, const struct sigv4_scope *scope,
                               const char *scope_text, const struct buffer *canonical)
{
    char hash[HEX_SIZE];

    if (canonical->failed || !hash_hex(canonical->data, canonical->len, hash)) {
        out->failed = true;
        return;
    }
    buffer_add_text(out, "AWS4-HMAC-SHA256\n");
    buffer_add_text(out, scope->date);
    buffer_add_text(out, "\n");
    buffer_add_text(out, scope_text);
    buffer_add_text(out, "\n");
    buffer_add_text(out, hash);
}

bool sigv4_sign(const struct sigv4_request *request, const struct sigv4_scope *scope,
                char out[static SIGV4_AUTHORIZATION_MAX], struct sigv4_steps *steps)
{
    struct buffer canonical, names, to_sign;
    unsigned char key[DIGEST_SIZE] = { 0 };
    unsigned char digest[DIGEST_SIZE];
    char scope_text[128], signature[HEX_SIZE];
    int len;
    bool done = false;

    buffer_init(&canonical, CANONICAL_MAX);
    buffer_init(&names, CANONICAL_MAX);
    buffer_init(&to_sign, CANONICAL_MAX);
    len = snprintf(scope_text, sizeof scope_text, "%.*s/%s/%s/aws4_request", DAY_LENGTH,
                   scope->date, scope->region, scope->service);
    if (len < 0 || (size_t)len >= sizeof scope_text || request->header_count > SIGV4_HEADERS_MAX ||
        request->path[0] != '/') {
        goto out;
    }
    add_canonical_request(&canonical, &names, request);
    add_string_to_sign(&to_sign, scope, scope_text, &canonical);
    if (to_sign.failed || names.failed || !derive_key(scope, key) ||
        !keyed_hash(key, sizeof key, to_sign.data, digest)) {
        goto out;
    }
    to_hex(digest, signature);
    len = snprintf(out, SIGV4_AUTHORIZATION_MAX,
                   "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
                   scope->access_key, scope_text, names.data ? names.data : "", signature);
    done = len > 0 && len < SIGV4_AUTHORIZATION_MAX;
    if (done && steps) {
        steps->canonical_request = buffer_take(&canonical);
        steps->string_to_sign = buffer_take(&to_sign);
        memcpy(steps->signature, signature, sizeof signature);
    }
out:
    OPENSSL_cleanse(key, sizeof key);
    buffer_free(&canonical);
    buffer_free(&names);
    buffer_free(&to_sign);
    return done;
}
