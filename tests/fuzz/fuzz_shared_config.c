/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the files AWS's tools share: they are read or refused, and values are texts without
 * line breaks. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/aws/shared_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "aws_access_key_id", "region", "a" };
    struct aws_error error;

    for (int file = 0; file < SHARED_FILES; file++) {
        struct shared_config *config = shared_config_new();
        if (!config) {
            return 0;
        }
        if (shared_config_read(config, (enum shared_file)file, "file", (const char *)data, size,
                               &error)) {
            for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                const char *value = shared_config_find(config, "default", names[i]);
                check(!value || (*value != '\0' && !strchr(value, '\n')));
                check(!value || shared_config_has_profile(config, "default"));
            }
        } else {
            check(error.problem == AWS_FAILED && strncmp(error.text, "file", 4) == 0);
        }
        shared_config_free(config);
    }
    return 0;
}
