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
#include "filters/slice.h"

static char path[] = "/tmp/tailgate-lines-XXXXXX";
static bool map; /* shown instead of read */

/* Writes `len` bytes into a fresh file and opens it; *file: to change it with. */
static struct lines *lines_and_file(const char *data, size_t len, int *file)
{
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    *file = mkstemp(path);
    assert_true(*file >= 0);
    assert_int_equal(write(*file, data, len), (ssize_t)len);
    struct lines *lines = lines_open(path);
    unlink(path);
    assert_non_null(lines);
    if (map) {
        lines_map(lines);
    }
    return lines;
}

static struct lines *lines_of(const char *data, size_t len)
{
    int file;
    struct lines *lines = lines_and_file(data, len, &file);

    close(file);
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

/* Lines of all lengths over several reads and windows, taken one by one and many at once. */
static void nothing_is_left_out(void **state)
{
    const size_t len = 5 * 1024 * 1024 + 321;
    char *data = malloc(len);
    struct slice text;
    struct line line;
    uint64_t at = 0, offset, seed = 1;

    (void)state;
    assert_non_null(data);
    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        data[i] = (seed >> 40) % 90 == 0 ? '\n' : (char)('a' + (seed >> 50) % 26);
    }
    struct lines *lines = lines_of(data, len);
    while (lines_next(lines, &line) == 1) {
        assert_int_equal(line.offset, at);
        assert_memory_equal(line.data, data + at, line.len);
        at += line.len;
        assert_true(at == len || data[at] == '\n');
        at += at < len;
        if (at % 3 == 0) {
            text.len = lines_take(lines, &text.data, &offset);
            assert_int_equal(offset, at);
            assert_memory_equal(text.data, data + at, text.len);
            at += text.len;
        }
    }
    assert_int_equal(at, len);
    expect_end(lines);
    free(data);
}

/* What is written while the file is read is read, too. */
static void a_file_that_grows(void **state)
{
    int file;
    struct lines *lines = lines_and_file("one\ntw", 6, &file);

    (void)state;
    expect(lines, "one", 3, 0);
    assert_int_equal(write(file, "o\nthree\n", 8), 8);
    expect(lines, "two", 3, 4);
    expect(lines, "three", 5, 8);
    expect_end(lines);
    close(file);
}

/* What is gone is not made up. */
static void a_file_that_is_cut(void **state)
{
    const size_t len = 3 * 1024 * 1024;
    char *data = malloc(len);
    struct line line;
    int file, step;

    (void)state;
    assert_non_null(data);
    memset(data, 'a', len);
    for (size_t i = 99; i < len; i += 100) {
        data[i] = '\n';
    }
    struct lines *lines = lines_and_file(data, len, &file);
    expect(lines, data, 99, 0);
    assert_true(lines_whole(lines));
    assert_int_equal(ftruncate(file, 10), 0);
    while ((step = lines_next(lines, &line)) == 1) {
        assert_in_range(line.len, 1, 99);
        assert_memory_equal(line.data, data, line.len);
    }
    assert_int_equal(step, -1);
    assert_non_null(strstr(lines_problem(lines), "was cut"));
    lines_close(lines);
    close(file);
    /* The next file is read as if nothing had been. */
    lines = lines_of("one\n", 4);
    expect(lines, "one", 3, 0);
    expect_end(lines);
    free(data);
}

static int shown(void **state)
{
    (void)state;
    map = true;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(long_lines_come_whole_and_endless_ones_in_pieces),
        cmocka_unit_test(nothing_is_left_out),
        cmocka_unit_test(a_file_that_grows),
        cmocka_unit_test(a_file_that_is_cut),
        cmocka_unit_test(what_is_not_there_says_so),
        cmocka_unit_test_setup(every_byte_counts, shown),
        cmocka_unit_test(long_lines_come_whole_and_endless_ones_in_pieces),
        cmocka_unit_test(nothing_is_left_out),
        cmocka_unit_test(a_file_that_grows),
        cmocka_unit_test(a_file_that_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
