/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, CIDR blocks and named sets of blocks. */
#include "filters/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS 96 /* bits of the prefix that every mapped IPv4 address shares */

static const uint8_t V4_PREFIX[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* Blocks of one family, sorted, none inside another: a look-up is one binary search. */
struct block_set {
    struct block *items;
    size_t count;
    size_t room;
};

struct network {
    char name[NETWORK_NAME_MAX + 1];
    struct block_set v4;
    struct block_set v6;
};

struct networks {
    size_t count;
    struct network items[NETWORKS_MAX];
};

bool address_parse(struct slice text, struct address *out)
{
    struct address address;
    char copy[ADDRESS_TEXT_MAX];
    int good;

    if (text.len == 0 || text.len >= sizeof copy || memchr(text.data, '\0', text.len)) {
        return false;
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (memchr(copy, ':', text.len)) {
        good = inet_pton(AF_INET6, copy, address.bytes);
    } else {
        memcpy(address.bytes, V4_PREFIX, sizeof V4_PREFIX);
        good = inet_pton(AF_INET, copy, address.bytes + sizeof V4_PREFIX);
    }
    if (good == 1) {
        *out = address;
    }
    return good == 1;
}

/* inet_ntop is not used for IPv6: the C libraries disagree on addresses such as ::102:304, and the
 * text is compared and stored. */
void address_format(const struct address *address, char out[static ADDRESS_TEXT_MAX])
{
    const uint8_t *b = address->bytes;
    unsigned group[8];
    size_t best = 8, best_len = 1, used = 0;

    if (address_is_v4(address)) {
        (void)snprintf(out, ADDRESS_TEXT_MAX, "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
        return;
    }
    for (size_t i = 0; i < 8; i++) {
        group[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];
    }
    /* RFC 5952 section 4.2: the first of the longest runs of zero groups, if it has more than one.
     */
    for (size_t i = 0; i < 8; i++) {
        size_t len = 0;

        while (i + len < 8 && group[i + len] == 0) {
            len++;
        }
        if (len > best_len) {
            best = i;
            best_len = len;
        }
    }
    for (size_t i = 0; i < 8; i++) {
        if (i == best) {
            out[used++] = ':';
            if (i == 0) {
                out[used++] = ':';
            }
            i += best_len - 1;
            continue;
        }
        used +=
            (size_t)snprintf(out + used, ADDRESS_TEXT_MAX - used, i < 7 ? "%x:" : "%x", group[i]);
    }
    out[used] = '\0';
}

bool address_is_v4(const struct address *address)
{
    return memcmp(address->bytes, V4_PREFIX, sizeof V4_PREFIX) == 0;
}

bool address_is_loopback(const struct address *address)
{
    static const struct address v6 = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } };

    if (address_is_v4(address)) {
        return address->bytes[12] == 127;
    }
    return memcmp(address->bytes, v6.bytes, sizeof v6.bytes) == 0;
}

static bool prefix_equal(const struct address *a, const struct address *b, unsigned bits)
{
    size_t whole = bits / 8;
    unsigned rest = bits % 8;

    if (memcmp(a->bytes, b->bytes, whole) != 0) {
        return false;
    }
    return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest)) == 0;
}

static struct address masked(const struct address *address, unsigned bits)
{
    struct address out = { { 0 } };
    unsigned rest = bits % 8;

    memcpy(out.bytes, address->bytes, bits / 8);
    if (rest != 0) {
        out.bytes[bits / 8] = (uint8_t)(address->bytes[bits / 8] & (0xffu << (8 - rest)));
    }
    return out;
}

static bool fail(struct network_error *error, size_t offset, const char *text)
{
    error->offset = offset;
    (void)snprintf(error->text, sizeof error->text, "%s", text);
    return false;
}

/* A prefix length without sign or leading zeros, at most max. */
static bool parse_bits(struct slice text, unsigned max, unsigned *out)
{
    unsigned value = 0;

    if (text.len == 0 || text.len > 3 || (text.len > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text.data[i] - '0');
    }
    *out = value;
    return value <= max;
}

bool block_parse(struct slice text, struct block *out, struct network_error *error)
{
    const char *slash = text.len == 0 ? NULL : memchr(text.data, '/', text.len);
    struct slice host = text;
    struct address address, base;
    unsigned bits, shift, max;

    if (slash) {
        host.len = (size_t)(slash - text.data);
    }
    if (!address_parse(host, &address)) {
        return fail(error, 0,
                    "this is not an address: write four numbers from 0 to 255 without leading "
                    "zeros, as 172.31.0.0/16, or an IPv6 address, as 2001:db8::/32");
    }
    shift = memchr(host.data, ':', host.len) ? 0 : V4_BITS;
    max = 128 - shift;
    bits = max;
    if (slash) {
        struct slice rest = { slash + 1, text.len - host.len - 1 };

        if (!parse_bits(rest, max, &bits)) {
            (void)fail(error, host.len + 1, "");
            (void)snprintf(error->text, sizeof error->text,
                           "the prefix length after the slash must be a number from 0 to %u", max);
            return false;
        }
    }
    base = masked(&address, bits + shift);
    if (memcmp(base.bytes, address.bytes, sizeof base.bytes) != 0) {
        char meant[ADDRESS_TEXT_MAX];

        address_format(&base, meant);
        (void)fail(error, 0, "");
        (void)snprintf(error->text, sizeof error->text,
                       "the address has bits set after its prefix; did you mean %s/%u?", meant,
                       bits);
        return false;
    }
    out->address = address;
    out->bits = (uint8_t)(bits + shift);
    return true;
}

