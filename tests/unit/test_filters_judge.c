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
    struct event event; /* the next one, but for its message */
    int64_t findings;   /* made so far */
};

static void begin(struct setting *setting)
{
    setting->networks = networks_new();
    assert_non_null(setting->networks);
    setting->rules = rules_new(setting->networks);
    assert_non_null(setting->rules);
    setting->judge = judge_new(setting->rules, FORMAT_AUTO);
    assert_non_null(setting->judge);
    setting->event = (struct event){ .time = EVENT_TIME_NONE, .ingested = EVENT_TIME_NONE };
    setting->findings = 0;
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

static void write_marks(FILE *out, unsigned marks)
{
    const char *comma = "";

    if (marks == 0) {
        (void)fputc('-', out);
    }
    for (unsigned i = 0; mark_name(i); i++) {
        if ((marks >> i & 1) != 0) {
            (void)fprintf(out, "%s%s", comma, mark_name(i));
            comma = ",";
        }
    }
}

static void write_change(FILE *out, const struct change *change)
{
    (void)fprintf(out, "%s %lld ", change->withdrawn ? "withdraw" : "change",
                  (long long)change->finding);
    write_marks(out, change->marks);
    if (change->outcome != OUTCOME_UNKNOWN) {
        (void)fprintf(out, " %s %s", outcome_name(change->outcome),
                      change->failure ? change->failure->meaning : "-");
    }
    if (change->true_client.len > 0) {
        (void)fputs(" by ", out);
        data_write(out, change->true_client);
    }
}

/* A hit in words: RULE LINE VERDICT OUTCOME SEVERITY MARKS, and for a connection OPERATION ID HOST;
 * the kind before it if it is another; "by" the true client.  Or a change: FINDING MARKS, an
 * outcome and why, "by" the true client. */
static char *hit_text(const struct setting *setting, const struct hit *hit)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    if (hit->change) {
        write_change(out, hit->change);
        (void)fclose(out);
        return text;
    }
    if (hit->kind != KIND_CONNECTION && hit->kind != KIND_PATTERN) {
        (void)fprintf(out, "%s: ", finding_kind_name(hit->kind));
    }
    (void)fprintf(out, "%s %u %s %s %s ", rules_name(setting->rules, hit->rule), hit->line,
                  verdict_name(hit->verdict), outcome_name(hit->outcome),
                  severity_name(hit->severity));
    write_marks(out, hit->marks);
    if (hit->record->count > 0) {
        const struct candidate *candidate = &hit->record->candidates[hit->candidate];

        (void)fprintf(out, " %s ", operation_name(candidate->operation));
        if (candidate->connection_id == RECORD_NO_ID) {
            (void)fputs("- ", out);
        } else {
            (void)fprintf(out, "%lld ", (long long)candidate->connection_id);
        }
        data_write(out, candidate->host);
    }
    if (hit->true_client.len > 0) {
        (void)fputs(" by ", out);
        data_write(out, hit->true_client);
    }
    (void)fclose(out);
    return text;
}

/* What a file says of the events to come: "!new" begins anew, "!network NAME BLOCK", "!rule NAME
 * OUTSIDE FILTER SEVERITY", "!format NAME" before any event, "!stream N", "!times TIME INGESTED",
 * "!key N" for the next event, "!window" with "on" or "elsewhere", "!apart" with "yes" or "no". */
static bool directive(struct setting *setting, const struct data *data)
{
    const char *word = data->field[0];

    if (*word != '!') {
        return false;
    }
    if (strcmp(word, "!new") == 0) {
        end(setting);
        begin(setting);
    } else if (strcmp(word, "!network") == 0) {
        add_network(setting, data->field[1], data->field[2]);
    } else if (strcmp(word, "!rule") == 0) {
        struct rule_error error;

        assert_int_equal(data->count, 5);
        if (!add_rule(setting, data->field[1], data->field[2], data->field[3], data->field[4],
                      &error)) {
            fail_msg("%s:%u: %s", data->path, data->line, error.text);
        }
        judge_use(setting->judge, setting->rules);
    } else if (strcmp(word, "!format") == 0) {
        unsigned format = 0;

        while (strcmp(format_name(format), data->field[1]) != 0) {
            format++;
        }
        judge_free(setting->judge);
        setting->judge = judge_new(setting->rules, (enum format)format);
        assert_non_null(setting->judge);
    } else if (strcmp(word, "!stream") == 0) {
        setting->event.stream = strtoul(data->field[1], NULL, 10);
    } else if (strcmp(word, "!times") == 0) {
        setting->event.time = strtoll(data->field[1], NULL, 10);
        setting->event.ingested = strtoll(data->field[2], NULL, 10);
    } else if (strcmp(word, "!key") == 0) {
        setting->event.key = strtoul(data->field[1], NULL, 10) - 1;
    } else if (strcmp(word, "!apart") == 0) {
        setting->event.apart = strcmp(data->field[1], "yes") == 0;
    } else if (strcmp(word, "!window") == 0) {
        judge_window(setting->judge, strcmp(data->field[1], "on") == 0);
    } else {
        fail_msg("%s:%u: what is %s?", data->path, data->line, word);
    }
    return true;
}

