/* SPDX-License-Identifier: Apache-2.0 */
/* Which region, and at which URL a service answers in it. */
#ifndef TAILGATE_AGENT_AWS_ENDPOINT_H
#define TAILGATE_AGENT_AWS_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/aws/error.h"

#define REGION_MAX 32

/* Whether a text has the form of a region, such as "eu-west-1" or "us-gov-west-1". */
bool region_valid(const char *text);

/* The region: given, else $AWS_REGION, $AWS_DEFAULT_REGION, else the profile's in the shared config
 * file.  Empty when none says. */
void region_resolve(const char *given, const char *profile, char out[static REGION_MAX]);

/* The partition a region is in, such as "aws" or "aws-cn", as ARNs name it. */
const char *region_partition(const char *region);

/* The URL of a service ("logs", "sns", "sts") as scheme, host and, if it is not the scheme's own,
 * port.  It is: `given` (--endpoint-url), else $AWS_ENDPOINT_URL_<SERVICE> (CLOUDWATCH_LOGS, SNS,
 * STS: the names AWS's tools use), else $AWS_ENDPOINT_URL, else the profile's endpoint_url, else
 * AWS's own for the region's partition.  The environment's and the profile's do not count where
 * $AWS_IGNORE_CONFIGURED_ENDPOINT_URLS or the profile's ignore_configured_endpoint_urls is true
 * (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").  AWS_FAILED for a region or
 * URL that is none, for a URL with a path, and where $AWS_USE_FIPS_ENDPOINT or use_fips_endpoint
 * asks for what is not written yet. */
bool endpoint_resolve(const char *service, const char *region, const char *given,
                      const char *profile, char *out, size_t out_size, struct aws_error *error);

#endif
