/* SPDX-License-Identifier: Apache-2.0 */
/* What makes two findings of one kind. */
#include "agent/kind.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/finding_output.h"
#include "agent/fingerprint.h"
#include "filters/host.h"
#include "filters/reading.h"

_Static_assert(KIND_KEY_SIZE == FINGERPRINT_SIZE, "a kind's key is a digest");

/* Who counts: an address, or a name. */
struct client {
    bool has_address;
    struct address address;
    struct store_bytes name;
};

static struct slice slice_of(struct store_bytes bytes)
{
    return (struct slice){ bytes.data ? bytes.data : "", bytes.len };
}

static struct client client_named(const struct finding *finding)
{
    struct client client = { .name = finding->host };

    client.has_address = address_parse(slice_of(finding->address), &client.address);
    return client;
}

/* Read as a host is, so that a port beside the address does not make another client. */
static struct client client_proved(const struct finding *finding)
{
    struct host host = host_read(slice_of(finding->true_client));

    return (struct client){ .has_address = host.kind == HOST_ADDRESS || host.kind == HOST_DERIVED,
                            .address = host.address,
                            .name = finding->true_client };
}

/* Bytes of the address that count: prefixes are whole bytes. */
static size_t counted_bytes(const struct address *address, bool coarse)
{
    if (address_is_v4(address)) {
        return coarse ? 14 : 16;
    }
    return coarse ? 4 : 8;
}

void kind_key(const struct finding *finding, bool coarse, uint8_t out[static KIND_KEY_SIZE])
{
    char source[24];
    size_t source_len = (size_t)snprintf(source, sizeof source, "%" PRId64, finding->source);
    bool forged = finding->true_client.len > 0;
    struct client client = forged ? client_proved(finding) : client_named(finding);
    struct store_bytes kind = finding_kind_word(finding), who = client.name;
    struct store_bytes user = { NULL, 0 };
    bool success = !forged && finding_word_is(finding->outcome, outcome_name(OUTCOME_SUCCESS));

    if (client.has_address) {
        who.data = (const char *)client.address.bytes;
        who.len = counted_bytes(&client.address, coarse);
    } else if (coarse) {
        who.len = 0;
    }
    if (forged) {
        kind.data = finding_kind_name(KIND_FORGERY);
        kind.len = strlen(kind.data);
    }
    if (success && !coarse) {
        user = finding->user;
    }
    fingerprint_of((struct store_bytes[]){ finding->rule,
                                           { source, source_len },
                                           kind,
                                           { client.has_address ? "a" : "n", 1 },
                                           who,
                                           { success ? "s" : "f", 1 },
                                           user },
                   7, out);
}
