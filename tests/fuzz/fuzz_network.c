/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an address, a block and a host: what is accepted is written and read again as the
 * same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filters/host.h"
#include "filters/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = { (const char *)data, size };
    struct host host = host_read(text);
    struct network_error error = { .offset = 0 };
    struct address address, again;
    struct block block;

    check(host.port >= -1 && host.port <= UINT16_MAX);
    check((host.kind == HOST_EMPTY) == (size == 0));
    if (address_parse(text, &address)) {
        char printed[ADDRESS_TEXT_MAX];

        address_format(&address, printed);
        check(address_parse((struct slice){ printed, strlen(printed) }, &again));
        check(memcmp(&address, &again, sizeof again) == 0);
        check(host.kind == (address_is_loopback(&address) ? HOST_LOCAL : HOST_ADDRESS));
        check(memcmp(&address, &host.address, sizeof address) == 0);
    }
    if (block_parse(text, &block, &error)) {
        struct networks *networks = networks_new();

        if (networks && networks_add(networks, "n", &block, &error)) {
            check(networks_contains(networks, 0, &block.address));
        }
        networks_free(networks);
        check(block_contains(&block, &block.address));
    } else {
        check(error.offset <= size && error.text[0] != '\0');
    }
    return 0;
}
