/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. */
#include <stdlib.h>

#include "agent/aws/credentials_source.h"

enum credentials_step credentials_environment(struct credentials_walk *walk,
                                              const struct http_answer *answer,
                                              struct credentials *out, struct aws_error *error)
{
    const char *access_key = getenv("AWS_ACCESS_KEY_ID");
    const char *secret_key = getenv("AWS_SECRET_ACCESS_KEY");

    (void)answer;
    if (walk->profile_given) {
        aws_error_set(error, AWS_NO_CREDENTIALS, "a profile was asked for");
        return CREDENTIALS_ABSENT;
    }
    if (!access_key || !*access_key) {
        aws_error_set(error, AWS_NO_CREDENTIALS, "AWS_ACCESS_KEY_ID is not set");
        return CREDENTIALS_ABSENT;
    }
    if (!secret_key || !*secret_key) {
        aws_error_set(
            error, AWS_FAILED,
            "AWS_ACCESS_KEY_ID is set in the environment, but AWS_SECRET_ACCESS_KEY is not");
        return CREDENTIALS_FAILED;
    }
    return credentials_fill(out, access_key, secret_key, getenv("AWS_SESSION_TOKEN"),
                            "the environment", error);
}
