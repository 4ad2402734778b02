/* SPDX-License-Identifier: Apache-2.0 */
/* Digests, by OpenSSL. */
#include "agent/fingerprint.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/memory.h"
#include "filters/record.h"

static void add_part(EVP_MD_CTX *context, const void *data, size_t len)
{
    uint8_t size[8];

    for (int i = 0; i < 8; i++) {
        size[i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
    }
    EVP_DigestUpdate(context, size, sizeof size);
    EVP_DigestUpdate(context, data ? data : "", len);
}

/* Looking up an algorithm takes OpenSSL 3 longer than using it, so that is done once. */
static EVP_MD_CTX *begin(void)
{
    static EVP_MD_CTX *ready;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (!ready) {
        ready = EVP_MD_CTX_new();
        if (ready && EVP_DigestInit_ex(ready, EVP_sha256(), NULL) != 1) {
            EVP_MD_CTX_free(ready);
            ready = NULL;
        }
    }
    if (!context || !ready || EVP_MD_CTX_copy_ex(context, ready) != 1) {
        fputs("tailgate: OpenSSL has no SHA-256\n", stderr);
        abort();
    }
    return context;
}

static void end(EVP_MD_CTX *context, uint8_t out[static FINGERPRINT_SIZE])
{
    EVP_DigestFinal_ex(context, out, NULL);
    EVP_MD_CTX_free(context);
}

void fingerprint_of(const struct store_bytes *parts, size_t count,
                    uint8_t out[static FINGERPRINT_SIZE])
{
    EVP_MD_CTX *context = begin();

    for (size_t i = 0; i < count; i++) {
        add_part(context, parts[i].data, parts[i].len);
    }
    end(context, out);
}

static int compare_blocks(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct block));
}

/* The blocks of the networks a rule names, sorted, each once. */
static void add_blocks(EVP_MD_CTX *context, const struct config *config,
                       const struct config_rule *rule)
{
    struct block *blocks = NULL;
    size_t count = 0, capacity = 0, kept = 0;

    for (size_t i = 0; i < config->network_count; i++) {
        const struct config_network *network = &config->network_list[i];
        for (size_t j = 0; j < rule->outside_count; j++) {
            if (strcmp(network->name, rule->outside[j]) == 0) {
                blocks = xgrow(blocks, &capacity, count + network->count, sizeof *blocks);
                memcpy(blocks + count, network->blocks, network->count * sizeof *blocks);
                count += network->count;
                break;
            }
        }
    }
    if (count > 0) {
        qsort(blocks, count, sizeof *blocks, compare_blocks);
        kept = 1;
    }
    for (size_t i = 1; i < count; i++) {
        if (compare_blocks(&blocks[i], &blocks[kept - 1]) != 0) {
            blocks[kept++] = blocks[i];
        }
    }
    add_part(context, blocks, kept * sizeof *blocks);
    free(blocks);
}

void fingerprint_of_search(const struct config *config, uint8_t out[static FINGERPRINT_SIZE])
{
    EVP_MD_CTX *context = begin();
    uint8_t version = RECORD_PARSER_VERSION;

    add_part(context, &version, sizeof version);
    for (size_t i = 0; i < config->rule_count; i++) {
        const struct config_rule *rule = &config->rules[i];
        add_part(context, rule->name, strlen(rule->name));
        add_part(context, rule->filter, rule->filter ? strlen(rule->filter) : 0);
        add_blocks(context, config, rule);
    }
    end(context, out);
}

void fingerprint_text(const uint8_t fingerprint[static FINGERPRINT_SIZE],
                      char out[static FINGERPRINT_TEXT_MAX])
{
    for (size_t i = 0; i < FINGERPRINT_SIZE; i++) {
        snprintf(out + 2 * i, 3, "%02x", fingerprint[i]);
    }
}

uint64_t fingerprint_number(uint64_t number, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        number = (number ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
    }
    return number;
}
