/* SPDX-License-Identifier: Apache-2.0 */
/* Putting a configuration together: the order of its origins, what is derived, and the checks that
 * need all of it. */
#include "agent/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/aws/arn.h"
#include "agent/config_load.h"
#include "agent/keys.h"
#include "agent/memory.h"
#include "agent/notice.h"

#define DEFAULT_NETWORK  "vpc"
#define ENVIRONMENT_NAME "TAILGATE_%s"
#define SYSTEM_STATE     "/var/lib/tailgate/state.db"

static void free_source(struct config_source *source)
{
    free(source->log_group);
    free(source->region);
    free(source->role_arn);
    free(source->external_id);
}

void config_defaults(enum key_section section, void *object)
{
    struct problems none = { 0 };

    for (size_t i = 0; i < keys_count; i++) {
        if (keys[i].section == section && keys[i].fallback) {
            keys_set(&keys[i], keys[i].fallback, object, (struct place){ "default", 0, 0 }, &none);
        }
    }
}

struct config_source *config_add_source(struct config_loading *loading, enum config_level level,
                                        struct place place)
{
    struct config *config = loading->config;

    if (level > loading->source_level) {
        for (size_t i = 0; i < config->source_count; i++) {
            free_source(&config->sources[i]);
        }
        config->source_count = 0;
        loading->source_level = level;
    }
    if (config->source_count == CONFIG_SOURCES_MAX) {
        problems_add(loading->problems, place, "there are more than %d sources",
                     CONFIG_SOURCES_MAX);
        return NULL;
    }
    config->sources = xgrow(config->sources, &config->source_capacity, config->source_count + 1,
                            sizeof *config->sources);
    struct config_source *source = &config->sources[config->source_count++];
    *source = (struct config_source){ .place = place };
    config_defaults(KEYS_SOURCE, source);
    return source;
}

static struct config_network *network_named(struct config_loading *loading, const char *name,
                                            enum config_level level, struct place place)
{
    struct config *config = loading->config;

    for (size_t i = 0; i < config->network_count; i++) {
        struct config_network *network = &config->network_list[i];
        if (strcmp(network->name, name) == 0) {
            if (level > loading->network_levels[i]) {
                network->count = 0;
                loading->network_levels[i] = level;
            }
            return network;
        }
    }
    if (config->network_count == NETWORKS_MAX) {
        problems_add(loading->problems, place, "there are more than %d networks", NETWORKS_MAX);
        return NULL;
    }
    loading->network_levels[config->network_count] = level;
    config->network_list = xgrow(config->network_list, &config->network_capacity,
                                 config->network_count + 1, sizeof *config->network_list);
    struct config_network *network = &config->network_list[config->network_count++];
    *network = (struct config_network){ .name = xstrdup(name), .place = place };
    return network;
}

void config_add_block(struct config_loading *loading, const char *name, const char *text,
                      enum config_level level, struct place place)
{
    struct network_error error;
    struct block block;

    if (!block_parse((struct slice){ text, strlen(text) }, &block, &error)) {
        place.column += place.line ? error.offset : 0;
        problems_add(loading->problems, place, "network %s: \"%s\": %s", name, text, error.text);
        return;
    }
    struct config_network *network = network_named(loading, name, level, place);
    if (network) {
        network->blocks =
            xgrow(network->blocks, &network->capacity, network->count + 1, sizeof *network->blocks);
        network->blocks[network->count++] = block;
    }
}

/* One value of a common option. */
static void apply_value(struct config_loading *loading, const struct key *key, const char *text,
                        enum config_level level, struct place place)
{
    if (strcmp(key->name, "sources") == 0) {
        struct config_source *source = config_add_source(loading, level, place);
        if (source) {
            source->wrong = !keys_set(keys_find(KEYS_SOURCE, "log_group"), text, source, place,
                                      loading->problems);
        }
    } else if (strcmp(key->name, "networks") == 0) {
        const char *equals = strchr(text, '=');
        char *name = equals ? xstrndup(text, (size_t)(equals - text)) : xstrdup(DEFAULT_NETWORK);
        config_add_block(loading, name, equals ? equals + 1 : text, level, place);
        free(name);
    } else {
        keys_set(key, text, loading->config, place, loading->problems);
    }
}

