/* SPDX-License-Identifier: Apache-2.0 */
/* The host field. */
#include "tests/unit/test_filters_data.h"

#include "filters/host.h"

static const char *const kinds[] = { "empty", "local", "address", "derived", "name" };

/* hosts.txt: HOST KIND ADDRESS-or-"-" PORT-or-"-". */
static void test_hosts(void **state)
{
    struct data data;
    (void)state;

    data_open(&data, "hosts.txt");
    while (data_next(&data)) {
        struct slice text = data_bytes(data.field[0]);
        struct host host = host_read(text);
        static const struct address none;
        char address[ADDRESS_TEXT_MAX] = "-", port[16] = "-";

        data_free(text);
        if (memcmp(&host.address, &none, sizeof none) != 0) {
            address_format(&host.address, address);
        }
        if (host.port >= 0) {
            (void)snprintf(port, sizeof port, "%d", host.port);
        }
        if (strcmp(kinds[host.kind], data.field[1]) != 0 || strcmp(address, data.field[2]) != 0 ||
            strcmp(port, data.field[3]) != 0) {
            fail_msg("%s:%u: read as %s %s %s", data.path, data.line, kinds[host.kind], address,
                     port);
        }
    }
    data_close(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_hosts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
