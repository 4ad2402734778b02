/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration file as a tree.  Every scalar is text: what it means is for the key it belongs
 * to.  Aliases, anchors, tags and several documents are refused; duplicate keys too. */
#ifndef TAILGATE_AGENT_YAML_TREE_H
#define TAILGATE_AGENT_YAML_TREE_H

#include <stddef.h>

#include "agent/problems.h"

#define YAML_FILE_MAX  (1024 * 1024)
#define YAML_DEPTH_MAX 16

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    struct place place;
    char *text;              /* YAML_TEXT; terminated, holds no NUL */
    struct yaml_node *items; /* YAML_LIST, and the values of a YAML_MAP */
    struct yaml_node *keys;  /* YAML_MAP: one YAML_TEXT for each item */
    size_t count, capacity, key_capacity;
};

/* Reads a file.  NULL after adding to `problems` when it is unreadable or no YAML; an empty file is
 * an empty map.  `path` is borrowed by the places.  The tree is the caller's, to be given to
 * yaml_tree_free. */
struct yaml_node *yaml_tree_read(const char *path, struct problems *problems);
void yaml_tree_free(struct yaml_node *root);

#endif
