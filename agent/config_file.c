/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of the configuration file: which key holds a list, a map, a text. */
#include <string.h>

#include "agent/config_load.h"
#include "agent/keys.h"
#include "agent/memory.h"
#include "agent/yaml_tree.h"

/* Reads one key that is no scalar into the section's object. */
typedef void shape_reader(struct config_loading *loading, const struct yaml_node *node,
                          void *object);

static bool expect(struct config_loading *loading, const struct yaml_node *node,
                   enum yaml_kind kind, const char *what)
{
    if (node->kind == kind) {
        return true;
    }
    problems_add(loading->problems, node->place, "%s", what);
    return false;
}

static void read_section(struct config_loading *loading, enum key_section section,
                         const struct yaml_node *node, void *object);

static void read_blocks(struct config_loading *loading, const char *network,
                        const struct yaml_node *node)
{
    if (node->kind == YAML_TEXT) {
        config_add_block(loading, network, node->text, LEVEL_FILE, node->place);
        return;
    }
    if (!expect(loading, node, YAML_LIST,
                "a network is a list of CIDR blocks, such as [172.31.0.0/16]")) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *item = &node->items[i];
        if (expect(loading, item, YAML_TEXT, "a CIDR block is a text such as 172.31.0.0/16")) {
            config_add_block(loading, network, item->text, LEVEL_FILE, item->place);
        }
    }
}

static void read_networks(struct config_loading *loading, const struct yaml_node *node,
                          void *object)
{
    (void)object;
    if (!expect(loading, node, YAML_MAP,
                "networks are names with their CIDR blocks, such as vpc: [172.31.0.0/16]")) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        read_blocks(loading, node->keys[i].text, &node->items[i]);
    }
}

static void read_sources(struct config_loading *loading, const struct yaml_node *node, void *object)
{
    (void)object;
    if (!expect(loading, node, YAML_LIST, "sources are a list, each with a log_group")) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *item = &node->items[i];
        struct config_source *source = config_add_source(loading, LEVEL_FILE, item->place);
        if (source) {
            size_t before = loading->problems->count;
            read_section(loading, KEYS_SOURCE, item, source);
            source->wrong = loading->problems->count > before;
        }
    }
}

static void read_rules(struct config_loading *loading, const struct yaml_node *node, void *object)
{
    struct config *config = object;

    if (!expect(loading, node, YAML_LIST, "rules are a list, each with a name")) {
        return;
    }
    for (size_t i = 0; i < node->count && i < RULES_MAX; i++) {
        config->rules = xgrow(config->rules, &config->rule_capacity, config->rule_count + 1,
                              sizeof *config->rules);
        struct config_rule *rule = &config->rules[config->rule_count++];
        *rule = (struct config_rule){ .place = node->items[i].place };
        rule->filter_place = rule->outside_place = rule->place;
        read_section(loading, KEYS_RULE, &node->items[i], rule);
    }
    if (node->count > RULES_MAX) {
        problems_add(loading->problems, node->items[RULES_MAX].place,
                     "there are more than %d rules", RULES_MAX);
    }
}

static void read_alerts(struct config_loading *loading, const struct yaml_node *node, void *object)
{
    read_section(loading, KEYS_ALERTS, node, object);
}

static void add_outside(struct config_rule *rule, const char *name)
{
    rule->outside = xgrow(rule->outside, &rule->outside_capacity, rule->outside_count + 1,
                          sizeof *rule->outside);
    rule->outside[rule->outside_count++] = xstrdup(name);
}

static void read_outside(struct config_loading *loading, const struct yaml_node *node, void *object)
{
    struct config_rule *rule = object;

    rule->outside_place = node->place;
    if (node->kind == YAML_TEXT) {
        add_outside(rule, node->text);
        return;
    }
    if (!expect(loading, node, YAML_LIST,
                "outside is a list of names of networks, such as [vpc]")) {
        return;
    }
    for (size_t i = 0; i < node->count && i < NETWORKS_MAX; i++) {
        if (expect(loading, &node->items[i], YAML_TEXT, "the name of a network is expected")) {
            add_outside(rule, node->items[i].text);
        }
    }
    if (node->count == 0) {
        problems_add(loading->problems, node->place, "outside names no network");
    }
}

static void read_excepts(struct config_loading *loading, const struct yaml_node *node, void *object)
{
    struct config_rule *rule = object;

    if (!expect(loading, node, YAML_LIST, "except is a list, each with an address or a user")) {
        return;
    }
    if (node->count > CONFIG_EXCEPTS_MAX) {
        problems_add(loading->problems, node->place, "there are more than %d exceptions",
                     CONFIG_EXCEPTS_MAX);
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        rule->excepts = xgrow(rule->excepts, &rule->except_capacity, rule->except_count + 1,
                              sizeof *rule->excepts);
        struct config_except *except = &rule->excepts[rule->except_count++];
        *except = (struct config_except){ .place = node->items[i].place };
        read_section(loading, KEYS_EXCEPT, &node->items[i], except);
        if (!except->address && !except->user) {
            problems_add(loading->problems, except->place,
                         "an exception needs an address or a user");
        }
    }
}

static const struct shape {
    enum key_section section;
    const char *key;
    shape_reader *read;
} shapes[] = {
    { KEYS_TOP, "networks", read_networks }, { KEYS_TOP, "sources", read_sources },
    { KEYS_TOP, "rules", read_rules },       { KEYS_TOP, "alerts", read_alerts },
    { KEYS_RULE, "outside", read_outside },  { KEYS_RULE, "except", read_excepts },
};

static void read_shape(struct config_loading *loading, const struct key *key,
                       const struct yaml_node *node, void *object)
{
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (shapes[i].section == key->section && strcmp(shapes[i].key, key->name) == 0) {
            shapes[i].read(loading, node, object);
        }
    }
}

static void read_key(struct config_loading *loading, enum key_section section,
                     const struct yaml_node *name, const struct yaml_node *value, void *object)
{
    const struct key *key = keys_find(section, name->text);

    if (!key) {
        const char *nearest = keys_nearest(section, name->text);
        problems_add(loading->problems, name->place,
                     nearest ? "there is no key \"%s\" here; did you mean \"%s\"?"
                             : "there is no key \"%s\" here",
                     name->text, nearest);
    } else if (!key->read) {
        read_shape(loading, key, value, object);
    } else if (value->kind != YAML_TEXT) {
        problems_add(loading->problems, value->place, "%s is a single value", key->name);
    } else if (keys_set(key, value->text, object, value->place, loading->problems) &&
               section == KEYS_RULE && strcmp(key->name, "filter") == 0) {
        ((struct config_rule *)object)->filter_place = value->place;
    }
}

static void read_section(struct config_loading *loading, enum key_section section,
                         const struct yaml_node *node, void *object)
{
    if (!expect(loading, node, YAML_MAP, "keys with values are expected here")) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        read_key(loading, section, &node->keys[i], &node->items[i], object);
    }
}

bool config_file_read(struct config_loading *loading, const char *path)
{
    struct yaml_node *root = yaml_tree_read(path, loading->problems);

    if (!root) {
        return false;
    }
    read_section(loading, KEYS_TOP, root, loading->config);
    yaml_tree_free(root);
    return true;
}
