/* SPDX-License-Identifier: Apache-2.0 */
/* The files that AWS's tools share: ~/.aws/credentials and ~/.aws/config (AWS SDKs and Tools
 * Reference Guide, "Shared config and credentials files"), read as botocore reads them: indented
 * lines continue the value above and are left out, ';' and '#' begin comments, "name = value" or
 * "name: value", names in any case, the last of equal names counts. */
#ifndef TAILGATE_AGENT_AWS_SHARED_CONFIG_H
#define TAILGATE_AGENT_AWS_SHARED_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/aws/error.h"

#define SHARED_CONFIG_SIZE_MAX 1048576 /* bytes of a file */
#define SHARED_CONFIG_PATH_MAX 4096

/* Where a value comes from.  A profile is [name] in the first and [profile name] or [default] in
 * the second. */
enum shared_file { SHARED_CREDENTIALS, SHARED_CONFIG };
#define SHARED_FILES 2

struct shared_config;

/* Reads $AWS_SHARED_CREDENTIALS_FILE and $AWS_CONFIG_FILE, by default in $HOME/.aws.  A file that
 * does not exist is empty, and so is one at its default place that may not be read.  NULL with
 * AWS_FAILED when memory is out or a file cannot be read, is over the limit, or has a line that is
 * none of the above; the text names file and line, never what is on it. */
struct shared_config *shared_config_load(struct aws_error *error);
void shared_config_free(struct shared_config *config);

/* An empty one, NULL when memory is out, and the reading of a text as one of its files, which is
 * done once for each.  `path` is for messages. */
struct shared_config *shared_config_new(void);
bool shared_config_read(struct shared_config *config, enum shared_file file, const char *path,
                        const char *text, size_t len, struct aws_error *error);

/* The name of a file that was looked for, for messages. */
const char *shared_config_path(const struct shared_config *config, enum shared_file file);

/* The profile to use: the given one, else $AWS_PROFILE, else "default". */
const char *shared_config_profile(const char *given);

bool shared_config_has_profile(const struct shared_config *config, const char *profile);

/* A value of a profile in one file, or NULL; it is the config's.  An empty value counts as none. */
const char *shared_config_get(const struct shared_config *config, enum shared_file file,
                              const char *profile, const char *name);

/* The same in either file, the credentials file first. */
const char *shared_config_find(const struct shared_config *config, const char *profile,
                               const char *name);

#endif
