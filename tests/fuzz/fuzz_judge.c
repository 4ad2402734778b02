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
    return judge_new(rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char attempt[] = "\nx,203.0.113.50,4711,0,CONNECT,";
    static struct judge *judge;
    const struct hit *hit;
    uint32_t line = 0;
    bool told = false;
    char *message = malloc(size + sizeof attempt);

    if (!judge) {
        judge = make_judge();
    }
    if (!message) {
        return 0;
    }
    memcpy(message, data, size);
    memcpy(message + size, attempt, sizeof attempt - 1);
    judge_event(judge, (struct slice){ (const char *)data, size });
    while ((hit = judge_next(judge))) {
        check(hit->line >= line && hit->record && hit->text.len <= size);
        check(hit->text.data >= (const char *)data &&
              hit->text.data + hit->text.len <= (const char *)data + size);
        check(hit->record->kind == RECORD_OTHER || hit->candidate < hit->record->count);
        check(severity_name(hit->severity) && hit->severity != SEVERITY_BY_OUTCOME);
        check(hit->line == 0 || (hit->verdict != VERDICT_INSIDE && hit->verdict != VERDICT_LOCAL));
        line = hit->line;
    }
    judge_event(judge, (struct slice){ message, size + sizeof attempt - 1 });
    while ((hit = judge_next(judge))) {
        told = told ||
               (hit->rule == 0 && hit->record->candidates[hit->candidate].connection_id == 4711);
    }
    check(told);
    free(message);
    return 0;
}
