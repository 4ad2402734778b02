/* SPDX-License-Identifier: Apache-2.0 */
/* Digests: what makes a finding the same finding, a kind the same kind, and a search the same
 * search. */
#ifndef TAILGATE_AGENT_FINGERPRINT_H
#define TAILGATE_AGENT_FINGERPRINT_H

#include <stddef.h>
#include <stdint.h>

#include "agent/config.h"
#include "storage/findings.h"

/* SHA-256 over parts, each preceded by its length in eight bytes, so that no two lists of parts run
 * into one another. */
void fingerprint_of(const struct store_bytes *parts, size_t count,
                    uint8_t out[static FINGERPRINT_SIZE]);

/* SHA-256 over all that decides what is found: the parser's version, and each rule's name, pattern
 * and networks.  The order of networks and blocks does not count, nor does a rule's severity. */
void fingerprint_of_search(const struct config *config, uint8_t out[static FINGERPRINT_SIZE]);

/* A number of bytes that only has to differ where they do, as a hash table's: FNV-1a, begun with
 * FINGERPRINT_NUMBER or with the number of what stands before. */
#define FINGERPRINT_NUMBER UINT64_C(0xcbf29ce484222325)
uint64_t fingerprint_number(uint64_t number, const char *data, size_t len);

/* Lower-case hex, terminated. */
#define FINGERPRINT_TEXT_MAX (2 * FINGERPRINT_SIZE + 1)
void fingerprint_text(const uint8_t fingerprint[static FINGERPRINT_SIZE],
                      char out[static FINGERPRINT_TEXT_MAX]);

#endif
