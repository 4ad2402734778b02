/* SPDX-License-Identifier: Apache-2.0 */
/* `tailgate findings`: what was found, and which alert told it. */
#include <stdio.h>

#include "agent/command.h"
#include "agent/config.h"
#include "agent/finding_output.h"
#include "storage/findings.h"

static const struct option_spec findings_options[] = {
    { "since", "TIME", "only events from this time on" },
    { "until", "TIME", "only events before this time" },
    { "limit", "N", "only the newest N" },
    { "rule", "NAME", "only those of a rule" },
    { "severity", "LEVEL", "only those of this severity or higher" },
    { NULL, NULL, NULL },
};

static void read_query(const struct arguments *arguments, struct findings_query *query,
                       struct problems *problems)
{
    enum severity severity;

    *query = (struct findings_query){ .rule = arguments_value(arguments, "rule"),
                                      .min_severity = arguments_value(arguments, "severity") };
    arguments_time(arguments, "since", &query->since, problems);
    arguments_time(arguments, "until", &query->until, problems);
    arguments_number(arguments, "limit", INT64_MAX, &query->limit, problems);
    if (query->min_severity && !severity_parse(query->min_severity, &severity)) {
        problems_add(problems, (struct place){ "--severity", 0, 0 },
                     "\"%s\" is not low, medium, high or critical", query->min_severity);
    }
}

static int list(struct store *store, const struct findings_query *query, enum output_format format)
{
    struct store_error error;
    struct finding finding;
    struct findings_list *findings = findings_list(store, query, &error);
    int step = -1;

    finding_write_head(stdout, format);
    while (findings && (step = findings_next(findings, &finding, &error)) == 1) {
        finding_write(stdout, &finding, true, format);
    }
    findings_list_free(findings);
    if (step < 0) {
        log_error("%s", error.text);
        return EXIT_STORE;
    }
    return EXIT_YES;
}

static int findings_main(const struct arguments *arguments)
{
    struct problems problems = { 0 };
    struct findings_query query;

    read_query(arguments, &query, &problems);
    struct config *config = config_load(arguments, CONFIG_STATE | CONFIG_CSV, &problems);
    if (problems.count > 0) {
        config_free(config);
        return command_refuse(&problems);
    }
    struct store *store = command_open_store(config->state);
    int status = store ? list(store, &query, config->output) : EXIT_STORE;
    store_close(store);
    config_free(config);
    return status;
}

const struct command findings_command = {
    .name = "findings",
    .operands = "[OPTION...]",
    .summary = "list what was found, oldest first",
    .details = "  Reads the state file only; works while `tailgate run` does.\n",
    .options = findings_options,
    .common = true,
    .run = findings_main,
};
