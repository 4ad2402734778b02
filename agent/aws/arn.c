/* SPDX-License-Identifier: Apache-2.0 */
/* Amazon Resource Names. */
#include "agent/aws/arn.h"

#include <string.h>

#define ACCOUNT_DIGITS 12

/* Copies the part that ends at the next colon; NULL when there is no colon or the part is too long,
 * else what follows the colon. */
static const char *take_part(const char *text, char *out, size_t size)
{
    size_t len = strcspn(text, ":");

    if (text[len] != ':' || len >= size) {
        return NULL;
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return text + len + 1;
}

static bool only(const char *text, const char *allowed)
{
    return *text != '\0' && text[strspn(text, allowed)] == '\0';
}

/* Services that are the same in all regions, whose ARNs therefore name none. */
static bool without_region(const char *service)
{
    return strcmp(service, "iam") == 0 || strcmp(service, "sts") == 0;
}

static const char *check_region(const struct arn *arn)
{
    if (arn->region[0] == '\0') {
        return without_region(arn->service) ? NULL : "the region is missing";
    }
    return region_valid(arn->region) ? NULL : "the region is not one such as eu-west-1";
}

bool arn_parse(const char *text, struct arn *out, size_t *offset, const char **why)
{
    static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
    const char *part;
    const char *next;

    *offset = 0;
    *why = NULL;
    if (strncmp(text, "arn:", 4) != 0) {
        *why = "it does not begin with arn:";
        return false;
    }
    part = text + 4;
    next = take_part(part, out->partition, sizeof out->partition);
    if (!next || !only(out->partition, lower)) {
        *why = "the partition is not one such as aws";
        goto out;
    }
    part = next;
    next = take_part(part, out->service, sizeof out->service);
    if (!next || !only(out->service, lower)) {
        *why = "the service is not one such as logs";
        goto out;
    }
    part = next;
    next = take_part(part, out->region, sizeof out->region);
    *why = next ? check_region(out) : "the region is not one such as eu-west-1";
    if (*why) {
        goto out;
    }
    part = next;
    next = take_part(part, out->account, sizeof out->account);
    if (!next || !only(out->account, "0123456789") || strlen(out->account) != ACCOUNT_DIGITS) {
        *why = "the account is not 12 digits";
        goto out;
    }
    part = next;
    if (strlen(part) >= sizeof out->resource) {
        *why = "the resource is too long";
        goto out;
    }
    memcpy(out->resource, part, strlen(part) + 1);
    if (*part == '\0') {
        *why = "the resource is missing";
        goto out;
    }
    while (*part > ' ' && *part <= '~') {
        part++;
    }
    if (*part != '\0') {
        *why = "the resource holds a blank, a control character or one that is not ASCII";
    }
out:
    *offset = (size_t)(part - text);
    return *why == NULL;
}
