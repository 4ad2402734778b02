/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, blocks and networks. */
#include "tests/unit/test_filters_data.h"

#include "filters/network.h"

/* blocks.txt: "address" TEXT CANONICAL, "block" TEXT CANONICAL, or either with "!" OFFSET
 * WORDS-OF-THE-ERROR. */
static void test_texts(void **state)
{
    struct data data;
    (void)state;

    data_open(&data, "blocks.txt");
    while (data_next(&data)) {
        struct slice text = data_bytes(data.field[1]);
        bool want = strcmp(data.field[2], "!") != 0, got;
        struct network_error error = { 0 };
        struct block block = { .bits = 128 };
        char printed[ADDRESS_TEXT_MAX + 8] = "", address[ADDRESS_TEXT_MAX];

        if (strcmp(data.field[0], "address") == 0) {
            got = address_parse(text, &block.address);
        } else {
            got = block_parse(text, &block, &error);
        }
        data_free(text);
        if (got != want) {
            fail_msg("%s:%u: %s", data.path, data.line, got ? "accepted" : "refused");
        }
        if (!got && data.count > 3 &&
            (error.offset != strtoul(data.field[3], NULL, 10) ||
             !strstr(error.text, data.field[4]))) {
            fail_msg("%s:%u: at %zu: %s", data.path, data.line, error.offset, error.text);
        }
        if (!got) {
            continue;
        }
        address_format(&block.address, address);
        (void)snprintf(printed, sizeof printed,
                       strcmp(data.field[0], "address") == 0 ? "%s" : "%s %u", address, block.bits);
        if (strcmp(printed, data.field[2]) != 0) {
            fail_msg("%s:%u: %s", data.path, data.line, printed);
        }
    }
    data_close(&data);
}

static struct address address_of(const char *text)
{
    struct address address;

    assert_true(address_parse((struct slice){ text, strlen(text) }, &address));
    return address;
}

static struct block block_of(const char *text)
{
    struct network_error error;
    struct block block;

    if (!block_parse((struct slice){ text, strlen(text) }, &block, &error)) {
        fail_msg("%s: %s", text, error.text);
    }
    return block;
}

static void add(struct networks *networks, const char *name, const char *text)
{
    struct block block = block_of(text);
    struct network_error error;

    if (!networks_add(networks, name, &block, &error)) {
        fail_msg("%s: %s", text, error.text);
    }
}

static bool holds(const struct networks *networks, const char *name, const char *text)
{
    struct address address = address_of(text);

    return networks_contains(networks, networks_find(networks, name), &address);
}

static void test_contains(void **state)
{
    struct networks *networks = networks_new();
    (void)state;

    assert_non_null(networks);
    assert_int_equal(networks_count(networks), 0);
    add(networks, "vpc", "172.31.0.0/16");
    add(networks, "vpc", "2001:db8:5::/48");
    add(networks, "vpc", "10.1.0.0/16");
    add(networks, "vpc", "10.0.0.0/8"); /* takes the one before it in */
    add(networks, "vpc", "10.2.3.4");
    add(networks, "office", "203.0.113.64/26");
    add(networks, "office", "203.0.113.7");
    add(networks, "six", "::/0");
    add(networks, "four", "0.0.0.0/0");
    assert_int_equal(networks_count(networks), 4);
    assert_string_equal(networks_name(networks, 1), "office");
    assert_int_equal(networks_find(networks, "offic"), SIZE_MAX);

    assert_true(holds(networks, "vpc", "172.31.0.0"));
    assert_true(holds(networks, "vpc", "172.31.255.255"));
    assert_true(holds(networks, "vpc", "::ffff:172.31.1.2"));
    assert_true(holds(networks, "vpc", "10.200.0.1"));
    assert_true(holds(networks, "vpc", "2001:db8:5:ffff::1"));
    assert_false(holds(networks, "vpc", "172.30.255.255"));
    assert_false(holds(networks, "vpc", "172.32.0.0"));
    assert_false(holds(networks, "vpc", "11.0.0.0"));
    assert_false(holds(networks, "vpc", "9.255.255.255"));
    assert_false(holds(networks, "vpc", "203.172.31.9"));
    assert_false(holds(networks, "vpc", "2001:db8:6::"));
    assert_false(holds(networks, "vpc", "::"));
    assert_true(holds(networks, "office", "203.0.113.7"));
    assert_false(holds(networks, "office", "203.0.113.8"));
    assert_true(holds(networks, "office", "203.0.113.64"));
    assert_true(holds(networks, "office", "203.0.113.127"));
    assert_false(holds(networks, "office", "203.0.113.128"));
    /* All of one family is nothing of the other. */
    assert_true(holds(networks, "six", "ffff::1"));
    assert_false(holds(networks, "six", "10.0.0.1"));
    assert_true(holds(networks, "four", "255.255.255.255"));
    assert_false(holds(networks, "four", "2001:db8::1"));
    networks_free(networks);
}