/* TAILGATE_<OPTION>; a list has commas between its values. */
static void apply_environment(struct config_loading *loading, const struct key *key,
                              const char *name, const char *text)
{
    struct place place = { name, 0, 0 };

    if (key->read) {
        apply_value(loading, key, text, LEVEL_ENVIRONMENT, place);
        return;
    }
    for (const char *p = text; *p;) {
        size_t len = strcspn(p, ",");
        char *value = xstrndup(p, len);
        apply_value(loading, key, value, LEVEL_ENVIRONMENT, place);
        free(value);
        p += len + (p[len] == ',');
    }
}

/* The name of the variable for a key: a text that lives as long as the program, since problems name
 * it. */
static const char *environment_name(const struct key *key)
{
    static char names[KEYS_MAX][48];
    char *name = names[key - keys];

    if (!*name) {
        snprintf(name, sizeof names[0], ENVIRONMENT_NAME, key->option);
        for (char *p = name; *p; p++) {
            int upper = toupper((unsigned char)*p);
            *p = (char)(upper == '-' ? '_' : upper);
        }
    }
    return name;
}

static const struct key *key_of_option(const char *option)
{
    for (size_t i = 0; i < keys_count; i++) {
        if (keys[i].option && strcmp(keys[i].option, option) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

/* False when the file could not be read at all: then what it lacks is not worth telling. */
static bool apply_all(struct config_loading *loading, const struct arguments *arguments)
{
    const char *path = arguments_value(arguments, "config");

    if (!path) {
        path = getenv("TAILGATE_CONFIG");
    }
    bool readable = !path || config_file_read(loading, path);
    for (size_t i = 0; i < keys_count; i++) {
        const char *name = keys[i].option ? environment_name(&keys[i]) : NULL;
        const char *text = name ? getenv(name) : NULL;
        if (text && *text) {
            apply_environment(loading, &keys[i], name, text);
        }
    }
    for (size_t i = 0; i < arguments->option_count; i++) {
        const struct given_option *option = &arguments->options[i];
        const struct key *key = key_of_option(option->name);
        if (key) {
            apply_value(loading, key, option->value ? option->value : "true", LEVEL_COMMAND_LINE,
                        (struct place){ key->option, 0, 0 });
        }
    }
    return readable;
}

static void find_state(struct config *config, struct problems *problems)
{
    const char *directory = getenv("STATE_DIRECTORY");
    const char *home = getenv("XDG_STATE_HOME");

    if (config->state) {
        return;
    }
    if (directory && *directory) {
        /* systemd lists several directories with colons between them; the first is ours. */
        config->state = xasprintf("%.*s/state.db", (int)strcspn(directory, ":"), directory);
    } else if (geteuid() == 0) {
        config->state = xstrdup(SYSTEM_STATE);
    } else if (home && *home) {
        config->state = xasprintf("%s/tailgate/state.db", home);
    } else if ((home = getenv("HOME")) && *home) {
        config->state = xasprintf("%s/.local/state/tailgate/state.db", home);
    } else {
        problems_add(problems, (struct place){ "state", 0, 0 },
                     "there is no place for the state file: give --state FILE");
    }
}

static void check_source(struct config *config, struct config_source *source,
                         struct problems *problems)
{
    struct arn arn;
    size_t offset;
    const char *why;
    char region[REGION_MAX];

    if (source->wrong) {
        return;
    }
    if (!source->log_group) {
        problems_add(problems, source->place, "a source needs a log_group");
        return;
    }
    if (strncmp(source->log_group, "arn:", 4) == 0 &&
        arn_parse(source->log_group, &arn, &offset, &why)) {
        size_t len = strlen(source->log_group);
        if (len > 2 && strcmp(source->log_group + len - 2, ":*") == 0) {
            source->log_group[len - 2] = '\0';
        }
        source->region = source->region ? source->region : xstrdup(arn.region);
    }
    if (!source->region) {
        region_resolve(config->region, config->profile, region);
        source->region = *region ? xstrdup(region) : NULL;
    }
    if (!source->region) {
        problems_add(
            problems, source->place,
            "no region for %s: give --region, set AWS_REGION, or give the log group as an ARN",
            source->log_group);
    }
    if (source->role_arn) {
        problems_add(problems, source->place,
                     "role_arn: this version cannot assume a role yet; run a tailgate with that "
                     "account's own credentials");
    }
}

static void check_sources(struct config *config, struct problems *problems)
{
    if (config->source_count == 0) {
        problems_add(
            problems, (struct place){ "log-group", 0, 0 },
            "there is nothing to read: give --log-group, or sources in a configuration file");
    }
    for (size_t i = 0; i < config->source_count; i++) {
        struct config_source *source = &config->sources[i];
        check_source(config, source, problems);
        for (size_t j = 0; j < i && source->log_group; j++) {
            const struct config_source *other = &config->sources[j];
            if (other->log_group && strcmp(other->log_group, source->log_group) == 0 &&
                other->region && source->region && strcmp(other->region, source->region) == 0) {
                problems_add(problems, source->place, "%s is already a source", source->log_group);
            }
        }
    }
}

/* The rule that --filter and --network make, when no rules are given. */
static void make_rule(struct config *config)
{
    static const char *const names[2][2] = { { NULL, "connection-from-outside" },
                                             { "filter", "filter-outside" } };
    const char *name = names[config->filter != NULL][config->network_count > 0];
    struct place place = { "filter", 0, 0 };

    if (!name) {
        return;
    }
    config->rules = xgrow(config->rules, &config->rule_capacity, 1, sizeof *config->rules);
    config->rule_count = 1;
    config->rules[0] =
        (struct config_rule){ .name = xstrdup(name),
                              .filter = config->filter ? xstrdup(config->filter) : NULL,
                              .place = place,
                              .filter_place = place,
                              .outside_place = { "network", 0, 0 } };
    for (size_t i = 0; i < config->network_count; i++) {
        struct config_rule *rule = &config->rules[0];
        rule->outside = xgrow(rule->outside, &rule->outside_capacity, i + 1, sizeof *rule->outside);
        rule->outside[rule->outside_count++] = xstrdup(config->network_list[i].name);
    }
}

static void build_networks(struct config *config, struct problems *problems)
{
    struct network_error error;

    config->networks = networks_new();
    for (size_t i = 0; i < config->network_count; i++) {
        const struct config_network *network = &config->network_list[i];
        for (size_t j = 0; j < network->count; j++) {
            if (!config->networks ||
                !networks_add(config->networks, network->name, &network->blocks[j], &error)) {
                problems_add(problems, network->place, "network %s: %s", network->name, error.text);
                return;
            }
        }
    }
}

static void add_rule(struct config *config, const struct config_rule *rule,
                     struct problems *problems)
{
    struct rule_spec spec = { rule->name, rule->filter, (const char *const *)rule->outside,
                              rule->outside_count, rule->severity };
    struct rule_error error = { 0 };
    struct place place = rule->place;

    if (!rule->name) {
        problems_add(problems, rule->place,
                     "a rule needs a name: it is what makes its findings its own");
        return;
    }
    if (strcmp(rule->name, NOTICE_RULE) == 0) {
        problems_add(problems, rule->place,
                     "no rule can be called %s: under that name it tells of itself", NOTICE_RULE);
        return;
    }
    if (rules_add(config->judged, &spec, &error)) {
        return;
    }
    if (error.part == RULE_PART_FILTER) {
        place = rule->filter_place;
        if (place.line) {
            place.column += error.offset;
        }
    } else if (error.part == RULE_PART_OUTSIDE) {
        place = rule->outside_place;
    }
    if (error.part == RULE_PART_FILTER && !place.line) {
        problems_add(problems, place, "at character %zu of the pattern: %s", error.offset + 1,
                     error.text);
    } else {
        problems_add(problems, place, "rule %s: %s", rule->name, error.text);
    }
}

static void build_rules(struct config *config, unsigned needs, struct problems *problems)
{
    if (config->filter && config->rule_count > 0) {
        problems_add(problems, (struct place){ "filter", 0, 0 },
                     "a filter beside rules is not clear: put it into a rule of its own");
        return;
    }
    if (config->rule_count == 0) {
        make_rule(config);
    }
    if (config->rule_count == 0 && (needs & CONFIG_RULES)) {
        problems_add(problems, (struct place){ "network", 0, 0 },
                     "there is nothing to look for: give --network CIDR (your VPC's), --filter "
                     "PATTERN, or rules in a "
                     "configuration file");
        return;
    }
    config->judged = rules_new(config->networks);
    for (size_t i = 0; i < config->rule_count && config->judged; i++) {
        add_rule(config, &config->rules[i], problems);
    }
}

static void check_topics(const struct config *config, struct problems *problems)
{
    struct place place = { "fallback_topic_arn", 0, 0 };

    if (!config->fallback_topic_arn) {
        return;
    }
    if (!config->topic_arn) {
        problems_add(problems, place, "is for when topic_arn takes no alerts, which is not given");
    } else if (strcmp(config->topic_arn, config->fallback_topic_arn) == 0) {
        problems_add(problems, place, "is the same as topic_arn");
    }
}

static void check_all(struct config *config, unsigned needs, struct problems *problems)
{
    if (needs & CONFIG_STATE) {
        find_state(config, problems);
    }
    if (needs & CONFIG_SOURCES) {
        check_sources(config, problems);
    }
    if (config->output == OUTPUT_CSV && !(needs & CONFIG_CSV)) {
        problems_add(problems, (struct place){ "output", 0, 0 },
                     "csv is for findings alone: `tailgate backfill` and `tailgate findings`");
    }
    check_topics(config, problems);
    build_networks(config, problems);
    if (needs & (CONFIG_RULES | CONFIG_RULES_IF_ANY)) {
        build_rules(config, needs, problems);
    }
}

struct config *config_load(const struct arguments *arguments, unsigned needs,
                           struct problems *problems)
{
    struct config *config = xcalloc(1, sizeof *config);
    struct config_loading loading = { .config = config, .problems = problems };

    config_defaults(KEYS_TOP, config);
    config_defaults(KEYS_ALERTS, config);
    if (apply_all(&loading, arguments)) {
        check_all(config, needs, problems);
    }
    if (problems->count > 0) {
        config_free(config);
        return NULL;
    }
    return config;
}

static void free_rule(struct config_rule *rule)
{
    for (size_t i = 0; i < rule->outside_count; i++) {
        free(rule->outside[i]);
    }
    for (size_t i = 0; i < rule->except_count; i++) {
        free(rule->excepts[i].address);
        free(rule->excepts[i].user);
        free(rule->excepts[i].reason);
    }
    free(rule->outside);
    free(rule->excepts);
    free(rule->name);
    free(rule->filter);
}

void config_free(struct config *config)
{
    if (!config) {
        return;
    }
    rules_free(config->judged);
    networks_free(config->networks);
    for (size_t i = 0; i < config->rule_count; i++) {
        free_rule(&config->rules[i]);
    }
    for (size_t i = 0; i < config->source_count; i++) {
        free_source(&config->sources[i]);
    }
    for (size_t i = 0; i < config->network_count; i++) {
        free(config->network_list[i].name);
        free(config->network_list[i].blocks);
    }
    free(config->rules);
    free(config->sources);
    free(config->network_list);
    free(config->state);
    free(config->region);
    free(config->profile);
    free(config->endpoint_url);
    free(config->filter);
    free(config->topic_arn);
    free(config->fallback_topic_arn);
    free(config->heartbeat);
    free(config);
}

void config_warn_unchangeable(const struct config *running, const struct config *reloaded)
{
    for (size_t i = 0; i < keys_count; i++) {
        const struct key *key = &keys[i];
        if (key->reload || key->section != KEYS_TOP || !keys_is_text(key)) {
            continue;
        }
        const char *const *before = (const void *)((const char *)running + key->offset);
        const char *const *after = (const void *)((const char *)reloaded + key->offset);
        if (strcmp(*before ? *before : "", *after ? *after : "") != 0) {
            log_warning("%s: the new value takes effect at the next start", key->name);
        }
    }
}
