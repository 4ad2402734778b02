/* SPDX-License-Identifier: Apache-2.0 */
/* Problems: setting them, and how long to wait after them. */
#include "agent/aws/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Takes away a character of UTF-8 whose last bytes did not fit. */
static void drop_partial_character(char *text, size_t len)
{
    size_t tail = 0;

    while (tail < 3 && tail < len && ((unsigned char)text[len - 1 - tail] & 0xC0) == 0x80) {
        tail++;
    }
    if (tail < len) {
        unsigned char lead = (unsigned char)text[len - 1 - tail];
        size_t wanted = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
        if (wanted > tail) {
            text[len - 1 - tail] = '\0';
        }
    }
}

void aws_error_set(struct aws_error *error, enum aws_problem problem, const char *format, ...)
{
    va_list arguments;

    error->problem = problem;
    error->http_status = 0;
    error->code[0] = '\0';
    va_start(arguments, format);
    int len = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    if (len < 0) {
        error->text[0] = '\0';
    } else if ((size_t)len >= sizeof error->text) {
        drop_partial_character(error->text, sizeof error->text - 1);
    }
}

bool aws_problem_passes(enum aws_problem problem)
{
    switch (problem) {
    case AWS_THROTTLED:
    case AWS_UNAVAILABLE:
    case AWS_EXPIRED:
    case AWS_SKEWED:
    case AWS_BAD_ANSWER:
    case AWS_BAD_TOKEN:
        return true;
    case AWS_OK:
    case AWS_NO_CREDENTIALS:
    case AWS_REFUSED:
    case AWS_DENIED:
    case AWS_NOT_FOUND:
    case AWS_INVALID:
    case AWS_FAILED:
        return false;
    }
    return false;
}

bool aws_problem_mended(enum aws_problem problem)
{
    return problem == AWS_EXPIRED || problem == AWS_SKEWED || problem == AWS_BAD_TOKEN;
}

bool aws_problem_refusal(enum aws_problem problem)
{
    return problem == AWS_DENIED || problem == AWS_REFUSED || problem == AWS_NO_CREDENTIALS;
}

int64_t aws_retry_delay_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms, uint32_t random)
{
    int64_t ceiling = base_ms;

    while (attempt > 0 && ceiling < cap_ms) {
        attempt--;
        ceiling = ceiling > cap_ms / 2 ? cap_ms : ceiling * 2;
    }
    if (ceiling > cap_ms) {
        ceiling = cap_ms;
    }
    if (ceiling <= 0) {
        return 0;
    }
    if (ceiling > INT32_MAX) {
        ceiling = INT32_MAX; /* 24 days, and the product below fits */
    }
    return (int64_t)(((uint64_t)random * ((uint64_t)ceiling + 1)) >> 32);
}
