/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that stand in a profile of the shared files. */
#include <stdlib.h>

#include "agent/aws/credentials_source.h"
#include "agent/aws/shared_config.h"

/* Ways of getting credentials that a profile may ask for and that are not written yet.  Going on to
 * the next source would sign as somebody else.  Those with `first` outrank keys that stand in the
 * profile. */
static const struct {
    const char *name;
    bool first;
} missing[] = {
    { "role_arn", true },        { "web_identity_token_file", true },
    { "sso_session", true },     { "sso_start_url", true },
    { "login_session", false },  { "credential_process", false },
    { "source_profile", false }, { "credential_source", false },
};

static bool asks_for_missing(const struct shared_config *config, const char *profile, bool first,
                             struct aws_error *error)
{
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
        for (int file = 0; file < SHARED_FILES && missing[i].first == first; file++) {
            if (shared_config_get(config, (enum shared_file)file, profile, missing[i].name)) {
                aws_error_set(
                    error, AWS_FAILED,
                    "the profile %s in %s has %s, which this version does not read yet: "
                    "use a profile with keys, the environment, or an instance or task role",
                    profile, shared_config_path(config, (enum shared_file)file), missing[i].name);
                return true;
            }
        }
    }
    return false;
}

/* Keys that stand in one of the files. */
static enum credentials_step read_keys(const struct shared_config *config, enum shared_file file,
                                       const char *profile, struct credentials *out,
                                       struct aws_error *error)
{
    const char *path = shared_config_path(config, file);
    const char *access_key = shared_config_get(config, file, profile, "aws_access_key_id");
    const char *secret_key = shared_config_get(config, file, profile, "aws_secret_access_key");

    if (!access_key) {
        return CREDENTIALS_ABSENT;
    }
    if (!secret_key) {
        aws_error_set(error, AWS_FAILED,
                      "the profile %s in %s has aws_access_key_id but no aws_secret_access_key",
                      profile, path);
        return CREDENTIALS_FAILED;
    }
    return credentials_fill(out, access_key, secret_key,
                            shared_config_get(config, file, profile, "aws_session_token"), path,
                            error);
}

static enum credentials_step read_profile(const struct shared_config *config, const char *profile,
                                          struct credentials *out, struct aws_error *error)
{
    enum credentials_step step;

    if (asks_for_missing(config, profile, true, error)) {
        return CREDENTIALS_FAILED;
    }
    step = read_keys(config, SHARED_CREDENTIALS, profile, out, error);
    if (step != CREDENTIALS_ABSENT) {
        return step;
    }
    if (asks_for_missing(config, profile, false, error)) {
        return CREDENTIALS_FAILED;
    }
    step = read_keys(config, SHARED_CONFIG, profile, out, error);
    if (step == CREDENTIALS_ABSENT) {
        aws_error_set(error, AWS_NO_CREDENTIALS, "%.64s has no keys", profile);
    }
    return step;
}

enum credentials_step credentials_profile(struct credentials_walk *walk,
                                          const struct http_answer *answer, struct credentials *out,
                                          struct aws_error *error)
{
    const char *identity = getenv("AWS_WEB_IDENTITY_TOKEN_FILE");
    const char *named = getenv("AWS_PROFILE");
    struct shared_config *config;
    enum credentials_step step;

    (void)answer;
    if (!walk->profile_given && identity && *identity) {
        aws_error_set(
            error, AWS_FAILED,
            "AWS_WEB_IDENTITY_TOKEN_FILE is set, which this version does not read yet: use "
            "EKS Pod Identity, or keys in the environment");
        return CREDENTIALS_FAILED;
    }
    config = shared_config_load(error);
    if (!config) {
        return CREDENTIALS_FAILED;
    }
    if (shared_config_has_profile(config, walk->profile)) {
        step = read_profile(config, walk->profile, out, error);
    } else if (walk->profile_given || (named && *named)) {
        aws_error_set(error, AWS_FAILED, "there is no profile %s in %s or %s", walk->profile,
                      shared_config_path(config, SHARED_CREDENTIALS),
                      shared_config_path(config, SHARED_CONFIG));
        step = CREDENTIALS_FAILED;
    } else {
        aws_error_set(error, AWS_NO_CREDENTIALS, "there is no profile %.64s", walk->profile);
        step = CREDENTIALS_ABSENT;
    }
    shared_config_free(config);
    return step;
}
