/* SPDX-License-Identifier: Apache-2.0 */
/* Filter patterns. */
#include "tests/unit/test_filters_data.h"

#include "filters/pattern.h"
#include "filters/pattern_implies.h"
#include "filters/pattern_lines.h"
#include "filters/pattern_lint.h"

/* PATTERN MESSAGE yes-or-no. */
static void check_matches(const char *name)
{
    struct pattern_scratch *scratch = pattern_scratch_new();
    struct data data;

    assert_non_null(scratch);
    data_open(&data, name);
    while (data_next(&data)) {
        struct slice text = data_bytes(data.field[0]), message = data_bytes(data.field[1]);
        const char *answers[] = {
            [PATTERN_NO] = "no", [PATTERN_YES] = "yes", [PATTERN_UNDECIDED] = "undecided"
        };
        struct pattern_error error;
        struct pattern *pattern = pattern_parse(text, &error);

        data_free(text); /* a pattern keeps nothing of it */
        if (!pattern) {
            fail_msg("%s:%u: refused at %zu: %s", data.path, data.line, error.offset, error.text);
        }
        const char *answer = answers[pattern_match(pattern, scratch, message)];
        if (strcmp(answer, data.field[2]) != 0) {
            fail_msg("%s:%u: %s, must be %s", data.path, data.line, answer, data.field[2]);
        }
        pattern_free(pattern);
        data_free(message);
    }
    data_close(&data);
    pattern_scratch_free(scratch);
}

static void test_terms(void **state)
{
    (void)state;
    check_matches("pattern-terms.txt");
}

static void test_regex(void **state)
{
    (void)state;
    check_matches("pattern-regex.txt");
}

static void test_space(void **state)
{
    (void)state;
    check_matches("pattern-space.txt");
}

static void test_json(void **state)
{
    (void)state;
    check_matches("pattern-json.txt");
}

#define LINES_TEXT_MAX (64 * 1024)

/* All messages of a file that fit and hold no LF, as lines. */
static size_t read_lines(const char *name, char *out)
{
    struct data data;
    size_t used = 0;

    data_open(&data, name);
    while (data_next(&data)) {
        struct slice message = data_bytes(data.field[1]);

        if (used + message.len < LINES_TEXT_MAX && !memchr(message.data, '\n', message.len)) {
            memcpy(out + used, message.data, message.len);
            used += message.len;
            out[used++] = '\n';
        }
        data_free(message);
    }
    data_close(&data);
    return used;
}

/* Walking over lines finds what asking of each does. */
static void check_walk(const struct pattern *pattern, struct slice text, const char *where)
{
    struct pattern_scratch *scratch = pattern_scratch_new(), *other = pattern_scratch_new();
    struct pattern_lines lines;
    enum pattern_answer answer = PATTERN_NO;
    struct slice line;

    assert_true(scratch && other);
    pattern_lines_begin(&lines, pattern, scratch, text);
    bool found = pattern_lines_next(&lines, &line, &answer);
    for (size_t at = 0; at < text.len;) {
        const char *lf = memchr(text.data + at, '\n', text.len - at);
        size_t len = lf ? (size_t)(lf - text.data) - at : text.len - at;
        bool here = found && line.data == text.data + at && line.len == len;
        enum pattern_answer want =
            pattern_match(pattern, other, (struct slice){ text.data + at, len });

        if (want != (here ? answer : PATTERN_NO)) {
            fail_msg("%s: of the line %.*s", where, (int)len, text.data + at);
        }
        found = here ? pattern_lines_next(&lines, &line, &answer) : found;
        at += len + 1;
    }
    assert_false(found);
    pattern_scratch_free(scratch);
    pattern_scratch_free(other);
}

static void check_lines(const char *name)
{
    char *text = malloc(LINES_TEXT_MAX), where[600];
    struct pattern_error error;
    struct data data;

    assert_non_null(text);
    struct slice all = { text, read_lines(name, text) };
    data_open(&data, name);
    while (data_next(&data)) {
        struct slice pattern_text = data_bytes(data.field[0]);
        struct pattern *pattern = pattern_parse(pattern_text, &error);

        assert_non_null(pattern);
        (void)snprintf(where, sizeof where, "%s:%u", data.path, data.line);
        check_walk(pattern, all, where);
        check_walk(pattern, (struct slice){ text, all.len - 1 }, where);
        pattern_free(pattern);
        data_free(pattern_text);
    }
    data_close(&data);
    free(text);
}

static void test_lines(void **state)
{
    static const char *const names[] = { "pattern-terms.txt", "pattern-regex.txt",
                                         "pattern-space.txt", "pattern-json.txt" };
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_lines(names[i]);
    }
}

