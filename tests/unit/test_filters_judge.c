/* SPDX-License-Identifier: Apache-2.0 */
/* Rules, and events judged by them. */
#include "tests/unit/test_filters_data.h"

#include "filters/rule.h"

/* The words of a list apart by commas, in a copy. */
struct words {
    char copy[256];
    const char *word[8];
    size_t count;
};

static void split(struct words *words, const char *text)
{
    char *save = NULL;

    (void)snprintf(words->copy, sizeof words->copy, "%s", text);
    for (char *word = strtok_r(words->copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        words->word[words->count++] = word;
    }
}

struct setting {
    struct networks *networks;
    struct rules *rules;
    struct judge *judge;
};

static void begin(struct setting *setting)
{
    setting->networks = networks_new();
    assert_non_null(setting->networks);
    setting->rules = rules_new(setting->networks);
    assert_non_null(setting->rules);
    setting->judge = judge_new(setting->rules);
    assert_non_null(setting->judge);
}

static void end(struct setting *setting)
{
    judge_free(setting->judge);
    rules_free(setting->rules);
    networks_free(setting->networks);
}

static void add_network(struct setting *setting, const char *name, const char *text)
{
    struct network_error error;
    struct block block;

    assert_true(block_parse((struct slice){ text, strlen(text) }, &block, &error));
    assert_true(networks_add(setting->networks, name, &block, &error));
}

static bool add_rule(struct setting *setting, const char *name, const char *outside,
                     const char *filter, const char *severity, struct rule_error *error)
{
    struct rule_spec spec = { .name = name, .filter = *filter ? filter : NULL };
    struct words words = { .count = 0 };

    split(&words, outside);
    spec.outside = words.word;
    spec.outside_count = words.count;
    assert_true(severity_parse(severity, &spec.severity));
    return rules_add(setting->rules, &spec, error);
}

/* A hit in words: RULE LINE VERDICT OUTCOME SEVERITY MARKS, and for a connection OPERATION ID HOST.
 */
static char *hit_text(const struct setting *setting, const struct hit *hit)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    const char *comma = "";

    assert_non_null(out);
    (void)fprintf(out, "%s %u %s %s %s ", rules_name(setting->rules, hit->rule), hit->line,
                  verdict_name(hit->verdict), outcome_name(hit->outcome),
                  severity_name(hit->severity));
    if (hit->marks == 0) {
        (void)fputc('-', out);
    }
    for (unsigned i = 0; mark_name(i); i++) {
        if ((hit->marks >> i & 1) != 0) {
            (void)fprintf(out, "%s%s", comma, mark_name(i));
            comma = ",";
        }
    }
    if (hit->record->kind == RECORD_CONNECTION) {
        const struct candidate *candidate = &hit->record->candidates[hit->candidate];

        (void)fprintf(out, " %s %lld ", operation_name(candidate->operation),
                      (long long)candidate->connection_id);
        data_write(out, candidate->host);
    }
    (void)fclose(out);
    return text;
}

/* judge.txt: EVENT, then each hit.  "!new" begins anew, "!network NAME BLOCK", "!rule NAME OUTSIDE
 * FILTER SEVERITY". */
static void test_events(void **state)
{
    struct setting setting;
    struct data data;
    (void)state;

    begin(&setting);
    data_open(&data, "judge.txt");
    while (data_next(&data)) {
        const struct hit *hit;
        struct slice event;
        size_t field = 1;

        if (strcmp(data.field[0], "!new") == 0) {
            end(&setting);
            begin(&setting);
            continue;
        }
        if (strcmp(data.field[0], "!network") == 0) {
            add_network(&setting, data.field[1], data.field[2]);
            continue;
        }
        if (strcmp(data.field[0], "!rule") == 0) {
            struct rule_error error;

            if (!add_rule(&setting, data.field[1], data.field[2], data.field[3], data.field[4],
                          &error)) {
                fail_msg("%s:%u: %s", data.path, data.line, error.text);
            }
            judge_use(setting.judge, setting.rules);
            continue;
        }
        event = data_bytes(data.field[0]);
        judge_event(setting.judge, event);
        while ((hit = judge_next(setting.judge))) {
            char *text = hit_text(&setting, hit);

            assert_true(hit->text.data >= event.data &&
                        hit->text.data + hit->text.len <= event.data + event.len);
            if (field >= data.count || strcmp(text, data.field[field]) != 0) {
                fail_msg("%s:%u:\njudged as %s\nand not   %s", data.path, data.line, text,
                         field < data.count ? data.field[field] : "at all");
            }
            free(text);
            field++;
        }
        assert_null(judge_next(setting.judge));
        data_free(event);
        if (field < data.count) {
            fail_msg("%s:%u: missed %s", data.path, data.line, data.field[field]);
        }
    }
    data_close(&data);
    end(&setting);
}

