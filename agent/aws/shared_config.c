/* SPDX-License-Identifier: Apache-2.0 */
/* The files that AWS's tools share. */
#include "agent/aws/shared_config.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/aws/buffer.h"

/* A line of a file; the texts point into the file's own. */
struct entry {
    enum shared_file file;
    const char *profile, *name, *value; /* name NULL: the head of the section */
};

struct shared_config {
    struct entry *entries;
    size_t count, capacity;
    struct file {
        char path[SHARED_CONFIG_PATH_MAX];
        char *text; /* with NULs put where words end */
        size_t size;
    } files[SHARED_FILES];
};

/* What is known while lines are read. */
struct position {
    enum shared_file file;
    const char *profile; /* of the section, NULL: one that is not a profile */
    size_t indent;       /* of the last name; further in is a continuation */
    bool named, in_section;
};

struct shared_config *shared_config_new(void)
{
    return calloc(1, sizeof(struct shared_config));
}

void shared_config_free(struct shared_config *config)
{
    if (!config) {
        return;
    }
    for (size_t i = 0; i < SHARED_FILES; i++) {
        if (config->files[i].text) {
            OPENSSL_cleanse(config->files[i].text, config->files[i].size);
        }
        free(config->files[i].text);
    }
    free(config->entries);
    free(config);
}

static bool add_entry(struct shared_config *config, struct entry entry)
{
    if (config->count == config->capacity) {
        size_t capacity = config->capacity ? 2 * config->capacity : 32;
        struct entry *entries = realloc(config->entries, capacity * sizeof *entries);
        if (!entries) {
            return false;
        }
        config->entries = entries;
        config->capacity = capacity;
    }
    config->entries[config->count++] = entry;
    return true;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Ends the text before the blanks at its end. */
static void trim_end(char *text)
{
    size_t len = strlen(text);

    while (len > 0 && blank(text[len - 1])) {
        len--;
    }
    text[len] = '\0';
}

static char *skip_blanks(char *text)
{
    while (blank(*text)) {
        text++;
    }
    return text;
}

/* A comment behind a value has a blank before it: a value may well hold '#' itself. */
static void cut_comment(char *value)
{
    for (char *c = value; *c != '\0'; c++) {
        if (blank(*c) && (c[1] == '#' || c[1] == ';')) {
            *c = '\0';
            return;
        }
    }
}

/* The profile a section is of, or NULL when it is of something else. */
static const char *section_profile(enum shared_file file, char *section)
{
    size_t len;

    section = skip_blanks(section);
    trim_end(section);
    if (file == SHARED_CREDENTIALS || strcmp(section, "default") == 0) {
        return section;
    }
    if (strncmp(section, "profile", 7) != 0 || !blank(section[7])) {
        return NULL;
    }
    section = skip_blanks(section + 7);
    len = strlen(section);
    if (len >= 2 && (section[0] == '"' || section[0] == '\'') && section[len - 1] == section[0]) {
        section[len - 1] = '\0';
        section++;
    }
    return section;
}

/* Reads a line; returns NULL, or what is wrong with it. */
static const char *read_line(struct shared_config *config, struct position *position, char *line)
{
    char *text = skip_blanks(line);
    size_t indent = (size_t)(text - line);
    char *end;

    trim_end(text);
    if (*text == '\0' || *text == '#' || *text == ';' ||
        (position->named && indent > position->indent)) {
        return NULL;
    }
    if (*text == '[') {
        end = strchr(text, ']');
        if (!end) {
            return "a section without its closing bracket";
        }
        *end = '\0';
        position->profile = section_profile(position->file, text + 1);
        position->in_section = true;
        position->named = false;
        return !position->profile ||
                       add_entry(config,
                                 (struct entry){ position->file, position->profile, NULL, "" })
                   ? NULL
                   : "no memory";
    }
    end = text + strcspn(text, "=:");
    if (*end == '\0' || end == text) {
        return "neither a section nor NAME = VALUE";
    }
    if (!position->in_section) {
        return "a value before the first section";
    }
    *end = '\0';
    trim_end(text);
    cut_comment(end + 1);
    trim_end(end + 1);
    position->named = true;
    position->indent = indent;
    return !position->profile ||
                   add_entry(config, (struct entry){ position->file, position->profile, text,
                                                     skip_blanks(end + 1) })
               ? NULL
               : "no memory";
}

/* Reads all lines of a text that is the config's own and ends with a NUL. */
static bool read_lines(struct shared_config *config, enum shared_file which,
                       struct aws_error *error)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* that some editors put at the beginning */
    struct file *file = &config->files[which];
    struct position position = { .file = which };
    char *line = file->text;
    size_t number = 1;

    if (strlen(file->text) + 1 != file->size) {
        aws_error_set(error, AWS_FAILED, "%s is not a text: it holds a NUL", file->path);
        return false;
    }
    line += strncmp(line, mark, sizeof mark - 1) == 0 ? sizeof mark - 1 : 0;
    while (line) {
        char *end = strchr(line, '\n');
        if (end) {
            *end = '\0';
        }
        const char *wrong = read_line(config, &position, line);
        if (wrong) {
            aws_error_set(error, AWS_FAILED, "%s:%zu: %s", file->path, number, wrong);
            return false;
        }
        line = end ? end + 1 : NULL;
        number++;
    }
    return true;
}

