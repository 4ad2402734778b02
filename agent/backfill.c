/* SPDX-License-Identifier: Apache-2.0 */
/* The backfill command: what is to be read, and what its exit status says. */
#include "agent/backfill.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "agent/command.h"
#include "agent/finding_output.h"
#include "agent/times.h"

static const struct option_spec backfill_options[] = {
    { "since", "TIME", "begin of the window (event time, UTC)" },
    { "until", "TIME", "its end, not included; by default now" },
    { "file", "PATH",
      "read a file instead, or all files of a folder, or - for standard input: audit rows, an "
      "export to S3, or events as the AWS CLI prints them; .gz as it is; needs no AWS, and no "
      "state file unless --state is given.  --log-group ARN says whose events they are" },
    { "format", "FORMAT",
      "what the lines of --file are: auto (by how they begin, the default), mysql, postgresql, "
      "sqlserver or oracle" },
    { "alert", "digest|each|none",
      "publish one digest for the window (default), each kind as `run` does, or nothing" },
    { "no-publish", NULL, "the same as --alert none" },
    { "fail-on-findings", NULL, "exit with 1 when there were findings" },
    { NULL, NULL, NULL },
};

struct request {
    int64_t since, until;
    const char *file, *alert;
    enum format format;
};

static void read_format(const struct arguments *arguments, struct request *request,
                        struct problems *problems)
{
    struct place place = { "format", 0, 0 };
    const char *text = arguments_value(arguments, "format");

    if (text && !request->file) {
        problems_add(problems, place,
                     "--format goes with --file; the format of a log group is a key of its source "
                     "in a configuration file");
    } else if (text && !format_parse(text, &request->format)) {
        problems_add(problems, place,
                     "\"%s\" is not one of auto, mysql, postgresql, sqlserver, oracle", text);
    }
}

static void read_request(const struct arguments *arguments, struct request *request,
                         struct problems *problems)
{
    static const char *const alerts[] = { "digest", "each", "none" };
    struct place place = { "backfill", 0, 0 };
    bool alert_known = false;

    *request = (struct request){ .since = -1, .until = BACKFILL_UNTIL_NOW };
    request->file = arguments_value(arguments, "file");
    request->alert = arguments_value(arguments, "alert");
    read_format(arguments, request, problems);
    if (!request->alert) {
        request->alert = arguments_flag(arguments, "no-publish") ? "none" : "digest";
    }
    for (size_t i = 0; i < sizeof alerts / sizeof *alerts; i++) {
        alert_known = alert_known || strcmp(alerts[i], request->alert) == 0;
    }
    if (arguments_flag(arguments, "no-publish") && strcmp(request->alert, "none") != 0) {
        problems_add(problems, place, "--no-publish does not go with --alert %s", request->alert);
    }
    if (!alert_known) {
        problems_add(problems, place, "--alert is digest, each or none, not \"%s\"",
                     request->alert);
    }
    if (!arguments_time(arguments, "since", &request->since, problems) ||
        !arguments_time(arguments, "until", &request->until, problems)) {
        return;
    }
    if (request->file &&
        (arguments_value(arguments, "since") || arguments_value(arguments, "until"))) {
        problems_add(problems, place,
                     "--file reads the whole file: --since and --until do not go with it");
    } else if (!request->file && request->since < 0) {
        problems_add(problems, place, "say what to read: --since TIME, or --file PATH");
    } else if (!request->file && request->since >= request->until) {
        char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
        problems_add(problems, place, "the window is empty: --since %s is not before --until %s",
                     time_format(request->since, from), time_format(request->until, to));
    }
}

/* The log group whose events the files hold, if the command line says so: they do not. */
static const struct config_source *group_of_file(const struct arguments *arguments,
                                                 const struct request *request,
                                                 const struct config *config,
                                                 struct problems *problems)
{
    struct place place = { "log-group", 0, 0 };

    if (!request->file || !config || !arguments_value(arguments, "log-group")) {
        return NULL;
    }
    if (config->source_count != 1 || strncmp(config->sources[0].log_group, "arn:", 4) != 0) {
        problems_add(problems, place,
                     "with --file it says whose events the file holds: one log group, by its ARN "
                     "(arn:aws:logs:REGION:ACCOUNT:log-group:NAME)");
        return NULL;
    }
    return &config->sources[0];
}

static int backfill_main(const struct arguments *arguments)
{
    struct problems problems = { 0 };
    struct backfill_result result = { .tally = isatty(STDERR_FILENO) ? tally_new() : NULL };
    struct request request;
    int status;

    read_request(arguments, &request, &problems);
    unsigned needs = CONFIG_RULES | CONFIG_CSV | (request.file ? 0 : CONFIG_STATE | CONFIG_SOURCES);
    struct config *config = config_load(arguments, needs, &problems);
    const struct config_source *group = group_of_file(arguments, &request, config, &problems);
    if (problems.count > 0) {
        tally_free(result.tally);
        config_free(config);
        return command_refuse(&problems);
    }
    log_setup(config->log_level, false);
    finding_write_head(stdout, config->output);
    if (request.file) {
        const struct backfill_files files = { .path = request.file,
                                              .format = request.format,
                                              .group = group,
                                              .state_given = config->state != NULL };
        status = backfill_file(config, &files, &result);
    } else {
        status = backfill_window(config, request.since, request.until, request.alert, &result);
    }
    if (status == EXIT_YES) {
        log_info("%" PRId64 " events read, %" PRId64 " findings, %" PRId64 " of them new",
                 result.events, result.findings, result.new_findings);
        status = result.incomplete ? EXIT_INCOMPLETE
                 : arguments_flag(arguments, "fail-on-findings") && result.findings > 0 ? EXIT_NO
                                                                                        : EXIT_YES;
    }
    if (result.tally) {
        tally_print(result.tally, stderr);
    }
    tally_free(result.tally);
    config_free(config);
    return status;
}

const struct command backfill_command = {
    .name = "backfill",
    .operands = "--since T [--until T] | --file PATH",
    .summary = "read a past window once",
    .details =
        "  Prints every finding in the window, new or known, and publishes one digest of "
        "those not yet told.\n"
        "  On a terminal a table tells at the end who came from where, and when first and last.\n"
        "  Exit status: 0 all was read, 4 some part could not be, 2 usage, 3 AWS refused, 5 "
        "the state file.\n",
    .options = backfill_options,
    .common = true,
    .run = backfill_main,
};
