/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting after failures, with the dice that agent/aws leaves to its caller. */
#include "agent/retry.h"

#include <openssl/rand.h>

int64_t retry_delay(enum aws_problem problem, int64_t attempt, int64_t base, int64_t cap,
                    int64_t refused)
{
    uint32_t random = 0;

    RAND_bytes((unsigned char *)&random, sizeof random);
    int64_t delay = aws_retry_delay_ms((unsigned)attempt, base, cap, random);
    return !aws_problem_passes(problem) && delay < refused ? refused : delay;
}
