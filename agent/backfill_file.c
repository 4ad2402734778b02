/* SPDX-License-Identifier: Apache-2.0 */
/* Backfill of a file, or of all files in a folder. */
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/backfill.h"
#include "agent/backfill_input.h"
#include "agent/command.h"
#include "agent/memory.h"
#include "storage/coverage.h"

struct files {
    const struct config *config;
    struct store *store;
    enum format format;
    const struct origin *group; /* NULL: not said */
    struct judge *judge;        /* of the files whose events say which stream they are of */
    struct backfill_result *result;
    struct store_error error;
};

static bool read_input(struct files *files, struct input *input, struct origin *origin)
{
    struct detector *detector = &input->detector;
    bool apart = input->form == INPUT_ROWS; /* nothing says that files of rows belong together */
    struct judge *judge = apart ? NULL : files->judge;

    if (!coverage_source(files->store, origin->identity, &origin->source, &files->error)) {
        return false;
    }
    if (!judge && !(judge = judge_new(files->config->judged, origin->format))) {
        (void)snprintf(files->error.text, sizeof files->error.text, "out of memory");
        return false;
    }
    *detector = (struct detector){ .config = files->config,
                                   .store = files->store,
                                   .origin = origin,
                                   .judge = judge,
                                   .form = files->config->output,
                                   .tally = files->result->tally };
    bool ok = input_read(input);
    files->result->events += detector->events;
    files->result->findings += detector->findings;
    files->result->new_findings += detector->new_findings;
    detect_free(detector);
    if (apart) {
        judge_free(judge);
    } else {
        files->judge = judge;
    }
    return ok;
}

/* EXIT_USAGE: it cannot be opened; EXIT_STORE: `error` says how. */
static int read_file(struct files *files, const char *path)
{
    struct lines *lines = lines_open(path);

    if (!lines) {
        log_error("%s: %s", path, strerror(errno));
        return EXIT_USAGE;
    }
    struct origin origin = origin_of_file(path, files->format);
    if (files->format == FORMAT_AUTO && files->group) {
        origin.format = files->group->format;
    }
    struct input input = { .lines = lines,
                           .form = input_form(lines),
                           .path = path,
                           .file = &origin,
                           .group = files->group,
                           .result = files->result,
                           .error = &files->error };
    bool ok = read_input(files, &input, &origin);
    lines_close(lines);
    origin_free(&origin);
    return ok ? EXIT_YES : EXIT_STORE;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Whether what stands in a folder is to be read.  What cannot be is said. */
static bool is_readable(struct files *files, const FTSENT *entry)
{
    const char *why = NULL;

    switch (entry->fts_info) {
    case FTS_F:
        return true;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        why = strerror(entry->fts_errno);
        break;
    case FTS_SLNONE:
        why = "a link to nothing";
        break;
    case FTS_DC:
        why = "a link to a folder it is in";
        break;
    case FTS_DEFAULT:
        why = "neither a file nor a folder";
        break;
    default:
        break;
    }
    if (why) {
        log_error("%s: %s", entry->fts_path, why);
        files->result->incomplete = true;
    }
    return false;
}

/* The files of a folder and of those in it, by name: in an export each is a part of one stream. One
 * that cannot be read does not keep the others from it. */
static int read_folder(struct files *files, const char *path)
{
    char *paths[] = { xstrdup(path), NULL };
    FTS *tree = fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    int status = tree ? EXIT_YES : EXIT_USAGE;
    FTSENT *entry;

    while (status == EXIT_YES && (entry = fts_read(tree))) {
        if (is_readable(files, entry) && read_file(files, entry->fts_accpath) != EXIT_YES) {
            status = *files->error.text ? EXIT_STORE : EXIT_YES;
            files->result->incomplete = true;
        }
    }
    if (!tree) {
        log_error("%s: %s", path, strerror(errno));
    } else {
        (void)fts_close(tree);
    }
    free(paths[0]);
    return status;
}

int backfill_file(const struct config *config, const struct backfill_files *asked,
                  struct backfill_result *result)
{
    struct files files = { .config = config, .format = asked->format, .result = result };
    struct origin group = { 0 };
    struct stat status;
    bool is_input = strcmp(asked->path, "-") == 0;
    int code = EXIT_STORE;

    if (!is_input && stat(asked->path, &status) != 0) {
        log_error("%s: %s", asked->path, strerror(errno));
        return EXIT_USAGE;
    }
    if (asked->group) {
        group = origin_of_log_group(asked->group, "");
        files.group = &group;
    }
    files.store =
        store_open(config->state, asked->state_given ? STORE_WRITE : STORE_TEMPORARY, &files.error);
    if (files.store && (!files.group || coverage_source(files.store, group.identity, &group.source,
                                                        &files.error))) {
        code = !is_input && S_ISDIR(status.st_mode) ? read_folder(&files, asked->path)
                                                    : read_file(&files, asked->path);
    }
    if (code == EXIT_STORE) {
        log_error("%s", files.error.text);
    }
    judge_free(files.judge);
    store_close(files.store);
    origin_free(&group);
    return code;
}
