/* SPDX-License-Identifier: Apache-2.0 */
/* The host field of an audit record: what it says about where a client is. */
#ifndef TAILGATE_FILTERS_HOST_H
#define TAILGATE_FILTERS_HOST_H

#include <stdint.h>

#include "filters/network.h"
#include "filters/slice.h"

enum host_kind {
    HOST_EMPTY,   /* the server wrote no client */
    HOST_LOCAL,   /* localhost, a loopback address, a socket */
    HOST_ADDRESS, /* an address as printed */
    HOST_DERIVED, /* decoded from ip-a-b-c-d, as the VPC resolver names instances */
    HOST_NAME,    /* any other name: whoever owns a reverse zone chose it, so it proves nothing */
};

struct host {
    enum host_kind kind;
    struct address
        address;  /* for HOST_ADDRESS, HOST_DERIVED, and HOST_LOCAL when it is an address */
    int32_t port; /* -1 when none is printed (MariaDB 12 prints host:port) */
};

/* Reads a host field whole; a name that only resembles one of the forms is a name.  Never looks
 * anything up. */
struct host host_read(struct slice text);

#endif
