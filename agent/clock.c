/* SPDX-License-Identifier: Apache-2.0 */
/* The clock, real or simulated. */
#include "agent/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WAIT_MAX_MS 3600000

static struct {
    bool simulated;
    int64_t real_base, virtual_base, speed;
} test_clock = { .speed = 1 };

bool clock_setup(void)
{
    const char *text = getenv("TAILGATE_TEST_CLOCK");
    char rest;

    if (!text) {
        return true;
    }
    test_clock.simulated = true;
    return sscanf(text, "%" SCNd64 ",%" SCNd64 ",%" SCNd64 "%c", &test_clock.real_base,
                  &test_clock.virtual_base, &test_clock.speed, &rest) == 3 &&
           test_clock.speed >= 1 && test_clock.speed <= 1000000;
}

bool clock_is_simulated(void)
{
    return test_clock.simulated;
}

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_now(void)
{
    int64_t now = read_clock(CLOCK_REALTIME);

    return test_clock.simulated
               ? test_clock.virtual_base + (now - test_clock.real_base) * test_clock.speed
               : now;
}

int64_t clock_ticks(void)
{
    return read_clock(CLOCK_MONOTONIC) * test_clock.speed;
}

int clock_wait(int64_t ms)
{
    int64_t real = (ms + test_clock.speed - 1) / test_clock.speed;

    return real < 0 ? 0 : real > WAIT_MAX_MS ? WAIT_MAX_MS : (int)real;
}
