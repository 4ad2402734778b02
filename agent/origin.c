/* SPDX-License-Identifier: Apache-2.0 */
/* Names of origins. */
#include "agent/origin.h"

#include <stdlib.h>
#include <string.h>

#include "agent/aws/arn.h"
#include "agent/memory.h"

#define LOG_GROUP_PREFIX "log-group:"

struct origin origin_of_log_group(const struct config_source *config, const char *account)
{
    struct origin origin = { .asked = config->log_group,
                             .time_zone = config->time_zone,
                             .format = config->format };
    struct arn arn;
    size_t offset;
    const char *why;

    if (arn_parse(config->log_group, &arn, &offset, &why)) {
        origin.identity = xstrdup(config->log_group);
        origin.account = xstrdup(arn.account);
        origin.region = xstrdup(config->region ? config->region : arn.region);
        origin.log_group = xstrdup(arn.resource + strlen(LOG_GROUP_PREFIX));
    } else {
        origin.identity =
            xasprintf("arn:%s:logs:%s:%s:" LOG_GROUP_PREFIX "%s", region_partition(config->region),
                      config->region, account, config->log_group);
        origin.account = xstrdup(account);
        origin.region = xstrdup(config->region);
        origin.log_group = xstrdup(config->log_group);
    }
    if (origin.format == FORMAT_AUTO) {
        origin.format =
            format_of_log_group((struct slice){ origin.log_group, strlen(origin.log_group) });
    }
    return origin;
}

struct origin origin_of_file(const char *path, enum format format)
{
    char *real = realpath(path, NULL);

    return (struct origin){ .is_file = true,
                            .identity = xasprintf("file:%s", real ? real : path),
                            .account = xstrdup(""),
                            .region = xstrdup(""),
                            .log_group = real ? real : xstrdup(path),
                            .format = format };
}

void origin_free(struct origin *origin)
{
    free(origin->identity);
    free(origin->account);
    free(origin->region);
    free(origin->log_group);
    *origin = (struct origin){ 0 };
}
