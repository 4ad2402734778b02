/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an answer to FilterLogEvents: what is taken for a page keeps all its promises. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/aws/logs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct aws_error error;
    struct logs_page *page = logs_page_read((const char *)data, size, &error);
    struct log_event event;

    if (!page) {
        check(error.problem == AWS_BAD_ANSWER && error.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < logs_page_count(page); i++) {
        logs_page_event(page, i, &event);
        check(event.id_len > 0 && event.stream_len > 0 && event.timestamp >= 0);
        check(event.id[event.id_len] == '\0' && event.stream[event.stream_len] == '\0');
        check(event.message[event.message_len] == '\0');
    }
    if (logs_page_token(page)) {
        check(strlen(logs_page_token(page)) > 0);
        check(strlen(logs_page_token(page)) <= LOGS_TOKEN_MAX);
    }
    logs_page_free(page);
    return 0;
}
