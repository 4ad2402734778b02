/* SPDX-License-Identifier: Apache-2.0 */
/* CloudWatch: PutMetricData (Amazon CloudWatch API Reference, PutMetricData, MetricDatum and
 * Dimension). */
#ifndef TAILGATE_AGENT_AWS_CLOUDWATCH_H
#define TAILGATE_AGENT_AWS_CLOUDWATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/aws/aws.h"

#define CLOUDWATCH_TEXT_MAX 255 /* characters of a namespace, a name or a dimension's value */

/* One value of a metric with one dimension.  It has no time of its own: CloudWatch gives it that of
 * its arrival, so a host's clock cannot misplace it. */
struct cloudwatch_value {
    const char *region;
    const char *space, *name; /* the metric's namespace, not beginning with "AWS/", and name */
    const char *dimension, *dimension_value;
    int64_t value;
    const char *unit; /* a word of StandardUnit, such as "Count" */
};

/* Whether a text can be the value of a dimension: 1 to CLOUDWATCH_TEXT_MAX printable characters of
 * ASCII, not all blanks, the first not a colon. */
bool cloudwatch_dimension_good(const char *text);

/* Starts the putting of a value; errors as aws_send.  An answer without an error says all there is:
 * it holds nothing to read. */
bool cloudwatch_put_send(struct aws *aws, const struct cloudwatch_value *value, void *owner,
                         struct aws_error *error);

#endif