/* pattern-refused.txt: PATTERN OFFSET WORDS-OF-THE-ERROR; the last two may be left out. */
static void test_refusals(void **state)
{
    struct data data;
    (void)state;

    data_open(&data, "pattern-refused.txt");
    while (data_next(&data)) {
        struct slice text = data_bytes(data.field[0]);
        struct pattern_error error = { .offset = SIZE_MAX };
        struct pattern *pattern = pattern_parse(text, &error);

        if (pattern) {
            fail_msg("%s:%u: accepted", data.path, data.line);
        }
        assert_true(error.offset <= text.len);
        assert_true(strlen(error.text) > 10);
        data_free(text);
        if (data.count > 2 && (error.offset != strtoul(data.field[1], NULL, 10) ||
                               !strstr(error.text, data.field[2]))) {
            fail_msg("%s:%u: at %zu: %s", data.path, data.line, error.offset, error.text);
        }
    }
    data_close(&data);
}

/* pattern-lint.txt: PATTERN OFFSET WORDS, or PATTERN and "-". */
static void test_lint(void **state)
{
    struct pattern_warning warnings[PATTERN_WARNINGS_MAX];
    struct pattern_error error;
    struct data data;
    (void)state;

    data_open(&data, "pattern-lint.txt");
    while (data_next(&data)) {
        struct slice text = data_bytes(data.field[0]);
        struct pattern *pattern = pattern_parse(text, &error);

        assert_non_null(pattern);
        size_t count = pattern_lint(pattern, text, warnings);
        bool found = data.count == 2 && count == 0;
        for (size_t i = 0; i < count && data.count > 2; i++) {
            found = found || (warnings[i].offset == strtoul(data.field[1], NULL, 10) &&
                              strstr(warnings[i].text, data.field[2]));
        }
        if (!found) {
            fail_msg("%s:%u: %zu warnings, the first at %zu: %s", data.path, data.line, count,
                     count > 0 ? warnings[0].offset : 0, count > 0 ? warnings[0].text : "");
        }
        pattern_free(pattern);
        data_free(text);
    }
    data_close(&data);
}

/* pattern-implies.txt: STRONGER WEAKER yes-or-no. */
static void test_implies(void **state)
{
    struct data data;
    (void)state;

    data_open(&data, "pattern-implies.txt");
    while (data_next(&data)) {
        struct slice strong_text = data_bytes(data.field[0]), weak_text = data_bytes(data.field[1]);
        struct pattern_error error;
        struct pattern *strong = pattern_parse(strong_text, &error);
        struct pattern *weak = pattern_parse(weak_text, &error);

        data_free(strong_text);
        data_free(weak_text);
        assert_true(strong && weak);
        if (pattern_implies(strong, weak) != (strcmp(data.field[2], "yes") == 0)) {
            fail_msg("%s:%u: must be %s", data.path, data.line, data.field[2]);
        }
        pattern_free(strong);
        pattern_free(weak);
    }
    data_close(&data);
}

#define PATTERNS_MAX 400

/* The different patterns of a file. */
static size_t read_patterns(const char *name, struct pattern **out)
{
    struct data data;
    char last[2 * PATTERN_LENGTH_MAX] = "?";
    size_t count = 0;

    data_open(&data, name);
    while (data_next(&data) && count < PATTERNS_MAX) {
        struct slice text = data_bytes(data.field[0]);
        struct pattern_error error;

        if (strcmp(last, data.field[0]) != 0) {
            (void)snprintf(last, sizeof last, "%s", data.field[0]);
            out[count] = pattern_parse(text, &error);
            assert_non_null(out[count]);
            count++;
        }
        data_free(text);
    }
    data_close(&data);
    return count;
}

/* Of any two patterns of the tests: one that is said to imply the other does so on every message.
 */
static void check_proofs(const char *name, size_t *proved)
{
    static struct pattern *patterns[PATTERNS_MAX];
    struct pattern_scratch *scratch = pattern_scratch_new();
    char *text = malloc(LINES_TEXT_MAX);
    size_t count = read_patterns(name, patterns);

    assert_true(scratch && text);
    struct slice all = { text, read_lines(name, text) };
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            if (i == k || !pattern_implies(patterns[i], patterns[k])) {
                continue;
            }
            ++*proved;
            for (size_t at = 0; at < all.len;) {
                size_t len =
                    (size_t)((const char *)memchr(text + at, '\n', all.len - at) - text) - at;
                struct slice line = { text + at, len };

                if (pattern_match(patterns[i], scratch, line) == PATTERN_YES) {
                    assert_int_not_equal(pattern_match(patterns[k], scratch, line), PATTERN_NO);
                }
                at += len + 1;
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        pattern_free(patterns[i]);
    }
    free(text);
    pattern_scratch_free(scratch);
}

