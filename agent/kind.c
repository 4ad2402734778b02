/* SPDX-License-Identifier: Apache-2.0 */
/* What makes two findings of one kind. */
#include "agent/kind.h"

#include <inttypes.h>
#include <stdio.h>

#include "agent/fingerprint.h"

_Static_assert(KIND_KEY_SIZE == FINGERPRINT_SIZE, "a kind's key is a digest");

/* Bytes of the address that count: prefixes are whole bytes. */
static size_t counted_bytes(const struct address *address, bool coarse)
{
    if (address_is_v4(address)) {
        return coarse ? 14 : 16;
    }
    return coarse ? 4 : 8;
}

void kind_key(const struct finding *finding, const struct hit *hit, bool coarse,
              uint8_t out[static KIND_KEY_SIZE])
{
    char source[24];
    size_t source_len = (size_t)snprintf(source, sizeof source, "%" PRId64, finding->source);
    struct store_bytes client = finding->host;
    struct store_bytes user = { NULL, 0 };
    bool has_address = finding->address.data != NULL;
    bool success = hit->outcome == OUTCOME_SUCCESS;

    if (has_address) {
        client.data = (const char *)hit->host.address.bytes;
        client.len = counted_bytes(&hit->host.address, coarse);
    } else if (coarse) {
        client.len = 0;
    }
    if (success && !coarse) {
        user = finding->user;
    }
    fingerprint_of((struct store_bytes[]){ finding->rule,
                                           { source, source_len },
                                           { has_address ? "a" : "n", 1 },
                                           client,
                                           { success ? "s" : "f", 1 },
                                           user },
                   6, out);
}
