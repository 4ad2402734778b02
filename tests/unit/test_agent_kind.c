/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of what findings fold together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "agent/kind.h"

static struct store_bytes words(const char *text)
{
    return (struct store_bytes){ text, text ? strlen(text) : 0 };
}

/* One finding, by the columns that may count. */
struct row {
    int64_t source;
    const char *rule, *kind, *operation, *address, *host, *outcome, *user, *true_client;
};

static void key_of(const struct row *row, bool coarse, uint8_t key[static KIND_KEY_SIZE])
{
    struct finding finding = {
        .source = row->source,
        .rule = words(row->rule),
        .kind = words(row->kind),
        .operation = words(row->operation),
        .address = words(row->address),
        .host = words(row->host),
        .outcome = words(row->outcome),
        .user = words(row->user),
        .true_client = words(row->true_client),
    };

    kind_key(&finding, coarse, key);
}

#define IP(address, outcome, user)                                                                 \
    {                                                                                              \
        1, "r", "connection", "CONNECT", address, address, outcome, user, NULL                     \
    }
#define NAMED(host, outcome, user)                                                                 \
    {                                                                                              \
        1, "r", "connection", "CONNECT", NULL, host, outcome, user, NULL                           \
    }
#define FORGED(kind, host, outcome, user, client)                                                  \
    {                                                                                              \
        1, "r", kind, "CONNECT", host, host, outcome, user, client                                 \
    }

static const struct {
    int line;
    struct row a, b;
    bool fold, fold_coarse;
} cases[] = {
#define CASE __LINE__
    /* Who failed counts by where from. */
    { CASE, IP("203.0.113.9", "failure", "a"), IP("203.0.113.9", "failure", "b"), true, true },
    { CASE, IP("203.0.113.9", "failure", "a"), IP("203.0.113.9", "unknown", "a"), true, true },
    { CASE, IP("203.0.113.9", "failure", "a"), IP("203.0.113.8", "failure", "a"), false, true },
    { CASE, IP("203.0.113.9", "failure", "a"), IP("203.1.113.9", "failure", "a"), false, false },
    /* Success, by user as well. */
    { CASE, IP("203.0.113.9", "success", "a"), IP("203.0.113.9", "failure", "a"), false, false },
    { CASE, IP("203.0.113.9", "success", "a"), IP("203.0.113.9", "unknown", "a"), false, false },
    { CASE, IP("203.0.113.9", "success", "a"), IP("203.0.113.9", "success", "a"), true, true },
    { CASE, IP("203.0.113.9", "success", "a"), IP("203.0.113.9", "success", "b"), false, true },
    /* IPv6 by /64, then /32. */
    { CASE, IP("2001:db8:1:2::1", "failure", ""), IP("2001:db8:1:2:3::", "failure", ""), true,
      true },
    { CASE, IP("2001:db8:1:2::1", "failure", ""), IP("2001:db8:1:3::1", "failure", ""), false,
      true },
    { CASE, IP("2001:db8:1:2::1", "failure", ""), IP("2001:db9:1:2::1", "failure", ""), false,
      false },
    { CASE, IP("::ffff:203.0.113.9", "failure", ""), IP("203.0.113.9", "failure", ""), true, true },
    /* Names. */
    { CASE, NAMED("a.example", "failure", ""), NAMED("a.example", "failure", "x"), true, true },
    { CASE, NAMED("a.example", "failure", ""), NAMED("b.example", "failure", ""), false, true },
    { CASE, NAMED("203.0.113.9", "failure", ""), IP("203.0.113.9", "failure", ""), false, false },
    /* Rule and source. */
    { CASE,
      IP("203.0.113.9", "failure", ""),
      { 2, "r", "connection", "CONNECT", "203.0.113.9", "203.0.113.9", "failure", "", NULL },
      false,
      false },
    { CASE,
      IP("203.0.113.9", "failure", ""),
      { 1, "s", "connection", "CONNECT", "203.0.113.9", "203.0.113.9", "failure", "", NULL },
      false,
      false },
    /* What is told; a row of an old version says so by its operation alone. */
    { CASE,
      IP("203.0.113.9", "failure", ""),
      { 1, "r", NULL, "CONNECT", "203.0.113.9", "203.0.113.9", "failure", "", NULL },
      true,
      true },
    { CASE,
      { 1, "r", "pattern", NULL, NULL, NULL, "unknown", NULL, NULL },
      { 1, "r", NULL, NULL, NULL, NULL, "unknown", NULL, NULL },
      true,
      true },
    { CASE,
      { 1, "r", "fragment", NULL, NULL, NULL, "unknown", NULL, NULL },
      { 1, "r", "pattern", NULL, NULL, NULL, "unknown", NULL, NULL },
      false,
      false },
    { CASE,
      { 1, "r", "fragment", NULL, NULL, NULL, "unknown", NULL, NULL },
      { 1, "r", "hostile-name", NULL, NULL, NULL, "unknown", NULL, NULL },
      false,
      false },
    /* Of what another client wrote, only that client counts. */
    { CASE, FORGED("connection", "8.8.4.4", "success", "a", "203.0.113.9"),
      FORGED("connection", "8.8.8.8", "failure", "b", "203.0.113.9"), true, true },
    { CASE, FORGED("connection", "8.8.4.4", "success", "a", "203.0.113.9"),
      FORGED("forgery", "", "unknown", "", "203.0.113.9"), true, true },
    { CASE, FORGED("connection", "8.8.4.4", "success", "a", "203.0.113.9:5001"),
      FORGED("connection", "8.8.4.4", "success", "a", "203.0.113.9:5002"), true, true },
    { CASE, FORGED("connection", "8.8.4.4", "success", "a", "203.0.113.9"),
      FORGED("connection", "8.8.4.4", "success", "a", "203.0.113.8"), false, true },
    { CASE, FORGED("connection", "8.8.4.4", "success", "a", "a.example"),
      FORGED("connection", "8.8.4.4", "success", "a", "b.example"), false, true },
    { CASE, FORGED("connection", "8.8.4.4", "failure", "a", "203.0.113.9"),
      IP("203.0.113.9", "failure", "a"), false, false },
#undef CASE
};

static void folding(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int coarse = 0; coarse < 2; coarse++) {
            uint8_t a[KIND_KEY_SIZE], b[KIND_KEY_SIZE];
            bool expected = coarse ? cases[i].fold_coarse : cases[i].fold;

            key_of(&cases[i].a, coarse, a);
            key_of(&cases[i].b, coarse, b);
            if ((memcmp(a, b, KIND_KEY_SIZE) == 0) != expected) {
                fail_msg("%s:%d: coarse %d: not as expected", __FILE__, cases[i].line, coarse);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(folding) };

    return cmocka_run_group_tests_name("kind", tests, NULL, NULL);
}