static void test_proofs(void **state)
{
    size_t proved = 0;
    (void)state;

    check_proofs("pattern-terms.txt", &proved);
    check_proofs("pattern-regex.txt", &proved);
    check_proofs("pattern-json.txt", &proved);
    assert_true(proved > 50);
}

/* The longest list of terms there can be, and text past the end of which nothing may be read. */
static void test_limits(void **state)
{
    char text[PATTERN_LENGTH_MAX + 1];
    struct pattern_error error;
    struct pattern_scratch *scratch = pattern_scratch_new();
    struct pattern *pattern;
    size_t size = 4 << 20;
    char *message = malloc(size);
    (void)state;

    assert_non_null(message);
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = "-a"[i % 2];
    }
    pattern = pattern_parse((struct slice){ text, PATTERN_LENGTH_MAX }, &error);
    assert_non_null(pattern);
    memset(message, 'b', size);
    assert_int_equal(pattern_match(pattern, scratch, (struct slice){ message, size }), PATTERN_YES);
    message[size - 1] = 'a';
    assert_int_equal(pattern_match(pattern, scratch, (struct slice){ message, size }), PATTERN_NO);
    assert_int_equal(pattern_match(pattern, scratch, (struct slice){ NULL, 0 }), PATTERN_YES);
    pattern_free(pattern);
    assert_null(pattern_parse((struct slice){ text, sizeof text }, &error));
    assert_int_equal(error.offset, PATTERN_LENGTH_MAX);
    pattern_free(NULL);
    pattern_scratch_free(scratch);
    pattern_scratch_free(NULL);
    free(message);
}

/* Texts made to be tried on for long: answered where one way through is enough, else undecided, and
 * soon. */
static void test_long_texts(void **state)
{
    static const struct {
        const char *pattern, *unit;
        size_t times;
        const char *tail;
        enum pattern_answer answer;
    } cases[] = {
        { "%,CONNECT,.+,1045$%", ",CONNECT,prod,,0 ", 1200, "\" 1045 ',0", PATTERN_NO },
        { "%,CONNECT,.{1,},1045$%", ",CONNECT,prod,,0 ", 1200, "\" 1045 ',0", PATTERN_NO },
        { "%,CONNECT,.{2,}?,1045$%", ",CONNECT,prod,,0 ", 1200, ",1045", PATTERN_YES },
        { "%,.+,1045$%", "a,b", 2000, "", PATTERN_NO },
        { "%[a-c]+d[xy]+$%", "abcd", 5000, "cdy", PATTERN_YES },
        { "%a.+bz%", "a", 10000, "", PATTERN_NO },
        { "%x.*a*b%", "x", 100000, "", PATTERN_NO },
        { "%[ab]{3}c%", "ab", 20000, "", PATTERN_NO },
        { "%a{70}b%", "a", 60, "b", PATTERN_NO },
        { "%a{70}b%", "a", 70, "b", PATTERN_YES },
        { "%ab{64,}c|x{2,3}y%", "abb", 100, "xxy", PATTERN_YES },
        { "%a.{0,300}[bc]%", "a", 200000, "", PATTERN_UNDECIDED },
        { "%a{60000}b%", "a", 200000, "", PATTERN_NO },
        { "%[ab]{3000}[xy]%", "a", 200000, "", PATTERN_UNDECIDED },
        { "[..., a=x]", "[ ", 100000, "", PATTERN_NO },
        { "[..., a=x]", "\" ", 100001, "x", PATTERN_YES },
    };
    struct pattern_scratch *scratch = pattern_scratch_new();
    (void)state;

    assert_non_null(scratch);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t unit = strlen(cases[i].unit), tail = strlen(cases[i].tail);
        size_t len = unit * cases[i].times + tail;
        char *text = malloc(len);
        struct pattern_error error;
        struct pattern *pattern =
            pattern_parse((struct slice){ cases[i].pattern, strlen(cases[i].pattern) }, &error);

        assert_non_null(text);
        assert_non_null(pattern);
        for (size_t at = 0; at < len - tail; at++) {
            text[at] = cases[i].unit[at % unit];
        }
        memcpy(text + len - tail, cases[i].tail, tail);
        enum pattern_answer answer = pattern_match(pattern, scratch, (struct slice){ text, len });
        if (answer != cases[i].answer) {
            fail_msg("%s on many '%s': %d, must be %d", cases[i].pattern, cases[i].unit,
                     (int)answer, (int)cases[i].answer);
        }
        pattern_free(pattern);
        free(text);
    }
    pattern_scratch_free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terms),      cmocka_unit_test(test_regex),
        cmocka_unit_test(test_space),      cmocka_unit_test(test_json),
        cmocka_unit_test(test_lines),      cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_lint),       cmocka_unit_test(test_implies),
        cmocka_unit_test(test_proofs),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
