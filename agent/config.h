/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration: command line over environment over file over defaults, read whole and checked
 * whole. */
#ifndef TAILGATE_AGENT_CONFIG_H
#define TAILGATE_AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/arguments.h"
#include "agent/log.h"
#include "agent/problems.h"
#include "filters/format.h"
#include "filters/network.h"
#include "filters/rule.h"

#define CONFIG_SOURCES_MAX 1000
#define CONFIG_EXCEPTS_MAX 256 /* of one rule */

enum output_format { OUTPUT_TEXT, OUTPUT_JSON, OUTPUT_CSV };
enum alert_format { ALERT_TEXT, ALERT_OCSF };

/* A log group to read. */
struct config_source {
    char *log_group; /* its name, or its ARN without ":*" */
    char *region;    /* given, else the ARN's, else the common one */
    char *role_arn;  /* read and checked, but not yet assumed: commands that would need it refuse */
    char *external_id;
    int64_t time_zone;  /* of its rows, milliseconds east of UTC */
    enum format format; /* of its lines; FORMAT_AUTO: as the name of the log group says */
    bool wrong;         /* something in it could not be read, which has been told */
    struct place place;
};

/* Findings that are stored but not alerted. */
struct config_except {
    struct block *address; /* NULL: any */
    char *user;            /* NULL: any */
    int64_t until;         /* 0: no end */
    char *reason;
    struct place place;
};

struct config_rule {
    char *name;
    char *filter;
    char **outside;
    size_t outside_count, outside_capacity;
    enum severity severity;
    struct config_except *excepts;
    size_t except_count, except_capacity;
    struct place place, filter_place, outside_place;
};

struct config_network {
    char *name;
    struct block *blocks;
    size_t count, capacity;
    struct place place;
};

struct config {
    char *state;
    char *region;
    char *profile;
    char *endpoint_url;
    char *filter;
    char *topic_arn;
    char *fallback_topic_arn; /* for when the other takes no alerts; NULL: none */
    char *heartbeat;          /* value of the metric's dimension; NULL: off */
    double requests_per_second;
    int64_t poll_interval;
    int64_t fold;
    int64_t keep;
    enum output_format output;
    enum log_level log_level;
    enum alert_format alert_format;
    bool allow_plaintext_endpoint;
    struct config_source *sources;
    size_t source_count, source_capacity;
    struct config_network *network_list;
    size_t network_count, network_capacity;
    struct config_rule *rules;
    size_t rule_count, rule_capacity;

    /* Made from the above. */
    struct networks *networks;
    struct rules *judged; /* in the order of `rules` */
};

/* What a command is going to use; the rest need not be there. */
enum config_need {
    CONFIG_STATE = 1 << 0,        /* where the state file is */
    CONFIG_RULES = 1 << 1,        /* something to look for */
    CONFIG_SOURCES = 1 << 2,      /* log groups to read, and a region for each */
    CONFIG_RULES_IF_ANY = 1 << 3, /* what there is to look for, which may be nothing */
    CONFIG_CSV = 1 << 4           /* findings alone are printed, and may be so as CSV */
};

/* Reads everything that was said.  NULL when anything is wrong; `problems` then tells all of it.
 * The configuration is the caller's. */
struct config *config_load(const struct arguments *arguments, unsigned needs,
                           struct problems *problems);
void config_free(struct config *config);

/* Warns of each key whose value differs from the running configuration's though only a restart can
 * change it. */
void config_warn_unchangeable(const struct config *running, const struct config *reloaded);

#endif
