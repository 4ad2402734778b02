/* SPDX-License-Identifier: Apache-2.0 */
/* The host field of an audit record. */
#include "filters/host.h"

#include <string.h>

#define PORT_DIGITS_MAX 5
#define QUAD_TEXT_MAX   15 /* "255.255.255.255" */

static bool equals(struct slice text, const char *other)
{
    return text.len == strlen(other) && memcmp(text.data, other, text.len) == 0;
}

/* What servers write of a client of their own machine: MySQL, PostgreSQL, SQL Server, and Oracle's
 * listener of a client that comes by no network.  No host's name has such bytes but the first. */
static bool is_local_word(struct slice text)
{
    static const char *const words[] = {
        "localhost",      "[local]",        "<local machine>", "<named pipe>",   "(PROTOCOL=ipc)",
        "(PROTOCOL=IPC)", "(protocol=ipc)", "(PROTOCOL=beq)",  "(PROTOCOL=BEQ)", "(protocol=beq)",
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (equals(text, words[i])) {
            return true;
        }
    }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool port_parse(struct slice text, int32_t *out)
{
    int32_t value = 0;

    if (text.len == 0 || text.len > PORT_DIGITS_MAX || (text.len > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i])) {
            return false;
        }
        value = value * 10 + (text.data[i] - '0');
    }
    if (value > UINT16_MAX) {
        return false;
    }
    *out = value;
    return true;
}

/* Cuts a port off "a.b.c.d:port", "name:port" or "[v6]:port".  With a second colon and no brackets
 * nobody can tell a port from the last group of an IPv6 address, and nothing is cut. */
static struct slice cut_port(struct slice text, int32_t *port)
{
    const char *colon = memrchr(text.data, ':', text.len);
    struct slice host, digits;
    struct address ignored;

    if (!colon) {
        return text;
    }
    host = (struct slice){ text.data, (size_t)(colon - text.data) };
    digits = (struct slice){ colon + 1, text.len - host.len - 1 };
    if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']') {
        host = (struct slice){ host.data + 1, host.len - 2 };
        if (!memchr(host.data, ':', host.len) || !address_parse(host, &ignored)) {
            return text;
        }
    } else if (host.len == 0 || memchr(host.data, ':', host.len)) {
        return text;
    }
    return port_parse(digits, port) ? host : text;
}

/* A region's name: words of letters and a number, joined by hyphens, as us-east-1 or us-gov-west-1.
 */
static bool is_region(struct slice text)
{
    size_t words = 0, at = 0;

    while (at < text.len && is_letter(text.data[at])) {
        while (at < text.len && is_letter(text.data[at])) {
            at++;
        }
        if (at == text.len || text.data[at++] != '-') {
            return false;
        }
        words++;
    }
    if (words < 2 || at == text.len) {
        return false;
    }
    while (at < text.len && is_digit(text.data[at])) {
        at++;
    }
    return at == text.len;
}

/* What may follow ip-a-b-c-d.  Amazon VPC User Guide, "DNS attributes for your VPC": ec2.internal
 * in us-east-1, REGION.compute.internal elsewhere.  Anything longer is a zone somebody may own. */
static bool is_resolver_domain(struct slice text)
{
    static const char compute[] = ".compute.internal";
    const size_t len = sizeof compute - 1;

    if (text.len == 0 || equals(text, ".ec2.internal")) {
        return true;
    }
    if (text.len <= len + 1 || text.data[0] != '.' ||
        memcmp(text.data + text.len - len, compute, len) != 0) {
        return false;
    }
    return is_region((struct slice){ text.data + 1, text.len - len - 1 });
}

static bool decode_resolver_name(struct slice text, struct address *out)
{
    char quad[QUAD_TEXT_MAX];
    size_t used = 0, at = 3;

    if (text.len < at || memcmp(text.data, "ip-", at) != 0) {
        return false;
    }
    for (; at < text.len && text.data[at] != '.'; at++) {
        if (used == sizeof quad || (text.data[at] != '-' && !is_digit(text.data[at]))) {
            return false;
        }
        quad[used] = text.data[at];
        if (quad[used] == '-') {
            quad[used] = '.';
        }
        used++;
    }
    return is_resolver_domain((struct slice){ text.data + at, text.len - at }) &&
           address_parse((struct slice){ quad, used }, out);
}

struct host host_read(struct slice text)
{
    struct host host = { .kind = HOST_NAME, .port = -1 };

    if (text.len == 0) {
        host.kind = HOST_EMPTY;
        return host;
    }
    if (is_local_word(text)) {
        host.kind = HOST_LOCAL;
        return host;
    }
    if (!address_parse(text, &host.address)) {
        text = cut_port(text, &host.port);
        if (is_local_word(text)) {
            host.kind = HOST_LOCAL;
            return host;
        }
        if (decode_resolver_name(text, &host.address)) {
            host.kind = HOST_DERIVED;
            return host;
        }
        if (!address_parse(text, &host.address)) {
            return host;
        }
    }
    host.kind = address_is_loopback(&host.address) ? HOST_LOCAL : HOST_ADDRESS;
    return host;
}
