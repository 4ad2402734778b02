/* SPDX-License-Identifier: Apache-2.0 */
/* Putting the heartbeat metric. */
#include "agent/heartbeat.h"

#include "agent/aws/cloudwatch.h"
#include "agent/clock.h"
#include "agent/log.h"

#define EVERY_MS   INT64_C(60000)
#define REFUSED_MS (24 * 60 * EVERY_MS) /* when AWS does not allow it */
/* One that fails is followed by the next, so it is of no account; a row of so many is. */
#define FAILURES_SAID 15

void heartbeat_begin(struct heartbeat *heartbeat, const struct config *config)
{
    heartbeat->config = config;
    heartbeat->at = 0;
    heartbeat->failures = 0;
}

static void note(struct heartbeat *heartbeat, const struct aws_error *error)
{
    if (error->problem == AWS_DENIED) {
        heartbeat->at = clock_ticks() + REFUSED_MS;
        log_warning("%s; without it no alarm can tell that tailgate has stopped: allow that, or "
                    "set `heartbeat: off`; tried again after a day or a reload",
                    error->text);
        return;
    }
    heartbeat->failures++;
    if (heartbeat->failures == FAILURES_SAID) {
        log_warning("the heartbeat metric has failed %d times in a row and is tried on: %s",
                    FAILURES_SAID, error->text);
    } else {
        log_debug("heartbeat: %s", error->text);
    }
}

int64_t heartbeat_step(struct heartbeat *heartbeat, bool gets_on)
{
    const struct config *config = heartbeat->config;
    struct aws_error error;

    if (!config->heartbeat || heartbeat->flying || !gets_on) {
        return INT64_MAX;
    }
    if (clock_ticks() < heartbeat->at) {
        return heartbeat->at;
    }
    struct cloudwatch_value value = {
        /* A source always has a region. */
        .region = config->region ? config->region : config->sources[0].region,
        .space = HEARTBEAT_NAMESPACE,
        .name = HEARTBEAT_METRIC,
        .dimension = HEARTBEAT_DIMENSION,
        .dimension_value = config->heartbeat,
        .value = 1,
        .unit = "Count",
    };
    heartbeat->at = clock_ticks() + EVERY_MS;
    heartbeat->flying = cloudwatch_put_send(heartbeat->aws, &value, heartbeat, &error);
    if (!heartbeat->flying) {
        note(heartbeat, &error);
    }
    return heartbeat->flying ? INT64_MAX : heartbeat->at;
}

void heartbeat_answer(struct heartbeat *heartbeat, const struct aws_answer *answer)
{
    heartbeat->flying = false;
    if (answer->error.problem != AWS_OK) {
        note(heartbeat, &answer->error);
        return;
    }
    if (heartbeat->failures >= FAILURES_SAID) {
        log_info("the heartbeat metric can be put again");
    }
    heartbeat->failures = 0;
}
