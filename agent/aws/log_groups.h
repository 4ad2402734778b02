/* SPDX-License-Identifier: Apache-2.0 */
/* CloudWatch Logs: what it keeps of a log group (Amazon CloudWatch Logs API Reference,
 * DescribeLogGroups and LogGroup). */
#ifndef TAILGATE_AGENT_AWS_LOG_GROUPS_H
#define TAILGATE_AGENT_AWS_LOG_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/aws/aws.h"

#define LOG_GROUPS_FOR_EVER 0

/* Asks for one log group of our own account by its name; errors as aws_send. */
bool log_groups_send(struct aws *aws, const char *region, const char *name, void *owner,
                     struct aws_error *error);

/* Reads a good answer.  *found: whether that log group is there, by its ARN without ":*", as one of
 * another account may have its name; *days: how long it keeps events, or LOG_GROUPS_FOR_EVER.
 * False with AWS_BAD_ANSWER when it is not what the service promises. */
bool log_groups_read(const char *body, size_t len, const char *arn, bool *found, int64_t *days,
                     struct aws_error *error);

#endif
