/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of any length out of a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/lines.h"

static char path[] = "/tmp/tailgate-lines-XXXXXX";

/* Writes `len` bytes into a fresh file and opens it. */
static struct lines *lines_of(const char *data, size_t len)
{
    struct lines *lines;
    int file;

    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, data, len), (ssize_t)len);
    close(file);
    lines = lines_open(path);
    unlink(path);
    assert_non_null(lines);
    return lines;
}

static void expect(struct lines *lines, const char *data, size_t len, uint64_t offset)
{
    struct line line;

    assert_int_equal(lines_next(lines, &line), 1);
    assert_int_equal(line.len, len);
    assert_memory_equal(line.data, data, len);
    assert_int_equal(line.offset, offset);
    assert_false(line.piece);
}

static void expect_end(struct lines *lines)
{
    struct line line;

    assert_int_equal(lines_next(lines, &line), 0);
    assert_int_equal(lines_next(lines, &line), 0);
    lines_close(lines);
}

static void every_byte_counts(void **state)
{
    struct lines *lines = lines_of("one\n\ntw\0o\r\nlast", 15);

    (void)state;
    expect(lines, "one", 3, 0);
    expect(lines, "", 0, 4);
    expect(lines, "tw\0o\r", 5, 5);
    expect(lines, "last", 4, 11);
    expect_end(lines);
    expect_end(lines_of("", 0));
    lines = lines_of("\n", 1);
    expect(lines, "", 0, 0);
    expect_end(lines);
}

static void long_lines_come_whole_and_endless_ones_in_pieces(void **state)
{
    size_t len = 2 * (size_t)LINES_LINE_MAX + 10;
    char *data = malloc(len);
    struct line line;

    (void)state;
    assert_non_null(data);
    memset(data, 'a', len);
    data[1000000] = '\n';
    struct lines *lines = lines_of(data, len);
    expect(lines, data, 1000000, 0);
    assert_int_equal(lines_next(lines, &line), 1);
    assert_true(line.piece && line.len >= LINES_LINE_MAX && line.offset == 1000001);
    uint64_t seen = line.offset + line.len;
    while (lines_next(lines, &line) == 1) {
        assert_int_equal(line.offset, seen);
        seen += line.len;
    }
    assert_int_equal(seen, len);
    lines_close(lines);
    free(data);
}

static void what_is_not_there_says_so(void **state)
{
    (void)state;
    assert_null(lines_open("/nonexistent/file"));
    struct lines *lines = lines_open("/tmp");
    struct line line;
    assert_true(!lines || lines_next(lines, &line) == -1);
    lines_close(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(long_lines_come_whole_and_endless_ones_in_pieces),
        cmocka_unit_test(what_is_not_there_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
