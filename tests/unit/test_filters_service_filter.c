/* SPDX-License-Identifier: Apache-2.0 */
/* When the service may be asked to leave events out.  What it then leaves out is tried in
 * tests/differential/test_service_filter.py. */
#include "tests/unit/test_filters_data.h"

#include "filters/pattern.h"
#include "filters/service_filter.h"

static void add(struct rules *rules, const char *name, const char *filter, const char *outside)
{
    const struct rule_spec spec = {
        .name = name, .filter = filter, .outside = &outside, .outside_count = outside ? 1 : 0
    };
    struct rule_error error;

    assert_true(rules_add(rules, &spec, &error));
}

static void test_when(void **state)
{
    struct networks *networks = networks_new();
    struct rules *rules = rules_new(networks);
    struct network_error error;
    struct block block;
    (void)state;

    assert_non_null(rules);
    assert_true(block_parse((struct slice){ "10.0.0.0/8", 10 }, &block, &error));
    assert_true(networks_add(networks, "vpc", &block, &error));
    add(rules, "outside", NULL, "vpc");
    add(rules, "outside-and-text", "root", "vpc");
    for (unsigned format = 0; format < FORMATS_COUNT; format++) {
        const char *filter = service_filter(rules, (enum format)format);

        assert_int_equal(filter != NULL, format == FORMAT_MYSQL);
        assert_true(!filter || strlen(filter) <= PATTERN_LENGTH_MAX);
    }
    add(rules, "text", "CONNECT -localhost", NULL);
    assert_null(service_filter(rules, FORMAT_MYSQL));
    rules_free(rules);
    networks_free(networks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_when),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
