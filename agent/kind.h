/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds: findings that one message tells together. */
#ifndef TAILGATE_AGENT_KIND_H
#define TAILGATE_AGENT_KIND_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/alerts.h"

/* The kind of a finding, from what is stored of it: rule, source, what is told (a fragment does not
 * fold into a connection), address (IPv6: its /64) or else the host as printed, and for successes
 * the user.  User names of failures do not count, because an attacker chooses them.  Of a row that
 * another client wrote, that client is all that counts of it: what the row says is its invention,
 * and nobody is to open many kinds with one name.
 *
 * Coarse, for when too many kinds are open: addresses count by IPv4 /16 and IPv6 /32, names and
 * users not at all. */
void kind_key(const struct finding *finding, bool coarse, uint8_t out[static KIND_KEY_SIZE]);

#endif
