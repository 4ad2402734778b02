/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, CIDR blocks, and networks: named sets of blocks. */
#ifndef TAILGATE_FILTERS_NETWORK_H
#define TAILGATE_FILTERS_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/slice.h"

#define ADDRESS_TEXT_MAX   46   /* longest text of an address, with its NUL */
#define NETWORK_NAME_MAX   64   /* bytes in a network's name */
#define NETWORKS_MAX       64   /* networks in one set */
#define NETWORK_BLOCKS_MAX 4096 /* blocks in one network */

/* An IPv4 or IPv6 address, in network order; IPv4 is kept as ::ffff:a.b.c.d (RFC 4291
 * section 2.5.5.2), so that a mapped address and the plain one are the same address. */
struct address {
    uint8_t bytes[16];
};

struct block {
    struct address address; /* host bits are zero */
    uint8_t bits;           /* prefix length out of 128: an IPv4 /8 is 104 */
};

/* What is wrong with a text, and at which byte of it. */
struct network_error {
    size_t offset;
    char text[160];
};

/* Reads a whole text as one address: strict dotted quad (no leading zeros) or RFC 4291 section 2.2,
 * no zone, no brackets.  *out is set only on success. */
bool address_parse(struct slice text, struct address *out);

/* Writes the canonical text (RFC 5952; IPv4-mapped as dotted quad), terminated. */
void address_format(const struct address *address, char out[static ADDRESS_TEXT_MAX]);

bool address_is_v4(const struct address *address);
bool address_is_loopback(const struct address *address); /* 127.0.0.0/8 or ::1 */

/* Reads "172.31.0.0/16", "2001:db8::/32" or a bare address (a block of one).  Host bits that are
 * set are an error that names the block which was probably meant. */
bool block_parse(struct slice text, struct block *out, struct network_error *error);

/* Whether an address lies in a block.  A block of IPv6 addresses holds no IPv4 ones, whatever its
 * length: ::/0 says nothing about 10.0.0.1. */
bool block_contains(const struct block *block, const struct address *address);

/* A set of named networks.  Adding a block to a name not yet there makes that network.  Owned by
 * the caller, to be given to networks_free; false and an error when a limit is passed or memory is
 * out. */
struct networks;
struct networks *networks_new(void);
void networks_free(struct networks *networks);
bool networks_add(struct networks *networks, const char *name, const struct block *block,
                  struct network_error *error);

size_t networks_count(const struct networks *networks);
const char *networks_name(const struct networks *networks, size_t index);
/* Index of the network of that name, or SIZE_MAX. */
size_t networks_find(const struct networks *networks, const char *name);
bool networks_contains(const struct networks *networks, size_t index,
                       const struct address *address);

#endif
