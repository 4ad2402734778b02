/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as XML: texts fit where they are put, with their NUL, and nothing follows them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/aws/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char code[16], deep[4];
    struct xml_text wanted[] = {
        { .path = "ErrorResponse/Error/Code", .out = code, .size = sizeof code },
        { .path = "a/b/c/d", .out = deep, .size = sizeof deep },
    };
    const char *why = NULL;

    if (!xml_read((const char *)data, size, wanted, 2, &why)) {
        check(why != NULL);
    }
    for (size_t i = 0; i < 2; i++) {
        size_t fits = wanted[i].len < wanted[i].size ? wanted[i].len : wanted[i].size - 1;
        check(wanted[i].out[fits] == '\0' && strlen(wanted[i].out) == fits);
        check(wanted[i].found || wanted[i].len == 0);
    }
    return 0;
}
