/* SPDX-License-Identifier: Apache-2.0 */
/* STS: GetCallerIdentity. */
#include "agent/aws/sts.h"

#include <string.h>

#include "agent/aws/xml.h"

#define ANSWER_MAX     65536 /* bytes */
#define ACCOUNT_DIGITS 12

bool sts_identity_send(struct aws *aws, const char *region, void *owner, struct aws_error *error)
{
    static const char body[] = "Action=GetCallerIdentity&Version=2011-06-15";
    struct aws_request request = {
        .service = "sts",
        .region = region,
        .protocol = AWS_QUERY,
        .action = "GetCallerIdentity",
        .body = body,
        .body_len = sizeof body - 1,
        .answer_max = ANSWER_MAX,
    };

    return aws_send(aws, &request, owner, error);
}

bool sts_identity_read(const char *body, size_t len, char account[static ACCOUNT_MAX],
                       struct aws_error *error)
{
    struct xml_text wanted = { .path = "GetCallerIdentityResponse/GetCallerIdentityResult/Account",
                               .out = account,
                               .size = ACCOUNT_MAX };
    const char *why = "it names no account of 12 digits";

    if (xml_read(body, len, &wanted, 1, &why) && wanted.len == ACCOUNT_DIGITS &&
        strspn(account, "0123456789") == ACCOUNT_DIGITS) {
        return true;
    }
    account[0] = '\0';
    aws_error_set(error, AWS_BAD_ANSWER, "the answer to GetCallerIdentity cannot be used: %s", why);
    return false;
}
