/* SPDX-License-Identifier: Apache-2.0 */
/* The clock, real or simulated. */
#include "agent/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define WAIT_MAX_MS 3600000
#define SPEED_MAX   1000000

static struct {
    bool simulated;
    int64_t real_base, virtual_base, speed;
} test_clock = { .speed = 1 };

/* Reads a number that `end` follows, and moves on behind it. */
static bool read_number(const char **text, char end, int64_t *out)
{
    char *stop;

    errno = 0;
    *out = strtoll(*text, &stop, 10);
    if (stop == *text || *stop != end || errno) {
        return false;
    }
    *text = stop + 1;
    return true;
}

bool clock_setup(void)
{
    const char *text = getenv("TAILGATE_TEST_CLOCK");

    if (!text) {
        return true;
    }
    test_clock.simulated = true;
    return read_number(&text, ',', &test_clock.real_base) &&
           read_number(&text, ',', &test_clock.virtual_base) &&
           read_number(&text, '\0', &test_clock.speed) && test_clock.speed >= 1 &&
           test_clock.speed <= SPEED_MAX;
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
