/* SPDX-License-Identifier: Apache-2.0 */
/* CloudWatch: PutMetricData. */
#include "agent/aws/cloudwatch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/aws/form.h"

#define ANSWER_MAX 65536 /* bytes */
#define FORM_MAX   8192
#define DATUM      "MetricData.member.1."

bool cloudwatch_dimension_good(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            return false;
        }
    }
    return len <= CLOUDWATCH_TEXT_MAX && strspn(text, " ") < len && text[0] != ':';
}

bool cloudwatch_put_send(struct aws *aws, const struct cloudwatch_value *value, void *owner,
                         struct aws_error *error)
{
    struct aws_request request = {
        .service = "monitoring",
        .region = value->region,
        .protocol = AWS_QUERY,
        .action = "PutMetricData",
        .resource = value->space,
        .answer_max = ANSWER_MAX,
    };
    struct buffer form;
    char number[24];
    bool sent = false;

    (void)snprintf(number, sizeof number, "%" PRId64, value->value);
    buffer_init(&form, FORM_MAX);
    form_add(&form, "Action", "PutMetricData");
    form_add(&form, "Version", "2010-08-01");
    form_add(&form, "Namespace", value->space);
    form_add(&form, DATUM "MetricName", value->name);
    form_add(&form, DATUM "Dimensions.member.1.Name", value->dimension);
    form_add(&form, DATUM "Dimensions.member.1.Value", value->dimension_value);
    form_add(&form, DATUM "Value", number);
    form_add(&form, DATUM "Unit", value->unit);
    if (form.failed) {
        aws_error_set(error, AWS_FAILED, "no memory for a request to PutMetricData");
    } else {
        request.body = form.data;
        request.body_len = form.len;
        sent = aws_send(aws, &request, owner, error);
    }
    buffer_free(&form);
    return sent;
}
