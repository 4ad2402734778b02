/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an event, judged by rules of each sort: hits come in order and stay in the message,
 * and an attempt from outside put on a line of its own is always told. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filters/rule.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
    if (!holds) {
        abort();
    }
}

static struct judge *make_judge(void)
{
    static const char *const outside[] = { "vpc" };
    static const struct rule_spec specs[] = {
        { .name = "out", .outside = outside, .outside_count = 1 },
        { .name = "text", .filter = "CONNECT -localhost -172.31" },
        { .name = "both", .filter = "?a ?b", .outside = outside, .outside_count = 1 },
    };
    struct networks *networks = networks_new();
    struct rules *rules = rules_new(networks);
    struct network_error network_error;
    struct rule_error rule_error;
    struct block block;

    check(block_parse((struct slice){ "10.0.0.0/8", 10 }, &block, &network_error) &&
          networks_add(networks, "vpc", &block, &network_error));
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        check(rules_add(rules, &specs[i], &rule_error));
    }
    return judge_new(rules, FORMAT_AUTO);
}

/* What a hit of any event must be. */
static void check_hit(const struct hit *hit, struct slice message)
{
    check(hit->record && hit->text.len <= message.len && hit->text.data >= message.data &&
          hit->text.data + hit->text.len <= message.data + message.len);
    check(hit->record->kind == RECORD_OTHER || hit->candidate < hit->record->count);
    check(severity_name(hit->severity) && hit->severity != SEVERITY_BY_OUTCOME);
    check(hit->kind != KIND_CONNECTION || hit->line == 0 ||
          (hit->verdict != VERDICT_INSIDE && hit->verdict != VERDICT_LOCAL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char row[] = "20261122 14:08:14,s,u,10.0.0.1,4700,0,CONNECT,,,0";
    static const char attempt[] = "\nx,203.0.113.50,4711,0,CONNECT,";
    static struct judge *judge;
    struct event event = { .message = { row, sizeof row - 1 },
                           .time = EVENT_TIME_NONE,
                           .ingested = EVENT_TIME_NONE };
    const struct hit *hit;
    struct slice server;
    uint32_t line = 0;
    bool told = false;
    int64_t finding = 0;
    char *message = malloc(size + sizeof attempt);

    if (!judge) {
        judge = make_judge();
    }
    if (!message) {
        return 0;
    }
    memcpy(message, data, size);
    memcpy(message + size, attempt, sizeof attempt - 1);
    judge_window(judge, false);
    judge_event(judge, &event);
    while ((hit = judge_next(judge))) {
        check(hit->line == 0); /* inside: told by the rule of text alone */
    }
    event.key++;
    event.message = (struct slice){ (const char *)data, size };
    judge_event(judge, &event);
    while ((hit = judge_next(judge))) {
        if (hit->change) {
            check(hit->change->finding > 0 && hit->change->finding <= finding);
            continue;
        }
        check_hit(hit, event.message);
        check(hit->line >= line);
        line = hit->line;
        judge_stored(judge, ++finding);
    }
    if (judge_heard(judge, &server)) {
        check(server.len == 0 || (server.data >= event.message.data &&
                                  server.data + server.len <= event.message.data + size));
    }
    event.key++;
    event.message = (struct slice){ message, size + sizeof attempt - 1 };
    judge_event(judge, &event);
    while ((hit = judge_next(judge))) {
        if (!hit->change && hit->rule == 0 && hit->record->count > 0) {
            told = told || hit->record->candidates[hit->candidate].connection_id == 4711;
        }
    }
    check(told);
    free(message);
    return 0;
}