/* EVENT, then each hit.  `forget`: no event knows of the ones before. */
static void judge_file(const char *name, bool forget)
{
    struct setting setting;
    struct data data;

    begin(&setting);
    data_open(&data, name);
    while (data_next(&data)) {
        const struct hit *hit;
        size_t field = 1;

        if (directive(&setting, &data)) {
            continue;
        }
        if (forget) {
            judge_window(setting.judge, false);
        }
        setting.event.key++;
        setting.event.message = data_bytes(data.field[0]);
        judge_event(setting.judge, &setting.event);
        while ((hit = judge_next(setting.judge))) {
            char *text = hit_text(&setting, hit);

            if (field >= data.count || strcmp(text, data.field[field]) != 0) {
                fail_msg("%s:%u:\njudged as %s\nand not   %s", data.path, data.line, text,
                         field < data.count ? data.field[field] : "at all");
            }
            free(text);
            if (!hit->change) {
                judge_stored(setting.judge, ++setting.findings);
            }
            field++;
        }
        assert_null(judge_next(setting.judge));
        data_free(setting.event.message);
        if (field < data.count) {
            fail_msg("%s:%u: missed %s", data.path, data.line, data.field[field]);
        }
    }
    data_close(&data);
    end(&setting);
}

static void test_events(void **state)
{
    (void)state;
    judge_file("judge.txt", true);
}

/* Rows in the light of those before them. */
static void test_histories(void **state)
{
    (void)state;
    judge_file("histories.txt", false);
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
    setting.event.key = 1;
    setting.event.message = (struct slice){ row, sizeof row - 1 };
    judge_event(setting.judge, &setting.event);
    assert_non_null(judge_next(setting.judge));
    assert_null(judge_next(setting.judge));
    setting.event.key = 1;
    setting.event.message = (struct slice){ row, sizeof row - 1 };
    judge_event(setting.judge, &setting.event);
    other = setting.rules;
    setting.rules = rules_new(setting.networks);
    assert_non_null(setting.rules);
    assert_true(add_rule(&setting, "other", "vpc", "", "by-outcome", &error));
    judge_use(setting.judge, setting.rules);
    rules_free(other);
    assert_null(judge_next(setting.judge));
    setting.event.message = (struct slice){ far_away, sizeof far_away - 1 };
    judge_event(setting.judge, &setting.event);
    assert_null(judge_next(setting.judge)); /* not told: ids are known to be about 6000 */
    setting.event.message = (struct slice){ NULL, 0 };
    judge_event(setting.judge, &setting.event);
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
    assert_null(finding_kind_name(KINDS_COUNT));
    assert_string_equal(finding_kind_name(KIND_HOSTILE_NAME), "hostile-name");
    assert_string_equal(mark_name(6), "late");
}

/* Judges the events of a case, and writes which server the last of them shows. */
static void write_heard(FILE *out, struct judge *judge, const struct data *data)
{
    for (size_t i = 1; i + 1 < data->count; i++) {
        struct slice message = data_bytes(data->field[i]), server;
        struct event event = {
            .key = i, .message = message, .time = EVENT_TIME_NONE, .ingested = EVENT_TIME_NONE
        };

        judge_event(judge, &event);
        while (judge_next(judge)) {
            continue;
        }
        bool heard = judge_heard(judge, &server);
        if (i + 2 == data->count && !heard) {
            (void)fputs("nobody", out);
        } else if (i + 2 == data->count) {
            data_write(out, server.len > 0 ? server : (struct slice){ "-", 1 });
        }
        data_free(message);
    }
}

static void test_heard(void **state)
{
    struct networks *networks = networks_new();
    struct rules *rules = rules_new(networks);
    struct data data;

    (void)state;
    data_open(&data, "heard.txt");
    while (data_next(&data)) {
        struct slice expected = data_bytes(data.field[data.count - 1]);
        enum format format;
        char *got = NULL;
        size_t len;
        FILE *out = open_memstream(&got, &len);

        assert_true(format_parse(data.field[0], &format));
        struct judge *judge = judge_new(rules, format);
        write_heard(out, judge, &data);
        assert_int_equal(fclose(out), 0);
        if (len != expected.len || memcmp(got, expected.data, len) != 0) {
            fail_msg("%s:%u: %s", data.path, data.line, got);
        }
        free(got);
        data_free(expected);
        judge_free(judge);
    }
    data_close(&data);
    rules_free(rules);
    networks_free(networks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),        cmocka_unit_test(test_histories),
        cmocka_unit_test(test_refused_rules), cmocka_unit_test(test_reload),
        cmocka_unit_test(test_names),         cmocka_unit_test(test_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