bool shared_config_read(struct shared_config *config, enum shared_file which, const char *path,
                        const char *text, size_t len, struct aws_error *error)
{
    struct file *file = &config->files[which];

    (void)snprintf(file->path, sizeof file->path, "%s", path);
    if (len > SHARED_CONFIG_SIZE_MAX) {
        aws_error_set(error, AWS_FAILED, "%s is larger than %d bytes", path,
                      SHARED_CONFIG_SIZE_MAX);
        return false;
    }
    file->text = malloc(len + 1);
    if (!file->text) {
        aws_error_set(error, AWS_FAILED, "no memory for %s", path);
        return false;
    }
    memcpy(file->text, text, len);
    file->text[len] = '\0';
    file->size = len + 1;
    return read_lines(config, which, error);
}

/* Where a file is; false when there is no saying. */
static bool find_path(enum shared_file which, char *out, size_t size, bool *given)
{
    static const char *const variables[] = { "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE" };
    static const char *const names[] = { "credentials", "config" };
    const char *home = getenv("HOME");
    const char *path = getenv(variables[which]);
    int len;

    *given = path && *path;
    if (*given && strncmp(path, "~/", 2) != 0) {
        len = snprintf(out, size, "%s", path);
    } else if (!home || !*home) {
        return false;
    } else if (*given) {
        len = snprintf(out, size, "%s%s", home, path + 1);
    } else {
        len = snprintf(out, size, "%s/.aws/%s", home, names[which]);
    }
    return len > 0 && (size_t)len < size;
}

static bool load_file(struct shared_config *config, enum shared_file which, struct aws_error *error)
{
    char path[SHARED_CONFIG_PATH_MAX];
    struct buffer text;
    bool given, done;

    if (!find_path(which, path, sizeof path, &given)) {
        return true;
    }
    buffer_init(&text, SHARED_CONFIG_SIZE_MAX);
    if (buffer_add_file(&text, path)) {
        done = shared_config_read(config, which, path, text.data ? text.data : "", text.len, error);
    } else {
        (void)snprintf(config->files[which].path, SHARED_CONFIG_PATH_MAX, "%s", path);
        done = errno == ENOENT || errno == ENOTDIR || (errno == EACCES && !given);
        aws_error_set(error, AWS_FAILED, "%s cannot be read: %s", path, strerror(errno));
    }
    buffer_free(&text);
    return done;
}

struct shared_config *shared_config_load(struct aws_error *error)
{
    struct shared_config *config = shared_config_new();

    if (!config) {
        aws_error_set(error, AWS_FAILED, "no memory for the shared AWS configuration");
    } else if (!load_file(config, SHARED_CREDENTIALS, error) ||
               !load_file(config, SHARED_CONFIG, error)) {
        shared_config_free(config);
        config = NULL;
    }
    return config;
}

const char *shared_config_path(const struct shared_config *config, enum shared_file file)
{
    return config->files[file].path;
}

const char *shared_config_profile(const char *given)
{
    const char *profile = given ? given : getenv("AWS_PROFILE");

    return profile && *profile ? profile : "default";
}

bool shared_config_has_profile(const struct shared_config *config, const char *profile)
{
    for (size_t i = 0; i < config->count; i++) {
        if (strcmp(config->entries[i].profile, profile) == 0) {
            return true;
        }
    }
    return false;
}

const char *shared_config_get(const struct shared_config *config, enum shared_file file,
                              const char *profile, const char *name)
{
    for (size_t i = config->count; i > 0; i--) {
        const struct entry *entry = &config->entries[i - 1];
        if (entry->file == file && entry->name && strcmp(entry->profile, profile) == 0 &&
            strcasecmp(entry->name, name) == 0) {
            return *entry->value ? entry->value : NULL;
        }
    }
    return NULL;
}

const char *shared_config_find(const struct shared_config *config, const char *profile,
                               const char *name)
{
    const char *value = shared_config_get(config, SHARED_CREDENTIALS, profile, name);

    return value ? value : shared_config_get(config, SHARED_CONFIG, profile, name);
}
