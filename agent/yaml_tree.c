/* SPDX-License-Identifier: Apache-2.0 */
/* From libyaml's events to a tree. */
#include "agent/yaml_tree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "agent/memory.h"

struct reader {
    yaml_parser_t parser;
    const char *path;
    struct problems *problems;
};

static struct place place_of(const struct reader *reader, yaml_mark_t mark)
{
    return (struct place){ reader->path, mark.line + 1, mark.column + 1 };
}

static bool complain_syntax(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;

    problems_add(reader->problems, place_of(reader, parser->problem_mark), "%s%s%s",
                 parser->context ? parser->context : "", parser->context ? ": " : "",
                 parser->problem ? parser->problem : "this is not YAML");
    return false;
}

static bool next_event(struct reader *reader, yaml_event_t *event)
{
    return yaml_parser_parse(&reader->parser, event) ? true : complain_syntax(reader);
}

static bool refuse(struct reader *reader, yaml_mark_t mark, const char *what)
{
    problems_add(reader->problems, place_of(reader, mark), "%s", what);
    return false;
}

static bool read_text(struct reader *reader, const yaml_event_t *event, struct yaml_node *out)
{
    const char *value = (const char *)event->data.scalar.value;

    if (strlen(value) != event->data.scalar.length) {
        return refuse(reader, event->start_mark, "a NUL character cannot stand in a value");
    }
    out->kind = YAML_TEXT;
    out->text = xstrdup(value);
    return true;
}

static void clear_node(struct yaml_node *node)
{
    for (size_t i = 0; i < node->count; i++) {
        clear_node(&node->items[i]);
        if (node->keys) {
            clear_node(&node->keys[i]);
        }
    }
    free(node->items);
    free(node->keys);
    free(node->text);
}

void yaml_tree_free(struct yaml_node *root)
{
    if (root) {
        clear_node(root);
        free(root);
    }
}

static bool read_node(struct reader *reader, yaml_event_t *event, int depth, struct yaml_node *out);

/* Adds room for one more item, and hands it out zeroed. */
static struct yaml_node *append(struct yaml_node **items, size_t *capacity, size_t count)
{
    *items = xgrow(*items, capacity, count + 1, sizeof **items);
    memset(&(*items)[count], 0, sizeof **items);
    return &(*items)[count];
}

static bool key_is_new(struct reader *reader, const struct yaml_node *map,
                       const struct yaml_node *key)
{
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i].text, key->text) == 0) {
            problems_add(reader->problems, key->place, "\"%s\" is already set in line %zu",
                         key->text, map->keys[i].place.line);
            return false;
        }
    }
    return true;
}

/* The items of a list, or the keys and values of a map, up to its end. */
static bool read_items(struct reader *reader, int depth, struct yaml_node *out)
{
    bool is_map = out->kind == YAML_MAP;
    yaml_event_type_t end = is_map ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;

    for (;;) {
        yaml_event_t event;
        struct yaml_node *key = NULL;
        bool ok = next_event(reader, &event);
        if (!ok || event.type == end) {
            if (ok) {
                yaml_event_delete(&event);
            }
            return ok;
        }
        if (is_map) {
            key = append(&out->keys, &out->key_capacity, out->count);
            ok = event.type == YAML_SCALAR_EVENT
                     ? read_node(reader, &event, depth, key)
                     : refuse(reader, event.start_mark, "a key must be plain text");
            yaml_event_delete(&event);
            if (!ok || !next_event(reader, &event)) {
                clear_node(key);
                return false;
            }
            /* A repeated key is a mistake to tell, and its value is still read, for what else is
             * wrong. */
            key_is_new(reader, out, key);
        }
        out->count++;
        ok = read_node(reader, &event, depth, append(&out->items, &out->capacity, out->count - 1));
        yaml_event_delete(&event);
        if (!ok) {
            return false;
        }
    }
}

static bool read_node(struct reader *reader, yaml_event_t *event, int depth, struct yaml_node *out)
{
    out->place = place_of(reader, event->start_mark);
    if (depth > YAML_DEPTH_MAX) {
        return refuse(reader, event->start_mark, "this is nested too deeply");
    }
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return read_text(reader, event, out);
    case YAML_SEQUENCE_START_EVENT:
        out->kind = YAML_LIST;
        return read_items(reader, depth + 1, out);
    case YAML_MAPPING_START_EVENT:
        out->kind = YAML_MAP;
        return read_items(reader, depth + 1, out);
    case YAML_ALIAS_EVENT:
        return refuse(reader, event->start_mark,
                      "aliases (*name) are not read: write the value out");
    default:
        return refuse(reader, event->start_mark, "a value is missing here");
    }
}

/* The one document of a stream; nothing at all is an empty map. */
static bool read_document(struct reader *reader, struct yaml_node *root)
{
    yaml_event_t event;
    bool done = false, ok = true, seen = false;

    root->kind = YAML_MAP;
    root->place = (struct place){ reader->path, 1, 1 };
    while (ok && !done) {
        ok = next_event(reader, &event);
        if (!ok) {
            break;
        }
        switch (event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (seen) {
                ok = refuse(reader, event.start_mark,
                            "a second document begins here: only one is read");
            }
            seen = true;
            break;
        case YAML_STREAM_END_EVENT:
            done = true;
            break;
        default:
            ok = read_node(reader, &event, 0, root);
        }
        yaml_event_delete(&event);
    }
    return ok;
}

/* What libyaml reads from: a file or pipe, but not for ever. */
struct input {
    FILE *file;
    size_t left;
};

static int read_input(void *data, unsigned char *buffer, size_t size, size_t *read_size)
{
    struct input *input = data;

    if (input->left == 0) {
        return 0;
    }
    *read_size = fread(buffer, 1, size < input->left ? size : input->left, input->file);
    input->left -= *read_size;
    return !ferror(input->file);
}

struct yaml_node *yaml_tree_read(const char *path, struct problems *problems)
{
    struct reader reader = { .path = path, .problems = problems };
    struct place place = { path, 0, 0 };
    struct input input = { fopen(path, "re"), YAML_FILE_MAX };
    struct yaml_node *root = NULL;
    bool whole = false;

    /* A directory can be opened, but not read. */
    if (!input.file || (ungetc(getc(input.file), input.file) == EOF && ferror(input.file))) {
        problems_add(problems, place, "cannot be read: %s", strerror(errno));
        goto out;
    }
    root = xcalloc(1, sizeof *root);
    if (yaml_parser_initialize(&reader.parser)) {
        yaml_parser_set_input(&reader.parser, read_input, &input);
        whole = read_document(&reader, root);
        yaml_parser_delete(&reader.parser);
    } else {
        problems_add(problems, place, "cannot be read: out of memory");
    }
    if (input.left == 0) {
        problems_add(problems, place, "is longer than %d bytes", YAML_FILE_MAX);
    }
    if (!whole) {
        yaml_tree_free(root);
        root = NULL;
    }
out:
    if (input.file) {
        (void)fclose(input.file);
    }
    return root;
}