static void refused(struct setting *setting, const char *name, const char *outside,
                    const char *filter, enum rule_part part, size_t place, const char *words)
{
    struct rule_error error;
    size_t before = rules_count(setting->rules);

    if (add_rule(setting, name, outside, filter, "by-outcome", &error)) {
        fail_msg("accepted: %s", words);
    }
    assert_int_equal(error.part, part);
    assert_int_equal(part == RULE_PART_OUTSIDE ? error.index : error.offset, place);
    if (!strstr(error.text, words)) {
        fail_msg("%s: without \"%s\"", error.text, words);
    }
    assert_int_equal(rules_count(setting->rules), before);
}

static void test_refused_rules(void **state)
{
    struct setting setting;
    struct rule_error error;
    char name[RULE_NAME_MAX + 2];
    (void)state;

    begin(&setting);
    refused(&setting, "r", "vpc", "", RULE_PART_OUTSIDE, 0, "none is configured");
    add_network(&setting, "vpc", "10.0.0.0/8");
    add_network(&setting, "office", "192.0.2.0/24");
    refused(&setting, "r", "vpc,offce", "", RULE_PART_OUTSIDE, 1, "vpc, office");
    refused(&setting, "r", "", "", RULE_PART_NAME, 0, "needs a filter");
    refused(&setting, "r", "vpc", "a @b", RULE_PART_FILTER, 2, "'@'");
    refused(&setting, "", "vpc", "", RULE_PART_NAME, 0, "1 to 64");
    refused(&setting, "a b", "vpc", "", RULE_PART_NAME, 0, "only ASCII letters");
    refused(&setting, "caf\xc3\xa9", "vpc", "", RULE_PART_NAME, 0, "only ASCII letters");
    memset(name, 'n', sizeof name);
    name[RULE_NAME_MAX + 1] = '\0';
    refused(&setting, name, "vpc", "", RULE_PART_NAME, 0, "1 to 64");
    name[RULE_NAME_MAX] = '\0';
    assert_true(add_rule(&setting, name, "vpc", "", "by-outcome", &error));
    refused(&setting, name, "vpc", "", RULE_PART_NAME, 0, "already");
    for (unsigned i = 1; i < RULES_MAX; i++) {
        (void)snprintf(name, sizeof name, "rule-%u", i);
        assert_true(add_rule(&setting, name, "vpc", "a", "low", &error));
    }
    refused(&setting, "r", "vpc", "", RULE_PART_NAME, 0, "256");
    end(&setting);
    rules_free(NULL);
}

/* A reload keeps what is remembered of the source, and forgets the event in hand. */
static void test_reload(void **state)
{
    static const char row[] = "20261122 14:50:00,s,u,203.0.113.9,6000,0,CONNECT,,,0\n"
                              "20261122 14:50:00,s,u,10.0.0.1,6001,0,CONNECT,,,0\n"
                              "20261122 14:50:00,s,u,10.0.0.1,6002,0,CONNECT,,,0";
    static const char far_away[] =
        "20261122 14:50:00,s,a,10.20.3.4,5,7,QUERY,p,',203.0.113.68,99,0,CONNECT,',0";
    struct setting setting;
    struct rule_error error;
    struct rules *other;
    (void)state;

    begin(&setting);
    add_network(&setting, "vpc", "10.0.0.0/8");
    assert_true(add_rule(&setting, "r", "vpc", "", "by-outcome", &error));
    judge_use(setting.judge, setting.rules);
    assert_null(judge_next(setting.judge));
    judge_event(setting.judge, (struct slice){ row, sizeof row - 1 });
    assert_non_null(judge_next(setting.judge));
    assert_null(judge_next(setting.judge));
    judge_event(setting.judge, (struct slice){ row, sizeof row - 1 });
    other = setting.rules;
    setting.rules = rules_new(setting.networks);
    assert_non_null(setting.rules);
    assert_true(add_rule(&setting, "other", "vpc", "", "by-outcome", &error));
    judge_use(setting.judge, setting.rules);
    rules_free(other);
    assert_null(judge_next(setting.judge));
    judge_event(setting.judge, (struct slice){ far_away, sizeof far_away - 1 });
    assert_null(judge_next(setting.judge)); /* not told: ids are known to be about 6000 */
    judge_event(setting.judge, (struct slice){ NULL, 0 });
    assert_null(judge_next(setting.judge));
    end(&setting);
    judge_free(NULL);
}

static void test_names(void **state)
{
    enum severity severity;
    (void)state;

    for (int i = 0; severity_name((enum severity)i); i++) {
        assert_true(severity_parse(severity_name((enum severity)i), &severity));
        assert_int_equal(severity, i);
    }
    assert_false(severity_parse("High", &severity));
    assert_null(severity_name((enum severity)(SEVERITY_CRITICAL + 1)));
    assert_null(verdict_name((enum verdict)(VERDICT_UNKNOWN + 1)));
    assert_null(outcome_name((enum outcome)(OUTCOME_FAILURE + 1)));
    assert_null(mark_name(MARKS_COUNT));
    assert_string_equal(mark_name(6), "late");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_refused_rules),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