/* Blocks put in in any order must answer as a plain look at each of them does. */
static void test_many_blocks(void **state)
{
    struct networks *networks = networks_new();
    struct block blocks[300];
    uint32_t seed = 20261122;
    (void)state;

    assert_non_null(networks);
    for (unsigned i = 0; i < 300; i++) {
        char text[64];
        unsigned bits = 18 + i % 15;
        uint32_t value;

        seed = seed * 1664525 + 1013904223;
        value = (10u << 24 | seed >> 12) & ~(bits == 32 ? 0 : UINT32_MAX >> bits);
        (void)snprintf(text, sizeof text, "%u.%u.%u.%u/%u", value >> 24, value >> 16 & 255,
                       value >> 8 & 255, value & 255, bits);
        add(networks, "many", text);
        blocks[i] = block_of(text);
    }
    for (size_t i = 0; i < 20000; i++) {
        struct address address = { .bytes = { [10] = 0xff, [11] = 0xff, [12] = 10 } };
        bool want = false;

        seed = seed * 1664525 + 1013904223;
        address.bytes[13] = (uint8_t)(seed >> 28);
        address.bytes[14] = (uint8_t)(seed >> 20);
        address.bytes[15] = (uint8_t)(seed >> 12);
        for (size_t j = 0; j < 300; j++) {
            want = want || block_contains(&blocks[j], &address);
        }
        assert_int_equal(networks_contains(networks, 0, &address), want);
    }
    networks_free(networks);
}

static void test_limits(void **state)
{
    struct networks *networks = networks_new();
    struct block block = block_of("10.0.0.1");
    struct network_error error;
    char name[NETWORK_NAME_MAX + 2];
    (void)state;

    assert_non_null(networks);
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_false(networks_add(networks, name, &block, &error));
    assert_false(networks_add(networks, "", &block, &error));
    for (unsigned i = 0; i < NETWORK_BLOCKS_MAX; i++) {
        block.address.bytes[14] = (uint8_t)(i >> 7);
        block.address.bytes[15] =
            (uint8_t)(i << 1); /* every second address: none can join another */
        assert_true(networks_add(networks, "full", &block, &error));
    }
    block.address.bytes[13] = 1;
    assert_false(networks_add(networks, "full", &block, &error));
    assert_non_null(strstr(error.text, "4096"));
    for (int i = 1; i < NETWORKS_MAX; i++) {
        (void)snprintf(name, sizeof name, "n%d", i);
        assert_true(networks_add(networks, name, &block, &error));
    }
    assert_false(networks_add(networks, "one-more", &block, &error));
    assert_non_null(strstr(error.text, "64"));
    networks_free(networks);
    networks_free(NULL);
}

static void test_loopback(void **state)
{
    static const char *const yes[] = { "127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1" };
    static const char *const no[] = {
        "126.0.0.1", "128.0.0.1", "::", "::2", "7f00::", "::127.0.0.1"
    };
    (void)state;

    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        struct address address = address_of(yes[i]);
        assert_true(address_is_loopback(&address));
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        struct address address = address_of(no[i]);
        assert_false(address_is_loopback(&address));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),       cmocka_unit_test(test_contains),
        cmocka_unit_test(test_many_blocks), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
