/* SPDX-License-Identifier: Apache-2.0 */
/* Amazon Resource Names (IAM User Guide, "Identify AWS resources with ARNs"). */
#ifndef TAILGATE_AGENT_AWS_ARN_H
#define TAILGATE_AGENT_AWS_ARN_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/aws/endpoint.h"

#define ARN_MAX 768

struct arn {
    char partition[16];
    char service[32];
    char region[REGION_MAX];
    char account[16]; /* 12 digits */
    char resource[600];
};

/* Reads an ARN.  On failure *offset is the byte at fault and *why a sentence fragment such as "the
 * account is not 12 digits". */
bool arn_parse(const char *text, struct arn *out, size_t *offset, const char **why);

#endif
