/* SPDX-License-Identifier: Apache-2.0 */
/* STS: GetCallerIdentity, to learn the account (STS API reference). */
#ifndef TAILGATE_AGENT_AWS_STS_H
#define TAILGATE_AGENT_AWS_STS_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/aws/aws.h"

#define ACCOUNT_MAX 16 /* 12 digits and a NUL */

bool sts_identity_send(struct aws *aws, const char *region, void *owner, struct aws_error *error);
bool sts_identity_read(const char *body, size_t len, char account[static ACCOUNT_MAX],
                       struct aws_error *error);

#endif