/* Whether a block is one of IPv4 addresses, or of all of them. */
static bool is_v4_block(const struct block *block)
{
    return block->bits >= V4_BITS && address_is_v4(&block->address);
}

bool block_contains(const struct block *block, const struct address *address)
{
    return is_v4_block(block) == address_is_v4(address) &&
           prefix_equal(&block->address, address, block->bits);
}

struct networks *networks_new(void)
{
    return calloc(1, sizeof(struct networks));
}

void networks_free(struct networks *networks)
{
    if (!networks) {
        return;
    }
    for (size_t i = 0; i < networks->count; i++) {
        free(networks->items[i].v4.items);
        free(networks->items[i].v6.items);
    }
    free(networks);
}

static bool covers(const struct block *outer, const struct block *inner)
{
    return outer->bits <= inner->bits &&
           prefix_equal(&outer->address, &inner->address, outer->bits);
}

/* How many blocks of the set begin before the address; with it, when "or_at". */
static size_t set_position(const struct block_set *set, const struct address *address, bool or_at)
{
    size_t low = 0, high = set->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = memcmp(set->items[mid].address.bytes, address->bytes, sizeof address->bytes);

        if (order < 0 || (or_at && order == 0)) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static bool set_grow(struct block_set *set)
{
    size_t room = set->room == 0 ? 8 : set->room * 2;
    struct block *items = realloc(set->items, room * sizeof *items);

    if (!items) {
        return false;
    }
    set->items = items;
    set->room = room;
    return true;
}

/* Puts a block where it belongs, in place of those that lie within it. */
static bool set_insert(struct block_set *set, const struct block *block)
{
    size_t at = set_position(set, &block->address, false), end = at;

    if (at > 0 && covers(&set->items[at - 1], block)) {
        return true;
    }
    if (at < set->count && covers(&set->items[at], block)) {
        return true;
    }
    if (set->count == set->room && !set_grow(set)) {
        return false;
    }
    while (end < set->count && covers(block, &set->items[end])) {
        end++;
    }
    memmove(set->items + at + 1, set->items + end, (set->count - end) * sizeof *set->items);
    set->items[at] = *block;
    set->count = set->count + 1 - (end - at);
    return true;
}

/* The network of that name, made if it is new; NULL and an error at a limit. */
static struct network *get_or_make(struct networks *networks, const char *name,
                                   struct network_error *error)
{
    size_t index = networks_find(networks, name), len = strlen(name);

    if (index != SIZE_MAX) {
        return &networks->items[index];
    }
    if (len == 0 || len > NETWORK_NAME_MAX) {
        (void)fail(error, 0, "the name of a network must have 1 to 64 bytes");
        return NULL;
    }
    if (networks->count == NETWORKS_MAX) {
        (void)fail(error, 0, "there may be at most 64 networks");
        return NULL;
    }
    memcpy(networks->items[networks->count].name, name, len + 1);
    return &networks->items[networks->count++];
}

bool networks_add(struct networks *networks, const char *name, const struct block *block,
                  struct network_error *error)
{
    struct network *network = get_or_make(networks, name, error);

    if (!network) {
        return false;
    }
    if (network->v4.count + network->v6.count == NETWORK_BLOCKS_MAX) {
        return fail(error, 0, "a network may have at most 4096 blocks");
    }
    if (!set_insert(is_v4_block(block) ? &network->v4 : &network->v6, block)) {
        return fail(error, 0, "out of memory");
    }
    return true;
}

size_t networks_count(const struct networks *networks)
{
    return networks->count;
}

const char *networks_name(const struct networks *networks, size_t index)
{
    return networks->items[index].name;
}

size_t networks_find(const struct networks *networks, const char *name)
{
    for (size_t i = 0; i < networks->count; i++) {
        if (strcmp(networks->items[i].name, name) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

bool networks_contains(const struct networks *networks, size_t index, const struct address *address)
{
    const struct network *network = &networks->items[index];
    const struct block_set *set = address_is_v4(address) ? &network->v4 : &network->v6;
    size_t after = set_position(set, address, true);

    return after > 0 &&
           prefix_equal(&set->items[after - 1].address, address, set->items[after - 1].bits);
}
