/* SPDX-License-Identifier: Apache-2.0 */
/* Which region, and at which URL a service answers in it. */
#include "agent/aws/endpoint.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/aws/http.h"
#include "agent/aws/shared_config.h"

/* Regions by how they begin; all others are in the first partition. */
static const struct partition {
    const char *prefix, *name, *suffix;
} partitions[] = {
    { "", "aws", "amazonaws.com" },
    { "cn-", "aws-cn", "amazonaws.com.cn" },
    { "us-gov-", "aws-us-gov", "amazonaws.com" },
    { "us-iso-", "aws-iso", "c2s.ic.gov" },
    { "us-isob-", "aws-iso-b", "sc2s.sgov.gov" },
    { "eu-isoe-", "aws-iso-e", "cloud.adc-e.uk" },
    { "us-isof-", "aws-iso-f", "csp.hci.ic.gov" },
    { "eusc-", "aws-eusc", "amazonaws.eu" },
};

/* What a service is called in the names of environment variables. */
static const struct {
    const char *service, *variable;
} variables[] = {
    { "logs", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS" },
    { "monitoring", "AWS_ENDPOINT_URL_CLOUDWATCH" },
    { "sns", "AWS_ENDPOINT_URL_SNS" },
    { "sts", "AWS_ENDPOINT_URL_STS" },
};

bool region_valid(const char *text)
{
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz";
    size_t words = 0;
    size_t digits;

    if (strlen(text) >= REGION_MAX) {
        return false;
    }
    /* Words with hyphens behind them, then a number. */
    for (size_t len = strspn(text, lower); len > 0 && text[len] == '-'; len = strspn(text, lower)) {
        text += len + 1;
        words++;
    }
    digits = strspn(text, "0123456789");
    return words >= 2 && digits > 0 && text[digits] == '\0';
}

static const struct partition *find_partition(const char *region)
{
    const struct partition *found = &partitions[0];

    for (size_t i = 1; i < sizeof partitions / sizeof *partitions; i++) {
        if (strncmp(region, partitions[i].prefix, strlen(partitions[i].prefix)) == 0) {
            found = &partitions[i];
        }
    }
    return found;
}

const char *region_partition(const char *region)
{
    return find_partition(region)->name;
}

/* A variable of the environment, NULL when it is empty too. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

void region_resolve(const char *given, const char *profile, char out[static REGION_MAX])
{
    const char *region = given                            ? given
                         : variable("AWS_REGION")         ? variable("AWS_REGION")
                         : variable("AWS_DEFAULT_REGION") ? variable("AWS_DEFAULT_REGION")
                                                          : NULL;
    struct shared_config *config = NULL;
    struct aws_error error;

    if (!region) {
        config = shared_config_load(&error);
        region =
            config ? shared_config_find(config, shared_config_profile(profile), "region") : NULL;
    }
    (void)snprintf(out, REGION_MAX, "%s", region ? region : "");
    shared_config_free(config);
}

static bool is_true(const char *value)
{
    return value && strcasecmp(value, "true") == 0;
}

/* What the environment and the profile say about endpoints. */
struct configured {
    char url[HTTP_URL_MAX]; /* empty: none */
    bool fips;
};

/* Broken files are an error here:
 * what they would say is not known. */
static bool read_configured(const char *service, const char *profile, struct configured *out,
                            struct aws_error *error)
{
    struct shared_config *config = shared_config_load(error);
    const char *url = NULL;
    int len;

    if (!config) {
        return false;
    }
    profile = shared_config_profile(profile);
    if (!is_true(variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")) &&
        !is_true(shared_config_find(config, profile, "ignore_configured_endpoint_urls"))) {
        for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
            if (strcmp(variables[i].service, service) == 0) {
                url = variable(variables[i].variable);
            }
        }
        url = url ? url : variable("AWS_ENDPOINT_URL");
        url = url ? url : shared_config_find(config, profile, "endpoint_url");
    }
    out->fips = is_true(variable("AWS_USE_FIPS_ENDPOINT")) ||
                is_true(shared_config_find(config, profile, "use_fips_endpoint"));
    len = snprintf(out->url, sizeof out->url, "%s", url ? url : "");
    shared_config_free(config);
    if (len < 0 || (size_t)len >= sizeof out->url) {
        aws_error_set(error, AWS_FAILED, "the configured endpoint URL is too long");
        return false;
    }
    return true;
}

/* Writes scheme, host and port of a URL that has nothing else. */
static bool copy_url(const char *url, char *out, size_t size, struct aws_error *error)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL, *path = NULL, *query = NULL;
    bool good = false;
    int len = 0;

    if (parts && curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PATH, &path, 0) == CURLUE_OK) {
        CURLUcode has_port = curl_url_get(parts, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT);
        CURLUcode has_query = curl_url_get(parts, CURLUPART_QUERY, &query, 0);
        good = (has_port == CURLUE_OK || has_port == CURLUE_NO_PORT) &&
               has_query == CURLUE_NO_QUERY && strcmp(path, "/") == 0 && *host != '\0' &&
               (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
        if (good) {
            len =
                snprintf(out, size, "%s://%s%s%s", scheme, host, port ? ":" : "", port ? port : "");
        }
    }
    if (!good || len < 0 || (size_t)len >= size) {
        /* With a user there may be a password. */
        aws_error_set(
            error, AWS_FAILED,
            "the endpoint URL %.200s is not one such as https://host or http://host:port, "
            "without user, path and query",
            strchr(url, '@') ? "with a user" : url);
        good = false;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_free(query);
    curl_url_cleanup(parts);
    return good;
}

bool endpoint_resolve(const char *service, const char *region, const char *given,
                      const char *profile, char *out, size_t out_size, struct aws_error *error)
{
    struct configured configured;
    char url[HTTP_URL_MAX];

    if (!region_valid(region)) {
        aws_error_set(error, AWS_FAILED, "%.64s is not a region such as eu-west-1", region);
        return false;
    }
    if (given) {
        return copy_url(given, out, out_size, error);
    }
    if (!read_configured(service, profile, &configured, error)) {
        return false;
    }
    if (*configured.url) {
        return copy_url(configured.url, out, out_size, error);
    }
    if (configured.fips) {
        aws_error_set(error, AWS_FAILED,
                      "AWS_USE_FIPS_ENDPOINT, or use_fips_endpoint of the profile, is true, which "
                      "this version does not follow yet: give the "
                      "FIPS endpoint's URL in AWS_ENDPOINT_URL_<SERVICE>");
        return false;
    }
    (void)snprintf(url, sizeof url, "https://%s.%s.%s", service, region,
                   find_partition(region)->suffix);
    return copy_url(url, out, out_size, error);
}
